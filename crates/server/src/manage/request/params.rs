//! Parameters of the path, the query and the headers.

use std::borrow::Cow;

use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderMap, HeaderName, Uri, header, request::Parts},
};
use novi::error::json_terms;
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    app::{
        AppState,
        extract::{FlagName, path_param},
    },
    auth::caller::Caller,
    http::{
        describe::{Input, Operation, Schemas},
        error::ApiError,
        text::short,
    },
    manage::request::integer::Int,
};

/// The query as a `T`. Unknown parameters are rejected.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => {
                let text = error.body_text();
                let cause = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                let message = in_words(cause);
                let found = found(&message, &parts.uri);
                Err(ApiError::invalid_query(&format!("{message}{found}")))
            }
        }
    }
}

/// The end of a message about a parameter, with the value that was sent. Empty if the message has it already.
fn found(message: &str, uri: &Uri) -> String {
    let Some((name, expected)) = message.split_once(": ") else { return String::new() };
    let sent = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let sent = sent.map_or_else(|_| Vec::new(), |Query(sent)| sent);
    match sent.iter().find(|(key, _)| key == name) {
        Some((_, value)) if !expected.contains(", found ") && !expected.starts_with("unknown value ") => {
            format!(", found {:?}", short(value))
        }
        _ => String::new(),
    }
}

/// The libraries' message about a parameter, in words of the API: `limit: expected a whole number`. Messages
/// that need no translation are returned unchanged.
fn in_words(cause: &str) -> Cow<'_, str> {
    let Some((name, message)) = cause.split_once(": ") else { return cause.into() };
    if message.starts_with("unknown variant ") {
        return format!("{name}: {}", json_terms::translate(message)).into();
    }
    let expected = match message {
        "invalid digit found in string" | "cannot parse integer from empty string" => "a whole number",
        "number too large to fit in target type" => "a smaller number",
        "number too small to fit in target type" => "a larger number",
        "provided string was not `true` or `false`" => "true or false",
        _ => return cause.into(),
    };
    format!("{name}: expected {expected}").into()
}

impl<T: JsonSchema> Input for Params<T> {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.query::<T>();
        operation.error(400, "The query is invalid");
    }
}

/// A flag by id or name.
#[derive(Clone, Debug)]
pub(crate) enum FlagKey {
    Id(i64),
    Name(String),
}

/// A path with the id or the name of a flag.
pub(crate) trait FlagPath: FromRequestParts<AppState, Rejection = ApiError> + Input + Send {
    fn key(self) -> FlagKey;
}

/// The parameter `id` of the path: `flags.id` or `activations.id`.
pub(crate) struct Id(pub(crate) i64);

impl FromRequestParts<AppState> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(id_param(parts, state, "id").await?))
    }
}

impl Input for Id {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.parameter("id", "path", true, "The row's id", &id_schema());
        operation.error(400, "The path is invalid");
        operation.error(404, "The row does not exist");
    }
}

impl FlagPath for Id {
    fn key(self) -> FlagKey {
        FlagKey::Id(self.0)
    }
}

impl FlagPath for FlagName {
    fn key(self) -> FlagKey {
        FlagKey::Name(self.0)
    }
}

/// The parameters `id` and `activation_id` of the path of a link.
pub(crate) struct LinkPath {
    pub(crate) flag: i64,
    pub(crate) activation: i64,
}

impl FromRequestParts<AppState> for LinkPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let flag = id_param(parts, state, "id").await?;
        Ok(Self { flag, activation: id_param(parts, state, "activation_id").await? })
    }
}

impl Input for LinkPath {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        Id::describe(operation, schemas);
        operation.parameter("activation_id", "path", true, "The activation's id", &id_schema());
    }
}

fn id_schema() -> Value {
    json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX})
}

async fn id_param(parts: &mut Parts, state: &AppState, name: &str) -> Result<i64, ApiError> {
    let value = path_param(parts, state, name).await?;
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let id = value.parse::<i64>().ok().filter(|_| digits);
    id.ok_or_else(|| ApiError::invalid_id(name, &value))
}

/// The options of an edit.
#[derive(Clone, Debug)]
pub(crate) struct EditOptions {
    /// Whether to return the plan, without writing.
    pub(crate) dry_run: bool,
    /// The reason, for the history.
    pub(crate) reason: Option<String>,
    /// The caller's name, for the history.
    pub(crate) actor: Option<String>,
}

/// The options of an edit in the query.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EditQuery {
    /// Return the plan, without writing.
    #[serde(default)]
    dry_run: bool,
    /// The reason, for the history; or the header `X-Novi-Reason`.
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

impl EditOptions {
    pub(crate) const REASON: HeaderName = HeaderName::from_static("x-novi-reason");
    pub(crate) const ACTOR: HeaderName = HeaderName::from_static("x-novi-actor");
    const LONGEST_REASON: usize = 1000;
    const LONGEST_ACTOR: usize = 255;

    fn new(query: EditQuery, parts: &Parts) -> Result<Self, ApiError> {
        let header = single_header(&parts.headers, &Self::REASON)?;
        for reason in header.iter().chain(&query.reason) {
            if reason.chars().count() > Self::LONGEST_REASON || reason.contains('\0') {
                let most = Self::LONGEST_REASON;
                let message = format!("reason: expected at most {most} characters, without NUL");
                return Err(ApiError::invalid_query(&message));
            }
        }
        let reason = header.or(query.reason).filter(|reason| !reason.trim().is_empty());
        Ok(Self { dry_run: query.dry_run, reason, actor: Self::actor(parts)? })
    }

    /// The name of the caller's token. A caller that this server trusts without a token may state a name.
    pub(crate) fn actor(parts: &Parts) -> Result<Option<String>, ApiError> {
        let stated = single_header(&parts.headers, &Self::ACTOR)?.filter(|name| !name.trim().is_empty());
        let token = parts.extensions.get::<Caller>().and_then(Caller::name);
        match (token, stated) {
            (Some(_), Some(_)) => Err(ApiError::invalid_header(&format!(
                "{}: a caller with a token has the name of the token in the history; do not send the header",
                Self::ACTOR
            ))),
            (None, Some(name)) if name.chars().count() > Self::LONGEST_ACTOR || name.contains('\0') => {
                let most = Self::LONGEST_ACTOR;
                Err(ApiError::invalid_header(&format!(
                    "{}: expected at most {most} characters, without NUL",
                    Self::ACTOR
                )))
            }
            (token, stated) => Ok(token.map(str::to_owned).or(stated)),
        }
    }
}

impl FromRequestParts<AppState> for EditOptions {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Params(query) = Params::<EditQuery>::from_request_parts(parts, state).await?;
        Self::new(query, parts)
    }
}

impl Input for EditOptions {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        Params::<EditQuery>::describe(operation, schemas);
        describe_edit(operation);
    }
}

/// What all edits have in common, except for the query.
fn describe_edit(operation: &mut Operation) {
    let schema = json!({"type": "string", "maxLength": 1000});
    operation.parameter("X-Novi-Reason", "header", false, "The reason, for the history", &schema);
    let schema = json!({"type": "string", "maxLength": 255});
    let text = "The author, for the history, from a caller without a token";
    operation.parameter("X-Novi-Actor", "header", false, text, &schema);
    operation.error(409, "The current rows do not allow the change");
    operation.error(412, "The row was modified since you read it; `conflict` has both sides");
    operation.error(422, "The change would make invalid rows; `problems` has the places");
    operation.error(501, "The server has no database for changes");
    operation.error(503, "The database is unavailable, or other transactions were in the way");
}

/// The member to remove, and the options of the edit.
pub(crate) struct MemberToRemove {
    pub(crate) member: String,
    pub(crate) options: EditOptions,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MemberQuery {
    /// The member to remove.
    member: String,
    /// Return the plan, without writing.
    #[serde(default)]
    dry_run: bool,
    /// The reason, for the history; or the header `X-Novi-Reason`.
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

impl FromRequestParts<AppState> for MemberToRemove {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Params(query) = Params::<MemberQuery>::from_request_parts(parts, state).await?;
        let MemberQuery { member, dry_run, reason } = query;
        Ok(Self { member, options: EditOptions::new(EditQuery { dry_run, reason }, parts)? })
    }
}

impl Input for MemberToRemove {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        Params::<MemberQuery>::describe(operation, schemas);
        describe_edit(operation);
    }
}

/// The row's version in the header `If-Match`, if there is one.
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl FromRequestParts<AppState> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let Some(text) = single_header(&parts.headers, &header::IF_MATCH)? else { return Ok(Self(None)) };
        let text = text.trim();
        if text == "*" {
            return Ok(Self(None));
        }
        // Proxies that compress a response make its ETag weak.
        let tag = text.strip_prefix("W/").unwrap_or(text);
        let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        match tag.and_then(|tag| tag.parse().ok()) {
            Some(version) => Ok(Self(Some(version))),
            None => {
                Err(ApiError::invalid_header("If-Match: expected the ETag of the row, such as \"4\", or *"))
            }
        }
    }
}

impl IfMatch {
    /// The version of the header, or of the body.
    ///
    /// # Errors
    /// 400 if they differ.
    pub(crate) fn or(self, body: Option<Int>) -> Result<Option<Int>, ApiError> {
        match (self.0.map(Int), body) {
            (Some(header), Some(body)) if header != body => Err(ApiError::invalid_header(&format!(
                "If-Match: expected version {}, as in the body, found {}; send only one of them",
                body.0, header.0
            ))),
            (header, body) => Ok(header.or(body)),
        }
    }
}

impl Input for IfMatch {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        let text = "The ETag of the row that you have read; if the row has changed since, nothing is written";
        let schema = json!({"type": "string", "minLength": 1, "pattern": r#"^(\*|(W/)?"[0-9]{1,18}")$"#});
        operation.parameter("If-Match", "header", false, text, &schema);
    }
}

/// The text of a header that may be sent at most once.
fn single_header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::invalid_header(&format!("{name}: expected at most one")));
    }
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(ApiError::invalid_header(&format!("{name}: expected UTF-8"))),
    }
}

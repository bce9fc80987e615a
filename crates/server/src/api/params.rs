//! What handlers take from the path, the query and the headers.

use axum::{
    extract::{FromRequestParts, Query, RawPathParams},
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::whole::Whole;
use crate::{
    access::Caller,
    error::ApiError,
    extract::FlagName,
    openapi::{Input, Operation, Schemas},
    state::AppState,
};

/// The query as a `T`, which refuses what it does not know.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => {
                let text = error.body_text();
                let cause = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                Err(ApiError::invalid_query(cause))
            }
        }
    }
}

impl<T: JsonSchema> Input for Params<T> {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.query::<T>();
        operation.refusal(400, "The query is wrong");
    }
}

/// Which flag a path names.
#[derive(Clone, Debug)]
pub(crate) enum FlagKey {
    Id(i64),
    Name(String),
}

/// A path that names a flag, by one way or the other.
pub(crate) trait NamesFlag: FromRequestParts<AppState, Rejection = ApiError> + Input + Send {
    fn key(self) -> FlagKey;
}

/// The path's `id`: `flags.id` or `activations.id`.
pub(crate) struct Id(pub(crate) i64);

impl FromRequestParts<AppState> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(number(parts, state, "id").await?))
    }
}

impl Input for Id {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.parameter("id", "path", true, "The row's id", &id_schema());
        operation.refusal(400, "The path is wrong");
        operation.refusal(404, "There is no such row");
    }
}

impl NamesFlag for Id {
    fn key(self) -> FlagKey {
        FlagKey::Id(self.0)
    }
}

impl NamesFlag for FlagName {
    fn key(self) -> FlagKey {
        FlagKey::Name(self.0)
    }
}

/// The path's `id` and `activation_id`: both ends of a link.
pub(crate) struct LinkEnds {
    pub(crate) flag: i64,
    pub(crate) activation: i64,
}

impl FromRequestParts<AppState> for LinkEnds {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let flag = number(parts, state, "id").await?;
        Ok(Self { flag, activation: number(parts, state, "activation_id").await? })
    }
}

impl Input for LinkEnds {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        Id::describe(operation, schemas);
        operation.parameter("activation_id", "path", true, "The activation's id", &id_schema());
    }
}

fn id_schema() -> serde_json::Value {
    json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": i64::MAX})
}

/// By its name, since an application may nest the router below parameters of its own.
async fn number(parts: &mut Parts, state: &AppState, name: &str) -> Result<i64, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state);
    let params = params.await.map_err(|_| ApiError::invalid_path())?;
    let value = params.iter().filter(|(param, _)| *param == name).last().map_or("", |(_, value)| value);
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let id = value.parse::<i64>().ok().filter(|_| digits);
    id.ok_or_else(|| ApiError::invalid_id(name, value))
}

/// How a change is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Writing {
    /// Only tell what it would do.
    pub(crate) dry_run: bool,
    /// Why, for the history.
    pub(crate) reason: Option<String>,
    /// Who, for the history.
    pub(crate) actor: Option<String>,
}

/// How a change is to be made, as the query tells.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WritingQuery {
    /// Only tell what it would do; nothing is written.
    #[serde(default)]
    dry_run: bool,
    /// Why, for the history; the header `X-Novi-Reason` does as well.
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

impl Writing {
    pub(crate) const REASON: HeaderName = HeaderName::from_static("x-novi-reason");
    const LONGEST_REASON: usize = 1000;

    fn of(query: WritingQuery, parts: &Parts) -> Result<Self, ApiError> {
        let header = text(&parts.headers, &Self::REASON)?;
        for reason in header.iter().chain(&query.reason) {
            if reason.chars().count() > Self::LONGEST_REASON || reason.contains('\0') {
                let most = Self::LONGEST_REASON;
                let message = format!("reason: expected at most {most} characters, without NUL");
                return Err(ApiError::invalid_query(&message));
            }
        }
        let reason = header.or(query.reason).filter(|reason| !reason.trim().is_empty());
        let actor = parts.extensions.get::<Caller>().and_then(Caller::name).map(str::to_owned);
        Ok(Self { dry_run: query.dry_run, reason, actor })
    }
}

impl FromRequestParts<AppState> for Writing {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Params(query) = Params::<WritingQuery>::from_request_parts(parts, state).await?;
        Self::of(query, parts)
    }
}

impl Input for Writing {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        Params::<WritingQuery>::describe(operation, schemas);
        describe_writing(operation);
    }
}

/// What all changes have in common, beside the query.
fn describe_writing(operation: &mut Operation) {
    let text = "Why, for the history";
    operation.parameter(
        "X-Novi-Reason",
        "header",
        false,
        text,
        &json!({"type": "string", "maxLength": 1000}),
    );
    operation.refusal(409, "The rows as they are do not allow it");
    operation.refusal(412, "Somebody else has changed the row: `conflict` has both sides");
    operation.refusal(422, "The rows that it would make are wrong; `problems` tells where");
    operation.refusal(501, "The server has no database: it answers from a file or from memory");
    operation.refusal(503, "The database does not answer");
}

/// As [`Writing`], with the member that is meant.
pub(crate) struct MemberWriting {
    pub(crate) member: String,
    pub(crate) writing: Writing,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MemberQuery {
    /// The value that is no member any more.
    member: String,
    /// Only tell what it would do; nothing is written.
    #[serde(default)]
    dry_run: bool,
    /// Why, for the history; the header `X-Novi-Reason` does as well.
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

impl FromRequestParts<AppState> for MemberWriting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Params(query) = Params::<MemberQuery>::from_request_parts(parts, state).await?;
        let MemberQuery { member, dry_run, reason } = query;
        Ok(Self { member, writing: Writing::of(WritingQuery { dry_run, reason }, parts)? })
    }
}

impl Input for MemberWriting {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        Params::<MemberQuery>::describe(operation, schemas);
        describe_writing(operation);
    }
}

/// The version of the row that the caller has seen, if the header `If-Match` tells one.
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl FromRequestParts<AppState> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        let Some(text) = text(&parts.headers, &header::IF_MATCH)? else { return Ok(Self(None)) };
        let text = text.trim();
        if text == "*" {
            return Ok(Self(None));
        }
        // Proxies that compress an answer make its tag a weak one.
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
    /// They differ.
    pub(crate) fn or(self, of_body: Option<Whole>) -> Result<Option<Whole>, ApiError> {
        match (self.0.map(Whole), of_body) {
            (Some(header), Some(body)) if header != body => Err(ApiError::invalid_header(&format!(
                "If-Match: expected the version {} that the body has, or one of both alone, found {}",
                body.0, header.0
            ))),
            (header, body) => Ok(header.or(body)),
        }
    }
}

impl Input for IfMatch {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        let text = "The ETag of the row as it was seen: if it has changed since, nothing is written";
        let schema = json!({"type": "string", "minLength": 1, "pattern": r#"^(\*|(W/)?"[0-9]{1,18}")$"#});
        operation.parameter("If-Match", "header", false, text, &schema);
    }
}

/// A header that is there once.
fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return if headers.contains_key(name) {
            Err(ApiError::invalid_header(&format!("{name}: expected it once")))
        } else {
            Ok(None)
        };
    };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(ApiError::invalid_header(&format!("{name}: expected UTF-8"))),
    }
}

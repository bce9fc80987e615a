//! `/api/tokens`: the tokens by which callers authenticate.

use axum::{
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use chrono::{DateTime, Utc};
use novi::{
    Error,
    rows::Violation,
    store::{
        NewToken, TokenRow, TokenStore,
        token::{Role, Secret},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    app::AppState,
    http::{
        describe::{Input, Operation, Schemas},
        error::ApiError,
        problem::Problem,
        reply::Reply,
    },
    manage::{
        error::store,
        request::{
            fields::nullable_time,
            json_body::JsonBody,
            params::{EditOptions, Id, Params},
        },
        response::{
            page::{Limit, paginate},
            row::Created,
        },
    },
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    limit: Option<Limit>,
    /// `next` of the previous page.
    cursor: Option<String>,
}

/// A token, without its secret.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub(crate) struct TokenView {
    id: i64,
    name: String,
    role: Role,
    /// The only user that the token may evaluate for; null for any user.
    subject: Option<String>,
    #[schemars(with = "Option<String>")]
    created_at: Option<DateTime<Utc>>,
    created_by: Option<String>,
    #[schemars(with = "Option<String>")]
    expires_at: Option<DateTime<Utc>>,
    #[schemars(with = "Option<String>")]
    revoked_at: Option<DateTime<Utc>>,
    /// When another token took its name. It works until it expires.
    #[schemars(with = "Option<String>")]
    replaced_at: Option<DateTime<Utc>>,
    /// To a minute.
    #[schemars(with = "Option<String>")]
    last_used_at: Option<DateTime<Utc>>,
}

impl From<TokenRow> for TokenView {
    fn from(row: TokenRow) -> Self {
        let TokenRow { id, name, role, subject, created_at, created_by, .. } = row;
        let TokenRow { expires_at, revoked_at, replaced_at, last_used_at, .. } = row;
        Self {
            id,
            name,
            role,
            subject,
            created_at,
            created_by,
            expires_at,
            revoked_at,
            replaced_at,
            last_used_at,
        }
    }
}

/// Tokens.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TokenPage {
    /// By id, revoked ones included.
    items: Vec<TokenView>,
    next: Option<String>,
}

/// A token to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct TokenFields {
    role: Role,
    /// The name in lists and in the history; default: the role and the start of the hash.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    name: Option<String>,
    /// The only user that the token may evaluate for.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    subject: Option<String>,
    /// When the token expires: a time in RFC 3339, or a date, which is its start in UTC.
    #[serde(default, deserialize_with = "time")]
    #[schemars(with = "Option<String>")]
    expires_at: Option<DateTime<Utc>>,
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    nullable_time(deserializer).map(Option::flatten)
}

/// A new token.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NewTokenView {
    /// The secret, which is not shown again.
    secret: String,
    token: TokenView,
}

/// Revoked tokens.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RevokedTokens {
    items: Vec<TokenView>,
}

/// The author of a change of tokens, and what such a change returns besides.
pub(crate) struct Author(Option<String>);

impl FromRequestParts<AppState> for Author {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        EditOptions::actor(parts).map(Self)
    }
}

impl Input for Author {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.error(409, "Another token has the name");
        operation.error(501, "The server has no database for tokens");
        operation.error(503, "The database is unavailable");
    }
}

pub(crate) async fn list(
    State(state): State<AppState>,
    Params(query): Params<Query>,
) -> Result<Reply<TokenPage>, ApiError> {
    let rows = tokens(&state).await?.tokens().await.map_err(|error| ApiError::from_store(&error))?;
    let (items, next) = paginate(rows, Limit::or_default(query.limit), query.cursor.as_deref())?;
    Reply::new(&TokenPage { items: items.into_iter().map(TokenView::from).collect(), next })
}

pub(crate) async fn create(
    State(state): State<AppState>,
    Author(author): Author,
    body: JsonBody<TokenFields>,
) -> Result<Created<NewTokenView>, ApiError> {
    let TokenFields { role, name, subject, expires_at } = body.valid()?;
    if let Some(time) = expires_at.filter(|time| *time <= Utc::now()) {
        let message = format!("expected a time in the future, found {}", time.to_rfc3339());
        return Err(ApiError::invalid(vec![Problem::new("/expires_at", message)]));
    }
    let store = tokens(&state).await?;
    let secret = Secret::generate(role).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut token = NewToken::of(&secret);
    if let Some(name) = name {
        token = token.name(name);
    }
    if let Some(subject) = subject {
        token = token.subject(subject);
    }
    if let Some(time) = expires_at {
        token = token.expires_at(time);
    }
    if let Some(name) = author {
        token = token.created_by(name);
    }
    let row = store.create_token(token).await.map_err(|error| create_error(&error))?;
    let location = format!("tokens/{}", row.id);
    Created::new(&NewTokenView { secret: secret.reveal().to_owned(), token: row.into() }, &location)
}

pub(crate) async fn revoke(
    State(state): State<AppState>,
    _: Author,
    Id(id): Id,
) -> Result<Reply<RevokedTokens>, ApiError> {
    let store = tokens(&state).await?;
    let rows = store.revoke_token(&id.to_string()).await.map_err(|error| ApiError::from_store(&error))?;
    if rows.is_empty() {
        return Err(ApiError::token_not_found(id));
    }
    Reply::new(&RevokedTokens { items: rows.into_iter().map(TokenView::from).collect() })
}

/// # Errors
/// 501 if there is no database, or if it has no tokens.
async fn tokens(state: &AppState) -> Result<&dyn TokenStore, ApiError> {
    store(state).await?.token_store().ok_or_else(ApiError::no_tokens)
}

/// Violations with the fields of the request.
fn create_error(error: &Error) -> ApiError {
    let Error::Constraint(violations) = error else { return ApiError::from_store(error) };
    let problem = |broken: &Violation| {
        let pointer = broken.field.as_ref().map_or_else(String::new, |field| format!("/{field}"));
        Problem::from_violation(broken, pointer)
    };
    ApiError::rejected(violations.iter().map(problem).collect())
}

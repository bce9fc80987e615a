//! What handlers take from a request.

use std::time::Duration;

use axum::{
    BoxError,
    body::{Bytes, HttpBody},
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, Uri, header, request::Parts},
};
use http_body_util::BodyExt;
use novi::Context;
use tokio::time::timeout;

use serde_json::json;

use crate::{
    error::ApiError,
    observe::Progress,
    openapi::{Input, Operation, Schemas},
    state::AppState,
    toggles::Asker,
};

/// The flag's name: the rest of the path, with its %-escapes read.
pub(crate) struct FlagName(pub(crate) String);

impl FromRequestParts<AppState> for FlagName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        // By its name, since an application may nest the router below parameters of its own.
        let params = RawPathParams::from_request_parts(parts, state);
        let params = params.await.map_err(|_| ApiError::invalid_path())?;
        let name = params.iter().filter(|(param, _)| *param == "name").last();
        Ok(Self(name.map(|(_, value)| value.to_owned()).unwrap_or_default()))
    }
}

impl Input for FlagName {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        let text = "The flag's name, with its %-escapes; slashes need none";
        operation.parameter("name", "path", true, text, &json!({"type": "string"}));
    }
}

/// The context that the body holds.
pub(crate) struct CallerContext(pub(crate) Context<'static>);

impl CallerContext {
    /// Attributes are looked up by walking a list, once for each activation: a body's worth of them, times as many
    /// activations as a database may hold, would be seconds.
    pub(crate) const MOST_ATTRIBUTES: usize = 1000;

    fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(ApiError::body_not_utf8)?;
        if matches!(text.trim_matches([' ', '\t', '\n', '\r']), "" | "null") {
            return Ok(Self(Context::new()));
        }
        let context = Context::from_json(text).map_err(|error| ApiError::body_not_context(&error))?;
        if context.len() > Self::MOST_ATTRIBUTES {
            return Err(ApiError::too_many_attributes(context.len(), Self::MOST_ATTRIBUTES));
        }
        Ok(Self(context))
    }
}

impl FromRequest<AppState> for CallerContext {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if is_encoded(&parts.headers) {
            return Err(ApiError::content_encoding());
        }
        let progress = parts.extensions.get::<Progress>().cloned().unwrap_or_default();
        progress.reading(true);
        let bytes = read(body, &parts.headers, state.options().body_limit).await?;
        progress.reading(false);
        let context = Self::parse(&bytes)?;
        if let Some(asker) = parts.extensions.get::<Asker>() {
            asker.is(&context.0);
        }
        Ok(context)
    }
}

impl Input for CallerContext {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        let schema = json!({"type": ["object", "null"], "additionalProperties": true});
        operation.body(false, "What is known of the caller: attributes by name", &schema);
    }
}

/// # Errors
/// The target of the request is too long.
pub(crate) fn check_url(uri: &Uri, limit: usize) -> Result<(), ApiError> {
    let length = uri.path().len() + uri.query().map_or(0, str::len);
    if length > limit { Err(ApiError::url_too_long(limit)) } else { Ok(()) }
}

/// Bodies are taken as they are: unpacking one would need a limit of its own.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    let identity = |value: &[u8]| value.is_empty() || value.eq_ignore_ascii_case(b"identity");
    headers.get_all(header::CONTENT_ENCODING).iter().any(|value| !identity(value.as_bytes()))
}

/// The body, if it is not too large.
pub(crate) async fn read<B>(mut body: B, headers: &HeaderMap, limit: usize) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let declared = body.size_hint().lower();
    if usize::try_from(declared).map_or(true, |declared| declared > limit) {
        // A client that waits for leave to send is told first, and sends nothing.
        if !headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return Err(ApiError::body_too_large(limit));
    }
    // Most bodies come in one piece, which is taken as it is.
    let mut first = Bytes::new();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::body_incomplete(&error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len().max(first.len()).saturating_add(data.len()) > limit {
            drop((first, bytes));
            discard(body).await;
            return Err(ApiError::body_too_large(limit));
        }
        if first.is_empty() && bytes.is_empty() {
            first = data;
            continue;
        }
        if bytes.is_empty() {
            bytes.extend_from_slice(&first);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(if bytes.is_empty() { first } else { bytes.into() })
}

/// Reads on without keeping anything. Closing a connection on which bytes still arrive resets it, and the client, busy
/// with sending, would not see its answer. Only so much is read, for only so long: the rest is the client's loss.
async fn discard<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) {
    const MOST_BYTES: usize = 64 * 1024 * 1024;
    const LONGEST: Duration = Duration::from_secs(2);
    let read_on = async {
        let mut seen = 0_usize;
        while let Some(Ok(frame)) = body.frame().await {
            seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if seen > MOST_BYTES {
                break;
            }
        }
    };
    // Either end of it leads to the same answer.
    timeout(LONGEST, read_on).await.unwrap_or_default();
}

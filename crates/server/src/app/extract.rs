//! Extractors, and how bodies are read.

use std::time::Duration;

use axum::{
    BoxError,
    body::{Bytes, HttpBody},
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{HeaderMap, Uri, header, request::Parts},
};
use http_body_util::BodyExt;
use novi::Context;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use tokio::time::timeout;

use crate::{
    app::{AppState, context_slot::ContextSlot, progress::Progress},
    http::{
        describe::{Input, Operation, Schemas},
        error::ApiError,
    },
    options::Options,
};

/// The flag's name: the rest of the path, percent-decoded.
pub(crate) struct FlagName(pub(crate) String);

impl FromRequestParts<AppState> for FlagName {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self(path_param(parts, state, "name").await?))
    }
}

impl Input for FlagName {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        let text = "The flag's name, percent-encoded; slashes may stay as they are";
        operation.parameter("name", "path", true, text, &json!({"type": "string"}));
    }
}

/// The value of a parameter of the path. The last one of that name counts: an application may nest the router
/// below parameters of its own.
pub(crate) async fn path_param(parts: &mut Parts, state: &AppState, name: &str) -> Result<String, ApiError> {
    let params = RawPathParams::from_request_parts(parts, state);
    let params = params.await.map_err(|_| ApiError::invalid_path())?;
    let found = params.iter().filter(|(param, _)| *param == name).last();
    Ok(found.map(|(_, value)| value.to_owned()).unwrap_or_default())
}

/// The context in the body.
pub(crate) struct CallerContext(pub(crate) Context<'static>);

impl CallerContext {
    fn parse(body: &[u8], options: &Options) -> Result<Self, ApiError> {
        check_length(body.len(), options)?;
        let text = std::str::from_utf8(body).map_err(ApiError::body_not_utf8)?;
        if matches!(text.trim_matches([' ', '\t', '\n', '\r']), "" | "null") {
            return Ok(Self(Context::new()));
        }
        // As OFREP has it: the context is the only field of an object.
        let text = match serde_json::from_str::<Wrapped<'_>>(text) {
            Ok(Wrapped { context }) if context.get().starts_with('{') => context.get(),
            _ => text,
        };
        let context = Context::from_json(text).map_err(|error| ApiError::body_not_context(text, &error))?;
        check_values(&context, options).map_err(|message| ApiError::invalid_body(&message))?;
        Ok(Self(context))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    #[serde(borrow)]
    context: &'a RawValue,
}

/// Each condition may read the whole context, so that without a limit one request could take minutes.
///
/// # Errors
/// 413 if the JSON of a context is too long.
pub(crate) fn check_length(length: usize, options: &Options) -> Result<(), ApiError> {
    let limit = options.context_limit;
    if length > limit { Err(ApiError::context_too_large(limit)) } else { Ok(()) }
}

/// # Errors
/// What is wrong if a context has too many values.
pub(crate) fn check_values(context: &Context<'_>, options: &Options) -> Result<(), String> {
    let (most, found) = (options.context_values, context.count_values());
    if found > most { Err(format!("expected at most {most} values, found {found}")) } else { Ok(()) }
}

impl FromRequest<AppState> for CallerContext {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        check_encoding(&parts.headers)?;
        let progress = parts.extensions.get::<Progress>().cloned().unwrap_or_default();
        let bytes = read_body(body, &parts.headers, state.options().body_limit, &progress).await?;
        let context = Self::parse(&bytes, state.options())?;
        if let Some(slot) = parts.extensions.get::<ContextSlot>() {
            slot.set(&context.0);
        }
        Ok(context)
    }
}

impl Input for CallerContext {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        let schema = json!({"type": ["object", "null"], "additionalProperties": true});
        operation.body(
            false,
            "The context: the caller's attributes by name, or an object whose only field is `context`",
            &schema,
        );
    }
}

/// # Errors
/// 414 if path and query are longer than `limit`.
pub(crate) fn check_url(uri: &Uri, limit: usize) -> Result<(), ApiError> {
    let length = uri.path().len() + uri.query().map_or(0, str::len);
    if length > limit { Err(ApiError::url_too_long(limit)) } else { Ok(()) }
}

/// Whether the header `content-type` says JSON, or is absent.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let value = value.as_bytes();
    let essence = value.split(|byte| *byte == b';').next().unwrap_or(value);
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Whether the header `content-type` is there and says JSON. Pages of other sites can send bodies without one, or with
/// another type than JSON, and need no permission for it.
pub(crate) fn declares_json(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_TYPE) && is_json(headers)
}

/// # Errors
/// 415 if the body is compressed: decompressing would need a limit of its own.
pub(crate) fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let identity = |value: &[u8]| value.is_empty() || value.eq_ignore_ascii_case(b"identity");
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.all(|value| identity(value.as_bytes())) { Ok(()) } else { Err(ApiError::content_encoding()) }
}

/// The whole body of a request that declares JSON.
///
/// # Errors
/// 415 if the body is compressed or not declared as JSON, and those of [`read_body`].
pub(crate) async fn read_json(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    check_encoding(&parts.headers)?;
    if !declares_json(&parts.headers) {
        return Err(ApiError::media_type());
    }
    let progress = parts.extensions.get::<Progress>().cloned().unwrap_or_default();
    read_body(body, &parts.headers, limit, &progress).await
}

/// The whole body.
///
/// # Errors
/// 413 if it is larger than `limit`, 400 if it is incomplete.
pub(crate) async fn read_body<B>(
    body: B,
    headers: &HeaderMap,
    limit: usize,
    progress: &Progress,
) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    progress.set_reading(true);
    let bytes = collect(body, headers, limit).await;
    progress.set_reading(false);
    bytes
}

async fn collect<B>(mut body: B, headers: &HeaderMap, limit: usize) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let declared = body.size_hint().lower();
    if usize::try_from(declared).map_or(true, |declared| declared > limit) {
        // A client that waits for `100 Continue` has sent nothing yet.
        if !headers.contains_key(header::EXPECT) {
            discard(body).await;
        }
        return Err(ApiError::body_too_large(limit));
    }
    // Most bodies arrive in one frame, which is returned without a copy.
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

/// Reads the rest of a body and drops it. Closing a connection while bytes still arrive resets it, and a
/// client that is still sending would not see its response. Bytes and time are limited; a client beyond both
/// limits is reset.
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
    // The response is the same whether the time was enough or not.
    timeout(LONGEST, read_on).await.unwrap_or_default();
}

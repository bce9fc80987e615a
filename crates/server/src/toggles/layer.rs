//! The layer that adds the flags to each request of an application.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use axum::http::{HeaderName, HeaderValue, Request, Response, header, request::Parts};
use chrono::Utc;
use novi::{Context, Flags, context::TARGETING_KEY, overrides::RequestOverrides, store::token::Role};
use tower::{Layer, Service};

use crate::{
    auth::credentials::{Credential, credential},
    http::error::ApiError,
    options::{signing::SigningKey, toggles_header::TogglesHeader},
    toggles::{
        enabled_header::add_enabled_header, error::ToggleError, parse::parse, request_flags::RequestFlags,
        signature::Trust,
    },
    tokens::{Tokens, token::Token},
};

type AddContext = dyn Fn(&Parts, &mut Context<'static>) + Send + Sync;
type TrustRequest = dyn Fn(&Parts) -> bool + Send + Sync;

/// Adds the flags to each request of an application: a snapshot, the caller's context, and the overrides in
/// the header `X-Novi-Feature-Toggles`. They apply to [`RequestFlags`], to guarded functions and to the
/// [current context](novi::context::current). The response lists the flags that are on in
/// `X-Novi-Feature-Toggles-Enabled`.
///
/// ```
/// use axum::{Router, routing::get};
/// use novi::{Flags, rows::{FlagRow, Rows}};
/// use novi_server::{RequestFlags, RequestToggles};
/// # use axum::{body::Body, http::Request};
/// # use tower::ServiceExt;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let flags = Flags::from_rows(Rows { flags: vec![FlagRow::new(1, "new-foo", false)], ..Rows::default() })?;
/// let toggles = RequestToggles::new(flags)
///     .context_header("x-user-id", "targetingKey")
///     .trust(|request| request.headers.get("x-internal").is_some());
/// let app: Router = Router::new()
///     .route("/", get(async |flags: RequestFlags| if flags.is_enabled("new-foo") { "new" } else { "old" }))
///     .layer(toggles);
/// # let request = Request::get("/").header("x-novi-feature-toggles", "new-foo=on").header("x-internal", "1");
/// # let response = app.oneshot(request.body(Body::empty())?).await?;
/// # assert_eq!(response.headers()["x-novi-feature-toggles-enabled"], "new-foo");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An invalid list is rejected with 400, and a caller that may not override flags with 403, both as JSON.
#[derive(Clone)]
#[must_use]
pub struct RequestToggles {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    flags: Flags,
    header: TogglesHeader,
    /// Headers with attributes of the context.
    context_headers: Vec<(HeaderName, String)>,
    add_context: Option<Arc<AddContext>>,
    trust: Option<Arc<TrustRequest>>,
    key: Option<SigningKey>,
    query: Option<String>,
    tokens: Option<Tokens>,
}

impl RequestToggles {
    /// A layer for these flags. No request may override any until [`trust`](Self::trust),
    /// [`tokens`](Self::tokens) or [`signing_key`](Self::signing_key) is set.
    pub fn new(flags: Flags) -> Self {
        Self {
            inner: Arc::new(Inner {
                flags,
                header: TogglesHeader::default(),
                context_headers: Vec::new(),
                add_context: None,
                trust: None,
                key: None,
                query: None,
                tokens: None,
            }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// Sets another header for requests. The header of responses has the same name and `-Enabled`. An invalid
    /// name changes nothing.
    pub fn header(self, name: &str) -> Self {
        self.with(|inner| {
            if let Some(header) = TogglesHeader::new(name) {
                inner.header = header;
            }
        })
    }

    /// Adds the text of a header to the context, such as `x-user-id` as `targetingKey`. Only for headers that
    /// clients cannot set, such as those of a proxy.
    pub fn context_header(self, header: &'static str, attribute: impl Into<String>) -> Self {
        self.with(|inner| inner.context_headers.push((HeaderName::from_static(header), attribute.into())))
    }

    /// A function that adds attributes to the context, such as those of the session.
    pub fn context(self, add: impl Fn(&Parts, &mut Context<'static>) + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.add_context = Some(Arc::new(add)))
    }

    /// novi's own tokens. The subject of a token becomes the `targetingKey`, and a token with the role
    /// `server` or `admin` may override flags. An invalid token is ignored here: the application authorizes
    /// its requests.
    pub fn tokens(self, tokens: Tokens) -> Self {
        self.with(|inner| inner.tokens = Some(tokens))
    }

    /// A function that decides which requests may override flags.
    pub fn trust(self, trust: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.trust = Some(Arc::new(trust)))
    }

    /// The key of signed lists, which every caller may send; see [`SigningKey::sign_toggles`].
    pub fn signing_key(self, key: SigningKey) -> Self {
        self.with(|inner| inner.key = Some(key))
    }

    /// A parameter of the query in place of the header, for links to testers. Its list must be signed.
    pub fn query_parameter(self, name: impl Into<String>) -> Self {
        self.with(|inner| inner.query = Some(name.into()))
    }
}

impl fmt::Debug for RequestToggles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestToggles").field("header", &self.inner.header.request).finish_non_exhaustive()
    }
}

impl Inner {
    fn request_flags(&self, parts: &mut Parts) -> Result<RequestFlags, ToggleError> {
        let snapshot = self.flags.snapshot();
        let mut context = Context::new();
        let token = self.token(parts);
        if let Some(subject) = token.as_ref().and_then(|token| token.subject.clone()) {
            context.insert(TARGETING_KEY, subject);
        }
        for (header, attribute) in &self.context_headers {
            if let Some(Ok(text)) =
                parts.headers.get(header).map(|value| std::str::from_utf8(value.as_bytes()))
            {
                context.insert(attribute.clone(), text.to_owned());
            }
        }
        if let Some(add) = &self.add_context {
            add(parts, &mut context);
        }
        let has_role = token.is_some_and(|token| token.role >= Role::Server);
        let overrides = self.overrides(parts, &snapshot, has_role)?;
        Ok(RequestFlags { snapshot, context: Arc::new(context), overrides })
    }

    fn token(&self, parts: &Parts) -> Option<Arc<Token>> {
        let Credential::Token(secret) = credential(&parts.headers) else { return None };
        self.tokens.as_ref()?.authenticate(secret, Utc::now()).ok()
    }

    fn overrides(
        &self,
        parts: &Parts,
        snapshot: &novi::snapshot::Snapshot,
        has_role: bool,
    ) -> Result<RequestOverrides, ToggleError> {
        let key = self.key.as_ref();
        let header = &self.header.request;
        if parts.headers.contains_key(header) {
            let caller = has_role || self.trust.as_ref().is_some_and(|trust| trust(parts));
            return Ok(parse(&parts.headers, header, snapshot, Trust { caller, key })?.unwrap_or_default());
        }
        let Some(text) = self.query.as_ref().and_then(|name| parameter(parts.uri.query()?, name)) else {
            return Ok(RequestOverrides::default());
        };
        let value = HeaderValue::try_from(text).map_err(|_| {
            ToggleError::Invalid("toggles in the query: expected text without control characters".to_owned())
        })?;
        let headers = [(header.clone(), value)].into_iter().collect();
        Ok(parse(&headers, header, snapshot, Trust { caller: false, key })?.unwrap_or_default())
    }
}

/// The percent-decoded value of a parameter of a query.
fn parameter(query: &str, name: &str) -> Option<String> {
    let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    let decoded = percent_encoding::percent_decode_str(found.1).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

impl<S> Layer<S> for RequestToggles {
    type Service = RequestTogglesService<S>;

    fn layer(&self, service: S) -> Self::Service {
        RequestTogglesService { service, toggles: self.clone() }
    }
}

/// The service of the layer [`RequestToggles`].
#[derive(Clone, Debug)]
pub struct RequestTogglesService<S> {
    service: S,
    toggles: RequestToggles,
}

impl<S, B, R> Service<Request<B>> for RequestTogglesService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: From<String> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.toggles.inner);
        let (mut parts, body) = request.into_parts();
        let flags = match inner.request_flags(&mut parts) {
            Ok(flags) => flags,
            Err(error) => {
                let response = error_response(error, &parts);
                return Box::pin(std::future::ready(Ok(response)));
            }
        };
        parts.extensions.insert(flags.clone());
        // The service is called within the scopes, too: it may evaluate flags before it returns its future.
        let RequestFlags { snapshot, context, overrides } = flags;
        let called = overrides.within(|| {
            novi::context::sync_scope(Context::clone(&context), || {
                self.service.call(Request::from_parts(parts, body))
            })
        });
        Box::pin(async move {
            let answered = overrides.around(novi::context::scope(Context::clone(&context), called)).await;
            answered.map(|mut response| {
                let name = &inner.header.response;
                // The application decides who sees what.
                add_enabled_header(response.headers_mut(), name, &snapshot, &context, &overrides, |_| true);
                response
            })
        })
    }
}

fn error_response<R: From<String>>(error: ToggleError, parts: &Parts) -> Response<R> {
    let id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let error = ApiError::from(error);
    let body = serde_json::to_string(&error.body(id)).unwrap_or_default();
    let mut response = Response::new(R::from(body));
    *response.status_mut() = error.status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

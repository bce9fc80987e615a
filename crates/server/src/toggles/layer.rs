//! The layer that gives each request its flags.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header, request::Parts};
use chrono::Utc;
use novi::{Context, Flags, RequestOverrides, TARGETING_KEY};
use tower::{Layer, Service};

use super::{
    RequestFlags, ToggleError, Trust, add_echo,
    list::{Names, names, read},
};
use crate::{
    access::{Presented, Role, presented},
    error::Envelope,
    signing::SigningKey,
    tokens::{Token, Tokens},
};

type ContextOf = dyn Fn(&Parts, &mut Context<'static>) + Send + Sync;
type Trusts = dyn Fn(&Parts) -> bool + Send + Sync;

/// Gives each request of an application its flags: a snapshot, the caller's context, and the toggles of the header
/// `X-Novi-Feature-Toggles`, for [`RequestFlags`] as well as for guarded functions and the [current
/// context](novi::current_context). The answer says in `X-Novi-Feature-Toggles-Enabled` which flags are on.
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
/// A list that is wrong is answered with 400, one whose sender may not override flags with 403, both as JSON.
#[derive(Clone)]
#[must_use]
pub struct RequestToggles {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    flags: Flags,
    names: Names,
    /// Headers that are attributes.
    headers: Vec<(HeaderName, String)>,
    context: Option<Arc<ContextOf>>,
    trusts: Option<Arc<Trusts>>,
    key: Option<SigningKey>,
    query: Option<String>,
    tokens: Option<Tokens>,
}

impl RequestToggles {
    /// The flags of requests. Nobody may override any until [`trust`](Self::trust) or [`signing_key`](Self::signing_key) says
    /// who may.
    pub fn new(flags: Flags) -> Self {
        let names = Names::default();
        let (headers, context, trusts, key, query, tokens) = (Vec::new(), None, None, None, None, None);
        Self { inner: Arc::new(Inner { flags, names, headers, context, trusts, key, query, tokens }) }
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.inner));
        self
    }

    /// Another header of requests; that of answers has its name and `-Enabled`. A name that is no header's changes nothing.
    pub fn header(self, name: &str) -> Self {
        self.with(|inner| {
            if let Some(names) = names(name) {
                inner.names = names;
            }
        })
    }

    /// A header of requests whose text is an attribute of the context, such as `x-user-id` for `targetingKey`. Only for
    /// headers that clients can not set, as those of a proxy in front.
    pub fn context_header(self, header: &'static str, attribute: impl Into<String>) -> Self {
        self.with(|inner| inner.headers.push((HeaderName::from_static(header), attribute.into())))
    }

    /// What else is known of the caller: a function that adds attributes, such as those of the session.
    pub fn context(self, add: impl Fn(&Parts, &mut Context<'static>) + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.context = Some(Arc::new(add)))
    }

    /// novi's own tokens: the subject of one is the `targetingKey` of its holder's requests, and who holds one of the role `server`
    /// or `admin` may override flags. Whatever else authorizes a request is the application's business.
    pub fn tokens(self, tokens: Tokens) -> Self {
        self.with(|inner| inner.tokens = Some(tokens))
    }

    /// Whose requests may override flags.
    pub fn trust(self, trusts: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.trusts = Some(Arc::new(trusts)))
    }

    /// Whoever sends a list that is signed with this key may override flags as it says;
    /// see [`SigningKey::sign_toggles`].
    pub fn signing_key(self, key: SigningKey) -> Self {
        self.with(|inner| inner.key = Some(key))
    }

    /// A parameter of the query that stands for the header, for links to testers; only with a signature, whoever follows the
    /// link.
    pub fn query_parameter(self, name: impl Into<String>) -> Self {
        self.with(|inner| inner.query = Some(name.into()))
    }
}

impl fmt::Debug for RequestToggles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestToggles").field("header", &self.inner.names.asks).finish_non_exhaustive()
    }
}

impl Inner {
    fn flags_of(&self, parts: &mut Parts) -> Result<RequestFlags, ToggleError> {
        let snapshot = self.flags.snapshot();
        let mut context = Context::new();
        let token = self.token_of(parts);
        if let Some(subject) = token.as_ref().and_then(|token| token.subject.clone()) {
            context.insert(TARGETING_KEY, subject);
        }
        for (header, attribute) in &self.headers {
            if let Some(Ok(text)) =
                parts.headers.get(header).map(|value| std::str::from_utf8(value.as_bytes()))
            {
                context.insert(attribute.clone(), text.to_owned());
            }
        }
        if let Some(add) = &self.context {
            add(parts, &mut context);
        }
        let staff = token.is_some_and(|token| token.role >= Role::Server);
        let overrides = self.overrides_of(parts, &snapshot, staff)?;
        Ok(RequestFlags { snapshot, context: Arc::new(context), overrides })
    }

    fn token_of(&self, parts: &Parts) -> Option<Arc<Token>> {
        let Presented::Token(text) = presented(&parts.headers) else { return None };
        self.tokens.as_ref()?.authenticate(text, Utc::now()).ok()
    }

    fn overrides_of(
        &self,
        parts: &Parts,
        snapshot: &novi::Snapshot,
        staff: bool,
    ) -> Result<RequestOverrides, ToggleError> {
        let key = self.key.as_ref();
        if parts.headers.contains_key(&self.names.asks) {
            let all = staff || self.trusts.as_ref().is_some_and(|trusts| trusts(parts));
            let read = read(&parts.headers, &self.names.asks, snapshot, Trust { all, key })?;
            return Ok(read.unwrap_or_default());
        }
        let Some(text) = self.query.as_ref().and_then(|name| parameter(parts.uri.query()?, name)) else {
            return Ok(RequestOverrides::default());
        };
        let value = HeaderValue::try_from(text)
            .map_err(|_| ToggleError::Invalid("the toggles of the query: expected text".to_owned()))?;
        let headers = [(self.names.asks.clone(), value)].into_iter().collect();
        Ok(read(&headers, &self.names.asks, snapshot, Trust { all: false, key })?.unwrap_or_default())
    }
}

/// The value of a parameter of a query, with its %-escapes read.
fn parameter(query: &str, name: &str) -> Option<String> {
    let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name)?;
    let decoded = percent_encoding::percent_decode_str(found.1).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

impl<S> Layer<S> for RequestToggles {
    type Service = RequestTogglesService<S>;

    fn layer(&self, service: S) -> Self::Service {
        RequestTogglesService { service, toggles: self.clone() }
    }
}

/// What [`RequestToggles`] makes of a service.
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
        let flags = match inner.flags_of(&mut parts) {
            Ok(flags) => flags,
            Err(error) => {
                let response = refused(&error, &parts);
                return Box::pin(std::future::ready(Ok(response)));
            }
        };
        parts.extensions.insert(flags.clone());
        // Made inside, so that what a service does when it is called finds them, too.
        let RequestFlags { snapshot, context, overrides } = flags;
        let called = overrides.within(|| {
            novi::with_context(Context::clone(&context), || {
                self.service.call(Request::from_parts(parts, body))
            })
        });
        Box::pin(async move {
            let answered = overrides.around(novi::in_context(Context::clone(&context), called)).await;
            answered.map(|mut response| {
                add_echo(response.headers_mut(), &inner.names.tells, &snapshot, &context, &overrides);
                response
            })
        })
    }
}

/// The answer to a request whose list is refused.
fn refused<R: From<String>>(error: &ToggleError, parts: &Parts) -> Response<R> {
    let id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let refusal = crate::error::ApiError::of_toggles(error);
    let body = serde_json::to_string(&Envelope { error: refusal.told(id) }).unwrap_or_default();
    let mut response = Response::new(R::from(body));
    *response.status_mut() = match error {
        ToggleError::Invalid(_) => StatusCode::BAD_REQUEST,
        ToggleError::Forbidden(_) => StatusCode::FORBIDDEN,
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

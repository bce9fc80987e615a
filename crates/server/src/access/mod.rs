//! Who may call what.

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::{IntoResponse, Response},
};

use novi::{Decision, Snapshot};

use crate::{
    error::ApiError,
    openapi::{Input, Operation, Schemas},
    peer::Peer,
    state::AppState,
    toggles::{self, Asker, Trust},
};

/// What a caller may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Evaluate flags that are exposed.
    Client,
    /// Evaluate any flag for anybody, and read the flags.
    Server,
    /// Change flags.
    Admin,
}

impl Role {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Admin => "admin",
        }
    }
}

/// Who may call an endpoint: each declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Public,
    /// Anybody, and whoever gives a token is taken for its holder: a token that is unknown is refused.
    Optional,
    /// Holders of a token with this role or a higher one.
    Needs(Role),
}

/// Who calls.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "read by what is to come")]
pub(crate) struct Caller {
    /// Nothing for nobody in particular.
    pub(crate) role: Option<Role>,
    /// Whom the token stands for.
    pub(crate) subject: Option<String>,
    /// What the history calls the caller.
    pub(crate) name: Option<String>,
}

impl Caller {
    /// Whether the caller may override flags for a request.
    pub(crate) fn trust<'a>(&self, state: &'a AppState) -> Trust<'a> {
        let all = self.role.is_some_and(|role| role >= Role::Server);
        Trust { all, key: state.options().signing_key.as_ref() }
    }

    /// Whether the caller may know of the flag.
    #[expect(clippy::unused_self, reason = "until flags are exposed")]
    pub(crate) fn may_see(&self, _decision: &Decision<&Snapshot>) -> bool {
        true
    }
}

impl Input for axum::Extension<Caller> {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

/// Takes who calls from the token, and refuses who may not.
#[expect(clippy::unnecessary_wraps, reason = "tokens will refuse")]
pub(crate) fn admit(
    _state: &AppState,
    _headers: &HeaderMap,
    _peer: Option<Peer>,
    _access: Access,
) -> Result<Caller, ApiError> {
    // Whoever mounts the router guards it.
    Ok(Caller { role: Some(Role::Admin), subject: None, name: None })
}

/// Lets a request pass to its endpoint, with its [`Caller`] and its toggles.
pub(crate) async fn guard(
    State((state, access)): State<(AppState, Access)>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get().copied();
    let caller = match admit(&state, request.headers(), peer, access) {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    toggled(&state, caller, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// Runs the endpoint with the overrides of the request, if it has any.
async fn toggled(
    state: &AppState,
    caller: Caller,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let names = &state.options().toggles_header.0;
    let snapshot = state.flags().snapshot();
    let read = toggles::read(request.headers(), &names.asks, &snapshot, caller.trust(state));
    request.extensions_mut().insert(caller);
    let Some(overrides) = read.map_err(|error| ApiError::of_toggles(&error))? else {
        drop(snapshot);
        return Ok(next.run(request).await);
    };
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let mut response = overrides.around(next.run(request)).await;
    if let Some(context) = asker.context() {
        toggles::add_echo(response.headers_mut(), &names.tells, &snapshot, context, &overrides);
    }
    Ok(response)
}

//! Who may call what.

mod address;
mod guesses;
mod presented;
mod rates;

use std::{iter, sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;
pub(crate) use novi::token::Role;
use novi::{Context, Decision, Flags, Snapshot, TARGETING_KEY, Value};

pub(crate) use self::presented::{Presented, presented};
use self::{
    guesses::Guesses,
    rates::{Rates, Who},
};
use crate::{
    error::ApiError,
    openapi::{Input, Operation, Schemas},
    peer::Peer,
    state::AppState,
    toggles::{self, Asker, Trust},
    tokens::{Refusal, Token},
};

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
pub(crate) struct Caller {
    /// Nothing for nobody in particular.
    role: Option<Role>,
    token: Option<Arc<Token>>,
}

impl Caller {
    const NOBODY: Self = Self { role: None, token: None };

    /// Somebody who may do all: on this computer, or as who mounts the router sees to it.
    const TRUSTED: Self = Self { role: Some(Role::Admin), token: None };

    fn of(token: Arc<Token>) -> Self {
        Self { role: Some(token.role), token: Some(token) }
    }

    /// Whom the token stands for.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.token.as_ref()?.subject.as_deref()
    }

    /// The id of the token.
    pub(crate) fn token_id(&self) -> Option<i64> {
        self.token.as_ref().map(|token| token.id)
    }

    /// What the history calls the caller.
    pub(crate) fn name(&self) -> Option<&str> {
        self.token.as_ref().map(|token| &*token.name)
    }

    /// Whether the caller may override flags for a request.
    pub(crate) fn trust<'a>(&self, state: &'a AppState) -> Trust<'a> {
        Trust { all: self.sees_all(), key: state.options().signing_key.as_ref() }
    }

    /// Whether the caller may know of the flag.
    pub(crate) fn may_see(&self, decision: &Decision<&Snapshot>) -> bool {
        self.sees_all() || decision.exposed()
    }

    /// The context of a question that the caller may ask: the holder of a client's token with a subject asks for that one alone.
    pub(crate) fn asks<'a>(&self, mut context: Context<'a>, flags: &Flags) -> Result<Context<'a>, ApiError> {
        let Some(subject) = self.subject().filter(|_| !self.sees_all()) else { return Ok(context) };
        for name in iter::once(TARGETING_KEY).chain(flags.identity_names()) {
            let is_another = match context.get(name) {
                None | Some(Value::Null) => false,
                Some(Value::Str(text)) => *text != subject,
                Some(Value::Int(number)) => number.to_string() != subject,
                Some(_) => true,
            };
            if is_another {
                return Err(ApiError::forbidden(format!(
                    "context.{name}: the token stands for another user, and evaluates for nobody else"
                )));
            }
        }
        context.insert(TARGETING_KEY, subject.to_owned());
        Ok(context)
    }

    fn sees_all(&self) -> bool {
        self.role.is_some_and(|role| role >= Role::Server)
    }
}

impl Input for axum::Extension<Caller> {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

/// What is counted of callers.
#[derive(Default)]
pub(crate) struct Counts {
    guesses: Guesses,
    rates: Rates,
}

/// Takes who calls from the token, and refuses who may not.
pub(crate) fn admit(
    state: &AppState,
    headers: &HeaderMap,
    peer: Option<Peer>,
    access: Access,
) -> Result<Caller, ApiError> {
    if access == Access::Public {
        return Ok(Caller::NOBODY);
    }
    let caller = identify(state, headers, peer, access)?;
    let Access::Needs(needed) = access else { return Ok(caller) };
    match caller.role {
        Some(role) if role >= needed => Ok(caller),
        Some(role) => {
            Err(ApiError::forbidden(format!("the token has the role {role}, and this needs {needed}")))
        }
        None => Err(ApiError::unauthorized(
            "this needs a token: send it as `Authorization: Bearer TOKEN`, or as `X-API-Key: TOKEN`",
        )),
    }
}

fn identify(
    state: &AppState,
    headers: &HeaderMap,
    peer: Option<Peer>,
    access: Access,
) -> Result<Caller, ApiError> {
    let options = state.options();
    // Without tokens whoever mounts the router guards it.
    let caller = match &options.tokens {
        None => Caller::TRUSTED,
        Some(tokens) => match presented(headers) {
            Presented::Token(text) => match tokens.authenticate(text, Utc::now()) {
                Ok(token) => Caller::of(token),
                Err(refusal) => refused(state, headers, peer, access, refusal)?,
            },
            Presented::Nonsense => refused(state, headers, peer, access, Refusal::Unknown)?,
            Presented::Nothing if !options.open => Caller::NOBODY,
            Presented::Nothing => match tokens.made() {
                Some(false) => Caller::TRUSTED,
                None if access != Access::Optional => return Err(ApiError::tokens_not_known()),
                Some(true) | None => Caller::NOBODY,
            },
        },
    };
    if options.rate_limit > 0 {
        let who = match &caller.token {
            Some(token) => Who::Token(token.id),
            None => Who::Address(network_of(state, headers, peer)),
        };
        if let Some(seconds) = state.counts().rates.called(who, options.rate_limit, Instant::now()) {
            let message = format!("more than {} requests a second", options.rate_limit);
            return Err(ApiError::too_many_requests(message, seconds));
        }
    }
    Ok(caller)
}

/// What is answered to what lets nobody in: the same whether it once was a token, or never. Where none is needed who has a bad one
/// may be taken for nobody.
fn refused(
    state: &AppState,
    headers: &HeaderMap,
    peer: Option<Peer>,
    access: Access,
    refusal: Refusal,
) -> Result<Caller, ApiError> {
    match refusal {
        Refusal::NotKnownYet => return Err(ApiError::tokens_not_known()),
        Refusal::Unknown => {
            let address = network_of(state, headers, peer);
            let guess = presented(headers).fingerprint();
            let limit = state.options().guess_limit;
            if let Some(seconds) = state.counts().guesses.failed(address, guess, limit, Instant::now()) {
                let message = "too many unknown tokens came from this address";
                return Err(ApiError::too_many_requests(message, seconds));
            }
        }
        // Whoever has it has not guessed it.
        Refusal::NotGood => {}
    }
    if access == Access::Optional && state.options().unknown_is_nobody {
        return Ok(Caller::NOBODY);
    }
    Err(ApiError::unauthorized("the token is not known, or not good any more"))
}

/// What stands for where a request comes from. Of an application that does not tell, all requests come from one place.
fn network_of(state: &AppState, headers: &HeaderMap, peer: Option<Peer>) -> u128 {
    let proxies = &state.options().trusted_proxies;
    peer.map_or(0, |Peer(peer)| address::network(address::of_client(headers, peer, proxies)))
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

//! Authentication and authorization.

pub(crate) mod access;
pub(crate) mod caller;
pub(crate) mod client_ip;
pub(crate) mod credentials;

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;

use crate::{
    app::{AppState, limits::rate_limit::RateKey},
    auth::{
        access::Access,
        caller::Caller,
        credentials::{Credential, credential},
    },
    http::{error::ApiError, peer::Peer},
    tokens::TokenError,
};

/// The middleware that authorizes a request and adds its [`Caller`].
pub(crate) async fn authorize_request(
    State((state, access)): State<(AppState, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get().copied();
    match authorize(&state, request.headers(), peer, access) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// The caller of a request.
///
/// # Errors
/// 401, 403, 429 or 503 if the caller may not call.
pub(crate) fn authorize(
    state: &AppState,
    headers: &HeaderMap,
    peer: Option<Peer>,
    access: Access,
) -> Result<Caller, ApiError> {
    if access == Access::Public {
        return Ok(Caller::ANONYMOUS);
    }
    let caller = authenticate(state, headers, peer, access)?;
    let Access::Requires(required) = access else { return Ok(caller) };
    match caller.role() {
        Some(role) if role >= required => Ok(caller),
        Some(role) => Err(ApiError::forbidden(format!(
            "this requires a token with the role `{required}`; the token has the role `{role}`"
        ))),
        None => Err(ApiError::unauthorized(
            "this requires a token; send it as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`",
        )),
    }
}

fn authenticate(
    state: &AppState,
    headers: &HeaderMap,
    peer: Option<Peer>,
    access: Access,
) -> Result<Caller, ApiError> {
    let options = state.options();
    let caller = match &options.tokens {
        // The application authenticates callers.
        None => Caller::TRUSTED,
        Some(tokens) => match credential(headers) {
            Credential::Token(text) => match tokens.authenticate(text, Utc::now()) {
                Ok(token) => Caller::with_token(token),
                Err(error) => reject(state, headers, peer, access, error)?,
            },
            Credential::Malformed => reject(state, headers, peer, access, TokenError::Unknown)?,
            Credential::None if !options.open => Caller::ANONYMOUS,
            Credential::None => match tokens.made() {
                Some(false) => Caller::TRUSTED,
                None if access != Access::Optional => return Err(ApiError::tokens_not_known()),
                Some(true) | None => Caller::ANONYMOUS,
            },
        },
    };
    if options.rate_limit > 0 {
        let key = rate_key(state, &caller, headers, peer);
        if let Some(seconds) = state.limits().rates.exceeded(key, options.rate_limit, Instant::now()) {
            let message = format!("more than {} requests per second", options.rate_limit);
            return Err(ApiError::too_many_requests(message, seconds));
        }
    }
    Ok(caller)
}

/// The error for an invalid token, which is the same whether it once was valid or not; or an anonymous
/// caller, if the options allow it where no token is required.
fn reject(
    state: &AppState,
    headers: &HeaderMap,
    peer: Option<Peer>,
    access: Access,
    error: TokenError,
) -> Result<Caller, ApiError> {
    match error {
        TokenError::NotLoaded => return Err(ApiError::tokens_not_known()),
        TokenError::Unknown => {
            let (address, guess) = (network(state, headers, peer), credential(headers).fingerprint());
            let limit = state.options().guess_limit;
            if let Some(seconds) = state.limits().guesses.exceeded(address, guess, limit, Instant::now()) {
                let message = "too many invalid tokens from this address";
                return Err(ApiError::too_many_requests(message, seconds));
            }
        }
        // A token that was valid once is not a guess.
        TokenError::Invalid => {}
    }
    if access == Access::Optional && state.options().unknown_is_nobody {
        return Ok(Caller::ANONYMOUS);
    }
    Err(ApiError::unauthorized("unknown or expired token"))
}

/// By what a caller's requests are limited.
pub(crate) fn rate_key(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    peer: Option<Peer>,
) -> RateKey {
    match caller.token_id() {
        Some(id) => RateKey::Token(id),
        None => RateKey::Address(network(state, headers, peer)),
    }
}

/// The network of the client, by which requests are counted. If an application does not pass the peer's
/// address, all requests count as one network.
fn network(state: &AppState, headers: &HeaderMap, peer: Option<Peer>) -> u128 {
    let proxies = &state.options().trusted_proxies;
    peer.map_or(0, |Peer(peer)| client_ip::network(client_ip::client_ip(headers, peer, proxies)))
}

//! Authentication and authorization.

pub(crate) mod access;
pub(crate) mod caller;
pub(crate) mod client_ip;
pub(crate) mod credentials;

use std::{convert::Infallible, net::IpAddr, time::Instant};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Uri, header, request::Parts, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use novi::store::token::Role;

use crate::{
    app::{AppState, limits::rate_limit::RateKey},
    auth::{
        access::Access,
        caller::Caller,
        credentials::{Credential, credential},
    },
    http::{
        describe::{Input, Operation, Schemas},
        error::ApiError,
        peer::Peer,
        text::short,
    },
    options::Options,
    tokens::TokenError,
};

/// The middleware that authorizes a request and adds its [`Caller`].
pub(crate) async fn authorize_request(
    State((state, access)): State<(AppState, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get().copied();
    match authorize(&state, request.headers(), request.uri(), peer, access).await {
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
pub(crate) async fn authorize(
    state: &AppState,
    headers: &HeaderMap,
    uri: &Uri,
    peer: Option<Peer>,
    access: Access,
) -> Result<Caller, ApiError> {
    if access == Access::Public || access == Access::Metrics && has_metrics_token(state, headers) {
        return Ok(Caller::ANONYMOUS);
    }
    let caller = authenticate(state, headers, uri, peer, access).await?;
    let required = match access {
        Access::Public | Access::Optional => return Ok(caller),
        Access::Metrics => Role::Server,
        Access::Requires(role) => role,
    };
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

async fn authenticate(
    state: &AppState,
    headers: &HeaderMap,
    uri: &Uri,
    peer: Option<Peer>,
    access: Access,
) -> Result<Caller, ApiError> {
    let options = state.options();
    let caller = match &options.tokens {
        // The application authenticates callers.
        None => Caller::TRUSTED,
        Some(tokens) => match credential(headers) {
            Credential::Token(text) => match tokens.authenticate_fresh(text, Utc::now()).await {
                Ok(token) => Caller::with_token(token),
                Err(error) => reject(state, headers, peer, access, error)?,
            },
            Credential::Malformed => reject(state, headers, peer, access, TokenError::Unknown)?,
            Credential::None if !options.open => Caller::ANONYMOUS,
            Credential::None => match tokens.made() {
                Some(false) => local_caller(options, headers, uri, access)?,
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

/// A caller without a token while there are no tokens. Pages of other sites can make a browser on this machine
/// send requests, with another host name that leads here (DNS rebinding) or across origins; they are not
/// trusted.
///
/// # Errors
/// 403 if the request is for another host, 401 if a page of another origin calls what requires a token.
fn local_caller(
    options: &Options,
    headers: &HeaderMap,
    uri: &Uri,
    access: Access,
) -> Result<Caller, ApiError> {
    let host =
        headers.get(header::HOST).map_or(uri.authority().map(Authority::as_str), |host| host.to_str().ok());
    let host = host.unwrap_or_default();
    if !options.open_to_any_host && !is_loopback(host) {
        return Err(ApiError::forbidden(format!(
            "host {:?}: without tokens, this server only answers requests for localhost; create a token with `novi \
             token create`",
            short(host)
        )));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(Caller::TRUSTED) };
    let is_own =
        origin.to_str().is_ok_and(|origin| origin.split_once("://").is_some_and(|(_, own)| own == host));
    // `*` allows pages of any site to call, but not to change flags.
    match access {
        _ if is_own || options.origins.names(origin) => Ok(Caller::TRUSTED),
        Access::Optional => Ok(Caller::ANONYMOUS),
        _ => Err(ApiError::unauthorized(format!(
            "origin {:?}: without tokens, pages of other origins may not call this; list the origin in [server] \
             cors_origins, or create a token with `novi token create`",
            short(&String::from_utf8_lossy(origin.as_bytes()))
        ))),
    }
}

/// Whether a host, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
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

fn has_metrics_token(state: &AppState, headers: &HeaderMap) -> bool {
    let Some(token) = &state.options().metrics_token else { return false };
    matches!(credential(headers), Credential::Token(text) if token.is(text))
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
    client_network(state, headers, peer).unwrap_or_default()
}

fn client_network(state: &AppState, headers: &HeaderMap, peer: Option<Peer>) -> Option<u128> {
    let Peer(peer) = peer?;
    let proxies = &state.options().trusted_proxies;
    Some(client_ip::network(client_ip::client_ip(headers, peer, proxies)))
}

/// The network of the client. `None` if an application does not pass the peer's address.
pub(crate) struct ClientNetwork(pub(crate) Option<u128>);

impl FromRequestParts<AppState> for ClientNetwork {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self(client_network(state, &parts.headers, parts.extensions.get().copied())))
    }
}

impl Input for ClientNetwork {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hosts_are_names_and_addresses_of_this_machine() {
        for host in
            ["localhost", "LOCALHOST:6684", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:6684", "127.9.9.9"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example.org",
            "evil.example.org:6684",
            "192.0.2.1",
            "[2001:db8::1]:80",
            "localhost.evil.org",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}

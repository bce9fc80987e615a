//! Event streams: they notify clients that flags may evaluate differently, and clients evaluate again.
//!
//! An event has no other content, so that a stream needs no queue: a slow client receives only the latest
//! event.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use futures_util::stream;
use novi::rows::Revision;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    app::{
        AppState,
        events::{Full, Slot},
        news::News,
    },
    auth::ClientNetwork,
    http::{
        describe::{Input, Operation, Output, Schemas},
        error::ApiError,
    },
    options::signing::SigningKey,
};

/// The route of streams.
pub(crate) const PATH: &str = "/ofrep/v1/events";

/// The purpose of the signatures.
const PURPOSE: &str = "event stream";

/// The URL of a stream for a client with decisions of this revision. It is signed, so that clients cannot
/// make one up.
pub(crate) fn address(key: &SigningKey, mount: &str, revision: Revision, token: Option<i64>) -> String {
    let valid_until = Ticket::end(Utc::now().timestamp());
    let ticket = Ticket { valid_until, revision, token: token.unwrap_or_default() };
    format!("{mount}{PATH}?ticket={}", ticket.seal(key))
}

/// The signed content of a stream's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket {
    /// In seconds of Unix time.
    valid_until: i64,
    /// The revision that the client has.
    revision: Revision,
    /// The id of the client's token, or 0 if none was required. The ticket is valid as long as the token is.
    token: i64,
}

impl Ticket {
    /// A ticket is valid for one to two windows. All tickets of one window are the same, so that the ETag for
    /// all flags stays the same while nothing changes.
    const WINDOW: i64 = 12 * 60 * 60;
    const SIGNATURE: usize = 16;

    fn end(now: i64) -> i64 {
        (now.div_euclid(Self::WINDOW) + 2) * Self::WINDOW
    }

    fn seal(self, key: &SigningKey) -> String {
        let numbers = [self.valid_until, self.revision.number(), self.revision.stamp(), self.token];
        let mut bytes = numbers.map(i64::to_be_bytes).concat();
        let signature = key.sign(PURPOSE, &bytes);
        bytes.extend(signature.iter().take(Self::SIGNATURE));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(text: &str, key: &SigningKey, now: i64) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (message, signature) = bytes.split_at_checked(4 * size_of::<i64>())?;
        let mut numbers = message.as_chunks().0.iter().copied().map(i64::from_be_bytes);
        let valid_until = numbers.next()?;
        let revision = Revision::new(numbers.next()?).stamped(numbers.next()?);
        let ticket = Self { valid_until, revision, token: numbers.next()? };
        let is_signed = signature.len() == Self::SIGNATURE && key.verify_start(PURPOSE, message, signature);
        (is_signed && now < ticket.valid_until).then_some(ticket)
    }

    /// Whether the client may still evaluate: with its token, or, if none was required, as long as none is.
    fn is_authorized(self, state: &AppState) -> bool {
        let Some(tokens) = &state.options().tokens else { return true };
        if self.token == 0 { tokens.made() != Some(true) } else { tokens.is_valid(self.token, Utc::now()) }
    }
}

/// The query of a stream's URL.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct StreamQuery {
    /// From `eventStreams` of a response for all flags.
    #[serde(default)]
    ticket: String,
}

impl Input for Query<StreamQuery> {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.query::<StreamQuery>();
    }
}

/// A stream of `text/event-stream`.
pub(crate) struct EventStream(Response);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for EventStream {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.other_response(
            200,
            "Events; each asks the client to evaluate again",
            Some("text/event-stream"),
        );
    }
}

/// Opens a stream for the holder of a ticket.
pub(crate) async fn events(
    State(state): State<AppState>,
    ClientNetwork(network): ClientNetwork,
    Query(query): Query<StreamQuery>,
) -> Result<EventStream, ApiError> {
    let events = state.events();
    let now = Utc::now().timestamp();
    let ticket = Ticket::open(&query.ticket, events.key(), now).filter(|ticket| ticket.is_authorized(&state));
    let Some(ticket) = ticket else {
        return Err(ApiError::unauthorized(
            "ticket: expected the one of a response of POST /ofrep/v1/evaluate/flags, at most 12 hours old",
        ));
    };
    let (most, most_of_address) = (state.options().max_streams, state.options().most_streams_of_address());
    let slot = events.take_slot(most, network.map(|network| (network, most_of_address)));
    let slot = slot.map_err(|full| match full {
        Full::Server => ApiError::too_many_streams(most),
        Full::Address => ApiError::too_many_streams_of_address(most_of_address),
    })?;
    let mut news = events.subscribe(state.flags());
    // A change since the client's evaluation is sent at once.
    if news.borrow_and_update().revision == ticket.revision {
        slot.took(&news.borrow());
        news.mark_unchanged();
    } else {
        news.mark_changed();
    }
    let left = u64::try_from(ticket.valid_until - now).unwrap_or_default();
    let client = Client {
        news,
        shutdown: state.shutdown().watch(),
        ticket,
        greeted: false,
        end: Instant::now() + Duration::from_secs(left),
        slot,
        state: state.clone(),
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(client, Client::next)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Without it nginx buffers events.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(EventStream(response))
}

/// The client of an open stream.
struct Client {
    news: watch::Receiver<News>,
    shutdown: watch::Receiver<bool>,
    ticket: Ticket,
    greeted: bool,
    end: Instant,
    slot: Slot,
    state: AppState,
}

impl Client {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if !self.greeted {
            // Tells the client at once that the stream is open, and to reconnect soon after a shutdown.
            self.greeted = true;
            return Some((Ok(Bytes::from_static(b"retry: 1000\n: welcome\n\n")), self));
        }
        let text = tokio::select! {
            biased;
            () = shutdown(&mut self.shutdown) => return None,
            changed = self.news.changed() => {
                changed.ok()?;
                let news = self.news.borrow_and_update();
                self.slot.took(&news);
                news.event()
            }
            () = sleep_until(self.end) => return None,
            () = sleep(self.state.options().keep_alive) => Bytes::from_static(b": still here\n\n"),
        };
        self.ticket.is_authorized(&self.state).then_some((Ok(text), self))
    }
}

/// Waits until the shutdown begins; forever in a mounted router, which has no shutdown.
async fn shutdown(begun: &mut watch::Receiver<bool>) {
    if begun.wait_for(|begun| *begun).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_opens_only_with_its_key_and_before_its_end() {
        let (key, other) = (SigningKey::random(), SigningKey::random());
        let ticket =
            Ticket { valid_until: Ticket::end(1_000_000), revision: Revision::new(7).stamped(-7), token: 3 };
        assert!((12 * 3600..=24 * 3600).contains(&(ticket.valid_until - 1_000_000)));
        let text = ticket.seal(&key);
        assert_eq!(Ticket::open(&text, &key, 1_000_000), Some(ticket));
        assert_eq!(Ticket::open(&text, &key, ticket.valid_until), None);
        assert_eq!(Ticket::open(&text, &other, 1_000_000), None);
        for place in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(forged == text || Ticket::open(&forged, &key, 1_000_000).is_none(), "{forged}");
        }
        for text in ["", "AAAA", "%", &text[1..], &text[..text.len() - 2]] {
            assert_eq!(Ticket::open(text, &key, 0), None, "{text:?}");
        }
    }
}

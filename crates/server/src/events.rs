//! Event streams: clients that hold one hear that flags may answer otherwise, and ask again.
//!
//! Nothing else is told, so that a stream needs no more than one number of memory: who reads slowly hears the last news only.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::Utc;
use futures_util::stream;
use novi::{Flags, rows::Revision};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::{
    sync::{Mutex, watch},
    time::{sleep, timeout},
};

use crate::{
    Options,
    error::ApiError,
    news::{News, gather},
    openapi::{Input, Operation, Output, Schemas},
    signing::SigningKey,
    state::AppState,
};

/// Where streams are.
pub(crate) const PATH: &str = "/ofrep/v1/events";

/// What is signed.
const PURPOSE: &str = "event stream";

/// Streams of one server.
pub(crate) struct Events {
    key: SigningKey,
    news: OnceLock<watch::Sender<News>>,
    open: Arc<AtomicUsize>,
    /// Held by who asks the database on behalf of a client.
    catching_up: Mutex<()>,
}

impl Events {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            key: options.signing_key.clone().unwrap_or_else(SigningKey::random),
            news: OnceLock::new(),
            open: Arc::default(),
            catching_up: Mutex::default(),
        }
    }

    /// The address of a stream for whoever has answers of this revision. It says until when it is good, and since when there
    /// may be news; who has no such address can make none.
    pub(crate) fn address(&self, place: &str, revision: Revision, token: Option<i64>) -> String {
        let good_until = Ticket::end(Utc::now().timestamp());
        let ticket = Ticket { good_until, revision: revision.number(), token: token.unwrap_or_default() };
        format!("{place}{PATH}?ticket={}", ticket.sealed(&self.key))
    }

    /// How many streams are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// What all streams hear. The first of them begins to gather it.
    fn news(&self, flags: &Flags) -> watch::Receiver<News> {
        let sender = self.news.get_or_init(|| {
            let (sender, _) = watch::channel(News::of(&flags.snapshot()));
            tokio::spawn(gather(flags.clone(), sender.clone()));
            sender
        });
        sender.subscribe()
    }

    /// A client that asks on account of an event, which another server may have sent, is not answered by older rows than that.
    pub(crate) async fn catch_up(&self, flags: &Flags, query: Option<&str>) {
        /// Longer than the database takes, and shorter than a client waits.
        const PATIENCE: Duration = Duration::from_secs(1);
        let Some(query) = query else { return };
        let etag = query.split('&').find_map(|pair| pair.strip_prefix("flagConfigEtag="));
        let Some(seen) = etag.and_then(News::revision_of) else { return };
        let behind = || flags.snapshot().revision() != seen;
        if !behind() {
            return;
        }
        let refreshed = timeout(PATIENCE, async {
            let _turn = self.catching_up.lock().await;
            if behind() { flags.refresh().await } else { Ok(false) }
        });
        match refreshed.await {
            Ok(Ok(_)) => {}
            // Then the answer is made of the last rows that were read, as any other is.
            Ok(Err(error)) => tracing::debug!("could not look for the rows of an event: {error}"),
            Err(_) => tracing::debug!("the database did not answer in time for an event's rows"),
        }
    }
}

/// What the address of a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket {
    /// In seconds of Unix time.
    good_until: i64,
    /// What the client knows.
    revision: i64,
    /// The id of the token that the address was given to; 0 where none was needed. The address is no better than that.
    token: i64,
}

impl Ticket {
    /// Addresses are good for one to two such windows. All that are given within one are the same, so that an answer for all
    /// flags is the same as before where nothing has changed.
    const WINDOW: i64 = 12 * 60 * 60;
    const SIGNATURE: usize = 16;

    fn end(now: i64) -> i64 {
        (now.div_euclid(Self::WINDOW) + 2) * Self::WINDOW
    }

    fn sealed(self, key: &SigningKey) -> String {
        let mut bytes = [self.good_until, self.revision, self.token].map(i64::to_be_bytes).concat();
        let signature = key.sign(PURPOSE, &bytes);
        bytes.extend(signature.iter().take(Self::SIGNATURE));
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(text: &str, key: &SigningKey, now: i64) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (message, signature) = bytes.split_at_checked(3 * size_of::<i64>())?;
        let mut numbers = message.as_chunks().0.iter().copied().map(i64::from_be_bytes);
        let ticket = Self { good_until: numbers.next()?, revision: numbers.next()?, token: numbers.next()? };
        let genuine = signature.len() == Self::SIGNATURE && key.verify_start(PURPOSE, message, signature);
        (genuine && now < ticket.good_until).then_some(ticket)
    }

    /// Whether whoever it was given to may ask still: by the token, or, where none was needed, as long as none is.
    fn has_holder(self, state: &AppState) -> bool {
        let Some(tokens) = &state.options().tokens else { return true };
        if self.token == 0 { tokens.made() != Some(true) } else { tokens.is_good(self.token, Utc::now()) }
    }
}

/// The address of a stream has this.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct StreamQuery {
    /// What an answer for all flags has in `eventStreams`.
    #[serde(default)]
    ticket: String,
}

impl Input for Query<StreamQuery> {
    fn describe(operation: &mut Operation, _: &mut Schemas) {
        operation.query::<StreamQuery>();
    }
}

/// An open stream counts for as long as it is there.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(open: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let before = open.fetch_add(1, Ordering::Relaxed);
        let slot = Self(Arc::clone(open));
        (before < most).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
        operation.other_answer(200, "Events: each says to ask again", Some("text/event-stream"));
    }
}

/// Tells the holder of a ticket when flags may answer otherwise.
pub(crate) async fn events(
    State(state): State<AppState>,
    Query(query): Query<StreamQuery>,
) -> Result<EventStream, ApiError> {
    let events = state.events();
    let now = Utc::now().timestamp();
    let ticket = Ticket::open(&query.ticket, &events.key, now).filter(|ticket| ticket.has_holder(&state));
    let Some(ticket) = ticket else {
        return Err(ApiError::unauthorized(
            "ticket: expected that of an answer of POST /ofrep/v1/evaluate/flags, from the last 12 hours at least",
        ));
    };
    let most = state.options().max_streams;
    let slot = Slot::take(&events.open, most).ok_or_else(|| ApiError::too_many_streams(most))?;
    let mut news = events.news(state.flags());
    // What has changed since the client asked, it hears at once.
    if news.borrow_and_update().revision.number() == ticket.revision {
        news.mark_unchanged();
    } else {
        news.mark_changed();
    }
    let left = u64::try_from(ticket.good_until - now).unwrap_or_default();
    let listener = Listener {
        news,
        closing: state.closing().watch(),
        ticket,
        keep_alive: state.options().keep_alive,
        greeted: false,
        end: tokio::time::Instant::now() + Duration::from_secs(left),
        _slot: slot,
        state: state.clone(),
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(listener, Listener::next)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would collect what is to be sent at once.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(EventStream(response))
}

/// One client that listens.
struct Listener {
    news: watch::Receiver<News>,
    closing: watch::Receiver<bool>,
    ticket: Ticket,
    keep_alive: Duration,
    greeted: bool,
    end: tokio::time::Instant,
    _slot: Slot,
    state: AppState,
}

impl Listener {
    async fn next(mut self) -> Option<(Result<Bytes, std::convert::Infallible>, Self)> {
        if !self.greeted {
            // So that the client knows at once that it is heard, and comes back soon when this server ends.
            self.greeted = true;
            return Some((Ok(Bytes::from_static(b"retry: 1000\n: welcome\n\n")), self));
        }
        let text = tokio::select! {
            biased;
            () = ended(&mut self.closing) => return None,
            changed = self.news.changed() => {
                changed.ok()?;
                self.news.borrow_and_update().event()
            }
            () = tokio::time::sleep_until(self.end) => return None,
            () = sleep(self.keep_alive) => Bytes::from_static(b": still here\n\n"),
        };
        // Whoever may not ask any more need not hear that there is something to ask.
        if !self.ticket.has_holder(&self.state) {
            return None;
        }
        Some((Ok(text), self))
    }
}

/// Waits until the server shuts down; forever where it is not this server's to say.
async fn ended(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|begun| *begun).await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_for_its_time_and_for_who_has_the_key() {
        let (key, other) = (SigningKey::random(), SigningKey::random());
        let ticket = Ticket { good_until: Ticket::end(1_000_000), revision: 7, token: 3 };
        assert!((12 * 3600..=24 * 3600).contains(&(ticket.good_until - 1_000_000)));
        let text = ticket.sealed(&key);
        assert_eq!(Ticket::open(&text, &key, 1_000_000), Some(ticket));
        assert_eq!(Ticket::open(&text, &key, ticket.good_until), None);
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

    #[test]
    fn there_are_no_more_slots_than_that() {
        let open = Arc::default();
        let one = Slot::take(&open, 1).unwrap();
        assert!(Slot::take(&open, 1).is_none());
        drop(one);
        assert!(Slot::take(&open, 1).is_some());
        assert_eq!(open.load(Ordering::Relaxed), 0);
    }
}

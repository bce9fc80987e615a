//! The requests of an HTTP/2 connection, and what its client has not read of their responses.
//!
//! The client decides how much of a response it accepts (the flow control of HTTP/2), while the connection
//! itself is never blocked, so a write timeout does not see a client that reads nothing.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use axum::{
    BoxError,
    body::{Body, Bytes},
};
use hyper::body::{Frame, SizeHint};
use tokio::{sync::Notify, time::Instant};

/// The requests and responses of one connection. Clones share them.
#[derive(Clone)]
pub(crate) struct Streams {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Notified when nothing is left to do.
    idle: Notify,
}

struct State {
    /// Requests whose responses have not been handed over in full.
    open: usize,
    /// How many requests there were.
    opened: u64,
    /// When the chunks that the client has not accepted were handed over, in this order.
    unsent: BTreeMap<u64, Instant>,
    /// The number of the next chunk.
    next: u64,
    idle_since: Instant,
}

impl State {
    fn is_idle(&self) -> bool {
        self.open == 0 && self.unsent.is_empty()
    }
}

impl Streams {
    pub(crate) fn new() -> Self {
        let state =
            State { open: 0, opened: 0, unsent: BTreeMap::new(), next: 0, idle_since: Instant::now() };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), idle: Notify::new() }) }
    }

    /// Counts a request until the value or its body is dropped.
    pub(crate) fn open(&self) -> Stream {
        let mut state = self.shared.lock();
        (state.open, state.opened) = (state.open + 1, state.opened + 1);
        Stream { shared: Arc::clone(&self.shared) }
    }

    /// How many requests there were.
    pub(crate) fn opened(&self) -> u64 {
        self.shared.lock().opened
    }

    /// Since when there has been no request, and the client has had every response.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.shared.lock();
        state.is_idle().then_some(state.idle_since)
    }

    /// Since when the client has not accepted the oldest chunk.
    pub(crate) fn unsent_since(&self) -> Option<Instant> {
        self.shared.lock().unsent.first_key_value().map(|(_, since)| *since)
    }

    /// Waits until the connection becomes idle.
    pub(crate) async fn idle(&self) {
        self.shared.idle.notified().await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        if state.is_idle() {
            state.idle_since = Instant::now();
            drop(state);
            self.idle.notify_one();
        }
    }
}

/// An open request.
pub(crate) struct Stream {
    shared: Arc<Shared>,
}

impl Stream {
    /// The body of its response.
    pub(crate) fn body(self, body: Body) -> ChunkedBody {
        ChunkedBody { body, rest: Bytes::new(), stream: self }
    }

    /// A copy, so that what the connection buffers does not keep the whole response in memory.
    fn chunk(&self, bytes: &[u8]) -> Bytes {
        let mut state = self.shared.lock();
        let number = state.next;
        state.next += 1;
        state.unsent.insert(number, Instant::now());
        drop(state);
        Bytes::from_owner(Chunk { bytes: bytes.into(), number, shared: Arc::clone(&self.shared) })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.change(|state| state.open -= 1);
    }
}

/// A part of a response that the connection holds until the client accepts it.
struct Chunk {
    bytes: Box<[u8]>,
    number: u64,
    shared: Arc<Shared>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.unsent.remove(&self.number);
        });
    }
}

/// A body that is handed over in chunks.
pub(crate) struct ChunkedBody {
    body: Body,
    rest: Bytes,
    stream: Stream,
}

impl ChunkedBody {
    /// As long as a frame of HTTP/2 may be, unless the client allows more.
    const CHUNK: usize = 16 * 1024;
}

impl hyper::body::Body for ChunkedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut this.body).poll_frame(context)) else {
                return Poll::Ready(None);
            };
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => this.rest = data,
                Ok(Err(other)) => return Poll::Ready(Some(Ok(other))),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
        let chunk = this.rest.split_to(this.rest.len().min(Self::CHUNK));
        Poll::Ready(Some(Ok(Frame::data(this.stream.chunk(&chunk)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut all = SizeHint::new();
        if let Some(upper) = hint.upper() {
            all.set_upper(upper.saturating_add(rest));
        }
        all.set_lower(hint.lower().saturating_add(rest));
        all
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use hyper::body::Body as _;
    use tokio::time::{Duration, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connection_is_idle_once_the_client_has_all_chunks() {
        let streams = Streams::new();
        let created = streams.idle_since().unwrap();
        let mut body = streams.open().body(Body::from(vec![7; ChunkedBody::CHUNK + 1]));
        assert_eq!((streams.opened(), streams.idle_since(), streams.unsent_since()), (1, None, None));
        advance(Duration::from_secs(1)).await;
        let size = body.size_hint().exact();
        assert_eq!(size, Some(ChunkedBody::CHUNK as u64 + 1));
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((first.len(), body.is_end_stream()), (ChunkedBody::CHUNK, false));
        assert_eq!(streams.unsent_since(), Some(created + Duration::from_secs(1)));
        advance(Duration::from_secs(1)).await;
        let second = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((second.len(), body.is_end_stream()), (1, true));
        drop(first);
        assert_eq!(streams.unsent_since(), Some(created + Duration::from_secs(2)));
        drop(body);
        assert_eq!(streams.idle_since(), None, "the client does not have the last chunk");
        drop(second);
        streams.idle().await;
        assert_eq!(streams.idle_since(), Some(created + Duration::from_secs(2)));
        assert_eq!(streams.unsent_since(), None);
    }
}

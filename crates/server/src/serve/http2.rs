//! A connection of HTTP/2, which needs TLS: browsers speak it over nothing else.

use std::{convert::Infallible, pin::pin, time::Duration};

use axum::http::header;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};

use crate::{
    http::peer::Peer,
    serve::{
        app::{App, Scope},
        closing::Closing,
        streams::Streams,
    },
};

/// The most requests of a connection at a time; the event streams of all tabs of a browser share one.
const MOST_STREAMS: u32 = 100;

/// As over HTTP/1.1.
const LONGEST_HEAD: u32 = 64 * 1024;

/// How often to check that a silent client is still there, and how long it may take to answer.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));

/// How long a connection without requests may take to close after it was told to.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long a connection may wait for its client.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// For a request, from the start of the connection or the end of the last response.
    pub(crate) idle: Duration,
    /// For the client to accept a part of a response.
    pub(crate) write: Duration,
}

/// Serves requests until the client leaves, waits for too long, or the server closes. The library has a timeout only
/// for a client that does not answer pings.
pub(crate) async fn serve<S>(
    stream: S,
    app: App,
    scope: Scope,
    peer: Peer,
    limits: Limits,
    mut closing: Closing,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let streams = Streams::new();
    let opened = streams.clone();
    let service = service_fn(move |request| {
        let stream = opened.open();
        let answer = app.clone().call(scope, peer, request);
        async move {
            let mut response = answer.await?;
            // HTTP/2 has a frame for it.
            response.headers_mut().remove(header::CONNECTION);
            Ok::<_, Infallible>(response.map(|body| stream.body(body)))
        }
    });
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(if scope == Scope::Health { 1 } else { MOST_STREAMS })
        .max_header_list_size(LONGEST_HEAD)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut watchdog = Watchdog { streams, scope, limits, closing: false, cut: None };
    loop {
        let wake = match watchdog.check(Instant::now()) {
            Next::Wait(until) => until,
            Next::Close => {
                watchdog.closing = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            Next::Cut(reason) => return tracing::debug!("closed a connection of {}: {reason}", peer.0),
        };
        tokio::select! {
            biased;
            served = connection.as_mut() => {
                if let Err(error) = served {
                    tracing::debug!("connection closed: {error}");
                }
                return;
            }
            () = closing.begun(), if !watchdog.closing => {
                watchdog.closing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = watchdog.streams.idle() => {}
            () = sleep_until(wake) => {}
        }
    }
}

/// Decides when a connection has waited for its client for too long.
struct Watchdog {
    streams: Streams,
    scope: Scope,
    limits: Limits,
    /// Whether the client was told not to send further requests.
    closing: bool,
    /// When the connection is cut off, since the client does not read.
    cut: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    Wait(Instant),
    /// Tell the client not to send further requests, and let those that are open finish.
    Close,
    Cut(&'static str),
}

impl Watchdog {
    fn check(&mut self, now: Instant) -> Next {
        // While requests are open, nothing tells when a part is handed over. A limit of zero must not keep a
        // core busy.
        let mut wake = now + self.limits.idle.min(self.limits.write).max(GOODBYE);
        if let Some(cut) = self.cut {
            if cut <= now {
                return Next::Cut("the client does not read its responses");
            }
            wake = wake.min(cut);
        } else if let Some(unsent) = self.streams.unsent_since() {
            let end = unsent + self.limits.write;
            if end <= now {
                // Other requests of the connection may finish.
                self.cut = Some(now + self.limits.idle);
                return if self.closing { self.check(now) } else { Next::Close };
            }
            wake = wake.min(end);
        }
        if let Some(idle) = self.streams.idle_since() {
            let has_served = self.streams.opened() > 0;
            if !self.closing && has_served && self.scope == Scope::Health {
                return Next::Close;
            }
            let end = idle + if self.closing { GOODBYE } else { self.limits.idle };
            match (end <= now, self.closing) {
                (true, true) => return Next::Cut("no request"),
                (true, false) => return Next::Close,
                (false, _) => wake = wake.min(end),
            }
        }
        Next::Wait(wake)
    }
}

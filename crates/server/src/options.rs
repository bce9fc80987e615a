//! What a server can be told.

use std::{fmt, sync::Arc, time::Duration};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::{
    cors::Origins,
    tls::Tls,
    toggles::{Names, names},
    tokens::Tokens,
};
pub use crate::{database::Database, signing::SigningKey};

/// Limits and times of a server.
///
/// ```
/// let mut options = novi_server::Options::default();
/// options.body_limit = 64 * 1024;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Options {
    /// The largest body that is read, in bytes: 1 MiB. Larger ones are refused with 413.
    pub body_limit: usize,
    /// The longest target of a request, its path with its query, in bytes: 32 KiB. Longer ones are refused with 414.
    pub url_limit: usize,
    /// How long a request may take from the end of its head to the beginning of its answer, its body included: 10 s.
    /// 408 when the body is late, 503 when the answer is.
    pub request_timeout: Duration,
    /// How long a client may take to send the head of a request, and how long a connection may be idle between two
    /// requests: 10 s. The connection is closed then, without an answer. [`serve`](crate::serve) only.
    pub header_read_timeout: Duration,
    /// How long a client may take no byte of an answer that waits for it: 30 s. The connection is closed then.
    /// [`serve`](crate::serve) only.
    pub write_timeout: Duration,
    /// How many connections may be open: 10,000. More wait in the backlog of the socket until one is closed. Each takes
    /// a file descriptor, so `ulimit -n` has to allow for them. [`serve`](crate::serve) only.
    pub max_connections: usize,
    /// How long new requests are still answered after the shutdown signal, while readiness says 503 and connections are
    /// closed after their next answer: 1 s, a part of [`drain`](Self::drain). Balancers that ask for readiness need
    /// their interval here to stop sending in time. [`serve`](crate::serve) only.
    pub notice: Duration,
    /// How long open requests may take after the shutdown signal: 10 s. What is open then is cut off.
    /// [`serve`](crate::serve) only.
    pub drain: Duration,
    /// How long the database may leave the revision unconfirmed before the server counts as not ready: 30 s. It goes on
    /// answering from the last rows that it has read.
    pub stale_after: Duration,
    /// How many event streams may be open: 5,000. More are refused with 503. They count as connections, too.
    pub max_streams: usize,
    /// How often an event stream says that it is alive, when there is nothing else to say: 15 s. Proxies close what is
    /// silent.
    pub keep_alive: Duration,
    /// A secret of 16 bytes or more that servers behind one balancer share, so that each takes the addresses of event streams
    /// that another has given, and headers that another would take as signed. Without it the addresses are good for the
    /// process that gave them.
    pub signing_key: Option<SigningKey>,
    /// The database that the endpoints below `/api` change: the one that the flags follow. Without it those that need one
    /// answer 501.
    pub database: Option<Database>,
    /// Whether OFREP refuses questions without a `targetingKey`, with the code `TARGETING_KEY_MISSING`: no. What needs one is
    /// off without it (R4).
    pub require_targeting_key: bool,
    /// Who may call, by their tokens. Nothing, as for a router in an application of one's own, lets everybody do everything: then
    /// the application is to guard it.
    pub tokens: Option<Tokens>,
    /// Whether callers without a token may do everything as long as no token was ever made: no. For an address that only this
    /// computer reaches.
    pub open: bool,
    /// How many different unknown tokens are heard from one address in a minute: 10; the same one ten times as often. More are refused
    /// with 429. Good tokens are not.
    pub guess_limit: u32,
    /// Whether `GET /features` takes whoever shows an unknown token for nobody in particular, rather than answer 401: no.
    pub unknown_is_nobody: bool,
    /// How many requests a second the holder of a token may make, or somebody at an address without one, and as many at once; 0 is
    /// as many as they like. More are refused with 429.
    pub rate_limit: u32,
    /// The networks of proxies whose `X-Forwarded-For` tells where requests come from: none.
    pub trusted_proxies: Vec<IpNet>,
    /// The origins whose pages may call from a browser: none.
    pub origins: Origins,
    /// The certificate that connections are encrypted with; nothing is HTTP without TLS. [`serve`](crate::serve) only.
    pub tls: Option<Tls>,
    /// The header by which a request turns flags on or off for itself: `X-Novi-Feature-Toggles`.
    pub toggles_header: TogglesHeader,
    /// Whether evaluations are told of, each by an event of the target `feature_flag.evaluation` with OpenTelemetry's names,
    /// and requests for them have spans: no. It takes several times as long as the evaluation.
    pub trace_evaluations: bool,
    /// What is done with the span of each request when it begins, such as to make it the child of the caller's.
    pub on_span: Option<OnSpan>,
}

type Begin = dyn Fn(&tracing::Span, &HeaderMap) + Send + Sync;

/// A function that gets the span of each request, and the headers that it came with.
#[derive(Clone)]
pub struct OnSpan(pub(crate) Arc<Begin>);

impl OnSpan {
    /// The function.
    pub fn new(begin: impl Fn(&tracing::Span, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(begin))
    }
}

impl fmt::Debug for OnSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnSpan(..)")
    }
}

/// The name of the header by which a request turns flags on or off for itself.
#[derive(Clone, Debug, Default)]
pub struct TogglesHeader(pub(crate) Names);

impl TogglesHeader {
    /// The header with this name; that of answers has the same and `-Enabled`. Nothing for what can be no header's name.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        names(name).map(Self)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_limit: 1024 * 1024,
            url_limit: 32 * 1024,
            request_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            notice: Duration::from_secs(1),
            drain: Duration::from_secs(10),
            stale_after: Duration::from_secs(30),
            max_streams: 5_000,
            keep_alive: Duration::from_secs(15),
            signing_key: None,
            database: None,
            require_targeting_key: false,
            tokens: None,
            open: false,
            guess_limit: 10,
            unknown_is_nobody: false,
            rate_limit: 0,
            trusted_proxies: Vec::new(),
            origins: Origins::default(),
            tls: None,
            toggles_header: TogglesHeader::default(),
            trace_evaluations: false,
            on_span: None,
        }
    }
}

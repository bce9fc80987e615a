//! The options of a server.

pub(crate) mod audience;
pub(crate) mod cors;
pub(crate) mod database;
pub(crate) mod experiments;
pub(crate) mod extend;
pub(crate) mod listen;
pub(crate) mod metrics_token;
pub(crate) mod on_span;
pub(crate) mod section;
pub(crate) mod signing;
pub(crate) mod tls;
pub(crate) mod toggles_header;
pub(crate) mod validation;

use std::{net::SocketAddr, time::Duration};

use axum::http::HeaderName;
use ipnet::IpNet;
use novi::Context;

use crate::{
    options::{
        audience::SavedQueries, cors::Origins, database::Database, experiments::Experiments, extend::Extend,
        metrics_token::MetricsToken, on_span::OnSpan, signing::SigningKey, tls::Tls,
        toggles_header::TogglesHeader,
    },
    tokens::Tokens,
};

/// Declares [`Options`], with a method of the same name for each field. A method of an option accepts the
/// value as well.
macro_rules! options {
    (@argument $kind:ty) => { $kind };
    (@argument $kind:ty, $argument:ty) => { $argument };
    ($($(#[$doc:meta])* $name:ident: $kind:ty $(as $argument:ty)? = $default:expr,)*) => {
        /// The options of a server: limits, timeouts, and who may call.
        ///
        /// ```
        /// let options = novi_server::Options::default().body_limit(64 * 1024).rate_limit(100);
        /// assert_eq!(options.body_limit, 64 * 1024);
        /// ```
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct Options {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl Default for Options {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Options {
            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](Self#structfield.", stringify!($name), ").")]
                #[must_use]
                pub fn $name(mut self, value: options!(@argument $kind $(, $argument)?)) -> Self {
                    self.$name = value.into();
                    self
                }
            )*
        }
    };
}

options! {
    /// The largest request body in bytes: 1 MiB. Larger ones are rejected with 413.
    body_limit: usize = 1024 * 1024,
    /// The largest body of `POST /api/impact` in bytes, which has many contexts: 32 MiB. Larger ones are rejected
    /// with 413.
    impact_limit: usize = 32 * 1024 * 1024,
    /// The share of the callers in percent above which the preview of a change warns: 100, which is never. `POST
    /// /api/impact` returns it as `warn_above`.
    impact_warning: u8 = 100,
    /// How many contexts of recent evaluations over OFREP to keep in memory, as a random sample for `POST
    /// /api/impact`: 0, none. Holders of admin tokens can read them. Contexts of more than 4 KiB are not kept.
    sample_contexts: usize = 0,
    /// The contexts that the sample begins with: none.
    sample_start: Vec<Context<'static>> = Vec::new(),
    /// The attributes that the sample does not keep, such as names and e-mail addresses.
    sample_omit: Vec<String> = Vec::new(),
    /// The saved queries of the application's database, whose users `POST /api/audience` and `POST /api/impact`
    /// evaluate: none.
    audience: SavedQueries = SavedQueries::default(),
    /// Where `GET /api/experiments/{name}` finds assignments, outcomes and metrics: nowhere, which is 501.
    experiments: Experiments = Experiments::default(),
    /// The longest context of an evaluation in bytes of JSON: 64 KiB. Longer ones are rejected with 413. Each
    /// condition on an attribute may read all of it.
    context_limit: usize = 64 * 1024,
    /// The most values in a context, at any depth: 1,000. Contexts with more are rejected with 400.
    context_values: usize = 1000,
    /// How long the evaluation of all flags may take for one request: 2 s, without the time that the request
    /// waits for its turn. 503 then.
    evaluation_timeout: Duration = Duration::from_secs(2),
    /// How many large evaluations, such as those of thousands of flags, run at a time: half of the cores, or
    /// one. Further ones wait, and callers take turns.
    large_concurrency: usize = half_of_the_cores(),
    /// The most bytes of large responses in memory, until their clients have read them: 256 MiB. Requests for
    /// more wait, and one caller may use a quarter.
    response_memory: usize = 256 * 1024 * 1024,
    /// The longest path and query of a request in bytes: 32 KiB. Longer ones are rejected with 414.
    url_limit: usize = 32 * 1024,
    /// How long a request may take from the end of its head to the start of its response, its body included:
    /// 10 s. 408 if the body is late, 503 if the response is.
    request_timeout: Duration = Duration::from_secs(10),
    /// How long a client may take to send the head of a request, and how long a connection may be idle
    /// between two requests: 10 s. The connection is then closed without a response.
    /// [`serve`](crate::serve()) only.
    header_read_timeout: Duration = Duration::from_secs(10),
    /// How long a client may not read any byte of a response that is ready: 30 s. The connection is then
    /// closed. [`serve`](crate::serve()) only.
    write_timeout: Duration = Duration::from_secs(30),
    /// The most open connections: 10,000, or as many as the limit of open files (`ulimit -n`) allows. Further
    /// ones wait in the backlog of the socket, but for a few that may only check the health.
    /// [`serve`](crate::serve()) only.
    max_connections: usize = 10_000,
    /// The most open connections of one address that is no [trusted proxy](Self#structfield.trusted_proxies);
    /// further ones are closed. 0 is half of all. [`serve`](crate::serve()) only.
    connections_per_address: usize = 0,
    /// A second address that only has `/health/live` and `/health/ready`, served by a thread of its own: it
    /// answers whatever happens on the other one. Always HTTP without TLS. [`serve`](crate::serve()) only.
    health_listen: Option<SocketAddr> as impl Into<Option<SocketAddr>> = None,
    /// How long new requests are still accepted after the shutdown signal: 1 s, a part of
    /// [`drain`](Self#structfield.drain). Readiness is 503 during that time, and connections are closed after
    /// their next response. Load balancers that poll readiness need their interval here.
    /// [`serve`](crate::serve()) only.
    notice: Duration = Duration::from_secs(1),
    /// How long open requests may take after the shutdown signal: 10 s. Those that are still open then are
    /// cut off. [`serve`](crate::serve()) only.
    drain: Duration = Duration::from_secs(10),
    /// How long the database may not confirm the revision before the server is not ready: 30 s. Flags are
    /// still evaluated from the last rows.
    stale_after: Duration = Duration::from_secs(30),
    /// The most open event streams: 5,000. Further ones are rejected with 503. They count as connections,
    /// too.
    max_streams: usize = 5_000,
    /// The most open event streams of one address, or of one client behind a
    /// [trusted proxy](Self#structfield.trusted_proxies). Further ones are rejected with 429. 0 is a quarter of
    /// all, and with [`serve`](crate::serve()) at most half of the
    /// [connections of an address](Self#structfield.connections_per_address), so that its other requests are
    /// still accepted.
    streams_per_address: usize = 0,
    /// The interval of comments on an event stream without events: 15 s. Proxies close silent connections.
    keep_alive: Duration = Duration::from_secs(15),
    /// A secret of 16 bytes or more, shared by the servers behind one load balancer, so that each accepts the
    /// addresses of event streams and the signed lists of toggles that another one has signed. Without it the
    /// process uses a random key.
    signing_key: Option<SigningKey> as impl Into<Option<SigningKey>> = None,
    /// The database that the endpoints below `/api` change: the one that the flags follow. Without it the
    /// endpoints that need it return 501. [`Server`](crate::Server) sets it.
    database: Option<Database> as impl Into<Option<Database>> = None,
    /// Whether OFREP rejects contexts without a `targetingKey`, with the code `TARGETING_KEY_MISSING`: no.
    /// Without one, activations that need it are off.
    require_targeting_key: bool = false,
    /// Whether OFREP records the exposure of each flag that is evaluated by itself: no. Evaluations of all flags, and
    /// those with the header `novi-expose: false`, only look.
    record_exposures: bool = false,
    /// The tokens by which callers authenticate. With `None`, as in an application of your own, every caller
    /// has full access: then the application must authenticate them.
    tokens: Option<Tokens> as impl Into<Option<Tokens>> = None,
    /// A token that can only read `GET /metrics`, for Prometheus: none. Tokens of the role `server` can, too.
    metrics_token: Option<MetricsToken> as impl Into<Option<MetricsToken>> = None,
    /// Whether callers without a token have full access as long as no token was ever created: no. For an
    /// address that only this machine can reach.
    open: bool = false,
    /// Whether callers have that access whatever host their requests are for: no. Otherwise only requests for
    /// `localhost` and loopback addresses have it, since pages of other sites can make a browser send others.
    open_to_any_host: bool = false,
    /// How many different invalid tokens one address may try in a minute: 10. The same one may be sent ten
    /// times as often. More are rejected with 429. Valid tokens are not counted.
    guess_limit: u32 = 10,
    /// Whether `GET /features` treats a caller with an invalid token as anonymous, rather than return 401:
    /// no.
    unknown_is_nobody: bool = false,
    /// How many requests a caller may make in a second, or all at once: by token, or by address without one.
    /// More are rejected with 429. 0 is unlimited.
    rate_limit: u32 = 0,
    /// The networks of proxies whose `X-Forwarded-For` is trusted: none.
    trusted_proxies: Vec<IpNet> = Vec::new(),
    /// The origins whose pages may call from a browser: none.
    origins: Origins = Origins::default(),
    /// Further request headers that pages of those origins may send: none.
    cors_headers: Vec<HeaderName> = Vec::new(),
    /// The certificate for HTTPS. HTTP without it. [`serve`](crate::serve()) only.
    tls: Option<Tls> as impl Into<Option<Tls>> = None,
    /// The header by which a request overrides flags: `X-Novi-Feature-Toggles`.
    toggles_header: TogglesHeader = TogglesHeader::default(),
    /// Whether each evaluation emits an event with the target `feature_flag.evaluation` and OpenTelemetry's
    /// names, within a span of the request: no. It takes several times as long as the evaluation.
    trace_evaluations: bool = false,
    /// A hook for the span of each request, for example to make it a child of the caller's span.
    on_span: Option<OnSpan> as impl Into<Option<OnSpan>> = None,
    /// Further routes next to the endpoints, such as the pages of `novi-admin`: none.
    extend: Option<Extend> as impl Into<Option<Extend>> = None,
}

impl Options {
    /// [`streams_per_address`](Self#structfield.streams_per_address), or its default.
    pub(crate) fn most_streams_of_address(&self) -> usize {
        match self.streams_per_address {
            0 => (self.max_streams / 4).max(1),
            most => most,
        }
    }
}

fn half_of_the_cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() / 2).max(1)
}

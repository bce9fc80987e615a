//! What a server can be told.

use std::time::Duration;

pub use crate::{database::Database, signing::SigningKey};

/// Limits and times of a server.
///
/// ```
/// let mut options = novi_server::Options::default();
/// options.body_limit = 64 * 1024;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The largest body that is read, in bytes: 1 MiB. Larger ones are refused with 413.
    pub body_limit: usize,
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_limit: 1024 * 1024,
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
        }
    }
}

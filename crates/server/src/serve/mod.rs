//! Serving on a socket: connections, TLS, timeouts and shutdown.

pub(crate) mod acceptor;
pub(crate) mod app;
pub(crate) mod closing;
pub(crate) mod connection;
pub(crate) mod health;
pub(crate) mod http2;
pub(crate) mod server;
pub(crate) mod slots;
pub(crate) mod streams;
pub(crate) mod write_timeout;

use std::{convert::Infallible, future::Future, io, pin::pin};

use novi::Flags;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use crate::{
    app::shutdown::Shutdown,
    options::Options,
    router,
    serve::{acceptor::Acceptor, app::App, health::HealthThread, slots::Slots},
};

/// Serves HTTP/1.1 on a listening socket until `shutdown` completes, then lets open requests finish.
///
/// From the signal on, readiness is 503. For [`Options::notice`](Options#structfield.notice) requests are
/// still accepted, and each connection is closed after its response. Then the socket and idle connections are
/// closed. Open requests may take until [`Options::drain`](Options#structfield.drain) after the signal; those
/// that are still open then are cut off.
///
/// # Errors
/// If the socket is not listening. Errors of single connections are only logged.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let flags = novi::Flags::builder().keep_rows().connect("sqlite://novi.db").await?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// // On an error of the signal handler, the server keeps running.
/// let stop = async { if tokio::signal::ctrl_c().await.is_err() { std::future::pending().await } };
/// novi_server::serve(listener, flags, novi_server::Options::default(), stop).await?;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    listener: TcpListener,
    flags: Flags,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let ready = options.clone();
    let served = serve_from(listener, options, async { Ok::<_, Infallible>((flags, ready)) }, shutdown).await;
    served.map_err(|error| match error {
        ServeError::Io(error) => error,
        ServeError::Start(never) => match never {},
    })
}

/// Why a server ended.
#[derive(Debug)]
pub enum ServeError<E> {
    /// A socket is not listening, or a thread could not be started.
    Io(io::Error),
    /// There are no flags.
    Start(E),
}

/// Like [`serve`], for flags that are still being loaded: until `start` completes, `/health/live` is 200 and
/// everything else 503, so `start` must not block its thread. If `shutdown` completes first, the server ends.
/// What concerns connections is taken from `options`, and everything else from the options that `start`
/// returns.
///
/// # Errors
/// Those of `start`, and as [`serve`].
pub async fn serve_from<E>(
    listener: TcpListener,
    options: Options,
    start: impl Future<Output = Result<(Flags, Options), E>>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError<E>> {
    let address = listener.local_addr().map_err(ServeError::Io)?;
    let (slots, health_slots) = Slots::new(&options);
    let connections = slots.per_address();
    let health = HealthThread::start(&options, health_slots).map_err(ServeError::Io)?;
    let begun = Shutdown::default();
    let app = App::starting();
    let mut acceptor = Acceptor::new(listener, app.clone(), options.clone(), slots);
    let mut shutdown = pin!(shutdown);
    let starting = async {
        tokio::select! {
            biased;
            started = start => Some(started),
            () = &mut shutdown => None,
        }
    };
    let Some(started) = acceptor.accept_until(starting).await else { return Ok(()) };
    let (flags, mut all_options) = started.map_err(ServeError::Start)?;
    if all_options.streams_per_address == 0 {
        // A stream takes a connection, and others of the address must be left.
        all_options.streams_per_address = all_options.most_streams_of_address().min((connections / 2).max(1));
    }
    let state = router::state(flags, all_options, begun.clone());
    app.start(&state);
    health.ready(&state);
    tracing::info!(%address, "listening");
    acceptor.accept_until(shutdown).await;

    let signalled = Instant::now();
    begun.begin();
    tracing::info!(connections = acceptor.open(), "shutting down");
    let Options { notice, drain, .. } = options;
    acceptor.accept_until(sleep(notice.min(drain))).await;
    acceptor.finish(drain.saturating_sub(signalled.elapsed())).await;
    Ok(())
}

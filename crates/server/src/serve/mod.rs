//! Serving on a socket: connections, TLS, timeouts and shutdown.

pub(crate) mod server;
pub(crate) mod write_timeout;

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use novi::Flags;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    app::shutdown::Shutdown, http::peer::Peer, ofrep::fast_path::FastPath, options::Options, router,
    serve::write_timeout::TimeoutStream,
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
    tracing::info!(address = %listener.local_addr()?, "listening");
    let begun = Shutdown::default();
    let state = router::state(flags, options.clone(), begun.clone());
    let app = FastPath::new(state.clone(), router::build(&state));
    let mut acceptor = Acceptor::new(listener, app, options);
    acceptor.accept_until(shutdown).await;

    let signalled = Instant::now();
    begun.begin();
    tracing::info!(connections = acceptor.connections.len(), "shutting down");
    let Options { notice, drain, .. } = acceptor.options;
    acceptor.accept_until(sleep(notice.min(drain))).await;
    acceptor.finish(drain.saturating_sub(signalled.elapsed())).await;
    Ok(())
}

/// The accept loop, with its open connections.
struct Acceptor {
    listener: TcpListener,
    app: FastPath,
    options: Options,
    http: http1::Builder,
    slots: Arc<Semaphore>,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

impl Acceptor {
    /// The largest buffer of a connection, and so the longest head. Heads of browsers and proxies are below
    /// 16 KiB.
    const BUFFER: usize = 64 * 1024;
    /// hyper adds the timeout to the current time, which must not overflow.
    const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

    fn new(listener: TcpListener, app: FastPath, options: Options) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.header_read_timeout.min(Self::LONGEST_TIMEOUT))
            .max_buf_size(Self::BUFFER);
        let slots = Arc::new(Semaphore::new(options.max_connections.min(Semaphore::MAX_PERMITS)));
        let (graceful, connections) = (GracefulShutdown::new(), JoinSet::new());
        Self { listener, app, options, http, slots, graceful, connections }
    }

    async fn accept_until(&mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                // Frees the task of a closed connection.
                Some(_) = self.connections.join_next() => {}
                Some((stream, peer, slot)) = accept(&self.listener, &self.slots) => self.spawn(stream, peer, slot),
            }
        }
    }

    fn spawn(&mut self, stream: TcpStream, peer: Peer, slot: OwnedSemaphorePermit) {
        // Responses are small and written at once; waiting for more would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("could not set TCP_NODELAY: {error}");
        }
        let stream = TimeoutStream::new(stream, self.options.write_timeout);
        let connection = Connection {
            app: self.app.clone(),
            peer,
            http: self.http.clone(),
            watcher: self.graceful.watcher(),
        };
        let tls = self.options.tls.clone();
        // A slow handshake is like a slow head of a request.
        let limit = self.options.header_read_timeout.min(Self::LONGEST_TIMEOUT);
        self.connections.spawn(async move {
            match tls {
                None => connection.serve(stream).await,
                Some(tls) => match timeout(limit, tls.accept(stream)).await {
                    Ok(Ok(stream)) => connection.serve(stream).await,
                    Ok(Err(error)) => tracing::debug!("TLS handshake with {} failed: {error}", peer.0),
                    Err(_) => tracing::debug!("TLS handshake with {} took more than {limit:?}", peer.0),
                },
            }
            drop(slot);
        });
    }

    /// Closes the socket and idle connections, and waits for the others.
    async fn finish(self, limit: Duration) {
        drop(self.listener);
        if timeout(limit, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "cutting off requests that took too long");
        }
    }
}

/// A connection to a client.
struct Connection {
    app: FastPath,
    peer: Peer,
    http: http1::Builder,
    watcher: Watcher,
}

impl Connection {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { app, peer, http, watcher } = self;
        let service = service_fn(move |request| app.clone().call(peer, request));
        if let Err(error) = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await {
            tracing::debug!("connection closed: {error}");
        }
    }
}

/// The next connection, once there is a slot for it. Returns `None` on an error.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
    // Without a pause, a lack of file descriptors would keep a core busy.
    const PAUSE: Duration = Duration::from_millis(100);
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, Peer(address.ip().to_canonical()), slot)),
        Err(error) => {
            tracing::error!("could not accept a connection: {error}");
            sleep(PAUSE).await;
            None
        }
    }
}

//! A listening socket, its connections, and how they end.

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{Request, header},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
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
use tower::ServiceExt as _;

use crate::{
    Options, ofrep,
    patient::Patient,
    peer::Peer,
    router,
    state::{AppState, Closing},
};

/// Answers HTTP/1.1 on a listening socket until `shutdown` is ready, then lets open requests finish.
///
/// At the signal readiness turns to 503. For [`Options::notice`] requests are answered as before, each connection being
/// closed after its answer; then the socket is closed, idle connections with it. Requests that are open may take until
/// [`Options::drain`] after the signal; what is still open then is cut off.
///
/// # Errors
/// The socket is none that listens. Failures to accept a connection are logged and survived.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let flags = novi::Flags::builder().keep_rows().connect("sqlite://novi.db").await?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// // Where the signal can not be heard, the server goes on.
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
    let closing = Closing::default();
    let state = AppState::new(flags, options.clone(), closing.clone());
    let app = router::build(&state);
    let mut server = Server::new(listener, state, app, options);
    server.accept_until(shutdown).await;

    let signalled = Instant::now();
    closing.begin();
    tracing::info!(connections = server.connections.len(), "shutting down");
    let Options { notice, drain, .. } = server.options;
    server.accept_until(sleep(notice.min(drain))).await;
    server.finish(drain.saturating_sub(signalled.elapsed())).await;
    Ok(())
}

struct Server {
    listener: TcpListener,
    state: AppState,
    app: Router,
    options: Options,
    http: http1::Builder,
    slots: Arc<Semaphore>,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

impl Server {
    /// The most that a connection buffers, and so the longest head: what browsers and proxies send is under 16 KiB.
    const BUFFER: usize = 64 * 1024;
    /// hyper adds the timeout to the present time, which must not overflow.
    const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

    fn new(listener: TcpListener, state: AppState, app: Router, options: Options) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.header_read_timeout.min(Self::LONGEST_TIMEOUT))
            .max_buf_size(Self::BUFFER);
        let slots = Arc::new(Semaphore::new(options.max_connections.min(Semaphore::MAX_PERMITS)));
        let (graceful, connections) = (GracefulShutdown::new(), JoinSet::new());
        Self { listener, state, app, options, http, slots, graceful, connections }
    }

    async fn accept_until(&mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                // Connections that have ended are forgotten as they end.
                Some(_) = self.connections.join_next() => {}
                Some((stream, peer, slot)) = accept(&self.listener, &self.slots) => self.answer(stream, peer, slot),
            }
        }
    }

    fn answer(&mut self, stream: TcpStream, peer: Peer, slot: OwnedSemaphorePermit) {
        // Answers are small and written at once: waiting for more would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("could not set TCP_NODELAY: {error}");
        }
        let stream = Patient::new(stream, self.options.write_timeout);
        let connection = Connection {
            state: self.state.clone(),
            app: self.app.clone(),
            peer,
            http: self.http.clone(),
            watcher: self.graceful.watcher(),
        };
        let tls = self.options.tls.clone();
        let patience = self.options.header_read_timeout.min(Self::LONGEST_TIMEOUT);
        self.connections.spawn(async move {
            match tls {
                None => connection.serve(stream).await,
                // Who is slow to shake hands is as one who is slow to send a head.
                Some(tls) => match timeout(patience, tls.accept(stream)).await {
                    Ok(Ok(stream)) => connection.serve(stream).await,
                    Ok(Err(error)) => tracing::debug!("no TLS with {}: {error}", peer.0),
                    Err(_) => tracing::debug!("no TLS with {} within {patience:?}", peer.0),
                },
            }
            drop(slot);
        });
    }

    /// Closes the socket and idle connections, and gives the others this long.
    async fn finish(self, patience: Duration) {
        drop(self.listener);
        if timeout(patience, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "requests took too long and are cut off");
        }
    }
}

/// A client that is connected.
struct Connection {
    state: AppState,
    app: Router,
    peer: Peer,
    http: http1::Builder,
    watcher: Watcher,
}

impl Connection {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { state, app, peer, http, watcher } = self;
        let service = service_fn(move |request| answer(state.clone(), app.clone(), peer, request));
        if let Err(error) = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await {
            tracing::debug!("a connection ended: {error}");
        }
    }
}

/// Questions for flags go straight to where they are answered, all else to the router.
async fn answer(
    state: AppState,
    app: Router,
    peer: Peer,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    // What a browser asks for a page of another origin is seen to by the router.
    let is_of_page = !state.options().origins.is_empty() && request.headers().contains_key(header::ORIGIN);
    if !is_of_page && ofrep::is_evaluation(request.method(), request.uri().path()) {
        return Ok(ofrep::answer(&state, Some(peer), "", request).await);
    }
    request.extensions_mut().insert(peer);
    app.oneshot(request).await
}

/// The next connection, once there is room for it; nothing where that failed.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
    // Out of file descriptors, for one: trying again at once would only keep a core busy.
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

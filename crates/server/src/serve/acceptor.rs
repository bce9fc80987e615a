//! The accept loop, and its connections.

use std::{convert::Infallible, future::Future, pin::pin, time::Duration};

use axum::http::header;

use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    http::peer::Peer,
    options::{Options, tls::HTTP2},
    serve::{
        app::{App, Scope},
        slots::{Slot, Slots},
        write_timeout::TimeoutStream,
    },
};

/// The accept loop, with its open connections.
pub(crate) struct Acceptor {
    listener: TcpListener,
    app: App,
    options: Options,
    http: http1::Builder,
    slots: Slots,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

impl Acceptor {
    /// The largest buffer of a connection, and so the longest head. Heads of browsers and proxies are below
    /// 16 KiB.
    const BUFFER: usize = 64 * 1024;
    /// hyper adds the timeout to the current time, which must not overflow.
    const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);

    pub(crate) fn new(listener: TcpListener, app: App, options: Options, slots: Slots) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(options.header_read_timeout.min(Self::LONGEST_TIMEOUT))
            .max_buf_size(Self::BUFFER);
        let (graceful, connections) = (GracefulShutdown::new(), JoinSet::new());
        Self { listener, app, options, http, slots, graceful, connections }
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.connections.len()
    }

    /// Accepts connections until `stop` completes, and returns its result.
    pub(crate) async fn accept_until<T>(&mut self, stop: impl Future<Output = T>) -> T {
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                stopped = &mut stop => return stopped,
                // Frees the task of a closed connection.
                Some(_) = self.connections.join_next() => {}
                // A pattern here would end the branch, and with it accepting, until a connection closes.
                accepted = accept(&self.listener, &self.slots) => {
                    if let Some((stream, peer, slot)) = accepted {
                        self.spawn(stream, peer, slot);
                    }
                }
            }
        }
    }

    fn spawn(&mut self, stream: TcpStream, peer: Peer, slot: Slot) {
        // Responses are small and written at once; waiting for more would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("could not set TCP_NODELAY: {error}");
        }
        let stream = TimeoutStream::new(stream, self.options.write_timeout);
        let mut http = self.http.clone();
        // A slow handshake is like a slow head of a request.
        let mut limit = self.options.header_read_timeout.min(Self::LONGEST_TIMEOUT);
        if slot.scope() == Scope::Health {
            limit = limit.min(Slot::RESERVED_TIMEOUT);
            http.header_read_timeout(limit).keep_alive(false);
        }
        let connection = Connection {
            app: self.app.clone(),
            scope: slot.scope(),
            peer,
            http,
            watcher: self.graceful.watcher(),
        };
        let tls = self.options.tls.clone();
        self.connections.spawn(async move {
            match tls {
                None => connection.serve(stream).await,
                Some(tls) => match timeout(limit, tls.accept(stream)).await {
                    Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(HTTP2) => {
                        connection.serve_http2(stream).await;
                    }
                    Ok(Ok(stream)) => connection.serve(stream).await,
                    Ok(Err(error)) => tracing::debug!("TLS handshake with {} failed: {error}", peer.0),
                    Err(_) => tracing::debug!("TLS handshake with {} took more than {limit:?}", peer.0),
                },
            }
            drop(slot);
        });
    }

    /// Closes the socket and idle connections, and waits for the others.
    pub(crate) async fn finish(self, limit: Duration) {
        drop(self.listener);
        if timeout(limit, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "cutting off requests that took too long");
        }
    }
}

/// A connection to a client.
struct Connection {
    app: App,
    scope: Scope,
    peer: Peer,
    http: http1::Builder,
    watcher: Watcher,
}

impl Connection {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { app, scope, peer, http, watcher } = self;
        let service = service_fn(move |request| app.clone().call(scope, peer, request));
        if let Err(error) = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await {
            tracing::debug!("connection closed: {error}");
        }
    }
}

impl Connection {
    /// HTTP/2, which needs TLS: browsers speak it over nothing else.
    async fn serve_http2<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        /// The most requests of a connection at a time; the event streams of all tabs of a browser share one.
        const MOST_STREAMS: u32 = 250;
        /// As over HTTP/1.1.
        const LONGEST_HEAD: u32 = 64 * 1024;
        /// How often to check that a silent client is still there, and how long it may take to answer.
        const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));
        let Self { app, scope, peer, watcher, .. } = self;
        let service = service_fn(move |request| {
            let answer = app.clone().call(scope, peer, request);
            async move {
                let mut response = answer.await?;
                // HTTP/2 has a frame for it.
                response.headers_mut().remove(header::CONNECTION);
                Ok::<_, Infallible>(response)
            }
        });
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(LONGEST_HEAD)
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1);
        if let Err(error) = watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await {
            tracing::debug!("connection closed: {error}");
        }
    }
}

/// The next connection, once there is a slot for it. Returns `None` if there is none.
async fn accept(listener: &TcpListener, slots: &Slots) -> Option<(TcpStream, Peer, Slot)> {
    // Without a pause, a lack of file descriptors would keep a core busy.
    const PAUSE: Duration = Duration::from_millis(100);
    let ticket = slots.next().await?;
    match listener.accept().await {
        Ok((stream, address)) => {
            let peer = Peer(address.ip().to_canonical());
            let slot = slots.admit(ticket, peer)?;
            Some((stream, peer, slot))
        }
        Err(error) => {
            tracing::error!("could not accept a connection: {error}");
            sleep(PAUSE).await;
            None
        }
    }
}

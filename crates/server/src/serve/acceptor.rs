//! The accept loop.

use std::{future::Future, pin::pin, time::Duration};

use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    http::peer::Peer,
    options::Options,
    serve::{
        app::{App, Scope},
        closing::Closer,
        connection::Connection,
        http2::Limits,
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
    closer: Closer,
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
        let (closer, connections) = (Closer::new(), JoinSet::new());
        Self { listener, app, options, http, slots, closer, connections }
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
        let mut http = self.http.clone();
        let mut limits = Limits {
            idle: self.options.header_read_timeout.min(Self::LONGEST_TIMEOUT),
            write: self.options.write_timeout.min(Self::LONGEST_TIMEOUT),
        };
        if slot.scope() == Scope::Health {
            limits.idle = limits.idle.min(Slot::RESERVED_TIMEOUT);
            limits.write = limits.write.min(Slot::RESERVED_TIMEOUT);
            http.header_read_timeout(limits.idle).keep_alive(false);
        }
        let stream = TimeoutStream::new(stream, limits.write);
        let connection = Connection {
            app: self.app.clone(),
            scope: slot.scope(),
            peer,
            http,
            limits,
            closing: self.closer.signal(),
        };
        let tls = self.options.tls.clone();
        self.connections.spawn(async move {
            connection.serve(stream, tls).await;
            drop(slot);
        });
    }

    /// Closes the socket and idle connections, and waits for the others.
    pub(crate) async fn finish(mut self, limit: Duration) {
        drop(self.listener);
        self.closer.close();
        let closed = async { while self.connections.join_next().await.is_some() {} };
        if timeout(limit, closed).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "cutting off requests that took too long");
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

//! A connection to a client.

use std::pin::pin;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;

use crate::{
    http::peer::Peer,
    options::tls::{HTTP2, Tls},
    serve::{
        app::{App, Scope},
        closing::Closing,
        http2::{self, Limits},
    },
};

/// A connection to a client.
pub(crate) struct Connection {
    pub(crate) app: App,
    pub(crate) scope: Scope,
    pub(crate) peer: Peer,
    pub(crate) http: http1::Builder,
    pub(crate) limits: Limits,
    pub(crate) closing: Closing,
}

impl Connection {
    /// Serves the requests of a client, over TLS if there is a certificate.
    pub(crate) async fn serve<S>(mut self, stream: S, tls: Option<Tls>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(tls) = tls else { return self.serve_http1(stream).await };
        // A slow handshake is like a slow head of a request.
        let (limit, client) = (self.limits.idle, self.peer.0);
        let handshake = tokio::select! {
            biased;
            // There is no request yet.
            () = self.closing.begun() => return,
            handshake = timeout(limit, tls.accept(stream)) => handshake,
        };
        match handshake {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(HTTP2) => {
                let Self { app, scope, peer, limits, closing, .. } = self;
                http2::serve(stream, app, scope, peer, limits, closing).await;
            }
            Ok(Ok(stream)) => self.serve_http1(stream).await,
            Ok(Err(error)) => tracing::debug!("TLS handshake with {client} failed: {error}"),
            Err(_) => tracing::debug!("TLS handshake with {client} took more than {limit:?}"),
        }
    }

    async fn serve_http1<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { app, scope, peer, http, mut closing, .. } = self;
        let service = service_fn(move |request| app.clone().call(scope, peer, request));
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let served = tokio::select! {
            biased;
            served = connection.as_mut() => served,
            () = closing.begun() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!("connection closed: {error}");
        }
    }
}

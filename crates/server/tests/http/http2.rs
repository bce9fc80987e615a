//! HTTP/2 connections whose clients send or read nothing.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Revision, Rows},
};
use novi_server::Options;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::CertificateDer};

use crate::{
    common::{PATIENCE, Server, demo},
    tls::{client_config, renew, tls},
};

const SHORT: Duration = Duration::from_millis(300);

struct Site {
    server: Server,
    trusted: CertificateDer<'static>,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn start(rows: Rows, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trusted = renew(folder.path());
        let options = options.tls(tls(folder.path()).unwrap());
        let flags = Flags::builder().keep_rows().from_rows(rows).unwrap();
        Self { server: Server::start_with(flags, options).await, trusted, _folder: folder }
    }

    /// A connection after the handshake of TLS.
    async fn connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = client_config(&self.trusted);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = self.server.connect().await;
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
    }

    /// An event stream whose client accepts this many bytes that nobody reads; `None` on a busy machine.
    async fn stream(&self, window: u32) -> Option<(Client, Incoming)> {
        let all = Request::post("https://localhost/ofrep/v1/evaluate/flags")
            .header("content-type", "application/json")
            .body(Full::from(r#"{"context": {}}"#))
            .unwrap();
        let (_, body) = self.client(1 << 16).await.ok()?.send(all).await.ok()?;
        let all: serde_json::Value = serde_json::from_str(&text(body).await).unwrap();
        let path = all["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
        let mut client = self.client(window).await.ok()?;
        let (status, body) = client.send(get(path)).await.ok()?;
        (status == 200).then_some((client, body))
    }

    /// A client that answers pings, and accepts this many bytes of a response that nobody reads.
    async fn client(&self, window: u32) -> hyper::Result<Client> {
        let stream = TokioIo::new(self.connect().await.unwrap());
        let mut http = http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = http.initial_stream_window_size(window).handshake(stream).await?;
        Ok(Client { sender, connection: tokio::spawn(connection) })
    }
}

struct Client {
    sender: http2::SendRequest<Full<Bytes>>,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Client {
    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<(u16, Incoming)> {
        let response = timeout(PATIENCE, self.sender.send_request(request)).await.unwrap()?;
        Ok((response.status().as_u16(), response.into_body()))
    }

    async fn get(&mut self, path: &str) -> (u16, Incoming) {
        self.send(get(path)).await.unwrap()
    }

    async fn closed(self) {
        // An error is that of a cut connection.
        let (Ok(()) | Err(_)) = timeout(PATIENCE, self.connection).await.unwrap().unwrap();
        drop(self.sender);
    }
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("https://localhost{path}")).body(Full::default()).unwrap()
}

async fn text(body: Incoming) -> String {
    let bytes = timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Reads an event stream until an event is complete.
async fn event(body: &mut Incoming) {
    let mut text = String::new();
    while !text.contains("refetchEvaluation") {
        let frame = timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
    }
}

/// Options with these timeouts for the head of a request, and for reading a response.
fn options(head: Duration, write: Duration) -> Options {
    let mut options = Options::default().connections_per_address(99);
    (options.header_read_timeout, options.write_timeout) = (head, write);
    options
}

/// Tries until there is a value. A busy machine may miss the short limits of the servers.
async fn eventually<T, F: Future<Output = Option<T>>>(mut attempt: impl FnMut() -> F) -> T {
    let polled = async {
        loop {
            if let Some(value) = attempt().await {
                return value;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, polled).await.unwrap()
}

/// Reads until the server closes the connection.
async fn closed(mut stream: TlsStream<TcpStream>) {
    let mut bytes = Vec::new();
    let (Ok(_) | Err(_)) = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap();
}

#[tokio::test]
async fn client_that_sends_nothing_is_disconnected() {
    let site = Site::start(demo(), options(SHORT, PATIENCE)).await;
    closed(eventually(async || site.connect().await.ok()).await).await;
    let begun = eventually(async || {
        let mut stream = site.connect().await.ok()?;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM").await.ok()?;
        Some(stream)
    });
    closed(begun.await).await;
}

#[tokio::test]
async fn clients_that_send_nothing_do_not_delay_the_shutdown() {
    let mut options = options(10 * PATIENCE, PATIENCE);
    (options.notice, options.drain) = (Duration::ZERO, 10 * PATIENCE);
    let site = Site::start(demo(), options).await;
    let without_tls = site.server.connect().await;
    let silent = site.connect().await.unwrap();
    let mut idle = site.client(1 << 16).await.unwrap();
    assert_eq!(idle.get("/health/live").await.0, 200);
    site.server.ended_after_signal().await;
    idle.closed().await;
    drop((without_tls, silent));
}

#[tokio::test]
async fn idle_client_is_disconnected_though_it_answers_pings() {
    let site = Site::start(demo(), options(SHORT, PATIENCE)).await;
    let client = eventually(async || {
        let mut client = site.client(1 << 16).await.ok()?;
        drop(client.send(get("/health/live")).await.ok()?);
        Some(client)
    });
    client.await.closed().await;
}

#[tokio::test]
async fn unread_responses_are_dropped() {
    for window in [0, 1, 20_000] {
        let mut options = options(SHORT, SHORT);
        options.max_connections = 1;
        let config = format!("[{}]", " ".repeat(100_000));
        let rows = Rows {
            flags: vec![FlagRow::new(1, "large", true)],
            activations: vec![ActivationRow::new(1, "large", "novi.and", config)],
            links: vec![LinkRow::new(1, 1)],
            ..Rows::default()
        };
        let site = Site::start(rows, options).await;
        let answered = async |window| {
            let mut client = site.client(window).await.ok()?;
            let (status, body) = client.send(get("/flags")).await.ok()?;
            (status == 200).then_some((client, body))
        };
        let (client, body) = eventually(|| answered(window)).await;
        client.closed().await;
        // The only connection is free again.
        drop(eventually(|| answered(1 << 20)).await);
        drop(body);
    }
}

#[tokio::test]
async fn slow_reader_gets_the_whole_response() {
    let site = Site::start(demo(), options(PATIENCE, PATIENCE)).await;
    for (window, path, end) in [(1, "/flags", ']'), (1000, "/openapi.json", '}')] {
        let mut client = site.client(window).await.unwrap();
        let (status, body) = client.get(path).await;
        assert_eq!((status, text(body).await.ends_with(end)), (200, true), "{path}");
    }
}

#[tokio::test]
async fn unread_event_stream_frees_its_slot() {
    let mut options = options(SHORT, SHORT);
    options.max_streams = 1;
    let site = Site::start(demo(), options).await;
    let unread = eventually(|| site.stream(0)).await;
    drop(eventually(|| site.stream(1 << 16)).await);
    drop(unread);
}

#[tokio::test]
async fn event_stream_is_behind_until_its_client_reads() {
    let site = Site::start(demo(), options(PATIENCE, PATIENCE)).await;
    // What is sent first fills the window of the slow client.
    let (slow, mut unread) = site.stream(1).await.unwrap();
    let (quick, mut read) = site.stream(1 << 16).await.unwrap();
    let streams = async || {
        let (status, body) = site.client(1 << 16).await.unwrap().get("/api/status").await;
        let status: (u16, serde_json::Value) = (status, serde_json::from_str(&text(body).await).unwrap());
        assert_eq!(status.0, 200, "{}", status.1);
        ["open", "behind"].map(|count| status.1["event_streams"][count].as_u64())
    };
    assert_eq!(streams().await, [Some(2), Some(0)]);
    let change = async |revision: i64, read: &mut Incoming| {
        site.server.flags.replace_rows(Rows { revision: Revision::new(revision), ..demo() });
        event(read).await;
    };
    // The connection takes one part before there is space for it, and no further one.
    change(7, &mut read).await;
    eventually(async || (streams().await == [Some(2), Some(0)]).then_some(())).await;
    change(8, &mut read).await;
    assert_eq!(streams().await, [Some(2), Some(1)]);
    event(&mut unread).await;
    event(&mut unread).await;
    assert_eq!(streams().await, [Some(2), Some(0)]);
    drop((slow, quick));
}

#[tokio::test]
async fn connection_for_health_checks_closes_after_its_response() {
    let mut options = options(10 * PATIENCE, PATIENCE);
    options.max_connections = 1;
    let site = Site::start(demo(), options).await;
    let held = site.server.connect().await;
    // The handshake of such a connection has a limit that a busy machine may miss.
    let reply = eventually(async || {
        let mut client = site.client(1 << 16).await.ok()?;
        let (status, body) = client.send(get("/health/ready")).await.ok()?;
        Some((client, status, text(body).await))
    });
    let (client, status, text) = reply.await;
    assert_eq!(status, 200, "{text}");
    client.closed().await;
    drop(held);
}

#[tokio::test]
async fn requests_have_one_host_and_few_headers() {
    let site = Site::start(demo(), options(PATIENCE, PATIENCE)).await;
    let mut client = site.client(1 << 16).await.unwrap();
    let mut with = async |headers: &[(&str, &str)]| {
        let mut request = get("/health/live");
        for (name, value) in headers {
            let name = name.parse::<hyper::header::HeaderName>().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let (status, body) = client.send(request).await.unwrap();
        (status, text(body).await)
    };
    assert_eq!(with(&[("host", "LOCALHOST")]).await.0, 200);
    let (status, text) = with(&[("host", "other")]).await;
    assert!(status == 400 && text.contains("expected exactly one"), "{text}");
    assert_eq!(with(&[("x-a", "1"); 99]).await.0, 200);
    let (status, text) = with(&[("x-a", "1"); 101]).await;
    assert!(status == 431 && text.contains("headers: expected at most 100"), "{text}");
}

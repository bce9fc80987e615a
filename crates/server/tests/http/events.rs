//! Event streams.

use std::time::Duration;

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Revision, Rows},
};
use novi_server::{Options, SigningKey};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::common::{PATIENCE, Reply, Server};

const BULK: &str = "/ofrep/v1/evaluate/flags";

fn rows(revision: i64) -> Rows {
    Rows { revision: Revision::new(revision), flags: vec![FlagRow::new(1, "a", true)], ..Rows::default() }
}

async fn start(options: Options) -> Server {
    Server::start_with(Flags::from_rows(rows(1)).unwrap(), options).await
}

/// The URL of a stream.
async fn address(server: &Server) -> String {
    let request = server.client.post(server.url(BULK)).header("content-type", "application/json");
    let reply = Reply::of(request.body(r#"{"context":{}}"#).send().await.unwrap()).await.ok();
    reply["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap().to_owned()
}

/// A stream that is read line by line.
struct Listener(BufReader<TcpStream>);

impl Listener {
    async fn open(server: &Server, address: &str) -> Self {
        let mut stream = server.connect().await;
        let request = format!("GET {address} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut listener = Self(BufReader::new(stream));
        assert_eq!(listener.line().await, "HTTP/1.1 200 OK");
        listener.until("content-type: text/event-stream").await;
        listener.until(": welcome").await;
        listener
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line)).await.unwrap().unwrap();
        line.trim_end().to_owned()
    }

    async fn until(&mut self, start: &str) -> String {
        loop {
            let line = self.line().await;
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// The revision of the next event.
    async fn event(&mut self) -> String {
        self.until("event: message").await;
        let data = self.until("data: ").await;
        let json: serde_json::Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(json["type"], "refetchEvaluation");
        assert!(json["lastModified"].as_i64().unwrap() > 1_700_000_000);
        json["etag"].as_str().unwrap().to_owned()
    }

    /// Waits for the end.
    async fn end(mut self) {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.unwrap().unwrap();
        // The last chunk: the response is complete.
        assert!(rest.ends_with(b"0\r\n\r\n"), "{:?}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn every_stream_receives_a_change() {
    let server = start(Options::default()).await;
    let address = address(&server).await;
    let mut one = Listener::open(&server, &address).await;
    let mut other = Listener::open(&server, &address).await;
    for revision in [2, 3] {
        server.flags.replace_rows(rows(revision));
        assert_eq!(one.event().await, format!("r{revision}-0"));
        assert_eq!(other.event().await, format!("r{revision}-0"));
    }
}

#[tokio::test]
async fn change_before_the_stream_is_sent_at_once() {
    let server = start(Options::default()).await;
    let address = address(&server).await;
    server.flags.replace_rows(rows(2));
    assert_eq!(Listener::open(&server, &address).await.event().await, "r2-0");
}

#[tokio::test]
async fn other_rows_under_the_same_revision_are_a_change() {
    let server = start(Options::default()).await;
    let address = address(&server).await;
    let mut listener = Listener::open(&server, &address).await;
    server.flags.replace_rows(Rows { revision: Revision::new(1).stamped(31), ..Rows::default() });
    assert_eq!(listener.event().await, "r1-1f");
    assert_eq!(Listener::open(&server, &address).await.event().await, "r1-1f");
}

#[tokio::test]
async fn change_by_the_clock_is_sent() {
    let server = start(Options::default()).await;
    let address = address(&server).await;
    let mut listener = Listener::open(&server, &address).await;
    let opens = chrono::Utc::now() + chrono::TimeDelta::milliseconds(1500);
    let mut timed = rows(2);
    let config = format!(r#"{{"startDateTime": "{}"}}"#, opens.to_rfc3339());
    timed.activations.push(ActivationRow::new(1, "opens", "novi.date_time", config));
    timed.links.push(LinkRow::new(1, 1));
    server.flags.replace_rows(timed);
    assert_eq!(listener.event().await, "r2-0");
    assert_eq!(listener.event().await, "r2-0");
    assert!(chrono::Utc::now() >= opens);
}

#[tokio::test]
async fn stream_requires_a_valid_ticket() {
    let server = start(Options::default()).await;
    for address in ["/ofrep/v1/events", "/ofrep/v1/events?ticket=", "/ofrep/v1/events?ticket=AAAA"] {
        let message = server.get(address).await.error(401, "unauthorized");
        assert!(message.starts_with("ticket: expected the one of a response"), "{message}");
    }
    // Another server accepts it only with the same key.
    let key = SigningKey::new("a secret of sixteen bytes").unwrap();
    let mut options = Options::default();
    options.signing_key = Some(key);
    let (one, other) = (start(options.clone()).await, start(options).await);
    let address = address(&one).await;
    Listener::open(&other, &address).await;
    server.get(&address).await.error(401, "unauthorized");
}

#[tokio::test]
async fn streams_of_one_address_leave_connections_for_its_other_requests() {
    let server = start(Options::default().connections_per_address(4)).await;
    let address = address(&server).await;
    let streams = [Listener::open(&server, &address).await, Listener::open(&server, &address).await];
    let refused = server.get(&address).await;
    refused.error(429, "too_many_streams");
    assert_eq!(refused.header("retry-after"), Some("10"));
    assert_eq!(server.get("/health/live").await.status, 200);
    drop(streams);
}

#[tokio::test]
async fn streams_of_one_address_may_be_set() {
    let options = Options::default().connections_per_address(4).streams_per_address(1);
    let server = start(options).await;
    let address = address(&server).await;
    let _stream = Listener::open(&server, &address).await;
    server.get(&address).await.error(429, "too_many_streams");
}

#[tokio::test]
async fn streams_beyond_the_limit_are_rejected() {
    let mut options = Options::default();
    options.max_streams = 1;
    options.keep_alive = Duration::from_millis(50);
    let server = start(options).await;
    let address = address(&server).await;
    let mut listener = Listener::open(&server, &address).await;
    listener.until(": still here").await;
    let refused = server.get(&address).await;
    refused.error(503, "too_many_streams");
    assert_eq!(refused.header("retry-after"), Some("10"));
    drop(listener);
    // The slot is free as soon as the server notices the closed connection.
    let freed = timeout(PATIENCE, async {
        while server.client.get(server.url(&address)).send().await.unwrap().status() == 503 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    freed.await.unwrap();
}

#[tokio::test]
async fn streams_end_at_shutdown() {
    let mut server = start(Options::default()).await;
    let address = address(&server).await;
    let listener = Listener::open(&server, &address).await;
    server.signal();
    listener.end().await;
    server.ended().await;
}

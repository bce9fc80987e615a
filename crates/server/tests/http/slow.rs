//! Slow clients.

use std::time::Duration;

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_server::Options;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::{Instant, sleep, timeout},
};

use crate::common::{PATIENCE, Reply, Server, demo};

const SHORT: Duration = Duration::from_millis(400);

async fn start(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options::default();
    change(&mut options);
    Server::start_with(Flags::builder().keep_rows().from_rows(demo()).unwrap(), options).await
}

#[tokio::test]
async fn incomplete_head_times_out() {
    let server = start(|options| options.header_read_timeout = SHORT).await;
    let started = Instant::now();
    let (mut silent, mut slow) = (server.connect().await, server.connect().await);
    slow.write_all(b"GET /flags HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let dripping = async {
        // Each byte is in time; the whole head is not.
        while slow.write_all(b"a").await.is_ok() && started.elapsed() < PATIENCE {
            sleep(SHORT / 10).await;
        }
        started.elapsed()
    };
    let silence = async {
        let mut answer = Vec::new();
        timeout(PATIENCE, silent.read_to_end(&mut answer)).await.unwrap().unwrap();
        (answer, started.elapsed())
    };
    let (dripped, (answer, silent_for)) = tokio::join!(dripping, silence);
    assert_eq!(answer, b"");
    for elapsed in [dripped, silent_for] {
        assert!((SHORT..PATIENCE).contains(&elapsed), "{elapsed:?}");
    }
}

#[tokio::test]
async fn incomplete_body_times_out() {
    let server = start(|options| options.request_timeout = SHORT).await;
    for head in ["content-length: 1000", "transfer-encoding: chunked"] {
        let mut stream = server.connect().await;
        let request = format!("POST /evaluatedFlags HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let started = Instant::now();
        let message = Reply::read(&mut stream).await.error(408, "request_timeout");
        assert_eq!(message, "body: not received within 400ms");
        assert!(started.elapsed() >= SHORT, "{:?}", started.elapsed());
        // The fast path of OFREP has the same limit.
        let mut stream = server.connect().await;
        let request = format!("POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let reply = Reply::read(&mut stream).await;
        assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (408, Some("request_timeout")));
    }
}

#[tokio::test]
async fn unread_response_times_out() {
    let (short, long) = (large(SHORT).await, large(PATIENCE).await);
    let mut stream = short.connect().await;
    stream.write_all(b"GET /flags HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // Only one connection is allowed, so others are rejected until that one times out.
    let started = Instant::now();
    while short.get_raw("/features").await.status == 503 {
        assert!(started.elapsed() < PATIENCE, "it never times out");
    }
    assert!(started.elapsed() >= SHORT, "{:?}", started.elapsed());
    drop(stream);

    // A slow reader gets the whole response. With a small window the server waits repeatedly.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut slow = socket.connect(long.address).await.unwrap();
    slow.write_all(b"GET /flags HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let (mut length, mut buffer) = (0, vec![0; 64 * 1024]);
    loop {
        let read = timeout(PATIENCE, slow.read(&mut buffer)).await.unwrap().unwrap();
        length += read;
        if read == 0 {
            break;
        }
    }
    assert!(length > 12_000_000, "{length}");
}

/// A server for one connection, whose response is larger than the buffers of a socket.
async fn large(write_timeout: Duration) -> Server {
    let mut options = Options::default();
    (options.write_timeout, options.max_connections) = (write_timeout, 1);
    options.connections_per_address = 9;
    let config = format!("[{}]", " ".repeat(12_000_000));
    let rows = Rows {
        flags: vec![FlagRow::new(1, "large", true)],
        activations: vec![ActivationRow::new(1, "large", "novi.and", config)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    };
    Server::start_with(Flags::builder().keep_rows().from_rows(rows).unwrap(), options).await
}

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
        assert!((SHORT..PATIENCE / 2).contains(&elapsed), "{elapsed:?}");
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
        assert!((SHORT..PATIENCE / 2).contains(&started.elapsed()), "{:?}", started.elapsed());
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
    let mut options = Options::default();
    // Longer than a busy machine pauses the slow reader below.
    options.write_timeout = SHORT * 5;
    options.max_connections = 1;
    options.connections_per_address = 9;
    // A response larger than the buffers of a socket.
    let config = format!("[{}]", " ".repeat(12_000_000));
    let rows = Rows {
        flags: vec![FlagRow::new(1, "large", true)],
        activations: vec![ActivationRow::new(1, "large", "novi.and", config)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    };
    let server = Server::start_with(Flags::builder().keep_rows().from_rows(rows).unwrap(), options).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /flags HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // Only one connection is allowed, so others are rejected until that one times out.
    let started = Instant::now();
    while server.get_raw("/features").await.status == 503 {}
    assert!((SHORT..PATIENCE / 2).contains(&started.elapsed()), "{:?}", started.elapsed());
    // A slow reader gets the whole response.
    let mut answer = Vec::new();
    // With a small window the server waits repeatedly, in total longer than its timeout.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut slow = socket.connect(server.address).await.unwrap();
    slow.write_all(b"GET /flags HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = timeout(PATIENCE, slow.read(&mut buffer)).await.unwrap().unwrap();
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
        sleep(SHORT / 40).await;
    }
    assert!(answer.len() > 12_000_000, "{}", answer.len());
    drop(stream);
}

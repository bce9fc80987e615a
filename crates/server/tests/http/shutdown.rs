//! Shutdown.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use novi::Flags;
use novi_server::Options;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::common::{PATIENCE, Reply, Server, client, demo, demo_json, until};

async fn start(notice: Duration, drain: Duration) -> Server {
    let mut options = Options::default();
    (options.notice, options.drain) = (notice, drain);
    Server::start_with(Flags::builder().keep_rows().from_rows(demo()).unwrap(), options).await
}

/// What the server sends, up to this end.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text.push(char::from(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap()));
    }
    text
}

/// A request that the server has begun to read: it has asked for the body.
async fn open_request(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    let head =
        b"POST /evaluatedFlags HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head).await.unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

/// Waits until the server is not ready.
async fn not_ready(server: &Server) -> Reply {
    let started = Instant::now();
    loop {
        let reply = server.get("/health/ready").await;
        if reply.status != 200 || started.elapsed() > PATIENCE {
            return reply;
        }
    }
}

#[tokio::test]
async fn shutdown_turns_readiness_first_and_still_answers_requests() {
    let mut server = start(PATIENCE, Duration::from_secs(1)).await;
    server.signal();
    let reply = not_ready(&server).await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.json()["reason"], "the server is shutting down");
    assert_eq!(server.get("/health/live").await.status, 200);
    let reply = server.get("/flags").await;
    assert_eq!(reply.ok(), demo_json([true; 4]));
    assert_eq!(reply.header("connection"), Some("close"));
    let address = server.address;
    server.ended().await;
    TcpStream::connect(address).await.unwrap_err();
}

#[tokio::test]
async fn shutdown_finishes_open_requests_and_closes_idle_connections() {
    let mut server = start(Duration::ZERO, PATIENCE).await;
    // The server may accept a connection later than the kernel, so each has a response.
    let mut idle = server.connect().await;
    idle.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(read_until(&mut idle, "}").await.starts_with("HTTP/1.1 200"));
    let mut open = open_request(&server).await;
    server.signal();
    assert_eq!(Reply::read(&mut idle).await.status, 0);
    open.write_all(b"{}").await.unwrap();
    assert_eq!(Reply::read(&mut open).await.ok(), demo_json([false; 4]));
    server.ended().await;
}

#[tokio::test]
async fn shutdown_cuts_off_requests_after_the_drain_time() {
    let drain = Duration::from_millis(500);
    let mut server = start(Duration::ZERO, drain).await;
    let mut open = open_request(&server).await;
    let started = Instant::now();
    server.signal();
    server.ended().await;
    assert!(started.elapsed() >= drain, "{:?}", started.elapsed());
    assert_eq!(Reply::read(&mut open).await.status, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shutdown_under_load_fails_no_request() {
    // All requests are made during the notice: a few, in a time in which thousands are answered.
    let mut server = start(Duration::from_secs(5), PATIENCE).await;
    let (stopping, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let url = server.url("/evaluatedFlags");
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (url, stopping, answered) = (url.clone(), Arc::clone(&stopping), Arc::clone(&answered));
            tokio::spawn(async move {
                let client = client();
                // As a load balancer that polls readiness: open requests finish, new ones go elsewhere.
                while !stopping.load(Ordering::SeqCst) {
                    let reply = Reply::of(client.post(&url).body("{}").send().await.unwrap()).await;
                    assert_eq!(reply.ok(), demo_json([false; 4]));
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    until(async || answered.load(Ordering::SeqCst) >= 500).await;
    server.signal();
    assert_eq!(not_ready(&server).await.status, 503);
    let before = answered.load(Ordering::SeqCst);
    until(async || answered.load(Ordering::SeqCst) >= before + 20).await;
    stopping.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    server.ended().await;
}

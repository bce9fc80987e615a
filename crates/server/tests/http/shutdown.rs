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
    io::AsyncWriteExt,
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::common::{PATIENCE, Reply, Server, client, demo, demo_json};

async fn start(notice: Duration, drain: Duration) -> Server {
    let mut options = Options::default();
    (options.notice, options.drain) = (notice, drain);
    Server::start_with(Flags::builder().keep_rows().from_rows(demo()).unwrap(), options).await
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
    let mut idle = server.connect().await;
    let mut open = server.connect().await;
    let head = b"POST /evaluatedFlags HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{";
    open.write_all(head).await.unwrap();
    // The server may accept a connection later than the kernel.
    server.get("/health/live").await.ok();
    sleep(Duration::from_millis(200)).await;
    server.signal();
    assert_eq!(Reply::read(&mut idle).await.status, 0);
    open.write_all(b"}").await.unwrap();
    assert_eq!(Reply::read(&mut open).await.ok(), demo_json([false; 4]));
    server.ended().await;
}

#[tokio::test]
async fn shutdown_cuts_off_requests_after_the_drain_time() {
    let drain = Duration::from_millis(500);
    let mut server = start(Duration::ZERO, drain).await;
    let mut open = server.connect().await;
    open.write_all(b"POST /evaluatedFlags HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{").await.unwrap();
    server.get("/health/live").await.ok();
    sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    server.signal();
    server.ended().await;
    assert!((drain..drain * 10).contains(&started.elapsed()), "{:?}", started.elapsed());
    assert_eq!(Reply::read(&mut open).await.status, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shutdown_under_load_fails_no_request() {
    // Long enough for a client to notice readiness on a busy machine.
    let mut server = start(Duration::from_secs(3), PATIENCE).await;
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
    while answered.load(Ordering::SeqCst) < 500 {
        sleep(Duration::from_millis(5)).await;
    }
    let started = Instant::now();
    server.signal();
    assert_eq!(not_ready(&server).await.status, 503);
    let before = answered.load(Ordering::SeqCst);
    sleep(Duration::from_millis(100)).await;
    stopping.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(answered.load(Ordering::SeqCst) > before, "nothing was answered after the signal");
    server.ended().await;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

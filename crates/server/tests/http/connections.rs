//! The limits of connections, and health checks that are answered in spite of them.

use std::{net::SocketAddr, thread};

use novi::{
    Flags,
    rows::{FlagRow, Rows},
};
use novi_server::{Options, ServeError, serve_from};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

use crate::{
    common::{PATIENCE, Reply, Server, client, demo},
    gate::gated,
};

/// An address that nobody listens on.
async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn send(stream: &mut TcpStream, request: &str) -> Reply {
    tokio::io::AsyncWriteExt::write_all(stream, request.as_bytes()).await.unwrap();
    Reply::read(stream).await
}

#[tokio::test]
async fn full_server_answers_health_checks_and_nothing_else() {
    let options =
        Options::default().max_connections(2).connections_per_address(9).header_read_timeout(PATIENCE);
    let server = Server::start_with(Flags::from_rows(demo()).unwrap(), options).await;
    // Both are accepted once they have an answer.
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        let request = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        held.push(stream);
    }
    for path in ["/health/live", "/health/ready"] {
        let reply =
            send(&mut server.connect().await, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")), "{path}");
    }
    let body = "{\"context\": {}}";
    let evaluation = format!(
        "POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    for request in ["GET /features HTTP/1.1\r\nhost: x\r\n\r\n", &evaluation] {
        send(&mut server.connect().await, request).await.error(503, "too_many_connections");
    }
    drop(held);
}

#[tokio::test]
async fn further_connections_of_one_address_are_closed() {
    let options = Options::default().connections_per_address(1).header_read_timeout(PATIENCE);
    let server = Server::start_with(Flags::from_rows(demo()).unwrap(), options).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    let mut rest = Vec::new();
    let closed =
        timeout(PATIENCE, tokio::io::AsyncReadExt::read_to_end(&mut second, &mut rest)).await.unwrap();
    assert!(closed.is_err() || rest.is_empty());
    let reply = send(&mut first, "GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert_eq!(reply.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn health_checks_at_their_own_address_are_answered_while_all_workers_are_busy() {
    let address = free_address().await;
    let rows = Rows { flags: vec![FlagRow::new(1, "f", true)], ..Rows::default() };
    let (flags, gate) = gated(1, rows);
    let server = Server::start_with(flags, Options::default().health_listen(address)).await;
    assert_eq!(server.get("/health/live").await.status, 200);
    let url = server.url("/ofrep/v1/evaluate/flags/f");
    // This test's own tasks run on the same worker, so everything else happens in threads of its own.
    let checks = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = client();
            let evaluation = tokio::spawn(
                client.post(url).header("content-type", "application/json").body(r#"{"context": {}}"#).send(),
            );
            gate.reached().await;
            let mut found = Vec::new();
            for path in ["/health/live", "/health/ready", "/flags"] {
                let request = client.get(format!("http://{address}{path}")).send();
                found.push(timeout(PATIENCE, request).await.map(|sent| sent.unwrap().status().as_u16()));
            }
            gate.open();
            assert_eq!(evaluation.await.unwrap().unwrap().status(), 200);
            found
        })
    });
    let found = tokio::task::spawn_blocking(|| checks.join().unwrap()).await.unwrap();
    assert_eq!(found, [Ok(200), Ok(200), Ok(404)]);
    server.ended_after_signal().await;
    assert!(
        TcpStream::connect(address).await.is_err()
            || client().get(format!("http://{address}/")).send().await.is_err()
    );
}

#[tokio::test]
async fn starting_server_is_live_and_not_ready() {
    let health = free_address().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ready, loaded) = oneshot::channel::<()>();
    let start = async {
        loaded.await.unwrap();
        Ok::<_, String>((Flags::from_rows(demo()).unwrap(), Options::default()))
    };
    let options = Options::default().health_listen(health);
    let served = tokio::spawn(serve_from(listener, options, start, std::future::pending()));
    let client = client();
    let get = async |address: SocketAddr, path: &str| {
        Reply::of(client.get(format!("http://{address}{path}")).send().await.unwrap()).await
    };
    for address in [address, health] {
        assert_eq!(get(address, "/health/live").await.status, 200);
        let ready = get(address, "/health/ready").await;
        assert_eq!((ready.status, &ready.json()["reason"]), (503, &"the server is starting".into()));
    }
    assert_eq!(get(address, "/features").await.error(503, "starting"), "the server is starting; retry");
    ready.send(()).unwrap();
    // The next request may still find it starting, but not for long.
    while get(address, "/health/ready").await.status != 200
        || get(health, "/health/ready").await.status != 200
    {}
    assert_eq!(get(address, "/features").await.status, 200);
    served.abort();
}

#[tokio::test]
async fn server_without_flags_ends_with_the_error_of_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let start = async { Err::<(Flags, Options), _>("no database") };
    let served = serve_from(listener, Options::default(), start, std::future::pending()).await;
    assert!(matches!(served, Err(ServeError::Start("no database"))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let start = std::future::pending::<Result<(Flags, Options), String>>();
    serve_from(listener, Options::default(), start, async {}).await.unwrap();
}

//! How `novi serve` stops.
#![cfg(unix)]

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{serve::Server, support::Folder};

/// Longer than the second of notice for load balancers, shorter than the ten seconds of draining.
const PROMPTLY: Duration = Duration::from_secs(6);

#[tokio::test]
async fn sigint_and_sigterm_stop_gracefully() {
    let folder = Folder::demo();
    for signal in ["INT", "TERM"] {
        let server = Server::start(&folder, &[]);
        server.get("/flags").await;
        let started = Instant::now();
        server.signal(signal);
        let (code, out, err) = server.ended();
        assert_eq!((code, out.as_str()), (0, ""), "{signal}: {err}");
        assert!(started.elapsed() < PROMPTLY, "{signal}: {:?}", started.elapsed());
        assert!(err.contains("shutting down"), "{err}");
    }
}

#[test]
fn signal_right_after_greeting_stops() {
    let folder = Folder::demo();
    for _ in 0..5 {
        let server = Server::start(&folder, &["--demo"]);
        assert_eq!(server.stop().0, 0);
    }
}

/// A request whose body never ends.
fn open_request(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let head =
        b"POST /evaluatedFlags HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head).unwrap();
    // The server requests the body after reading the head.
    let mut response = [0; 12];
    stream.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"HTTP/1.1 100");
    stream
}

#[test]
fn second_signal_aborts_open_requests() {
    let folder = Folder::demo();
    let server = Server::start(&folder, &["--demo"]);
    let request = open_request(&server);
    server.signal("INT");
    // Two signals at once may be delivered as one, and novi ignores a second one within 100 ms.
    std::thread::sleep(Duration::from_millis(500));
    let started = Instant::now();
    server.signal("INT");
    let (code, _, err) = server.ended();
    assert_eq!(code, 4, "{err}");
    assert!(err.ends_with("error: stopped by a second signal; open requests were aborted\n"), "{err}");
    assert!(started.elapsed() < PROMPTLY, "{:?}", started.elapsed());
    drop(request);
}

#[test]
fn open_request_is_drained_until_timeout() {
    let mut folder = Folder::demo();
    folder.set("NOVI_SERVER__DRAIN_TIMEOUT", "1s");
    let server = Server::start(&folder, &["--demo"]);
    let request = open_request(&server);
    let started = Instant::now();
    let (code, _, err) = server.stop();
    assert_eq!(code, 0, "{err}");
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
    assert!(err.contains("cutting off requests that took too long"), "{err}");
    drop(request);
}

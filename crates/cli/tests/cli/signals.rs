//! How `novi serve` stops.
#![cfg(unix)]

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::{serve::Server, support::Folder};

const CUT_OFF: &str = "cutting off requests that took too long";

#[tokio::test]
async fn sigint_sigterm_and_sighup_stop_gracefully() {
    let folder = Folder::demo();
    for signal in ["INT", "TERM", "HUP"] {
        let server = Server::start(&folder, &[]);
        server.get("/flags").await;
        server.signal(signal);
        let (code, out, err) = server.ended();
        assert_eq!((code, out.as_str()), (0, ""), "{signal}: {err}");
        assert!(err.contains("shutting down") && !err.contains(CUT_OFF), "{signal}: {err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn sighup_stays_ignored_under_nohup() {
    let folder = Folder::demo();
    let novi = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut nohup = std::process::Command::new("nohup");
    nohup.arg(novi.get_program()).args(novi.get_args()).current_dir(novi.get_current_dir().unwrap());
    let server = Server::spawn(nohup, "\n");
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process.id())).unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 1, 1, "{status}");
    assert_eq!(server.stop().0, 0);
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
        b"POST /evaluatedFlags HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head).unwrap();
    // The server requests the body after reading the head.
    let mut response = [0; 12];
    stream.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"HTTP/1.1 100");
    stream
}

#[test]
fn second_signal_aborts_open_requests() {
    let mut folder = Folder::demo();
    // Only a signal can end the request.
    folder.set("NOVI_SERVER__DRAIN_TIMEOUT", "1h");
    let mut server = Server::start(&folder, &["--demo"]);
    let request = open_request(&server);
    // Signals within 100 ms are one.
    while server.process.try_wait().unwrap().is_none() {
        server.signal("INT");
        std::thread::sleep(Duration::from_millis(150));
    }
    let (code, _, err) = server.ended();
    assert_eq!(code, 4, "{err}");
    assert!(err.ends_with("error: stopped by a second signal; open requests were aborted\n"), "{err}");
    drop(request);
}

#[test]
fn two_signals_at_once_are_one() {
    let mut folder = Folder::demo();
    folder.set("NOVI_SERVER__DRAIN_TIMEOUT", "1s");
    let server = Server::start(&folder, &["--demo"]);
    let request = open_request(&server);
    // Both are delivered when the process continues.
    for signal in ["STOP", "TERM", "INT", "CONT"] {
        server.signal(signal);
    }
    let (code, _, err) = server.ended();
    assert_eq!(code, 0, "{err}");
    assert!(err.contains(CUT_OFF), "{err}");
    drop(request);
}

#[test]
fn open_request_is_drained_until_timeout() {
    let mut folder = Folder::demo();
    folder.set("NOVI_SERVER__DRAIN_TIMEOUT", "1s");
    let server = Server::start(&folder, &["--demo"]);
    let request = open_request(&server);
    let (code, _, err) = server.stop();
    assert_eq!(code, 0, "{err}");
    assert!(err.contains(CUT_OFF), "{err}");
    drop(request);
}

//! `novi health`.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use crate::{serve::Server, support::Folder};

#[test]
fn health_of_ready_server_succeeds() {
    let mut folder = Folder::demo();
    let server = Server::start(&folder, &[]);
    let ready = folder.run(&["health", &server.url]).expect(0);
    assert_eq!(ready.out, format!("{}/health/ready is ready\n", server.url));
    let live = folder.run(&["health", "--live", &server.url]).expect(0);
    assert_eq!(live.out, format!("{}/health/live is live\n", server.url));
    let json = folder.run(&["--json", "health", &server.url]).expect(0).json();
    assert_eq!((json["status"].as_str(), json["source"].as_str()), (Some("ready"), Some("database")));

    // Without an address it checks the configured server, which may listen on all addresses.
    let port = server.url.rsplit(':').next().unwrap();
    folder.set("NOVI_SERVER__LISTEN", &format!("0.0.0.0:{port}"));
    let own = folder.run(&["health"]).expect(0);
    assert_eq!(own.out, format!("http://127.0.0.1:{port}/health/ready is ready\n"));
}

#[test]
fn health_over_https_accepts_any_certificate() {
    let mut folder = Folder::demo();
    let certificate = rcgen::generate_simple_self_signed(["flags.example.org".to_owned()]).unwrap();
    folder.write("cert.pem", certificate.cert.pem());
    folder.write("key.pem", certificate.signing_key.serialize_pem());
    folder.set("NOVI_SERVER__TLS_CERT", "cert.pem");
    folder.set("NOVI_SERVER__TLS_KEY", "key.pem");
    let server = Server::start(&folder, &[]);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let ready = folder.run(&["health", &server.url]).expect(0);
    assert_eq!(ready.out, format!("{}/health/ready is ready\n", server.url));
    folder.set("NOVI_SERVER__LISTEN", server.url.strip_prefix("https://").unwrap());
    assert_eq!(folder.run(&["health"]).expect(0).out, ready.out);
}

#[test]
fn server_without_rows_is_live_but_not_ready() {
    let folder = Folder::empty();
    // Nothing listens on a port that was just free.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let server = Server::start(&folder, &["--database", &format!("postgres://novi@{address}/novi")]);
    folder.run(&["health", "--live", &server.url]).expect(0);
    let ready = folder.run(&["health", &server.url]).expect(4);
    let why = "no flags: the database has been unavailable since the start";
    assert_eq!(
        ready.err,
        format!("error: {}/health/ready: expected status 200, found 503: {why}\n", server.url)
    );
}

#[test]
fn unresponsive_server_is_reported() {
    let folder = Folder::empty();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // The kernel accepts the connection, and nothing reads from it.
    let silent = folder.run(&["health", &url, "--timeout", "100ms"]).expect(4);
    assert_eq!(
        silent.err,
        format!("error: {url}/health/ready: no response within 100ms; --timeout extends the limit\n")
    );
    drop(listener);
    let gone = folder.run(&["health", &url]).expect(4);
    assert!(gone.err.contains(&format!("{url}/health/ready: Connection refused")), "{}", gone.err);
    for (url, found) in [("ftp://127.0.0.1:1", "ftp://127.0.0.1:1/"), ("http://127.0.0.1:1/flags", "/flags")]
    {
        let refused = folder.run(&["health", url]).expect(2);
        assert!(refused.err.contains("expected an address like http://127.0.0.1:6684"), "{}", refused.err);
        assert!(refused.err.contains(found), "{}", refused.err);
    }
}

#[test]
fn response_of_another_program_is_rejected() {
    let folder = Folder::empty();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The request fits in one packet.
        assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi").unwrap();
    });
    let refused = folder.run(&["health", &url]).expect(4);
    other.join().unwrap();
    assert_eq!(
        refused.err,
        format!("error: {url}/health/ready: expected a response of a novi server, found something else\n")
    );
}

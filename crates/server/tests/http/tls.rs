//! HTTPS, with a certificate that is renewed while the server runs.

use std::{fs, path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use novi::Flags;
use novi_server::{Options, Tls};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer},
};

use crate::common::{Log, PATIENCE, Reply, Server, demo, until};

/// Writes a new certificate for `localhost`, and returns it for the client's roots.
pub(crate) fn renew(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

pub(crate) fn tls(folder: &Path) -> std::io::Result<Tls> {
    Tls::from_files(folder.join("cert.pem"), folder.join("key.pem"))
}

pub(crate) async fn server(folder: &Path, header_read_timeout: Duration) -> Server {
    let mut options = Options::default();
    options.tls = Some(tls(folder).unwrap());
    options.header_read_timeout = header_read_timeout;
    Server::start_with(Flags::builder().keep_rows().from_rows(demo()).unwrap(), options).await
}

pub(crate) fn client_config(trusted: &CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// `GET` by a client that trusts only this certificate. `None` if it does not trust the server.
async fn get(server: &Server, trusted: &CertificateDer<'static>, path: &str) -> Option<Reply> {
    let config = client_config(trusted);
    let stream = server.connect().await;
    let connected =
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await;
    let mut stream = connected.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Reply { status, headers: reqwest::header::HeaderMap::new(), text: body.to_owned() })
}

#[tokio::test]
async fn renewed_certificate_is_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = renew(folder.path());
    let mut server = server(folder.path(), PATIENCE).await;
    let reply = get(&server, &first, "/health/live").await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(get(&server, &first, "/flags").await.unwrap().json().as_array().unwrap().len(), 4);

    // An incomplete file keeps the previous certificate.
    let log = Log::capture();
    fs::write(folder.path().join("cert.pem"), "-----BEGIN CERT").unwrap();
    until(async || {
        assert_eq!(get(&server, &first, "/health/live").await.unwrap().status, 200);
        log.text().contains("keeping the previous certificate")
    })
    .await;
    assert_eq!(get(&server, &first, "/health/live").await.unwrap().status, 200);

    let second = renew(folder.path());
    until(async || get(&server, &second, "/health/live").await.is_some()).await;
    assert!(get(&server, &first, "/health/live").await.is_none());

    // A copy with the times of the original, and an expired certificate.
    let old = folder.path().join("old");
    fs::create_dir(&old).unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2001, 1, 1), rcgen::date_time_ymd(2002, 1, 1));
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(old.join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(old.join("key.pem"), key.serialize_pem()).unwrap();
    for file in ["cert.pem", "key.pem"] {
        let modified = fs::metadata(folder.path().join(file)).unwrap().modified().unwrap();
        fs::File::options().append(true).open(old.join(file)).unwrap().set_modified(modified).unwrap();
        fs::rename(old.join(file), folder.path().join(file)).unwrap();
    }
    until(async || {
        drop(get(&server, &second, "/health/live").await);
        log.text().contains("the certificate expired at 2002-01-01T00:00:00Z; clients reject it")
    })
    .await;
    assert!(get(&server, &second, "/health/live").await.is_none());
    server.signal();
    server.ended().await;
}

#[tokio::test]
async fn http2_has_many_requests_on_one_connection() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = renew(folder.path());
    let server = server(folder.path(), PATIENCE).await;
    let mut config = client_config(&trusted);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = server.connect().await;
    let stream =
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let send = async |request: hyper::Request<Full<Bytes>>| {
        let response = timeout(PATIENCE, sender.clone().send_request(request)).await.unwrap().unwrap();
        let (parts, body) = response.into_parts();
        (parts.status.as_u16(), parts.headers, body)
    };
    let get =
        |path: &str| hyper::Request::get(format!("https://localhost{path}")).body(Full::default()).unwrap();
    let body = Full::from(r#"{"context": {"seed": 90}}"#);
    let all = hyper::Request::post("https://localhost/ofrep/v1/evaluate/flags")
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    let (status, _, body) = send(all).await;
    let all: serde_json::Value = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!((status, all["flags"].as_array().unwrap().len()), (200, 4));
    // More event streams than a browser has connections to one host.
    let stream = all["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
    let mut streams = Vec::new();
    for _ in 0..20 {
        let (status, headers, body) = send(get(stream)).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
        streams.push(body);
    }
    let (status, headers, _) = send(get("/flags")).await;
    assert_eq!((status, headers["x-content-type-options"].to_str().unwrap()), (200, "nosniff"));
    drop((streams, sender));
    server.ended_after_signal().await;
}

#[tokio::test]
async fn client_without_a_handshake_is_disconnected_and_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = renew(folder.path());
    let server = server(folder.path(), Duration::from_millis(200)).await;
    let mut silent = server.connect().await;
    let mut plain = server.connect().await;
    plain.write_all(b"GET /flags HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // A handshake has the same limit, which a busy machine may miss.
    until(async || get(&server, &trusted, "/health/live").await.is_some()).await;
    for stream in [&mut silent, &mut plain] {
        assert!(!read(stream).await.contains("HTTP/1.1"), "no response without TLS");
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends the stream, too.
    match timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap() {
        Ok(_) | Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

#[test]
fn invalid_certificate_files_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let error = |what: &str| {
        let error = tls(folder.path()).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    error("could not read");
    renew(folder.path());
    assert!(tls(folder.path()).is_ok());
    let key = fs::read_to_string(folder.path().join("key.pem")).unwrap();
    fs::write(folder.path().join("key.pem"), "no key").unwrap();
    error("key.pem: expected a private key");
    renew(folder.path());
    fs::write(folder.path().join("key.pem"), key).unwrap();
    error("does not match the key");
    fs::write(folder.path().join("cert.pem"), "").unwrap();
    error("cert.pem: expected a certificate");
}

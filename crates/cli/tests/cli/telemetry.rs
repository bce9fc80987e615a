//! Traces and signed toggles.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
};

use crate::{
    serve::Server,
    support::{Folder, PATIENCE},
};

const KEY: &str = "0123456789abcdef0123";

async fn ask(server: &Server, headers: &[(&'static str, &str)]) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let mut request = client.post(format!("{}/ofrep/v1/evaluate/flags/Combo%20AND", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = r#"{"context": {"targetingKey": "hidden"}}"#;
    request.header("content-type", "application/json").body(body).send().await.unwrap()
}

#[tokio::test]
async fn signed_toggles_are_accepted_by_server_with_key() {
    let mut folder = Folder::demo();
    let rejected = folder.run(&["sign", "Combo AND=on"]);
    insta::assert_snapshot!(rejected.expect(2).err, @"error: [server] signing_key: expected the server's key, found none; set NOVI_SERVER__SIGNING_KEY");
    folder.set("NOVI_SERVER__SIGNING_KEY", "too short");
    let rejected = folder.run(&["sign", "Combo AND=on"]);
    insta::assert_snapshot!(rejected.expect(2).err, @"error: [server] signing_key: expected 16 random bytes or more, such as the output of `openssl rand -hex 32`, found 9");
    folder.set("NOVI_SERVER__SIGNING_KEY", KEY);
    for (list, expected) in [
        ("", "\"\": expected at least one flag and its state, such as new-foo=on"),
        ("Combo AND", "\"Combo AND\": expected a flag and its state, such as new-foo=on"),
        ("a=on,a=off", "\"a=off\": expected each flag once, found \"a\" twice"),
    ] {
        assert_eq!(folder.run(&["sign", list]).expect(2).err, format!("error: {expected}\n"));
    }
    let signed = folder.run(&["sign", "Combo AND=on", "--expires", "2h"]).expect(0).out;
    assert!(signed.starts_with("Combo AND=on;expires="), "{signed}");
    let server = Server::start(&folder, &[]);
    let answer = ask(&server, &[("x-novi-feature-toggles", signed.trim())]).await;
    let enabled = answer.headers()["x-novi-feature-toggles-enabled"].to_str().unwrap().to_owned();
    assert!(enabled.contains("Combo AND"), "{enabled}");
    let json: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((json["value"].as_bool(), json["reason"].as_str()), (Some(true), Some("STATIC")));
    let forged = signed.trim().replace("AND=on", "AND=off");
    assert_eq!(ask(&server, &[("x-novi-feature-toggles", &forged)]).await.status(), 403);
}

/// An OpenTelemetry collector for one request.
fn collector() -> (String, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut piece = [0; 8192];
        // The exporter keeps the connection open, so read up to the end of the body.
        while !bytes.windows(23).any(|window| window == b"feature_flag.evaluation") {
            let read = stream.read(&mut piece).unwrap();
            assert_ne!(read, 0, "the exporter closed the connection");
            bytes.extend_from_slice(&piece[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        sender.send(bytes).unwrap();
    });
    (address, receiver)
}

#[tokio::test]
async fn traces_are_sent_to_collector() {
    let (address, traces) = collector();
    let mut folder = Folder::demo();
    folder.set("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
    folder.set("OTEL_BSP_SCHEDULE_DELAY", "50");
    folder.set("NOVI_SERVER__TRACE_EVALUATIONS", "true");
    folder.set("NOVI_LOG_FORMAT", "json");
    let server = Server::start(&folder, &[]);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(ask(&server, &[("traceparent", trace)]).await.status(), 200);
    let sent = traces.recv_timeout(PATIENCE).unwrap();
    let has = |bytes: &[u8]| sent.windows(bytes.len()).any(|window| window == bytes);
    // As bytes, in the caller's trace, below its span.
    assert!(has(&0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes()));
    assert!(has(&0x00f0_67aa_0ba9_02b7_u64.to_be_bytes()));
    assert!(has(b"feature_flag.key") && has(b"Combo AND") && has(b"service.name"));
    assert!(!has(b"hidden"));
    let (_, _, log) = server.stop();
    let line = log.lines().find(|line| line.contains("feature_flag.key")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["feature_flag.key"], "Combo AND");
    assert_eq!(line["span"]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

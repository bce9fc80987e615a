//! Valid and invalid contexts.

use novi::Flags;
use novi_server::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::common::{Reply, Server, demo, demo_json};

const PATH: &str = "/evaluatedFlags";

#[tokio::test]
async fn empty_body_is_the_empty_context() {
    let server = Server::start(demo()).await;
    let empty = demo_json([false; 4]);
    for body in ["", " \r\n\t", "null", " null\n", "{}"] {
        assert_eq!(server.post(PATH, body).await.ok(), empty, "{body:?}");
    }
    let without = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!(server.raw(without).await.ok(), empty);
}

#[tokio::test]
async fn content_type_is_ignored() {
    let server = Server::start(demo()).await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let request = server.client.post(server.url(PATH)).header("content-type", kind);
        let reply = Reply::of(request.body(r#"{"seed": 1, "variant": "A"}"#).send().await.unwrap()).await;
        assert_eq!(reply.ok(), demo_json([false, true, false, true]));
    }
}

#[tokio::test]
async fn body_without_an_object_is_rejected_with_its_place() {
    let server = Server::start(demo()).await;
    let cases = [
        ("[]", ", found a list"),
        ("\"x\"", ", found \"x\""),
        ("7", ", found 7"),
        ("{", ": expected `}`, found the end of the text at line 1 column 1"),
        ("{\n\"a\": 1,}", ": trailing comma at line 2 column 8"),
        ("{} {}", ": expected the end of the text, found more at line 1 column 4"),
        ("{'a': 1}", ": key must be a string at line 1 column 2"),
    ];
    for (body, end) in cases {
        let message = server.post(PATH, body).await.error(400, "invalid_body");
        assert_eq!(message, format!("body: expected the context as a JSON object, or no body{end}"));
    }
    let message = server.post(PATH, b"{\"a\": \"\xff\"}".to_vec()).await.error(400, "invalid_body");
    assert_eq!(message, "body: expected UTF-8, found other bytes after byte 7");
}

#[tokio::test]
async fn extreme_json_is_rejected_or_parsed() {
    let server = Server::start(demo()).await;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    for body in [deep.as_str(), "{\"a\": \"\\ud800\"}", "{\"a\": 1e400}", "\u{feff}{}", "{\"a\": NaN}"] {
        server.post(PATH, body.to_owned()).await.error(400, "invalid_body");
    }
    // The last of two equal attributes counts, and numbers keep all digits.
    let twice =
        r#"{"variant": "B", "seed": 123456789012345678901234567890, "variant": "A", "\u0000": "\u0000"}"#;
    assert_eq!(server.post(PATH, twice).await.ok(), demo_json([false, true, false, true]));
}

#[tokio::test]
async fn sole_object_context_is_the_context() {
    let server = Server::start(demo()).await;
    let (on, empty) = (demo_json([false, true, false, true]), demo_json([false; 4]));
    for (body, expected) in [
        (r#"{"context": {"seed": 1, "variant": "A"}}"#, &on),
        (r#"{"context": {"seed": 1}, "seed": 1, "variant": "A"}"#, &on),
        (r#"{"context": "a text"}"#, &empty),
    ] {
        assert_eq!(server.post(PATH, body).await.ok(), *expected, "{body}");
    }
}

#[tokio::test]
async fn body_limit_is_exact() {
    let mut options = Options::default();
    options.body_limit = 100;
    let server = Server::start_with(Flags::builder().keep_rows().from_rows(demo()).unwrap(), options).await;
    let body = |size: usize| format!("{{{}}}", " ".repeat(size - 2));
    server.post(PATH, body(100)).await.ok();
    let message = server.post(PATH, body(101)).await.error(413, "body_too_large");
    assert_eq!(message, "body: expected at most 100 bytes");
    let chunk = |size: usize| format!("{size:x}\r\n{}\r\n0\r\n\r\n", body(size));
    let head =
        format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    server.raw(format!("{head}{}", chunk(100))).await.ok();
    server.raw(format!("{head}{}", chunk(101))).await.error(413, "body_too_large");
}

#[tokio::test]
async fn too_large_body_with_expect_is_rejected_at_once() {
    let server = Server::start(demo()).await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 33000000\r\nexpect: 100-continue\r\n\r\n"
    );
    server.raw(head).await.error(413, "body_too_large");
}

#[tokio::test]
async fn endless_chunks_are_cut_off() {
    let server = Server::start(demo()).await;
    let mut stream = server.connect().await;
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let endless = tokio::spawn(async move {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let mut sent = 0_u64;
        while writer.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len() as u64;
        }
        sent
    });
    let mut answer = Vec::new();
    // The connection is reset, because bytes were left to read; the response came first.
    _ = reader.read_to_end(&mut answer).await;
    assert!(String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 413 "));
    let sent = endless.await.unwrap();
    assert!(sent < 200 * 1024 * 1024, "{sent} bytes were read");
    server.get("/flags").await.ok();
}

#[tokio::test]
async fn incomplete_body_is_rejected_when_the_client_is_done() {
    let server = Server::start(demo()).await;
    let mut stream = server.connect().await;
    let request = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    server.get("/flags").await.ok();
}

#[tokio::test]
async fn compressed_body_is_rejected() {
    let server = Server::start(demo()).await;
    let request =
        |encoding: &str| server.client.post(server.url(PATH)).header("content-encoding", encoding).body("{}");
    let reply = Reply::of(request("gzip").send().await.unwrap()).await;
    reply.error(415, "unsupported_content_encoding");
    Reply::of(request("identity").send().await.unwrap()).await.ok();
}

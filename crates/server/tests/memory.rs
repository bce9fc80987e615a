//! Large bodies use no memory. A separate process, because the peak is measured for the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use common::{Reply, Server, demo};
use tokio::io::AsyncWriteExt;

/// The peak memory of this process, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn too_large_bodies_are_rejected_without_being_buffered() {
    let server = Server::start(demo()).await;
    server.post("/evaluatedFlags", "{}").await.ok();
    let before = peak();
    let piece = vec![b' '; 33_000];
    for chunked in [false, true] {
        for _ in 0..3 {
            let mut stream = server.connect().await;
            let length = if chunked { "transfer-encoding: chunked" } else { "content-length: 33000000" };
            let head =
                format!("POST /evaluatedFlags HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            for _ in 0..1000 {
                if chunked {
                    stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
                }
                stream.write_all(&piece).await.unwrap();
                if chunked {
                    stream.write_all(b"\r\n").await.unwrap();
                }
            }
            if chunked {
                stream.write_all(b"0\r\n\r\n").await.unwrap();
            }
            Reply::read(&mut stream).await.error(413, "body_too_large");
        }
    }
    let grown = peak() - before;
    assert!(grown < 10 * 1024, "{grown} KiB more");
}

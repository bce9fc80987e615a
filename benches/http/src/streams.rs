//! Event streams that are open and idle.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use crate::request::{context, length, post};

/// Opens streams at the address that the answer for all flags gives. They last as long as what is returned.
pub(crate) fn open(address: SocketAddr, number: usize) -> Vec<TcpStream> {
    let path = path(address);
    (0..number).map(|_| stream(address, &path)).collect()
}

fn path(address: SocketAddr) -> String {
    let mut connection = TcpStream::connect(address).expect("the server listens");
    connection.write_all(&post("/ofrep/v1/evaluate/flags", &context(0))).expect("the server takes it");
    let mut answer = Vec::new();
    let mut part = [0; 16 * 1024];
    while length_or_more(&answer) > answer.len() {
        let read = connection.read(&mut part).expect("the server answers");
        assert!(read > 0, "the server closed the connection");
        answer.extend_from_slice(&part[..read]);
    }
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("there is a head") + 4;
    let body: serde_json::Value = serde_json::from_slice(&answer[head..]).expect("the answer is JSON");
    let stream = &body["eventStreams"][0];
    let path = stream["endpoint"]["requestUri"].as_str().or(stream["url"].as_str());
    path.expect("the answer names an event stream").to_owned()
}

fn length_or_more(answer: &[u8]) -> usize {
    length(answer).unwrap_or(usize::MAX)
}

fn stream(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the server takes it");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("the server answers");
    assert_eq!(&start, b"HTTP/1.1 200", "{}", String::from_utf8_lossy(&start));
    stream
}

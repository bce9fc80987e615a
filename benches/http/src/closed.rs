//! Sends as many requests as a server can answer: each connection sends the next one after each response.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{request::length, server::Server};

/// Enough that the server always has something to do.
const CONNECTIONS: usize = 64;

/// What a server did.
#[derive(Clone, Copy)]
pub(crate) struct Throughput {
    /// Requests per second of the server's processor.
    pub(crate) per_cpu_second: f64,
    /// Requests per second of the clock.
    pub(crate) per_second: f64,
    /// Seconds of the processor for each request: in the server's own code.
    pub(crate) user: f64,
    /// The same in the kernel, most of it for sockets.
    pub(crate) kernel: f64,
}

/// Asks for `time`, after a moment in which everything gets warm.
pub(crate) fn load(server: &Server, question: &dyn Fn(usize) -> Vec<u8>, time: Duration) -> Throughput {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let warm = Duration::from_millis(200);
        ask(server.address, question, warm).await;
        let (start, cpu) = (Instant::now(), server.cpu_time());
        let answers = ask(server.address, question, time).await;
        let elapsed = start.elapsed();
        let [user_before, kernel_before] = cpu;
        let [user, kernel] = server.cpu_time();
        #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
        let answers = answers as f64;
        let (user, kernel) = (user - user_before, kernel - kernel_before);
        Throughput {
            per_cpu_second: answers / (user + kernel),
            per_second: answers / elapsed.as_secs_f64(),
            user: user / answers,
            kernel: kernel / answers,
        }
    })
}

async fn ask(address: SocketAddr, question: &dyn Fn(usize) -> Vec<u8>, time: Duration) -> usize {
    let end = Instant::now() + time;
    let local = tokio::task::LocalSet::new();
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|caller| local.spawn_local(connection(address, question(caller), end)))
        .collect();
    local.await;
    let mut answers = 0;
    for connection in connections {
        answers += connection.await.expect("no connection fails");
    }
    answers
}

async fn connection(address: SocketAddr, question: Vec<u8>, end: Instant) -> usize {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket");
    let mut answer = vec![0; 256 * 1024];
    let mut answers = 0;
    while Instant::now() < end {
        stream.write_all(&question).await.expect("the server takes it");
        let mut filled = 0;
        let mut whole = None;
        while whole.is_none_or(|whole| filled < whole) {
            let read = stream.read(&mut answer[filled..]).await.expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            filled += read;
            whole = whole.or_else(|| length(&answer[..filled]));
        }
        answers += 1;
    }
    answers
}

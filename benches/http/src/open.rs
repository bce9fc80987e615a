//! Sends requests at a constant rate, even if the server does not keep up, so that slow responses do not delay the
//! next requests and hide themselves.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::request::length;

/// Enough that one is free when a request is due, unless the server is far behind.
const CONNECTIONS: usize = 32;

/// From when a request is due to when its answer is whole.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// The latency that this share of the requests was answered within.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of them"
        )]
        let place = (self.0.len() as f64 * share) as usize;
        self.0.get(place.min(self.0.len() - 1)).copied().expect("there are some")
    }
}

/// Asks `rate` times a second for `time`.
///
/// This thread does not sleep: it would be woken too late. It looks whether a request is due, and reads what has come.
pub(crate) fn load(
    address: SocketAddr,
    question: &dyn Fn(usize) -> Vec<u8>,
    rate: u32,
    time: Duration,
) -> Latencies {
    let mut connections: Vec<_> =
        (0..CONNECTIONS).map(|caller| Connection::open(address, question(caller))).collect();
    let gap = Duration::from_secs(1) / rate;
    let start = Instant::now() + Duration::from_millis(50);
    let end = start + time;
    // The first ones find everything cold.
    let counts_from = start + Duration::from_millis(200);
    let mut due = start;
    let mut latencies = Vec::new();
    while due < end || connections.iter().any(|connection| connection.due.is_some()) {
        if due < end
            && Instant::now() >= due
            && let Some(free) = connections.iter_mut().find(|connection| connection.due.is_none())
        {
            free.ask(due);
            due += gap;
        }
        for connection in &mut connections {
            if let Some((asked, latency)) = connection.poll()
                && asked >= counts_from
            {
                latencies.push(latency);
            }
        }
    }
    latencies.sort_unstable();
    Latencies(latencies)
}

struct Connection {
    stream: TcpStream,
    question: Vec<u8>,
    answer: Vec<u8>,
    filled: usize,
    /// When the request that waits for its answer was due.
    due: Option<Instant>,
}

impl Connection {
    fn open(address: SocketAddr, question: Vec<u8>) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_nonblocking(true).expect("a socket");
        Self { stream, question, answer: vec![0; 64 * 1024], filled: 0, due: None }
    }

    fn ask(&mut self, due: Instant) {
        self.stream.write_all(&self.question).expect("the question fits into the socket");
        self.filled = 0;
        self.due = Some(due);
    }

    fn poll(&mut self) -> Option<(Instant, Duration)> {
        let due = self.due?;
        match self.stream.read(&mut self.answer[self.filled..]) {
            Ok(0) => panic!("the server closed the connection"),
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("the server does not answer: {error}"),
        }
        let whole = length(&self.answer[..self.filled])?;
        if self.filled < whole {
            return None;
        }
        self.due = None;
        Some((due, due.elapsed()))
    }
}

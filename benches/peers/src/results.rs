//! What was measured.

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Samples};

/// Nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// Half of the batches are faster.
    pub median: f64,
    /// One in a hundred is slower.
    pub p99: f64,
}

impl Time {
    /// Of what was sampled.
    pub fn of(samples: &Samples) -> Self {
        Self { median: samples.median(), p99: samples.quantile(0.99) }
    }
}

/// W1 to W6, nanoseconds a question.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Whose.
    pub engine: &'static str,
    /// With a context that is there.
    pub prebuilt: [Option<Time>; 6],
    /// With a context made in the call.
    pub fresh: [Option<Time>; 6],
}

impl Answers {
    /// Nothing measured yet.
    pub const fn new(engine: &'static str) -> Self {
        Self { engine, prebuilt: [None; 6], fresh: [None; 6] }
    }
}

/// W7, nanoseconds for all flags.
#[derive(Clone, Debug)]
pub struct Everything {
    /// Whose.
    pub engine: &'static str,
    /// How it does it.
    pub how: &'static str,
    /// For 1,000 and for 10,000 flags.
    pub times: [Time; 2],
}

/// W8, nanoseconds for 10,000 flags.
#[derive(Clone, Debug)]
pub struct Load {
    /// Whose.
    pub engine: &'static str,
    /// From text to answers.
    pub time: Time,
}

/// W8 and W9: what does not depend on time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Whose.
    pub engine: String,
    /// Bytes that stay allocated after loading 10,000 flags, a flag, as they were asked for.
    pub live: Option<f64>,
    /// Of the text that is loaded, a flag.
    pub text: Option<f64>,
    /// Allocations a call, W1 to W6, with a context that is there.
    pub allocations: Option<[f64; 6]>,
    /// The same with a context made in the call.
    pub fresh: Option<[f64; 6]>,
}

/// Nanoseconds of single calls.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// One in a hundred is slower.
    pub p99: f64,
    /// One in a thousand is slower.
    pub p999: f64,
}

/// W10, millions of evaluations a second.
#[derive(Clone, Debug)]
pub struct Threads {
    /// Whose.
    pub engine: &'static str,
    /// By the wall clock, for one thread and two; the best run.
    pub wall: [f64; 2],
    /// By the CPU time of each thread, summed; the run in the middle.
    pub cpu: [f64; 2],
    /// The same for two threads while flags are swapped.
    pub swapped: f64,
    /// How often they were.
    pub swaps: usize,
    /// Single calls, steady and with swaps.
    pub latency: [Latency; 2],
}

/// All of it. What was not asked for is empty.
#[derive(Clone, Debug)]
pub struct Results {
    /// Whether there were few rounds.
    pub quick: bool,
    /// What told the time of W1 to W8.
    pub clock: Clock,
    /// W1 to W6.
    pub answers: Vec<Answers>,
    /// W7.
    pub everything: Vec<Everything>,
    /// W8.
    pub load: Vec<Load>,
    /// W8 and W9.
    pub counts: Vec<Counts>,
    /// W10.
    pub threads: Vec<Threads>,
}

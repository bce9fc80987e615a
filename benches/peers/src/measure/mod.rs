//! The measurements, a file each.

pub mod answers;
pub mod everything;
pub mod load;
pub mod rounds;
pub mod threads;

use std::time::Duration;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of W1 to W6, each a batch of each engine.
    pub rounds: usize,
    /// Rounds of W7, whose batches are longer for some.
    pub rounds_of_all: usize,
    /// How often each engine loads.
    pub loads: usize,
    /// How often the threads of each engine run.
    pub runs: usize,
    /// How long they run each time.
    pub run: Duration,
    /// How many single calls are timed.
    pub calls: usize,
}

impl Effort {
    /// A minute or two: tells whether something has changed by a lot.
    pub const QUICK: Self = Self {
        rounds: 60,
        rounds_of_all: 12,
        loads: 3,
        runs: 3,
        run: Duration::from_millis(250),
        calls: 50_000,
    };
    /// What the page in `docs` is made from.
    pub const FULL: Self = Self {
        rounds: 1000,
        rounds_of_all: 100,
        loads: 15,
        runs: 5,
        run: Duration::from_secs(1),
        calls: 500_000,
    };
}

/// Which workloads are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted(Vec<usize>);

impl Wanted {
    /// Those with these numbers; all if there are none.
    pub fn new(numbers: Vec<usize>) -> Self {
        Self(numbers)
    }

    /// Whether a workload is.
    pub fn has(&self, number: usize) -> bool {
        self.0.is_empty() || self.0.contains(&number)
    }

    /// Whether all are.
    pub fn is_all(&self) -> bool {
        (1..=10).all(|number| self.has(number))
    }
}

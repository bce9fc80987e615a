//! Measures time.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use cpu_time::ThreadTime;

/// Which clock measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The CPU time of the calling thread: what other programs take is not counted.
    Thread,
    /// The wall clock, where the CPU time moves in steps that are too large.
    Wall,
}

impl Clock {
    /// The CPU time, if it moves in steps of less than 2 µs.
    pub fn choose() -> Self {
        const COARSE: Duration = Duration::from_micros(2);
        let step = (0..100).map(|_| {
            let start = ThreadTime::now();
            loop {
                let step = start.elapsed();
                if !step.is_zero() {
                    return step;
                }
            }
        });
        if step.min().is_some_and(|step| step < COARSE) { Self::Thread } else { Self::Wall }
    }

    /// What tables say of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Thread => "CPU time of the calling thread",
            Self::Wall => "wall clock, since the CPU time of a thread moves in steps that are too large here",
        }
    }

    /// How long it takes.
    #[inline]
    pub fn time<R>(self, run: impl FnOnce() -> R) -> (R, Duration) {
        match self {
            Self::Thread => {
                let start = ThreadTime::now();
                let result = black_box(run());
                (result, start.elapsed())
            }
            Self::Wall => {
                let start = Instant::now();
                let result = black_box(run());
                (result, start.elapsed())
            }
        }
    }
}

/// Durations, in nanoseconds, and what they come to.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// One more.
    pub fn push(&mut self, nanoseconds: f64) {
        self.0.push(nanoseconds);
    }

    /// The value that a share of the samples, from 0 to 1, does not exceed.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
        sorted.get(index).copied().unwrap_or(f64::NAN)
    }

    /// The value in the middle.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

//! Engines in turn: each round starts with another one, so that none always follows the same.

use std::time::Duration;

use crate::clock::{Clock, Samples};

/// How long a batch takes about: long enough for the clock, short enough to be rarely interrupted.
pub const BATCH: Duration = Duration::from_micros(200);

/// One engine at one workload.
pub struct Cell<'a> {
    run: Box<dyn FnMut(usize) + 'a>,
    /// How many questions make a batch.
    batch: usize,
    means: Samples,
}

impl<'a> Cell<'a> {
    /// From what asks so many questions.
    pub fn new(run: impl FnMut(usize) + 'a) -> Self {
        Self { run: Box::new(run), batch: 1, means: Samples::default() }
    }

    /// Nanoseconds a question: the means of the batches.
    pub fn means(&self) -> &Samples {
        &self.means
    }

    /// Finds out how many questions make a batch, which also warms up what there is to warm.
    fn calibrate(&mut self, clock: Clock) {
        const MOST: usize = 1 << 20;
        const WARM: usize = 3;
        loop {
            // Of several, since the first is cold and any may be interrupted.
            let times = (0..WARM).map(|_| clock.time(|| (self.run)(self.batch)).1);
            let time = times.min().unwrap_or_default();
            if time * 2 >= BATCH || self.batch >= MOST {
                let whole = BATCH.as_nanos() * self.batch as u128 / time.as_nanos().max(1);
                self.batch = usize::try_from(whole).unwrap_or(MOST).clamp(1, MOST);
                return;
            }
            self.batch *= 2;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "batches are far below 2^53")]
    fn measure(&mut self, clock: Clock) {
        // What the engine before has pushed out of the caches comes back, or the batches of slow engines, which are a single
        // question, would be cold and those of fast ones warm.
        (self.run)(1);
        let ((), time) = clock.time(|| (self.run)(self.batch));
        self.means.push(time.as_secs_f64() * 1e9 / self.batch as f64);
    }
}

/// Measures all cells, round by round. Cells of one group are of one workload.
pub fn measure(clock: Clock, rounds: usize, groups: &mut [Vec<Cell<'_>>]) {
    groups.iter_mut().flatten().for_each(|cell| cell.calibrate(clock));
    for round in 0..rounds {
        for group in &mut *groups {
            let start = round % group.len().max(1);
            let (before, from) = group.split_at_mut(start);
            from.iter_mut().chain(before).for_each(|cell| cell.measure(clock));
        }
    }
}

/// Repeats a list forever.
pub struct Ring<'a, T> {
    items: &'a [T],
    next: usize,
}

impl<'a, T> Ring<'a, T> {
    /// A ring of these, which must not be none.
    pub const fn new(items: &'a [T]) -> Self {
        Self { items, next: 0 }
    }

    /// A ring that was left at this place.
    pub const fn starting(items: &'a [T], next: usize) -> Self {
        Self { items, next }
    }

    /// The place to go on from.
    pub const fn place(&self) -> usize {
        self.next
    }

    /// The next one.
    #[inline]
    pub fn advance(&mut self) -> &'a T {
        let item = &self.items[self.next];
        self.next += 1;
        if self.next == self.items.len() {
            self.next = 0;
        }
        item
    }
}

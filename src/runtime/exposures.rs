//! Exposures of this process that a task writes to the database.
//!
//! The thread that evaluates looks up whether it has recorded the unit before, and otherwise puts it into a queue:
//! `benches/expose.rs` measures both: 40 to 60 ns for a unit that is known, and 270 ns for a new one. It takes no
//! lock and never waits.

use std::{
    hash::BuildHasher as _,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crossbeam_queue::ArrayQueue;
use foldhash::quality::RandomState;
use tokio::{sync::Notify, time::timeout};

use crate::{context::timestamp::Timestamp, snapshot::exposure::Exposure, store::LONGEST_UNIT};

/// How many exposures wait for the database at most: more than half a second of 100,000 a second, in 4 MB.
const CAPACITY: usize = 1 << 16;

/// The number of waiting exposures at which the task that writes is woken.
const MANY: usize = 5000;

/// The longest name in a record, in bytes: more than the 255 characters of the column.
const LONGEST_NAME: usize = 1020;

/// The exposures of this process.
pub(crate) struct Exposures {
    /// Made with the first exposure, as is `seen`: most programs record none.
    queue: OnceLock<ArrayQueue<Waiting>>,
    seen: OnceLock<Seen>,
    /// Wakes the task that writes.
    wake: Notify,
    /// How many were taken from the queue and are not written yet.
    taken: AtomicU64,
    dropped: AtomicU64,
    without_unit: AtomicU64,
    too_long: AtomicU64,
    written: AtomicU64,
}

/// How many exposures of a process were recorded, and how many were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct ExposureCounts {
    /// Those that were written to the database. A unit that has been recorded before counts once more at most for
    /// each start of the process.
    pub written: u64,
    /// Those that wait for the database.
    pub waiting: u64,
    /// Those that were dropped, because too many waited.
    pub dropped: u64,
    /// Those of callers without a unit, such as a targeting key.
    pub without_unit: u64,
    /// Those of units with more than 255 bytes, or with a NUL character.
    pub invalid_unit: u64,
}

/// An exposure in the queue: one allocation for its strings.
pub(crate) struct Waiting {
    /// The experiment, the unit and the variant, one after the other.
    text: Box<str>,
    /// The ends of the first two.
    ends: (u32, u32),
    pub(crate) revision: i64,
    pub(crate) at: Timestamp,
    pub(crate) is_remembered: bool,
}

impl Waiting {
    fn new(exposure: &Exposure<'_>, revision: i64) -> Self {
        let experiment = start_of(exposure.experiment);
        let (unit, variant) = (exposure.unit, start_of(exposure.variant));
        let mut text = String::with_capacity(experiment.len() + unit.len() + variant.len());
        text.push_str(experiment);
        let first = text.len();
        text.push_str(unit);
        let second = text.len();
        text.push_str(variant);
        #[expect(clippy::cast_possible_truncation, reason = "names and units are short")]
        let ends = (first as u32, second as u32);
        let text = text.into_boxed_str();
        Self { text, ends, revision, at: Timestamp::now(), is_remembered: exposure.is_remembered }
    }

    pub(crate) fn experiment(&self) -> &str {
        self.text.get(..self.ends.0 as usize).unwrap_or_default()
    }

    pub(crate) fn unit(&self) -> &str {
        self.text.get(self.ends.0 as usize..self.ends.1 as usize).unwrap_or_default()
    }

    pub(crate) fn variant(&self) -> &str {
        self.text.get(self.ends.1 as usize..).unwrap_or_default()
    }
}

/// A name without what no column takes.
fn start_of(name: &str) -> &str {
    if name.len() <= LONGEST_NAME { name } else { name.split_at(name.floor_char_boundary(LONGEST_NAME)).0 }
}

impl Exposures {
    pub(crate) fn new() -> Self {
        Self {
            queue: OnceLock::new(),
            seen: OnceLock::new(),
            wake: Notify::new(),
            taken: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            without_unit: AtomicU64::new(0),
            too_long: AtomicU64::new(0),
            written: AtomicU64::new(0),
        }
    }

    /// Whether this process has recorded the unit before.
    #[inline]
    pub(crate) fn is_recorded(&self, exposure: &Exposure<'_>) -> bool {
        let seen = self.seen.get_or_init(Seen::new);
        seen.has(seen.key(exposure.experiment, exposure.unit))
    }

    /// Records an exposure that is [not recorded](Self::is_recorded) yet.
    pub(crate) fn record(&self, exposure: &Exposure<'_>, revision: i64) {
        let seen = self.seen.get_or_init(Seen::new);
        self.add(exposure, revision, seen, seen.key(exposure.experiment, exposure.unit));
    }

    fn add(&self, exposure: &Exposure<'_>, revision: i64, seen: &Seen, key: u64) {
        if exposure.unit.len() > LONGEST_UNIT || exposure.unit.contains('\0') {
            self.too_long.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let queue = self.queue.get_or_init(|| ArrayQueue::new(CAPACITY));
        if queue.push(Waiting::new(exposure, revision)).is_err() {
            // Not seen, so that the unit's next exposure is recorded.
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        seen.add(key);
        if queue.len() == MANY {
            self.wake.notify_one();
        }
    }

    pub(crate) fn count_without_unit(&self) {
        self.without_unit.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until many exposures wait, or for this long.
    pub(crate) async fn many(&self, longest: Duration) {
        // Too few of them are no error.
        let _ = timeout(longest, self.wake.notified()).await;
    }

    /// Takes exposures from the queue until `batch` has so many.
    pub(crate) fn fill(&self, batch: &mut Vec<Waiting>, most: usize) {
        let Some(queue) = self.queue.get() else { return };
        while batch.len() < most
            && let Some(waiting) = queue.pop()
        {
            batch.push(waiting);
        }
        self.taken.store(batch.len() as u64, Ordering::Relaxed);
    }

    /// Counts a batch as written.
    pub(crate) fn count_written(&self, count: usize) {
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        self.taken.store(0, Ordering::Relaxed);
    }

    /// Records units again that were recorded before: assignments were forgotten.
    pub(crate) fn forget_seen(&self) {
        if let Some(seen) = self.seen.get() {
            seen.clear();
        }
    }

    pub(crate) fn counts(&self) -> ExposureCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let queued = self.queue.get().map_or(0, |queue| queue.len() as u64);
        ExposureCounts {
            written: of(&self.written),
            waiting: queued.saturating_add(of(&self.taken)),
            dropped: of(&self.dropped),
            without_unit: of(&self.without_unit),
            invalid_unit: of(&self.too_long),
        }
    }
}

/// The units that this process has recorded: a set of limited size, which may forget. The database ignores what is
/// recorded twice.
struct Seen {
    /// Secret, so that nobody can construct a unit that hides another one.
    keys: RandomState,
    slots: Box<[AtomicU64]>,
}

/// Two MB: enough for 200,000 units.
const SLOTS: usize = 1 << 18;

/// A key is in one of so many slots: those of a cache line.
const WAYS: usize = 8;

impl Seen {
    fn new() -> Self {
        Self { keys: RandomState::default(), slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }

    fn key(&self, experiment: &str, unit: &str) -> u64 {
        self.keys.hash_one((experiment, unit)).max(1)
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash")]
    fn line(&self, key: u64) -> &[AtomicU64] {
        let start = key as usize % (SLOTS / WAYS) * WAYS;
        self.slots.get(start..start + WAYS).unwrap_or_default()
    }

    #[inline]
    fn has(&self, key: u64) -> bool {
        self.line(key).iter().any(|slot| slot.load(Ordering::Relaxed) == key)
    }

    /// Adds a key, in the place of another one if all are taken. Another thread may overwrite it at once, which
    /// only forgets it.
    fn add(&self, key: u64) {
        let line = self.line(key);
        let free = line.iter().find(|slot| slot.load(Ordering::Relaxed) == 0);
        let other = || line.get((key >> 56) as usize % WAYS);
        if let Some(slot) = free.or_else(other) {
            slot.store(key, Ordering::Relaxed);
        }
    }

    fn clear(&self) {
        for slot in &self.slots {
            slot.store(0, Ordering::Relaxed);
        }
    }
}

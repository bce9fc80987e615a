//! The snapshot that answers at present, which any thread reads at any time and one replaces.

use std::{
    cell::{Cell, RefCell},
    fmt,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;

use crate::snapshot::{Snapshot, counters::Shard};

/// The snapshot that answers at present.
///
/// A thread that asks often keeps it at hand, and then needs to see only that its stamp still is the present one: reading
/// it from a place that all threads share takes two atomic operations, which is longer than finding a flag by its name.
pub(crate) struct Present {
    snapshot: ArcSwap<Snapshot>,
    /// Tells this snapshot from all others of the process: the number of this `Present` in the upper half, and in the lower
    /// the snapshot's [serial number](Snapshot::serial).
    stamp: AtomicU64,
    /// Held while the snapshot is replaced, so that the stamp is that of the snapshot which is stored last. Within are
    /// earlier snapshots that a thread may still have at hand. Who replaces them frees them: a caller who happens to be
    /// the last that has one would wait for it.
    replaced: Mutex<Vec<Arc<Snapshot>>>,
    /// Gone when this is.
    life: Arc<()>,
}

/// A snapshot that a thread has at hand.
struct AtHand {
    stamp: u64,
    snapshot: Arc<Snapshot>,
    /// Where the thread counts its answers.
    shard: Arc<Shard>,
    life: Weak<()>,
}

thread_local! {
    static AT_HAND: RefCell<Vec<AtHand>> = const { RefCell::new(Vec::new()) };
    /// How often in a row the thread asked for a snapshot that it does not have at hand, and the stamp of that.
    static MISSED: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// A thread that asks so often while the rows stay the same has the snapshot at hand from then on. One that asks now and
/// then has none: in a thread that is idle it would stay in memory when it is out of date.
const OFTEN: u32 = 8;

/// More flags than a program has, unless it makes them over and over.
const MOST_AT_HAND: usize = 8;

const FIRST_SERIAL: u32 = 1;

impl Present {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self {
            snapshot: ArcSwap::from_pointee(snapshot.with_serial(FIRST_SERIAL)),
            stamp: AtomicU64::new(stamp(number, FIRST_SERIAL)),
            replaced: Mutex::default(),
            life: Arc::default(),
        }
    }

    /// The serial number of the snapshot.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(crate) fn serial(&self) -> u32 {
        self.stamp.load(Ordering::Acquire) as u32
    }

    /// Calls `ask` with the snapshot, and with the place where this thread counts its answers.
    #[inline(always)]
    pub(crate) fn with<T>(&self, ask: impl Fn(&Snapshot, &Shard) -> T) -> T {
        self.at_hand(|at_hand| ask(&at_hand.snapshot, &at_hand.shard)).unwrap_or_else(|| {
            let snapshot = self.load();
            ask(&snapshot, snapshot.counts().shard())
        })
    }

    /// The snapshot, kept alive.
    #[inline]
    pub(crate) fn guard(&self) -> Guard {
        Guard(self.at_hand(|at_hand| Arc::clone(&at_hand.snapshot)).unwrap_or_else(|| self.load()))
    }

    /// What `take` makes of the snapshot, if this thread has it at hand.
    #[inline(always)]
    fn at_hand<T>(&self, take: impl FnOnce(&AtHand) -> T) -> Option<T> {
        let stamp = self.stamp.load(Ordering::Acquire);
        let taken = AT_HAND.try_with(|all| {
            // What is asked may ask again, which finds the list borrowed, and borrows it a second time.
            let all = all.try_borrow().ok()?;
            all.iter().find(|at_hand| at_hand.stamp == stamp).map(take)
        });
        taken.ok().flatten()
    }

    /// The snapshot from where all threads find it, and from then on at hand if this thread asks often.
    #[cold]
    fn load(&self) -> Arc<Snapshot> {
        let snapshot = self.snapshot.load_full();
        let stamp = self.stamp_of(&snapshot);
        let (last, times) = MISSED.get();
        let times = if last == stamp { times.saturating_add(1) } else { 1 };
        MISSED.set((stamp, times));
        // A thread that ends has nothing at hand any more.
        let _ = AT_HAND.try_with(|all| {
            let Ok(mut all) = all.try_borrow_mut() else { return };
            // With the thread's first question, so that no later one allocates.
            if all.capacity() == 0 {
                all.reserve_exact(MOST_AT_HAND);
            }
            // What is out of date goes at once.
            all.retain(|at_hand| at_hand.stamp >> 32 != stamp >> 32 && at_hand.life.strong_count() > 0);
            if times >= OFTEN {
                if all.len() == MOST_AT_HAND {
                    all.remove(0);
                }
                let (life, shard) = (Arc::downgrade(&self.life), Arc::clone(snapshot.counts().shard()));
                all.push(AtHand { stamp, snapshot: Arc::clone(&snapshot), shard, life });
            }
        });
        snapshot
    }

    fn stamp_of(&self, snapshot: &Snapshot) -> u64 {
        self.stamp.load(Ordering::Relaxed) >> 32 << 32 | u64::from(snapshot.serial())
    }

    /// Puts another snapshot in the place of the present one, of which it is made. Gives its serial number.
    pub(crate) fn replace(&self, make: impl FnOnce(&Arc<Snapshot>) -> Snapshot) -> u32 {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.snapshot.load_full();
        // After 2^32 changes numbers come again, but nobody remembers one for so long without asking.
        let serial = previous.serial().checked_add(1).unwrap_or(FIRST_SERIAL);
        let snapshot = Arc::new(make(&previous).with_serial(serial));
        let stamp = self.stamp_of(&snapshot);
        // The stamp first: from then on no thread has the present snapshot at hand, and all find it in the one place, where the
        // next line changes it for all of them at once. The other way around, one thread could answer by the new snapshot and
        // then another, asked later, by the old one that it has at hand.
        self.stamp.store(stamp, Ordering::Release);
        self.snapshot.store(snapshot);
        replaced.push(previous);
        free(&mut replaced);
        serial
    }

    /// Frees earlier snapshots that nobody has at hand any more.
    #[cfg(feature = "sql")]
    pub(crate) fn tidy(&self) {
        if let Ok(mut replaced) = self.replaced.try_lock() {
            free(&mut replaced);
        }
    }
}

fn stamp(number: u32, serial: u32) -> u64 {
    u64::from(number) << 32 | u64::from(serial)
}

fn free(replaced: &mut Vec<Arc<Snapshot>>) {
    replaced.retain(|snapshot| Arc::strong_count(snapshot) > 1);
}

/// Keeps a snapshot alive. Cheap to take.
#[derive(Clone)]
pub struct Guard(Arc<Snapshot>);

impl Guard {
    #[cfg(feature = "sql")]
    pub(crate) fn into_inner(self) -> Arc<Snapshot> {
        self.0
    }
}

impl Deref for Guard {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl AsRef<Snapshot> for Guard {
    fn as_ref(&self) -> &Snapshot {
        self
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{activation::registry::Registry, rows::Rows, snapshot::Settings};

    fn snapshot() -> Snapshot {
        Snapshot::compile(Arc::new(Rows::default()), &Registry::empty(), &Settings::default(), None)
    }

    fn ask(present: &Present, times: u32) -> Weak<Snapshot> {
        for _ in 1..times {
            present.with(|_, _| ());
        }
        Arc::downgrade(&present.guard().0)
    }

    #[test]
    fn the_thread_that_replaces_a_snapshot_frees_it() {
        let present = Present::new(snapshot());
        let first = ask(&present, 2 * OFTEN);
        present.replace(|_| snapshot());
        assert_eq!(first.strong_count(), 2, "at hand here, and not to be freed by who asks");
        let second = ask(&present, 1);
        assert_eq!(first.strong_count(), 1, "let go");
        present.replace(|_| snapshot());
        assert_eq!((first.strong_count(), second.strong_count()), (0, 0));
    }

    #[test]
    fn who_asks_now_and_then_keeps_nothing() {
        let present = Present::new(snapshot());
        let first = ask(&present, OFTEN - 1);
        present.replace(|_| snapshot());
        assert_eq!(first.strong_count(), 0);
    }

    #[test]
    fn what_is_gone_is_not_at_hand() {
        let present = Present::new(snapshot());
        let gone = ask(&present, 2 * OFTEN);
        drop(present);
        assert_eq!(gone.strong_count(), 1);
        ask(&Present::new(snapshot()), 1);
        assert_eq!(gone.strong_count(), 0);
    }

    #[test]
    fn whoever_is_asked_may_ask() {
        let (outer, inner) = (Present::new(snapshot()), Present::new(snapshot()));
        ask(&outer, 2 * OFTEN);
        let serials = outer.with(|_, _| {
            let before = inner.with(|snapshot, _| snapshot.serial());
            inner.replace(|_| snapshot());
            outer.replace(|_| snapshot());
            // The list of what is at hand is borrowed meanwhile, and what is new is found all the same.
            let after = inner.with(|snapshot, _| snapshot.serial());
            (before, after, outer.with(|snapshot, _| snapshot.serial()))
        });
        assert_eq!(serials, (1, 2, 2));
    }
}

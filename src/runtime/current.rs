//! The current snapshot, which any thread reads at any time and one thread replaces.

use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;

use crate::snapshot::{Snapshot, counters::Shard, guard::SnapshotGuard};

/// The current snapshot.
///
/// Threads that evaluate often cache it, and then only compare the stamp of their copy with the current one:
/// loading an `ArcSwap` takes two atomic operations on shared memory, which is longer than finding a flag by
/// name (W1 of `benches/evaluate.rs`; `arc_swap::Cache` needs a `&mut` that threads cannot share).
pub(crate) struct CurrentSnapshot {
    snapshot: ArcSwap<Snapshot>,
    /// Identifies the snapshot among all of the process: the number of this `CurrentSnapshot` in the upper
    /// half, and the snapshot's [serial number](Snapshot::serial) in the lower.
    stamp: AtomicU64,
    /// Held during a replacement, so that the stamp belongs to the snapshot that is stored last. Contains
    /// earlier snapshots that a thread may still cache: the replacing thread frees them, so that no
    /// evaluation has to.
    replaced: Mutex<Vec<Arc<Snapshot>>>,
    /// Threads hold a `Weak` of it, to notice when the `CurrentSnapshot` is dropped.
    alive: Arc<()>,
}

/// A snapshot that a thread caches.
struct Cached {
    stamp: u64,
    snapshot: Arc<Snapshot>,
    /// Where this thread counts its evaluations.
    shard: Arc<Shard>,
    alive: Weak<()>,
}

thread_local! {
    static CACHE: RefCell<Vec<Cached>> = const { RefCell::new(Vec::new()) };
    /// The stamp of the snapshot that this thread last loaded without caching it, and how often in a row.
    static MISSES: Cell<(u64, u32)> = const { Cell::new((0, 0)) };
}

/// After this many loads of the same snapshot a thread caches it. A thread that evaluates only occasionally
/// caches nothing: while it is idle, an outdated snapshot would stay in memory.
const MISSES_BEFORE_CACHING: u32 = 8;

/// The most snapshots that a thread caches: more `Flags` than a program usually has.
const MAX_CACHED: usize = 8;

const FIRST_SERIAL: u32 = 1;

impl CurrentSnapshot {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        static NUMBERS: AtomicU32 = AtomicU32::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self {
            snapshot: ArcSwap::from_pointee(snapshot.with_serial(FIRST_SERIAL)),
            stamp: AtomicU64::new(stamp(number, FIRST_SERIAL)),
            replaced: Mutex::default(),
            alive: Arc::default(),
        }
    }

    /// The serial number of the snapshot.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    pub(crate) fn serial(&self) -> u32 {
        self.stamp.load(Ordering::Acquire) as u32
    }

    /// Calls `read` with the snapshot, and with the shard in which this thread counts its evaluations.
    #[inline(always)]
    pub(crate) fn with<T>(&self, read: impl Fn(&Snapshot, &Shard) -> T) -> T {
        self.cached(|cached| read(&cached.snapshot, &cached.shard)).unwrap_or_else(|| {
            let snapshot = self.load();
            read(&snapshot, snapshot.counts().shard())
        })
    }

    /// The snapshot, kept alive.
    #[inline]
    pub(crate) fn guard(&self) -> SnapshotGuard {
        SnapshotGuard::new(self.cached(|cached| Arc::clone(&cached.snapshot)).unwrap_or_else(|| self.load()))
    }

    /// Calls `read` with this thread's copy, or returns `None` if it has none.
    #[inline(always)]
    fn cached<T>(&self, read: impl FnOnce(&Cached) -> T) -> Option<T> {
        let stamp = self.stamp.load(Ordering::Acquire);
        let found = CACHE.try_with(|cache| {
            // An activation may evaluate flags itself: then the cache is borrowed a second time.
            let cache = cache.try_borrow().ok()?;
            cache.iter().find(|cached| cached.stamp == stamp).map(read)
        });
        found.ok().flatten()
    }

    /// Loads the snapshot from shared memory, and caches it if this thread does so often.
    #[cold]
    fn load(&self) -> Arc<Snapshot> {
        let snapshot = self.snapshot.load_full();
        let stamp = self.stamp_of(&snapshot);
        let (last, times) = MISSES.get();
        let times = if last == stamp { times.saturating_add(1) } else { 1 };
        MISSES.set((stamp, times));
        // Fails during thread teardown, when caching is pointless.
        let _ = CACHE.try_with(|cache| {
            let Ok(mut cache) = cache.try_borrow_mut() else { return };
            // At the thread's first evaluation, so that later ones do not allocate.
            if cache.capacity() == 0 {
                cache.reserve_exact(MAX_CACHED);
            }
            // Outdated snapshots are released at once.
            cache.retain(|cached| cached.stamp >> 32 != stamp >> 32 && cached.alive.strong_count() > 0);
            if times >= MISSES_BEFORE_CACHING {
                if cache.len() == MAX_CACHED {
                    cache.remove(0);
                }
                let (alive, shard) = (Arc::downgrade(&self.alive), Arc::clone(snapshot.counts().shard()));
                cache.push(Cached { stamp, snapshot: Arc::clone(&snapshot), shard, alive });
            }
        });
        snapshot
    }

    fn stamp_of(&self, snapshot: &Snapshot) -> u64 {
        self.stamp.load(Ordering::Relaxed) >> 32 << 32 | u64::from(snapshot.serial())
    }

    /// Replaces the snapshot by one that is made from it, and returns the new serial number.
    pub(crate) fn replace(&self, make: impl FnOnce(&Arc<Snapshot>) -> Snapshot) -> u32 {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = self.snapshot.load_full();
        // Serial numbers repeat after 2^32 changes, but no thread caches a snapshot for so long without a
        // look-up.
        let serial = previous.serial().checked_add(1).unwrap_or(FIRST_SERIAL);
        let snapshot = Arc::new(make(&previous).with_serial(serial));
        let stamp = self.stamp_of(&snapshot);
        // The stamp first: it invalidates the copies of all threads, which then load from shared memory,
        // where the next line changes it for all of them at once. In the other order, one thread could
        // evaluate by the new snapshot and another one, later, by its cached old one.
        self.stamp.store(stamp, Ordering::Release);
        self.snapshot.store(snapshot);
        replaced.push(previous);
        free_unused(&mut replaced);
        serial
    }

    /// Frees earlier snapshots that no thread caches any longer.
    #[cfg(feature = "sql")]
    pub(crate) fn free_replaced(&self) {
        if let Ok(mut replaced) = self.replaced.try_lock() {
            free_unused(&mut replaced);
        }
    }
}

fn stamp(number: u32, serial: u32) -> u64 {
    u64::from(number) << 32 | u64::from(serial)
}

fn free_unused(replaced: &mut Vec<Arc<Snapshot>>) {
    replaced.retain(|snapshot| Arc::strong_count(snapshot) > 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{activation::registry::Registry, rows::Rows, snapshot::Settings};

    fn snapshot() -> Snapshot {
        Snapshot::compile(Arc::new(Rows::default()), &Registry::empty(), &Settings::default(), None)
    }

    fn read(current: &CurrentSnapshot, times: u32) -> Weak<Snapshot> {
        for _ in 1..times {
            current.with(|_, _| ());
        }
        Arc::downgrade(&current.guard().into_inner())
    }

    #[test]
    fn replacing_thread_frees_the_old_snapshot() {
        let current = CurrentSnapshot::new(snapshot());
        let first = read(&current, 2 * MISSES_BEFORE_CACHING);
        current.replace(|_| snapshot());
        assert_eq!(first.strong_count(), 2, "cached here, and kept for the next replacement to free");
        let second = read(&current, 1);
        assert_eq!(first.strong_count(), 1, "released by the cache");
        current.replace(|_| snapshot());
        assert_eq!((first.strong_count(), second.strong_count()), (0, 0));
    }

    #[test]
    fn occasional_callers_do_not_cache_the_snapshot() {
        let current = CurrentSnapshot::new(snapshot());
        let first = read(&current, MISSES_BEFORE_CACHING - 1);
        current.replace(|_| snapshot());
        assert_eq!(first.strong_count(), 0);
    }

    #[test]
    fn dropped_snapshot_is_released_by_the_cache() {
        let current = CurrentSnapshot::new(snapshot());
        let dropped = read(&current, 2 * MISSES_BEFORE_CACHING);
        drop(current);
        assert_eq!(dropped.strong_count(), 1);
        read(&CurrentSnapshot::new(snapshot()), 1);
        assert_eq!(dropped.strong_count(), 0);
    }

    #[test]
    fn activations_can_evaluate_other_flags() {
        let (outer, inner) = (CurrentSnapshot::new(snapshot()), CurrentSnapshot::new(snapshot()));
        read(&outer, 2 * MISSES_BEFORE_CACHING);
        let serials = outer.with(|_, _| {
            let before = inner.with(|snapshot, _| snapshot.serial());
            inner.replace(|_| snapshot());
            outer.replace(|_| snapshot());
            // The cache is borrowed meanwhile; the new snapshots are found in shared memory.
            let after = inner.with(|snapshot, _| snapshot.serial());
            (before, after, outer.with(|snapshot, _| snapshot.serial()))
        });
        assert_eq!(serials, (1, 2, 2));
    }
}

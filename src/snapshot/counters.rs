//! Counts that every thread adds to at full speed.
//!
//! Each thread has cells of its own, so that counting takes no atomic operation that other threads would wait for; who
//! reads adds them up.

use std::{
    array,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use thread_local::ThreadLocal;

/// Numbered counters, as many as are asked for.
#[derive(Default)]
pub(crate) struct Counters {
    shards: ThreadLocal<Arc<Shard>>,
}

/// The cells of one thread, in blocks that each are twice as large as the one before; a block is made when it is first
/// counted in.
pub(crate) struct Shard {
    blocks: [OnceLock<Box<[AtomicU64]>>; BLOCKS],
}

/// Cells in the first block: 4 KiB of them, for some hundred flags.
const FIRST: u32 = 512;

/// As many blocks as it takes for every number of 32 bits.
const BLOCKS: usize = 24;

impl Counters {
    /// The cells of this thread, for whoever counts several times.
    #[inline]
    pub(crate) fn shard(&self) -> &Arc<Shard> {
        self.shards.get_or_default()
    }

    /// What all threads have counted under a number.
    pub(crate) fn read(&self, number: u32) -> u64 {
        let cells = self.shards.iter().filter_map(|shard| shard.cell(number));
        cells.fold(0, |sum, cell| sum.wrapping_add(cell.load(Ordering::Relaxed)))
    }
}

impl Shard {
    /// Adds one. Only the thread that has the shard does, so there is nobody to lose an addition to.
    #[inline]
    pub(crate) fn count(&self, number: u32) {
        let Some(cell) = self.cell(number) else { return self.count_first(number) };
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    #[cold]
    fn count_first(&self, number: u32) {
        let (block, _) = place(number);
        if let Some(cells) = self.blocks.get(block) {
            cells.get_or_init(|| (0..u64::from(FIRST) << block).map(|_| AtomicU64::new(0)).collect());
        }
        if let Some(cell) = self.cell(number) {
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }

    #[inline]
    fn cell(&self, number: u32) -> Option<&AtomicU64> {
        let (block, cell) = place(number);
        self.blocks.get(block)?.get()?.get(cell)
    }
}

/// The block of a number, and where in it.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a place in memory")]
const fn place(number: u32) -> (usize, usize) {
    let shifted = number as u64 + FIRST as u64;
    let block = shifted.ilog2() - FIRST.ilog2();
    (block as usize, (shifted - ((FIRST as u64) << block)) as usize)
}

impl Default for Shard {
    fn default() -> Self {
        Self { blocks: array::from_fn(|_| OnceLock::new()) }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn every_number_has_a_cell_of_its_own() {
        assert_eq!(place(0), (0, 0));
        let mut last = (0, 0);
        for number in 1..100_000 {
            let place = place(number);
            assert!(
                place == (last.0, last.1 + 1) || place == (last.0 + 1, 0) && last.1 + 1 == (512 << last.0)
            );
            last = place;
        }
        assert!(place(u32::MAX).0 < BLOCKS);
    }

    #[test]
    fn nothing_is_lost() {
        let counters = Counters::default();
        for _ in 0..3 {
            // Threads of a later round get the cells of those of an earlier one.
            let barrier = Barrier::new(4);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        barrier.wait();
                        for number in 0..2000 {
                            counters.shard().count(number % 1000);
                        }
                    });
                }
            });
        }
        for number in 0..1000 {
            assert_eq!(counters.read(number), 3 * 4 * 2);
        }
        assert_eq!(counters.read(1000), 0);
    }
}

//! Sharded counters: each thread counts in cells of its own, without contention, and reading sums them up.

use std::{
    array,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use thread_local::ThreadLocal;

/// Numbered counters, allocated on demand.
#[derive(Default)]
pub(crate) struct Counters {
    shards: ThreadLocal<Arc<Shard>>,
}

/// The cells of one thread, in blocks. Each block is twice as large as the previous one and is allocated at
/// the first count in it.
pub(crate) struct Shard {
    blocks: [OnceLock<Box<[AtomicU64]>>; BLOCKS],
}

/// The number of cells in the first block: 4 KiB, enough for a few hundred flags.
const FIRST_BLOCK: u32 = 512;

/// Enough blocks for every 32-bit number.
const BLOCKS: usize = 24;

impl Counters {
    /// The cells of this thread, for counting several times.
    #[inline]
    pub(crate) fn shard(&self) -> &Arc<Shard> {
        self.shards.get_or_default()
    }

    /// The total of a counter, over all threads.
    pub(crate) fn sum(&self, number: u32) -> u64 {
        let cells = self.shards.iter().filter_map(|shard| shard.cell(number));
        cells.fold(0, |sum, cell| sum.wrapping_add(cell.load(Ordering::Relaxed)))
    }
}

impl Shard {
    /// Adds one. Only the thread that owns the shard writes to it, so a load and a store lose nothing.
    #[inline]
    pub(crate) fn count(&self, number: u32) {
        let Some(cell) = self.cell(number) else { return self.count_first(number) };
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    #[cold]
    fn count_first(&self, number: u32) {
        let (block, _) = position(number);
        if let Some(cells) = self.blocks.get(block) {
            cells.get_or_init(|| (0..u64::from(FIRST_BLOCK) << block).map(|_| AtomicU64::new(0)).collect());
        }
        if let Some(cell) = self.cell(number) {
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }

    #[inline]
    fn cell(&self, number: u32) -> Option<&AtomicU64> {
        let (block, cell) = position(number);
        self.blocks.get(block)?.get()?.get(cell)
    }
}

/// The block of a number, and its cell in the block.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "indexes memory")]
const fn position(number: u32) -> (usize, usize) {
    let shifted = number as u64 + FIRST_BLOCK as u64;
    let block = shifted.ilog2() - FIRST_BLOCK.ilog2();
    (block as usize, (shifted - ((FIRST_BLOCK as u64) << block)) as usize)
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
    fn numbers_map_to_distinct_cells() {
        assert_eq!(position(0), (0, 0));
        let mut last = (0, 0);
        for number in 1..100_000 {
            let position = position(number);
            assert!(
                position == (last.0, last.1 + 1)
                    || position == (last.0 + 1, 0) && last.1 + 1 == (512 << last.0)
            );
            last = position;
        }
        assert!(position(u32::MAX).0 < BLOCKS);
    }

    #[test]
    fn no_count_is_lost_across_threads() {
        let counters = Counters::default();
        for _ in 0..3 {
            // Threads of later rounds reuse the cells of earlier ones.
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
            assert_eq!(counters.sum(number), 3 * 4 * 2);
        }
        assert_eq!(counters.sum(1000), 0);
    }
}

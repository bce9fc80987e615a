//! Verdicts that several activations share during one evaluation.

use std::{cell::Cell, num::NonZeroU32};

use crate::activation::{
    cause::Cause,
    verdict::{Variant, Verdict},
};

/// The verdicts of shared activations during one evaluation, by slot.
///
/// Each thread reuses its memo, so that evaluations do not allocate. An entry is valid only if it has the
/// number of the current evaluation.
#[derive(Default)]
pub(crate) struct Memo {
    /// The number of the current context.
    evaluation: u32,
    /// The number of the current flag, for verdicts that depend on the flag. Counted together with
    /// `evaluation`.
    pub(super) flag: Cell<u32>,
    /// The number of the first prerequisite, after those of the evaluated flags.
    prerequisites: u32,
    /// The last number of this evaluation.
    last: u32,
    verdicts: Vec<Cell<(u32, u32)>>,
    /// The causes of the verdicts of tracked nodes. Each is valid if its verdict is.
    causes: Vec<Cell<Cause>>,
}

impl Memo {
    const OFF: u32 = 0;
    const ON: u32 = u32::MAX;

    /// Calls a function with an empty memo.
    #[inline]
    pub(crate) fn lend<T>(size: MemoSize, evaluate: impl FnOnce(&Self) -> T) -> T {
        thread_local! {
            static MEMO: Cell<Option<Box<Memo>>> = const { Cell::new(None) };
        }
        // Taken and not borrowed, since an activation may evaluate another flag, which needs a memo of its
        // own.
        let mut memo = MEMO.take().unwrap_or_default();
        memo.clear(size);
        let result = evaluate(&memo);
        MEMO.set(Some(memo));
        result
    }

    #[inline]
    fn clear(&mut self, size: MemoSize) {
        let numbers = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let (flags, prerequisites) = (numbers(size.flags), numbers(size.prerequisites));
        let needed = flags.saturating_add(prerequisites).saturating_add(1);
        if u32::MAX - self.last <= needed {
            // The numbers wrap around, and old entries would appear valid.
            self.verdicts.clear();
            self.last = 0;
        }
        self.evaluation = self.last + 1;
        self.flag.set(self.evaluation);
        self.prerequisites = self.evaluation.saturating_add(flags).saturating_add(1);
        self.last = self.last.saturating_add(needed).saturating_add(1);
        if self.verdicts.len() < size.slots {
            self.verdicts.resize(size.slots, Cell::new((0, 0)));
            self.causes.resize(size.slots, Cell::default());
        }
    }

    /// Switches to a prerequisite, and returns the number of the previous flag.
    pub(super) fn enter(&self, prerequisite: u32) -> u32 {
        self.flag.replace(self.prerequisites.saturating_add(prerequisite))
    }

    /// Switches to the next flag of the same context.
    pub(super) fn next_flag(&self) {
        self.flag.set(self.flag.get().saturating_add(1));
    }

    fn number(&self, by_flag: bool) -> u32 {
        if by_flag { self.flag.get() } else { self.evaluation }
    }

    #[inline]
    pub(super) fn get(&self, slot: u32, by_flag: bool) -> Option<Verdict> {
        let (number, code) = self.verdicts.get(slot as usize)?.get();
        (number == self.number(by_flag)).then(|| match NonZeroU32::new(code) {
            None => Verdict::Off,
            Some(NonZeroU32::MAX) => Verdict::On,
            Some(variant) => Verdict::Variant(Variant(variant)),
        })
    }

    #[inline]
    pub(super) fn set(&self, slot: u32, by_flag: bool, verdict: Verdict) {
        let code = match verdict {
            Verdict::Off => Self::OFF,
            Verdict::On => Self::ON,
            Verdict::Variant(Variant(number)) => number.get(),
        };
        if let Some(entry) = self.verdicts.get(slot as usize) {
            entry.set((self.number(by_flag), code));
        }
    }

    /// The cause of a verdict that the memo has, if the node is tracked.
    pub(super) fn cause(&self, slot: u32) -> Cause {
        self.causes.get(slot as usize).map(Cell::get).unwrap_or_default()
    }

    pub(super) fn set_cause(&self, slot: u32, cause: Cause) {
        if let Some(entry) = self.causes.get(slot as usize) {
            entry.set(cause);
        }
    }
}

/// The size of the memo that a snapshot needs.
#[derive(Clone, Copy)]
pub(crate) struct MemoSize {
    /// The number of shared activations.
    pub(crate) slots: usize,
    /// The number of evaluated flags.
    pub(crate) flags: usize,
    /// The number of prerequisites.
    pub(crate) prerequisites: usize,
}

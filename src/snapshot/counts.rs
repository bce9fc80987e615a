//! Counts of evaluations by flag and result.
//!
//! Each result of a flag has its own number in [`Counters`]. If a new snapshot can give the same results for
//! a flag, the flag keeps its numbers; otherwise it gets new ones, and the old numbers are retired together
//! with their meaning. Evaluations of an older snapshot are therefore counted correctly, too.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;

use crate::{
    activation::{Variant, cause::CauseSet},
    snapshot::{
        Flag, Logic, Snapshot,
        counters::{Counters, Shard},
        decision::{Outcome, Reason},
    },
};

/// How often a flag was evaluated to a result in this process; see
/// [`Flags::evaluations`](crate::flags::Flags::evaluations).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Evaluations {
    /// The flag's name.
    pub flag: String,
    /// Whether the flag was on.
    pub enabled: bool,
    /// The assigned variant.
    pub variant: Option<String>,
    /// The reason of the decision.
    pub reason: Reason,
    /// The number of evaluations.
    pub count: u64,
}

/// The counters shared by consecutive snapshots, and the meaning of their numbers.
#[derive(Default)]
pub(crate) struct EvaluationCounts {
    counters: Counters,
    numbers: Mutex<Numbers>,
}

#[derive(Default)]
struct Numbers {
    /// The first number that was never assigned.
    free: u32,
    /// Results that flags no longer give, by the flag's name.
    retired: HashMap<Box<str>, Vec<Retired>>,
    /// The names of the retired lists, by the order in which they were retired.
    order: BTreeMap<u64, Box<str>>,
    /// How many lists were ever retired.
    retirements: u64,
    /// The first numbers of forgotten lists, by the number of their results.
    spare: HashMap<u32, Vec<u32>>,
    /// What numbers that are used again had counted before.
    before: HashMap<u32, u64>,
}

/// The results that a flag no longer gives.
struct Retired {
    order: u64,
    first: u32,
    results: Vec<FlagResult>,
}

/// A result of a flag, independent of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FlagResult {
    enabled: bool,
    variant: Option<Box<str>>,
    reason: Reason,
}

impl EvaluationCounts {
    #[inline]
    pub(crate) fn shard(&self) -> &Arc<Shard> {
        self.counters.shard()
    }

    /// Adds one to a number returned by [`Snapshot::fixed_at`].
    #[inline]
    pub(crate) fn count(&self, number: u32) {
        self.counters.shard().count(number);
    }
}

impl Flag {
    /// The number of an outcome of this flag.
    #[inline]
    pub(super) fn number_of(&self, outcome: Outcome) -> u32 {
        let offset = match self.logic {
            Logic::Fixed(_) => 0,
            Logic::Activations(ask) if outcome.reason.is_rare() => self.offset_by_reason(ask.causes, outcome),
            Logic::Activations(_) | Logic::LastKnown => match (outcome.enabled, outcome.variant) {
                (false, _) => 0,
                (true, None) => 1,
                (true, Some(variant)) => self.offset_of(variant),
            },
        };
        self.first_number.wrapping_add(offset)
    }

    /// The offset of a result after a panic, or of a flag that has several reasons: the results with the
    /// first reason are numbered like those of other flags, and those with each further reason follow.
    #[cold]
    #[inline(never)]
    fn offset_by_reason(&self, causes: CauseSet, outcome: Outcome) -> u32 {
        let reason = outcome.reason.reason();
        if reason == Reason::Error {
            return 2;
        }
        let first = outcome.variant.map_or(1, |variant| self.offset_of(variant));
        let mut reasons = causes.iter().map(Reason::of).zip(0_u32..);
        match reasons.find(|(known, _)| *known == reason) {
            None | Some((_, 0)) => first,
            Some((_, reason)) => {
                let variants = u32::try_from(self.variants().len()).unwrap_or(u32::MAX);
                let before = (reason - 1).saturating_mul(variants.saturating_add(1));
                // Without a variant, then with each.
                let place = if first == 1 { 0 } else { first - 2 };
                variants.saturating_add(3).saturating_add(before).saturating_add(place)
            }
        }
    }

    fn offset_of(&self, variant: Variant) -> u32 {
        // A variant that no activation declared is counted as on, without a variant.
        let position = self.variants().iter().zip(3..).find(|(known, _)| **known == variant);
        position.map_or(1, |(_, offset)| offset)
    }

    /// How many results the flag can give.
    fn result_count(&self) -> u32 {
        match self.logic {
            Logic::Fixed(_) => 1,
            Logic::Activations(_) | Logic::LastKnown => {
                let others = match self.logic {
                    Logic::Activations(ask) => ask.causes.len().saturating_sub(1),
                    _ => 0,
                };
                let variants = u32::try_from(self.variants().len()).unwrap_or(u32::MAX);
                variants.saturating_add(3).saturating_add(others.saturating_mul(variants.saturating_add(1)))
            }
        }
    }

    pub(super) fn variants(&self) -> &[Variant] {
        self.extras.as_deref().map_or(&[], |extras| &extras.variants)
    }
}

impl Snapshot {
    /// Assigns new numbers to all flags.
    pub(super) fn assign_numbers(&mut self) {
        let counts = Arc::clone(&self.counts);
        let mut numbers = counts.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        for flag in Arc::make_mut(&mut self.flags) {
            flag.first_number = numbers.new_range(flag.result_count(), &counts.counters);
        }
    }

    /// Assigns numbers to all flags; those with the same results as in `previous` keep theirs. `replaced` are
    /// the flags of `previous` that this snapshot replaces.
    pub(super) fn assign_numbers_after(&mut self, previous: &Self, replaced: impl Iterator<Item = u32>) {
        let counts = Arc::clone(&previous.counts);
        let mut numbers = counts.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = vec![false; previous.index_bound()];
        let mut assigned = Vec::with_capacity(self.flags.len());
        for flag in &*self.flags {
            let name = self.name(flag);
            let known = previous.find_index(name);
            let before =
                known.and_then(|known| Some((kept.get_mut(known as usize)?, previous.locate(known)?)));
            assigned.push(match before {
                Some((kept, (home, before))) if !*kept && self.same_results(flag, home, before) => {
                    *kept = true;
                    before.first_number
                }
                _ => numbers.take(name, || self.results(flag), flag.result_count(), &counts.counters),
            });
        }
        for (flag, number) in Arc::make_mut(&mut self.flags).iter_mut().zip(assigned) {
            flag.first_number = number;
        }
        for index in replaced.filter(|index| kept.get(*index as usize) == Some(&false)) {
            if let Some((home, flag)) = previous.locate(index) {
                numbers.retire(home.name(flag), flag.first_number, home.results(flag));
            }
        }
        // All flags may have been turned off and on at once.
        numbers.forget(Numbers::MOST_RETIRED + 2 * previous.flag_count());
    }

    /// Whether two flags can give the same results. The first two arms avoid comparing names in the common
    /// cases.
    fn same_results(&self, flag: &Flag, other: &Self, before: &Flag) -> bool {
        match (&flag.logic, &before.logic) {
            (Logic::Activations(ask), Logic::Activations(asked))
                if ask.default.is_none()
                    && asked.default.is_none()
                    && flag.variants().is_empty()
                    && before.variants().is_empty() =>
            {
                (ask.causes, ask.fails_on) == (asked.causes, asked.fails_on)
            }
            (Logic::Fixed(one), Logic::Fixed(other)) if one.variant.is_none() && other.variant.is_none() => {
                one == other
            }
            _ => self.results(flag) == other.results(before),
        }
    }

    /// The results that a flag can give, in the order of their numbers.
    fn results(&self, flag: &Flag) -> Vec<FlagResult> {
        let result = |enabled, variant: Option<Variant>, reason| FlagResult {
            enabled,
            variant: variant.map(|variant| self.name_of_variant(variant).into()),
            reason,
        };
        let (off, on, error, default) = match &flag.logic {
            Logic::Fixed(outcome) => {
                return vec![result(outcome.enabled, outcome.variant, outcome.reason.reason())];
            }
            Logic::Activations(ask) => (Reason::Default, ask.on.reason(), ask.fails_on, ask.default),
            Logic::LastKnown => (Reason::Error, Reason::Error, false, None),
        };
        let mut results = vec![result(false, None, off), result(true, None, on)];
        results.push(result(error, default.filter(|_| error), Reason::Error));
        results.extend(flag.variants().iter().map(|variant| result(true, Some(*variant), on)));
        let others = match &flag.logic {
            Logic::Activations(ask) => ask.causes,
            _ => CauseSet::default(),
        };
        for reason in others.iter().skip(1).map(Reason::of) {
            results.push(result(true, None, reason));
            results.extend(flag.variants().iter().map(|variant| result(true, Some(*variant), reason)));
        }
        results
    }

    /// The counts of all results that occurred at least once, of one flag or of all.
    pub(crate) fn evaluations(&self, only: Option<&str>) -> Vec<Evaluations> {
        let numbers = self.counts.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums = HashMap::new();
        let mut add = |flag: &str, first: u32, results: Vec<FlagResult>| {
            for (number, result) in (first..).zip(results) {
                let before = numbers.before.get(&number).copied().unwrap_or_default();
                let count = self.counts.counters.sum(number).wrapping_sub(before);
                if count > 0 {
                    let key = (flag.to_owned(), result.enabled, result.variant, result.reason);
                    let sum = sums.entry(key).or_insert(0_u64);
                    *sum = sum.wrapping_add(count);
                }
            }
        };
        let mut add_current = |index: u32| {
            if let Some((home, flag)) = self.locate(index) {
                add(home.name(flag), flag.first_number, home.results(flag));
            }
        };
        match only {
            Some(name) => self.find_index(name).into_iter().for_each(&mut add_current),
            None => self.indices().for_each(&mut add_current),
        }
        let mut add_retired = |name: &str, lists: &[Retired]| {
            for retired in lists {
                add(name, retired.first, retired.results.clone());
            }
        };
        match only {
            Some(name) => numbers.retired.get(name).into_iter().for_each(|lists| add_retired(name, lists)),
            None => numbers.retired.iter().for_each(|(name, lists)| add_retired(name, lists)),
        }
        drop(numbers);
        let evaluations =
            |((flag, enabled, variant, reason), count): ((String, _, Option<Box<str>>, _), _)| Evaluations {
                flag,
                enabled,
                variant: variant.map(Into::into),
                reason,
                count,
            };
        let mut all: Vec<_> = sums.into_iter().map(evaluations).collect();
        all.sort_unstable();
        all
    }
}

impl Numbers {
    /// At least so many lists of results are kept of flags that no longer give them, or no longer exist.
    const MOST_RETIRED: usize = 10_000;

    /// Returns the retired numbers of a flag with the same results, or new ones.
    fn take(
        &mut self,
        flag: &str,
        results: impl FnOnce() -> Vec<FlagResult>,
        count: u32,
        counters: &Counters,
    ) -> u32 {
        if let Some(lists) = self.retired.get_mut(flag) {
            let results = results();
            if let Some(position) = lists.iter().position(|known| known.results == results) {
                let Retired { order, first, .. } = lists.swap_remove(position);
                if lists.is_empty() {
                    self.retired.remove(flag);
                }
                self.order.remove(&order);
                return first;
            }
        }
        self.new_range(count, counters)
    }

    /// The first of so many numbers in a row: of a forgotten list, or unused ones.
    fn new_range(&mut self, count: u32, counters: &Counters) -> u32 {
        let Some(first) = self.spare.get_mut(&count).and_then(Vec::pop) else {
            let first = self.free;
            self.free = first.saturating_add(count);
            return first;
        };
        self.before.extend((first..).take(count as usize).map(|number| (number, counters.sum(number))));
        first
    }

    /// Keeps results that a flag no longer gives.
    fn retire(&mut self, flag: &str, first: u32, results: Vec<FlagResult>) {
        let order = self.retirements;
        self.retirements += 1;
        self.order.insert(order, flag.into());
        self.retired.entry(flag.into()).or_default().push(Retired { order, first, results });
    }

    /// Keeps only the latest of these lists, and their numbers for other flags.
    fn forget(&mut self, most: usize) {
        while self.order.len() > most {
            let Some((order, flag)) = self.order.pop_first() else { return };
            let Some(lists) = self.retired.get_mut(&flag) else { continue };
            for forgotten in lists.extract_if(.., |retired| retired.order == order) {
                let count = u32::try_from(forgotten.results.len()).unwrap_or(u32::MAX);
                self.spare.entry(count).or_default().push(forgotten.first);
            }
            if lists.is_empty() {
                self.retired.remove(&flag);
            }
        }
    }
}

//! How often each flag gave each answer.
//!
//! Every answer that a flag can give has a number of its own in [`Counters`]. A flag keeps its numbers from snapshot to
//! snapshot as long as its answers are the same ones; else it gets new ones, and the old ones are set aside with what
//! they mean. So an evaluation against an older snapshot counts rightly, too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;

use crate::{
    activation::Variant,
    snapshot::{
        Answer, Flag, Snapshot,
        counters::{Counters, Shard},
        decision::{Outcome, Reason},
    },
};

/// How often a flag gave an answer in this process, by [`Flags::evaluations`](crate::flags::Flags::evaluations).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Evaluations {
    /// The flag's name.
    pub flag: String,
    /// Whether it was on.
    pub enabled: bool,
    /// The variant that it assigned.
    pub variant: Option<String>,
    /// Why.
    pub reason: Reason,
    /// How often.
    pub count: u64,
}

/// The counters of all snapshots that follow one another, and what their numbers mean.
#[derive(Default)]
pub(crate) struct Tally {
    counters: Counters,
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    /// The first number that nobody has.
    free: u32,
    /// Answers that flags gave once, by the flag's name, each list with its first number.
    set_aside: HashMap<Box<str>, Vec<(u32, Vec<Kind>)>>,
}

/// An answer, whatever snapshot gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    enabled: bool,
    variant: Option<Box<str>>,
    reason: Reason,
}

impl Tally {
    #[inline]
    pub(crate) fn shard(&self) -> &Arc<Shard> {
        self.counters.shard()
    }

    /// Adds one to a number that [`Snapshot::fixed_at`] gave.
    #[inline]
    pub(crate) fn count(&self, number: u32) {
        self.counters.shard().count(number);
    }
}

impl Flag {
    /// The number of an answer of this flag.
    #[inline]
    pub(super) fn number_of(&self, outcome: Outcome) -> u32 {
        let place = match self.answer {
            Answer::Fixed(_) => 0,
            Answer::Ask(_) if outcome.reason == Reason::Error => 2,
            Answer::Ask(_) | Answer::LastKnown => match (outcome.enabled, outcome.variant) {
                (false, _) => 0,
                (true, None) => 1,
                (true, Some(variant)) => self.place_of(variant),
            },
        };
        self.first_number.wrapping_add(place)
    }

    fn place_of(&self, variant: Variant) -> u32 {
        let more = self.more.as_deref();
        let variants = (3..).zip(more.map_or(&[][..], |more| &more.variants));
        // A variant that no activation declared for this flag is none of its own; it was on.
        variants.into_iter().find(|(_, known)| **known == variant).map_or(1, |(place, _)| place)
    }
}

impl Snapshot {
    /// Gives each flag its numbers.
    pub(super) fn number_answers(&mut self) {
        let tally = Arc::clone(&self.tally);
        let mut ledger = tally.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        for flag in Arc::make_mut(&mut self.flags) {
            flag.first_number = ledger.free;
            ledger.free = ledger.free.saturating_add(flag.answers());
        }
    }

    /// Gives each flag its numbers: those that it has in `previous` if its answers are the same. `leaving` are the flags of
    /// `previous` that this snapshot takes the place of.
    pub(super) fn number_answers_after(&mut self, previous: &Self, leaving: impl Iterator<Item = u32>) {
        let mut ledger = previous.tally.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = vec![false; previous.index_bound()];
        let mut numbers = Vec::with_capacity(self.flags.len());
        for flag in &*self.flags {
            let name = self.name(flag);
            let known = previous.find_index(name);
            let before =
                known.and_then(|known| Some((kept.get_mut(known as usize)?, previous.locate(known)?)));
            numbers.push(match before {
                Some((kept, (home, before))) if !*kept && self.answers_like(flag, home, before) => {
                    *kept = true;
                    before.first_number
                }
                _ => ledger.take(name, || self.kinds(flag), flag.answers()),
            });
        }
        for (flag, number) in Arc::make_mut(&mut self.flags).iter_mut().zip(numbers) {
            flag.first_number = number;
        }
        for index in leaving.filter(|index| kept.get(*index as usize) == Some(&false)) {
            if let Some((home, flag)) = previous.locate(index) {
                let name = home.name(flag).into();
                ledger.set_aside.entry(name).or_default().push((flag.first_number, home.kinds(flag)));
            }
        }
    }

    /// Whether two flags give the same answers. Mostly one look tells, and no names are compared.
    fn answers_like(&self, flag: &Flag, other: &Self, before: &Flag) -> bool {
        match (&flag.answer, &before.answer) {
            (Answer::Ask(ask), Answer::Ask(asked))
                if ask.default.is_none()
                    && asked.default.is_none()
                    && flag.variants().is_empty()
                    && before.variants().is_empty() =>
            {
                (ask.on, ask.fails_on) == (asked.on, asked.fails_on)
            }
            (Answer::Fixed(one), Answer::Fixed(other))
                if one.variant.is_none() && other.variant.is_none() =>
            {
                one == other
            }
            _ => self.kinds(flag) == other.kinds(before),
        }
    }

    /// The answers that a flag can give, in the order of their numbers.
    fn kinds(&self, flag: &Flag) -> Vec<Kind> {
        let kind = |enabled, variant: Option<Variant>, reason| Kind {
            enabled,
            variant: variant.map(|variant| self.name_of_variant(variant).into()),
            reason,
        };
        let (off, on, error, default) = match &flag.answer {
            Answer::Fixed(outcome) => return vec![kind(outcome.enabled, outcome.variant, outcome.reason)],
            Answer::Ask(ask) => (Reason::Default, ask.on, ask.fails_on, ask.default),
            Answer::LastKnown => (Reason::Error, Reason::Error, false, None),
        };
        let mut kinds = vec![kind(false, None, off), kind(true, None, on)];
        kinds.push(kind(error, default.filter(|_| error), Reason::Error));
        kinds.extend(flag.variants().iter().map(|variant| kind(true, Some(*variant), on)));
        kinds
    }

    /// How often each answer was given, except for those that never were.
    pub(crate) fn evaluations(&self) -> Vec<Evaluations> {
        let ledger = self.tally.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = HashMap::new();
        let mut add = |flag: &str, first: u32, kinds: Vec<Kind>| {
            for (number, kind) in (first..).zip(kinds) {
                let count = self.tally.counters.read(number);
                if count > 0 {
                    let key = (flag.to_owned(), kind.enabled, kind.variant, kind.reason);
                    let sum = all.entry(key).or_insert(0_u64);
                    *sum = sum.wrapping_add(count);
                }
            }
        };
        for (home, flag) in self.indices().filter_map(|index| self.locate(index)) {
            add(home.name(flag), flag.first_number, home.kinds(flag));
        }
        for (name, lists) in &ledger.set_aside {
            for (first, kinds) in lists {
                add(name, *first, kinds.clone());
            }
        }
        drop(ledger);
        let evaluations =
            |((flag, enabled, variant, reason), count): ((String, _, Option<Box<str>>, _), _)| Evaluations {
                flag,
                enabled,
                variant: variant.map(Into::into),
                reason,
                count,
            };
        let mut all: Vec<_> = all.into_iter().map(evaluations).collect();
        all.sort_unstable();
        all
    }
}

impl Flag {
    /// How many answers it can give.
    fn answers(&self) -> u32 {
        match self.answer {
            Answer::Fixed(_) => 1,
            Answer::Ask(_) | Answer::LastKnown => {
                u32::try_from(self.variants().len()).unwrap_or(u32::MAX).saturating_add(3)
            }
        }
    }

    pub(super) fn variants(&self) -> &[Variant] {
        self.more.as_deref().map_or(&[], |more| &more.variants)
    }
}

impl Ledger {
    /// Numbers for a flag's answers: those that it had when it gave them before, or new ones.
    fn take(&mut self, flag: &str, kinds: impl FnOnce() -> Vec<Kind>, count: u32) -> u32 {
        if let Some(lists) = self.set_aside.get_mut(flag) {
            let kinds = kinds();
            if let Some(place) = lists.iter().position(|(_, known)| *known == kinds) {
                return lists.swap_remove(place).0;
            }
        }
        let first = self.free;
        self.free = first.saturating_add(count);
        first
    }
}

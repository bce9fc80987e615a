//! Evaluation: rows are compiled by now, so this only asks.

use super::{Answer, Ask, Flag, Plan, Snapshot};
use crate::{
    Error, Result,
    activation::{Variant, Verdict},
    bucket::Salted,
    check::{Check, Memo},
    context::Context,
    decision::{Decision, Outcome, Reason},
};

/// Which flags to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter<'a> {
    /// Every flag.
    All,
    /// Those whose name begins so.
    Prefix(&'a str),
    /// Those whose metadata have this tag.
    Tag(&'a str),
}

impl Snapshot {
    /// Whether a flag is on for this caller; an unknown flag is not (R5).
    #[must_use]
    pub fn is_enabled(&self, name: &str, context: &Context<'_>) -> bool {
        self.find(name).is_some_and(|flag| self.enabled(flag, context))
    }

    /// What a flag answers this caller, and why.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] for a name that no flag has (R5).
    pub fn evaluate(&self, name: &str, context: &Context<'_>) -> Result<Decision<&Self>> {
        let index = self.index(name)?;
        Ok(Decision::new(self, index, self.outcome_of(index, context)))
    }

    /// What all flags answer this caller, in the order of [`flag_names`](Self::flag_names). An activation that several
    /// flags share is asked once.
    pub fn evaluate_all(&self, context: &Context<'_>) -> Vec<Decision<&Self>> {
        self.evaluate_only(Filter::All, context)
    }

    /// What some flags answer this caller, as [`evaluate_all`](Self::evaluate_all).
    pub fn evaluate_only(&self, filter: Filter<'_>, context: &Context<'_>) -> Vec<Decision<&Self>> {
        Memo::lend(self.slots, self.flags.len(), |memo| {
            let check = Check::new(&self.nodes, context, &self.around, Salted::new("")).with_memo(memo);
            let outcome = |flag: &Flag| match &flag.answer {
                Answer::Ask(ask) => {
                    check.turn_to(flag.salt);
                    ask.outcome(&flag.linked, &check)
                }
                Answer::Fixed(_) | Answer::LastKnown { .. } => self.outcome(flag, context),
            };
            let flags = (0..).zip(&self.flags).filter(|(index, flag)| self.passes(filter, *index, flag));
            let mut decisions = Vec::with_capacity(if filter == Filter::All { self.flags.len() } else { 0 });
            decisions.extend(flags.map(|(index, flag)| Decision::new(self, index, outcome(flag))));
            decisions
        })
    }

    pub(crate) fn find_index(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    pub(super) fn index(&self, name: &str) -> Result<u32> {
        let missing = || Error::FlagNotFound { name: name.to_owned(), similar: self.similar_flag(name) };
        self.find_index(name).ok_or_else(missing)
    }

    pub(crate) fn outcome_of(&self, index: u32, context: &Context<'_>) -> Outcome {
        let missing = Outcome { enabled: false, variant: None, reason: Reason::Error };
        self.flags.get(index as usize).map_or(missing, |flag| self.outcome(flag, context))
    }

    pub(crate) fn enabled_at(&self, index: u32, context: &Context<'_>) -> bool {
        self.flags.get(index as usize).is_some_and(|flag| self.enabled(flag, context))
    }

    /// Whether the flag is on, if that is the same for everybody.
    pub(crate) fn fixed_at(&self, index: u32) -> Option<bool> {
        match self.flags.get(index as usize)?.answer {
            Answer::Fixed(outcome) => Some(outcome.enabled),
            Answer::Ask(_) | Answer::LastKnown { .. } => None,
        }
    }

    fn passes(&self, filter: Filter<'_>, index: u32, flag: &Flag) -> bool {
        match filter {
            Filter::All => true,
            Filter::Prefix(prefix) => flag.name.starts_with(prefix),
            Filter::Tag(tag) => {
                let row = self.rows.flags.get(index as usize);
                row.is_some_and(|row| row.metadata.tags.iter().any(|known| known == tag))
            }
        }
    }

    fn find(&self, name: &str) -> Option<&Flag> {
        self.flags.get(*self.names.get(name)? as usize)
    }

    fn enabled(&self, flag: &Flag, context: &Context<'_>) -> bool {
        self.outcome(flag, context).enabled
    }

    fn outcome(&self, flag: &Flag, context: &Context<'_>) -> Outcome {
        match &flag.answer {
            Answer::Fixed(outcome) => *outcome,
            Answer::Ask(ask) => {
                let check = Check::new(&self.nodes, context, &self.around, flag.salt);
                match ask.plan {
                    Plan::Plain => ask.outcome(&flag.linked, &check),
                    Plan::Shared | Plan::Deep(_) => {
                        Memo::lend(self.slots, 1, |memo| ask.outcome(&flag.linked, &check.with_memo(memo)))
                    }
                }
            }
            Answer::LastKnown { snapshot, flag } => {
                let Outcome { enabled, variant, .. } = snapshot.outcome_of(*flag, context);
                // Variants are numbered by snapshot; compiling has numbered the earlier one's here as well.
                let variant = variant.and_then(|variant| self.same_variant(snapshot, variant));
                Outcome { enabled, variant, reason: Reason::Error }
            }
        }
    }

    fn same_variant(&self, earlier: &Self, variant: Variant) -> Option<Variant> {
        let name = earlier.variants.get(variant.0 as usize)?;
        (0..).zip(&self.variants).find(|(_, known)| *known == name).map(|(number, _)| Variant(number))
    }
}

impl Ask {
    /// All must be on, asked in the order of their ids; the first variant that one assigns is the flag's (R3).
    pub(super) fn outcome(&self, linked: &[u32], check: &Check<'_>) -> Outcome {
        if let Plan::Deep(order) = &self.plan {
            for node in order {
                check.ask_node(*node);
            }
        }
        let mut variant = None;
        for activation in linked {
            match check.ask_node(*activation) {
                Verdict::Off if check.has_failed() => return self.failed(),
                Verdict::Off => return Outcome { enabled: false, variant: None, reason: Reason::Default },
                Verdict::On => {}
                Verdict::Variant(assigned) => variant = variant.or(Some(assigned)),
            }
        }
        if check.has_failed() {
            return self.failed();
        }
        Outcome { enabled: true, variant: variant.or(self.default), reason: self.on }
    }

    /// The answer when an activation panics: that of a broken flag (R6). What was known last is not written down.
    #[cold]
    fn failed(&self) -> Outcome {
        let variant = self.default.filter(|_| self.fails_on);
        Outcome { enabled: self.fails_on, variant, reason: Reason::Error }
    }
}

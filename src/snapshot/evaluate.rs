//! Evaluation of the compiled rows.

use std::{cell::Cell, time::Instant};

use crate::snapshot::{Conjunction, Flag, Logic, Snapshot, Strategy, patch::Patch};
use crate::{
    activation::{
        Variant, Verdict,
        evaluation::{Evaluation, Scope},
        memo::{Memo, MemoSize},
    },
    context::{Context, override_scope},
    error::{Error, Result},
    snapshot::{
        counters::Shard,
        decision::{Decision, Evaluated, Outcome, OutcomeReason, Reason},
    },
};

/// Which flags to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter<'a> {
    /// Every flag.
    All,
    /// Flags whose name starts with this prefix.
    Prefix(&'a str),
    /// Flags whose metadata have this tag.
    Tag(&'a str),
}

/// A way to look a flag up in a snapshot. A trait and not a closure, since closures are not always inlined
/// (W1 of `scripts/instructions`: 201 instructions, else 219).
pub(crate) trait Lookup: Copy {
    fn find(self, snapshot: &Snapshot) -> Option<u32>;
}

/// By name.
impl Lookup for &str {
    #[inline(always)]
    fn find(self, snapshot: &Snapshot) -> Option<u32> {
        snapshot.find_index(self)
    }
}

impl Snapshot {
    /// Whether a flag is enabled for this caller. An unknown flag is not.
    #[must_use]
    pub fn is_enabled(&self, name: &str, context: &Context<'_>) -> bool {
        self.resolve(name, name, context, self.counts.shard(), |found| {
            found.is_some_and(|found| found.enabled())
        })
    }

    /// Evaluates a flag for this caller.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] if no flag has this name.
    pub fn evaluate(&self, name: &str, context: &Context<'_>) -> Result<Decision<&Self>> {
        self.decision(name, context).ok_or_else(|| self.missing(name))
    }

    /// Evaluates a flag for this caller; `None` if no flag has this name. For names that come from requests:
    /// unlike [`evaluate`](Self::evaluate) it spends no time on a suggestion.
    pub fn decision(&self, name: &str, context: &Context<'_>) -> Option<Decision<&Self>> {
        let found = self.resolve(name, name, context, self.counts.shard(), |found| found)?;
        Some(Decision::new(self, found))
    }

    /// Evaluates one flag and counts the evaluation: the one way from a name to a result, for every method
    /// that evaluates a single flag. `lookup` finds the flag; `read` gets `None` if no flag and no override
    /// has the name.
    ///
    /// Overrides of the running code take precedence here. Their branch is a function of its own, generic
    /// over `read` like this one, so that the path without overrides reserves nothing for it (W1 to W6 of
    /// `scripts/instructions`).
    #[inline(always)]
    pub(crate) fn resolve<T>(
        &self,
        name: &str,
        lookup: impl Lookup,
        context: &Context<'_>,
        shard: &Shard,
        read: impl FnOnce(Option<Evaluated>) -> T,
    ) -> T {
        if override_scope::any_override_active() {
            return self.resolve_with_overrides(name, lookup, context, shard, read);
        }
        read(self.evaluate_rows(lookup.find(self), context, shard))
    }

    #[cold]
    #[inline(never)]
    fn resolve_with_overrides<T>(
        &self,
        name: &str,
        lookup: impl Lookup,
        context: &Context<'_>,
        shard: &Shard,
        read: impl FnOnce(Option<Evaluated>) -> T,
    ) -> T {
        let index = lookup.find(self);
        let found = match self.overlaid(name, index) {
            Some(found) => Some(Evaluated::Override(found)),
            None => self.evaluate_rows(index, context, shard),
        };
        read(found)
    }

    #[inline(always)]
    fn evaluate_rows(&self, index: Option<u32>, context: &Context<'_>, shard: &Shard) -> Option<Evaluated> {
        let index = index?;
        Some(Evaluated::Flag(index, self.counted_at(index, context, shard)))
    }

    /// Evaluates all flags for this caller, in the order of [`flag_names`](Self::flag_names). An activation
    /// that several flags share is evaluated once, and so are activations with equal class names and configs.
    pub fn evaluate_all(&self, context: &Context<'_>) -> Vec<Decision<&Self>> {
        self.evaluate_only(Filter::All, context)
    }

    /// Evaluates the flags that pass a filter; see [`evaluate_all`](Self::evaluate_all).
    pub fn evaluate_only(&self, filter: Filter<'_>, context: &Context<'_>) -> Vec<Decision<&Self>> {
        self.evaluate_unless(filter, context, || false)
    }

    /// Evaluates the flags that pass a filter, for a caller that has a limited time; `None` if it ends before
    /// all are evaluated. See [`evaluate_all`](Self::evaluate_all).
    pub fn evaluate_until(
        &self,
        deadline: Instant,
        filter: Filter<'_>,
        context: &Context<'_>,
    ) -> Option<Vec<Decision<&Self>>> {
        /// The clock is read once for so many flags.
        const FLAGS: u32 = 16;
        let (evaluated, is_over) = (Cell::new(0_u32), Cell::new(false));
        let stop = || {
            let count = evaluated.get();
            evaluated.set(count.wrapping_add(1));
            if count % FLAGS == FLAGS - 1 && Instant::now() >= deadline {
                is_over.set(true);
            }
            is_over.get()
        };
        let decisions = self.evaluate_unless(filter, context, stop);
        (!is_over.get()).then_some(decisions)
    }

    /// Evaluates flags until `stop` returns true; then the result is of no use.
    #[inline(always)]
    fn evaluate_unless(
        &self,
        filter: Filter<'_>,
        context: &Context<'_>,
        stop: impl Fn() -> bool,
    ) -> Vec<Decision<&Self>> {
        if override_scope::any_override_active() && override_scope::any_on_this_thread() {
            return self.evaluate_with_overrides(filter, context, stop);
        }
        self.evaluate_known(filter, context, |_| None, stop)
    }

    #[cold]
    fn evaluate_with_overrides(
        &self,
        filter: Filter<'_>,
        context: &Context<'_>,
        stop: impl Fn() -> bool,
    ) -> Vec<Decision<&Self>> {
        let over = |index| {
            let found = self.overlaid(self.name_of(index), Some(index))?;
            Some(Decision::new(self, Evaluated::Override(found)))
        };
        let mut decisions = self.evaluate_known(filter, context, over, stop);
        self.add_overlaid(filter, &mut decisions);
        decisions
    }

    /// `over` returns the decision for a flag that is overridden, which is not counted.
    #[inline(always)]
    fn evaluate_known<'a>(
        &'a self,
        filter: Filter<'_>,
        context: &Context<'_>,
        over: impl Fn(u32) -> Option<Decision<&'a Self>>,
        stop: impl Fn() -> bool,
    ) -> Vec<Decision<&'a Self>> {
        if let Some(patch) = &self.patch {
            return self.evaluate_patched(patch, filter, context, over, stop);
        }
        let Some(first) = self.flags.first() else { return Vec::new() };
        Memo::lend(self.memo_size(self.flags.len()), |memo| {
            let evaluation = Evaluation::new(&self.around, context, &first.named).with_memo(memo);
            let shard = self.counts.shard();
            let decide = |(index, flag): (u32, _)| {
                if stop() {
                    return Decision::new(self, Evaluated::Flag(index, MISSING));
                }
                if let Some(decision) = over(index) {
                    return decision;
                }
                let outcome = self.outcome_with(flag, context, &evaluation);
                shard.count(flag.number_of(outcome));
                Decision::new(self, Evaluated::Flag(index, outcome))
            };
            let flags = (0..).zip(&*self.flags);
            if filter == Filter::All {
                return flags.map(decide).collect();
            }
            flags.filter(|(_, flag)| self.passes(filter, flag)).map(decide).collect()
        })
    }

    /// Like `evaluate_known`, for a snapshot with a patch: each flag is evaluated where it is defined.
    #[cold]
    fn evaluate_patched<'a>(
        &'a self,
        patch: &'a Patch,
        filter: Filter<'_>,
        context: &Context<'_>,
        over: impl Fn(u32) -> Option<Decision<&'a Self>>,
        stop: impl Fn() -> bool,
    ) -> Vec<Decision<&'a Self>> {
        let part = &patch.part;
        let Some(first) = self.flags.first().or(part.flags.first()) else { return Vec::new() };
        Memo::lend(self.memo_size(self.flags.len()), |memo| {
            let evaluation = Evaluation::new(&self.around, context, &first.named).with_memo(memo);
            Memo::lend(part.memo_size(part.flags.len()), |memo| {
                let part_evaluation = Evaluation::new(&part.around, context, &first.named).with_memo(memo);
                let shard = self.counts.shard();
                let decide = |index: u32| {
                    let (home, flag) = self.locate(index)?;
                    if stop() || !home.passes(filter, flag) {
                        return None;
                    }
                    if let Some(decision) = over(index) {
                        return Some(decision);
                    }
                    let outcome = if std::ptr::eq(home, self) {
                        self.outcome_with(flag, context, &evaluation)
                    } else {
                        part.outcome_with(flag, context, &part_evaluation)
                    };
                    shard.count(flag.number_of(outcome));
                    Some(Decision::new(self, Evaluated::Flag(index, outcome)))
                };
                self.indices().filter_map(decide).collect()
            })
        })
    }

    #[inline(always)]
    pub(crate) fn find_index(&self, name: &str) -> Option<u32> {
        if let Some(patch) = &self.patch {
            return self.find_patched(patch, name);
        }
        self.names.find(&self.flags, &self.around.texts, name)
    }

    // Cold not because it is rare, but so that the path without a patch reserves no registers for it.
    #[cold]
    #[inline(never)]
    fn find_patched(&self, patch: &Patch, name: &str) -> Option<u32> {
        let part = &patch.part;
        if let Some(index) = part.names.find(&part.flags, &part.around.texts, name) {
            // The sum fits: both are numbers of flags in memory.
            return u32::try_from(self.flags.len()).ok()?.checked_add(index);
        }
        let index = self.names.find(&self.flags, &self.around.texts, name)?;
        (!patch.replaces(index)).then_some(index)
    }

    pub(super) fn index(&self, name: &str) -> Result<u32> {
        self.find_index(name).ok_or_else(|| self.missing(name))
    }

    /// The error for an unknown flag.
    #[cold]
    pub(super) fn missing(&self, name: &str) -> Error {
        Error::FlagNotFound { name: name.to_owned(), similar: self.similar_flag(name) }
    }

    /// Evaluates the flag with this index, and counts the evaluation.
    #[inline(always)]
    pub(crate) fn counted_at(&self, index: u32, context: &Context<'_>, shard: &Shard) -> Outcome {
        let Some(flag) = self.flags.get(index as usize) else {
            return self.counted_in_patch(index, context, shard);
        };
        let outcome = self.outcome(flag, context);
        shard.count(flag.number_of(outcome));
        outcome
    }

    #[cold]
    #[inline(never)]
    fn counted_in_patch(&self, index: u32, context: &Context<'_>, shard: &Shard) -> Outcome {
        let Some((home, flag)) = self.patched(index) else { return MISSING };
        let outcome = home.outcome(flag, context);
        shard.count(flag.number_of(outcome));
        outcome
    }

    /// Whether the flag is on and the number of its counter, if that is the same for every caller.
    pub(crate) fn fixed_at(&self, index: u32) -> Option<(bool, u32)> {
        let (_, flag) = self.locate(index)?;
        match flag.logic {
            Logic::Fixed(outcome) => Some((outcome.enabled, flag.number_of(outcome))),
            Logic::Activations(_) | Logic::LastKnown => None,
        }
    }

    fn passes(&self, filter: Filter<'_>, flag: &Flag) -> bool {
        match filter {
            Filter::All => true,
            Filter::Prefix(prefix) => self.around.texts.get(flag.named.name).starts_with(prefix),
            Filter::Tag(tag) => {
                flag.extras.as_ref().is_some_and(|extras| extras.tags.iter().any(|known| **known == *tag))
            }
        }
    }

    /// Evaluates a flag without counting.
    pub(super) fn outcome_of(&self, index: u32, context: &Context<'_>) -> Outcome {
        self.locate(index).map_or(MISSING, |(home, flag)| home.outcome(flag, context))
    }

    #[inline(always)]
    fn outcome(&self, flag: &Flag, context: &Context<'_>) -> Outcome {
        match &flag.logic {
            Logic::Fixed(outcome) => *outcome,
            Logic::Activations(ask) if ask.strategy == Strategy::Plain => {
                let evaluation = Evaluation::new(&self.around, context, &flag.named);
                ask.outcome(self.linked(flag), &evaluation)
            }
            Logic::Activations(_) => self.apart(flag, context),
            Logic::LastKnown => self.last_known(flag, context),
        }
    }

    /// The nodes of the activations that a flag is linked to.
    #[inline]
    fn linked(&self, flag: &Flag) -> &[u32] {
        self.links.slice(flag.linked)
    }

    /// Evaluates a flag with a strategy other than [`Strategy::Plain`].
    #[inline(never)]
    fn apart(&self, flag: &Flag, context: &Context<'_>) -> Outcome {
        if matches!(flag.logic, Logic::Activations(Conjunction { strategy: Strategy::Tracked, .. })) {
            return self.asked(flag, &Evaluation::new(&self.around, context, &flag.named));
        }
        Memo::lend(self.memo_size(1), |memo| {
            let evaluation = Evaluation::new(&self.around, context, &flag.named).with_memo(memo);
            self.asked(flag, &evaluation)
        })
    }

    /// Evaluates a flag with an evaluation that is shared by several flags.
    #[inline]
    fn outcome_with<'a>(
        &'a self,
        flag: &'a Flag,
        context: &Context<'_>,
        evaluation: &Evaluation<'a>,
    ) -> Outcome {
        match &flag.logic {
            Logic::Fixed(outcome) => *outcome,
            Logic::Activations(_) => {
                evaluation.turn_to(&flag.named);
                self.asked(flag, evaluation)
            }
            Logic::LastKnown => self.last_known(flag, context),
        }
    }

    /// Evaluates the activations of a flag.
    #[inline]
    pub(super) fn asked(&self, flag: &Flag, evaluation: &Evaluation<'_>) -> Outcome {
        let Logic::Activations(ask) = &flag.logic else { return MISSING };
        if ask.strategy == Strategy::Deep {
            self.ask_below(self.linked(flag), evaluation);
        }
        let outcome = ask.outcome(self.linked(flag), evaluation);
        if ask.causes.len() < 2 || !outcome.enabled || outcome.reason.is_rare() {
            return outcome;
        }
        let reason = OutcomeReason::one_of_several(Reason::of(evaluation.causes().on));
        Outcome { reason, ..outcome }
    }

    /// Evaluates all descendants, children first, so that each node finds its children's verdicts memoized
    /// and none recurses.
    #[cold]
    fn ask_below(&self, roots: &[u32], evaluation: &Evaluation<'_>) {
        // The path from the root: each node with the number of its next child, and the scope to return to if
        // it is a flag.
        let mut path: Vec<(u32, usize, Option<Scope<'_>>)> = Vec::new();
        let open = |node: u32| (node, 0, self.prerequisite_at(node).map(|flag| evaluation.enter(flag)));
        for root in roots {
            if evaluation.is_pending(*root) {
                path.push(open(*root));
            }
            while let Some((node, next, scope)) = path.last_mut() {
                if let Some(child) = self.graph.targets(*node).get(*next).copied() {
                    *next += 1;
                    if evaluation.is_pending(child) {
                        path.push(open(child));
                    }
                    continue;
                }
                let node = *node;
                if let Some(scope) = scope.take() {
                    evaluation.leave(&scope);
                }
                path.pop();
                evaluation.ask_node(node);
            }
        }
        // The memo has the causes of each node. Not all of them are on the path that decides.
        evaluation.forget_causes();
    }

    /// The number of the flag that this node represents.
    pub(super) fn prerequisite_at(&self, node: u32) -> Option<u32> {
        let place = self.prerequisite_nodes.binary_search(&node).ok()?;
        u32::try_from(place).ok()
    }

    pub(super) fn memo_size(&self, flags: usize) -> MemoSize {
        MemoSize { slots: self.slots, flags, prerequisites: self.prerequisite_nodes.len() }
    }

    #[cold]
    fn last_known(&self, flag: &Flag, context: &Context<'_>) -> Outcome {
        let known = flag.extras.as_ref().and_then(|extras| extras.last_known.as_ref());
        let Some((snapshot, index)) = known else { return MISSING };
        let Outcome { enabled, variant, .. } = snapshot.outcome_of(*index, context);
        // Variants are numbered by snapshot; this one has numbers for those of the earlier one as well.
        let variant = variant.and_then(|variant| self.find_variant(snapshot.variant_name(*index, variant)));
        Outcome::new(enabled, variant, Reason::Error)
    }

    /// The number of the variant with this name, for the flag with this index.
    pub(crate) fn variant_of(&self, flag: u32, name: &str) -> Option<Variant> {
        self.locate(flag)?.0.find_variant(name)
    }

    fn find_variant(&self, name: &str) -> Option<Variant> {
        self.variants.iter().position(|known| **known == *name).map(Variant::from_index)
    }

    /// The names of the variants that a flag can assign.
    pub(super) fn variants_of(&self, index: u32) -> impl Iterator<Item = &str> {
        self.locate(index).into_iter().flat_map(|(home, flag)| {
            let fixed = match flag.logic {
                Logic::Fixed(outcome) => outcome.variant,
                Logic::Activations(_) | Logic::LastKnown => None,
            };
            let variants = fixed.into_iter().chain(flag.variants().iter().copied());
            variants.map(|variant| home.name_of_variant(variant))
        })
    }
}

/// The outcome for a flag that does not exist.
const MISSING: Outcome = Outcome::new(false, None, Reason::Error);

impl Conjunction {
    /// All activations must be on, in the order of their ids; the first variant that one assigns is the
    /// flag's.
    #[inline(always)]
    pub(super) fn outcome(self, linked: &[u32], evaluation: &Evaluation<'_>) -> Outcome {
        let mut variant = None;
        for activation in linked {
            match evaluation.ask_node(*activation) {
                Verdict::Off if evaluation.has_failed() => return self.failed(),
                Verdict::Off => return Outcome::new(false, None, Reason::Default),
                Verdict::On => {}
                Verdict::Variant(assigned) => variant = variant.or(Some(assigned)),
            }
        }
        if evaluation.has_failed() {
            return self.failed();
        }
        Outcome { enabled: true, variant: variant.or(self.default), reason: self.on }
    }

    /// The outcome if an activation panics: that of a broken flag. The last known outcome is not recorded, so
    /// it is not available.
    #[cold]
    fn failed(self) -> Outcome {
        let variant = self.default.filter(|_| self.fails_on);
        Outcome::new(self.fails_on, variant, Reason::Error)
    }
}

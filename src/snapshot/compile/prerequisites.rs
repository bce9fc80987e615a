//! Flags that activations of other flags evaluate. Each has a node, whose children are the flag's
//! activations.

use std::{cell::OnceCell, collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use crate::{
    activation::{
        Activation, Variant, Verdict,
        evaluation::{Evaluation, FlagRef, Node},
    },
    context::{
        override_scope,
        overrides::{Override, Overrides},
    },
    error::suggest::most_similar,
    rows::{FlagRow, Rows},
    snapshot::{
        Conjunction, Flag, Logic,
        compile::{
            graph::Graph,
            ids::{VariantInterner, index},
            links::Links,
            variants::Values,
        },
        decision::Outcome,
    },
};

/// Looks up flags that are not compiled yet.
pub(in crate::snapshot) struct FlagLookup<'a> {
    pub(in crate::snapshot) rows: &'a Rows,
    pub(in crate::snapshot) links: &'a Links,
    pub(in crate::snapshot) overrides: &'a Overrides,
    /// Flag indices by name; built at the first lookup, since most rows need none.
    names: OnceCell<HashMap<&'a str, u32, RandomState>>,
}

impl<'a> FlagLookup<'a> {
    pub(in crate::snapshot) fn new(rows: &'a Rows, links: &'a Links, overrides: &'a Overrides) -> Self {
        Self { rows, links, overrides, names: OnceCell::new() }
    }

    /// The index that the flag with this name will have in the snapshot.
    pub(in crate::snapshot) fn find(&self, name: &str) -> Option<u32> {
        self.names().get(name).copied()
    }

    fn names(&self) -> &HashMap<&'a str, u32, RandomState> {
        self.names.get_or_init(|| {
            let mut names = HashMap::default();
            for (position, row) in (0..).zip(&self.rows.flags) {
                // If two flags have the same name, the first one counts.
                names.entry(row.name.as_str()).or_insert(position);
            }
            let mut next = index(self.rows.flags.len());
            for name in self.overrides.keys() {
                // Flags that exist only as overrides follow, in this order.
                names.entry(name).or_insert_with(|| {
                    next += 1;
                    next - 1
                });
            }
            names
        })
    }

    /// The message for a reference to an unknown flag.
    pub(in crate::snapshot) fn unknown_flag(&self, name: &str, suggests: bool) -> String {
        let compared = if suggests { 500 } else { 0 };
        let names = self.rows.flags.iter().take(compared).map(|row| row.name.as_str());
        let similar = most_similar(name, names);
        let similar = similar.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default();
        format!("no flag has the name {name:?}{similar}")
    }

    /// The activations that the flag's decision depends on; empty if it is the same for every caller.
    pub(in crate::snapshot) fn activations_of(&self, flag: u32) -> &'a [u32] {
        match self.rows.flags.get(flag as usize) {
            Some(row) if !self.is_settled(row) => self.links.nodes.targets(flag),
            _ => &[],
        }
    }

    /// Whether the flag uses its fail mode for a reason other than a broken activation.
    pub(in crate::snapshot) fn is_broken(&self, flag: u32, variants: &mut VariantInterner) -> bool {
        let Some(row) = self.rows.flags.get(flag as usize) else { return false };
        let unresolved = || self.links.unresolved.contains(&flag);
        !self.is_settled(row)
            && (row.is_unreadable() || unresolved() || Values::parse(&row.metadata, variants).is_err())
    }

    /// Whether an override or the status off decides the flag, regardless of its activations.
    fn is_settled(&self, row: &FlagRow) -> bool {
        self.overrides.contains_key(&row.name) || !row.status && !row.is_unreadable()
    }
}

/// Fills in the activations of the nodes that stand for flags, and returns the flags' names.
pub(in crate::snapshot) fn install_prerequisites(
    prerequisites: &[(u32, u32)],
    flags: &[Flag],
    links: &Graph,
    variants: &[Box<str>],
    nodes: &mut [Node],
) -> Arc<[FlagRef]> {
    let install = |(scope, (node, flag)): (u32, &(u32, u32))| {
        let flag = flags.get(*flag as usize)?;
        nodes.get_mut(*node as usize)?.activation = Arc::new(Prerequisite::new(scope, flag, links, variants));
        Some(flag.named)
    };
    (0..).zip(prerequisites).filter_map(install).collect()
}

/// A flag as an activation of other flags.
struct Prerequisite {
    /// Its number among all prerequisites of the snapshot.
    scope: u32,
    answer: PrerequisiteLogic,
    /// Whether the metadata forbid requests to override the flag.
    pinned: bool,
    /// The variants that overrides may name.
    variants: Box<[(Box<str>, Variant)]>,
}

enum PrerequisiteLogic {
    /// The same for every caller.
    Fixed(Verdict),
    /// Depends on these activations.
    Activations(Conjunction, Box<[u32]>),
}

impl Prerequisite {
    fn new(scope: u32, flag: &Flag, links: &Graph, names: &[Box<str>]) -> Self {
        let answer = match &flag.logic {
            Logic::Fixed(outcome) => PrerequisiteLogic::Fixed(verdict(*outcome)),
            // Flags that depend on a broken flag are broken as well, and do not evaluate it.
            Logic::LastKnown => PrerequisiteLogic::Fixed(Verdict::Off),
            Logic::Activations(ask) => PrerequisiteLogic::Activations(*ask, links.slice(flag.linked).into()),
        };
        let values = flag.extras.as_ref().and_then(|extras| extras.values.as_ref());
        let known = flag.variants().iter().copied().chain(values.into_iter().flat_map(Values::variants));
        let variants = known.filter_map(|variant| Some((names.get(variant.index())?.clone(), variant)));
        Self { scope, answer, pinned: flag.pinned, variants: variants.collect() }
    }

    /// The verdict of an override that is active on this thread.
    #[cold]
    fn overridden(&self, evaluation: &Evaluation<'_>) -> Option<Verdict> {
        let variant = |name: &str| self.variants.iter().find(|(known, _)| **known == *name);
        let admits = |answer: &Override| match answer {
            _ if self.pinned => false,
            Override::On | Override::Off => true,
            Override::Variant(name) => variant(name).is_some(),
        };
        let name = evaluation.prerequisite_name(self.scope);
        let found = override_scope::effective(name, admits)?;
        evaluation.note(|| "overridden".to_owned());
        Some(match &found.answer {
            Override::Off => Verdict::Off,
            Override::On => Verdict::On,
            Override::Variant(name) => {
                variant(name).map_or(Verdict::On, |(_, known)| Verdict::Variant(*known))
            }
        })
    }
}

impl Activation for Prerequisite {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        if override_scope::any_override_active()
            && let Some(verdict) = self.overridden(evaluation)
        {
            return verdict;
        }
        match &self.answer {
            PrerequisiteLogic::Fixed(verdict) => *verdict,
            PrerequisiteLogic::Activations(ask, linked) => {
                let scope = evaluation.enter(self.scope);
                let outcome = ask.outcome(linked, evaluation);
                evaluation.leave(&scope);
                verdict(outcome)
            }
        }
    }
}

/// What activations that evaluate the flag see of its outcome.
fn verdict(outcome: Outcome) -> Verdict {
    match outcome.variant {
        _ if !outcome.enabled => Verdict::Off,
        Some(variant) => Verdict::Variant(variant),
        None => Verdict::On,
    }
}

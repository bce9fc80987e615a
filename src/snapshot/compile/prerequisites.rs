//! Flags that activations ask: each has a node, which asks what the flag asks.

use std::{cell::OnceCell, collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use crate::{
    activation::{
        Activation, Variant, Verdict,
        evaluation::{Check, FlagRef, Node},
    },
    context::{
        override_scope as layers,
        overrides::{Override, Overrides},
    },
    rows::Rows,
    snapshot::{
        Answer, Ask, Flag,
        compile::{
            graph::Graph,
            links::Links,
            nodes::{Variants, index},
            variants::Values,
        },
        decision::Outcome,
    },
};

/// What there is to know of flags before they are compiled.
pub(in crate::snapshot) struct FlagSource<'a> {
    pub(in crate::snapshot) rows: &'a Rows,
    pub(in crate::snapshot) links: &'a Links,
    pub(in crate::snapshot) overrides: &'a Overrides,
    /// The index of each flag, by its name; made when one is first asked for, which in most rows none is.
    names: OnceCell<HashMap<&'a str, u32, RandomState>>,
}

impl<'a> FlagSource<'a> {
    pub(in crate::snapshot) fn new(rows: &'a Rows, links: &'a Links, overrides: &'a Overrides) -> Self {
        Self { rows, links, overrides, names: OnceCell::new() }
    }

    /// The index that the flag of this name has in the snapshot.
    pub(in crate::snapshot) fn find(&self, name: &str) -> Option<u32> {
        self.names().get(name).copied()
    }

    fn names(&self) -> &HashMap<&'a str, u32, RandomState> {
        self.names.get_or_init(|| {
            let mut names = HashMap::default();
            for (position, row) in (0..).zip(&self.rows.flags) {
                // Of two flags with one name the first answers to it.
                names.entry(row.name.as_str()).or_insert(position);
            }
            let mut next = index(self.rows.flags.len());
            for name in self.overrides.keys() {
                // Those that only overrides name follow, in this order.
                names.entry(name).or_insert_with(|| {
                    next += 1;
                    next - 1
                });
            }
            names
        })
    }

    /// What is wrong with a reference to a flag that there is not.
    pub(in crate::snapshot) fn unknown(&self, name: &str) -> String {
        let names = self.rows.flags.iter().take(500).map(|row| row.name.as_str());
        let similar = crate::error::suggest::most_similar(name, names);
        let similar = similar.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default();
        format!("no flag has the name {name:?}{similar}")
    }

    /// The activations that the flag's answer depends on; none where it has the same answer for everybody.
    pub(in crate::snapshot) fn asks(&self, flag: u32) -> &'a [u32] {
        match self.rows.flags.get(flag as usize) {
            Some(row) if !self.is_settled(row) => self.links.nodes.of(flag),
            _ => &[],
        }
    }

    /// Whether the flag answers by its fail mode for a reason of its own, and not since an activation is broken.
    pub(in crate::snapshot) fn is_broken(&self, flag: u32, variants: &mut Variants) -> bool {
        let Some(row) = self.rows.flags.get(flag as usize) else { return false };
        let lost = || self.links.lost.contains(&flag);
        !self.is_settled(row)
            && (row.is_unreadable() || lost() || Values::read(&row.metadata, variants).is_err())
    }

    /// Whether an override or its status is the answer, whatever else may be.
    fn is_settled(&self, row: &crate::rows::FlagRow) -> bool {
        self.overrides.contains_key(&row.name) || !row.status && !row.is_unreadable()
    }
}

/// Puts the flags that activations ask in the places of their nodes, which so far had nothing to answer, and gives
/// their names.
pub(in crate::snapshot) fn put_flags(
    asked: &[(u32, u32)],
    flags: &[Flag],
    links: &Graph,
    variants: &[Box<str>],
    nodes: &mut [Node],
) -> Arc<[FlagRef]> {
    let put = |(scope, (node, flag)): (u32, &(u32, u32))| {
        let flag = flags.get(*flag as usize)?;
        nodes.get_mut(*node as usize)?.activation = Arc::new(Prerequisite::new(scope, flag, links, variants));
        Some(flag.named)
    };
    (0..).zip(asked).filter_map(put).collect()
}

/// A flag, asked by activations of other flags.
struct Prerequisite {
    /// Its number among the flags that are asked so.
    scope: u32,
    answer: Settled,
    /// Whether requests may not override it.
    pinned: bool,
    /// The variants that overrides may name.
    variants: Box<[(Box<str>, Variant)]>,
}

enum Settled {
    /// The same for everybody.
    Fixed(Verdict),
    /// What these activations say.
    Ask(Ask, Box<[u32]>),
}

impl Prerequisite {
    fn new(scope: u32, flag: &Flag, links: &Graph, names: &[Box<str>]) -> Self {
        let answer = match &flag.answer {
            Answer::Fixed(outcome) => Settled::Fixed(verdict(*outcome)),
            // A broken flag is asked by broken ones only, which do not ask.
            Answer::LastKnown => Settled::Fixed(Verdict::Off),
            Answer::Ask(ask) => Settled::Ask(*ask, links.at(flag.linked).into()),
        };
        let values = flag.more.as_ref().and_then(|more| more.values.as_ref());
        let known = flag.variants().iter().copied().chain(values.into_iter().flat_map(Values::variants));
        let variants = known.filter_map(|variant| Some((names.get(variant.index())?.clone(), variant)));
        Self { scope, answer, pinned: flag.pinned, variants: variants.collect() }
    }

    /// What overrides of the code that runs now make of it (R13).
    #[cold]
    fn overlaid(&self, check: &Check<'_>) -> Option<Verdict> {
        let variant = |name: &str| self.variants.iter().find(|(known, _)| **known == *name);
        let admits = |answer: &Override| match answer {
            _ if self.pinned => false,
            Override::On | Override::Off => true,
            Override::Variant(name) => variant(name).is_some(),
        };
        let name = check.prerequisite_name(self.scope);
        let found = layers::answer(name, admits)?;
        check.note(|| "an override says so".to_owned());
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
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        if layers::in_use()
            && let Some(verdict) = self.overlaid(check)
        {
            return verdict;
        }
        match &self.answer {
            Settled::Fixed(verdict) => *verdict,
            Settled::Ask(ask, linked) => {
                let scope = check.enter(self.scope);
                let outcome = ask.outcome(linked, check);
                check.leave(&scope);
                verdict(outcome)
            }
        }
    }
}

/// What a flag's answer is to who asks it.
fn verdict(outcome: Outcome) -> Verdict {
    match outcome.variant {
        _ if !outcome.enabled => Verdict::Off,
        Some(variant) => Verdict::Variant(variant),
        None => Verdict::On,
    }
}

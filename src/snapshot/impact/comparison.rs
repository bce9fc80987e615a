//! Decisions before and after a change, compared one caller at a time.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use crate::{
    activation::Variant,
    context::Context,
    snapshot::{
        Snapshot,
        decision::Decision,
        explain::TraceNode,
        impact::{
            FlagImpact, Impact, ImpactExample, ImpactState, Transition,
            groups::{Groups, Marked},
        },
    },
};

/// The most examples of each transition.
const MAX_EXAMPLES: usize = 10;

/// The first callers of each flag are explained, to find attributes that nobody has: so many, and fewer for many flags.
const EXPLAINED: usize = 64;
const EXPLAINED_OF_ALL: usize = 4096;

/// Compares the decisions before and after a change of rows, for one caller after the other: for more callers than fit
/// into memory, such as those of a table. See [`Flags::comparison`](crate::flags::Flags::comparison).
#[derive(Debug)]
pub struct Comparison {
    before: Snapshot,
    after: Snapshot,
    flags: Vec<Compared>,
    groups: Groups,
    callers: usize,
}

/// A flag before and after a change, and its decisions so far.
#[derive(Debug)]
struct Compared {
    before: Option<String>,
    after: Option<String>,
    transitions: Vec<Transition>,
    places: HashMap<[Seen; 2], usize>,
    changed: Marked,
    /// The attributes that were read: whether one of the callers who were explained has it.
    read: BTreeMap<String, bool>,
}

/// Whether a flag is on, and its variant; `None` if there is no such flag.
type Seen = Option<(bool, Option<Variant>)>;

impl Comparison {
    /// Compares flags by their names before and after the change, of which each has at least one.
    pub(crate) fn new(
        (before, after): (Snapshot, Snapshot),
        flags: impl IntoIterator<Item = (Option<String>, Option<String>)>,
    ) -> Self {
        let flags = flags.into_iter().map(|(before, after)| Compared {
            before,
            after,
            transitions: Vec::new(),
            places: HashMap::new(),
            changed: Marked::default(),
            read: BTreeMap::new(),
        });
        Self { before, after, flags: flags.collect(), groups: Groups::default(), callers: 0 }
    }

    /// How many flags are compared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether no flag can decide otherwise.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// Evaluates the flags for a caller, before and after the change.
    pub fn add(&mut self, context: &Context<'_>) {
        let index = self.callers;
        self.callers += 1;
        self.groups.add(context);
        let explained = (EXPLAINED_OF_ALL / self.flags.len().max(1)).clamp(1, EXPLAINED);
        for flag in &mut self.flags {
            if index < explained {
                flag.note_attributes((&self.before, &self.after), context);
            }
            if flag.add((&self.before, &self.after), (index, context)) {
                self.groups.mark(&mut flag.changed);
            }
        }
    }

    /// The decisions of all callers so far.
    #[must_use]
    pub fn finish(self) -> Impact {
        let (groups, callers) = (self.groups, self.callers);
        let flags = self.flags.into_iter().map(|flag| flag.finish(callers, &groups));
        Impact { contexts: callers, flags: flags.collect() }
    }
}

impl Compared {
    /// Returns whether the decision changes.
    fn add(
        &mut self,
        (before, after): (&Snapshot, &Snapshot),
        (index, context): (usize, &Context<'_>),
    ) -> bool {
        let was = self.before.as_ref().and_then(|name| before.decision(name, context));
        let is = self.after.as_ref().and_then(|name| after.decision(name, context));
        let seen = [&was, &is].map(|decision| decision.as_ref().map(Decision::outcome));
        let transitions = &mut self.transitions;
        let place = *self.places.entry(seen).or_insert_with(|| {
            let [before, after] = [was, is].map(|decision| decision.as_ref().map(ImpactState::of));
            transitions.push(Transition { before, after, count: 0, examples: Vec::new() });
            transitions.len() - 1
        });
        let Some(transition) = transitions.get_mut(place) else { return false };
        transition.count += 1;
        let is_change = transition.is_change();
        if is_change && transition.examples.len() < MAX_EXAMPLES {
            let because =
                |snapshot: &Snapshot, name: &String| Some(snapshot.explain(name, context).ok()?.because);
            transition.examples.push(ImpactExample {
                context: index,
                key: context.targeting_key().map(str::to_owned),
                before: self.before.as_ref().and_then(|name| because(before, name)),
                after: self.after.as_ref().and_then(|name| because(after, name)),
            });
        }
        is_change
    }

    /// Notes which attributes the flag reads for a caller.
    fn note_attributes(&mut self, (before, after): (&Snapshot, &Snapshot), context: &Context<'_>) {
        for (snapshot, name) in [(before, &self.before), (after, &self.after)] {
            if let Some(Ok(trace)) = name.as_ref().map(|name| snapshot.explain(name, context)) {
                note_inputs(&trace.activations, &mut self.read);
            }
        }
    }

    /// Attributes that no caller has. Those who were not explained may have one that others of them have.
    fn warnings(&self, groups: &Groups) -> Vec<String> {
        let is_missing = |(name, found): &(&String, &bool)| !**found && !groups.has(name);
        // A member says more than its object.
        let has_member = |name: &String| self.read.keys().any(|other| is_inside(other, name));
        let warning = |(name, _): (&String, &bool)| {
            format!(
                "the flag reads the attribute {name:?}, and none of these callers has it: the counts may differ for callers \
                 who do"
            )
        };
        let missing = self.read.iter().filter(is_missing).filter(|(name, _)| !has_member(name));
        missing.map(warning).collect()
    }

    fn finish(mut self, callers: usize, groups: &Groups) -> FlagImpact {
        let (mut on, mut off, mut other) = (0, 0, 0);
        for transition in self.transitions.iter().filter(|transition| transition.is_change()) {
            let is_on = |state: &Option<ImpactState>| state.as_ref().is_some_and(|state| state.enabled);
            *match (is_on(&transition.before), is_on(&transition.after)) {
                (false, true) => &mut on,
                (true, false) => &mut off,
                _ => &mut other,
            } += transition.count;
        }
        self.transitions.sort_by_key(|transition| Reverse(transition.count));
        let warnings = self.warnings(groups);
        FlagImpact {
            warnings,
            flag: self.after.or(self.before).unwrap_or_default(),
            on,
            off,
            other,
            same: callers - (on + off + other),
            transitions: self.transitions,
            attributes: groups.differing(&self.changed),
        }
    }
}

/// Whether a path leads to a member of an attribute.
fn is_inside(path: &str, attribute: &str) -> bool {
    path.strip_prefix(attribute).is_some_and(|rest| rest.starts_with('.'))
}

/// Without a time of its own, a caller has that of the clock.
const TIME: &str = "currentDateTime";

/// Notes the attributes that activations read, and whether the caller has them.
fn note_inputs(activations: &[TraceNode], read: &mut BTreeMap<String, bool>) {
    for node in activations {
        for input in node.inputs.iter().filter(|input| input.attribute != TIME) {
            *read.entry(input.attribute.clone()).or_default() |= input.value.is_some();
        }
        note_inputs(&node.activations, read);
    }
}

//! All rows of one revision, compiled: what a process answers from.
//!
//! A snapshot never changes. [`compile`](Snapshot::compile) turns rows into values and [`Issue`]s, once; evaluation
//! then takes no lock, allocates nothing and waits for nothing.

mod compile;
mod drafts;
mod evaluate;
mod explain;
mod graph;
mod values;

use std::{collections::HashMap, fmt, sync::Arc};

pub use evaluate::Filter;
pub use explain::{Asked, Input, Trace};

use values::Values;

use crate::{
    activation::Variant,
    bucket::Salted,
    check::{Node, Surroundings},
    context::Context,
    decision::{Outcome, Reason},
    issue::Issue,
    overrides::Overrides,
    rows::{ActivationRow, Revision, Rows},
};

/// What a snapshot is compiled under, beside its rows.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The static context, which lies under every caller's: environment, service, host.
    pub context: Context<'static>,
    /// Answers above the rows.
    pub overrides: Overrides,
    /// Other names of the targeting key, such as `user_id`: the first that the context has counts.
    pub identity: Vec<String>,
}

/// All rows of one revision, compiled.
pub struct Snapshot {
    rows: Arc<Rows>,
    around: Surroundings,
    nodes: Vec<Node>,
    /// What explanations tell of each node; apart from the nodes, which evaluation reads.
    infos: Vec<NodeInfo>,
    /// Those of the rows first, in their order, then those that only overrides name.
    flags: Vec<Flag>,
    names: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
    variants: Vec<Box<str>>,
    /// How many nodes have an answer to remember.
    slots: usize,
    issues: Vec<Issue>,
    /// Tells the snapshots of one [`Flags`](crate::Flags) apart; not 0 there.
    serial: u32,
}

struct NodeInfo {
    /// Index of the row in [`Rows::activations`].
    row: u32,
    /// Where in the row's config an inline activation stands; empty for the row itself.
    path: Box<str>,
    class_name: Box<str>,
    children: Box<[u32]>,
}

struct Flag {
    name: Box<str>,
    /// The name, as the salt of rollouts whose row gives none (R10).
    salt: Salted,
    /// The activations that the flag is linked to, in the order of their ids. The node of a row has the row's index.
    linked: Box<[u32]>,
    answer: Answer,
    overridden: bool,
    /// The variants' values, if the metadata give any.
    values: Option<Box<Values>>,
}

enum Answer {
    /// The same for everybody.
    Fixed(Outcome),
    /// What the linked activations say.
    Ask(Ask),
    /// A broken flag that answers as it did in an earlier snapshot.
    LastKnown { snapshot: Arc<Snapshot>, flag: u32 },
}

struct Ask {
    /// The reason when all are on.
    on: Reason,
    /// The variant when they are on and none assigns one.
    default: Option<Variant>,
    /// Whether the flag is on when an activation panics.
    fails_on: bool,
    plan: Plan,
}

/// How a flag's activations are asked.
enum Plan {
    /// Each is reached on one way only: nothing to remember.
    Plain,
    /// Some are reached on several ways: answers are remembered, or time would grow exponentially.
    Shared,
    /// Nested too deep for the stack: all are asked in this order, children first, so that each finds its children's
    /// answers.
    Deep(Box<[u32]>),
}

impl Snapshot {
    /// The revision of the rows.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.rows.revision
    }

    /// The rows as the store has them, flags and activations in the order of their ids.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The rows that do not compile (R6).
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// The names of all flags: those of the rows in the order of their ids, then those that only an override has.
    pub fn flag_names(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(|flag| &*flag.name)
    }

    /// The index in [`Rows::flags`] of the flag that answers to this name; nothing for a flag that only an override has.
    #[must_use]
    pub fn row_of(&self, name: &str) -> Option<usize> {
        self.find_index(name).map(|index| index as usize).filter(|index| *index < self.rows.flags.len())
    }

    /// The activations that a flag is linked to, in the order of their ids (R3). `row` is the flag's index in
    /// [`Rows::flags`].
    pub fn activations_of(&self, row: usize) -> impl Iterator<Item = &ActivationRow> {
        let linked = self.flags.get(row).into_iter().flat_map(|flag| &flag.linked);
        linked.filter_map(|index| self.rows.activations.get(*index as usize))
    }

    /// A flag's name that is much like this one, for messages.
    pub(crate) fn similar_flag(&self, name: &str) -> Option<String> {
        // Looking through many names costs more than an error message is worth.
        const MOST: usize = 10_000;
        crate::similar::most_similar(name, self.flag_names().take(MOST)).map(str::to_owned)
    }

    pub(crate) fn serial(&self) -> u32 {
        self.serial
    }

    pub(crate) fn with_serial(mut self, serial: u32) -> Self {
        self.serial = serial;
        self
    }

    /// The value of a flag's variant, if the metadata give it one.
    pub(crate) fn value_of(&self, flag: u32, variant: Option<Variant>) -> Option<&serde_json::Value> {
        self.flags.get(flag as usize)?.values.as_ref()?.get(variant?)
    }

    /// Whether a flag's metadata say that its variants have values.
    pub(crate) fn has_values(&self, flag: u32) -> bool {
        self.flags
            .get(flag as usize)
            .and_then(|flag| flag.values.as_ref())
            .is_some_and(|values| values.declared)
    }

    pub(crate) fn name_of(&self, flag: u32) -> &str {
        self.flags.get(flag as usize).map_or("", |flag| &flag.name)
    }

    pub(crate) fn variant_name(&self, variant: Variant) -> &str {
        self.variants.get(variant.0 as usize).map_or("", |name| name)
    }
}

impl AsRef<Self> for Snapshot {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("revision", &self.revision())
            .field("flags", &self.flags.len())
            .field("activations", &self.rows.activations.len())
            .field("issues", &self.issues.len())
            .finish_non_exhaustive()
    }
}

//! All rows of one revision, compiled: what a process answers from.
//!
//! A snapshot never changes. [`compile`](Snapshot::compile) turns rows into values and [`Issue`]s, once; evaluation
//! then takes no lock, allocates nothing and waits for nothing.

mod compile;
pub(crate) mod counters;
mod counts;
pub(crate) mod decision;
mod evaluate;
mod explain;
pub(crate) mod feature;
mod next_change;
mod overrides;
#[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "rows in memory are replaced as a whole"))]
mod patch;
pub(crate) mod plan;

use std::{fmt, sync::Arc};

#[cfg(feature = "sql")]
pub(crate) use compile::nodes::MissingRows;
pub use counts::Evaluations;
pub use evaluate::Filter;
pub use explain::{Asked, Input, Trace};
#[cfg(feature = "sql")]
pub(crate) use patch::{Part, PatchBuilder, reverse_index::ReverseIndex};

use compile::expiry::Expiry;
use compile::graph::FrozenGraph;
use compile::names::NameIndex;
use compile::variants::Values;
pub(crate) use counts::EvaluationCounts;
use explain::Told;
use patch::Patch;

use crate::{
    activation::{
        Variant,
        evaluation::{Named, Surroundings},
    },
    context::{Context, overrides::Overrides},
    rows::{ActivationRow, Revision, Rows, issue::Issue},
};
use decision::{Outcome, Reason};
use feature::Manifest;

/// What a snapshot is compiled under, beside its rows.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The static context, which lies under every caller's: environment, service, host.
    pub context: Context<'static>,
    /// Answers above the rows.
    pub overrides: Overrides,
    /// Other names of the targeting key, such as `user_id`: the first that the context has counts.
    pub identity: Vec<String>,
    /// Whether a snapshot keeps the rows that it was compiled from, for [`Snapshot::rows`]. Evaluation needs them no more,
    /// and they take several times the memory of what it needs.
    pub keep_rows: bool,
    /// What the program's features know. Of what rows have beyond it there are issues.
    pub features: Manifest,
}

/// All rows of one revision, compiled.
///
/// A clone shares all that is large, so that a snapshot of a few other rows is made of one by a patch.
#[derive(Clone)]
pub struct Snapshot {
    revision: Revision,
    /// If they are kept.
    rows: Option<Arc<Rows>>,
    around: Surroundings,
    /// Those of the rows first, in their order, then those that only overrides name.
    flags: Arc<[Flag]>,
    /// The ids of the flags' rows.
    ids: Arc<[i64]>,
    /// The activations that each flag is linked to, in the order of their ids. The node of a row has the row's index.
    links: FrozenGraph,
    names: NameIndex,
    /// Which node asks which.
    graph: FrozenGraph,
    /// The nodes of flags that activations ask, in order.
    asked_flags: Arc<[u32]>,
    /// What explanations tell of each node; apart from the nodes, which evaluation reads.
    told: Arc<Told>,
    variants: Arc<[Box<str>]>,
    /// How many nodes have an answer to remember.
    slots: usize,
    issues: Arc<[Issue]>,
    counts: Arc<EvaluationCounts>,
    unread: Arc<compile::features::ReportedFeatures>,
    /// What has changed since this was compiled.
    patch: Option<Arc<Patch>>,
    /// Tells the snapshots of one [`Flags`](crate::flags::Flags) apart; not 0 there.
    serial: u32,
}

#[derive(Clone)]
struct Flag {
    named: Named,
    /// Where in [`Snapshot::links`] its activations are.
    linked: (u32, u32),
    answer: Answer,
    overridden: bool,
    /// Whether the metadata forbid requests to override the flag.
    pinned: bool,
    /// Whether callers with a client token may know of the flag.
    exposed: bool,
    /// The number under which the first of its answers is counted.
    first_number: u32,
    /// What few flags have.
    extras: Option<Box<FlagExtras>>,
}

/// What few flags have.
#[derive(Clone, Default)]
struct FlagExtras {
    /// The variants' values, if the metadata give any.
    values: Option<Values>,
    /// The variants that the flag can assign.
    variants: Box<[Variant]>,
    /// Labels of the metadata.
    tags: Box<[Box<str>]>,
    /// When the flag should be gone.
    expiry: Option<Box<Expiry>>,
    /// For [`Answer::LastKnown`]: the earlier snapshot, and the flag's index there.
    last_known: Option<(Arc<Snapshot>, u32)>,
}

#[derive(Clone)]
enum Answer {
    /// The same for everybody.
    Fixed(Outcome),
    /// What the linked activations say.
    Ask(Ask),
    /// A broken flag that answers as it did in an earlier snapshot.
    LastKnown,
}

#[derive(Clone, Copy)]
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
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// Each is reached on one way only: nothing to remember.
    Plain,
    /// Some are reached on several ways: answers are remembered, or time would grow exponentially.
    Shared,
    /// Nested too deep for the stack: all are asked in order, children first, so that each finds its children's
    /// answers.
    Deep,
}

impl Snapshot {
    /// The revision of the rows.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The rows as the store has them, flags and activations in the order of their ids; if the
    /// [settings](Settings::keep_rows) say that they are kept.
    #[must_use]
    pub fn rows(&self) -> Option<&Rows> {
        match &self.patch {
            None => self.rows.as_deref(),
            Some(patch) => patch.rows(self),
        }
    }

    /// The rows that do not compile (R6).
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// The names of all flags: those of the rows in the order of their ids, then those that only an override has.
    pub fn flag_names(&self) -> impl Iterator<Item = &str> {
        self.indices().map(|index| self.name_of(index))
    }

    /// Whether there is a flag of this name that callers with a client token may know of.
    #[must_use]
    pub fn exposes(&self, name: &str) -> bool {
        self.find_index(name).is_some_and(|index| self.is_exposed(index))
    }

    /// The index in [`Rows::flags`] of the flag that answers to this name; nothing for a flag that only an override has.
    #[must_use]
    pub fn row_of(&self, name: &str) -> Option<usize> {
        let index = self.find_index(name)?;
        match &self.patch {
            None => Some(index as usize).filter(|index| *index < self.ids.len()),
            Some(patch) => patch.row_of(self, index),
        }
    }

    /// The activations that a flag is linked to, in the order of their ids (R3). `row` is the flag's index in
    /// [`Rows::flags`]. None if the rows are not kept.
    pub fn activations_of(&self, row: usize) -> impl Iterator<Item = &ActivationRow> {
        let rows = self.rows();
        let activations = rows.map_or(&[][..], |rows| &rows.activations);
        let found: Vec<&ActivationRow> = if self.patch.is_none() {
            let linked = u32::try_from(row).map_or(&[][..], |row| self.links.targets(row));
            linked.iter().filter_map(|index| activations.get(*index as usize)).collect()
        } else {
            let flag = rows.and_then(|rows| rows.flags.get(row)).map(|row| row.id);
            let ids = rows.map_or(&[][..], |rows| rows.links_of(flag)).iter().map(|link| link.activation_id);
            let place = |id: i64| activations.binary_search_by_key(&id, |row| row.id).ok();
            let mut found: Vec<_> = ids.filter_map(|id| activations.get(place(id?)?)).collect();
            // A pair that is there twice says nothing more than once.
            found.dedup_by_key(|row| row.id);
            found
        };
        found.into_iter()
    }

    /// A flag's name that is much like this one, for messages.
    pub(crate) fn similar_flag(&self, name: &str) -> Option<String> {
        // Looking through many names costs more than an error message is worth.
        const MOST: usize = 500;
        crate::error::suggest::most_similar(name, self.flag_names().take(MOST)).map(str::to_owned)
    }

    pub(crate) fn serial(&self) -> u32 {
        self.serial
    }

    pub(crate) fn with_serial(mut self, serial: u32) -> Self {
        self.serial = serial;
        self
    }

    /// The flag with this index, and the snapshot that its nodes and variants are numbered in: this one, or a part of it.
    #[inline]
    fn locate(&self, index: u32) -> Option<(&Self, &Flag)> {
        match self.flags.get(index as usize) {
            Some(flag) => Some((self, flag)),
            None => self.patched(index),
        }
    }

    #[cold]
    #[inline(never)]
    fn patched(&self, index: u32) -> Option<(&Self, &Flag)> {
        let part = &self.patch.as_ref()?.part;
        let index = (index as usize).checked_sub(self.flags.len())?;
        Some((part, part.flags.get(index)?))
    }

    /// The value of a flag's variant, if the metadata give it one.
    pub(crate) fn value_of(&self, flag: u32, variant: Option<Variant>) -> Option<&serde_json::Value> {
        self.values(flag)?.get(variant?)
    }

    /// Whether a flag's metadata say that its variants have values.
    pub(crate) fn has_values(&self, flag: u32) -> bool {
        self.values(flag).is_some_and(|values| values.declared)
    }

    /// The version that a flag's variant stands for, if the metadata say that the flag has versions.
    pub(crate) fn version_of(&self, flag: u32, variant: Option<Variant>) -> Option<u32> {
        self.values(flag).filter(|values| values.versions)?;
        self.variant_name(flag, variant?).parse().ok()
    }

    /// Whether the metadata of the flag with this index let callers with a client token know of it.
    pub(crate) fn is_exposed(&self, flag: u32) -> bool {
        self.locate(flag).is_some_and(|(_, flag)| flag.exposed)
    }

    fn values(&self, flag: u32) -> Option<&Values> {
        self.locate(flag)?.1.extras.as_ref()?.values.as_ref()
    }

    pub(crate) fn name_of(&self, flag: u32) -> &str {
        self.locate(flag).map_or("", |(home, flag)| home.name(flag))
    }

    /// The name of a variant that the flag with this index has.
    pub(crate) fn variant_name(&self, flag: u32, variant: Variant) -> &str {
        self.locate(flag).map_or("", |(home, _)| home.name_of_variant(variant))
    }

    fn name_of_variant(&self, variant: Variant) -> &str {
        self.variants.get(variant.place()).map_or("", |name| name)
    }

    /// The name of a flag of this snapshot itself.
    fn name(&self, flag: &Flag) -> &str {
        self.around.texts.get(flag.named.name)
    }

    /// A snapshot that later ones can keep for the flags whose last known answers are this one's. It keeps none itself: if it
    /// did, and that one another, none would ever be freed.
    fn as_last_known(self: &Arc<Self>) -> Arc<Self> {
        let keeps = |flag: &Flag| matches!(flag.answer, Answer::LastKnown);
        let part = self.patch.as_deref().map(|patch| &patch.part);
        if !self.flags.iter().chain(part.into_iter().flat_map(|part| part.flags.iter())).any(keeps) {
            return Arc::clone(self);
        }
        let mut copy = self.without_last_known();
        copy.patch =
            self.patch.as_deref().map(|patch| Arc::new(patch.with_part(patch.part.without_last_known())));
        Arc::new(copy)
    }

    fn without_last_known(&self) -> Self {
        let mut flags = self.flags.to_vec();
        for more in flags.iter_mut().filter_map(|flag| flag.extras.as_mut()) {
            more.last_known = None;
        }
        Self { rows: None, flags: flags.into(), issues: Arc::default(), patch: None, ..self.clone() }
    }

    pub(crate) fn counts(&self) -> &Arc<EvaluationCounts> {
        &self.counts
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
            .field("flags", &self.indices().count())
            .field("activations", &self.around.nodes.len())
            .field("issues", &self.issues.len())
            .finish_non_exhaustive()
    }
}

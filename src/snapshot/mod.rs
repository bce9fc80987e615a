//! All rows of one revision, compiled for evaluation.
//!
//! A snapshot never changes. [`compile`](Snapshot::compile) turns rows into activations and [`Issue`]s, once;
//! evaluation takes no lock, allocates nothing and never waits.

pub(crate) mod audience;
mod compile;
pub(crate) mod counters;
mod counts;
pub(crate) mod decision;
pub(crate) mod evaluate;
mod explain;
#[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "only databases record exposures"))]
pub(crate) mod exposure;
pub(crate) mod feature;
pub(crate) mod guard;
pub(crate) mod impact;
mod next_change;
mod overrides;
#[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "rows in memory are replaced as a whole"))]
mod patch;
pub(crate) mod plan;
mod sql;
mod targeting_key;
mod timeline;

use std::{fmt, sync::Arc};

pub use crate::activation::{cause::Cause, trace::Draw};
pub use audience::{Audience, AudienceAttribute, AudienceCount, AudienceCounter, AudienceValue};
#[cfg(feature = "sql")]
pub(crate) use compile::nodes::MissingRows;
pub use counts::Evaluations;
pub use decision::{Decision, Reason};
pub use evaluate::Filter;
pub use explain::{CauseKind, Input, Trace, TraceCause, TraceNode};
pub use feature::{Feature, FeatureKind, Manifest, ManifestFeature, RegisteredFeature, manifest};
pub use guard::SnapshotGuard;
pub use impact::{
    AttributeImpact, Comparison, FlagImpact, Impact, ImpactExample, ImpactState, Transition, ValueImpact,
};
#[cfg(feature = "sql")]
pub(crate) use patch::{Part, PatchBuilder, reverse_index::ReverseIndex};
pub use plan::{Effect, Plan, PlannedRow, validator::Validator};
pub(crate) use plan::{Side, validator::caused};
pub use sql::FlagSql;
pub use timeline::{ActivationTimeline, FlagTimeline};

use compile::expiry::Expiry;
use compile::graph::FrozenGraph;
use compile::names::NameIndex;
use compile::node_info::NodeInfo;
use compile::variants::Values;
pub(crate) use counts::EvaluationCounts;
use patch::Patch;

use crate::{
    activation::{
        Remembered, Variant,
        cause::CauseSet,
        evaluation::{FlagRef, Surroundings},
        issue_policy::{IssuePolicy, MissingFlags},
        unknown_fields::UnknownFields,
    },
    context::{Context, overrides::Overrides},
    rows::{ActivationRow, Revision, Rows, issue::Issue, metadata::ClientMetadata},
};
use decision::{Outcome, OutcomeReason};

/// What a snapshot is compiled with, apart from its rows.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The static context, for attributes that a caller's context does not have: environment, service, host.
    pub context: Context<'static>,
    /// Decisions that take precedence over the rows.
    pub overrides: Overrides,
    /// Aliases of the targeting key, such as `user_id`. The first one that a context has is used.
    pub identity: Vec<String>,
    /// Whether a snapshot keeps its rows, for [`Snapshot::rows`]. Evaluation does not need them, and they
    /// take several times the memory of the compiled activations.
    pub keep_rows: bool,
    /// The features of the program. Variants in the rows that they do not know are issues.
    pub features: Manifest,
    /// Whether fields that an activation type does not have are issues.
    pub unknown_fields: UnknownFields,
    /// What happens if an activation refers to a flag that does not exist.
    pub missing_flags: MissingFlags,
    /// What clients get with the decisions of all flags.
    pub metadata: ClientMetadata,
    /// The variants that units of experiments keep.
    pub remembered: Remembered,
}

impl Settings {
    fn policy(&self) -> IssuePolicy {
        let Self { unknown_fields, missing_flags, .. } = *self;
        IssuePolicy { unknown_fields, missing_flags }
    }
}

/// All rows of one revision, compiled.
///
/// Clones share everything large, so that a patch makes a snapshot with a few different rows from an existing
/// one.
#[derive(Clone)]
pub struct Snapshot {
    revision: Revision,
    /// `None` unless the settings keep them.
    rows: Option<Arc<Rows>>,
    around: Surroundings,
    /// Flags with rows first, in the order of the rows, then flags that exist only as overrides.
    flags: Arc<[Flag]>,
    /// The ids of the flags' rows.
    ids: Arc<[i64]>,
    /// The activations that each flag is linked to, in the order of their ids. The node of a row has the
    /// row's index.
    links: FrozenGraph,
    names: NameIndex,
    /// The children of each node.
    graph: FrozenGraph,
    /// The nodes of flags that activations depend on, sorted.
    prerequisite_nodes: Arc<[u32]>,
    /// Names and paths of the nodes, apart from the nodes themselves, which evaluation reads.
    node_info: Arc<NodeInfo>,
    variants: Arc<[Box<str>]>,
    /// What clients get with the decisions of all flags.
    metadata: Arc<ClientMetadata>,
    /// How many nodes have a verdict to memoize.
    slots: usize,
    issues: Arc<[Issue]>,
    counts: Arc<EvaluationCounts>,
    reported_features: Arc<compile::features::ReportedFeatures>,
    /// What has changed since this snapshot was compiled.
    patch: Option<Arc<Patch>>,
    /// Distinguishes the snapshots of one [`Flags`](crate::Flags), where it is not 0.
    serial: u32,
}

#[derive(Clone)]
struct Flag {
    named: FlagRef,
    /// The range of its activations in [`Snapshot::links`].
    linked: (u32, u32),
    logic: Logic,
    overridden: bool,
    /// Whether the metadata forbid overrides by requests.
    pinned: bool,
    /// Whether callers with a client token may evaluate the flag.
    exposed: bool,
    /// The number of the counter of its first outcome.
    first_number: u32,
    /// Data that few flags have.
    extras: Option<Box<FlagExtras>>,
}

/// Data that few flags have.
#[derive(Clone, Default)]
struct FlagExtras {
    /// The variants' values, if the metadata define any.
    values: Option<Values>,
    /// The variants that the flag can assign.
    variants: Box<[Variant]>,
    /// The tags of the metadata.
    tags: Box<[Box<str>]>,
    /// What clients get with each decision.
    metadata: ClientMetadata,
    /// When the flag expires.
    expiry: Option<Box<Expiry>>,
    /// The node whose draw exposures record, unless that is plain: by the targeting key, under the flag's name.
    draw: Option<u32>,
    /// For [`Logic::LastKnown`]: the earlier snapshot, and the flag's index there.
    last_known: Option<(Arc<Snapshot>, u32)>,
}

#[derive(Clone)]
enum Logic {
    /// The same outcome for every caller.
    Fixed(Outcome),
    /// Decided by the linked activations.
    Activations(Conjunction),
    /// A broken flag, evaluated in an earlier snapshot.
    LastKnown,
}

#[derive(Clone, Copy)]
struct Conjunction {
    /// The reason if all are on, or the first of several.
    on: OutcomeReason,
    /// What may decide that all are on. If there are several causes, the nodes are tracked.
    causes: CauseSet,
    /// The variant if all are on and none assigns one.
    default: Option<Variant>,
    /// Whether the flag is on if an activation panics.
    fails_on: bool,
    strategy: Strategy,
}

/// How a flag's activations are evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strategy {
    /// Each node has one parent: nothing to memoize. If the flag is on, its reason is the same for every
    /// caller.
    Plain,
    /// The same, but the reason is that of the path taken.
    Tracked,
    /// Some nodes have several parents: verdicts are memoized, since time would grow exponentially otherwise.
    Shared,
    /// Nested too deep for the stack: all nodes are evaluated in order, children first, and each finds the
    /// verdicts of its children memoized.
    Deep,
}

impl Snapshot {
    /// The revision of the rows.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The rows as stored, flags and activations in the order of their ids. `None` unless the
    /// [settings](Settings::keep_rows) keep them.
    #[must_use]
    pub fn rows(&self) -> Option<&Rows> {
        match &self.patch {
            None => self.rows.as_deref(),
            Some(patch) => patch.rows(self),
        }
    }

    /// The invalid rows, and warnings about valid ones.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// How many issues are no [warnings](Issue::warning).
    #[must_use]
    pub fn issue_count(&self) -> usize {
        self.issues.iter().filter(|issue| !issue.warning).count()
    }

    /// The names of all flags: those with rows in the order of their ids, then those that exist only as
    /// overrides.
    pub fn flag_names(&self) -> impl Iterator<Item = &str> {
        self.indices().map(|index| self.name_of(index))
    }

    /// Whether there is a flag with this name that callers with a client token may evaluate.
    #[must_use]
    pub fn exposes(&self, name: &str) -> bool {
        self.find_index(name).is_some_and(|index| self.is_exposed(index))
    }

    /// Whether the configuration overrides the flag with this name ([`Settings::overrides`]).
    #[must_use]
    pub fn is_overridden(&self, name: &str) -> bool {
        let found = self.find_index(name).and_then(|index| self.locate(index));
        found.is_some_and(|(_, flag)| flag.overridden)
    }

    /// The index in [`Rows::flags`] of the flag with this name; `None` if no flag has it, or only an
    /// override.
    #[must_use]
    pub fn row_of(&self, name: &str) -> Option<usize> {
        let index = self.find_index(name)?;
        match &self.patch {
            None => Some(index as usize).filter(|index| *index < self.ids.len()),
            Some(patch) => patch.row_of(self, index),
        }
    }

    /// The activations that a flag is linked to, in the order of their ids. `row` is the flag's index in
    /// [`Rows::flags`]. Empty if the rows are not kept.
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
            // A link that occurs twice counts once.
            found.dedup_by_key(|row| row.id);
            found
        };
        found.into_iter()
    }

    /// A flag with a similar name, for messages.
    pub(crate) fn similar_flag(&self, name: &str) -> Option<String> {
        // Comparing with more names costs more than an error message is worth.
        const MAX_NAMES: usize = 500;
        crate::error::suggest::most_similar(name, self.flag_names().take(MAX_NAMES)).map(str::to_owned)
    }

    pub(crate) fn serial(&self) -> u32 {
        self.serial
    }

    pub(crate) fn with_serial(mut self, serial: u32) -> Self {
        self.serial = serial;
        self
    }

    /// The flag with this index, and the snapshot in which its nodes and variants are numbered: this one, or
    /// the part of its patch.
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

    /// The value of a flag's variant, if the metadata define one.
    pub(crate) fn value_of(&self, flag: u32, variant: Option<Variant>) -> Option<&serde_json::Value> {
        self.values(flag)?.get(variant?)
    }

    /// Whether a flag's metadata define values for its variants.
    pub(crate) fn has_values(&self, flag: u32) -> bool {
        self.values(flag).is_some_and(|values| values.declared)
    }

    /// The version that a flag's variant stands for, if the metadata define versions.
    pub(crate) fn version_of(&self, flag: u32, variant: Option<Variant>) -> Option<u32> {
        self.values(flag).filter(|values| values.versions)?;
        self.variant_name(flag, variant?).parse().ok()
    }

    /// Whether callers with a client token may evaluate the flag with this index.
    pub(crate) fn is_exposed(&self, flag: u32) -> bool {
        self.locate(flag).is_some_and(|(_, flag)| flag.exposed)
    }

    /// What clients get with the decisions of all flags: the section `[metadata]` of `novi.toml`.
    #[must_use]
    pub fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// What clients get with the decisions of one flag, by its row.
    pub(crate) fn metadata_of(&self, flag: u32) -> Option<&ClientMetadata> {
        Some(&self.locate(flag)?.1.extras.as_ref()?.metadata)
    }

    fn values(&self, flag: u32) -> Option<&Values> {
        self.locate(flag)?.1.extras.as_ref()?.values.as_ref()
    }

    pub(crate) fn name_of(&self, flag: u32) -> &str {
        self.locate(flag).map_or("", |(home, flag)| home.name(flag))
    }

    /// The name of a variant of the flag with this index.
    pub(crate) fn variant_name(&self, flag: u32, variant: Variant) -> &str {
        self.locate(flag).map_or("", |(home, _)| home.name_of_variant(variant))
    }

    fn name_of_variant(&self, variant: Variant) -> &str {
        self.variants.get(variant.index()).map_or("", |name| name)
    }

    /// The name of a flag of this snapshot itself.
    fn name(&self, flag: &Flag) -> &str {
        self.around.texts.get(flag.named.name)
    }

    /// A snapshot that later ones can keep for flags with `fail_mode = last_known`. It keeps no earlier one
    /// itself: otherwise the chain would grow with every revision.
    fn as_last_known(self: &Arc<Self>) -> Arc<Self> {
        let keeps = |flag: &Flag| matches!(flag.logic, Logic::LastKnown);
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
        for extras in flags.iter_mut().filter_map(|flag| flag.extras.as_mut()) {
            extras.last_known = None;
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

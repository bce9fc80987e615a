//! [`Flags`], the handle that a service holds.

#[cfg(feature = "sql")]
pub(crate) mod blocking;
pub(crate) mod builder;
pub(crate) mod choose;
pub(crate) mod ensure;
pub(crate) mod expose;
pub(crate) mod guard;
pub(crate) mod handle;
#[cfg(feature = "sql")]
pub(crate) mod live;
#[cfg(feature = "macros")]
pub(crate) mod macros;
pub(crate) mod rollback;
pub(crate) mod typed;
pub(crate) mod writer;

use std::{
    collections::HashMap,
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
    time::Instant,
};

use chrono::{DateTime, Utc};

#[cfg(feature = "sql")]
pub use crate::runtime::{
    exposures::ExposureCounts,
    status::{Origin, Status},
    subscription::{Changes, Subscription},
};
#[cfg(feature = "sql")]
use crate::runtime::{
    follow::Following,
    tasks::{exposures::ExposureWriter, snapshot_file::SnapshotFileWriter},
};
use crate::{
    activation::registry::Registry,
    context::{Context, override_scope},
    error::{Error, Result},
    rows::{Rows, issue::Issue},
    runtime::{core::Core, current::CurrentSnapshot},
    snapshot::{
        Comparison, EvaluationCounts, Evaluations, Impact, Plan, Snapshot, Trace,
        decision::{Decision, Evaluated, Outcome},
        evaluate::Lookup,
        guard::SnapshotGuard,
    },
    store::Edit,
};
pub use builder::FlagsBuilder;
pub use ensure::Declaration;
pub use handle::FlagHandle;
pub use rollback::RollbackPlan;
pub use writer::Writer;

/// The flags of a service: an immutable [`Snapshot`], which is replaced as a whole when the rows change.
///
/// Clones are cheap and share the same flags.
///
/// ```
/// use novi::{Context, Flags, rows::{ActivationRow, FlagRow, LinkRow, Rows}};
///
/// let flags = Flags::from_rows(Rows {
///     flags: vec![FlagRow::new(1, "Winter sale", true)],
///     activations: vec![ActivationRow::new(1, "December", "novi.date_time",
///         r#"{"startDateTime": "2026-12-01T00:00:00Z", "endDateTime": "2027-01-01T00:00:00Z"}"#)],
///     links: vec![LinkRow::new(1, 1)],
///     ..Rows::default()
/// })?;
/// assert!(flags.is_enabled("Winter sale", &Context::new().with("currentDateTime", "2026-12-24T18:00:00Z")));
/// assert!(!flags.is_enabled("Winter sale", &Context::new().with("currentDateTime", "2027-01-01T00:00:00Z")));
/// # Ok::<(), novi::Error>(())
/// ```
#[derive(Clone)]
pub struct Flags {
    core: Arc<Core>,
    /// `None` for rows in memory.
    #[cfg(feature = "sql")]
    following: Option<Arc<Following>>,
    #[cfg(feature = "sql")]
    snapshot_file: Option<Arc<SnapshotFileWriter>>,
    /// `None` for a store that records no exposures.
    #[cfg(feature = "sql")]
    exposures: Option<Arc<ExposureWriter>>,
}

impl Flags {
    fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            #[cfg(feature = "sql")]
            following: None,
            #[cfg(feature = "sql")]
            snapshot_file: None,
            #[cfg(feature = "sql")]
            exposures: None,
        }
    }

    /// A builder, for flags with settings other than the defaults.
    pub fn builder() -> FlagsBuilder {
        FlagsBuilder::new()
    }

    /// Flags from rows in memory.
    ///
    /// # Errors
    /// [`Error::DuplicateClass`] if two activation types have the same name.
    pub fn from_rows(rows: Rows) -> Result<Self> {
        Self::builder().from_rows(rows)
    }

    /// Flags from a snapshot file, as written by `novi export --snapshot FILE`; see
    /// [`FlagsBuilder::from_file`].
    ///
    /// # Errors
    /// Those of [`FlagsBuilder::from_file`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().from_file(path)
    }

    /// Whether a flag is enabled for this caller. An unknown flag is not; its name is logged once.
    ///
    /// Takes no lock, allocates nothing and never waits.
    #[must_use]
    pub fn is_enabled(&self, name: &str, context: &Context<'_>) -> bool {
        self.resolve(
            name,
            name,
            context,
            |_, found| found.is_some_and(|(_, outcome)| outcome.enabled),
            enabled,
        )
    }

    /// Evaluates a flag for this caller.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] if no flag has this name.
    pub fn evaluate(&self, name: &str, context: &Context<'_>) -> Result<Decision> {
        self.evaluate_found(name, name, context)
    }

    /// Evaluates the flag that `lookup` finds.
    #[inline(always)]
    fn evaluate_found(&self, name: &str, lookup: impl Lookup, context: &Context<'_>) -> Result<Decision> {
        let guard = self.snapshot();
        let Some(found) = guard.resolve(name, lookup, context, guard.counts().shard(), |found| found) else {
            self.core.unknown().count(name, &guard);
            return Err(Error::FlagNotFound { name: name.to_owned(), similar: guard.similar_flag(name) });
        };
        Ok(Decision::new(guard, found))
    }

    /// Evaluates the flag that `lookup` finds in the current snapshot, and counts an unknown one.
    ///
    /// The branch for overrides comes first, and is a function of its own, so that the path without overrides
    /// reserves no registers for it (W1 of `scripts/instructions`: 201 instructions, else 249).
    #[inline(always)]
    fn resolve<T>(
        &self,
        name: &str,
        lookup: impl Lookup,
        context: &Context<'_>,
        read: impl Fn(&Snapshot, Option<(u32, Outcome)>) -> T,
        read_with_overrides: impl Fn(&Snapshot, Option<Evaluated>) -> T,
    ) -> T {
        if override_scope::any_override_active() {
            return self.resolve_with_overrides(name, lookup, context, read_with_overrides);
        }
        self.core.current().with(|snapshot, shard| {
            if let Some(index) = lookup.find(snapshot) {
                read(snapshot, Some((index, snapshot.counted_at(index, context, shard))))
            } else {
                self.core.unknown().count(name, snapshot);
                read(snapshot, None)
            }
        })
    }

    #[cold]
    #[inline(never)]
    fn resolve_with_overrides<T>(
        &self,
        name: &str,
        lookup: impl Lookup,
        context: &Context<'_>,
        read: impl Fn(&Snapshot, Option<Evaluated>) -> T,
    ) -> T {
        self.core.current().with(|snapshot, shard| {
            let found = snapshot.resolve(name, lookup, context, shard, |found| found);
            if found.is_none() {
                self.core.unknown().count(name, snapshot);
            }
            read(snapshot, found)
        })
    }

    /// Evaluates the flag that `lookup` finds, and calls `read` with the decision.
    fn decide<T>(
        &self,
        name: &str,
        lookup: impl Lookup,
        context: &Context<'_>,
        read: impl Fn(Option<Decision<&Snapshot>>) -> T,
    ) -> T {
        let rows = |snapshot: &Snapshot, found: Option<(u32, Outcome)>| {
            read(found.map(|(index, outcome)| Decision::new(snapshot, Evaluated::Flag(index, outcome))))
        };
        let overridden = |snapshot: &Snapshot, found: Option<Evaluated>| {
            read(found.map(|found| Decision::new(snapshot, found)))
        };
        self.resolve(name, lookup, context, rows, overridden)
    }

    /// Whether the flag that `lookup` finds is enabled with this variant.
    fn has_variant(&self, name: &str, lookup: impl Lookup, variant: &str, context: &Context<'_>) -> bool {
        self.decide(name, lookup, context, |decision| {
            decision.is_some_and(|decision| decision.has_variant(variant))
        })
    }

    /// Evaluates a flag for this caller and explains the decision: every activation that was evaluated, as a
    /// tree.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] if no flag has this name.
    pub fn explain(&self, name: &str, context: &Context<'_>) -> Result<Trace> {
        self.snapshot().explain(name, context)
    }

    /// When a flag's decision may next change by time alone; see [`Snapshot::next_change`].
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] if no flag has this name.
    pub fn next_change(&self, flag: &str, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        self.snapshot().next_change(flag, after)
    }

    /// The current snapshot. Hold it to evaluate several flags at the same revision.
    #[must_use]
    pub fn snapshot(&self) -> SnapshotGuard {
        self.core.snapshot()
    }

    /// The invalid rows of the current snapshot.
    #[must_use]
    pub fn issues(&self) -> Vec<Issue> {
        self.snapshot().issues().to_vec()
    }

    /// How often unknown flags were evaluated, by name. Only the first thousand names are counted separately;
    /// all others share the empty name.
    #[must_use]
    pub fn unknown_flags(&self) -> HashMap<String, u64> {
        self.core.unknown().counts()
    }

    /// Replaces the rows, and reads the [folder](FlagsBuilder::activations_folder) of activation types again,
    /// if there is one. Snapshots that are held elsewhere stay as they are.
    pub fn replace_rows(&self, rows: Rows) {
        self.core.replace_rows(rows);
    }

    /// A handle on one flag, for code that evaluates it often.
    #[must_use]
    pub fn flag(&self, name: &str) -> FlagHandle {
        FlagHandle::new(self.clone(), name)
    }

    /// How often each flag had which decision since the process started, however it was evaluated.
    /// Explanations do not count, and evaluations that other threads make at this moment may be missing.
    #[must_use]
    pub fn evaluations(&self) -> Vec<Evaluations> {
        self.snapshot().evaluations(None)
    }

    /// The [evaluations](Self::evaluations) of one flag, in a time that does not depend on the number of flags.
    #[must_use]
    pub fn evaluations_of(&self, flag: &str) -> Vec<Evaluations> {
        self.snapshot().evaluations(Some(flag))
    }

    /// The activation types that rows can name, including those of the
    /// [folder](FlagsBuilder::activations_folder).
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.core.types().present()
    }

    /// A snapshot of other rows, such as those of an earlier revision, compiled with the same activation
    /// types, static context and overrides. It does not replace the current one, and its evaluations are not
    /// counted.
    #[must_use]
    pub fn snapshot_of(&self, rows: Rows) -> Snapshot {
        self.core.snapshot_of(rows)
    }

    /// What an edit of these rows would change, and whom it would affect among these callers. Writes nothing. It
    /// uses the activation types, static context and overrides of these flags; evaluations are not counted.
    #[must_use]
    pub fn impact(&self, rows: Rows, edit: &Edit, contexts: &[Context<'_>]) -> (Plan, Impact) {
        let (plan, impact) = self.impact_until(None, rows, edit, contexts);
        (plan, impact.unwrap_or_default())
    }

    /// Like [`impact`](Self::impact), for a caller that has a limited time; there is no impact if it ends before all
    /// contexts are evaluated.
    #[must_use]
    pub fn impact_until(
        &self,
        deadline: Option<Instant>,
        rows: Rows,
        edit: &Edit,
        contexts: &[Context<'_>],
    ) -> (Plan, Option<Impact>) {
        /// The clock is read once for so many evaluations.
        const STEP: usize = 64;
        let (plan, mut comparison) = self.comparison(rows, edit);
        let mut evaluations = STEP;
        for context in contexts {
            if evaluations >= STEP {
                evaluations = 0;
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return (plan, None);
                }
            }
            evaluations += comparison.len().max(1);
            comparison.add(context);
        }
        (plan, Some(comparison.finish()))
    }

    /// Like [`impact`](Self::impact), for callers that are given one after the other.
    #[must_use]
    pub fn comparison(&self, rows: Rows, edit: &Edit) -> (Plan, Comparison) {
        let plan = self.validator().plan(rows.clone(), edit);
        let (after, _) = edit.after_with_problems(&rows);
        let names = |rows: &Rows| -> HashMap<i64, String> {
            rows.flags.iter().map(|row| (row.id, row.name.clone())).collect()
        };
        let (was, is) = (names(&rows), names(&after));
        let may_change = plan.flags.iter().filter(|flag| flag.answer_may_change);
        let flags: Vec<_> =
            may_change.map(|flag| (was.get(&flag.id).cloned(), is.get(&flag.id).cloned())).collect();
        let comparison = Comparison::new((self.snapshot_of(rows), self.snapshot_of(after)), flags);
        (plan, comparison)
    }

    /// The rows of a snapshot that an edit concerns: those that it changes, with all that depends on them and all that
    /// these depend on. A plan of the edit, [`impact`](Self::impact) and [`comparison`](Self::comparison) are the same
    /// over them as over all rows, and take time by their number.
    ///
    /// These are all rows if the edit creates, renames or deletes one, if one that it concerns has an issue, and if flags
    /// are overridden. `None` if the snapshot does not keep its rows.
    #[must_use]
    pub fn rows_for(&self, snapshot: &Snapshot, edit: &Edit) -> Option<Rows> {
        let excerpt = snapshot.excerpt(edit, &self.registry(), self.core.settings());
        excerpt.or_else(|| snapshot.rows().cloned())
    }

    pub(crate) fn counts(&self) -> &EvaluationCounts {
        self.core.counts()
    }

    #[inline]
    pub(crate) fn current(&self) -> &CurrentSnapshot {
        self.core.current()
    }

    /// Makes these the flags of the process, which guarded functions evaluate.
    ///
    /// # Errors
    /// Returns the flags if others are installed already.
    pub fn install(self) -> Result<(), Self> {
        INSTALLED.set(self)
    }

    /// The flags of the process, once they are [installed](Self::install).
    #[must_use]
    pub fn global() -> Option<&'static Self> {
        INSTALLED.get()
    }

    /// The aliases of [`TARGETING_KEY`](crate::context::TARGETING_KEY); see [`FlagsBuilder::identity`].
    pub fn identity_names(&self) -> impl Iterator<Item = &str> {
        self.core.settings().identity.iter().map(String::as_str)
    }
}

fn enabled(_: &Snapshot, found: Option<Evaluated>) -> bool {
    found.is_some_and(|found| found.enabled())
}

static INSTALLED: OnceLock<Flags> = OnceLock::new();

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags").field("snapshot", &*self.snapshot()).finish_non_exhaustive()
    }
}

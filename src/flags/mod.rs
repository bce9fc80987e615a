//! The handle that a service holds.

#[cfg(feature = "sql")]
pub(crate) mod blocking;
pub(crate) mod choose;
pub(crate) mod guard;
pub(crate) mod handle;
#[cfg(feature = "macros")]
pub(crate) mod macros;
pub(crate) mod rollback;
pub(crate) mod typed;
pub(crate) mod writer;

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};

use crate::{
    activation::{
        registry::Registry,
        script_folder::{Folder, Types},
    },
    context::{Context, override_scope, overrides::Overrides},
    error::{Error, Result},
    rows::{Rows, issue::Issue},
    runtime::current::{Guard, Present},
    snapshot::{
        EvaluationCounts, Evaluations, Settings, Snapshot, Trace,
        decision::{Decision, Outcome},
        feature::{self, Manifest},
    },
    store::file::SnapshotFile,
};
#[cfg(feature = "sql")]
use crate::{
    runtime::{follow::Watch, startup::Upkeep},
    snapshot::{MissingRows, Part, PatchBuilder},
};
#[cfg(feature = "sql")]
use blocking::Life;
use handle::FlagHandle;

/// The flags of a service: an immutable [`Snapshot`], replaced as a whole when the rows change.
///
/// Clones are cheap and show the same flags.
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
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    present: Present,
    pub(crate) types: Types,
    settings: Settings,
    unknown: Unknown,
    /// That of all snapshots.
    counts: Arc<EvaluationCounts>,
    #[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "rows in memory are not followed"))]
    pub(crate) watch: Watch,
    /// Ends with the flags.
    #[cfg(feature = "sql")]
    pub(crate) life: Life,
}

/// How to make [`Flags`]: which activation types there are, and what lies under and over the rows.
#[derive(Clone, Debug)]
#[must_use]
pub struct FlagsBuilder {
    registry: Option<Registry>,
    pub(crate) folder: Option<Folder>,
    settings: Settings,
    #[cfg_attr(not(feature = "sql"), allow(dead_code, reason = "rows in memory are not asked again"))]
    pub(crate) refresh: Duration,
    #[cfg(feature = "sql")]
    pub(crate) upkeep: Upkeep,
}

impl FlagsBuilder {
    /// How often the database is asked for its revision, unless [`refresh`](Self::refresh) says otherwise.
    pub const REFRESH: Duration = Duration::from_millis(200);

    /// The activation types that rows can name, in place of [`Registry::global`].
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Files of this folder are activation types beside those of the [registry](Self::registry): `office_hours.cel` is the
    /// class `novi_activations.office_hours`. The folder must be there. It is read again whenever rows are, and with a
    /// database at each [refresh](Self::refresh).
    pub fn activations_folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = Some(Folder { path: path.into(), required: true });
        self
    }

    /// The static context, which lies under every caller's: environment, service, host.
    pub fn context(mut self, context: Context<'static>) -> Self {
        self.settings.context = context;
        self
    }

    /// Answers that stand above the rows (R13).
    pub fn overrides(mut self, overrides: Overrides) -> Self {
        self.settings.overrides = overrides;
        self
    }

    /// Other names of the targeting key, such as `user_id`: the first that the context has counts.
    pub fn identity(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.identity = names.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps the rows in memory beside what they compile to, for [`Snapshot::rows`].
    pub fn keep_rows(mut self) -> Self {
        self.settings.keep_rows = true;
        self
    }

    /// The features that rows are compared with, in place of those of this program; see
    /// [`Snapshot::issues`].
    pub fn features(mut self, features: Manifest) -> Self {
        self.settings.features = features;
        self
    }

    /// How often the database is asked for its revision.
    pub fn refresh(mut self, interval: Duration) -> Self {
        self.refresh = interval;
        self
    }

    /// Flags from rows in memory.
    ///
    /// # Errors
    /// [`Error::DuplicateClass`] when two activation types claim one name, and [`Error::File`] when the
    /// [folder](Self::activations_folder) of types can not be read.
    pub fn from_rows(self, rows: Rows) -> Result<Flags> {
        self.build(rows, Watch::default())
    }

    /// Flags from the rows of a [snapshot file](SnapshotFile), with no database at all.
    ///
    /// # Errors
    /// [`Error::Snapshot`] for a file that can not be used, [`Error::Expired`] if flags have expired and that is to
    /// [refuse](crate::rows::expired::Expired::Refuse) the start, and those of [`from_rows`](Self::from_rows).
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Flags> {
        #[cfg(feature = "sql")]
        let upkeep = self.upkeep.clone();
        let flags = self.from_rows(SnapshotFile::read(path)?.rows)?;
        #[cfg(feature = "sql")]
        upkeep.check_expired(&flags)?;
        Ok(flags)
    }

    pub(crate) fn build(self, rows: Rows, watch: Watch) -> Result<Flags> {
        let registry = self.registry.map_or_else(Registry::global, Ok)?;
        let types = Types::new(registry, self.folder)?;
        let snapshot = Snapshot::compile(Arc::new(rows), &types.take(), &self.settings, None);
        snapshot.log_issues();
        let inner = Inner {
            counts: Arc::clone(snapshot.counts()),
            present: Present::new(snapshot),
            types,
            settings: self.settings,
            unknown: Unknown::default(),
            watch,
            #[cfg(feature = "sql")]
            life: crate::flags::blocking::life(),
        };
        Ok(Flags { inner: Arc::new(inner) })
    }
}

impl Flags {
    /// Flags with settings of their own.
    pub fn builder() -> FlagsBuilder {
        let settings = Settings { features: feature::manifest(), ..Settings::default() };
        FlagsBuilder {
            registry: None,
            folder: None,
            settings,
            refresh: FlagsBuilder::REFRESH,
            #[cfg(feature = "sql")]
            upkeep: Upkeep::default(),
        }
    }

    /// Flags from rows in memory.
    ///
    /// # Errors
    /// [`Error::DuplicateClass`] when two activation types claim one name.
    pub fn from_rows(rows: Rows) -> Result<Self> {
        Self::builder().from_rows(rows)
    }

    /// Flags from the rows of a snapshot file, such as `novi export --snapshot FILE` makes; see [`FlagsBuilder::from_file`].
    ///
    /// # Errors
    /// As [`FlagsBuilder::from_file`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().from_file(path)
    }

    /// Whether a flag is on for this caller. An unknown flag is not (R5); the name is logged once.
    ///
    /// Takes no lock, allocates nothing and waits for nothing.
    #[must_use]
    pub fn is_enabled(&self, name: &str, context: &Context<'_>) -> bool {
        if override_scope::any_override_active() {
            return self.is_enabled_with_overrides(name, context);
        }
        self.is_enabled_by_rows(name, context)
    }

    /// While there are overrides of a call or a task. Apart, so that nothing need be kept for it where there are none.
    #[cold]
    #[inline(never)]
    fn is_enabled_with_overrides(&self, name: &str, context: &Context<'_>) -> bool {
        match self.overlaid(name) {
            Some(outcome) => outcome.enabled,
            None => self.is_enabled_by_rows(name, context),
        }
    }

    #[inline(always)]
    fn is_enabled_by_rows(&self, name: &str, context: &Context<'_>) -> bool {
        self.inner.present.with(|snapshot, shard| {
            if let Some(flag) = snapshot.find_index(name) {
                snapshot.counted_at(flag, context, shard).enabled
            } else {
                self.inner.unknown.count(name, snapshot);
                false
            }
        })
    }

    /// What a flag answers this caller, and why.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] for a name that no flag has (R5).
    pub fn evaluate(&self, name: &str, context: &Context<'_>) -> Result<Decision> {
        if override_scope::any_override_active() {
            return self.evaluate_with_overrides(name, context);
        }
        self.evaluate_by_rows(name, context)
    }

    #[cold]
    #[inline(never)]
    fn evaluate_with_overrides(&self, name: &str, context: &Context<'_>) -> Result<Decision> {
        let guard = self.snapshot();
        match guard.overlaid(name, guard.find_index(name)) {
            Some(active) => Ok(Decision::overlaid(guard, active)),
            None => self.evaluate_by_rows(name, context),
        }
    }

    #[inline(always)]
    fn evaluate_by_rows(&self, name: &str, context: &Context<'_>) -> Result<Decision> {
        let guard = self.snapshot();
        let Some(flag) = guard.find_index(name) else {
            self.inner.unknown.count(name, &guard);
            return Err(Error::FlagNotFound { name: name.to_owned(), similar: guard.similar_flag(name) });
        };
        let outcome = guard.counted_at(flag, context, guard.counts().shard());
        Ok(Decision::new(guard, flag, outcome))
    }

    /// What `read` makes of a flag's answer; of nothing if no flag has the name.
    pub(crate) fn read_decision<T>(
        &self,
        name: &str,
        context: &Context<'_>,
        read: impl Fn(Option<&Decision<&Snapshot>>) -> T,
    ) -> T {
        self.inner.present.with(|snapshot, _| {
            let decision = snapshot.decide(snapshot.find_index(name), name, context);
            if decision.is_none() {
                self.inner.unknown.count(name, snapshot);
            }
            read(decision.as_ref())
        })
    }

    /// Whether a flag is on with this variant.
    pub(crate) fn has_variant(&self, name: &str, variant: &str, context: &Context<'_>) -> bool {
        self.read_decision(name, context, |decision| {
            decision.is_some_and(|decision| decision.has_variant(variant))
        })
    }

    /// How a flag comes to its answer for this caller: every activation that was asked, as a tree.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] for a name that no flag has (R5).
    pub fn explain(&self, name: &str, context: &Context<'_>) -> Result<Trace> {
        self.snapshot().explain(name, context)
    }

    /// When a flag's answer may next be another one by the clock alone; see [`Snapshot::next_change`].
    ///
    /// # Errors
    /// [`Error::FlagNotFound`] for a name that no flag has (R5).
    pub fn next_change(&self, flag: &str, after: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        self.snapshot().next_change(flag, after)
    }

    /// The present snapshot. Whoever holds it gets every answer from the same revision (R11).
    #[must_use]
    pub fn snapshot(&self) -> Guard {
        self.inner.present.guard()
    }

    /// The rows that do not compile (R6), in the present snapshot.
    #[must_use]
    pub fn issues(&self) -> Vec<Issue> {
        self.snapshot().issues().to_vec()
    }

    /// How often flags were asked for that do not exist, by name. Only the first thousand names are told apart; the
    /// rest is counted under the empty name.
    #[must_use]
    pub fn unknown_flags(&self) -> HashMap<String, u64> {
        self.inner.unknown.counts()
    }

    /// Replaces the rows, and reads the [folder](FlagsBuilder::activations_folder) of types again, if there is one. Callers that
    /// hold a snapshot keep theirs.
    pub fn replace_rows(&self, rows: Rows) {
        let inner = &self.inner;
        inner.types.look();
        inner.present.replace(|previous| {
            let rows = Arc::new(rows);
            let snapshot = Snapshot::compile(rows, &inner.types.take(), &inner.settings, Some(previous));
            snapshot.log_issues();
            snapshot
        });
    }

    /// A flag that is looked up once; for code that asks the same one over and over.
    #[must_use]
    pub fn flag(&self, name: &str) -> FlagHandle {
        FlagHandle::new(self.clone(), name)
    }

    /// How often each flag gave which answer in this process, whichever way it was asked; explanations do not count.
    /// Counts go up from the start of the process, and may miss what other threads do at this moment.
    #[must_use]
    pub fn evaluations(&self) -> Vec<Evaluations> {
        self.snapshot().evaluations()
    }

    /// What an override of the code that runs now says.
    #[cold]
    pub(crate) fn overlaid(&self, name: &str) -> Option<Outcome> {
        self.inner.present.with(|snapshot, _| snapshot.overlaid_outcome(name))
    }

    /// The activation types that rows can name, with those of the [folder](FlagsBuilder::activations_folder).
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.inner.types.present()
    }

    /// A snapshot of other rows, such as those of a past revision, compiled as these flags compile theirs: with the same activation
    /// types, static context and overrides. It replaces nothing, and its answers are not counted.
    #[must_use]
    pub fn snapshot_of(&self, rows: Rows) -> Snapshot {
        Snapshot::compile(Arc::new(rows), &self.registry(), &self.inner.settings, None)
    }

    pub(crate) fn counts(&self) -> &EvaluationCounts {
        &self.inner.counts
    }

    #[inline]
    pub(crate) fn present(&self) -> &Present {
        &self.inner.present
    }

    /// Makes these the flags of the process, which guarded functions ask.
    ///
    /// # Errors
    /// Gives the flags back when the process has its flags already.
    pub fn install(self) -> Result<(), Self> {
        INSTALLED.set(self)
    }

    /// The flags of the process, once they are [installed](Self::install).
    #[must_use]
    pub fn global() -> Option<&'static Self> {
        INSTALLED.get()
    }

    #[cfg(feature = "sql")]
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// A snapshot of rows that is not the present one yet; its answers have no numbers.
    #[cfg(feature = "sql")]
    pub(crate) fn compile_apart(&self, rows: Rows) -> Snapshot {
        let inner = &self.inner;
        let previous = self.snapshot().into_inner();
        Snapshot::compile_apart(Arc::new(rows), &inner.types.present(), &inner.settings, &previous)
    }

    /// Compiles what has changed.
    #[cfg(feature = "sql")]
    pub(crate) fn compile_part(&self, change: &PatchBuilder<'_>) -> (Part, MissingRows) {
        change.compile(&self.inner.types.present(), &self.inner.settings)
    }

    /// Puts another snapshot in the place of the present one, and gives its serial number.
    #[cfg(feature = "sql")]
    pub(crate) fn put(&self, make: impl FnOnce() -> Snapshot) -> u32 {
        self.inner.present.replace(|_| {
            let snapshot = make();
            snapshot.log_issues();
            snapshot
        })
    }

    /// The attributes beside [`TARGETING_KEY`](crate::context::TARGETING_KEY) that can be a caller's sticky identity.
    pub fn identity_names(&self) -> impl Iterator<Item = &str> {
        self.inner.settings.identity.iter().map(String::as_str)
    }

    #[cfg(feature = "sql")]
    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        Self { inner }
    }
}

#[cfg(feature = "sql")]
impl Inner {
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Without a database there is nothing to follow.
#[cfg(not(feature = "sql"))]
#[derive(Default)]
pub(crate) struct Watch {}

static INSTALLED: OnceLock<Flags> = OnceLock::new();

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags").field("snapshot", &*self.snapshot()).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Tells of each issue once a revision, where the rows came in.
    fn log_issues(&self) {
        let revision = self.revision().number();
        for issue in self.issues() {
            tracing::warn!(revision, flags = ?issue.flags, "{issue}");
        }
    }
}

/// The names that were asked for in vain.
#[derive(Default)]
struct Unknown {
    counts: Mutex<HashMap<String, u64>>,
    beyond: AtomicU64,
}

impl Unknown {
    /// Names come from code but may be put together there; without a bound they could fill the memory.
    const MOST_NAMES: usize = 1000;
    const LONGEST_NAME: usize = 1000;

    #[cold]
    fn count(&self, name: &str, snapshot: &Snapshot) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(name) {
            *count += 1;
        } else if counts.len() < Self::MOST_NAMES && name.len() <= Self::LONGEST_NAME {
            counts.insert(name.to_owned(), 1);
            drop(counts);
            let error = Error::FlagNotFound { name: name.to_owned(), similar: snapshot.similar_flag(name) };
            tracing::warn!(flag = name, "{error}; it is off");
        } else {
            self.beyond.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> HashMap<String, u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let beyond = self.beyond.load(Ordering::Relaxed);
        if beyond > 0 {
            *counts.entry(String::new()).or_default() += beyond;
        }
        counts
    }
}

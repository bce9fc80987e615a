//! The part of [`Flags`](crate::Flags) that background tasks work on: the current snapshot and how to compile
//! the next.

use std::{collections::HashSet, fmt, sync::Arc};

use crate::{
    activation::script_folder::Types,
    rows::{Rows, issue::Issue},
    runtime::{current::CurrentSnapshot, unknown_flags::UnknownFlags},
    snapshot::{EvaluationCounts, Settings, Snapshot, guard::SnapshotGuard},
};
#[cfg(feature = "sql")]
use crate::{
    runtime::subscription::{Announcer, Changes, Subscription},
    snapshot::{MissingRows, Part, PatchBuilder},
};

/// The current snapshot, and what the next one is compiled with.
///
/// `Flags` hold it; background tasks hold it weakly, so that they end with the last `Flags`.
pub(crate) struct Core {
    current: CurrentSnapshot,
    types: Types,
    settings: Settings,
    unknown: UnknownFlags,
    /// Shared by every snapshot.
    counts: Arc<EvaluationCounts>,
    #[cfg(feature = "sql")]
    announcer: Announcer,
}

impl Core {
    pub(crate) fn new(rows: Rows, types: Types, settings: Settings) -> Self {
        let snapshot = Snapshot::compile(Arc::new(rows), &types.take(), &settings, None);
        log_issues(&snapshot, &[]);
        Self {
            counts: Arc::clone(snapshot.counts()),
            current: CurrentSnapshot::new(snapshot),
            types,
            settings,
            unknown: UnknownFlags::default(),
            #[cfg(feature = "sql")]
            announcer: Announcer::default(),
        }
    }

    #[inline]
    pub(crate) fn current(&self) -> &CurrentSnapshot {
        &self.current
    }

    #[inline]
    pub(crate) fn snapshot(&self) -> SnapshotGuard {
        self.current.guard()
    }

    pub(crate) fn types(&self) -> &Types {
        &self.types
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    #[inline]
    pub(crate) fn unknown(&self) -> &UnknownFlags {
        &self.unknown
    }

    #[inline]
    pub(crate) fn counts(&self) -> &EvaluationCounts {
        &self.counts
    }

    /// Replaces all rows, and reads the folder of activation types again.
    pub(crate) fn replace_rows(&self, rows: Rows) {
        self.types.look();
        self.current.replace(|previous| {
            let snapshot =
                Snapshot::compile(Arc::new(rows), &self.types.take(), &self.settings, Some(previous));
            log_issues(&snapshot, previous.issues());
            snapshot
        });
    }

    /// A snapshot of these rows that replaces nothing, and whose evaluations are not counted.
    pub(crate) fn snapshot_of(&self, rows: Rows) -> Snapshot {
        Snapshot::compile(Arc::new(rows), &self.types.present(), &self.settings, None)
    }
}

#[cfg(feature = "sql")]
impl Core {
    /// A subscription that ends when the core is dropped.
    pub(crate) fn subscribe(&self) -> Subscription {
        self.announcer.subscribe()
    }

    pub(crate) fn announce(&self, changes: Changes) {
        self.announcer.announce(changes);
    }

    /// Compiles a snapshot that may become the base of later patches. Its answers have no counters yet.
    pub(crate) fn compile_apart(&self, rows: Rows) -> Snapshot {
        let previous = self.snapshot().into_inner();
        Snapshot::compile_apart(Arc::new(rows), &self.types.present(), &self.settings, &previous)
    }

    /// Compiles the part of the rows that has changed.
    pub(crate) fn compile_part(&self, change: &PatchBuilder<'_>) -> (Part, MissingRows) {
        change.compile(&self.types.present(), &self.settings)
    }

    /// Makes another snapshot the current one, and returns its serial number.
    pub(crate) fn put(&self, make: impl FnOnce() -> Snapshot) -> u32 {
        self.current.replace(|previous| {
            let snapshot = make();
            log_issues(&snapshot, previous.issues());
            snapshot
        })
    }
}

/// Logs the issues of a snapshot that the previous one did not have, one line for each row: here, where new
/// rows arrive.
fn log_issues(snapshot: &Snapshot, previous: &[Issue]) {
    let revision = snapshot.revision().number();
    let known: HashSet<&Issue> = previous.iter().collect();
    let new: Vec<&Issue> = snapshot.issues().iter().filter(|issue| !known.contains(issue)).collect();
    for issues in
        new.chunk_by(|one, next| (one.table, one.id, &one.name) == (next.table, next.id, &next.name))
    {
        let Some((issue, more)) = issues.split_first() else { continue };
        let more = match more.len() {
            0 => String::new(),
            1 => "; and another issue of this row".to_owned(),
            more => format!("; and {more} more issues of this row"),
        };
        tracing::warn!(revision, flags = %FlagNames(&issue.flags), "{issue}{more}");
    }
}

/// The names of flags in a log line, of which there may be thousands.
struct FlagNames<'a>(&'a [String]);

impl fmt::Display for FlagNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        let shown = self.0.get(..SHOWN).unwrap_or(self.0);
        write!(f, "{shown:?}")?;
        match self.0.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

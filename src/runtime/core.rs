//! The part of [`Flags`](crate::Flags) that background tasks work on: the current snapshot and how to compile
//! the next.

use std::sync::Arc;

use crate::{
    activation::script_folder::Types,
    rows::Rows,
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
        log_issues(&snapshot);
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
            log_issues(&snapshot);
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
        self.current.replace(|_| {
            let snapshot = make();
            log_issues(&snapshot);
            snapshot
        })
    }
}

/// Logs the issues of a snapshot, once a revision: here, where new rows arrive.
fn log_issues(snapshot: &Snapshot) {
    let revision = snapshot.revision().number();
    for issue in snapshot.issues() {
        tracing::warn!(revision, flags = ?issue.flags, "{issue}");
    }
}

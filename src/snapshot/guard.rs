//! A reference that keeps a snapshot alive.

use std::{fmt, ops::Deref, sync::Arc};

use crate::snapshot::Snapshot;

/// Keeps a snapshot alive: every evaluation through it uses the rows of the same revision. Cheap to obtain.
#[derive(Clone)]
pub struct SnapshotGuard(Arc<Snapshot>);

impl SnapshotGuard {
    pub(crate) const fn new(snapshot: Arc<Snapshot>) -> Self {
        Self(snapshot)
    }

    #[cfg(any(feature = "sql", test))]
    pub(crate) fn into_inner(self) -> Arc<Snapshot> {
        self.0
    }
}

impl Deref for SnapshotGuard {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl AsRef<Snapshot> for SnapshotGuard {
    fn as_ref(&self) -> &Snapshot {
        self
    }
}

impl fmt::Debug for SnapshotGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

//! The rows that a change starts from.

use std::sync::Arc;

use novi::{
    Flags,
    activation::{Registry, Words},
    rows::{ActivationRow, FlagRow, Rows},
    snapshot::SnapshotGuard,
    store::{EditedRows, SchemaStore},
};

use super::find::{find_activation, find_flag};
use crate::{output::Failure, session::Session};

/// The rows that a change starts from, and what they mean.
pub(in crate::commands) struct Current {
    pub(in crate::commands) flags: Flags,
    pub(in crate::commands) snapshot: SnapshotGuard,
    pub(in crate::commands) registry: Arc<Registry>,
    pub(in crate::commands) rows: Rows,
}

impl Current {
    pub(in crate::commands) async fn load(
        session: &Session,
        store: &dyn SchemaStore,
    ) -> Result<Self, Failure> {
        Ok(Self::of(session.flags_from(store.load().await?)?))
    }

    /// The rows of the database or of a snapshot file.
    pub(in crate::commands) async fn of_session(session: &Session) -> Result<Self, Failure> {
        Ok(Self::of(session.flags().await?))
    }

    /// Rows that are not those of the database.
    pub(in crate::commands) fn of_rows(session: &Session, rows: Rows) -> Result<Self, Failure> {
        Ok(Self::of(session.flags_from(rows)?))
    }

    fn of(flags: Flags) -> Self {
        let snapshot = flags.snapshot();
        let rows = snapshot.rows().cloned().unwrap_or_default();
        Self { registry: flags.registry(), flags, snapshot, rows }
    }

    pub(in crate::commands) fn flag(&self, wanted: &str) -> Result<&FlagRow, Failure> {
        find_flag(&self.rows, wanted)
    }

    pub(in crate::commands) fn activation(&self, wanted: &str) -> Result<&ActivationRow, Failure> {
        find_activation(&self.rows, wanted)
    }

    pub(in crate::commands) fn words(&self) -> Words<'_> {
        Words::new(&self.registry, &self.rows)
    }

    /// The ids of the activations that a flag is linked to.
    pub(in crate::commands) fn linked(&self, flag: i64) -> impl Iterator<Item = i64> {
        self.rows.links_of(Some(flag)).iter().filter_map(|link| link.activation_id)
    }

    /// The id of the first new activation. If another writer takes it, the change is drafted again.
    pub(in crate::commands) fn next_activation_id(&self) -> Result<i64, Failure> {
        EditedRows::new(self.rows.clone())
            .next_activation_id()
            .ok_or_else(|| Failure::rejected("no id is free above those of the activations"))
    }

    /// The names of the flags that depend on an activation, at any depth.
    pub(in crate::commands) fn users_of(&self, activation: i64) -> Vec<&str> {
        let depends = |row: &&FlagRow| self.snapshot.reached_by(&row.name).binary_search(&activation).is_ok();
        self.rows.flags.iter().filter(depends).map(|row| row.name.as_str()).collect()
    }
}

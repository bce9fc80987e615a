//! The rows that are looked at, and what they mean.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use novi::{Flags, activation::Registry, rows::Rows, snapshot::Snapshot};

pub(crate) struct Subject<'s> {
    pub(crate) flags: &'s Flags,
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) rows: &'s Rows,
    pub(crate) registry: Arc<Registry>,
    pub(crate) now: DateTime<Utc>,
}

impl Subject<'_> {
    pub(crate) fn linked(&self, flag: i64) -> impl Iterator<Item = i64> {
        self.rows.links_of(Some(flag)).iter().filter_map(|link| link.activation_id)
    }
}

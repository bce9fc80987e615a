//! Reads and writes rows for the checks of the store contract.

use crate::{
    rows::{ActivationRow, FlagRow, LinkRow, Revision, Rows},
    store::{Change, ReadStore, WriteStore},
};

pub(super) async fn apply(store: &impl WriteStore, changes: Vec<Change>) -> Revision {
    let shown = format!("{changes:?}");
    store.apply(changes).await.unwrap_or_else(|error| panic!("a store must apply {shown}, but: {error}"))
}

pub(super) async fn load(store: &impl ReadStore) -> Rows {
    store.load().await.unwrap_or_else(|error| panic!("a store must load its rows, but: {error}"))
}

pub(super) async fn revision(store: &impl ReadStore) -> Revision {
    store.revision().await.unwrap_or_else(|error| panic!("a store must return its revision, but: {error}"))
}

/// Inserts two flags, two activations, and a link from the first flag to the first activation.
pub(super) async fn fill(store: &impl WriteStore) {
    apply(
        store,
        vec![
            Change::InsertFlag(FlagRow::new(1, "one", true)),
            Change::InsertFlag(FlagRow::new(2, "two", false)),
            Change::InsertActivation(ActivationRow::new(1, "first", "acme.first", "{}")),
            Change::InsertActivation(ActivationRow::new(2, "second", "acme.second", "{}")),
            Change::Link(LinkRow::new(1, 1)),
        ],
    )
    .await;
}

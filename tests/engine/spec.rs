//! Every rule's vectors, against rows in memory and in each database.

#[path = "../spec/suite.rs"]
mod suite;

use std::sync::Arc;

use novi::{
    rows::Rows,
    store::{self, Change, MemoryStore, WriteStore},
};

use crate::common::databases::databases;

#[tokio::test]
async fn vectors_hold_for_rows_in_memory() {
    replay(Arc::new(MemoryStore::default()), "memory").await;
}

#[tokio::test]
async fn vectors_hold_for_rows_in_databases() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        replay(store, &format!("{:?}", database.kind)).await;
    }
}

async fn replay(store: Arc<dyn WriteStore>, kind: &str) {
    for file in suite::files() {
        for suite in &file.suites {
            let place = format!("{} ({}), {}, {kind}", file.rule, file.about, suite.name);
            let mut changes = removals(store.load().await.unwrap());
            changes.extend(insertions(suite.rows()));
            store.apply(changes).await.unwrap_or_else(|error| panic!("{place}: {error}"));
            suite.check(&suite.flags(store.load().await.unwrap()), &place);
        }
    }
}

fn removals(rows: Rows) -> Vec<Change> {
    let flags = rows.flags.into_iter().map(|flag| Change::DeleteFlag { id: flag.id });
    let activations = rows.activations.into_iter().map(|row| Change::DeleteActivation { id: row.id });
    flags.chain(activations).collect()
}

fn insertions(rows: Rows) -> Vec<Change> {
    let flags = rows.flags.into_iter().map(Change::InsertFlag);
    let activations = rows.activations.into_iter().map(Change::InsertActivation);
    let members = rows.members.into_iter().map(Change::InsertMember);
    flags.chain(activations).chain(rows.links.into_iter().map(Change::Link)).chain(members).collect()
}

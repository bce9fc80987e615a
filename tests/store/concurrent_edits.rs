//! Edits of the same rows by several writers.

use std::sync::Arc;

use novi::{
    Error, Flags,
    rows::{FlagMetadata, FlagRow, LinkRow, MemberRow},
    store::{Change, Edit, MemoryStore, WriteStore},
};

use tokio::sync::Semaphore;

use crate::{
    common::databases::{Kind, databases},
    writer::{shop, with_pool},
};

#[tokio::test]
async fn outdated_edits_are_rejected() {
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        let seen = store.load().await.unwrap().flags[0].metadata.row_version;
        with_pool!(database, |pool| {
            let mut tx = pool.begin().await.unwrap();
            let writer = writer.clone().expect_version(seen);
            writer.set_status(&mut tx, "New orders", true).await.unwrap();
            let edit = Edit::new([Change::Link(LinkRow::new(1, 1))]).expect_flag("New orders", seen);
            let second = tokio::spawn({
                let store = Arc::clone(&store);
                async move { store.commit(edit).await }
            });
            tokio::task::yield_now().await;
            tx.commit().await.unwrap();
            let error = second.await.unwrap().unwrap_err();
            let Error::Conflict(conflict) = &error else { panic!("{kind:?}: {error}") };
            assert_eq!((conflict.expected, conflict.found), (seen, Some(seen + 1)), "{kind:?}");
            assert_eq!(conflict.theirs["status"], true, "{kind:?}");
            let text = error.to_string();
            let expected = format!(
                "flag \"New orders\" was modified since you read it (you read version {seen}, it now has version {})",
                seen + 1
            );
            assert!(text.starts_with(&expected), "{text}");
            assert!(!text.contains('{'), "the rows are for programs: {text}");
        });
    }
}

/// Runs them at the same time, some at once: a pool lets nobody wait for a connection longer than its time-out,
/// which a hundred would do on a slow machine.
async fn at_once<T: Send + 'static>(
    all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let turns = Arc::new(Semaphore::new(8));
    let tasks: Vec<_> = all
        .map(|one| {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move {
                let _turn = turns.acquire().await.unwrap();
                one.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

async fn increment(store: &dyn WriteStore) {
    let mut seen = store.load().await.unwrap().flags[0].metadata.clone();
    loop {
        let count: u32 = seen.owner.as_deref().map_or(0, |owner| owner.parse().unwrap());
        let version = seen.row_version;
        let metadata = Box::new(FlagMetadata { owner: Some((count + 1).to_string()), ..seen });
        let change = Change::SetMetadata { flag_id: 1, metadata };
        match store.commit(Edit::new([change]).expect_flag("New orders", version)).await {
            Ok(_) => return,
            // The conflict contains the row of the other writer.
            Err(Error::Conflict(conflict)) => {
                seen = serde_json::from_value(conflict.theirs["metadata"].clone()).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_increments_lose_none() {
    let memory = MemoryStore::default();
    memory.apply(vec![Change::InsertFlag(FlagRow::new(1, "New orders", true))]).await.unwrap();
    let mut stores: Vec<(Option<Kind>, Arc<dyn WriteStore>)> = vec![(None, Arc::new(memory))];
    let databases = databases().await;
    for database in &databases {
        stores.push((Some(database.kind), shop(database).await));
    }
    for (kind, store) in stores {
        at_once((0..100).map(|_| {
            let store = Arc::clone(&store);
            async move { increment(&*store).await }
        }))
        .await;
        let rows = store.load().await.unwrap();
        assert_eq!(rows.flags[0].metadata.owner.as_deref(), Some("100"), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_row_wait_for_each_other() {
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        let change = |n: i64| {
            let metadata = FlagMetadata { owner: Some(n.to_string()), ..FlagMetadata::default() };
            match n % 8 {
                0 | 4..=7 => Change::SetMetadata { flag_id: 1, metadata: Box::new(metadata) },
                1 => Change::SetStatus { flag: "New orders".to_owned(), status: n % 16 == 1 },
                2 => Change::InsertMember(MemberRow::allowed(1, n.to_string())),
                _ => Change::InsertFlag(FlagRow { metadata, ..FlagRow::new(100 + n, n.to_string(), true) }),
            }
        };
        let written = at_once((0..160).map(|n| {
            let (store, change) = (Arc::clone(&store), change(n));
            async move { store.apply(vec![change]).await }
        }))
        .await;
        for result in written {
            result.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        }
        let rows = store.load().await.unwrap();
        assert_eq!((rows.flags.len(), rows.members.len()), (22, 20), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_edits_that_expect_the_same_revision_one_is_made() {
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        let revision = store.load().await.unwrap().revision.number();
        let edits = (0..8).map(|number| {
            let store = Arc::clone(&store);
            async move {
                let metadata = FlagMetadata { owner: Some(format!("{number}")), ..FlagMetadata::default() };
                let change = Change::SetMetadata { flag_id: 1, metadata: Box::new(metadata) };
                store.commit(Edit::new([change]).expect_revision(revision)).await
            }
        });
        let results = at_once(edits).await;
        let is_outdated =
            |error: &Error| matches!(error, Error::RevisionChanged { expected, .. } if *expected == revision);
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{kind:?}: {results:?}");
        assert!(
            results.iter().filter_map(|result| result.as_ref().err()).all(is_outdated),
            "{kind:?}: {results:?}"
        );
    }
}

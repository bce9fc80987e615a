//! Two nodes of a Galera cluster: migrations exclude each other, and conflicts at commit are retried.

use std::{sync::Arc, time::Duration};

use novi::{
    Error, Flags,
    rows::FlagRow,
    store::{self, Change, Edit, Migrated, SchemaStore},
};
use sqlx::MySqlPool;

use crate::common::{
    databases::{Kind, Raw, TestDatabase, galera},
    until::unblocked,
};

/// The database at the second node. Dropped before the first, which deletes the database.
fn at_second_node(url: String) -> TestDatabase {
    TestDatabase::of_other(Kind::MySql, url)
}

fn set_status(status: bool) -> Vec<Change> {
    vec![Change::SetStatus { flag: "a".to_owned(), status }]
}

/// Waits until the query returns this text.
async fn reads(raw: &mut Raw, sql: &str, expected: &str) {
    let found = async {
        while raw.texts(sql).await != [expected] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    unblocked(sql, found).await;
}

/// Stores of the two nodes, with a flag `a`.
async fn seeded(one: &str, two: &str) -> [Arc<dyn SchemaStore>; 2] {
    let stores = [store::create(one).await.unwrap(), store::create(two).await.unwrap()];
    stores[0].migrate().await.unwrap();
    stores[0].apply(vec![Change::InsertFlag(FlagRow::new(1, "a", true))]).await.unwrap();
    let mut raw = Raw::connect(&at_second_node(two.to_owned())).await;
    reads(&mut raw, "select name from flags", "a").await;
    stores
}

/// Notes the migration of a node that the query returns.
async fn note_migration(raw: &mut Raw, query: &str) {
    let sql = "create table novi_state (name varchar(64) not null primary key, value varchar(255) not null); \
        insert into novi_state";
    raw.run(&format!("{sql} {query}")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_at_two_nodes_run_once() {
    for _ in 0..3 {
        let Some((database, second)) = galera().await else { return };
        let starts: Vec<_> = (0..10)
            .map(|start| {
                let url = if start % 2 == 0 { database.url.clone() } else { second.clone() };
                tokio::spawn(async move { store::create(&url).await?.migrate().await })
            })
            .collect();
        let mut applied = 0;
        for start in starts {
            let migrated = unblocked("a migration", start).await.unwrap();
            applied += migrated.unwrap().applied.len();
        }
        assert_eq!(applied, 1, "the migration runs once");
        let store = store::create(&second).await.unwrap();
        assert_eq!(store.migrate().await.unwrap(), Migrated::default());
        assert!(store.schema_state().await.unwrap().problems.is_empty());
        let mut raw = Raw::connect(&database).await;
        // Nothing is left locked, as soon as this node knows.
        reads(&mut raw, "select cast(count(*) as char) from novi_state", "0").await;
    }
}

#[tokio::test]
async fn migration_waits_for_that_of_another_node() {
    let Some((database, second)) = galera().await else { return };
    let mut raw = Raw::connect(&at_second_node(second)).await;
    note_migration(&mut raw, "select 'migration', 'db9:3306 b8f5'").await;
    let mut first = Raw::connect(&database).await;
    reads(&mut first, "select cast(count(*) as char) from novi_state", "1").await;
    let store = store::create(&database.url).await.unwrap();
    let migration = tokio::spawn(async move { store.migrate().await });
    // Each try has a connection of its own: with the second, the first has ended.
    let tries = async {
        let holder = "select coalesce(cast(is_used_lock(concat('novi_', left(sha2(database(), 256), 40))) as char), '')";
        let mut seen = Vec::new();
        while seen.len() < 2 {
            let holder = first.texts(holder).await.remove(0);
            if !holder.is_empty() && !seen.contains(&holder) {
                seen.push(holder);
            }
        }
    };
    unblocked("a second try", tries).await;
    assert_eq!(raw.texts("show tables like 'flags'").await, [] as [&str; 0]);
    raw.run("delete from novi_state where name = 'migration'").await.unwrap();
    let migrated = unblocked("the migration", migration).await.unwrap().unwrap();
    assert_eq!(migrated.applied.len(), 1);
}

#[tokio::test]
async fn migration_takes_over_from_a_dead_process_of_its_node() {
    let Some((database, _)) = galera().await else { return };
    let this_node = "select 'migration', concat(@@hostname, ':', @@port, ' ', variable_value) \
        from information_schema.global_status where variable_name = 'wsrep_gcomm_uuid'";
    note_migration(&mut Raw::connect(&database).await, this_node).await;
    let store = store::create(&database.url).await.unwrap();
    assert_eq!(store.migrate().await.unwrap().applied.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_two_nodes_lose_no_change() {
    let Some((database, second)) = galera().await else { return };
    let stores = seeded(&database.url, &second).await;
    let before = stores[0].revision().await.unwrap();
    let writers: Vec<_> = (0..100)
        .zip(stores.iter().cycle().cloned())
        .map(|(n, store)| {
            tokio::spawn(async move {
                let flag = Change::InsertFlag(FlagRow::new(10 + n, format!("flag {n}"), true));
                store.commit(Edit::new([flag].into_iter().chain(set_status(n % 3 == 0)))).await
            })
        })
        .collect();
    for writer in writers {
        unblocked("a writer", writer).await.unwrap().unwrap();
    }
    let mut raw = Raw::connect(&database).await;
    reads(&mut raw, "select cast(count(*) as char) from flags", "101").await;
    let inserted =
        "select cast(count(*) as char) from flag_history where entity = 'flags' and operation = 'insert'";
    reads(&mut raw, inserted, "101").await;
    assert_ne!(stores[0].revision().await.unwrap(), before);
}

#[tokio::test]
async fn transaction_that_lost_against_another_node_is_contention() {
    let Some((database, second)) = galera().await else { return };
    let stores = seeded(&database.url, &second).await;
    let writer = Flags::connect(&database.url).await.unwrap().writer();
    let pool = MySqlPool::connect(&database.url).await.unwrap();
    let mut raw = Raw::connect(&database).await;
    let mut tx = pool.begin().await.unwrap();
    writer.set_status(&mut tx, "a", false).await.unwrap();
    // The one that commits first wins.
    let metadata = "update flag_metadata set owner = 'ann'";
    Raw::connect(&at_second_node(second)).await.run(metadata).await.unwrap();
    stores[1].apply([set_status(false), set_status(true)].concat()).await.unwrap();
    reads(&mut raw, "select coalesce(owner, '') from flag_metadata", "ann").await;
    let error = loop {
        match writer.set_status(&mut tx, "a", false).await {
            // The change of the other node is on its way.
            Ok(()) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Contention { .. }), "{error}");
    drop(tx);
    assert!(stores[0].load().await.unwrap().flags[0].status);
}

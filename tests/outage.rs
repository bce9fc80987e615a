//! Databases that refuse, hang, die, come back and go back in time: answers stay, and flags follow by themselves.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

#[path = "common/askers.rs"]
mod askers;
mod common;
#[path = "common/proxy.rs"]
mod proxy;
#[path = "common/until.rs"]
mod until;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use novi::{
    Context, Error, Flags, FlagsBuilder, Origin, SnapshotFile,
    rows::FlagRow,
    store::{self, Change, SchemaStore},
};

use crate::{
    askers::Askers,
    common::{Kind, Raw, TestDatabase, databases},
    proxy::{Network, Proxy},
    until::until,
};

const REFRESH: Duration = Duration::from_millis(20);

/// Two flags, of which one is always on and one always off but for what a test does to it.
async fn seeded(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let changes = [(1, "on", true), (2, "off", false)]
        .map(|(id, name, status)| Change::InsertFlag(FlagRow::new(id, name, status)));
    store.apply(changes.to_vec()).await.unwrap();
    store
}

async fn set(store: &dyn SchemaStore, flag: &str, status: bool) {
    store.apply(vec![Change::SetStatus { flag: flag.to_owned(), status }]).await.unwrap();
}

fn builder() -> FlagsBuilder {
    Flags::builder().refresh(REFRESH).snapshot_interval(REFRESH)
}

fn is_on(flags: &Flags, flag: &str) -> bool {
    flags.is_enabled(flag, &Context::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_fails_changes_no_answer_and_is_got_over() {
    for database in databases().await.into_iter().filter(|database| database.kind != Kind::Sqlite) {
        let kind = database.kind;
        let store = seeded(&database).await;
        let (proxy, url) = Proxy::of(&database.url).await;
        let flags = builder().connect(&url).await.unwrap();
        let askers = Askers::start(&flags);
        for network in [Network::Refuses, Network::Hangs] {
            proxy.set(network);
            until("a failure", || flags.status().failure.is_some()).await;
            set(&*store, "off", true).await;
            let status = flags.status();
            assert_eq!((status.origin, is_on(&flags, "off")), (Origin::Database, false), "{kind:?}");
            proxy.set(Network::Sound);
            until("the change", || is_on(&flags, "off")).await;
            until("the end of the failure", || flags.status().failure.is_none()).await;
            set(&*store, "off", false).await;
            until("the change back", || !is_on(&flags, "off")).await;
        }
        askers.finish();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_hang_for_ever_do_not_use_the_pool_up() {
    for database in databases().await.into_iter().filter(|database| database.kind != Kind::Sqlite) {
        let kind = database.kind;
        seeded(&database).await;
        let mut dba = Raw::connect(&database).await;
        let (proxy, url) = Proxy::of(&database.url).await;
        let store = store::connect(&url).await.unwrap();
        let (lock, unlock) = match kind {
            Kind::MySql => ("lock tables novi_revision write", "unlock tables"),
            _ => ("begin; lock table novi_revision", "commit"),
        };
        // More times than a pool has connections, one of them is lost while it waits for an answer.
        for _ in 0..6 {
            dba.run(lock).await.unwrap();
            let asking = Arc::clone(&store);
            let asked = tokio::spawn(async move { asking.revision().await });
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.set(Network::Hangs);
            assert!(!asked.is_finished(), "{kind:?}: it waits for the lock");
            asked.abort();
            dba.run(unlock).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            proxy.set(Network::Sound);
        }
        let started = Instant::now();
        while let Err(error) = store.revision().await {
            assert!(started.elapsed() < Duration::from_secs(30), "{kind:?}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_database_answers_from_the_file() {
    for database in databases().await.into_iter().filter(|database| database.kind != Kind::Sqlite) {
        let kind = database.kind;
        let store = seeded(&database).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flags.novi");
        let (proxy, url) = Proxy::of(&database.url).await;

        let flags = builder().snapshot_file(&path).connect(&url).await.unwrap();
        until("the file", || SnapshotFile::read(&path).is_ok()).await;
        set(&*store, "off", true).await;
        let revision = store.revision().await.unwrap();
        until("the last state", || {
            SnapshotFile::read(&path).is_ok_and(|file| file.rows.revision == revision)
        })
        .await;
        drop(flags);

        for network in [Network::Refuses, Network::Hangs] {
            proxy.set(network);
            let started = Instant::now();
            let flags = builder().snapshot_file(&path).connect(&url).await.unwrap();
            assert!(started.elapsed() < Duration::from_secs(15), "{kind:?}: {:?}", started.elapsed());
            let status = flags.status();
            assert_eq!((status.origin, status.revision), (Origin::File, revision), "{kind:?}");
            assert!(status.failure.is_some() && status.age.is_some());
            assert!(is_on(&flags, "on") && is_on(&flags, "off"));
            proxy.set(Network::Sound);
            // The revision is that of the file, and yet the rows are the database's from now on.
            until("the database", || flags.status().origin == Origin::Database).await;
            assert_eq!(flags.status().failure, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_nothing_at_all_waits_for_the_database_if_it_may() {
    for database in databases().await.into_iter().filter(|database| database.kind != Kind::Sqlite) {
        seeded(&database).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flags.novi");
        std::fs::write(&path, "no snapshot").unwrap();
        let (proxy, url) = Proxy::of(&database.url).await;
        proxy.set(Network::Refuses);
        let error = builder().snapshot_file(&path).connect(&url).await.unwrap_err();
        assert!(matches!(error, Error::Store { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "no snapshot");

        let flags = builder().snapshot_file(&path).start_without_database().connect(&url).await.unwrap();
        let status = flags.status();
        assert_eq!((status.origin, status.age), (Origin::Nowhere, None));
        assert!(status.failure.is_some() && !is_on(&flags, "on"));
        proxy.set(Network::Sound);
        until("the database", || is_on(&flags, "on")).await;
        // Told a moment after the flags answer by it.
        until("its status", || flags.status().origin == Origin::Database).await;
        until("the file", || SnapshotFile::read(&path).is_ok()).await;
    }
}

#[tokio::test]
async fn a_sqlite_file_may_be_gone_at_the_start_if_there_is_a_snapshot_file() {
    let database = common::database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flags.novi");
    SnapshotFile::write(&path, "sqlite", &store.load().await.unwrap()).unwrap();
    let missing = folder.path().join("novi.db");
    let url = format!("sqlite://{}", missing.display());
    let error = builder().start_without_database().connect(&url).await.unwrap_err();
    assert!(matches!(error, Error::DatabaseUrl { .. }), "a path that leads nowhere is a mistake: {error}");

    let flags = builder().snapshot_file(&path).connect(&url).await.unwrap();
    assert!(is_on(&flags, "on"));
    assert_eq!(flags.status().origin, Origin::File);
    let store = store::create(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.apply(vec![Change::InsertFlag(FlagRow::new(1, "restored", true))]).await.unwrap();
    until("the database", || is_on(&flags, "restored")).await;
    assert!(!is_on(&flags, "on"));
}

#[tokio::test]
async fn a_database_without_tables_is_no_outage() {
    for database in databases().await {
        store::create(&database.url).await.unwrap();
        let error = builder().start_without_database().connect(&database.url).await.unwrap_err();
        assert!(matches!(error, Error::NotMigrated { .. }), "{error}");
    }
}

#[tokio::test]
async fn tables_of_another_novi_are_told_as_such() {
    for database in databases().await {
        seeded(&database).await;
        let mut dba = Raw::connect(&database).await;
        dba.run("alter table activation_members rename to hidden").await.unwrap();
        dba.run("update novi_migrations set version = 0").await.unwrap();
        let error = builder().connect(&database.url).await.unwrap_err().to_string();
        assert!(
            error.contains("has migrations up to 0, and novi") && error.contains("run `novi migrate`"),
            "{error}"
        );
        dba.run("update novi_migrations set version = 999").await.unwrap();
        let error = builder().connect(&database.url).await.unwrap_err().to_string();
        assert!(
            error.contains("has migration 999, which novi") && error.contains("use a newer novi"),
            "{error}"
        );
        // Such an error may pass, when somebody migrates or deploys.
        let flags = builder().start_without_database().connect(&database.url).await.unwrap();
        dba.run("alter table hidden rename to activation_members").await.unwrap();
        until("the rows", || is_on(&flags, "on")).await;
    }
}

#[tokio::test]
async fn a_burst_of_changes_is_written_once_and_the_last_state_in_the_end() {
    let database = common::database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flags.novi");
    let slow = builder().snapshot_interval(Duration::from_secs(1)).snapshot_file(&path);
    let flags = slow.keep_rows().connect(&database.url).await.unwrap();
    let mut times = std::collections::HashSet::new();
    let mut write_down = || times.extend(SnapshotFile::read(&path).map(|file| file.written_at));
    for round in 0..40 {
        set(&*store, "off", round % 2 == 0).await;
        write_down();
        tokio::time::sleep(REFRESH).await;
    }
    set(&*store, "off", true).await;
    let revision = store.revision().await.unwrap();
    until("the last state", || SnapshotFile::read(&path).is_ok_and(|file| file.rows.revision == revision))
        .await;
    assert!(times.len() <= 4, "{times:?}");

    // A program that ends need not wait for it.
    set(&*store, "off", false).await;
    until("the change", || !is_on(&flags, "off")).await;
    assert!(flags.save_snapshot().await.unwrap());
    assert_eq!(SnapshotFile::read(&path).unwrap().rows.revision, store.revision().await.unwrap());
    assert!(!flags.save_snapshot().await.unwrap(), "it is written already");
}

#[test]
fn a_program_without_tokio_has_flags_that_follow() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for database in runtime.block_on(databases()) {
        let store = runtime.block_on(seeded(&database));
        let before = threads();
        let flags = builder().connect_blocking(&database.url).unwrap();
        assert!(is_on(&flags, "on") && threads() > before);
        runtime.block_on(set(&*store, "off", true));
        runtime.block_on(until("the change", || is_on(&flags, "off")));
        drop(flags);
        runtime.block_on(until("the end of the thread", || threads() <= before));
    }
    assert!(matches!(Flags::connect_blocking("novi.db"), Err(Error::DatabaseUrl { .. })));
}

/// How many threads have the name of novi's. Elsewhere than on Linux nobody tells.
fn threads() -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let is_ours =
        |task: PathBuf| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "novi\n");
    tasks.flatten().filter(|task| is_ours(task.path())).count()
}

#[tokio::test]
async fn in_a_runtime_it_waits_as_well() {
    let database = common::database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let flags = builder().connect_blocking(&database.url).unwrap();
    set(&*store, "off", true).await;
    until("the change", || is_on(&flags, "off")).await;
    // Of another runtime than that which follows.
    set(&*store, "off", false).await;
    flags.refresh().await.unwrap();
    assert!(!is_on(&flags, "off"));
}

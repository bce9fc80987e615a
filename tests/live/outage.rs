//! Databases that refuse connections, hang, crash, recover or are restored: decisions stay, and flags
//! recover.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use novi::{
    Context, Error, Flags, FlagsBuilder,
    flags::Origin,
    rows::FlagRow,
    store::{self, Change, SchemaStore, SnapshotFile},
};

use crate::common::{
    askers::Askers,
    databases::{Kind, Raw, TestDatabase, database, databases},
    proxy::{Network, Proxy},
    until::{PATIENCE, unblocked, until},
};

const REFRESH: Duration = Duration::from_millis(20);

/// Two flags: `on` is always on, and `off` is off until a test changes it.
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
async fn network_failures_change_no_decision_and_recover() {
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
async fn hanging_connections_do_not_exhaust_the_pool() {
    for database in databases().await.into_iter().filter(|database| database.kind != Kind::Sqlite) {
        let kind = database.kind;
        seeded(&database).await;
        let (mut dba, mut observer) = (Raw::connect(&database).await, Raw::connect(&database).await);
        let (proxy, url) = Proxy::of(&database.url).await;
        let store = store::connect(&url).await.unwrap();
        let (lock, unlock, blocked) = match kind {
            Kind::MySql => (
                "lock tables novi_revision write",
                "unlock tables",
                "select cast(id as char) from information_schema.processlist \
                 where db = database() and state like 'Waiting for table%'",
            ),
            _ => (
                "begin; lock table novi_revision",
                "commit",
                "select pid::text from pg_locks where not granted and relation = 'novi_revision'::regclass",
            ),
        };
        let mut waits = async |expected: bool| {
            while observer.texts(blocked).await.is_empty() == expected {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // Loses a connection that waits for a response, more often than the pool has connections.
        for _ in 0..6 {
            dba.run(lock).await.unwrap();
            let asking = Arc::clone(&store);
            let asked = tokio::spawn(async move { asking.revision().await });
            unblocked("the wait for the lock", waits(true)).await;
            proxy.set(Network::Hangs);
            assert!(!asked.is_finished(), "{kind:?}: it waits for the lock");
            asked.abort();
            dba.run(unlock).await.unwrap();
            unblocked("the end of the wait for the lock", waits(false)).await;
            proxy.set(Network::Sound);
        }
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = store.revision().await {
            assert!(Instant::now() < deadline, "{kind:?}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_without_the_database_uses_the_snapshot_file() {
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
            let flags = unblocked("a start", builder().snapshot_file(&path).connect(&url)).await.unwrap();
            let status = flags.status();
            assert_eq!((status.origin, status.revision), (Origin::File, revision), "{kind:?}");
            assert!(status.failure.is_some() && status.age.is_some());
            assert!(is_on(&flags, "on") && is_on(&flags, "off"));
            proxy.set(Network::Sound);
            // The revision is that of the file, but the rows come from the database from now on.
            until("the database", || flags.status().origin == Origin::Database).await;
            assert_eq!(flags.status().failure, None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_without_rows_waits_for_the_database_if_configured() {
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
        // Reported a moment after the flags use it.
        until("its status", || flags.status().origin == Origin::Database).await;
        until("the file", || SnapshotFile::read(&path).is_ok()).await;
    }
}

#[tokio::test]
async fn missing_sqlite_file_starts_from_the_snapshot_file() {
    let database = database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flags.novi");
    SnapshotFile::write(&path, "sqlite", &store.load().await.unwrap()).unwrap();
    let missing = folder.path().join("novi.db");
    let url = format!("sqlite://{}", missing.display());
    let error = builder().start_without_database().connect(&url).await.unwrap_err();
    assert!(matches!(error, Error::MissingFile { .. }), "a path that leads nowhere is a mistake: {error}");

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
async fn missing_tables_are_no_outage() {
    for database in databases().await {
        store::create(&database.url).await.unwrap();
        let error = builder().start_without_database().connect(&database.url).await.unwrap_err();
        assert!(matches!(error, Error::NotMigrated { .. }), "{error}");
    }
}

#[tokio::test]
async fn tables_of_another_version_are_reported() {
    for database in databases().await {
        seeded(&database).await;
        let mut dba = Raw::connect(&database).await;
        dba.run("alter table activation_members rename to hidden").await.unwrap();
        dba.run("delete from novi_migrations where version > 1").await.unwrap();
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
        // Such an error may be temporary, during a migration or a deployment.
        let flags = builder().start_without_database().connect(&database.url).await.unwrap();
        dba.run("alter table hidden rename to activation_members").await.unwrap();
        until("the rows", || is_on(&flags, "on")).await;
    }
}

#[tokio::test]
async fn bursts_of_changes_are_written_at_most_once_per_interval() {
    let database = database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flags.novi");
    let slow = builder().snapshot_interval(Duration::from_secs(1)).snapshot_file(&path);
    let started = Instant::now();
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
    // Once at the start, and at most once a second.
    let most = 2 + usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!(times.len() <= most, "{times:?}");

    // A program can write the file before it ends.
    set(&*store, "off", false).await;
    until("the change", || !is_on(&flags, "off")).await;
    assert!(flags.save_snapshot().await.unwrap());
    assert_eq!(SnapshotFile::read(&path).unwrap().rows.revision, store.revision().await.unwrap());
    assert!(!flags.save_snapshot().await.unwrap(), "it is written already");
}

/// Held by tests that start threads of novi, since these are counted.
static BLOCKING: Mutex<()> = Mutex::new(());

#[test]
fn blocking_flags_follow_without_tokio() {
    let _alone = BLOCKING.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for database in runtime.block_on(databases()) {
        let store = runtime.block_on(seeded(&database));
        runtime.block_on(until("the end of earlier threads", || threads() == 0));
        let flags = builder().connect_blocking(&database.url).unwrap();
        assert!(is_on(&flags, "on"));
        // A thread started by novi's has the same name until it sets its own.
        runtime.block_on(until("a single thread", || threads() == 1));
        runtime.block_on(set(&*store, "off", true));
        runtime.block_on(until("the change", || is_on(&flags, "off")));
        drop(flags);
        runtime.block_on(until("the end of the thread", || threads() == 0));
    }
    assert!(matches!(Flags::connect_blocking("novi.db"), Err(Error::DatabaseUrl { .. })));
}

/// The number of threads with novi's name; zero on systems other than Linux.
fn threads() -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let is_ours =
        |task: PathBuf| std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "novi\n");
    tasks.flatten().filter(|task| is_ours(task.path())).count()
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "each test has a runtime of its own")]
async fn blocking_start_in_a_runtime_waits() {
    let _alone = BLOCKING.lock().unwrap_or_else(PoisonError::into_inner);
    let database = database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let flags = builder().connect_blocking(&database.url).unwrap();
    set(&*store, "off", true).await;
    until("the change", || is_on(&flags, "off")).await;
    // From another runtime than the one that follows.
    set(&*store, "off", false).await;
    flags.refresh().await.unwrap();
    assert!(!is_on(&flags, "off"));
}

//! A SQLite file that is replaced or removed while it is followed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use novi::{
    Context, Error, Flags,
    rows::FlagRow,
    store::{Change, ReadStore as _, SchemaStore as _, SqliteStore, WriteStore as _},
};
use sqlx::{Executor as _, sqlite::SqlitePoolOptions};

use crate::common::until::until;

const MODES: [&str; 2] = ["wal", "delete"];

/// A file with one flag, which nobody has open.
async fn file(path: &Path, mode: &str, status: bool) {
    let store = SqliteStore::create(&url(path)).await.unwrap();
    store.pool().execute(&*format!("pragma journal_mode = {mode}").leak()).await.unwrap();
    store.migrate().await.unwrap();
    store.apply(vec![Change::InsertFlag(FlagRow::new(1, "flag", status))]).await.unwrap();
    store.pool().close().await;
}

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

/// Removes the database file, its write-ahead log and its journal.
fn remove(path: &Path) {
    fs::remove_file(path).unwrap();
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        fs::remove_file(PathBuf::from(beside)).unwrap_or_default();
    }
}

/// Stores over a pool of their own, and over one of a service.
async fn stores(path: &Path) -> [SqliteStore; 2] {
    let own = SqliteStore::connect(&url(path)).await.unwrap();
    let pool = SqlitePoolOptions::new().connect(&url(path)).await.unwrap();
    [own, SqliteStore::from_pool(pool)]
}

async fn follow(store: &SqliteStore) -> Flags {
    let builder = Flags::builder().refresh(Duration::from_millis(20));
    builder.from_store(Arc::new(store.clone())).await.unwrap()
}

fn is_on(flags: &Flags) -> bool {
    flags.is_enabled("flag", &Context::new())
}

fn set(status: bool) -> Vec<Change> {
    vec![Change::SetStatus { flag: "flag".to_owned(), status }]
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_file_is_opened_again() {
    for mode in MODES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("novi.db");
        file(&path, mode, true).await;
        for (store, index) in stores(&path).await.into_iter().zip(0..) {
            let flags = follow(&store).await;
            store.apply(set(true)).await.unwrap();
            assert!(is_on(&flags), "{mode} {index}");
            let other = folder.path().join("other.db");
            file(&other, mode, false).await;
            remove(&path);
            fs::rename(&other, &path).unwrap();
            until("the other file", || !is_on(&flags)).await;
            // Changes go to that file, and are seen.
            store.apply(set(true)).await.unwrap();
            until("the change", || is_on(&flags)).await;
            let reader = SqliteStore::connect(&url(&path)).await.unwrap();
            let found: bool =
                sqlx::query_scalar("select status from flags").fetch_one(reader.pool()).await.unwrap();
            assert!(found, "{mode} {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_file_with_the_same_revision_and_stamp_is_read() {
    for mode in MODES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("novi.db");
        file(&path, mode, true).await;
        let store = SqliteStore::connect(&url(&path)).await.unwrap();
        let flags = follow(&store).await;
        // An edited dump: triggers come last.
        let edited = folder.path().join("edited.db");
        store.pool().execute(&*format!("vacuum into '{}'", edited.display()).leak()).await.unwrap();
        let other = SqliteStore::connect(&url(&edited)).await.unwrap();
        let edit = "create temp table kept as select * from novi_revision; update flags set status = false; \
            update novi_revision set revision = (select revision from kept), stamp = (select stamp from kept); \
            delete from flag_history where id = (select max(id) from flag_history)";
        other.pool().execute(edit).await.unwrap();
        assert_eq!(other.revision().await.unwrap(), store.revision().await.unwrap());
        other.pool().close().await;
        remove(&path);
        fs::rename(&edited, &path).unwrap();
        until("the edited rows", || !is_on(&flags)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_file_is_an_outage_and_is_not_made_again() {
    for mode in MODES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("novi.db");
        file(&path, mode, true).await;
        for store in stores(&path).await {
            let flags = follow(&store).await;
            let copy = folder.path().join("copy.db");
            file(&copy, mode, true).await;
            remove(&path);
            until("the outage", || flags.status().failure.is_some()).await;
            let failure = flags.status().failure.unwrap();
            assert!(failure.contains("novi.db was removed"), "{failure}");
            assert!(is_on(&flags));
            let error = store.apply(set(false)).await.unwrap_err();
            assert!(matches!(error, Error::Store { .. }), "{error}");
            assert!(!path.exists(), "{mode}");
            fs::rename(&copy, &path).unwrap();
            until("the end of the outage", || flags.status().failure.is_none()).await;
            store.apply(set(false)).await.unwrap();
            until("the change", || !is_on(&flags)).await;
            store.apply(set(true)).await.unwrap();
        }
    }
}

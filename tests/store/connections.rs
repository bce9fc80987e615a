//! Connections whose transaction failed or was abandoned, sessions without autocommit, and transactions that
//! are in the way of others.

use std::{sync::Arc, time::Duration};

use novi::{
    Error,
    rows::{FlagRow, Revision},
    store::{
        self, Change, MySqlStore, NewToken, ReadStore, SchemaStore, SqliteStore, WriteStore,
        token::{Role, Secret},
    },
};
use sqlx::{
    Executor as _,
    mysql::MySqlPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use crate::common::databases::{Kind, Raw, TestDatabase, database, databases, kinds};

fn insert(id: i64, name: &str) -> Change {
    Change::InsertFlag(FlagRow::new(id, name, true))
}

fn off(flag: &str) -> Vec<Change> {
    vec![Change::SetStatus { flag: flag.to_owned(), status: false }]
}

async fn seeded(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store.apply(vec![insert(1, "a"), insert(2, "b")]).await.unwrap();
    store
}

/// A store over a service's pool with one connection.
fn with_one_connection(database: &TestDatabase, busy_timeout: Duration) -> SqliteStore {
    let options: SqliteConnectOptions = database.url.parse().unwrap();
    let pool = SqlitePoolOptions::new().max_connections(1);
    SqliteStore::from_pool(pool.connect_lazy_with(options.busy_timeout(busy_timeout)))
}

#[tokio::test]
async fn changes_go_on_after_a_full_disk() {
    let database = database(Kind::Sqlite).await;
    seeded(&database).await;
    let store = with_one_connection(&database, Duration::from_secs(5));
    // A limit of the connection stands for that of a disk.
    store.pool().execute("pragma max_page_count = 1").await.unwrap();
    let many = || (100..2000).map(|id| insert(id, &format!("flag {id}"))).collect();
    let error = store.apply(many()).await.unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(store.load().await.unwrap().flags.len(), 2);
    store.pool().execute("pragma max_page_count = 1000000").await.unwrap();
    store.apply(many()).await.unwrap();
    assert_eq!(store.load().await.unwrap().flags.len(), 1902);
}

#[tokio::test]
async fn connection_is_not_lent_again_after_sqlite_has_rolled_back_by_itself() {
    let database = database(Kind::Sqlite).await;
    seeded(&database).await;
    let store = with_one_connection(&database, Duration::from_secs(5));
    // As after some errors of the disk.
    let trigger = "create trigger fail before update on flags when new.name = 'b' \
        begin select raise(rollback, 'rolled back'); end";
    store.pool().execute(trigger).await.unwrap();
    for _ in 0..3 {
        assert!(store.apply([off("a"), off("b")].concat()).await.is_err());
        assert!(store.run_script("update flags set status = false").await.is_err());
        store.apply(vec![Change::SetStatus { flag: "a".to_owned(), status: true }]).await.unwrap();
        store.run_script("update flags set status = true where id = 1").await.unwrap();
    }
    assert!(store.load().await.unwrap().flags.iter().all(|flag| flag.status));
}

#[tokio::test]
async fn connection_is_kept_after_a_rejected_change() {
    let database = database(Kind::Sqlite).await;
    seeded(&database).await;
    let store = with_one_connection(&database, Duration::from_secs(5));
    store.pool().execute("create temp table of_this_connection (id integer)").await.unwrap();
    assert!(matches!(store.apply(vec![insert(1, "a")]).await, Err(Error::Constraint(_))));
    store.pool().execute("insert into of_this_connection values (1)").await.unwrap();
}

#[tokio::test]
async fn abandoned_changes_leave_no_connection_in_a_transaction() {
    for database in databases().await {
        let store = seeded(&database).await;
        for step in 0..40_u32 {
            let changes =
                (0..10).map(|n| insert(1000 * i64::from(step + 1) + n, &format!("{step}-{n}"))).collect();
            // Whether it is abandoned, and where, is up to the machine.
            let _ = tokio::time::timeout(Duration::from_micros(250) * step, store.apply(changes)).await;
            let status = Change::SetStatus { flag: "a".to_owned(), status: step % 2 == 0 };
            store.apply(vec![status]).await.unwrap_or_else(|error| panic!("{:?}: {error}", database.kind));
        }
        let mut raw = Raw::connect(&database).await;
        raw.run("update flags set status = true where id = 1").await.unwrap();
    }
}

#[tokio::test]
async fn service_sessions_without_autocommit_see_and_make_changes() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let database = database(Kind::MySql).await;
    let pool = MySqlPoolOptions::new().max_connections(1).after_connect(|connection, _| {
        Box::pin(async move { connection.execute("set autocommit = 0").await.map(drop) })
    });
    let store = MySqlStore::from_pool(pool.connect_lazy(&database.url).unwrap());
    store.migrate().await.unwrap();
    let mut raw = Raw::connect(&database).await;
    let mut seen: Vec<Revision> = vec![store.revision().await.unwrap()];
    for sql in
        ["insert into flags (id, name, status) values (1, 'a', true)", "update flags set status = false"]
    {
        raw.run(sql).await.unwrap();
        let revision = store.revision().await.unwrap();
        assert!(!seen.contains(&revision), "{sql}");
        seen.push(revision);
    }
    let token = NewToken::of(&Secret::generate(Role::Admin).unwrap()).name("ci");
    store.token_store().unwrap().create_token(token).await.unwrap();
    assert_eq!(raw.texts("select name from novi_tokens").await, ["ci"]);
}

/// Makes updates of flags fail as the victims of a deadlock do: the first so many, whatever is rolled back.
async fn fail(raw: &mut Raw, kind: Kind, times: i64) {
    let sql = match kind {
        Kind::Postgres => format!(
            "create sequence if not exists tries; alter sequence tries restart; \
             create or replace function fail() returns trigger language plpgsql as $$ begin \
             if nextval('tries') <= {times} then raise exception 'deadlock detected' using errcode = '40P01'; end if; \
             return new; end $$; \
             create or replace trigger fail before update on flags for each row execute function fail()"
        ),
        _ => format!(
            // A rollback does not take numbers back either.
            "drop table if exists tries; create table tries (n bigint auto_increment primary key); \
             drop trigger if exists fail; \
             create trigger fail before update on flags for each row begin insert into tries values (null); \
             if last_insert_id() <= {times} then signal sqlstate '40001' set mysql_errno = 1213, \
             message_text = 'Deadlock found'; end if; end"
        ),
    };
    raw.run(&sql).await.unwrap();
}

#[tokio::test]
async fn changes_are_repeated_after_a_deadlock() {
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::Sqlite) {
        let database = database(kind).await;
        let (store, mut raw) = (seeded(&database).await, Raw::connect(&database).await);
        fail(&mut raw, kind, 3).await;
        store.apply([off("a"), off("b")].concat()).await.unwrap();
        assert!(store.load().await.unwrap().flags.iter().all(|flag| !flag.status), "{kind:?}");
    }
}

#[tokio::test]
async fn scripts_are_repeated_after_a_deadlock_unless_mysql_has_committed() {
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::Sqlite) {
        let database = database(kind).await;
        let (store, mut raw) = (seeded(&database).await, Raw::connect(&database).await);
        fail(&mut raw, kind, 2).await;
        store
            .run_script(
                "insert into flags (id, name, status) values (9, 'z', true); update flags set status = false",
            )
            .await
            .unwrap();
        assert!(store.load().await.unwrap().flags.iter().all(|flag| !flag.status), "{kind:?}");
        if kind == Kind::MySql {
            fail(&mut raw, kind, 1).await;
            let script = "create table app (id int); update flags set status = true";
            let error = store.run_script(script).await.unwrap_err();
            assert!(matches!(error, Error::Contention { .. }), "{error}");
        }
    }
}

#[tokio::test]
async fn lasting_contention_is_an_error_of_its_own() {
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::Sqlite) {
        let database = database(kind).await;
        let (store, mut raw) = (seeded(&database).await, Raw::connect(&database).await);
        fail(&mut raw, kind, i64::MAX).await;
        let error = store.apply(off("a")).await.unwrap_err();
        assert!(matches!(error, Error::Contention { .. }), "{kind:?}: {error}");
        assert!(error.to_string().contains("try again"), "{error}");
        assert!(store.load().await.unwrap().flags.iter().all(|flag| flag.status), "{kind:?}");
        fail(&mut raw, kind, 0).await;
        store.apply(off("a")).await.unwrap();
    }
}

#[tokio::test]
async fn locked_file_is_contention() {
    let database = database(Kind::Sqlite).await;
    seeded(&database).await;
    let store = with_one_connection(&database, Duration::from_millis(1));
    let mut raw = Raw::connect(&database).await;
    raw.run("begin immediate").await.unwrap();
    let error = store.apply(off("a")).await.unwrap_err();
    assert!(matches!(error, Error::Contention { .. }), "{error}");
    let (changed, released) = tokio::join!(store.apply(off("a")), raw.run("rollback"));
    released.unwrap();
    changed.unwrap();
}

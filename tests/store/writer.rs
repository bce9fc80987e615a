//! Changes in the application's own transaction, and concurrent edits.

use std::sync::Arc;

use novi::{
    Context, Error, Flags,
    activation::Registry,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow},
    snapshot::Validator,
    store::{self, Change, Edit, MemoryStore, SchemaStore, Validate, WriteStore},
};
use sqlx::{Connection as _, MySqlPool, PgPool, SqlitePool};
use tokio::sync::Semaphore;

use crate::common::databases::{Kind, Raw, TestDatabase, databases};

/// Runs the body with a pool for the kind of database, as applications have it.
macro_rules! with_pool {
    ($database:expr, |$pool:ident| $body:block) => {
        match $database.kind {
            Kind::Sqlite => {
                let $pool = SqlitePool::connect(&$database.url).await.unwrap();
                $body
            }
            Kind::Postgres => {
                let $pool = PgPool::connect(&$database.url).await.unwrap();
                $body
            }
            Kind::MySql => {
                let $pool = MySqlPool::connect(&$database.url).await.unwrap();
                $body
            }
        }
    };
}

/// Two flags, the second linked to an activation, and a table of the application.
const SHOP: &str = "
    create table orders (id integer primary key);
    insert into flags (id, name, status) values (1, 'New orders', false), (2, 'Other', true);
    insert into activations (id, name, class_name, config) values (1, 'Half', 'novi.percentage', '{\"percentage\": 50}');
    insert into flags_activations (flag_id, activation_id) values (2, 1);";

async fn shop(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store.run_script(SHOP).await.unwrap();
    store
}

async fn count(raw: &mut Raw, table: &str) -> String {
    let char_type = if matches!(raw, Raw::MySql(_)) { "char" } else { "text" };
    raw.texts(&format!("select cast(count(*) as {char_type}) from {table}")).await.remove(0)
}

#[tokio::test]
async fn changes_are_visible_after_the_commit_only() {
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        let flags = Flags::connect(&database.url).await.unwrap();
        let others = Flags::connect(&database.url).await.unwrap();
        let on = |flags: &Flags| flags.is_enabled("New orders", &Context::new());
        let mut raw = Raw::connect(&database).await;
        let before = store.load().await.unwrap();
        with_pool!(database, |pool| {
            for commits in [false, true] {
                let mut tx = pool.begin().await.unwrap();
                sqlx::query("insert into orders (id) values (1)").execute(&mut *tx).await.unwrap();
                let writer = flags.writer();
                writer.set_status(&mut tx, "New orders", true).await.unwrap();
                writer.insert_flag(&mut tx, FlagRow::new(3, "Third", true)).await.unwrap();
                writer.link(&mut tx, 3, 1).await.unwrap();
                for flags in [&flags, &others] {
                    assert!(!flags.refresh().await.unwrap() && !on(flags), "{kind:?}");
                }
                assert_eq!(store.load().await.unwrap(), before, "{kind:?}: seen before the commit");
                assert_eq!(count(&mut raw, "orders").await, "0", "{kind:?}");
                if commits {
                    tx.commit().await.unwrap();
                } else {
                    tx.rollback().await.unwrap();
                    for flags in [&flags, &others] {
                        assert!(!flags.refresh().await.unwrap() && !on(flags), "{kind:?}");
                    }
                    assert_eq!(store.load().await.unwrap(), before, "{kind:?}: seen after a rollback");
                }
            }
        });
        for flags in [&flags, &others] {
            flags.refresh().await.unwrap();
            assert!(on(flags), "{kind:?}: not seen after the commit");
            assert!(flags.snapshot().flag_names().any(|name| name == "Third"), "{kind:?}");
        }
        assert_eq!(count(&mut raw, "orders").await, "1", "{kind:?}");
    }
}

#[tokio::test]
async fn writer_can_change_every_row() {
    for database in databases().await {
        let store = shop(&database).await;
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        with_pool!(database, |pool| {
            let mut tx = pool.begin().await.unwrap();
            let row = ActivationRow::new(2, "List", "novi.members", "{}");
            writer.insert_activation(&mut tx, row.clone()).await.unwrap();
            writer.insert_member(&mut tx, MemberRow::allowed(2, "ann")).await.unwrap();
            writer.insert_member(&mut tx, MemberRow::allowed(2, "bob")).await.unwrap();
            writer.delete_member(&mut tx, 2, "bob").await.unwrap();
            let renamed = ActivationRow { name: "Friends".to_owned(), ..row };
            writer.update_activation(&mut tx, renamed).await.unwrap();
            writer.link(&mut tx, 1, 2).await.unwrap();
            writer.unlink(&mut tx, 2, 1).await.unwrap();
            writer.delete_activation(&mut tx, 1).await.unwrap();
            let metadata = FlagMetadata { owner: Some("ann".to_owned()), ..FlagMetadata::default() };
            writer.set_metadata(&mut tx, 1, metadata).await.unwrap();
            writer.delete_flag(&mut tx, 2).await.unwrap();
            let status = Change::SetStatus { flag: "New orders".to_owned(), status: true };
            writer.apply(&mut tx, Edit::new([status])).await.unwrap();
            // The connection of the transaction works as well.
            writer.set_status(&mut *tx, "New orders", true).await.unwrap();
            tx.commit().await.unwrap();
        });
        let rows = store.load().await.unwrap();
        assert_eq!(rows.flags.len(), 1);
        assert_eq!((rows.flags[0].status, rows.flags[0].metadata.owner.as_deref()), (true, Some("ann")));
        assert_eq!((rows.activations.len(), rows.activations[0].name.as_str()), (1, "Friends"));
        assert_eq!(
            (rows.links, rows.members),
            (vec![LinkRow::new(1, 2)], vec![MemberRow::allowed(2, "ann")])
        );
    }
}

#[tokio::test]
async fn failed_edits_leave_nothing_and_keep_the_transaction() {
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        with_pool!(database, |pool| {
            let mut tx = pool.begin().await.unwrap();
            sqlx::query("insert into orders (id) values (1)").execute(&mut *tx).await.unwrap();
            writer.set_status(&mut tx, "Other", false).await.unwrap();
            for validates in [true, false] {
                let half = Edit::new([
                    Change::SetStatus { flag: "New orders".to_owned(), status: true },
                    Change::Link(LinkRow::new(1, 99)),
                ]);
                let writer = writer.clone().actor("nobody").validate(validates);
                let error = writer.apply(&mut tx, half).await.unwrap_err();
                assert!(matches!(error, Error::Constraint(_)), "{kind:?}: {error}");
            }
            for (name, expected) in [
                ("Unknown", r#"flag "Unknown" was not found"#),
                ("New order", r#"flag "New order" was not found; did you mean "New orders"?"#),
            ] {
                let error = writer.set_status(&mut tx, name, true).await.unwrap_err();
                assert_eq!(error.to_string(), expected, "{kind:?}");
            }
            let broken = ActivationRow::new(1, "Half", "novi.percentage", "{}");
            let error = writer.update_activation(&mut tx, broken).await.unwrap_err();
            assert!(matches!(error, Error::Invalid(_)), "{kind:?}: {error}");
            sqlx::query("insert into orders (id) values (2)").execute(&mut *tx).await.unwrap();
            writer.insert_flag(&mut tx, FlagRow::new(3, "Third", true)).await.unwrap();
            tx.commit().await.unwrap();
        });
        let rows = store.load().await.unwrap();
        let found: Vec<_> = rows.flags.iter().map(|row| (row.name.as_str(), row.status)).collect();
        assert_eq!(found, [("New orders", false), ("Other", false), ("Third", true)], "{kind:?}");
        let mut raw = Raw::connect(&database).await;
        assert_eq!(count(&mut raw, "orders").await, "2", "{kind:?}");
    }
}

/// Records the author of each update of a flag, in the way of novi's own triggers.
fn watch(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "create table seen (who text);
             create trigger watch after update on flags begin
               insert into seen select coalesce(actor, '-') || '/' || coalesce(reason, '-') from novi_session;
             end"
        }
        Kind::Postgres => {
            "create table seen (who text);
             create function watch() returns trigger language plpgsql as $$ begin
               insert into seen values (coalesce(nullif(current_setting('novi.actor', true), ''), '-') || '/'
                 || coalesce(nullif(current_setting('novi.reason', true), ''), '-'));
               return null;
             end $$;
             create trigger watch after update on flags for each row execute function watch()"
        }
        Kind::MySql => {
            "create table seen (who varchar(100));
             create trigger watch after update on flags for each row
               insert into seen values (concat(coalesce(@novi_actor, '-'), '/', coalesce(@novi_reason, '-')))"
        }
    }
}

#[tokio::test]
async fn triggers_see_author_and_reason_and_the_session_is_restored() {
    const FLIP: &str = "update flags set status = not status where id = 2";
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        Raw::connect(&database).await.run(watch(kind)).await.unwrap();
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        let named = writer.clone().actor("jane").reason("backfill done");
        let by_hand = match kind {
            Kind::Sqlite => "update novi_session set actor = 'dba', reason = null",
            Kind::Postgres => "set novi.actor = 'dba'",
            Kind::MySql => "set @novi_actor = 'dba'",
        };
        let back = match kind {
            Kind::Sqlite => "update novi_session set actor = null",
            Kind::Postgres => "set novi.actor = ''",
            Kind::MySql => "set @novi_actor = null",
        };
        with_pool!(database, |pool| {
            let mut tx = pool.begin().await.unwrap();
            named.set_status(&mut tx, "New orders", true).await.unwrap();
            sqlx::query(FLIP).execute(&mut *tx).await.unwrap();
            sqlx::query(by_hand).execute(&mut *tx).await.unwrap();
            writer.set_status(&mut tx, "New orders", false).await.unwrap();
            writer.clone().reason("why not").set_status(&mut tx, "New orders", true).await.unwrap();
            assert!(named.link(&mut tx, 1, 99).await.is_err());
            assert!(named.clone().validate(false).link(&mut tx, 1, 99).await.is_err());
            sqlx::query(FLIP).execute(&mut *tx).await.unwrap();
            sqlx::query(back).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        });
        let edit = Edit::new([Change::SetStatus { flag: "Other".to_owned(), status: false }]);
        store.commit(edit.clone().actor("store").reason("say so")).await.unwrap();
        store.commit(edit.actor("only an actor")).await.unwrap();
        store.apply(vec![Change::SetStatus { flag: "Other".to_owned(), status: true }]).await.unwrap();
        let seen = Raw::connect(&database).await.texts("select who from seen").await;
        let expected = [
            "jane/backfill done",
            "-/-",
            "dba/-",
            "dba/why not",
            "dba/-",
            "store/say so",
            "only an actor/-",
            "-/-",
        ];
        // An update without a change fires no trigger on MySQL, but does on other databases.
        let expected = expected.iter().filter(|who| kind != Kind::MySql || **who != "only an actor/-");
        let seen = seen.iter().filter(|who| kind != Kind::MySql || *who != "only an actor/-");
        assert!(seen.clone().eq(expected.clone()), "{kind:?}: {:?}", seen.collect::<Vec<_>>());
        let mut raw = Raw::connect(&database).await;
        let of_jane = "flag_history where entity = 'flags' and actor = 'jane' and reason = 'backfill done'";
        assert_eq!(count(&mut raw, of_jane).await, "1", "{kind:?}");
        assert_eq!(count(&mut raw, "flag_history where actor = 'dba' and reason = 'why not'").await, "1");
    }
}

#[tokio::test]
async fn transaction_settings_of_the_caller_are_kept() {
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        let before = store.revision().await.unwrap();
        with_pool!(database, |pool| {
            // Without a transaction the change would be committed at once.
            let mut connection = pool.acquire().await.unwrap();
            let error = writer.set_status(&mut connection, "New orders", true).await.unwrap_err();
            assert!(error.to_string().contains("in a transaction that sqlx has begun"), "{error}");
            // The same for a transaction that sqlx did not begin: to begin another one would commit it on
            // MySQL.
            sqlx::raw_sql("begin").execute(&mut *connection).await.unwrap();
            assert!(writer.set_status(&mut *connection, "New orders", true).await.is_err());
            sqlx::raw_sql("rollback").execute(&mut *connection).await.unwrap();
            let mut tx = connection.begin().await.unwrap();
            writer.set_status(&mut tx, "New orders", true).await.unwrap();
            let mut inner = tx.begin().await.unwrap();
            writer.set_status(&mut inner, "Other", false).await.unwrap();
            inner.rollback().await.unwrap();
            tx.commit().await.unwrap();
        });
        let rows = store.load().await.unwrap();
        assert!(rows.flags[0].status && rows.flags[1].status, "{kind:?}");
        assert_ne!(rows.revision, before, "{kind:?}");
        if kind == Kind::Postgres {
            postgres_keeps_isolation_and_deferral(&database, &writer).await;
        }
    }
}

async fn postgres_keeps_isolation_and_deferral(database: &TestDatabase, writer: &novi::flags::Writer) {
    let pool = PgPool::connect(&database.url).await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let mut tx = connection.begin_with("begin isolation level serializable").await.unwrap();
    let pending = "select count(*) from novi_touch";
    writer.clone().actor("jane").set_status(&mut tx, "Other", false).await.unwrap();
    let level: String = sqlx::query_scalar("show transaction_isolation").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(level, "serializable");
    // The revision is raised at the commit, and its row is not locked before.
    assert_eq!(sqlx::query_scalar::<_, i64>(pending).fetch_one(&mut *tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, i64>(pending).fetch_one(&mut *connection).await.unwrap(), 0);
}

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
            let expected =
                format!("flags#1 \"New orders\": expected version {seen}, found version {}", seen + 1);
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

fn validator() -> Arc<dyn Validate> {
    Arc::new(Validator::new(Registry::global().unwrap()))
}

#[tokio::test]
async fn invalid_changes_report_all_problems_together() {
    let mut told = Vec::new();
    for database in databases().await {
        let store = shop(&database).await;
        let before = store.load().await.unwrap();
        let edit = Edit::new([
            Change::InsertFlag(FlagRow::new(1, "Twice", true)),
            Change::InsertFlag(FlagRow::new(4, "x".repeat(256), true)),
            Change::SetStatus { flag: "Nobody".to_owned(), status: true },
            Change::UpdateActivation(ActivationRow::new(
                1,
                "Half",
                "novi.percentage",
                r#"{"percentage": 500}"#,
            )),
            Change::InsertActivation(ActivationRow::new(2, "Typo", "novi.percentag", "{}")),
            Change::InsertActivation(ActivationRow::new(3, "A", "novi.and", "[4]")),
            Change::InsertActivation(ActivationRow::new(4, "B", "novi.and", "[3]")),
            Change::InsertActivation(ActivationRow::new(5, "C", "novi.or", "[99]")),
            Change::InsertActivation(ActivationRow::new(6, "D", "novi.flag", r#"{"flag": "Gone"}"#)),
            Change::Link(LinkRow::new(1, 77)),
            Change::SetMetadata {
                flag_id: 2,
                metadata: Box::new(FlagMetadata {
                    variants: Some("{\"a\": ".to_owned()),
                    ..FlagMetadata::default()
                }),
            },
        ]);
        let error = store.commit(edit.validated_by(validator())).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        told.push(error.to_string());
        assert_eq!(store.load().await.unwrap(), before);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "each database says the same: {told:#?}");
    insta::assert_snapshot!(told[0]);
}

#[tokio::test]
async fn broken_rows_may_stay_or_be_repaired() {
    for database in databases().await {
        let store = shop(&database).await;
        store
            .run_script("update activations set config = '{}'; insert into flags (id, name, status) values (5, 'x', true)")
            .await
            .unwrap();
        let commit = async |change: Change| store.commit(Edit::new([change]).validated_by(validator())).await;
        commit(Change::InsertActivation(ActivationRow::new(
            9,
            "Fine",
            "novi.percentage",
            "{\"percentage\": 1}",
        )))
        .await
        .unwrap();
        let error = commit(Change::Link(LinkRow::new(5, 1))).await.unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(issues) if issues[0].flags == ["Other", "x"]),
            "a flag more would be broken: {error}"
        );
        commit(Change::Link(LinkRow::new(5, 9))).await.unwrap();
        commit(Change::UpdateActivation(ActivationRow::new(
            1,
            "Half",
            "novi.percentage",
            "{\"percentage\": 5}",
        )))
        .await
        .unwrap();
        let error = commit(Change::UpdateActivation(ActivationRow::new(1, "Half", "novi.percentage", "{}")))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        assert!(
            error.to_string().starts_with("the change was rejected: activations#1 \"Half\": config"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn plans_list_affected_flags_and_write_nothing() {
    let mut told = Vec::new();
    for database in databases().await {
        let store = shop(&database).await;
        store
            .run_script(
                "insert into flags (id, name, status) values (3, 'Asks other', true), (4, 'Off', false), (5, 'Far', true);
                 insert into activations (id, name, class_name, config) values
                   (2, 'Needs other', 'novi.flag', '{\"flag\": \"Other\"}'), (3, 'Both', 'novi.and', '[1, 4]'),
                   (4, 'List', 'novi.members', '{}');
                 insert into flags_activations (flag_id, activation_id) values (3, 2), (4, 1), (5, 3)",
            )
            .await
            .unwrap();
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        let before = store.load().await.unwrap();
        let metadata = FlagMetadata { owner: Some("ann".to_owned()), ..before.flags[3].metadata.clone() };
        let edit = Edit::new([
            Change::UpdateActivation(ActivationRow::new(
                1,
                "Half",
                "novi.percentage",
                r#"{"percentage": 60}"#,
            )),
            Change::InsertMember(MemberRow::allowed(4, "ann")),
            Change::SetStatus { flag: "New orders".to_owned(), status: true },
            Change::SetMetadata { flag_id: 4, metadata: Box::new(metadata) },
            Change::InsertFlag(FlagRow::new(6, "New", true)),
            Change::Link(LinkRow::new(6, 99)),
        ]);
        with_pool!(database, |pool| {
            let mut tx = pool.begin().await.unwrap();
            let plan = writer.plan(&mut tx, &edit).await.unwrap();
            assert!(serde_json::to_value(&plan).unwrap()["flags"][0]["fields"][0]["after"] == true);
            told.push(plan.to_string());
            assert_eq!(writer.plan(&mut tx, &Edit::default()).await.unwrap().to_string(), "no changes\n");
            tx.commit().await.unwrap();
        });
        assert_eq!(store.load().await.unwrap(), before);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "each database says the same: {told:#?}");
    insta::assert_snapshot!(told[0]);
}

#[tokio::test]
async fn enabling_a_flag_that_would_close_a_cycle_is_rejected() {
    for database in databases().await {
        let (kind, store) = (database.kind, shop(&database).await);
        store
            .run_script(
                "insert into flags (id, name, status) values (3, 'Egg', true), (4, 'Hen', false);
                 insert into activations (id, name, class_name, config) values
                   (3, 'Hen', 'novi.flag', '{\"flag\": \"Hen\"}'), (4, 'Egg', 'novi.flag', '{\"flag\": \"Egg\"}');
                 insert into flags_activations (flag_id, activation_id) values (3, 3), (4, 4)",
            )
            .await
            .unwrap();
        let before = store.load().await.unwrap();
        let writer = Flags::connect(&database.url).await.unwrap().writer();
        let enable = Edit::new([Change::SetStatus { flag: "Hen".to_owned(), status: true }]);
        let rejected = |error: &Error| {
            let Error::Invalid(issues) = error else { panic!("{kind:?}: {error}") };
            assert!(issues[0].message.starts_with("activations form a cycle"), "{kind:?}: {error}");
            assert_eq!(issues[0].flags, ["Egg", "Hen"], "{kind:?}");
        };
        rejected(&writer.commit(&*store, enable.clone()).await.unwrap_err());
        with_pool!(database, |pool| {
            let mut tx = pool.begin().await.unwrap();
            let plan = writer.plan(&mut tx, &enable).await.unwrap();
            rejected(&Error::Invalid(plan.problems));
            rejected(&writer.set_status(&mut tx, "Hen", true).await.unwrap_err());
            tx.commit().await.unwrap();
        });
        assert_eq!(store.load().await.unwrap(), before, "{kind:?}");
        // Without the other half of the cycle it is an edit like any other.
        let disable = Change::SetStatus { flag: "Egg".to_owned(), status: false };
        writer.commit(&*store, Edit::new([disable])).await.unwrap();
        writer.commit(&*store, enable).await.unwrap();
    }
}

#[tokio::test]
async fn edits_next_to_broken_rows_are_judged_by_what_they_break() {
    const SETUP: &str = "
        insert into flags (id, name, status) values
            (11, 'child', true), (12, 'parent2', true), (13, 'partial', true), (14, 'b', true), (15, 'x', true),
            (16, 'y', true), (17, 'needs other', true);
        insert into activations (id, name, class_name, config) values
            (11, 'c', 'novi.flag', '{\"flag\": \"parent\"}'), (14, 'own', 'novi.percentage', '{}'),
            (15, 'to y', 'novi.flag', '{\"flag\": \"y\"}'), (16, 'to x', 'novi.flag', '{\"flag\": \"x\"}'),
            (17, 'to other', 'novi.flag', '{\"flag\": \"Other\"}'), (18, 'unlinked', 'novi.and', '[19]'),
            (19, 'part', 'novi.and', '[]'), (20, 'upper', 'novi.and', '[21]'), (21, 'lower', 'novi.percentage', '{}');
        insert into flags_activations (flag_id, activation_id) values (11, 11), (14, 14), (15, 15), (16, 16), (17, 17), (14, 20);
        update flag_metadata set variants = '[1]' where flag_id = 14";
    let rename = |id, name: &str| Change::RenameFlag { id, name: name.to_owned() };
    let config = |id, class: &str, config: &str| {
        Change::UpdateActivation(ActivationRow::new(id, "new", class, config))
    };
    for database in databases().await {
        let kind = database.kind;
        let store = shop(&database).await;
        store.run_script(SETUP).await.unwrap();
        let validated = |change: &Change| Edit::new([change.clone()]).validated_by(validator());
        for rejected in [
            // It would break a valid flag, or a row that nothing depends on.
            Change::DeleteFlag { id: 2 },
            Change::DeleteActivation { id: 19 },
            // The row was invalid before, and what is written is invalid as well.
            config(14, "novi.percentage", "[]"),
            config(11, "novi.flag", "{\"flag\": \"nobody\"}"),
            // A row that depends on a broken one would refer to nothing.
            Change::DeleteActivation { id: 21 },
            // It would close a cycle of rows that are broken already.
            config(21, "novi.and", "[20]"),
        ] {
            let error = store.commit(validated(&rejected)).await.unwrap_err();
            assert!(matches!(error, Error::Invalid(_)), "{kind:?}: {rejected:?}: {error}");
        }
        for accepted in [
            // The suggestion of the broken row changes with the names of the other flags.
            Change::InsertFlag(FlagRow::new(20, "parents", true)),
            Change::DeleteFlag { id: 20 },
            Change::DeleteFlag { id: 12 },
            // Broken flags, under another name.
            rename(14, "b2"),
            rename(11, "child 2"),
            // The other half of a cycle.
            Change::DeleteFlag { id: 15 },
            config(14, "novi.percentage", "{\"percentage\": 5}"),
            config(21, "novi.percentage", "{\"percentage\": 5}"),
        ] {
            let plan = Validator::new(Registry::global().unwrap())
                .plan(store.load().await.unwrap(), &Edit::new([accepted.clone()]));
            assert_eq!(plan.problems, [], "{kind:?}: {accepted:?}");
            let result = store.commit(validated(&accepted)).await;
            result.unwrap_or_else(|error| panic!("{kind:?}: {accepted:?}: {error}"));
        }
    }
}

#[tokio::test]
async fn plan_of_a_rename_lists_the_decisions_that_are_drawn_by_the_name() {
    let rows = MemoryStore::default();
    let flag = |id, name: &str| Change::InsertFlag(FlagRow::new(id, name, true));
    let activation =
        |id, class: &str, config: &str| Change::InsertActivation(ActivationRow::new(id, "a", class, config));
    let drawn = r#"{"splits": [1, 1], "variations": ["A", "B"]}"#;
    rows.apply(vec![
        flag(1, "by flag"),
        flag(2, "by salt"),
        flag(3, "by activation"),
        flag(4, "off"),
        flag(5, "through"),
        activation(1, "novi.percentage", r#"{"percentage": 50}"#),
        activation(2, "novi.percentage", r#"{"percentage": 50, "salt": "s"}"#),
        activation(3, "novi.weighted_random", drawn),
        activation(4, "novi.or", "[1, 3]"),
        activation(5, "novi.flag", r#"{"flag": "by flag"}"#),
        Change::Link(LinkRow::new(1, 4)),
        Change::Link(LinkRow::new(2, 2)),
        Change::Link(LinkRow::new(3, 3)),
        Change::Link(LinkRow::new(4, 1)),
        Change::Link(LinkRow::new(5, 5)),
        Change::SetStatus { flag: "off".to_owned(), status: false },
    ])
    .await
    .unwrap();
    let rows = store::ReadStore::load(&rows).await.unwrap();
    let changing = |change: Change| -> Vec<String> {
        let plan = Validator::new(Registry::global().unwrap()).plan(rows.clone(), &Edit::new([change]));
        plan.flags.into_iter().filter(|row| row.answer_may_change).map(|row| row.name).collect()
    };
    let rename = |id| Change::RenameFlag { id, name: "new".to_owned() };
    // The flag that evaluates it by its old name breaks.
    assert_eq!(changing(rename(1)), ["new", "through"]);
    assert_eq!(changing(rename(2)), [""; 0]);
    // The salt of `novi.weighted_random` is the name of its own row.
    assert_eq!(changing(rename(3)), [""; 0]);
    assert_eq!(changing(rename(4)), [""; 0], "the flag is off under each name");
    let renamed = |id: i64| {
        let row = rows.activations.iter().find(|row| row.id == id).unwrap().clone();
        Change::UpdateActivation(ActivationRow { name: "new".to_owned(), ..row })
    };
    assert_eq!(changing(renamed(1)), [""; 0]);
    assert_eq!(changing(renamed(3)), ["by flag", "by activation", "through"]);
}

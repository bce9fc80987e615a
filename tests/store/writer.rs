//! Changes in the application's own transaction.

use std::sync::Arc;

use novi::{
    Context, Error, Flags,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow},
    store::{self, Change, Edit, SchemaStore},
};
use sqlx::Connection as _;

use crate::common::databases::{Kind, Raw, TestDatabase, databases};

/// Runs the body with a pool for the kind of database, as applications have it.
macro_rules! with_pool {
    ($database:expr, |$pool:ident| $body:block) => {
        match $database.kind {
            crate::common::databases::Kind::Sqlite => {
                let $pool = sqlx::SqlitePool::connect(&$database.url).await.unwrap();
                $body
            }
            crate::common::databases::Kind::Postgres => {
                let $pool = sqlx::PgPool::connect(&$database.url).await.unwrap();
                $body
            }
            crate::common::databases::Kind::MySql => {
                let $pool = sqlx::MySqlPool::connect(&$database.url).await.unwrap();
                $body
            }
        }
    };
}
pub(crate) use with_pool;

/// Two flags, the second linked to an activation, and a table of the application.
const SHOP: &str = "
    create table orders (id integer primary key);
    insert into flags (id, name, status) values (1, 'New orders', false), (2, 'Other', true);
    insert into activations (id, name, class_name, config) values (1, 'Half', 'novi.percentage', '{\"percentage\": 50}');
    insert into flags_activations (flag_id, activation_id) values (2, 1);";

pub(crate) async fn shop(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store.run_script(SHOP).await.unwrap();
    store
}

pub(crate) async fn count(raw: &mut Raw, table: &str) -> String {
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
    let pool = sqlx::PgPool::connect(&database.url).await.unwrap();
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

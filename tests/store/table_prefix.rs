//! Tables whose names have a prefix: beside tables of other programs, and beside another novi.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use novi::{
    Context, Error, Flags, Reason,
    rows::{FlagRow, Rows},
    store::{
        self, Author, Change, Migrated, MySqlStore, NewToken, PostgresStore, Rotation, SchemaStore,
        SqliteStore, Usage,
        history::{AsOf, HistoryQuery},
        token::{Role, Secret},
    },
    testing::store as conformance,
};
use sqlx::{Connection as _, postgres::PgListener};

use crate::{
    common::{
        databases::{Kind, Raw, TestDatabase, database, databases, kinds},
        until::{unblocked, until},
    },
    repair::run_with_client,
};

/// As long as a prefix can be.
const LONGEST: &str = "acme_shop_features_1";

fn url(database: &TestDatabase, prefix: &str) -> String {
    let separator = if database.url.contains('?') { '&' } else { '?' };
    format!("{}{separator}table_prefix={prefix}", database.url)
}

async fn opened(database: &TestDatabase, prefix: &str) -> Arc<dyn SchemaStore> {
    let url = if prefix.is_empty() { database.url.clone() } else { url(database, prefix) };
    store::create(&url).await.unwrap()
}

async fn migrated(database: &TestDatabase, prefix: &str) -> Arc<dyn SchemaStore> {
    let store = opened(database, prefix).await;
    assert_eq!(store.migrate().await.unwrap().problems, [""; 0], "{:?}", database.kind);
    store
}

/// The names of all objects, as `table acme_flags`.
async fn objects(database: &TestDatabase) -> Vec<String> {
    let sql = match database.kind {
        Kind::Sqlite => "select type || ' ' || name from sqlite_master where name not like 'sqlite\\_%' escape '\\'",
        Kind::Postgres => {
            "select 'table ' || relname from pg_class where relnamespace = current_schema()::regnamespace
             union all select 'function ' || proname from pg_proc where pronamespace = current_schema()::regnamespace
             union all select 'constraint ' || conname from pg_constraint where connamespace = current_schema()::regnamespace
             union all select 'trigger ' || tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
               where c.relnamespace = current_schema()::regnamespace and not tgisinternal"
        }
        Kind::MySql => {
            "select concat('table ', table_name) from information_schema.tables where table_schema = database()
             union all select concat('trigger ', trigger_name) from information_schema.triggers
               where trigger_schema = database()
             union all select concat('constraint ', constraint_name) from information_schema.table_constraints
               where constraint_schema = database() and constraint_type in ('FOREIGN KEY', 'CHECK')"
        }
    };
    Raw::connect(database).await.texts(sql).await
}

/// Runs the conformance suite on new databases with a prefix.
macro_rules! conforms {
    ($kind:ident, $open:expr) => {
        if kinds().contains(&Kind::$kind) {
            let kept = Mutex::new(Vec::new());
            let make = async || {
                let made = database(Kind::$kind).await;
                let store = $open(url(&made, LONGEST)).await;
                store.migrate().await.unwrap();
                kept.lock().unwrap().push(made);
                store
            };
            conformance::run(make).await;
            conformance::run_schema(make).await;
        }
    };
}

#[tokio::test]
async fn sqlite_with_a_prefix_conforms() {
    conforms!(Sqlite, async |url: String| SqliteStore::create(&url).await.unwrap());
}

#[tokio::test]
async fn postgres_with_a_prefix_conforms() {
    conforms!(Postgres, async |url: String| PostgresStore::connect(&url).unwrap());
}

#[tokio::test]
async fn mariadb_with_a_prefix_conforms() {
    conforms!(MySql, async |url: String| MySqlStore::connect(&url).unwrap());
}

/// A table `flags` of another program.
const FOREIGN: &str = "create table flags (country char(2) primary key, colors varchar(20) not null);
    create table flag_history (country char(2), year integer);
    insert into flags values ('at', 'red white'); insert into flag_history values ('at', 1918)";

#[tokio::test]
async fn tables_of_another_program_stay_as_they_are() {
    for database in databases().await {
        let kind = database.kind;
        let store = opened(&database, "").await;
        let mut raw = Raw::connect(&database).await;
        raw.run(FOREIGN).await.unwrap();
        let before = objects(&database).await;
        let error = store.migrate().await.unwrap_err().to_string();
        for part in [
            "the table \"flags\" exists and is not one of novi",
            "`table_prefix = \"novi_\"` in the section [database]",
        ] {
            assert!(error.contains(part), "{kind:?}: {error}");
        }
        for prefix in ["novi_", LONGEST] {
            let store = migrated(&database, prefix).await;
            store.apply(vec![Change::InsertFlag(FlagRow::new(1, "a", true))]).await.unwrap();
            let flags = Flags::connect(&url(&database, prefix)).await.unwrap();
            assert!(flags.is_enabled("a", &Context::new()), "{kind:?}");
            raw.run(&format!("delete from {prefix}flags")).await.unwrap();
        }
        let added: Vec<_> =
            objects(&database).await.into_iter().filter(|name| !before.contains(name)).collect();
        assert!(added.len() > 100, "{kind:?}: {added:?}");
        for name in &added {
            let (_, name) = name.split_once(' ').unwrap();
            assert!(name.starts_with("novi_") || name.starts_with(LONGEST), "{kind:?}: {name}");
            assert!(name.len() <= 63, "{kind:?}: {name}");
        }
        assert_eq!(raw.texts("select colors from flags").await, ["red white"], "{kind:?}");
        raw.run("update flags set colors = 'red white red'; insert into flag_history values ('at', 1945)")
            .await
            .unwrap();
    }
}

/// A flag that is on for one user, by plain SQL.
fn rows(prefix: &str) -> String {
    format!(
        "insert into {prefix}activations (id, name, class_name, config) values
           (7, 'Testers', 'novi.members', '{{\"allow\": []}}');
         insert into {prefix}flags (id, name, status) values (3, 'Sale', true);
         insert into {prefix}flags_activations (flag_id, activation_id) values (3, 7);
         insert into {prefix}activation_members (activation_id, member) values (7, 'ann');
         update {prefix}flag_metadata set owner = 'shop', exposed = true where flag_id = 3"
    )
}

fn without_times(mut rows: Rows) -> Rows {
    rows.revision = 0.into();
    for row in &mut rows.flags {
        (row.metadata.created_at, row.metadata.updated_at) = (None, None);
    }
    rows
}

/// Every record, with the rows before and after.
async fn history(store: &dyn SchemaStore) -> Vec<String> {
    let records = store.history(&HistoryQuery::oldest_first()).await.unwrap();
    records
        .iter()
        .map(|record| {
            let (actor, reason) = (record.actor.as_deref(), record.reason.as_deref());
            let known = |text: Option<&str>| {
                text.filter(|text| *text == "jane" || *text == "traffic").map(str::to_owned)
            };
            format!("{} {} {:?} {:?}", record.operation, record.subject(), known(actor), known(reason))
        })
        .collect()
}

#[tokio::test]
async fn history_and_rows_are_those_of_tables_without_a_prefix() {
    for kind in kinds() {
        let (with, without) = (database(kind).await, database(kind).await);
        let mut found = Vec::new();
        for (database, prefix) in [(&with, "acme_"), (&without, "")] {
            let store = migrated(database, prefix).await;
            let mut raw = Raw::connect(database).await;
            raw.run(&rows(prefix)).await.unwrap();
            let author = Author { actor: Some("jane".to_owned()), reason: Some("traffic".to_owned()) };
            let raised =
                store.apply_by(&author, vec![Change::SetStatus { flag: "Sale".to_owned(), status: false }]);
            let off = raised.await.unwrap();
            raw.run(&format!("update {prefix}flags set id = 4 where id = 3")).await.unwrap_or_default();
            let sql = format!("update {prefix}flags set name = 'Sales' where name = 'Sale'");
            store.run_script_by(&author, &sql).await.unwrap();
            let end = store.load().await.unwrap();
            let earlier = store.rows_at(AsOf::Revision(off)).await.unwrap();
            assert_eq!(earlier.flags[0].name, "Sale", "{kind:?}");
            let of_flag = store.history(&HistoryQuery::default().flag("Sale")).await.unwrap().len();
            let truncate = match kind {
                Kind::Sqlite => format!("delete from {prefix}activation_members"),
                Kind::Postgres | Kind::MySql => format!("truncate table {prefix}activation_members"),
            };
            raw.run(&truncate).await.unwrap();
            raw.run(&format!("delete from {prefix}flags_activations; delete from {prefix}flags"))
                .await
                .unwrap();
            let records = history(&*store).await;
            let pruned = store.prune(AsOf::Revision(off)).await.unwrap();
            found.push((without_times(end), without_times(earlier), of_flag, records, pruned));
        }
        assert_eq!(found[0], found[1], "{kind:?}");
        assert!(found[0].3.iter().all(|record| !record.contains("acme_")), "{kind:?}: {:?}", found[0].3);
    }
}

#[tokio::test]
async fn changes_are_followed_and_rolled_back() {
    for database in databases().await {
        let kind = database.kind;
        let store = migrated(&database, "acme_").await;
        let flags = Flags::connect(&url(&database, "acme_")).await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run(&rows("acme_")).await.unwrap();
        let ann = Context::new().with("targetingKey", "ann");
        until("a new flag", || flags.evaluate("Sale", &ann).is_ok()).await;
        let before = store.revision().await.unwrap();
        raw.run("update acme_activations set config = 'nonsense' where id = 7").await.unwrap();
        until("an invalid row", || !flags.issues().is_empty()).await;
        assert!(flags.issues()[0].to_string().contains("activations#7"), "{kind:?}: {:?}", flags.issues());

        let (now, then) = (store.load().await.unwrap(), store.rows_at(AsOf::Revision(before)).await.unwrap());
        let plan = flags.plan_rollback(&now, &then, None).unwrap();
        let edit = flags.writer().reason("oops").commit(&*store, plan.edit()).await.unwrap();
        flags.refresh_to(edit).await.unwrap();
        assert!(flags.issues().is_empty(), "{kind:?}");

        // In a transaction of the service.
        let writer = flags.writer().actor("jane");
        match kind {
            Kind::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(&database.url).await.unwrap();
                let mut transaction = connection.begin().await.unwrap();
                writer.set_status(&mut transaction, "Sale", false).await.unwrap();
                transaction.commit().await.unwrap();
            }
            Kind::Postgres => {
                let mut connection = sqlx::PgConnection::connect(&database.url).await.unwrap();
                let mut transaction = connection.begin().await.unwrap();
                writer.set_status(&mut transaction, "Sale", false).await.unwrap();
                transaction.commit().await.unwrap();
            }
            Kind::MySql => {
                let mut connection = sqlx::MySqlConnection::connect(&database.url).await.unwrap();
                let mut transaction = connection.begin().await.unwrap();
                writer.set_status(&mut transaction, "Sale", false).await.unwrap();
                transaction.commit().await.unwrap();
            }
        }
        until("a status", || {
            flags.evaluate("Sale", &ann).is_ok_and(|decision| decision.reason() == Reason::Disabled)
        })
        .await;
        let newest = store.history(&HistoryQuery::default().limit(1)).await.unwrap();
        assert_eq!(newest[0].actor.as_deref(), Some("jane"), "{kind:?}");
    }
}

#[tokio::test]
async fn tokens_and_usage_have_the_prefix() {
    for database in databases().await {
        let kind = database.kind;
        let store = migrated(&database, "acme_").await;
        let usage = store.usage_store().unwrap();
        for on in [1, 2] {
            usage.record_usage(vec![Usage { flag: "a".to_owned(), on, off: 1 }]).await.unwrap();
        }
        let report = usage.usage().await.unwrap();
        assert_eq!((report.flags[0].evaluations, report.since.is_some()), (5, true), "{kind:?}");

        let tokens = store.token_store().unwrap();
        let changes = tokens.token_changes().await.unwrap();
        let created = NewToken::of(&Secret::generate(Role::Admin).unwrap()).name("ci");
        tokens.create_token(created).await.unwrap();
        assert_ne!(tokens.token_changes().await.unwrap(), changes, "{kind:?}");
        tokens.rotate_token("ci", &Rotation::with_overlap(Duration::from_mins(1))).await.unwrap().unwrap();
        assert_eq!(tokens.revoke_token("ci").await.unwrap().len(), 2, "{kind:?}");
        let mut raw = Raw::connect(&database).await;
        let hashes = raw.texts("select hash from acme_novi_tokens").await;
        assert_eq!(
            (hashes.len(), raw.texts("select flag from acme_novi_usage").await),
            (2, vec!["a".to_owned()])
        );
    }
}

#[tokio::test]
async fn tables_with_a_prefix_are_inspected_and_repaired() {
    for database in databases().await {
        let kind = database.kind;
        let store = opened(&database, "acme_").await;
        let plain = migrated(&database, "").await;
        let missing = store.load().await.unwrap_err();
        assert!(matches!(missing, Error::NotMigrated { .. }), "{kind:?}: {missing}");
        assert!(missing.to_string().contains("?table_prefix=acme_"), "{kind:?}: {missing}");
        assert_eq!(store.schema_state().await.unwrap().pending.len(), 3, "{kind:?}");
        let error = store.baseline().await.unwrap_err().to_string();
        assert!(error.contains("the table acme_flags is missing"), "{kind:?}: {error}");
        store.migrate().await.unwrap();
        assert_eq!(store.migrate().await.unwrap(), Migrated::default(), "{kind:?}");

        let mut raw = Raw::connect(&database).await;
        raw.run("insert into acme_flags (id, name, status) values (1, 'a', true)").await.unwrap();
        let (lose, problem) = match kind {
            Kind::Sqlite | Kind::MySql => (
                "drop trigger acme_novi_flags_update",
                "the trigger acme_novi_flags_update of acme_flags is missing",
            ),
            Kind::Postgres => (
                "alter table acme_flags disable trigger acme_novi_flags_record",
                "the trigger acme_novi_flags_record of acme_flags is disabled",
            ),
        };
        let flags = Flags::connect(&url(&database, "acme_")).await.unwrap();
        raw.run(lose).await.unwrap();
        raw.run("update acme_flags set status = false").await.unwrap();
        flags.sweep().await.unwrap();
        assert!(!flags.is_enabled("a", &Context::new()), "{kind:?}: found without its trigger");
        assert_eq!(flags.status().schema_problems, [problem], "{kind:?}");
        let before = plain.revision().await.unwrap();
        assert_eq!(store.migrate().await.unwrap().repaired, [problem], "{kind:?}");
        raw.run("drop table acme_novi_usage").await.unwrap();
        assert_eq!(
            store.migrate().await.unwrap().repaired,
            ["the table acme_novi_usage is missing"],
            "{kind:?}"
        );
        raw.run("alter table acme_novi_usage drop column last_off").await.unwrap();
        let state = store.schema_state().await.unwrap();
        assert_eq!(state.problems, ["the column last_off of acme_novi_usage is missing"], "{kind:?}");
        assert_eq!(plain.revision().await.unwrap(), before, "{kind:?}");
        assert_eq!(plain.schema_state().await.unwrap().problems, [""; 0], "{kind:?}");
    }
}

#[tokio::test]
async fn postgres_sequence_with_a_prefix_is_set_behind_the_rows() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    let store = migrated(&database, "acme_").await;
    let mut raw = Raw::connect(&database).await;
    raw.run("insert into acme_flags (id, name) values (5, 'a'); insert into acme_flags (name) values ('b')")
        .await
        .unwrap();
    assert_eq!(store.load().await.unwrap().flags[1].id, 6);
    raw.run("alter table acme_flag_history alter column id restart with 1").await.unwrap();
    let problem = "the sequence of acme_flag_history.id is behind the rows, so inserts fail";
    assert_eq!(store.schema_state().await.unwrap().problems, [problem]);
    assert_eq!(store.migrate().await.unwrap().repaired, [problem]);
    raw.run("update acme_flags set status = true").await.unwrap();
}

#[tokio::test]
async fn clients_run_a_script_with_the_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("novi.sql");
    for database in databases().await {
        let kind = database.kind;
        let store = opened(&database, "acme_").await;
        std::fs::write(&file, store.migration_script().await.unwrap()).unwrap();
        run_with_client(&database, &file);
        let state = store.schema_state().await.unwrap();
        assert_eq!((state.applied.len(), state.problems.len()), (3, 0), "{kind:?}: {state:?}");
        assert_eq!(store.migrate().await.unwrap(), Migrated::default(), "{kind:?}");
        Raw::connect(&database).await.run("delete from acme_novi_migrations").await.unwrap();
        assert_eq!(store.baseline().await.unwrap().applied.len(), 3, "{kind:?}");
    }
}

#[tokio::test]
async fn tables_of_python_novi_are_adopted_with_their_prefix() {
    for database in databases().await {
        let kind = database.kind;
        let store = opened(&database, "acme_").await;
        let mut raw = Raw::connect(&database).await;
        raw.run(
            "create table acme_flags (id integer primary key, name varchar(30) not null, status boolean not null);
             create table acme_activations (id integer primary key, name varchar(30) not null,
               class_name varchar(60) not null, config varchar(200));
             create table acme_flags_activations (flag_id integer references acme_flags (id),
               activation_id integer references acme_activations (id));
             insert into acme_flags values (1, 'a', true)",
        )
        .await
        .unwrap();
        let migrated = store.migrate().await.unwrap();
        assert!(migrated.adopted && migrated.problems.is_empty(), "{kind:?}: {migrated:?}");
        assert_eq!(migrated.without_activations, ["a"], "{kind:?}");
        let long = "x".repeat(200);
        raw.run(&format!("update acme_flags set name = '{long}'")).await.unwrap();
        raw.run("delete from acme_flags").await.unwrap();
    }
}

#[tokio::test]
async fn novis_with_different_prefixes_do_not_see_each_other() {
    for database in databases().await {
        let kind = database.kind;
        let stores = [
            migrated(&database, "").await,
            migrated(&database, "acme_").await,
            migrated(&database, "shop_").await,
        ];
        let mut revisions = Vec::new();
        for store in &stores {
            revisions.push(store.revision().await.unwrap());
        }
        let flag = |name: &str| vec![Change::InsertFlag(FlagRow::new(1, name, true))];
        stores[1].apply(flag("of acme")).await.unwrap();
        for (store, before) in [(&stores[0], revisions[0]), (&stores[2], revisions[2])] {
            assert_eq!(store.revision().await.unwrap(), before, "{kind:?}");
            assert!(store.load().await.unwrap().flags.is_empty(), "{kind:?}");
            assert!(store.history(&HistoryQuery::default()).await.unwrap().is_empty(), "{kind:?}");
        }
        stores[2].apply(flag("of shop")).await.unwrap();
        assert_eq!(stores[1].load().await.unwrap().flags[0].name, "of acme", "{kind:?}");
    }
}

#[tokio::test]
async fn postgres_notifies_each_prefix_by_itself() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    // No other test has these prefixes, whose channels are those of the whole database.
    let stores = [migrated(&database, "one_").await, migrated(&database, "two_").await];
    let mut listener = PgListener::connect(&database.url).await.unwrap();
    listener.listen_all(["one_novi", "two_novi"]).await.unwrap();
    for (id, store, channel) in [(1, 0, "one_novi"), (2, 1, "two_novi"), (3, 0, "one_novi")] {
        let insert = Change::InsertFlag(FlagRow::new(id, id.to_string(), true));
        let revision = stores[store].apply(vec![insert]).await.unwrap().to_string();
        let notification = unblocked("a notification", listener.recv()).await.unwrap();
        assert_eq!((notification.channel(), notification.payload()), (channel, revision.as_str()));
    }
}

#[tokio::test]
async fn postgres_schema_has_no_two_novis_that_would_drop_each_others_triggers() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    for (first, second) in [("", "novi_"), ("novi_", ""), ("acme_", "acme_novi_")] {
        let database = database(Kind::Postgres).await;
        migrated(&database, first).await;
        let store = opened(&database, second).await;
        for error in [store.migrate().await.unwrap_err(), store.migration_script().await.unwrap_err()] {
            let expected = format!("has the table \"{first}novi_migrations\" of another novi");
            assert!(error.to_string().contains(&expected), "{error}");
        }
        assert!(opened(&database, first).await.migrate().await.is_ok());
    }
}

#[tokio::test]
async fn invalid_prefixes_are_errors() {
    let database = database(Kind::Sqlite).await;
    for bad in ["Acme_", "1_", "acme-", "a'b", "abcdefghijklmnopqrstu"] {
        let error = store::create(&url(&database, bad)).await.map(|store| store.name()).unwrap_err();
        assert!(matches!(error, Error::DatabaseUrl { .. }), "{bad}: {error:?}");
        let store = SqliteStore::create(&database.url).await.unwrap();
        let errors = [
            store.with_table_prefix(bad).map(drop).unwrap_err(),
            Flags::from_rows(Rows::default()).unwrap().writer().table_prefix(bad).map(drop).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::Config { .. }), "{bad}: {error:?}");
            assert!(error.to_string().contains("at most 20 lower-case letters"), "{bad}: {error}");
        }
    }
    let store = SqliteStore::create(&url(&database, "acme_")).await.unwrap();
    let pool = SqliteStore::from_pool(store.pool().clone()).with_table_prefix("acme_").unwrap();
    assert_eq!(store::ReadStore::name(&store), store::ReadStore::name(&pool));
}

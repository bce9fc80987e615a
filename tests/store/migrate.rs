//! Migrations: of empty databases, repeated, concurrent, over tables of Python novi; and their triggers.

use std::sync::Arc;

use novi::{
    rows::LinkRow,
    store::{self, Migrated, MySqlStore, PostgresStore, SchemaStore, SqliteStore},
};
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::common::databases::{Kind, Raw, TestDatabase, database, databases, kinds};

const ALL: [&str; 3] =
    ["migration 1 (tables)", "migration 2 (evaluations by hour)", "migration 3 (assignments)"];

async fn opened(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    store::create(&database.url).await.unwrap()
}

pub(super) async fn migrated(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = opened(database).await;
    store.migrate().await.unwrap();
    store
}

#[tokio::test]
async fn empty_database_gets_all_tables_once() {
    for database in databases().await {
        let store = opened(&database).await;
        let first = store.migrate().await.unwrap();
        let mut expected = Migrated::default();
        expected.applied = ALL.map(str::to_owned).into();
        assert_eq!(first, expected, "{:?}", database.kind);
        assert_eq!(store.migrate().await.unwrap(), Migrated::default(), "{:?}", database.kind);
    }
}

#[tokio::test]
async fn new_sqlite_files_use_wal_mode_and_old_ones_are_left() {
    let database = database(Kind::Sqlite).await;
    let store = opened(&database).await;
    store.migrate().await.unwrap();
    let mut raw = Raw::connect(&database).await;
    assert_eq!(raw.texts("pragma journal_mode").await, ["wal"]);
    drop((store, raw));
    let old = python_database().await;
    migrated(&old).await;
    assert_eq!(Raw::connect(&old).await.texts("pragma journal_mode").await, ["delete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_migrate_at_once() {
    for database in databases().await {
        let starts: Vec<_> = (0..20)
            .map(|_| {
                let url = database.url.clone();
                // One pool each, as in processes.
                tokio::spawn(async move { store::create(&url).await?.migrate().await })
            })
            .collect();
        let mut applied = 0;
        for start in starts {
            applied += start.await.unwrap().unwrap().applied.len();
        }
        assert_eq!(applied, ALL.len(), "{:?}: each migration runs once", database.kind);
        assert!(opened(&database).await.load().await.unwrap().flags.is_empty());
    }
}

/// A database of Python novi 0.4.2.
async fn python_database() -> TestDatabase {
    let database = database(Kind::Sqlite).await;
    let file = database.url.strip_prefix("sqlite://").unwrap();
    std::fs::write(file, include_bytes!("../fixtures/novi-0.4.2.db")).unwrap();
    database
}

/// The tables as SQLAlchemy creates them on a server.
const PYTHON_POSTGRES: &str = "
    create table activations (id serial not null, name varchar not null, class_name varchar not null,
      config varchar not null, primary key (id));
    create table flags (id serial not null, name varchar(30) not null, status boolean not null, primary key (id),
      unique (name));
    create table flags_activations (flag_id integer, activation_id integer,
      foreign key (flag_id) references flags (id), foreign key (activation_id) references activations (id));";
const PYTHON_MYSQL: &str = "
    create table activations (id integer not null auto_increment, name varchar(100) not null,
      class_name varchar(200) not null, config varchar(500) not null, primary key (id)) character set latin1;
    create table flags (id integer not null auto_increment, name varchar(30) not null, status bool not null,
      primary key (id), unique (name)) character set utf8mb4 collate utf8mb4_general_ci;
    create table flags_activations (flag_id integer, activation_id integer,
      foreign key (flag_id) references flags (id), foreign key (activation_id) references activations (id));";

#[tokio::test]
async fn tables_of_python_novi_are_adopted_in_place() {
    let mut all = vec![python_database().await];
    for kind in kinds().into_iter().filter(|&kind| kind != Kind::Sqlite) {
        let database = database(kind).await;
        let mut raw = Raw::connect(&database).await;
        raw.run(if kind == Kind::Postgres { PYTHON_POSTGRES } else { PYTHON_MYSQL }).await.unwrap();
        let seed = include_str!("../../seeds/demo-python.sql").replace("Date and Random", "Date");
        raw.run(&seed.replace("(1, 2), ", "")).await.unwrap();
        all.push(database);
    }
    for database in all {
        let kind = database.kind;
        let mut raw = Raw::connect(&database).await;
        // Pairs that exist three times, and rows without a target.
        raw.run(
            "insert into flags_activations values (2, 2), (2, 2), (null, 1), (null, 1);
             insert into flags values (7, 'Nobody asks', true)",
        )
        .await
        .unwrap();
        let migrated = opened(&database).await.migrate().await.unwrap();
        assert!(migrated.adopted, "{kind:?}");
        assert_eq!(migrated.without_activations, ["Nobody asks"], "{kind:?}");

        let store = opened(&database).await;
        let rows = store.load().await.unwrap();
        let names: Vec<_> = rows.flags.iter().map(|row| (row.id, row.name.as_str(), row.status)).collect();
        let expected = [
            (1, "Date Activated Feature", true),
            (2, "Random Variant Feature", true),
            (3, "Combo AND", true),
            (4, "Combo OR", true),
            (7, "Nobody asks", true),
        ];
        assert_eq!(names, expected, "{kind:?}");
        assert!(
            rows.flags.iter().all(|row| row.faults.is_empty() && row.metadata.row_version == 1),
            "{kind:?}"
        );
        assert_eq!(rows.activations.len(), 4);
        assert!(rows.activations[0].config.as_ref().unwrap().contains("%m/%d/%Y %I:%M %p"));
        let pairs = rows.links.iter().filter(|link| link.flag_id.is_some());
        let expected = [(1, 1), (2, 2), (3, 3), (4, 4)].map(|(f, a)| LinkRow::new(f, a));
        assert_eq!(pairs.copied().collect::<Vec<_>>(), expected, "{kind:?}: a pair is kept once");
        assert_eq!(rows.links.len(), 6, "{kind:?}: rows that are no pairs are kept");

        adopted_tables_behave_as_new_ones(&database, &store).await;
    }
}

async fn adopted_tables_behave_as_new_ones(database: &TestDatabase, store: &Arc<dyn SchemaStore>) {
    let kind = database.kind;
    let mut raw = Raw::connect(database).await;
    let long = "é".repeat(200);
    let on = if kind == Kind::Postgres { "true" } else { "1" };
    raw.run(&format!(
        "insert into activations values (20, '{long}', 'x', '[]');
         insert into flags values (20, '{long}', {on}), (21, 'COMBO and', {on});
         insert into flags_activations values (20, 20)"
    ))
    .await
    .unwrap();
    // A plain insert after explicit ids.
    raw.run("insert into flags (name, status) values ('next', false)").await.unwrap();
    assert!(
        raw.run("insert into flags_activations values (20, 20)").await.is_err(),
        "{kind:?}: pairs are unique"
    );
    assert!(
        raw.run("delete from activations where id = 20").await.is_err(),
        "{kind:?}: an activation in use stays"
    );
    raw.run("delete from flags where id = 20").await.unwrap();
    let rows = store.load().await.unwrap();
    assert!(rows.links.iter().all(|link| link.flag_id != Some(20)), "{kind:?}: a flag takes its links along");
    assert!(rows.flags.iter().any(|row| row.name == "next" && row.id > 21), "{kind:?}");
    let metadata = raw.texts("select fail_mode from flag_metadata where flag_id in (20, 21)").await;
    assert_eq!(metadata, ["off"], "{kind:?}: metadata comes and goes with its flag");
}

#[tokio::test]
async fn migrations_of_the_service_are_left_alone() {
    let own = || {
        Migrator::with_migrations(vec![Migration::new(
            1,
            "own".into(),
            MigrationType::Simple,
            sqlx::SqlStr::from_static("create table own (id integer)"),
            false,
        )])
    };
    for database in databases().await {
        let url = &database.url;
        match database.kind {
            Kind::Sqlite => {
                let store = SqliteStore::create(url).await.unwrap();
                own().run(store.pool()).await.unwrap();
                store.migrate().await.unwrap();
                own().run(store.pool()).await.unwrap();
            }
            Kind::Postgres => {
                let store = PostgresStore::connect(url).unwrap();
                own().run(store.pool()).await.unwrap();
                store.migrate().await.unwrap();
                own().run(store.pool()).await.unwrap();
            }
            Kind::MySql => {
                let store = MySqlStore::connect(url).unwrap();
                own().run(store.pool()).await.unwrap();
                store.migrate().await.unwrap();
                own().run(store.pool()).await.unwrap();
            }
        }
        let mut raw = Raw::connect(&database).await;
        assert_eq!(raw.texts("select description from _sqlx_migrations").await, ["own"]);
        assert_eq!(
            raw.texts("select description from novi_migrations order by version").await.len(),
            ALL.len()
        );
    }
}

#[tokio::test]
async fn newer_and_foreign_schemas_are_rejected() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run("update novi_migrations set version = 99 where version = 3").await.unwrap();
        let error = store.migrate().await.unwrap_err().to_string();
        let expected = format!(
            "could not migrate ({}): the database has migration 99, which novi {} does not know: use a newer novi",
            store.name(),
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(error, expected);
        raw.run("update novi_migrations set version = 3 where version = 99").await.unwrap();
        raw.run("update novi_migrations set checksum = 'other' where version = 1").await.unwrap();
        let error = store.migrate().await.unwrap_err().to_string();
        assert!(error.contains("migration 1 of this database is not the one"), "{error}");
    }
}

#[tokio::test]
async fn mysql_migration_resumes_after_its_process_died() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let database = database(Kind::MySql).await;
    let store = migrated(&database).await;
    store.run_script(include_str!("../../seeds/demo.sql")).await.unwrap();
    let mut raw = Raw::connect(&database).await;
    for name in ALL {
        let version = name.split(' ').nth(1).unwrap();
        let before = store.load().await.unwrap();
        raw.run(&format!("update novi_migrations set success = false where version = {version}"))
            .await
            .unwrap();
        let again = store.migrate().await.unwrap();
        assert_eq!(again.applied, [name]);
        assert!(!again.adopted);
        assert_eq!(
            store.load().await.unwrap(),
            before,
            "nothing is lost by running migration {version} again"
        );
    }
}

#[tokio::test]
async fn tables_of_something_else_are_refused_and_left_alone() {
    for database in databases().await {
        let kind = database.kind;
        // Creates the file of SQLite.
        opened(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run("create table flags (id varchar(36) primary key, country varchar(2))").await.unwrap();
        let error = opened(&database).await.migrate().await.unwrap_err().to_string();
        assert!(error.contains("the table \"flags\" exists and is not one of novi"), "{kind:?}: {error}");
        assert!(error.contains("expected integers in column \"id\""), "{kind:?}: {error}");
        raw.run("drop table flags; create table activations (id integer primary key, user_id integer, name varchar(20))")
            .await
            .unwrap();
        let error = opened(&database).await.migrate().await.unwrap_err().to_string();
        assert!(
            error.contains("\"activations\"") && error.contains("it has no column \"class_name\""),
            "{kind:?}: {error}"
        );
        let tables = match kind {
            Kind::Sqlite => "select name from sqlite_master",
            Kind::Postgres => {
                "select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r'"
            }
            Kind::MySql => {
                "select cast(table_name as char) from information_schema.tables where table_schema = database()"
            }
        };
        assert_eq!(raw.texts(tables).await, ["activations"], "{kind:?}");
    }
}

#[tokio::test]
async fn views_with_names_of_tables_are_refused_and_left_alone() {
    for database in databases().await {
        let kind = database.kind;
        opened(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run(
            "create table other (id bigint, name varchar(255), status boolean);
             create view flags as select id, name, status from other; create view novi_tokens as select id from other",
        )
        .await
        .unwrap();
        let store = opened(&database).await;
        for error in [store.migrate().await.unwrap_err(), store.migration_script().await.unwrap_err()] {
            let error = error.to_string();
            for view in ["flags", "novi_tokens"] {
                let expected = format!("{view:?} is a view, and novi needs a table of this name");
                assert!(error.contains(&expected), "{kind:?}: {error}");
            }
            assert!(error.contains("Nothing was changed"), "{kind:?}: {error}");
        }
        raw.run("drop view flags; drop view novi_tokens").await.unwrap();
        assert_eq!(store.migrate().await.unwrap().applied, ALL, "{kind:?}");
    }
}

#[tokio::test]
async fn tables_and_columns_have_comments() {
    for database in databases().await {
        migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        let sql = match database.kind {
            Kind::Sqlite => continue,
            Kind::Postgres => "select col_description('flag_metadata'::regclass, 2)",
            Kind::MySql => {
                "select cast(column_comment as char) from information_schema.columns \
                 where table_schema = database() and table_name = 'flag_metadata' and column_name = 'description'"
            }
        };
        assert_eq!(raw.texts(sql).await, ["What the flag is for"], "{:?}", database.kind);
        if database.kind == Kind::MySql {
            let flags = "select cast(column_comment as char) from information_schema.columns \
                where table_schema = database() and table_name = 'flags' and column_name = 'name'";
            assert_eq!(raw.texts(flags).await, ["What code calls the flag; unique, at most 255 characters"]);
        }
    }
}

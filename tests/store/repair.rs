//! Tables, triggers and functions that are missing or disabled: reported, followed in spite of it, and repaired.

use std::{path::Path, process::Command, sync::Arc};

use novi::{
    Context, Error, Flags,
    store::{
        self, Change, Migrated, NewToken, PostgresStore, ReadStore as _, SchemaStore, Usage,
        token::{Role, Secret},
    },
};

use sqlx::postgres::PgPoolOptions;

use crate::common::{
    databases::{Kind, Raw, TestDatabase, database, databases, kinds},
    log,
};

async fn migrated(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store
}

/// As the batch mode of Alembic rebuilds a table of SQLite; as a dump without triggers restores one of MySQL.
fn loses_triggers(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "pragma foreign_keys = off; begin;
             create table _alembic_tmp_flags (id integer primary key, name varchar(255) not null unique,
               status boolean not null);
             insert into _alembic_tmp_flags select id, name, status from flags;
             drop table flags; alter table _alembic_tmp_flags rename to flags; commit"
        }
        Kind::Postgres => "alter table flags disable trigger user",
        Kind::MySql => "drop trigger novi_flags_update; drop trigger novi_flag_changed",
    }
}

#[tokio::test]
async fn missing_triggers_are_reported_followed_and_repaired() {
    for database in databases().await {
        let kind = database.kind;
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
        let flags = Flags::connect(&database.url).await.unwrap();
        assert!(flags.status().schema_problems.is_empty(), "{kind:?}");
        let is_on = || flags.is_enabled("a", &Context::new());

        raw.run(loses_triggers(kind)).await.unwrap();
        raw.run("update flags set status = false").await.unwrap();
        flags.sweep().await.unwrap();
        assert!(!is_on(), "{kind:?}");
        let problems = flags.status().schema_problems;
        let expected = if kind == Kind::Postgres {
            "the trigger novi_flags_record of flags is disabled"
        } else {
            "the trigger novi_flags_update of flags is missing"
        };
        assert!(problems.iter().any(|problem| problem == expected), "{kind:?}: {problems:?}");
        assert_eq!(store.schema_state().await.unwrap().problems, problems, "{kind:?}");
        raw.run("update flags set status = true").await.unwrap();
        flags.sweep().await.unwrap();
        assert!(is_on(), "{kind:?}");

        let before = store.revision().await.unwrap();
        let repaired = store.migrate().await.unwrap();
        assert!(repaired.applied.is_empty() && repaired.problems.is_empty(), "{kind:?}: {repaired:?}");
        assert!(repaired.repaired.iter().any(|problem| problem == expected), "{kind:?}: {repaired:?}");
        assert_ne!(store.revision().await.unwrap(), before, "{kind:?}: readers read all rows");
        flags.sweep().await.unwrap();
        assert!(flags.status().schema_problems.is_empty(), "{kind:?}");
        raw.run("update flags set status = false").await.unwrap();
        flags.refresh().await.unwrap();
        assert!(!is_on(), "{kind:?}");
        assert_eq!(store.migrate().await.unwrap(), Migrated::default(), "{kind:?}");
    }
}

/// Another table in the place of `flags`, as tools change a schema without locking it.
fn swaps_table(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "pragma foreign_keys = off; pragma legacy_alter_table = on; alter table flags rename to flags_old;
             create table flags (id integer primary key, name varchar(255) not null unique, status boolean not null);
             insert into flags select id, name, status from flags_old"
        }
        Kind::Postgres => {
            "alter table flags rename to flags_old; create table flags (like flags_old including all);
             insert into flags select * from flags_old"
        }
        Kind::MySql => {
            "create table flags_new like flags; insert into flags_new select * from flags;
             rename table flags to flags_old, flags_new to flags"
        }
    }
}

#[tokio::test]
async fn tables_without_what_triggers_need_are_reported_and_followed() {
    for (is_swapped, expected) in [
        (true, " is a trigger of flags_old instead"),
        (false, "the table novi_revision lacks rows, which triggers update"),
    ] {
        for database in databases().await {
            let kind = database.kind;
            let store = migrated(&database).await;
            let mut raw = Raw::connect(&database).await;
            raw.run("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
            let flags = Flags::connect(&database.url).await.unwrap();
            let is_on = || flags.is_enabled("a", &Context::new());
            raw.run(if is_swapped { swaps_table(kind) } else { "delete from novi_revision" }).await.unwrap();
            // PostgreSQL's triggers refuse a change that they cannot count.
            let refuses = kind == Kind::Postgres && !is_swapped;
            assert_eq!(raw.run("update flags set status = false").await.is_err(), refuses, "{kind:?}");
            flags.sweep().await.unwrap();
            assert_eq!(is_on(), refuses, "{kind:?} {is_swapped}");
            let problems = flags.status().schema_problems;
            assert!(problems.iter().any(|problem| problem.ends_with(expected)), "{kind:?}: {problems:?}");
            if is_swapped {
                continue;
            }
            let repaired = store.migrate().await.unwrap();
            assert!(repaired.problems.is_empty(), "{kind:?}: {repaired:?}");
            flags.sweep().await.unwrap();
            assert!(flags.status().schema_problems.is_empty(), "{kind:?}");
            raw.run("update flags set status = true").await.unwrap();
            flags.refresh().await.unwrap();
            assert!(is_on(), "{kind:?}");
            raw.run("update flags set status = false").await.unwrap();
            flags.refresh().await.unwrap();
            assert!(!is_on(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn dropped_tables_are_made_again() {
    const TABLES: [&str; 6] = [
        "flags_activations",
        "flag_metadata",
        "activation_members",
        "novi_revision",
        "flag_history",
        "novi_tokens",
    ];
    for database in databases().await {
        let kind = database.kind;
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
        for table in TABLES {
            let drop = match kind {
                Kind::Sqlite => format!("pragma foreign_keys = off; drop table {table}"),
                Kind::Postgres => format!("drop table {table} cascade"),
                Kind::MySql => {
                    format!("set foreign_key_checks = 0; drop table {table}; set foreign_key_checks = 1")
                }
            };
            raw.run(&drop).await.unwrap();
            let problem = format!("the table {table} is missing");
            let state = store.schema_state().await.unwrap();
            assert!(state.problems.contains(&problem), "{kind:?} {table}: {state:?}");
            let migrated = store.migrate().await.unwrap();
            assert!(migrated.repaired.contains(&problem), "{kind:?} {table}: {migrated:?}");
            assert!(migrated.problems.is_empty(), "{kind:?} {table}: {migrated:?}");
            let before = store.revision().await.unwrap();
            // Triggers of a connection that has seen the table go do not find the new one on SQLite.
            raw = Raw::connect(&database).await;
            raw.run("update flags set status = not status").await.unwrap();
            assert_ne!(store.revision().await.unwrap(), before, "{kind:?} {table}");
            assert_eq!(store.load().await.unwrap().flags.len(), 1, "{kind:?} {table}");
        }
    }
}

#[tokio::test]
async fn columns_that_are_missing_are_reported() {
    for database in databases().await {
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run("alter table novi_usage drop column last_off").await.unwrap();
        let problem = "the column last_off of novi_usage is missing";
        let state = store.schema_state().await.unwrap();
        assert!(state.problems.iter().any(|found| found == problem), "{state:?}");
        for error in [store.migrate().await.unwrap_err(), store.baseline().await.unwrap_err()] {
            assert!(error.to_string().contains(problem), "{:?}: {error}", database.kind);
        }
        raw.run("drop table novi_usage").await.unwrap();
        assert!(store.migrate().await.unwrap().problems.is_empty(), "{:?}", database.kind);
    }
}

#[tokio::test]
async fn mysql_triggers_of_a_user_that_is_gone_are_made_again() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let database = database(Kind::MySql).await;
    let mut raw = Raw::connect(&database).await;
    let name = database.url.rsplit('/').next().unwrap();
    let [gone, next] = ["g", "n"].map(|prefix| format!("{prefix}{}", &name[name.len() - 8..]));
    for user in [&gone, &next] {
        raw.run(&format!(
            "create user {user}@'127.0.0.1' identified by 'x'; grant all on {name}.* to {user}@'127.0.0.1'"
        ))
        .await
        .unwrap();
    }
    let host = database.url.split('@').nth(1).unwrap();
    let as_user = |user: &str| format!("mysql://{user}:x@{host}");
    store::create(&as_user(&gone)).await.unwrap().migrate().await.unwrap();
    raw.run("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
    raw.run(&format!("drop user {gone}@'127.0.0.1'")).await.unwrap();
    raw.run("update flags set status = false").await.unwrap_err();
    let admin = store::create(&database.url).await.unwrap();
    let problem = "the triggers run as a database user that does not exist, so changes of rows fail";
    assert_eq!(admin.schema_state().await.unwrap().problems, [problem]);
    // One who may not read which users there are.
    let repaired = store::create(&as_user(&next)).await.unwrap().migrate().await.unwrap().repaired;
    assert!(!repaired.is_empty());
    assert!(admin.schema_state().await.unwrap().problems.is_empty());
    raw.run("update flags set status = false").await.unwrap();
    raw.run(&format!("drop user {next}@'127.0.0.1'")).await.unwrap();
}

#[tokio::test]
async fn mysql_triggers_of_a_user_that_has_lost_its_rights_are_made_again() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let problem = "the triggers run as a database user that has lost its rights, so changes of rows fail";
    for lost in ["all privileges", "update"] {
        let database = database(Kind::MySql).await;
        let mut raw = Raw::connect(&database).await;
        let name = database.url.rsplit('/').next().unwrap();
        let user = format!("r{}@'127.0.0.1'", &name[name.len() - 8..]);
        let host = database.url.split('@').nth(1).unwrap();
        raw.run(&format!("create user {user} identified by 'x'; grant all on {name}.* to {user}"))
            .await
            .unwrap();
        let url = format!("mysql://{}:x@{host}", user.split('@').next().unwrap());
        store::create(&url).await.unwrap().migrate().await.unwrap();
        let admin = store::create(&database.url).await.unwrap();
        assert_eq!(admin.schema_state().await.unwrap().problems, [""; 0]);
        raw.run(&format!("revoke {lost} on {name}.* from {user}")).await.unwrap();
        assert_eq!(admin.schema_state().await.unwrap().problems, [problem], "{lost}");
        raw.run("insert into flags (name, status) values ('a', true)").await.unwrap_err();
        assert_eq!(admin.migrate().await.unwrap().repaired, [problem], "{lost}");
        raw.run("insert into flags (name, status) values ('a', true)").await.unwrap();
        raw.run(&format!("drop user {user}")).await.unwrap();
    }
}

#[tokio::test]
async fn mysql_migrations_do_not_wait_for_long_transactions() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let database = database(Kind::MySql).await;
    let store = migrated(&database).await;
    let mut writer = Raw::connect(&database).await;
    // All counters.
    writer.run("start transaction; update novi_revision set revision = revision + 1").await.unwrap();
    let start = std::time::Instant::now();
    assert_eq!(store.migrate().await.unwrap(), Migrated::default());
    assert_eq!(store.schema_state().await.unwrap().problems, [""; 0]);
    assert!(start.elapsed().as_secs() < 20, "the server's own limit is 50 s");
}

/// A role that reads the tables of a database as a server does, and its URL.
async fn reader(database: &TestDatabase, raw: &mut Raw) -> (String, String) {
    let schema = database.url.rsplit("%3D").next().unwrap();
    let role = format!("reader_{schema}");
    raw.run(&format!(
        "create role {role} login; grant usage on schema {schema} to {role};
         grant select on all tables in schema {schema} to {role}"
    ))
    .await
    .unwrap();
    (role.clone(), database.url.replace("//novi@", &format!("//{role}@")))
}

#[tokio::test]
async fn postgres_row_level_security_that_hides_rows_is_reported() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    migrated(&database).await;
    let mut raw = Raw::connect(&database).await;
    raw.run("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
    let (role, url) = reader(&database, &mut raw).await;
    let flags = Flags::connect(&url).await.unwrap();
    assert!(flags.status().schema_problems.is_empty(), "{:?}", flags.status());
    raw.run("alter table flags enable row level security").await.unwrap();
    let (log, guard) = log::start();
    flags.sweep().await.unwrap();
    drop(guard);
    let lines = log.lines_with("row-level security hides rows of flags");
    assert!(lines.len() == 1 && !lines[0].contains("novi migrate"), "{}", log.text());
    let obstacle = "row-level security hides rows of flags from this user: disable it, or grant BYPASSRLS or a policy \
                    for all rows";
    assert_eq!(flags.status().schema_problems, [obstacle]);
    let reader = store::connect(&url).await.unwrap();
    let state = reader.schema_state().await.unwrap();
    assert_eq!((state.problems.len(), state.obstacles), (0, vec![obstacle.to_owned()]));
    // The owner sees all rows, and has nothing to repair.
    let owner = store::connect(&database.url).await.unwrap();
    assert_eq!(owner.schema_state().await.unwrap().obstacles, [""; 0]);
    assert_eq!(owner.migrate().await.unwrap(), Migrated::default());
    raw.run("alter table flags disable row level security").await.unwrap();
    flags.sweep().await.unwrap();
    assert!(flags.status().schema_problems.is_empty());
    drop((flags, reader));
    raw.run(&format!("drop owned by {role}; drop role {role}")).await.unwrap();
}

#[tokio::test]
async fn postgres_search_path_that_differs_for_new_connections_is_reported() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    migrated(&database).await;
    let mut raw = Raw::connect(&database).await;
    let (role, url) = reader(&database, &mut raw).await;
    let schema = role.strip_prefix("reader_").unwrap();
    let url = url.split('?').next().unwrap();
    raw.run(&format!("alter role {role} set search_path = {schema}")).await.unwrap();
    // The only connection, which was made before.
    let pool = PgPoolOptions::new().max_connections(1).connect(url).await.unwrap();
    let store = PostgresStore::from_pool(pool.clone());
    let problems = async || {
        let mut session = store.session().await.unwrap().unwrap();
        let problems = session.fingerprint().await.unwrap().unwrap().problems;
        session.end().await.unwrap();
        problems
    };
    assert_eq!(problems().await, [""; 0]);
    raw.run(&format!("alter role {role} in database postgres set search_path = elsewhere")).await.unwrap();
    let expected = format!(
        "new connections have the search_path \"elsewhere\", and this one has \"{schema}\": restart, or set `schema` in \
         the section [database]"
    );
    assert_eq!(problems().await, [expected]);
    // They find no tables.
    let error = store::connect(url).await.unwrap().load().await.unwrap_err().to_string();
    assert!(error.contains("(in the schemas of the search_path) has no novi tables"), "{error}");
    raw.run(&format!("alter role {role} in database postgres reset search_path")).await.unwrap();
    assert_eq!(problems().await, [""; 0]);
    pool.close().await;
    raw.run(&format!("drop owned by {role}; drop role {role}")).await.unwrap();
}

#[tokio::test]
async fn postgres_sequences_behind_their_rows_are_repaired() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    let store = migrated(&database).await;
    let mut raw = Raw::connect(&database).await;
    raw.run("insert into flags (id, name, status) values (1, 'a', true); update flags set status = false")
        .await
        .unwrap();
    raw.run("alter table flag_history alter column id restart with 1").await.unwrap();
    let problem = "the sequence of flag_history.id is behind the rows, so inserts fail";
    assert_eq!(store.schema_state().await.unwrap().problems, [problem]);
    // A running server reports it as well, and each change that fails.
    let flags = Flags::connect(&database.url).await.unwrap();
    assert_eq!(flags.status().schema_problems, [problem]);
    let on = Change::SetStatus { flag: "a".to_owned(), status: true };
    let errors = [
        store.apply(vec![on.clone()]).await.unwrap_err(),
        store.run_script("update flags set status = true").await.unwrap_err(),
    ];
    for error in errors {
        let expected = format!("{problem}; run `novi migrate` to repair the tables");
        assert!(error.to_string().contains(&expected), "{error}");
        assert!(matches!(error, Error::DamagedTables { .. }), "{error:?}");
    }
    assert_eq!(store.migrate().await.unwrap().repaired, [problem]);
    store.apply(vec![on]).await.unwrap();
    flags.sweep().await.unwrap();
    assert!(flags.status().schema_problems.is_empty());
}

#[tokio::test]
async fn postgres_sequence_of_tokens_behind_its_rows_is_no_duplicate_name() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    let store = migrated(&database).await;
    let tokens = store.token_store().unwrap();
    let token = |name: &str| NewToken::of(&Secret::generate(Role::Client).unwrap()).name(name);
    tokens.create_token(token("one")).await.unwrap();
    Raw::connect(&database)
        .await
        .run("alter table novi_tokens alter column id restart with 1")
        .await
        .unwrap();
    let error = tokens.create_token(token("two")).await.unwrap_err();
    assert!(matches!(error, Error::DamagedTables { .. }), "{error:?}");
    store.migrate().await.unwrap();
    tokens.create_token(token("two")).await.unwrap();
}

/// Runs a script with the database's own client.
pub(crate) fn run_with_client(database: &TestDatabase, script: &Path) {
    let url = database.url.as_str();
    let mut command = match database.kind {
        Kind::Sqlite => {
            let mut command = Command::new("sqlite3");
            command.args(["-bail", url.strip_prefix("sqlite://").unwrap()]);
            command
        }
        Kind::Postgres => {
            let mut command = Command::new("psql");
            command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", url]);
            command
        }
        Kind::MySql => {
            // mysql://user:password@host:port/database
            let (user, rest) = url.strip_prefix("mysql://").unwrap().split_once('@').unwrap();
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            let (host, database) = rest.split_once('/').unwrap();
            let (host, port) = host.split_once(':').unwrap();
            let mut command = Command::new("mariadb");
            command.args(["-h", host, "-P", port, "-u", user, &format!("-p{password}"), database]);
            command
        }
    };
    let output = command.stdin(std::fs::File::open(script).unwrap()).output().unwrap();
    assert!(output.status.success(), "{:?}: {}", database.kind, String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn clients_run_the_script_instead_of_novi() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("novi.sql");
    for database in databases().await {
        let kind = database.kind;
        let store = store::create(&database.url).await.unwrap();
        std::fs::write(&file, store.migration_script().await.unwrap()).unwrap();
        assert_eq!(
            store.schema_state().await.unwrap().pending.len(),
            3,
            "{kind:?}: printing changes nothing"
        );
        run_with_client(&database, &file);
        let state = store.schema_state().await.unwrap();
        assert_eq!((state.applied.len(), state.pending.len()), (3, 0), "{kind:?}");
        assert!(state.problems.is_empty(), "{kind:?}: {state:?}");
        assert_eq!(store.migrate().await.unwrap(), Migrated::default(), "{kind:?}");
        assert_eq!(store.migration_script().await.unwrap(), "", "{kind:?}");
        // A repair, too.
        Raw::connect(&database).await.run(loses_triggers(kind)).await.unwrap();
        std::fs::write(&file, store.migration_script().await.unwrap()).unwrap();
        run_with_client(&database, &file);
        assert!(store.schema_state().await.unwrap().problems.is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn tables_made_by_hand_are_recorded_if_they_are_complete() {
    for database in databases().await {
        let kind = database.kind;
        let script = match kind {
            Kind::Sqlite => concat!(
                include_str!("../../migrations/sqlite/0001_novi.sql"),
                include_str!("../../migrations/sqlite/0002_evaluations.sql"),
                include_str!("../../migrations/sqlite/0003_assignments.sql")
            ),
            Kind::Postgres => concat!(
                include_str!("../../migrations/postgres/0001_novi.sql"),
                include_str!("../../migrations/postgres/0002_evaluations.sql"),
                include_str!("../../migrations/postgres/0003_assignments.sql")
            ),
            Kind::MySql => concat!(
                include_str!("../../migrations/mysql/0001_novi.sql"),
                include_str!("../../migrations/mysql/0002_evaluations.sql"),
                include_str!("../../migrations/mysql/0003_assignments.sql")
            ),
        };
        let store = store::create(&database.url).await.unwrap();
        let error = store.baseline().await.unwrap_err().to_string();
        assert!(error.contains("the table flags is missing"), "{kind:?}: {error}");
        let mut raw = Raw::connect(&database).await;
        raw.run(script).await.unwrap();
        raw.run(loses_triggers(kind)).await.unwrap();
        let error = store.baseline().await.unwrap_err().to_string();
        assert!(error.contains("the trigger novi_flags_"), "{kind:?}: {error}");
        raw.run(script).await.unwrap();
        assert_eq!(
            store.baseline().await.unwrap().applied,
            ["migration 1 (tables)", "migration 2 (evaluations by hour)", "migration 3 (assignments)"],
            "{kind:?}"
        );
        assert_eq!(store.migrate().await.unwrap(), Migrated::default(), "{kind:?}");
        assert_eq!(store.baseline().await.unwrap().applied.len(), 3, "{kind:?}: again is no error");
    }
}

#[tokio::test]
async fn databases_of_a_newer_novi_are_read_but_not_written() {
    for database in databases().await {
        let kind = database.kind;
        let store = migrated(&database).await;
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
        raw.run("update novi_migrations set version = 99 where version = 3").await.unwrap();
        let before = store.load().await.unwrap();
        let usage = Usage { flag: "a".to_owned(), on: 1, off: 0 };
        let tokens = store.token_store().unwrap();
        let off = Change::SetStatus { flag: "a".to_owned(), status: false };
        let errors = [
            store.apply(vec![off.clone()]).await.unwrap_err(),
            store.run_script("update flags set status = false").await.unwrap_err(),
            store.usage_store().unwrap().record_usage(vec![usage]).await.unwrap_err(),
            tokens.create_token(NewToken::of(&Secret::generate(Role::Admin).unwrap())).await.unwrap_err(),
            tokens.revoke_token("t").await.unwrap_err(),
            store.migrate().await.unwrap_err(),
            store.baseline().await.unwrap_err(),
            store.migration_script().await.unwrap_err(),
        ];
        for error in errors {
            let error = error.to_string();
            assert!(error.contains("the database has migration 99, which novi "), "{kind:?}: {error}");
        }
        assert_eq!(store.load().await.unwrap(), before, "{kind:?}");
        assert_eq!(store.schema_state().await.unwrap().unknown, [99], "{kind:?}");
    }
}

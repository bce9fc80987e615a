//! Schemas, encodings, rights and constraints of the databases themselves.

use std::sync::Arc;

use novi::{
    Context, Error, Flags,
    rows::{ActivationRow, LinkRow},
    store::{
        self, Change, Edit, Migrated, NewToken, SchemaStore, TokenUse, Usage,
        history::AsOf,
        token::{Role, Secret},
    },
};
use sqlx::{Connection as _, PgConnection};

use crate::common::databases::{Kind, Raw, TestDatabase, database, databases, kinds};

async fn opened(url: &str) -> Arc<dyn SchemaStore> {
    store::create(url).await.unwrap()
}

/// A PostgreSQL database of the test, and the name of its schema.
async fn postgres() -> Option<(TestDatabase, String)> {
    if !kinds().contains(&Kind::Postgres) {
        return None;
    }
    let database = database(Kind::Postgres).await;
    let schema = database.url.rsplit("%3D").next().unwrap().to_owned();
    Some((database, schema))
}

fn in_schemas(database: &TestDatabase, path: &str) -> String {
    let (url, _) = database.url.rsplit_once("%3D").unwrap();
    format!("{url}%3D{path}")
}

#[tokio::test]
async fn postgres_schema_in_front_gets_no_second_set_of_tables() {
    let Some((database, schema)) = postgres().await else { return };
    opened(&database.url).await.migrate().await.unwrap();
    let mut raw = Raw::connect(&database).await;
    raw.run(&format!(
        "create schema {schema}_front; insert into flags (id, name, status) values (1, 'a', true)"
    ))
    .await
    .unwrap();
    let store = opened(&in_schemas(&database, &format!("{schema}_front,{schema}"))).await;
    assert_eq!(store.migrate().await.unwrap(), Migrated::default());
    assert_eq!(store.schema_state().await.unwrap().applied.len(), 3);
    assert_eq!(store.load().await.unwrap().flags.len(), 1);
    raw.run("alter table flags disable trigger novi_flags_record").await.unwrap();
    assert_eq!(store.migrate().await.unwrap().repaired.len(), 1);
    let tables =
        format!("select relname::text from pg_class where relnamespace = '{schema}_front'::regnamespace");
    assert!(raw.texts(&tables).await.is_empty());
    raw.run(&format!("drop schema {schema}_front")).await.unwrap();
}

#[tokio::test]
async fn postgres_schema_that_does_not_exist_is_created() {
    let Some((database, schema)) = postgres().await else { return };
    let store = opened(&in_schemas(&database, &format!("{schema}_new"))).await;
    assert_eq!(store.migrate().await.unwrap().applied.len(), 3);
    store.run_script("insert into flags (id, name, status) values (1, 'a', true)").await.unwrap();
    let mut raw = Raw::connect(&database).await;
    assert_eq!(raw.texts(&format!("select name from {schema}_new.flags")).await, ["a"]);
    raw.run(&format!("drop schema {schema}_new cascade")).await.unwrap();
}

#[tokio::test]
async fn postgres_schemas_can_be_renamed_and_copied() {
    let Some((database, schema)) = postgres().await else { return };
    opened(&database.url).await.migrate().await.unwrap();
    let mut raw = Raw::connect(&database).await;
    raw.run(&format!(
        "insert into flags (id, name, status) values (1, 'a', true); alter schema {schema} rename to {schema}_moved"
    ))
    .await
    .unwrap();
    let store = opened(&in_schemas(&database, &format!("{schema}_moved"))).await;
    let before = store.revision().await.unwrap();
    raw.run(&format!("set search_path = pg_catalog; update {schema}_moved.flags set status = false"))
        .await
        .unwrap();
    assert_ne!(store.revision().await.unwrap(), before);
    store.apply(vec![Change::SetStatus { flag: "a".to_owned(), status: true }]).await.unwrap();
    assert!(store.schema_state().await.unwrap().problems.is_empty());

    // As `pg_dump | sed | psql` copies it.
    let dump = std::process::Command::new("pg_dump")
        .args(["--no-owner", "--no-privileges", "-n", &format!("{schema}_moved"), &database.url])
        .output()
        .unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8(dump.stdout)
        .unwrap()
        .replace(&format!("{schema}_moved"), &format!("{schema}_copy"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.sql");
    std::fs::write(&file, dump).unwrap();
    let psql = std::process::Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "-f"])
        .args([file.as_os_str(), database.url.as_ref()])
        .output()
        .unwrap();
    assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
    let copy = opened(&in_schemas(&database, &format!("{schema}_copy"))).await;
    let (before, of_copy) = (store.revision().await.unwrap(), copy.revision().await.unwrap());
    copy.apply(vec![Change::SetStatus { flag: "a".to_owned(), status: false }]).await.unwrap();
    assert_eq!(store.revision().await.unwrap(), before, "the original is not touched");
    assert_ne!(copy.revision().await.unwrap(), of_copy);
    assert!(store.load().await.unwrap().flags[0].status && !copy.load().await.unwrap().flags[0].status);
    raw.run(&format!(
        "drop schema {schema}_copy cascade; alter schema {schema}_moved rename to {schema}; reset search_path"
    ))
    .await
    .unwrap();
}

/// The functions run as the owner of the tables: a user must not get them to run statements of the user.
#[tokio::test]
async fn postgres_functions_use_no_tables_of_a_caller() {
    let Some((database, schema)) = postgres().await else { return };
    opened(&database.url).await.migrate().await.unwrap();
    let mut raw = Raw::connect(&database).await;
    raw.run(&format!(
        "create schema {schema}_own; create table {schema}_own.flag_metadata (flag_id bigint primary key);
         create table {schema}_own.bait (id bigint);
         create trigger bait after insert on {schema}_own.bait for each row execute function {schema}.novi_flag_added();
         insert into flags (id, name, status) values (1, 'a', true); delete from flag_metadata;
         set search_path = {schema}_own; insert into bait values (1); reset search_path"
    ))
    .await
    .unwrap();
    assert_eq!(raw.texts("select flag_id::text from flag_metadata").await, ["1"]);
    assert!(raw.texts(&format!("select flag_id::text from {schema}_own.flag_metadata")).await.is_empty());
    raw.run(&format!("drop schema {schema}_own cascade")).await.unwrap();
}

#[tokio::test]
async fn adopted_columns_of_other_types_can_be_written() {
    let Some((database, _)) = postgres().await else { return };
    let mut raw = Raw::connect(&database).await;
    raw.run(
        "create table flags (id serial primary key, name varchar(30) unique, status smallint default 0);
         create table activations (id serial primary key, name varchar(30), class_name varchar(100), config jsonb default '{}');
         create table flags_activations (flag_id int, activation_id int);
         insert into flags (name, status) values ('a', 1), (' b', 0);
         insert into activations (name, class_name, config) values ('p', 'novi.percentage', '{\"percentage\": 50}')",
    )
    .await
    .unwrap();
    let store = opened(&database.url).await;
    assert!(store.migrate().await.unwrap().adopted);
    let before = store.load().await.unwrap();
    assert_eq!(before.activations[0].config.as_deref(), Some("{\"percentage\": 50}"));
    assert!(before.flags[0].status && !before.flags[1].status);
    // A name that new rows may not have does not hinder the kill switch.
    for flag in ["a", " b"] {
        for status in [true, false] {
            store.apply(vec![Change::SetStatus { flag: flag.to_owned(), status }]).await.unwrap();
        }
    }
    let mut row = before.activations[0].clone();
    row.config = Some("{\"percentage\": 60}".to_owned());
    store.apply(vec![Change::UpdateActivation(row)]).await.unwrap();
    assert_eq!(store.load().await.unwrap().activations[0].config.as_deref(), Some("{\"percentage\": 60}"));
    assert_eq!(store.migrate().await.unwrap(), Migrated::default());
}

#[tokio::test]
async fn new_tables_have_a_default_and_check_names_and_ids() {
    for database in databases().await {
        let kind = database.kind;
        let store = opened(&database.url).await;
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("insert into flags (id, name) values (1, 'a')").await.unwrap();
        assert!(!store.load().await.unwrap().flags[0].status, "{kind:?}");
        let long = "x".repeat(256);
        for name in ["", " lead", "trail ", &long] {
            let insert = format!("insert into flags (name, status) values ('{name}', true)");
            assert!(raw.run(&insert).await.is_err(), "{kind:?} {name:?}");
        }
        if kind != Kind::MySql {
            raw.run("insert into flags (id, name, status) values (0, 'zero', true)").await.unwrap_err();
            raw.run("insert into activations (id, name, class_name) values (-1, 'x', 'x')")
                .await
                .unwrap_err();
        }
        assert_eq!(store.load().await.unwrap().flags.len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn overview_has_each_flag_in_one_line() {
    for database in databases().await {
        let store = opened(&database.url).await;
        store.migrate().await.unwrap();
        let mut raw = Raw::connect(&database).await;
        if database.kind == Kind::Sqlite {
            // A view of the tables would hinder tools that rebuild them: the page has one for a connection.
            let page = include_str!("../../docs/schema.md");
            let (_, view) = page.split_once("```sql\nCREATE TEMP VIEW").unwrap();
            let (view, _) = view.split_once("```").unwrap();
            raw.run(&format!("create temp view{view}")).await.unwrap();
        }
        raw.run(
            "insert into flags (id, name, status) values (1, 'ruled', true), (2, 'plain', true), (3, 'off', false);
             insert into activations (id, name, class_name, config) values (1, 'a', 'novi.and', '[]'), (2, 'n', 'novi.never', null);
             insert into flags_activations values (1, 2), (1, 1), (3, 1);
             update flag_metadata set owner = 'ann' where flag_id = 1",
        )
        .await
        .unwrap();
        let lines = raw.texts("select rule from novi_overview order by flag").await;
        assert_eq!(lines, ["off", "on", "novi.and [] and novi.never"], "{:?}", database.kind);
        let owner = "select owner from novi_overview where flag = 'ruled' and status";
        assert_eq!(raw.texts(owner).await, ["ann"], "{:?}", database.kind);
    }
}

#[tokio::test]
async fn postgres_times_out_of_range_are_far_away() {
    let Some((database, _)) = postgres().await else { return };
    let store = opened(&database.url).await;
    store.migrate().await.unwrap();
    let mut raw = Raw::connect(&database).await;
    raw.run(
        "insert into flags (id, name, status) values (1, 'a', true), (2, 'b', true), (3, 'c', true), (4, 'd', true);
         set timezone = 'America/Los_Angeles';
         update flag_metadata set expires_at = '9999-12-31 23:59:59' where flag_id = 1;
         update flag_metadata set expires_at = 'infinity' where flag_id = 2;
         update flag_metadata set expires_at = '-infinity' where flag_id = 3",
    )
    .await
    .unwrap();
    let revision = store.revision().await.unwrap();
    raw.run("update flags set status = false").await.unwrap();
    for rows in [store.load().await.unwrap(), store.rows_at(AsOf::Revision(revision)).await.unwrap()] {
        assert!(rows.flags.iter().all(|row| row.faults.is_empty()), "{rows:?}");
        let years: Vec<_> =
            rows.flags.iter().map(|row| row.metadata.expires_at.map(|time| time.to_rfc3339())).collect();
        let years: Vec<_> = years.iter().map(|time| time.as_deref().map(|time| &time[..4])).collect();
        assert_eq!(years, [Some("9999"), Some("9999"), Some("0001"), None]);
    }
}

#[tokio::test]
async fn postgres_bytes_without_an_encoding_break_their_own_flag_only() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let server = std::env::var("NOVI_TEST_POSTGRES").unwrap();
    let name = format!("novi_ascii_{}", std::process::id());
    let url = server.replacen("/postgres", &format!("/{name}"), 1);
    let mut raw = Raw::Postgres(PgConnection::connect(&server).await.unwrap());
    raw.run(&format!(
        "create database {name} encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'"
    ))
    .await
    .unwrap();
    let store = opened(&url).await;
    store.migrate().await.unwrap();
    store
        .run_script("insert into flags (id, name, status) values (1, E'caf\\xe9', true), (2, 'ok', true)")
        .await
        .unwrap();
    let flags = Flags::connect(&url).await.unwrap();
    assert!(flags.is_enabled("ok", &Context::new()));
    let issues: Vec<_> = flags.issues().iter().map(|issue| issue.id).collect();
    assert_eq!(issues, [Some(1)]);
    drop((flags, store));
    raw.run(&format!("drop database {name} with (force)")).await.unwrap();
}

#[tokio::test]
async fn unknown_databases_are_errors_at_the_start() {
    for kind in kinds().into_iter().filter(|kind| *kind != Kind::Sqlite) {
        let database = database(kind).await;
        let (server, _) = database.url.rsplit_once('/').unwrap();
        let started =
            Flags::builder().start_without_database().connect(&format!("{server}/novi_nowhere")).await;
        let error = started.map(drop).unwrap_err();
        assert!(matches!(error, Error::DatabaseUrl { .. }), "{kind:?}: {error}");
        assert!(error.to_string().contains("novi_nowhere"), "{kind:?}: {error}");
    }
}

/// The statements of a block of `docs/schema.md`, for the roles of the test.
fn grants(
    language_after: &str,
    prefix: &str,
    own_name: impl Fn(&str) -> String,
) -> (Vec<String>, Vec<String>) {
    let page = include_str!("../../docs/schema.md");
    let section = page.split("\n## Rights\n").nth(1).unwrap();
    let block = section.split(language_after).nth(1).unwrap().split("```sql\n").nth(1).unwrap();
    let lines = block.split("```").next().unwrap().lines().filter(|line| !line.starts_with("--"));
    let mut grants = (Vec::new(), Vec::new());
    for line in lines {
        let (what, roles) = line.trim_end_matches(';').rsplit_once(" to ").unwrap();
        let roles: Vec<_> = roles.split(", ").map(&own_name).collect();
        let grant =
            format!("{} to {}", what.replace("schema public", &format!("schema {prefix}")), roles.join(", "));
        let grant = grant.replace(" novi.", &format!(" {prefix}."));
        if line.contains(" to migrator") { grants.0.push(grant) } else { grants.1.push(grant) }
    }
    grants
}

/// A grant on tables with a prefix.
fn prefixed(grant: &str, table_prefix: &str) -> String {
    let (rights, rest) = grant.split_once(" on ").unwrap();
    let (tables, roles) = rest.rsplit_once(" to ").unwrap();
    let table = |name: &str| match name.rsplit_once('.') {
        Some((database, table)) => format!("{database}.{table_prefix}{table}"),
        None => format!("{table_prefix}{name}"),
    };
    if tables.contains("schema ") || tables.ends_with('*') {
        return grant.to_owned();
    }
    let tables: Vec<_> = tables.split(", ").map(table).collect();
    format!("{rights} on {} to {roles}", tables.join(", "))
}

const ROLES: [&str; 4] = ["migrator", "reader", "writer", "token_admin"];

#[tokio::test]
async fn rights_of_the_docs_are_enough() {
    let servers = kinds().into_iter().filter(|kind| *kind != Kind::Sqlite);
    for (kind, table_prefix) in servers.flat_map(|kind| [(kind, ""), (kind, "acme_")]) {
        let database = database(kind).await;
        let mut raw = Raw::connect(&database).await;
        let short = database.url.rsplit(['/', 'D']).next().unwrap();
        let short = &short[short.len() - 8..];
        let place = database.url.rsplit(['/', 'D']).next().unwrap().to_owned();
        let name = |role: &str| format!("{}_{short}", &role[..1]);
        let address = |role: &str| {
            let (_, rest) = database.url.split_once('@').unwrap();
            if kind == Kind::Postgres {
                format!("postgres://{}@{rest}&table_prefix={table_prefix}", name(role))
            } else {
                format!("mysql://{}:x@{rest}?table_prefix={table_prefix}", name(role))
            }
        };
        for role in ROLES {
            let create = match kind {
                Kind::Postgres => format!("create role {} login", name(role)),
                _ => format!("create user {}@'127.0.0.1' identified by 'x'", name(role)),
            };
            raw.run(&create).await.unwrap();
        }
        let of = |role: &str| {
            if kind == Kind::Postgres { name(role) } else { format!("{}@'127.0.0.1'", name(role)) }
        };
        let (first, then) =
            grants(if kind == Kind::Postgres { "\nPostgreSQL:\n" } else { "\nMySQL, with" }, &place, of);
        let first = first.iter().map(|grant| prefixed(grant, table_prefix));
        let then = then.iter().map(|grant| prefixed(grant, table_prefix));
        for grant in first {
            raw.run(&grant).await.unwrap();
        }
        let migrator = opened(&address("migrator")).await;
        migrator.migrate().await.unwrap();
        for grant in then {
            raw.run(&grant).await.unwrap_or_else(|error| panic!("{grant}: {error}"));
        }
        let insert = format!("insert into {table_prefix}flags (id, name, status) values (1, 'a', true)");
        raw.run(&insert).await.unwrap();

        let token_admin = opened(&address("token_admin")).await;
        let tokens = token_admin.token_store().unwrap();
        let secret = Secret::generate(Role::Server).unwrap();
        let token = tokens.create_token(NewToken::of(&secret).name("t")).await.unwrap();

        let reader = opened(&address("reader")).await;
        let flags = Flags::connect(&address("reader")).await.unwrap();
        flags.sweep().await.unwrap();
        assert!(
            flags.is_enabled("a", &Context::new()) && flags.status().schema_problems.is_empty(),
            "{kind:?}: {:?}",
            flags.status()
        );
        reader
            .usage_store()
            .unwrap()
            .record_usage(vec![Usage { flag: "a".to_owned(), on: 1, off: 0 }])
            .await
            .unwrap();
        assert_eq!(reader.usage_store().unwrap().usage().await.unwrap().flags.len(), 1);
        let used = TokenUse { id: token.id, at: chrono::Utc::now() };
        reader.token_store().unwrap().record_token_use(vec![used]).await.unwrap();
        reader.token_store().unwrap().stored_tokens().await.unwrap();
        let off = || Change::SetStatus { flag: "a".to_owned(), status: false };
        reader.apply(vec![off()]).await.unwrap_err();

        let writer = opened(&address("writer")).await;
        writer.commit(Edit::new([off()]).expect_flag("a", 1)).await.unwrap();
        let activation = ActivationRow::new(1, "p", "novi.and", "[]");
        writer
            .apply(vec![Change::InsertActivation(activation), Change::Link(LinkRow::new(1, 1))])
            .await
            .unwrap();
        flags.refresh().await.unwrap();
        assert!(!flags.is_enabled("a", &Context::new()), "{kind:?}");
        writer.prune(AsOf::Revision(writer.revision().await.unwrap())).await.unwrap();
        tokens.revoke_token("t").await.unwrap();

        drop((flags, reader, writer, token_admin, migrator));
        for role in ROLES {
            let drop = match kind {
                Kind::Postgres => format!("drop owned by {0}; drop role {0}", name(role)),
                _ => format!("drop user {}@'127.0.0.1'", name(role)),
            };
            raw.run(&drop).await.unwrap();
        }
    }
}

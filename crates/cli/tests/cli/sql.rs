//! Flags in SQL.

use crate::{
    common::{Kind, Raw, databases},
    support::{Folder, the_same},
};

const USERS: &str = "create table users (id integer primary key, plan varchar(20), age integer);
    insert into users values (1, 'pro', 17), (2, 'Pro', 18), (3, null, 19), (4, 'it''s', null), (5, 'pro ', 40)";

const FLAGS: &str = r#"insert into flags (id, name, status) values (1, 'it''s "a" flag; --', true), (2, 'Draws', true);
insert into activations (id, name, class_name, config) values
    (1, 'plans', 'novi.attribute', '{"attribute": "plan", "in": ["pro", "it''s"]}'),
    (2, 'adults', 'novi.not', '{"class_name": "novi.attribute", "config": {"attribute": "age", "less": 18}}'),
    (3, 'half', 'novi.percentage', '{"percentage": 50}'),
    (4, 'staff', 'novi.attribute', '{"attribute": "email", "regex": "@", "in_cidr": "10.0.0.0/8"}');
insert into flags_activations (flag_id, activation_id) values (1, 1), (1, 2), (2, 3), (2, 4);
"#;

#[tokio::test]
async fn views_have_the_users_and_are_renewed() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut raw = Raw::connect(&database).await;
        raw.run(USERS).await.unwrap();
        folder.write("flags.sql", FLAGS);
        folder.run(&["seed", "flags.sql"]).expect(0);
        let sql =
            folder.run(&["sql", "#1", "--view", "have_it", "--from", "users", "--columns", "age:integer"]);
        raw.run(&sql.expect(0).out).await.unwrap();
        // Of a flag that does not draw yet.
        folder.run(&["unlink", "Draws", "half"]).expect(0);
        folder.run(&["unlink", "Draws", "staff"]).expect(0);
        let sql = folder.run(&["sql", "Draws", "--view", "draws", "--from", "users"]);
        raw.run(&sql.expect(0).out).await.unwrap();
        let count = "select id as \"targetingKey\" from have_it";
        let transcript = folder.transcript(&[
            &[
                "audience",
                "#1",
                "--sql",
                "select id as \"targetingKey\", plan, age from users",
                "--to",
                "csv",
            ],
            &["audience", "#1", "--sql", count],
            &["sql", "--refresh"],
            &["disable", "Draws"],
            &["sql", "--refresh", "none"],
            &["sql", "--refresh", "have_it", "--dry-run"],
            &["sql", "--refresh", "--json"],
            &["sql", "--refresh"],
            &["disable", "#1"],
            &["sql", "--refresh"],
            &["audience", "#1", "--sql", count],
            &["enable", "#1"],
            &["link", "#1", "half"],
            // The view stays as it is.
            &["sql", "--refresh"],
            &["unlink", "#1", "half"],
            &["flag", "rename", "Draws", "Pulls"],
            &["sql", "--refresh", "--dry-run"],
            &["sql", "--refresh"],
            &["sql", "--refresh"],
        ]);
        let name = match database.kind {
            Kind::Sqlite => "SQLite",
            Kind::Postgres => "PostgreSQL",
            Kind::MySql => "MySQL",
        };
        transcripts.push((
            database.kind,
            transcript.replace(&format!("the SQL of {name} "), "the SQL of DATABASE "),
        ));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn flags_are_written_or_refused_with_a_list() {
    let folder = Folder::migrated();
    folder.write("flags.sql", FLAGS);
    folder.run(&["seed", "flags.sql"]).expect(0);
    let transcript = folder.transcript(&[
        &["sql", "#1"],
        &["sql", "#1", "--dialect", "postgres", "--json"],
        &["sql", "#1", "--dialect", "mysql", "--columns", "plan=u.plan:text,age=u.age:integer"],
        &["sql", "#1", "--dialect", "duckdb", "--function", "has_it"],
        &["sql", "#1", "--dialect", "postgres", "--function", "has_it", "--variant"],
        &["sql", "#1", "--dialect", "mysql", "--function", "has_it"],
        &["sql", "#1", "--function", "has_it"],
        &["sql", "#1", "--columns", "plan:money"],
        &["sql", "#1", "--columns", "age:text"],
        &["sql", "#1", "--columns", "plna=plan:text"],
        &["sql", "#1", "--columns", "country,plan,plna"],
        &["sql", "#2", "--dialect", "postgres"],
        &["sql", "#2", "--dialect", "postgres", "--json"],
        &["sql", "#1", "#2"],
        &["sql", "nobody"],
        &["sql"],
        &["sql", "#1", "--view", "v"],
        &["sql", "#1", "--refresh", "--variant"],
    ]);
    insta::assert_snapshot!(transcript);
}

/// The database of the flags has the variants that units keep, in PostgreSQL and MySQL; SQLite has no draws.
#[tokio::test]
async fn remembered_variants_are_read_from_the_database_of_the_flags() {
    const KEPT: &str = r#"insert into flags (id, name, status) values (1, 'kept', true);
insert into activations (id, name, class_name, config) values (1, 'split', 'novi.split',
    '{"variants": {"a": 1, "b": 1}, "hash": "sha256", "remember": true, "experiment": "it''s"}');
insert into flags_activations (flag_id, activation_id) values (1, 1);
"#;
    let columns = ["--columns", "targetingKey=id:integer"];
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut raw = Raw::connect(&database).await;
        raw.run(USERS).await.unwrap();
        folder.write("flags.sql", KEPT);
        folder.run(&["seed", "flags.sql"]).expect(0);
        let sql = ["sql", "kept", "--variant", "--view", "have_it", "--from", "users"];
        let sql = folder.run(&[&sql[..], &columns].concat());
        if database.kind == Kind::Sqlite {
            assert!(sql.expect(5).err.contains("SQLite computes no hashes"));
            continue;
        }
        raw.run(&sql.expect(0).out).await.unwrap();
        let read = "select concat(id, ' ', novi_variant) from have_it order by id";
        let drawn = raw.texts(read).await;
        assert_eq!(drawn.len(), 5);
        // Each user keeps the variant that was not drawn, except one whose variant the split no longer has.
        let other = |line: &String| line.replace(" a", " -").replace(" b", " a").replace(" -", " b");
        let others: Vec<String> = drawn.iter().map(other).collect();
        for line in &others {
            let (unit, variant) = line.split_once(' ').unwrap();
            let variant = if unit == "5" { "gone" } else { variant };
            let now = if database.kind == Kind::Postgres { "now()" } else { "utc_timestamp(6)" };
            let insert = format!(
                "insert into novi_assignments (experiment, unit, variant, revision, assigned_at) values
                    ('it''s', '{unit}', '{variant}', 1, {now}), ('another', '{unit}', 'a', 1, {now})"
            );
            raw.run(&insert).await.unwrap();
        }
        let expected: Vec<&String> = others.iter().take(4).chain(drawn.last()).collect();
        assert_eq!(raw.texts(read).await.iter().collect::<Vec<_>>(), expected);
        // Another database does not have them.
        let elsewhere = folder.run(&[&["sql", "kept", "--dialect", "duckdb"][..], &columns].concat());
        assert!(elsewhere.expect(5).err.contains("only the database of the flags"));
    }
}

/// A view that another connection drops after the views were read.
#[tokio::test]
async fn views_that_are_dropped_before_their_renewal_stay_dropped() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut raw = Raw::connect(&database).await;
        raw.run(USERS).await.unwrap();
        folder.write("flags.sql", FLAGS);
        folder.run(&["seed", "flags.sql"]).expect(0);
        let mut statements = Vec::new();
        for name in ["dropped", "waits", "kept"] {
            let sql =
                folder.run(&["sql", "#1", "--view", name, "--from", "users", "--columns", "age:integer"]);
            let sql = sql.expect(0).out;
            raw.run(&sql).await.unwrap();
            statements.push((name, sql.replace("is not null", "<> ''")));
        }
        let mut views = novi_sql::views::Views::connect(&database.url).await.unwrap();
        assert_eq!(views.list(None).await.unwrap().len(), 3);
        raw.run("drop view dropped").await.unwrap();
        let mut other = Raw::connect(&database).await;
        let is_postgres = database.kind == Kind::Postgres;
        raw.run(if is_postgres { "begin; drop view waits" } else { "drop view waits" }).await.unwrap();
        let renewal = async {
            let statements = statements.iter().map(|(name, sql)| (*name, sql.as_str()));
            views.renew(statements).await.unwrap()
        };
        let commit = async {
            if is_postgres {
                let waits = "select 'yes' from pg_locks where not granted and relation = 'waits'::regclass";
                while other.texts(waits).await.is_empty() {
                    tokio::task::yield_now().await;
                }
                raw.run("commit").await.unwrap();
            }
        };
        let (dropped, ()) = tokio::join!(renewal, commit);
        assert_eq!(dropped, ["dropped", "waits"], "{:?}", database.kind);
        let left = views.list(None).await.unwrap();
        let names: Vec<_> = left.iter().map(|spec| spec.source.view.as_str()).collect();
        assert_eq!(names, ["kept"], "{:?}", database.kind);
        raw.run("select * from kept").await.unwrap();
    }
}

/// A running experiment by SHA-256: the view has the variants that the engine decides, with those that are remembered.
#[tokio::test]
async fn running_experiments_are_stated_with_the_variants_that_units_keep() {
    const EXPERIMENT: &str = r#"insert into flags (id, name, status) values (1, 'tested', true);
insert into activations (id, name, class_name, config) values (1, 'it''s tested', 'novi.experiment',
    '{"variants": {"a": 1, "b": 2, "c": 1}, "control": "a", "hash": "sha256", "state": "running", "traffic": 70,
      "start": "2026-01-01", "layer": {"name": "l", "from": 10, "to": 90}, "holdout": {"name": "h", "percentage": 10}}');
insert into flags_activations (flag_id, activation_id) values (1, 1);
"#;
    let columns = ["--columns", "targetingKey=id:integer"];
    for database in databases().await.into_iter().filter(|database| database.kind != Kind::Sqlite) {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let mut raw = Raw::connect(&database).await;
        raw.run("create table units (id integer primary key)").await.unwrap();
        let ids: Vec<String> = (1..=300).map(|id| format!("({id})")).collect();
        raw.run(&format!("insert into units values {}", ids.join(", "))).await.unwrap();
        folder.write("flags.sql", EXPERIMENT);
        folder.run(&["seed", "flags.sql"]).expect(0);
        let now = if database.kind == Kind::Postgres { "now()" } else { "utc_timestamp(6)" };
        let kept: Vec<String> = (1..=60)
            .map(|unit| format!("('it''s tested', '{unit}', '{}', 1, {now})", ["a", "c", "gone"][unit % 3]))
            .collect();
        let insert = "insert into novi_assignments (experiment, unit, variant, revision, assigned_at) values";
        raw.run(&format!("{insert} {}", kept.join(", "))).await.unwrap();
        let sql = ["sql", "tested", "--variant", "--view", "have_it", "--from", "units"];
        raw.run(&folder.run(&[&sql[..], &columns].concat()).expect(0).out).await.unwrap();
        let stated = raw.texts("select concat(id, ',', novi_variant) from have_it order by id").await;
        let query = "select id as \"targetingKey\" from units order by id";
        let query = if database.kind == Kind::Postgres { query.to_owned() } else { query.replace('"', "`") };
        let audience = folder.run(&["audience", "tested", "--sql", &query, "--to", "csv"]);
        let evaluated: Vec<String> = (audience.expect(0).out.lines().skip(1))
            .map(|line| {
                let cells: Vec<&str> = line.split(',').collect();
                format!("{},{}", cells[0], cells[2])
            })
            .collect();
        assert_eq!(stated, evaluated, "{:?}", database.kind);
        for (unit, line) in (1..=60_usize).zip(&stated) {
            let kept = ["a", "c", "gone"][unit % 3];
            assert!(kept == "gone" || *line == format!("{unit},{kept}"), "{line}, {kept}");
        }
        assert!(["a", "b", "c"].iter().all(|name| stated.iter().any(|line| line.ends_with(name))));
        let murmur3 = EXPERIMENT.replace("sha256", "murmur3").replace("(1, ", "(2, ").replace(", 1)", ", 2)");
        folder.write("murmur3.sql", murmur3.replace("'tested'", "'old'").replace("it''s tested", "old"));
        folder.run(&["seed", "murmur3.sql"]).expect(0);
        let refused = folder.run(&["sql", "old", "--variant"]).expect(5);
        assert!(
            refused.err.contains("create the next experiment with `\"hash\": \"sha256\"`"),
            "{refused:?}"
        );
    }
}

/// A view that is dropped while the views are read, and one of another schema.
#[tokio::test]
async fn views_of_one_schema_are_renewed_while_others_are_dropped() {
    let Some(database) = databases().await.into_iter().find(|one| one.kind == Kind::Postgres) else { return };
    let folder = Folder::of(&database);
    folder.run(&["migrate"]).expect(0);
    let (mut raw, mut other) = (Raw::connect(&database).await, Raw::connect(&database).await);
    raw.run(USERS).await.unwrap();
    raw.run("create schema elsewhere").await.unwrap();
    folder.write("flags.sql", FLAGS);
    folder.run(&["seed", "flags.sql"]).expect(0);
    for name in ["a_dropped", "b_kept", "elsewhere.c_other"] {
        let sql = folder.run(&["sql", "#1", "--view", name, "--from", "users", "--columns", "age:integer"]);
        raw.run(&sql.expect(0).out).await.unwrap();
    }
    folder.run(&["disable", "#1"]).expect(0);
    raw.run("begin; drop view a_dropped").await.unwrap();
    let run = std::thread::spawn(move || (folder.run(&["sql", "--refresh"]), folder));
    let waits = "select 'yes' from pg_locks where not granted and relation = 'a_dropped'::regclass \
                 and database = (select oid from pg_database where datname = current_database())";
    while other.texts(waits).await.is_empty() {
        tokio::task::yield_now().await;
    }
    raw.run("commit").await.unwrap();
    let (run, folder) = run.join().unwrap();
    assert_eq!(run.expect(0).out.matches("renewed").count(), 1);
    let run = folder.run(&["sql", "--refresh", "--schema", "elsewhere"]).expect(0);
    assert!(run.out.starts_with("elsewhere.c_other: flag it's"), "{run:?}");
    assert!(folder.run(&["sql", "--refresh"]).expect(0).out.starts_with("all views are of revision"));
}

#[tokio::test]
async fn schemas_have_to_exist() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let refresh = folder.run(&["sql", "--refresh", "--schema", "nope"]);
        if database.kind == Kind::Sqlite {
            assert!(refresh.expect(2).err.contains("SQLite has no schemas"));
        } else {
            let refresh = refresh.expect(3);
            assert!(refresh.err.contains("the database has no schema \"nope\""), "{refresh:?}");
        }
        folder.run(&["flag", "create", "a"]).expect(0);
        let alone = folder.run(&["sql", "a", "--dialect", "postgres", "--schema", "nope"]).expect(2);
        assert!(alone.err.contains("--refresh"), "{alone:?}");
    }
}

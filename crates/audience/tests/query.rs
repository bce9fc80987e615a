//! Queries of real databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "../../../tests/common/databases.rs"]
mod common;

use std::time::Duration;

use common::{Kind, Raw, TestDatabase, databases};
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_audience::{AudienceError, DecisionTable, Query, TableRow};

/// A table of users with a column of each type that the database has.
fn users(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "create table users (id integer primary key, name text, active boolean, score real, missing text, \
             local datetime);
             insert into users values (1, 'Jörg', true, 1.5, null, '2026-11-28 09:00:00'), \
             (2, 'ann', false, 2, null, 'yesterday')"
        }
        Kind::Postgres => {
            "create type plan as enum ('free', 'pro');
             create table users (id bigint primary key, name varchar(20), active boolean, score double precision, \
             missing text, small smallint, plan plan, price numeric(12, 2), big numeric, uid uuid, \
             settings jsonb, seen timestamptz, local timestamp, born date, tags text[], sizes int[]);
             insert into users values (1, 'Jörg', true, 1.5, null, 7, 'pro', 12.50, 36893488147419103232, \
             '6f1f9a3e-0000-4000-8000-0123456789ab', '{\"a\": [1, 2]}', '2026-11-28T09:00:00+02', \
             '2026-11-28T09:00:00', '2000-02-29', '{a,b}', '{1,2}'), \
             (2, 'ann', false, 2, null, null, null, null, null, null, null, null, null, null, null, null)"
        }
        Kind::MySql => {
            "create table users (id bigint primary key, name varchar(20), active boolean, score double, missing text, \
             small smallint, plan enum('free', 'pro'), price decimal(12, 2), big decimal(38, 0), number int unsigned, \
             local datetime, born date, zero date, odd date);
             insert into users values (1, 'Jörg', true, 1.5, null, 7, 'pro', 12.50, 36893488147419103232, 4000000000, \
             '2026-11-28 09:00:00', '2000-02-29', '0000-00-00', '2026-00-10'), \
             (2, 'ann', false, 2, null, null, null, null, null, null, null, null, null, null)"
        }
    }
}

async fn with_users() -> Vec<TestDatabase> {
    let databases = databases().await;
    for database in &databases {
        if database.kind == Kind::Sqlite {
            // A file that does not exist cannot be queried.
            drop(novi::store::create(&database.url).await.unwrap());
        }
        Raw::connect(database).await.run(users(database.kind)).await.unwrap();
    }
    databases
}

async fn contexts(query: &Query) -> Result<Vec<Context<'static>>, AudienceError> {
    let mut found = Vec::new();
    query
        .for_each(async |context| {
            found.push(context.clone().into_owned());
            Ok(())
        })
        .await?;
    Ok(found)
}

#[tokio::test]
async fn columns_are_attributes() {
    for database in with_users().await {
        let kind = database.kind;
        let sql = "select id as targetingKey, name, active, score, missing from users order by id; ";
        let found = contexts(&Query::new(&database.url, sql)).await.unwrap();
        let expected = Context::new()
            .with("targetingKey", 1)
            .with("name", "Jörg")
            .with("active", true)
            .with("score", 1.5);
        assert_eq!(found[0], expected.with("missing", ()), "{kind:?}");
        assert_eq!(found.len(), 2);
        let rest: &[(&str, &str)] = match kind {
            Kind::Sqlite => &[
                ("id + 0.5", "1.5"),
                ("'x' || id", "\"x1\""),
                ("local", "\"2026-11-28T09:00:00Z\""),
                ("(select local from users where id = 2)", "\"yesterday\""),
                // Results of functions have no declared type.
                ("datetime(local)", "\"2026-11-28 09:00:00\""),
            ],
            Kind::Postgres => &[
                ("small", "7"),
                ("plan", "\"pro\""),
                ("price", "12.5"),
                ("big", "\"36893488147419103232\""),
                ("uid", "\"6f1f9a3e-0000-4000-8000-0123456789ab\""),
                ("settings", "{\"a\":[1,2]}"),
                ("settings::json", "{\"a\":[1,2]}"),
                ("seen", "\"2026-11-28T07:00:00Z\""),
                ("local", "\"2026-11-28T09:00:00Z\""),
                ("born", "\"2000-02-29\""),
                ("tags", "[\"a\",\"b\"]"),
                ("sizes", "[1,2]"),
                ("cast(' a' as char(8))", "\" a\""),
                ("cast('\t ' as char(8))", "\"\\t\""),
                ("cast(null as char(8))", "null"),
                ("(-0.0001)::numeric", "-0.0001"),
                ("1.1::real", "1.1"),
                ("'{a,NULL}'::text[]", "[\"a\",null]"),
                ("'{1,NULL}'::int[]", "[1,null]"),
                ("'1970-01-01'::date - 1", "\"1969-12-31\""),
                ("'1969-12-31 23:59:59.5'::timestamp", "\"1969-12-31T23:59:59.500Z\""),
            ],
            Kind::MySql => &[
                ("small", "7"),
                ("plan", "\"pro\""),
                ("price", "12.5"),
                ("big", "\"36893488147419103232\""),
                ("number", "4000000000"),
                ("cast(1.1 as float)", "1.1"),
                ("zero", "null"),
                ("cast(plan as char) collate utf8mb4_bin", "\"pro\""),
                ("local", "\"2026-11-28T09:00:00Z\""),
                ("born", "\"2000-02-29\""),
            ],
        };
        for (column, expected) in rest {
            let sql = format!("select {column} as x from users where id = 1");
            let found = contexts(&Query::new(&database.url, sql)).await.unwrap();
            let value = found[0].get("x").map_or_else(|| "null".to_owned(), ToString::to_string);
            assert_eq!(value, *expected, "{kind:?}: {column}");
        }
    }
}

#[tokio::test]
async fn queries_cannot_write() {
    for database in with_users().await {
        for sql in [
            "delete from users",
            "insert into users (id) values (9)",
            "select 1 as a; delete from users",
            "select 1 as a) union select 2 as a from users; delete from users where (1 = 1",
            "drop table users",
        ] {
            let failed = contexts(&Query::new(&database.url, sql)).await;
            assert!(failed.is_err(), "{:?}: {sql}", database.kind);
        }
        let found = contexts(&Query::new(&database.url, "select id as a from users")).await.unwrap();
        assert_eq!(found.len(), 2, "{:?}", database.kind);
    }
}

#[tokio::test]
async fn unusable_queries_are_explained() {
    for database in with_users().await {
        let kind = database.kind;
        let binary = match kind {
            Kind::Sqlite => "x'00'",
            Kind::Postgres => "'\\x00'::bytea",
            Kind::MySql => "x'ff'",
        };
        for (sql, expected) in [
            (format!("select {binary} as a from users"), "cannot be attributes: convert them"),
            (
                "select id as a, name as a from users".to_owned(),
                if kind == Kind::Sqlite { "" } else { "occurs twice" },
            ),
            ("select nonsense from users".to_owned(), "could not run the query"),
            ("selekt".to_owned(), "could not run the query"),
        ] {
            let found = contexts(&Query::new(&database.url, &sql)).await;
            let message = found.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(message.contains(expected), "{kind:?}: {sql}: {message}");
        }
        let far = "column \"a\" of the query: `infinity` and years after 262142 cannot be attributes";
        let odd = "column \"a\" of the query: expected a date that exists, not one such as 2026-00-10";
        let values: &[(&str, &str)] = match kind {
            Kind::Sqlite => &[],
            Kind::Postgres => &[
                ("'infinity'::timestamptz", far),
                ("'-infinity'::timestamptz", far),
                ("'infinity'::timestamp", far),
                ("'290000-01-01'::timestamp", far),
                ("'infinity'::date", far),
                ("'-infinity'::date", far),
                ("'5000000-01-01'::date", far),
                ("'{{1,2},{3,4}}'::int[]", "expected a list of one dimension"),
                ("'infinity'::numeric", "infinite"),
            ],
            Kind::MySql => &[("(select odd from users where id = 1)", odd)],
        };
        for (value, expected) in values {
            let sql = format!("select {value} as a");
            let error = contexts(&Query::new(&database.url, &sql)).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{kind:?}: {value}: {error}");
        }
    }
    let found = contexts(&Query::new("redis://x", "select 1")).await.unwrap_err().to_string();
    assert!(found.starts_with("expected the address of a database"), "{found}");
}

#[tokio::test]
async fn times_of_mysql_keep_their_sign_and_hours() {
    for database in databases().await.iter().filter(|database| database.kind == Kind::MySql) {
        for (value, expected) in [
            ("cast('-01:30:00' as time)", "-01:30:00"),
            ("cast('-00:00:01' as time)", "-00:00:01"),
            ("cast('100:00:00' as time)", "100:00:00"),
            ("cast('08:05:09' as time)", "08:05:09"),
            ("cast('08:05:09.250' as time(3))", "08:05:09.250"),
            ("cast('-08:05:09.000001' as time(6))", "-08:05:09.000001"),
        ] {
            let sql = format!("select {value} as a");
            let found = contexts(&Query::new(&database.url, &sql)).await.unwrap();
            assert_eq!(found, [Context::new().with("a", expected)], "{value}");
        }
    }
}

#[tokio::test]
async fn tables_that_exist_are_one_error_on_every_database() {
    for database in with_users().await {
        let error = DecisionTable::create(&database.url, "users").await.unwrap_err();
        assert!(
            matches!(&error, AudienceError::TableExists(name) if name == "users"),
            "{:?}: {error}",
            database.kind
        );
    }
}

#[tokio::test]
async fn long_queries_are_stopped() {
    for database in with_users().await {
        let endless = match database.kind {
            Kind::Sqlite => {
                "with recursive c(x) as (select 1 union all select x + 1 from c) select max(x) as a from c"
            }
            Kind::Postgres => "select max(a) as a from generate_series(1, 1000000000000) a",
            Kind::MySql => {
                "select count(*) as a from information_schema.columns a, information_schema.columns b, \
                 information_schema.columns c, information_schema.columns d"
            }
        };
        let mut queries = vec![endless];
        if database.kind == Kind::MySql {
            // MariaDB stops it, and returns a row.
            queries.push("select benchmark(10000000000, md5('a')) as a");
        }
        for sql in queries {
            let query = Query::new(&database.url, sql).timeout(Duration::from_millis(50));
            let error = contexts(&query).await.unwrap_err();
            assert!(matches!(error, AudienceError::Timeout(_)), "{:?}: {error}", database.kind);
        }
    }
}

#[tokio::test]
async fn rules_are_evaluated_for_users_of_the_database() {
    let config = r#"{"attribute": "active", "equals": true}"#;
    let rows = Rows {
        flags: vec![FlagRow::new(1, "X", true)],
        activations: vec![ActivationRow::new(1, "active", "novi.attribute", config)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    };
    let flags = Flags::from_rows(rows).unwrap();
    for database in with_users().await {
        let snapshot = flags.snapshot();
        let mut counter = snapshot.audience("X").unwrap();
        let query = Query::new(&database.url, "select id as targetingKey, active from users");
        let count = query
            .for_each(async |context| {
                counter.add(context);
                Ok(())
            })
            .await
            .unwrap();
        let audience = counter.finish();
        assert_eq!((count, audience.on, audience.callers), (2, 1, 2), "{:?}", database.kind);
        assert_eq!(audience.attributes[0].values[0].on, 1);
    }
}

#[tokio::test]
async fn decisions_are_written_whole_or_not_at_all() {
    let row = |number: usize| TableRow {
        targeting_key: Some(format!("user-{number}")),
        enabled: number.is_multiple_of(2),
        variant: None,
        value: Some("1".to_owned()),
        reason: "SPLIT",
    };
    for database in with_users().await {
        let mut table = DecisionTable::create(&database.url, "have_it").await.unwrap();
        for number in 0..1201 {
            table.push(row(number)).await.unwrap();
        }
        table.commit().await.unwrap();
        let count =
            contexts(&Query::new(&database.url, "select count(*) as a from have_it where enabled")).await;
        assert_eq!(count.unwrap()[0].get("a").unwrap().to_string(), "601", "{:?}", database.kind);

        let exists = DecisionTable::create(&database.url, "have_it").await.unwrap_err().to_string();
        assert!(exists.contains("exists"), "{exists}");
        // Another program sees the table when it is whole, also if this one is killed.
        let mut killed = DecisionTable::create(&database.url, "killed").await.unwrap();
        for number in 0..5001 {
            killed.push(row(number)).await.unwrap();
        }
        if database.kind != Kind::Sqlite {
            let seen = contexts(&Query::new(&database.url, "select enabled from killed")).await;
            assert!(seen.is_err(), "{:?}", database.kind);
        }
        drop(killed);
        let seen = contexts(&Query::new(&database.url, "select enabled from killed")).await;
        assert!(seen.is_err(), "{:?}", database.kind);
        let mut left = DecisionTable::create(&database.url, "left_over").await.unwrap();
        left.push(row(1)).await.unwrap();
        left.discard().await;
        let failed = contexts(&Query::new(&database.url, "select * from left_over")).await;
        assert!(failed.is_err(), "{:?}", database.kind);
    }
    for name in ["", "a b", "x; drop table users", "ä", &"x".repeat(64)] {
        let failed = DecisionTable::create("sqlite::memory:", name).await.unwrap_err();
        assert!(matches!(failed, AudienceError::TableName(_)), "{name}");
    }
}

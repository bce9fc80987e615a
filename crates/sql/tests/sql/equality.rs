//! Generated flags, evaluated by novi and by databases.
//!
//! `NOVI_TEST_SQL_FLAGS` is the number of flags. With `NOVI_TEST_SQL_OUT`, the callers, the conditions for
//! DuckDB and the rows are written to a file, which `scripts/test-sql` compares in other programs.

use std::{collections::BTreeMap, fs::File, io::Write as _};

use chrono::TimeDelta;
use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_sql::{Dialect, Options, Rendered, render};
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, Executor as _, Row as _};

use crate::generator::{COLUMNS, Caller, Dice, callers, now, rows, soon};

/// Flags that are compiled together.
const SET: usize = 50;
const CALLERS: usize = 500;

/// The columns of the assignments that conditions read.
const ASSIGNMENTS: &str = "create table if not exists novi_sql_assignments (experiment varchar(255), unit varchar(255), \
    variant varchar(255))";

/// What novi decides for each caller.
type Decisions = Vec<(bool, Option<String>)>;

enum Database {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
    MySql(sqlx::MySqlConnection),
}

impl Database {
    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// Creates the table of callers, and one of assignments without rows, in the time zone of nobody.
    async fn fill(&mut self, callers: &[Caller]) {
        macro_rules! insert {
            ($connection:expr, $statement:expr, $number:ident) => {
                for ($number, caller) in (0_i64..).zip(callers) {
                    let query = sqlx::query($statement).bind($number).bind(&caller.id).bind(caller.number);
                    let query =
                        query.bind(&caller.plan).bind(&caller.country).bind(caller.age).bind(caller.score);
                    let query = query.bind(caller.beta).bind(caller.seen);
                    let query = query.bind(caller.joined.map(|time| time.naive_utc())).bind(caller.clock);
                    query.execute(&mut *$connection).await.unwrap();
                }
            };
        }
        match self {
            Self::Sqlite(connection) => {
                let create = "create table callers (row_id integer, id text, number integer, \
                    plan text collate nocase, \"odd \"\"`name\" text, age integer, score real, beta boolean, \
                    seen datetime, joined datetime, clock datetime)";
                connection.execute(create).await.unwrap();
                connection.execute(ASSIGNMENTS).await.unwrap();
                insert!(connection, "insert into callers values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", number);
            }
            Self::Postgres(connection) => {
                let create = "create temporary table callers (row_id bigint, id text, number bigint, \
                    plan varchar(100), \"odd \"\"`name\" text, age bigint, score double precision, beta boolean, \
                    seen timestamptz, joined timestamp, clock timestamptz)";
                connection.execute(create).await.unwrap();
                let assignments = ASSIGNMENTS.replace("table", "temporary table");
                connection.execute(AssertSqlSafe(assignments)).await.unwrap();
                insert!(
                    connection,
                    "insert into callers values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                    number
                );
                connection.execute("set time zone 'Asia/Kolkata'").await.unwrap();
            }
            Self::MySql(connection) => {
                let create = "create temporary table callers (row_id bigint, id varchar(100), number bigint, \
                    plan varchar(100), `odd \"``name` varchar(100), age bigint, score double, beta boolean, \
                    seen timestamp(6) null, joined datetime(6) null, clock timestamp(6) null) \
                    character set utf8mb4 collate utf8mb4_general_ci";
                connection.execute(create).await.unwrap();
                // A statement of MySQL cannot read a temporary table twice.
                connection.execute(ASSIGNMENTS).await.unwrap();
                insert!(connection, "insert into callers values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", number);
                connection.execute("set time_zone = '+05:30'").await.unwrap();
            }
        }
    }

    async fn decisions(&mut self, sql: &Rendered) -> Vec<(Option<bool>, Option<String>)> {
        macro_rules! read {
            ($connection:expr, $integer:literal, $text:literal) => {{
                let statement = format!(
                    "select cast(({}) as {}), cast(({}) as {}) from callers order by row_id",
                    sql.on,
                    $integer,
                    sql.variant.as_deref().unwrap_or("null"),
                    $text
                );
                let rows = sqlx::raw_sql(AssertSqlSafe(statement.clone())).fetch_all(&mut *$connection).await;
                let rows = rows.unwrap_or_else(|error| panic!("{error}\n{statement}"));
                let read = |row: &_| {
                    let on: Option<i64> = sqlx::Row::try_get_unchecked(row, 0).unwrap();
                    (on.map(|on| on != 0), sqlx::Row::try_get_unchecked(row, 1).unwrap())
                };
                rows.iter().map(read).collect()
            }};
        }
        match self {
            Self::Sqlite(connection) => read!(connection, "integer", "text"),
            Self::Postgres(connection) => {
                let statement = format!(
                    "select ({})::int::text, ({})::text from callers order by row_id",
                    sql.on,
                    sql.variant.as_deref().unwrap_or("null")
                );
                let rows = sqlx::raw_sql(AssertSqlSafe(statement.clone())).fetch_all(&mut *connection).await;
                let rows = rows.unwrap_or_else(|error| panic!("{error}\n{statement}"));
                rows.iter()
                    .map(|row| (row.get::<Option<String>, _>(0).map(|on| on == "1"), row.get(1)))
                    .collect()
            }
            Self::MySql(connection) => {
                let statement = format!(
                    "select cast(({}) as char), cast(({}) as char) from callers order by row_id",
                    sql.on,
                    sql.variant.as_deref().unwrap_or("null")
                );
                let rows = sqlx::raw_sql(AssertSqlSafe(statement.clone())).fetch_all(&mut *connection).await;
                let rows = rows.unwrap_or_else(|error| panic!("{error}\n{statement}"));
                let text = |row: &sqlx::mysql::MySqlRow, column: usize| {
                    let bytes: Option<Vec<u8>> = row.try_get_unchecked(column).unwrap();
                    bytes.map(|bytes| String::from_utf8(bytes).unwrap())
                };
                rows.iter().map(|row| (text(row, 0).map(|on| on == "1"), text(row, 1))).collect()
            }
        }
    }
}

/// The databases of the tests: SQLite, and those that the environment names.
async fn databases() -> Vec<(String, Database)> {
    let url = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
    let sqlite: sqlx::sqlite::SqliteConnectOptions = "sqlite::memory:".parse().unwrap();
    let mut found = vec![("SQLite".to_owned(), Database::Sqlite(sqlite.connect().await.unwrap()))];
    if url("NOVI_TEST_WITHOUT_SERVERS").is_some_and(|value| value == "1") {
        return found;
    }
    let is_named = url("NOVI_TEST_POSTGRES").is_some() && url("NOVI_TEST_MYSQL").is_some();
    assert!(
        is_named,
        "set NOVI_TEST_POSTGRES and NOVI_TEST_MYSQL (scripts/test-servers), or NOVI_TEST_WITHOUT_SERVERS=1"
    );
    if let Some(url) = url("NOVI_TEST_POSTGRES") {
        found.push((
            "PostgreSQL".to_owned(),
            Database::Postgres(sqlx::PgConnection::connect(&url).await.unwrap()),
        ));
    }
    for name in ["NOVI_TEST_MYSQL", "NOVI_TEST_SQL_MYSQL"] {
        if let Some(url) = url(name) {
            let mut connection = sqlx::MySqlConnection::connect(&url).await.unwrap();
            let version: String =
                sqlx::query_scalar("select version()").fetch_one(&mut connection).await.unwrap();
            found.push((format!("MySQL {version}"), Database::MySql(connection)));
        }
    }
    found
}

/// How many flags each database had, and why it refused the others.
#[derive(Default)]
struct Tally {
    stated: usize,
    refused: usize,
    reasons: BTreeMap<String, usize>,
}

impl Tally {
    fn refuse(&mut self, refusals: &[novi::activation::sql::Refusal]) {
        self.refused += 1;
        for refusal in refusals {
            let class = refusal.place.class_name.clone().unwrap_or_default();
            *self.reasons.entry(format!("{class} {}: {}", refusal.path, refusal.message)).or_default() += 1;
        }
    }
}

fn options(dialect: Dialect, has_clock: bool) -> Options {
    let columns = COLUMNS.trim_end_matches('}').to_owned();
    let clock = if has_clock { r#", "currentDateTime": "clock:instant"}"# } else { "}" };
    let mut options = Options::new(dialect);
    options.columns = (columns + clock).parse().unwrap();
    (options.at, options.variant) = (Some(now()), true);
    options.assignments = Some(vec!["novi_sql_assignments".to_owned()]);
    options
}

#[tokio::test]
async fn databases_decide_as_novi_does() {
    let count: usize = std::env::var("NOVI_TEST_SQL_FLAGS").map_or(300, |count| count.parse().unwrap());
    let mut out = std::env::var_os("NOVI_TEST_SQL_OUT").map(|path| File::create(path).unwrap());
    let mut dice = Dice(18);
    let people = callers(&mut dice, CALLERS);
    let mut databases = databases().await;
    for (_, database) in &mut databases {
        database.fill(&people).await;
    }
    if let Some(out) = &mut out {
        let time = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339();
        let of = |caller: &Caller| {
            json!([
                caller.id,
                caller.number,
                caller.plan,
                caller.country,
                caller.age,
                caller.score,
                caller.beta,
                caller.seen.map(time),
                caller.joined.map(time),
                caller.clock.map(time)
            ])
        };
        writeln!(out, "{}", json!({"callers": people.iter().map(of).collect::<Vec<_>>()})).unwrap();
    }
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut are_on = 0;
    for set in 0..count.div_ceil(SET) {
        let has_clock = set % 2 == 1;
        let rows = rows(&mut dice, SET);
        let flags = Flags::builder().keep_rows().from_rows(rows.clone()).unwrap();
        let issues: Vec<_> = flags.issues().into_iter().filter(|issue| !issue.warning).collect();
        assert_eq!(issues, [], "generated rows are valid");
        let contexts: Vec<_> = people.iter().map(|caller| caller.context(has_clock)).collect();
        let (snapshot, registry) = (flags.snapshot(), flags.registry());
        for row in &rows.flags {
            let decided: Decisions = contexts
                .iter()
                .map(|context| {
                    let decision = snapshot.evaluate(&row.name, context).unwrap();
                    (decision.enabled(), decision.variant().map(str::to_owned))
                })
                .collect();
            are_on += decided.iter().filter(|(on, _)| *on).count();
            let stated = snapshot.to_sql(&row.name, &registry).unwrap();
            for (name, database) in &mut databases {
                let tally = tallies.entry(name.clone()).or_default();
                let sql =
                    stated.clone().and_then(|flag| render(&flag, &options(database.dialect(), has_clock)));
                let sql = match sql {
                    Ok(sql) => sql,
                    Err(refusals) => {
                        tally.refuse(&refusals);
                        continue;
                    }
                };
                tally.stated += 1;
                let found = database.decisions(&sql).await;
                assert_eq!(found.len(), decided.len());
                for (((caller, context), decided), found) in
                    people.iter().zip(&contexts).zip(&decided).zip(found)
                {
                    let expected = (Some(decided.0), decided.1.clone());
                    if found != expected {
                        let explained = snapshot.explain(&row.name, context).unwrap();
                        panic!(
                            "{name}, set {set}: {found:?}\n{caller:?}\n{}\n{:?}\n{explained}",
                            sql.on, sql.variant
                        );
                    }
                }
            }
            if let Some(out) = &mut out {
                let duckdb = stated.and_then(|flag| render(&flag, &options(Dialect::DuckDb, has_clock)));
                let refused = duckdb
                    .as_ref()
                    .err()
                    .map(|refusals| refusals.iter().map(ToString::to_string).collect::<Vec<_>>());
                let mut line = json!({"set": set, "flag": row.name, "clock": has_clock, "decided": decided});
                (line["sql"], line["refused"]) = (json!(duckdb.ok()), json!(refused));
                writeln!(out, "{line}").unwrap();
            }
        }
        if let Some(out) = &mut out {
            writeln!(out, "{}", json!({"set": set, "rows": rows})).unwrap();
        }
    }
    println!("{} decisions by novi, of which {are_on} are on", count * CALLERS);
    for (name, tally) in &tallies {
        println!("{name}: {} flags without a difference, {} refused", tally.stated, tally.refused);
        for (reason, times) in &tally.reasons {
            println!("    {times} {reason}");
        }
        assert!(tally.stated * 4 > count, "{name} states few flags");
    }
    assert!(are_on > count * CALLERS / 20, "few decisions are on");
}

/// Ramps on which a position follows the next one within a few microseconds, each with its own rounding.
#[tokio::test]
async fn linear_ramps_rise_to_the_microsecond_as_those_of_novi() {
    let mut dice = Dice(7);
    let mut people = callers(&mut dice, 2_000);
    for (index, caller) in people.iter_mut().enumerate() {
        (caller.id, caller.clock) = (Some(format!("user-{index}")), Some(soon(&mut dice)));
    }
    let contexts: Vec<_> = people.iter().map(|caller| caller.context(true)).collect();
    for (name, mut database) in databases().await {
        database.fill(&people).await;
        let dialect = database.dialect();
        let hashes: &[&str] = match dialect {
            Dialect::MySql => &["sha256", "crc32", "flipper", "rollout"],
            Dialect::Postgres => &["sha256", "md5", "ufc"],
            _ => &[],
        };
        for hash in hashes {
            let steps = [(0, 0.3), (130, 33.3), (700, 77.7), (999, 100.0)].map(|(millis, percentage)| {
                let at = now()
                    + TimeDelta::milliseconds(millis)
                    + TimeDelta::nanoseconds(millis * 1_234_567 % 1_000);
                json!({"at": at.to_rfc3339(), "percentage": percentage})
            });
            let config = json!({"steps": steps, "linear": true, "hash": hash}).to_string();
            let rows = Rows {
                flags: vec![FlagRow::new(1, "rises", true)],
                activations: vec![ActivationRow::new(1, "ramp", "novi.ramp", config)],
                links: vec![LinkRow::new(1, 1)],
                ..Rows::default()
            };
            let flags = Flags::builder().keep_rows().from_rows(rows).unwrap();
            let stated = flags.snapshot().to_sql("rises", &flags.registry()).unwrap().unwrap();
            let found = database.decisions(&render(&stated, &options(dialect, true)).unwrap()).await;
            let decided = contexts.iter().map(|context| flags.is_enabled("rises", context));
            let mut are_on = 0;
            for ((caller, decided), (found, _)) in people.iter().zip(decided).zip(found) {
                assert_eq!(found, Some(decided), "{name}, {hash}: {caller:?}");
                are_on += usize::from(decided);
            }
            assert!((500..1_500).contains(&are_on), "{name}, {hash}: {are_on}");
        }
    }
}

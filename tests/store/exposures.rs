//! Exposures are recorded in each database, once a unit, and experiments that remember keep variants.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use novi::{
    Context, Flags, FlagsBuilder,
    overrides::{Override, scope},
    rows::{ActivationRow, FlagRow, LinkRow},
    store::{self, Assignment, Change, SchemaStore},
};

use crate::common::{
    databases::{Kind, Raw, TestDatabase, database, databases},
    log,
    until::until,
};

const QUICK: Duration = Duration::from_millis(20);
const SPLIT: &str = r#"{"variants": {"a": 1, "b": 1}}"#;

pub(crate) fn builder() -> FlagsBuilder {
    Flags::builder().refresh(QUICK)
}

pub(crate) async fn connected(database: &TestDatabase) -> Flags {
    builder().connect(&database.url).await.unwrap()
}

/// A database with the flag "test", which has a split.
pub(crate) async fn with_split(database: &TestDatabase, config: &str) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let changes = vec![
        Change::InsertFlag(FlagRow::new(1, "test", true)),
        Change::InsertActivation(ActivationRow::new(1, "split", "novi.split", config)),
        Change::Link(LinkRow::new(1, 1)),
    ];
    store.apply(changes).await.unwrap();
    store
}

pub(crate) async fn reconfigure(store: &dyn SchemaStore, flags: &[&Flags], config: &str) {
    let row = ActivationRow::new(1, "split", "novi.split", config);
    let revision = store.apply(vec![Change::UpdateActivation(row)]).await.unwrap();
    for flags in flags {
        flags.refresh_to(revision).await.unwrap();
    }
}

pub(crate) fn caller(key: &str) -> Context<'_> {
    Context::new().with("targetingKey", key)
}

pub(crate) fn variant(flags: &Flags, key: &str) -> Option<String> {
    flags.evaluate("test", &caller(key)).unwrap().variant().map(str::to_owned)
}

pub(crate) fn expose(flags: &Flags, key: &str) -> Option<String> {
    flags.expose("test", &caller(key)).unwrap().variant().map(str::to_owned)
}

/// Unit and variant of the assignments of an experiment, oldest first.
pub(crate) async fn assigned(store: &dyn SchemaStore, experiment: &str) -> Vec<(String, String)> {
    let rows = store.assignment_store().unwrap().assignments(experiment, 100_000).await.unwrap();
    rows.into_iter().rev().map(|row| (row.unit, row.variant)).collect()
}

fn pair(unit: &str, variant: &str) -> (String, String) {
    (unit.to_owned(), variant.to_owned())
}

#[tokio::test]
async fn exposures_are_recorded_once_and_evaluations_are_not() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_split(&database, SPLIT).await;
        let revision = store.revision().await.unwrap();
        let flags = connected(&database).await;
        let mut expected = Vec::new();
        for user in ["u1", "u2", "\u{1f6a9} '; --", "u1 ", "U1"] {
            let first = expose(&flags, user).unwrap();
            assert_eq!(expose(&flags, user).as_ref(), Some(&first), "{kind:?}");
            expected.push((user.to_owned(), first));
        }
        for looking in 0..100 {
            assert!(variant(&flags, &looking.to_string()).is_some());
        }
        flags.flush_exposures().await.unwrap();
        expected.sort();
        let mut found = assigned(&*store, "test").await;
        found.sort();
        assert_eq!(found, expected, "{kind:?}");
        // Another process records no unit again.
        let other = connected(&database).await;
        assert!(expose(&other, "u1").is_some() && expose(&other, "u3").is_some());
        other.close().await.unwrap();
        assert_eq!(assigned(&*store, "test").await.len(), 6, "{kind:?}");
        assert_eq!(flags.status().exposures.written, 5, "{kind:?}");
        assert_eq!(store.revision().await.unwrap(), revision, "{kind:?}: it is no change of the flags");
        let view = "select variation_id from novi_exposures where experiment_id = 'test' and user_id = 'u2'";
        assert_eq!(Raw::connect(&database).await.texts(view).await.len(), 1, "{kind:?}");
        let rows = store.assignment_store().unwrap().assignments("test", 1).await.unwrap();
        assert!(rows[0].revision == revision.number() && rows[0].assigned_at.is_some(), "{kind:?}: {rows:?}");
        let counts = store.assignment_store().unwrap().assignment_counts("test").await.unwrap();
        assert_eq!(counts.iter().map(|count| count.units).sum::<i64>(), 6, "{kind:?}");
        assert!(counts.iter().all(|count| count.first <= count.last && count.first.is_some()), "{kind:?}");
    }
}

#[tokio::test]
async fn flags_without_variants_are_recorded_as_on_or_off() {
    let database = database(Kind::Sqlite).await;
    let store = with_split(&database, SPLIT).await;
    let rows = [
        "insert into flags (id, name, status) values (2, 'half', true), (3, 'dead', false), (4, 'all', true)",
        r#"insert into activations (id, name, class_name, config) values (2, 'half', 'novi.percentage', '{"percentage": 50, "by": "account"}')"#,
        "insert into flags_activations (flag_id, activation_id) values (2, 2)",
    ];
    store.run_script(&rows.join(";")).await.unwrap();
    let flags = connected(&database).await;
    let (mut on, mut off) = (0, 0);
    for account in 0..20 {
        let context = caller("u").with("account", account);
        if flags.expose("half", &context).unwrap().enabled() {
            on += 1;
        } else {
            off += 1;
        }
        flags.expose("dead", &context).unwrap();
        flags.expose("all", &context).unwrap();
    }
    // The value of the override says nothing about the experiment.
    scope([("test", Override::from("b"))], async {
        assert_eq!(expose(&flags, "overridden").as_deref(), Some("b"));
    })
    .await;
    flags.close().await.unwrap();
    let counts = store.assignment_store().unwrap().assignment_counts("half").await.unwrap();
    let counts: Vec<_> = counts.into_iter().map(|count| (count.variant, count.units)).collect();
    assert_eq!(counts, [("off".to_owned(), off), ("on".to_owned(), on)]);
    assert_eq!(assigned(&*store, "all").await, [pair("u", "on")]);
    assert_eq!(assigned(&*store, "dead").await, []);
    assert_eq!(assigned(&*store, "test").await, []);
}

#[tokio::test]
async fn units_are_those_of_the_draw_and_strange_ones_are_counted() {
    for database in databases().await {
        let kind = database.kind;
        let config = r#"{"variants": {"a": 1}, "by": ["account", "targetingKey"], "experiment": "layout"}"#;
        let store = with_split(&database, config).await;
        let flags = connected(&database).await;
        let expose = |context: &Context<'_>| drop(flags.expose("test", context).unwrap());
        expose(&caller("u").with("account", 7));
        expose(&caller("u").with("account", 7.0));
        expose(&caller("u").with("account", ""));
        expose(&Context::new().with("account", true));
        expose(&Context::new());
        let longest = "\u{1f6a9}".repeat(63);
        expose(&caller(&longest));
        expose(&caller(&"x".repeat(256)));
        expose(&caller("nul\0"));
        flags.close().await.unwrap();
        let expected = [pair("7", "a"), pair("u", "a"), pair(&longest, "a")];
        let mut found = assigned(&*store, "layout").await;
        found.sort();
        assert_eq!(found, expected, "{kind:?}");
        let counts = flags.status().exposures;
        // Without a variant, the callers without a key are not in the experiment.
        assert_eq!((counts.written, counts.invalid_unit, counts.waiting), (3, 2, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn first_of_two_stores_decides() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_split(&database, SPLIT).await;
        let assignment = |unit: usize, variant: &str| Assignment {
            experiment: "test".to_owned(),
            unit: format!("u{unit}"),
            variant: variant.to_owned(),
            revision: 1,
            assigned_at: chrono::Utc::now(),
        };
        let writers = ["a", "b", "c", "d"].map(|variant| {
            let url = database.url.clone();
            let mut rows: Vec<_> = (0..500).map(|unit| assignment(unit, variant)).collect();
            rows.rotate_left(usize::from(variant.as_bytes()[0]));
            tokio::spawn(async move {
                let store = store::connect(&url).await.unwrap();
                store.assignment_store().unwrap().record_assignments(rows).await.unwrap();
            })
        });
        for writer in writers {
            writer.await.unwrap();
        }
        let found = assigned(&*store, "test").await;
        assert_eq!(found.len(), 500, "{kind:?}");
        // A batch is one transaction: what came first won as a whole, or nothing of it is left.
        let again = (0..500).map(|unit| assignment(unit, "late")).collect();
        store.assignment_store().unwrap().record_assignments(again).await.unwrap();
        assert_eq!(assigned(&*store, "test").await, found, "{kind:?}");
    }
}

#[tokio::test]
async fn units_of_any_text_are_recorded_as_they_are() {
    for database in databases().await {
        let (kind, store) = (database.kind, with_split(&database, SPLIT).await);
        let odd = [
            "a\"b", "a\\b", "\\\\", "{a,b}", "{}", "NULL", "null", "a,b", " a ", "'", "a\nb", "$1", "?",
            "\u{7f}", "ä😀",
        ];
        // More than fit into one statement.
        let long = (0..300).map(|unit| format!("{unit:0>200}"));
        let mut units: Vec<String> = odd.into_iter().map(str::to_owned).chain(long).collect();
        let assignment = |unit: &String| Assignment {
            experiment: "any \"text\"".to_owned(),
            unit: unit.clone(),
            variant: "b\\c".to_owned(),
            revision: -1,
            assigned_at: "2026-11-28T09:00:00.123Z".parse().unwrap(),
        };
        let rows = units.iter().map(assignment).collect();
        store.assignment_store().unwrap().record_assignments(rows).await.unwrap();
        let found = store.assignment_store().unwrap().assignments("any \"text\"", 1000).await.unwrap();
        let mut recorded: Vec<String> = found.iter().map(|row| row.unit.clone()).collect();
        units.sort();
        recorded.sort();
        assert_eq!(recorded, units, "{kind:?}");
        for row in found {
            let at = row.assigned_at.unwrap().to_rfc3339();
            let values = (row.variant.as_str(), row.revision, at.as_str());
            assert_eq!(values, ("b\\c", -1, "2026-11-28T09:00:00.123+00:00"), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn graceful_stops_lose_nothing() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_split(&database, SPLIT).await;
        let flags = connected(&database).await;
        for user in 0..10_000 {
            expose(&flags, &user.to_string());
        }
        flags.close().await.unwrap();
        assert_eq!(assigned(&*store, "test").await.len(), 10_000, "{kind:?}");
        // Dropped flags are written by the task, if the runtime lives on.
        for user in 10_000..10_100 {
            expose(&flags, &user.to_string());
        }
        drop(flags);
        let mut raw = Raw::connect(&database).await;
        while raw.texts("select unit from novi_assignments").await.len() < 10_100 {
            tokio::time::sleep(QUICK).await;
        }
    }
}

#[tokio::test]
async fn exposures_wait_for_the_database() {
    for database in databases().await {
        let (log, _guard) = log::start();
        let store = with_split(&database, SPLIT).await;
        let mut dba = Raw::connect(&database).await;
        dba.run("drop view novi_exposures").await.unwrap();
        dba.run("alter table novi_assignments rename to hidden").await.unwrap();
        let flags = connected(&database).await;
        expose(&flags, "u1");
        until("a failure", || !log.lines_with("they are kept and tried again").is_empty()).await;
        expose(&flags, "u2");
        assert!(flags.close().await.is_err());
        assert_eq!(flags.status().exposures.waiting, 2);
        dba.run("alter table hidden rename to novi_assignments").await.unwrap();
        until("a success", || flags.status().exposures.written == 2).await;
        assert_eq!(assigned(&*store, "test").await.len(), 2);
    }
}

#[tokio::test]
async fn full_queues_drop_and_count() {
    let (log, _guard) = log::start();
    let database = database(Kind::Sqlite).await;
    let store = with_split(&database, SPLIT).await;
    let mut dba = Raw::connect(&database).await;
    dba.run("drop view novi_exposures").await.unwrap();
    dba.run("alter table novi_assignments rename to hidden").await.unwrap();
    let flags = connected(&database).await;
    for user in 0..100_000 {
        expose(&flags, &user.to_string());
    }
    until("a warning", || log.lines_with("exposures were dropped").len() == 1).await;
    let counts = flags.status().exposures;
    // One batch was taken from the queue.
    assert!(counts.dropped >= 100_000 - 65_536 - 5000, "{counts:?}");
    dba.run("alter table hidden rename to novi_assignments").await.unwrap();
    until("a success", || flags.status().exposures.waiting == 0).await;
    // What was dropped was not recorded, so that it is when the caller comes again.
    for user in 0..100_000 {
        if user % 1000 == 0 {
            flags.flush_exposures().await.unwrap();
        }
        expose(&flags, &user.to_string());
    }
    flags.close().await.unwrap();
    assert_eq!(assigned(&*store, "test").await.len(), 100_000);
}

const CHILD: &str = "NOVI_TEST_EXPOSES";

/// Runs in a process of its own, which is killed.
#[tokio::test]
async fn child_that_exposes() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let flags = builder().connect(&url).await.unwrap();
    for user in 0_usize.. {
        expose(&flags, &user.to_string());
        if user % 100 == 99 {
            flags.flush_exposures().await.unwrap();
            println!("\nwritten {}", user + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_writers_lose_nothing_that_was_written() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_split(&database, r#"{"variants": {"a": 1, "b": 1}, "remember": true}"#).await;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "exposures::child_that_exposes", "--nocapture"])
            .env(CHILD, &database.url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut written = lines.filter_map(|line| line.strip_prefix("written ")?.parse::<usize>().ok());
        let reported = written.find(|written| *written >= 500).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let found = assigned(&*store, "test").await;
        assert!(found.len() >= reported, "{kind:?}: {} of {reported}", found.len());
        // Another process goes on from there.
        let flags = connected(&database).await;
        for (unit, assigned) in found {
            assert_eq!(variant(&flags, &unit), Some(assigned), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn tables_with_a_prefix_record_exposures() {
    for mut database in databases().await {
        let kind = database.kind;
        let separator = if database.url.contains('?') { '&' } else { '?' };
        database.url = format!("{}{separator}table_prefix=acme_", database.url);
        let store = with_split(&database, r#"{"variants": {"a": 1}, "remember": true}"#).await;
        let flags = connected(&database).await;
        expose(&flags, "u");
        flags.close().await.unwrap();
        assert_eq!(assigned(&*store, "test").await, [pair("u", "a")], "{kind:?}");
        let forgotten = store.assignment_store().unwrap().forget_assignments("test", None).await.unwrap();
        assert_eq!(forgotten, 1, "{kind:?}");
    }
}

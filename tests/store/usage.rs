//! Usage of flags is recorded in each database, by concurrent processes, without blocking others.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use novi::{
    Context, Error, Flags, FlagsBuilder,
    rows::{ActivationRow, ExpiryPolicy, FlagMetadata, FlagRow, LinkRow},
    store::{self, Change, FlagUsage, HourlyEvaluations, ReadStore, SchemaStore, SnapshotFile, Usage},
};
use tracing::Level;

use crate::common::{
    databases::{Kind, Raw, TestDatabase, database, databases},
    log,
    until::{PATIENCE, unblocked, until},
};

const QUICK: Duration = Duration::from_millis(20);

async fn migrated(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn seeded(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = migrated(database).await;
    let names = ["on", "off", "both", "never", "\u{1f6a9} \"; drop table flags"];
    let changes =
        (1..).zip(names).map(|(id, name)| Change::InsertFlag(FlagRow::new(id, name, name != "off")));
    store.apply(changes.collect()).await.unwrap();
    store
}

fn builder() -> FlagsBuilder {
    Flags::builder().refresh(QUICK).usage_interval(QUICK)
}

fn ask(flags: &Flags, flag: &str, times: usize) {
    for _ in 0..times {
        flags.evaluate(flag, &Context::new()).unwrap();
    }
}

async fn usage_of(store: &dyn SchemaStore) -> Vec<FlagUsage> {
    store.usage_store().unwrap().usage().await.unwrap().flags
}

/// Waits until this number of evaluations of a flag is recorded.
async fn written(store: &dyn SchemaStore, flag: &str, evaluations: i64) -> FlagUsage {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let usage = usage_of(store).await.into_iter().find(|usage| usage.flag == flag);
        if let Some(usage) = usage.filter(|usage| usage.evaluations >= evaluations) {
            assert_eq!(usage.evaluations, evaluations, "{flag}");
            return usage;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{evaluations} of {flag} are not written down: {:?}", usage_of(store).await);
}

#[tokio::test]
async fn evaluations_are_recorded_and_rows_do_not_change() {
    for database in databases().await {
        let kind = database.kind;
        let store = seeded(&database).await;
        let revision = store.revision().await.unwrap();
        let started = Utc::now() - TimeDelta::seconds(5);
        let flags = builder().connect(&database.url).await.unwrap();
        ask(&flags, "on", 7);
        ask(&flags, "off", 3);
        ask(&flags, "both", 1);
        ask(&flags, "\u{1f6a9} \"; drop table flags", 2);
        let on = written(&*store, "on", 7).await;
        assert!(
            on.first_seen == on.last_evaluated && on.last_evaluated == on.last_on && on.last_off.is_none()
        );
        assert!(on.last_on.is_some_and(|at| at > started), "{kind:?}: {on:?}");
        let off = written(&*store, "off", 3).await;
        assert!(off.last_on.is_none() && off.last_off == off.last_evaluated && off.last_off.is_some());
        written(&*store, "\u{1f6a9} \"; drop table flags", 2).await;
        assert_eq!(usage_of(&*store).await.len(), 4, "{kind:?}");
        assert_eq!(store.revision().await.unwrap(), revision, "{kind:?}: it is no change of the flags");
        let history = "select cast(count(*) as char(20)) from flag_history where entity like 'novi_usage%'";
        assert_eq!(Raw::connect(&database).await.texts(history).await[0].trim(), "0");

        // Another process adds evaluations with the other decision.
        store.apply(vec![Change::SetStatus { flag: "both".to_owned(), status: false }]).await.unwrap();
        let other = builder().connect(&database.url).await.unwrap();
        ask(&other, "both", 4);
        let both = written(&*store, "both", 5).await;
        assert!(both.last_off > both.last_on && both.last_on == both.first_seen, "{kind:?}: {both:?}");
        drop((flags, other));
    }
}

#[tokio::test]
async fn writers_of_flags_and_of_usage_do_not_block_each_other() {
    for database in databases().await.into_iter().filter(|database| database.kind != Kind::Sqlite) {
        let kind = database.kind;
        let store = seeded(&database).await;
        let mut writer = Raw::connect(&database).await;
        writer.run("begin").await.unwrap();
        writer.run("update flags set status = true").await.unwrap();
        writer.run("delete from flags where name = 'never'").await.unwrap();
        let usage = |flag: &str| Usage { flag: flag.to_owned(), on: 1, off: 0 };
        let all = ["on", "off", "both", "never"].map(usage).to_vec();
        let recorded = store.usage_store().unwrap().record_usage(all);
        unblocked("a writer of usage", recorded).await.unwrap();
        // And the reverse: a writer of usage locks nothing that a change of flags needs.
        let mut other = Raw::connect(&database).await;
        other.run("begin").await.unwrap();
        other.run("update novi_usage set evaluations = evaluations + 1").await.unwrap();
        writer.run("update flags set status = false").await.unwrap();
        writer.run("commit").await.unwrap();
        other.run("commit").await.unwrap();
        assert_eq!(usage_of(&*store).await.len(), 4, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_processes_record_all_usage() {
    for database in databases().await {
        let kind = database.kind;
        migrated(&database).await;
        let writers = (0..8_usize).map(|number| {
            let url = database.url.clone();
            tokio::spawn(async move {
                let store = store::connect(&url).await.unwrap();
                for round in 0..5 {
                    let mut flags: Vec<_> = (0..500).map(|flag| format!("flag {flag}")).collect();
                    flags.rotate_left(number * 50 + round);
                    let usage = flags.into_iter().map(|flag| Usage { flag, on: 1, off: 2 });
                    store.usage_store().unwrap().record_usage(usage.collect()).await.unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let store = store::connect(&database.url).await.unwrap();
        let usage = usage_of(&*store).await;
        assert_eq!(usage.len(), 500, "{kind:?}");
        assert!(usage.iter().all(|usage| usage.evaluations == 8 * 5 * 3), "{kind:?}: {:?}", usage.first());
    }
}

#[tokio::test]
async fn usage_without_write_access_is_logged_once() {
    let (log, _guard) = log::start_at(Level::DEBUG);
    let database = database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let url = format!("{}?mode=ro", database.url);
    let flags = builder().connect(&url).await.unwrap();
    ask(&flags, "on", 1);
    let at = |level: &str| {
        let lines = log.lines_with("which flags were evaluated");
        lines.iter().filter(|line| line.contains(level)).count()
    };
    until("a warning", || at("WARN") == 1).await;
    ask(&flags, "on", 1);
    until("another failure", || at("DEBUG") > 1).await;
    assert_eq!(at("WARN"), 1, "{}", log.text());
    assert!(flags.is_enabled("on", &Context::new()) && flags.status().failure.is_none());
    assert_eq!(usage_of(&*store).await, []);
}

#[tokio::test]
async fn failed_usage_writes_are_retried() {
    for database in databases().await {
        let (log, _guard) = log::start();
        let store = seeded(&database).await;
        let mut dba = Raw::connect(&database).await;
        dba.run("alter table novi_usage rename to hidden").await.unwrap();
        let flags = builder().connect(&database.url).await.unwrap();
        ask(&flags, "on", 2);
        until("a failure", || !log.lines_with("WARN").is_empty()).await;
        dba.run("alter table hidden rename to novi_usage").await.unwrap();
        ask(&flags, "on", 1);
        written(&*store, "on", 3).await;
    }
}

#[tokio::test]
async fn usage_can_be_turned_off() {
    let database = database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let flags = builder().usage_interval(Duration::ZERO).connect(&database.url).await.unwrap();
    ask(&flags, "on", 1);
    // Others, which began later, have recorded theirs.
    let others = builder().connect(&database.url).await.unwrap();
    ask(&others, "off", 1);
    written(&*store, "off", 1).await;
    let recorded: Vec<_> = usage_of(&*store).await.into_iter().map(|usage| usage.flag).collect();
    assert_eq!(recorded, ["off"]);
}

/// A flag that expires after this number of milliseconds, which may be negative.
async fn expiring(store: &dyn SchemaStore, name: &str, owner: Option<&str>, after: i64) {
    let expires_at = Some(Utc::now() + TimeDelta::milliseconds(after));
    let metadata = FlagMetadata { owner: owner.map(str::to_owned), expires_at, ..FlagMetadata::default() };
    let id = i64::try_from(store.load().await.unwrap().flags.len()).unwrap() + 1;
    store
        .apply(vec![Change::InsertFlag(FlagRow { metadata, ..FlagRow::new(id, name, true) })])
        .await
        .unwrap();
}

#[tokio::test]
async fn expired_flags_prevent_the_start_if_configured() {
    for database in databases().await {
        let store = migrated(&database).await;
        expiring(&*store, "late", None, 60_000).await;
        builder().expired(ExpiryPolicy::Refuse).connect(&database.url).await.unwrap();
        let old = "update flag_metadata set expires_at = '2026-01-31 12:00:00' where flag_id = 2";
        expiring(&*store, "old", Some("ada@example.org"), -1).await;
        Raw::connect(&database).await.run(old).await.unwrap();
        let error = builder().expired(ExpiryPolicy::Refuse).connect(&database.url).await.unwrap_err();
        let Error::Expired { flags } = &error else { panic!("{error}") };
        assert_eq!((flags.len(), flags[0].flag.as_str()), (1, "old"));
        assert_eq!(
            error.to_string(),
            "flags have expired and [flags] expired = \"refuse\": \"old\" (owner ada@example.org, expired \
             2026-01-31T12:00:00Z); remove them, or change flag_metadata.expires_at"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flags.novi");
        SnapshotFile::write(&file, "", &store.load().await.unwrap()).unwrap();
        let from_file = builder().expired(ExpiryPolicy::Refuse).from_file(&file);
        assert!(matches!(from_file, Err(Error::Expired { .. })));
        builder().from_file(&file).unwrap();
        builder().expired(ExpiryPolicy::Ignore).connect(&database.url).await.unwrap();
        builder().connect(&database.url).await.unwrap();
    }
}

#[tokio::test]
async fn expired_flags_are_logged_once_and_still_evaluated() {
    let (log, _guard) = log::start();
    let database = database(Kind::Sqlite).await;
    let store = migrated(&database).await;
    expiring(&*store, "old", None, -5000).await;
    let flags = builder().connect(&database.url).await.unwrap();
    until("the old one", || log.lines_with("\"old\" (without an owner, expired").len() == 1).await;
    let refuses = builder().expired(ExpiryPolicy::Refuse);
    expiring(&*store, "young", Some("ada"), 1000).await;
    until("the young one", || log.lines_with("\"young\" (owner ada, expired").len() == 1).await;
    assert_eq!(log.lines_with("has expired").len(), 2, "{}", log.text());
    assert!(flags.is_enabled("old", &Context::new()) && flags.is_enabled("young", &Context::new()));
    assert!(matches!(refuses.connect(&database.url).await, Err(Error::Expired { .. })));
}

#[test]
fn stores_without_usage_report_it() {
    let store: Arc<dyn ReadStore> = Arc::new(store::MemoryStore::default());
    assert!(store.usage_store().is_none());
}

fn count(flag: &str, hour: DateTime<Utc>, variant: Option<&str>, evaluations: i64) -> HourlyEvaluations {
    let variant = variant.map(str::to_owned);
    HourlyEvaluations { flag: flag.to_owned(), hour, enabled: true, variant, evaluations }
}

fn hour(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn named(flags: &[&str]) -> Vec<String> {
    flags.iter().map(|flag| (*flag).to_owned()).collect()
}

#[tokio::test]
async fn evaluations_are_added_up_by_hour_and_result() {
    for database in databases().await {
        let kind = database.kind;
        let store = migrated(&database).await;
        let store = store.usage_store().unwrap();
        let (first, second) = (hour("2026-11-27T10:00:00Z"), hour("2026-11-27T11:00:00Z"));
        let long = "v".repeat(300);
        let counts = vec![
            count("a", first + TimeDelta::minutes(59), Some("x"), 3),
            count("a", first, Some("x"), 4),
            count("a", first, Some("X"), 1),
            count("a", second, Some("x "), 1),
            count("a", second, Some("nul\0"), 1),
            count("a", second, Some(&long), 1),
            HourlyEvaluations { enabled: false, ..count("a", second, None, 5) },
            count("b", second, None, 9),
        ];
        store.record_evaluations(counts.clone()).await.unwrap();
        store.record_evaluations(counts).await.unwrap();
        let found = store.evaluations(&named(&["a", "b", "c"]), first).await.unwrap();
        let expected = [
            count("a", first, Some("X"), 2),
            count("a", first, Some("x"), 14),
            HourlyEvaluations { enabled: false, ..count("a", second, None, 10) },
            count("a", second, Some("nul\u{fffd}"), 2),
            count("a", second, Some(&long[..255]), 2),
            count("a", second, Some("x "), 2),
            count("b", second, None, 18),
        ];
        let mut found = found;
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected, "{kind:?}");
        let later = store.evaluations(&named(&["b"]), second + TimeDelta::minutes(1)).await.unwrap();
        assert_eq!(later, [count("b", second, None, 18)], "{kind:?}");
        assert_eq!(store.evaluations(&[], first).await.unwrap(), [], "{kind:?}");
    }
}

#[tokio::test]
async fn old_hours_are_deleted_in_batches() {
    for database in databases().await {
        let kind = database.kind;
        let store = migrated(&database).await;
        let store = store.usage_store().unwrap();
        let (old, new) = (hour("2026-11-01T10:00:00Z"), hour("2026-11-27T11:00:00Z"));
        let flags: Vec<String> = (0..450).map(|number| format!("flag {number}")).collect();
        for hour in [old, new] {
            let counts = flags.iter().map(|flag| count(flag, hour, None, 1)).collect();
            store.record_evaluations(counts).await.unwrap();
        }
        assert_eq!(store.prune_evaluations(new + TimeDelta::minutes(30)).await.unwrap(), 450, "{kind:?}");
        assert_eq!(store.prune_evaluations(new).await.unwrap(), 0, "{kind:?}");
        let left = store.evaluations(&flags, old).await.unwrap();
        assert!(left.len() == 450 && left.iter().all(|count| count.hour == new), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_processes_add_to_the_same_hours() {
    for database in databases().await {
        let kind = database.kind;
        migrated(&database).await;
        let at = hour("2026-11-27T10:00:00Z");
        let writers = (0..8_usize).map(|number| {
            let url = database.url.clone();
            tokio::spawn(async move {
                let store = store::connect(&url).await.unwrap();
                for round in 0..4 {
                    let mut flags: Vec<_> = (0..500).map(|flag| format!("flag {flag}")).collect();
                    flags.rotate_left(number * 50 + round);
                    let counts = flags.iter().map(|flag| count(flag, at, Some("v"), 2)).collect();
                    store.usage_store().unwrap().record_evaluations(counts).await.unwrap();
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let store = store::connect(&database.url).await.unwrap();
        let flags: Vec<_> = (0..500).map(|flag| format!("flag {flag}")).collect();
        let found = store.usage_store().unwrap().evaluations(&flags, at).await.unwrap();
        assert_eq!(found.len(), 500, "{kind:?}");
        assert!(found.iter().all(|count| count.evaluations == 8 * 4 * 2), "{kind:?}: {:?}", found.first());
    }
}

/// Waits until this number of evaluations of a flag is recorded by hour.
async fn recorded_by_hour(store: &dyn SchemaStore, flag: &str, evaluations: i64) -> Vec<HourlyEvaluations> {
    let since = Utc::now() - TimeDelta::hours(1);
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let found = store.usage_store().unwrap().evaluations(&named(&[flag]), since).await.unwrap();
        if found.iter().map(|count| count.evaluations).sum::<i64>() >= evaluations {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{evaluations} of {flag} are not recorded by hour");
}

#[tokio::test]
async fn processes_record_evaluations_by_hour_and_delete_old_hours() {
    for database in databases().await {
        let kind = database.kind;
        let store = seeded(&database).await;
        let split = r#"{"variants": {"red": 50, "blue": 50}}"#;
        let changes = vec![
            Change::InsertActivation(ActivationRow::new(1, "Colors", "novi.split", split)),
            Change::Link(LinkRow::new(1, 1)),
        ];
        store.apply(changes).await.unwrap();
        let usage = store.usage_store().unwrap();
        let old = Utc::now() - TimeDelta::days(15);
        usage.record_evaluations(vec![count("on", old, None, 1)]).await.unwrap();
        let one = builder().connect(&database.url).await.unwrap();
        let two = builder().connect(&database.url).await.unwrap();
        for flags in [&one, &two] {
            for user in 0..20 {
                let user = format!("user {user}");
                flags.evaluate("on", &Context::new().with("targetingKey", user.as_str())).unwrap();
            }
            ask(flags, "off", 3);
        }
        let found = recorded_by_hour(&*store, "on", 40).await;
        let mut variants: Vec<_> = found.iter().filter_map(|count| count.variant.as_deref()).collect();
        variants.sort_unstable();
        variants.dedup();
        assert_eq!(variants, ["blue", "red"], "{kind:?}: {found:?}");
        assert!(found.iter().all(|count| count.enabled && count.evaluations % 2 == 0), "{kind:?}: {found:?}");
        let off = recorded_by_hour(&*store, "off", 6).await;
        assert!(off.iter().all(|count| !count.enabled && count.variant.is_none()), "{kind:?}: {off:?}");
        let deadline = Instant::now() + PATIENCE;
        while usage.evaluations(&named(&["on"]), old).await.unwrap().iter().any(|count| count.hour < old) {
            assert!(Instant::now() < deadline, "{kind:?}: old hours are not deleted");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop((one, two));
    }
}

#[tokio::test]
async fn evaluations_by_hour_can_be_turned_off() {
    let database = database(Kind::Sqlite).await;
    let store = seeded(&database).await;
    let flags = builder().usage_retention(Duration::ZERO).connect(&database.url).await.unwrap();
    ask(&flags, "on", 2);
    written(&*store, "on", 2).await;
    ask(&flags, "off", 1);
    written(&*store, "off", 1).await;
    let found = store.usage_store().unwrap().evaluations(&named(&["on", "off"]), Utc::now()).await.unwrap();
    assert_eq!(found, []);
}

#[tokio::test]
async fn usage_of_some_flags_is_that_of_all() {
    for database in databases().await {
        let store = migrated(&database).await;
        let usage = store.usage_store().unwrap();
        let one = |number: usize| Usage { flag: format!("flag {number}"), on: 1, off: 0 };
        usage.record_usage((0..250).map(one).collect()).await.unwrap();
        let all = usage.usage().await.unwrap();
        let some: Vec<String> =
            (0..150).map(|number| format!("flag {number}")).chain(named(&["x"])).collect();
        let found = usage.usage_of(&some).await.unwrap();
        assert_eq!((found.since, found.flags.len()), (all.since, 150), "{:?}", database.kind);
        assert!(found.flags.iter().all(|flag| all.flags.contains(flag)), "{:?}", database.kind);
    }
}

#[tokio::test]
async fn database_of_the_first_migration_works_and_is_upgraded() {
    for database in databases().await {
        let kind = database.kind;
        let (log, _guard) = log::start();
        let store = seeded(&database).await;
        let mut dba = Raw::connect(&database).await;
        dba.run("drop table novi_evaluations").await.unwrap();
        dba.run("delete from novi_migrations where version = 2").await.unwrap();
        let flags = builder().connect(&database.url).await.unwrap();
        ask(&flags, "on", 2);
        written(&*store, "on", 2).await;
        until("a warning", || !log.lines_with("charts will not include these evaluations").is_empty()).await;
        let found = store.usage_store().unwrap().evaluations(&named(&["on"]), Utc::now()).await;
        assert!(matches!(found, Err(Error::NotMigrated { .. })), "{kind:?}: {found:?}");
        let migrated = store.migrate().await.unwrap();
        assert_eq!(migrated.applied, ["migration 2 (evaluations by hour)"], "{kind:?}");
        assert_eq!(recorded_by_hour(&*store, "on", 2).await.len(), 1, "{kind:?}");
    }
}

//! Guardrails of ramps, on each database.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "../../../tests/common/databases.rs"]
mod common;
mod support;

use std::{sync::Arc, time::Duration as Timeout};

use chrono::{DateTime, Duration, SubsecRound, Utc};
use common::{Raw, TestDatabase, databases};
use novi::{
    Flags,
    config::OnHarm,
    flags::Writer,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
    store::{Change, Edit, SchemaStore, history::HistoryQuery},
};
use novi_experiments::{Database, Guard, GuardError, Metric};

use crate::support::{Unit, assign, time};

const FLAG: &str = "editor";

/// A flag with a ramp whose second of three steps began two days ago, made five days ago.
struct Shop {
    store: Arc<dyn SchemaStore>,
    now: DateTime<Utc>,
}

fn ramp(now: DateTime<Utc>) -> String {
    let step = |days: i64, percentage: u8| {
        format!(r#"{{"at": "{}", "percentage": {percentage}}}"#, (now + Duration::days(days)).to_rfc3339())
    };
    format!(r#"{{"salt": "s", "steps": [{}, {}, {}]}}"#, step(-4, 20), step(-2, 50), step(2, 100))
}

/// Units since `days` ago, of whom one in `every` of those who are on has an error, and one in twenty of the others.
async fn shop(database: &TestDatabase, config: impl Fn(DateTime<Utc>) -> String, every: u64) -> Shop {
    let now = Utc::now().trunc_subsecs(0);
    let store = novi::store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let made = Edit::new([
        Change::InsertFlag(FlagRow::new(1, FLAG, true)),
        Change::InsertActivation(ActivationRow::new(1, "ramp", "novi.ramp", config(now))),
        Change::Link(LinkRow::new(1, 1)),
    ]);
    store.commit_past(vec![(now - Duration::days(5), made)]).await.unwrap();
    let mut units = Vec::new();
    let mut errors = Vec::new();
    for number in 0..3000_u64 {
        let variant = if number % 2 == 0 { "on" } else { "off" };
        let seen = now - Duration::hours(40) + Duration::seconds(number.cast_signed());
        let is_error = if variant == "on" { number / 2 % every == 0 } else { number / 2 % 20 == 0 };
        units.push(Unit { number, variant, seen });
        if is_error {
            errors.push((number, seen));
        }
    }
    // Of the step before: all who were off had errors. They do not count, since a part of them is on now.
    for number in 3000..5000_u64 {
        let variant = if number % 5 == 0 { "on" } else { "off" };
        let seen = now - Duration::hours(80);
        units.push(Unit { number, variant, seen });
        if variant == "off" {
            errors.push((number, seen));
        }
    }
    let rows: Vec<String> = errors
        .into_iter()
        .map(|(number, seen)| format!("({number}, '{}')", time(seen + Duration::minutes(9))))
        .collect();
    let mut raw = Raw::connect(database).await;
    assign(&mut raw, database.kind, FLAG, &units).await;
    let script = format!(
        "create table errors (user_id integer not null, at timestamp not null); insert into errors values {}",
        rows.join(", ")
    );
    raw.run(&script).await.unwrap();
    Shop { store, now }
}

impl Shop {
    async fn rows(&self) -> Rows {
        self.store.load().await.unwrap()
    }

    async fn config(&self) -> String {
        self.rows().await.activations[0].config.clone().unwrap()
    }

    /// The records of changes of the guard.
    async fn changes(&self) -> Vec<String> {
        let records = self.store.history(&HistoryQuery::default()).await.unwrap();
        let own = records.into_iter().filter(|record| record.actor.as_deref() == Some("novi guard"));
        own.map(|record| record.reason.unwrap()).collect()
    }

    async fn writer(&self) -> Writer {
        Flags::builder().keep_rows().from_rows(self.rows().await).unwrap().writer()
    }
}

fn errors(fields: &str) -> Metric {
    let text = format!(
        "-- kind: proportion\n-- better: less\n-- guardrail: true\n{fields}\nselect user_id as unit, at as ts from errors"
    );
    Metric::parse("errors", &text).unwrap()
}

fn guard(database: &TestDatabase, metric: Metric, on_harm: OnHarm) -> Guard {
    Guard::new(&database.url, vec![metric], on_harm).unwrap()
}

#[tokio::test]
async fn harm_holds_a_ramp_once() {
    for database in databases().await {
        let shop = shop(&database, ramp, 5).await;
        let guard = guard(&database, errors("-- margin: 10%"), OnHarm::Hold);
        let rows = shop.rows().await;
        assert_eq!(guard.flags(&rows, shop.now), [FLAG]);
        // Two servers read the same rows.
        let one = guard.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap();
        let other = guard.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap();
        assert_eq!(one.doubts, [""; 0], "{:?}", database.kind);
        let harm = &one.harms[0];
        assert_eq!((harm.variant.as_str(), harm.control.as_str(), harm.units), ("on", "off", [1500, 1500]));
        assert_eq!(one.since, Some(shop.now - Duration::days(2)), "{:?}", database.kind);
        let writer = shop.writer().await;
        assert!(one.apply(&writer, &*shop.store).await.unwrap());
        assert!(!other.apply(&writer, &*shop.store).await.unwrap(), "{:?}", database.kind);
        let changes = shop.changes().await;
        assert_eq!(changes.len(), 1, "{changes:?}");
        let [start, end] = ["guardrail errors: on differs from off by +", "; held at 50 %"];
        assert!(changes[0].starts_with(start) && changes[0].ends_with(end), "{changes:?}");
        assert!(changes[0].contains("(at any time), margin 10.00 %, units 1500 and 1500"), "{changes:?}");
        let config = shop.config().await;
        assert!(config.contains(r#""salt":"s""#) && config.matches("percentage").count() == 2, "{config}");
        // It is held, so that there is nothing more to do.
        let rows = shop.rows().await;
        assert!(guard.flags(&rows, shop.now).is_empty());
        let again = guard.check(&*shop.store, &rows, FLAG, Utc::now()).await.unwrap();
        assert!(again.reason.is_none() && !again.apply(&writer, &*shop.store).await.unwrap());

        // A person goes on: what was known before does not count again.
        let row = ActivationRow { config: Some(ramp(shop.now)), ..rows.activations[0].clone() };
        writer.commit(&*shop.store, Edit::new([Change::UpdateActivation(row)]).actor("jane")).await.unwrap();
        let rows = shop.rows().await;
        let gone_on =
            guard.check(&*shop.store, &rows, FLAG, Utc::now() + Duration::minutes(1)).await.unwrap();
        assert!(gone_on.harms.is_empty() && gone_on.reason.is_none(), "{:?}: {gone_on:?}", database.kind);
        assert!(!gone_on.is_compared, "{:?}: {gone_on:?}", database.kind);
        assert!(
            gone_on.doubts[0].starts_with("too few units since ")
                && gone_on.doubts[0].contains(": 0; at least 100"),
            "{:?}: {gone_on:?}",
            database.kind
        );
    }
}

#[tokio::test]
async fn harm_rolls_a_ramp_back() {
    for database in databases().await {
        let shop = shop(&database, ramp, 5).await;
        let guard = guard(&database, errors(""), OnHarm::RollBack);
        let guarded = guard.check(&*shop.store, &shop.rows().await, FLAG, shop.now).await.unwrap();
        assert!(guarded.apply(&shop.writer().await, &*shop.store).await.unwrap(), "{:?}", database.kind);
        assert!(shop.changes().await[0].ends_with("; rolled back from 50 %"));
        let flags = Flags::builder().keep_rows().from_rows(shop.rows().await).unwrap();
        for user in 0..200 {
            let context = novi::Context::new().with("targetingKey", format!("user-{user}"));
            assert!(!flags.is_enabled(FLAG, &context), "{:?}", database.kind);
        }
        assert!(guard.flags(&shop.rows().await, shop.now).is_empty());
    }
}

#[tokio::test]
async fn ramps_go_on_without_harm_and_within_the_margin() {
    for database in databases().await {
        // One in twenty as well.
        let shop = shop(&database, ramp, 20).await;
        let rows = shop.rows().await;
        let same = guard(&database, errors(""), OnHarm::Hold);
        let same = same.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap();
        assert!(same.harms.is_empty() && same.reason.is_none(), "{:?}: {same:?}", database.kind);
        assert!(same.is_compared && same.doubts.is_empty(), "{:?}: {same:?}", database.kind);
        drop(shop);
    }
    for database in databases().await {
        let shop = shop(&database, ramp, 5).await;
        let rows = shop.rows().await;
        // Four times as many errors: three times more is within the uncertainty.
        for margin in ["-- margin: 200%", "-- margin: 1000%", "-- margin: 0.5"] {
            let wide = guard(&database, errors(margin), OnHarm::Hold);
            let wide = wide.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap();
            assert!(wide.harms.is_empty() && wide.reason.is_none(), "{:?}: {wide:?}", database.kind);
        }
        let narrow = guard(&database, errors("-- margin: 0.01"), OnHarm::Hold);
        let narrow = narrow.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap();
        assert!(!narrow.harms[0].is_relative && narrow.reason.is_some(), "{:?}: {narrow:?}", database.kind);
    }
}

#[tokio::test]
async fn queries_that_fail_and_numbers_that_do_not_fit_change_nothing() {
    for database in databases().await {
        let shop = shop(&database, ramp, 5).await;
        let rows = shop.rows().await;
        let broken = "-- kind: proportion\n-- better: less\n-- guardrail: true\nselect nonsense from errors";
        let broken = guard(&database, Metric::parse("broken", broken).unwrap(), OnHarm::Hold);
        let failed = broken.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap();
        assert!(
            failed.reason.is_none() && failed.doubts[0].starts_with("broken: could not run"),
            "{failed:?}"
        );
        let hasty = Database::new(&database.url).timeout(Timeout::from_nanos(1));
        let slow = Guard::new(hasty, vec![errors("")], OnHarm::Hold).unwrap();
        let slow = slow.check(&*shop.store, &rows, FLAG, shop.now).await;
        assert!(slow.is_err() || slow.is_ok_and(|found| found.reason.is_none()), "{:?}", database.kind);
        // Half of those who are on are lost, as by a page that crashes before the exposure is recorded.
        let deletion = "delete from novi_assignments where variant = 'on' and id % 4 = 1";
        Raw::connect(&database).await.run(deletion).await.unwrap();
        let unbalanced = guard(&database, errors(""), OnHarm::Hold);
        let lost = unbalanced.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap();
        assert!(lost.harms.is_empty() && lost.reason.is_none(), "{:?}: {lost:?}", database.kind);
        assert!(lost.doubts[0].contains("no number below can be trusted"), "{lost:?}");
        assert!(shop.changes().await.is_empty());
    }
}

#[tokio::test]
async fn ramps_that_cannot_be_compared_are_rejected() {
    let database = &databases().await[0];
    let linear = |now: DateTime<Utc>| ramp(now).replace(r#""salt""#, r#""linear": true, "salt""#);
    let shop = shop(database, linear, 5).await;
    let guard = guard(database, errors(""), OnHarm::Hold);
    let rows = shop.rows().await;
    let error = guard.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap_err();
    assert!(matches!(error, GuardError::Linear(_)), "{error}");
    let error = guard.check(&*shop.store, &rows, "none", shop.now).await.unwrap_err();
    assert_eq!(error.to_string(), "no flag is named \"none\"");
    let error =
        guard.check(&*shop.store, &Rows { links: Vec::new(), ..rows }, FLAG, shop.now).await.unwrap_err();
    assert!(matches!(error, GuardError::Ramps { found: 0, .. }), "{error}");
    let goal = Metric::parse("buyers", "-- kind: mean\nselect 1").unwrap();
    assert!(matches!(Guard::new("sqlite:x", vec![goal], OnHarm::Hold), Err(GuardError::NoGuardrails)));
}

/// A ramp inside of a rule, and one that a `novi.and` refers to.
#[tokio::test]
async fn ramps_inside_of_other_activations_are_held() {
    for database in databases().await {
        for inline in [true, false] {
            let database = common::database(database.kind).await;
            let shop = shop(&database, ramp, 5).await;
            let config = if inline {
                let ramp = format!(r#"{{"class_name": "novi.ramp", "config": {}}}"#, ramp(shop.now));
                format!(r#"{{"rules": [{{"when": {ramp}, "on": true}}]}}"#)
            } else {
                "[1]".to_owned()
            };
            let class = if inline { "novi.rules" } else { "novi.and" };
            let nested = Edit::new([
                Change::Unlink(LinkRow::new(1, 1)),
                Change::InsertActivation(ActivationRow::new(2, "outer", class, config)),
                Change::Link(LinkRow::new(1, 2)),
            ]);
            shop.store.commit_past(vec![(shop.now - Duration::days(4), nested)]).await.unwrap();
            let guard = guard(&database, errors("-- margin: 10%"), OnHarm::Hold);
            let rows = shop.rows().await;
            assert_eq!(guard.flags(&rows, shop.now), [FLAG]);
            let found = guard.check(&*shop.store, &rows, FLAG, shop.now).await.unwrap();
            assert_eq!(found.activation, if inline { 2 } else { 1 });
            assert_eq!(found.since, Some(shop.now - Duration::days(2)), "{:?}", database.kind);
            let writer = shop.writer().await;
            assert!(found.apply(&writer, &*shop.store).await.unwrap(), "{:?}", database.kind);
            let rows = shop.rows().await;
            let (ramp, outer) = (&rows.activations[0], &rows.activations[1]);
            let changed = if inline { outer } else { ramp }.config.clone().unwrap();
            assert_eq!(changed.matches("percentage").count(), 2, "{changed}");
            assert_eq!(guard.flags(&rows, shop.now), [""; 0], "it is held: {changed}");
        }
    }
}

/// The variants of a split next to the ramp, whose weights were changed while units were exposed.
#[tokio::test]
async fn units_of_a_split_are_compared_with_the_weights_of_their_time() {
    for database in databases().await {
        let shop = shop(&database, ramp, 20).await;
        let split = |b: u8| {
            ActivationRow::new(2, "split", "novi.split", format!(r#"{{"variants": {{"a": 1, "b": {b}}}}}"#))
        };
        let made = [Change::InsertActivation(split(1)), Change::Link(LinkRow::new(1, 2))];
        let first = shop.store.commit(Edit::new(made)).await.unwrap();
        let second = shop.store.commit(Edit::new([Change::UpdateActivation(split(9))])).await.unwrap();
        let mut raw = Raw::connect(&database).await;
        raw.run("delete from novi_assignments").await.unwrap();
        let units = |numbers: std::ops::Range<u64>, every: u64| -> Vec<Unit> {
            let variant = |number: u64| if number.is_multiple_of(every) { "a" } else { "b" };
            let seen = shop.now - Duration::hours(40);
            numbers.map(|number| Unit { number, variant: variant(number), seen }).collect()
        };
        assign(&mut raw, database.kind, FLAG, &units(1000..2000, 10)).await;
        raw.run(&format!("update novi_assignments set revision = {}", second.number())).await.unwrap();
        assign(&mut raw, database.kind, FLAG, &units(0..1000, 2)).await;
        let earlier = format!("update novi_assignments set revision = {} where revision = 1", first.number());
        raw.run(&earlier).await.unwrap();
        let guard = guard(&database, errors(""), OnHarm::Hold);
        let checked = guard.check(&*shop.store, &shop.rows().await, FLAG, shop.now).await.unwrap();
        assert!(checked.is_compared, "{:?}: {checked:?}", database.kind);
        assert_eq!(checked.doubts, Vec::<String>::new(), "{:?}", database.kind);
    }
}

//! Weights of a split by Thompson sampling, on each database.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "../../../tests/common/databases.rs"]
mod common;
mod support;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use common::databases;
use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
    store::{Change, Edit, history::HistoryQuery},
};
use novi_experiments::{Bandit, BanditError, By, Experiment, Metric, weight_periods};
use novi_stats::{
    Summary,
    bandit::{Arm, Thompson},
    metric::Mean,
};

use crate::support::{Numbers, Unit, assign, prepare, time};

const VARIANTS: [&str; 3] = ["blue", "control", "red"];

fn made(config: &str) -> Edit {
    Edit::new([
        Change::InsertFlag(FlagRow::new(1, "color", true)),
        Change::InsertActivation(ActivationRow::new(1, "split", "novi.split", config)),
        Change::Link(LinkRow::new(1, 1)),
    ])
}

/// Units with what they spent: those with "blue" most, those with "red" least.
fn units(now: DateTime<Utc>) -> Vec<(Unit, u64)> {
    let mut numbers = Numbers(5);
    let unit = |number: u64| {
        let place = usize::try_from(number % 3).unwrap();
        let seen = now - Duration::days(3) + Duration::seconds(number.cast_signed());
        let spent = [24, 24, 8][place] + numbers.below([42, 41, 40][place]);
        (Unit { number, variant: VARIANTS[place], seen }, spent)
    };
    (0..900).map(unit).collect()
}

fn script(units: &[(Unit, u64)]) -> String {
    let rows = units.iter().map(|(unit, spent)| {
        format!("({}, '{}', {spent})", unit.number, time(unit.seen + Duration::hours(2)))
    });
    format!(
        "create table orders (user_id integer not null, at timestamp not null, amount integer not null); \
         insert into orders values {}",
        rows.collect::<Vec<_>>().join(", ")
    )
}

fn metric(kind: &str) -> Metric {
    let sql = "select user_id as unit, at as ts, amount as value from orders";
    Metric::parse("revenue", &format!("-- kind: {kind}\n{sql}")).unwrap()
}

/// The weights of the same sums, from the rows.
fn expected(units: &[(Unit, u64)], seed: u64, floor: f64) -> Vec<f64> {
    let arms = VARIANTS.map(|variant| {
        let mut summary = Summary::default();
        for (_, spent) in units.iter().filter(|(unit, _)| unit.variant == variant) {
            summary.add([f64::from(u32::try_from(*spent).unwrap())]).unwrap();
        }
        Arm::of(&Mean(summary)).unwrap()
    });
    Thompson { seed, floor, ..Thompson::default() }.weights(&arms).unwrap()
}

#[tokio::test]
async fn better_variants_get_more_weight_on_every_database() {
    let now = Utc::now().trunc_subsecs(0);
    let units = units(now);
    let assigned: Vec<Unit> = units.iter().map(|(unit, _)| *unit).collect();
    for database in databases().await {
        prepare(&database, "color", &assigned, &script(&units)).await;
        let store = novi::store::connect(&database.url).await.unwrap();
        let split = r#"{"variants": {"control": 1, "blue": 1, "red": 1}, "remember": true}"#;
        store.commit(made(split)).await.unwrap();
        let rows = store.load().await.unwrap();
        let bandit = |seed| Bandit::new(&database.url, metric("mean")).seed(seed).floor(0.1);
        let new = bandit(7).check(&rows, "color", now).await.unwrap();
        let weights: Vec<f64> = new.arms.iter().map(|arm| arm.weight).collect();
        for (found, expected) in weights.iter().zip(expected(&units, 7, 0.1)) {
            assert!((found - expected).abs() <= 0.000_501, "{:?}: {weights:?}", database.kind);
        }
        assert!(weights[0] > weights[1], "{:?}: {weights:?}", database.kind);
        assert!((weights[2] - 0.1).abs() < 1e-9, "the floor: {weights:?}");
        assert_eq!(new.arms.iter().map(|arm| arm.units).collect::<Vec<_>>(), [300; 3], "{:?}", database.kind);
        let again = bandit(7).check(&rows, "color", now).await.unwrap();
        assert_eq!(again.reason, new.reason, "equal seeds give equal weights");

        let flags = Flags::builder().keep_rows().from_rows(rows.clone()).unwrap();
        assert!(new.remembers && new.apply(&flags.writer(), &*store).await.unwrap(), "{:?}", database.kind);
        assert!(!again.apply(&flags.writer(), &*store).await.unwrap(), "two servers do it once");
        let records = store.history(&HistoryQuery::default()).await.unwrap();
        let own: Vec<_> =
            records.iter().filter(|record| record.actor.as_deref() == Some("novi reweigh")).collect();
        assert_eq!(own.len(), 1, "{:?}", database.kind);
        let reason = own[0].reason.as_deref().unwrap();
        assert!(reason.starts_with("Thompson sampling by revenue, seed 7, floor 10.0 %: blue "), "{reason}");
        // The callers have the new weights, and few of them have moved.
        let rows = store.load().await.unwrap();
        let flags = Flags::builder().keep_rows().from_rows(rows.clone()).unwrap();
        let before = Flags::builder()
            .keep_rows()
            .from_rows(Rows { revision: rows.revision, ..rows_with(split) })
            .unwrap();
        let (mut blue, mut moved) = (0_u32, 0_u32);
        for user in 0..2000 {
            let context = novi::Context::new().with("targetingKey", format!("user-{user}"));
            let [one, other] = [&before, &flags].map(|flags| flags.evaluate("color", &context).unwrap());
            blue += u32::from(other.variant() == Some("blue"));
            moved += u32::from(one.variant() != other.variant());
        }
        assert!((f64::from(blue) / 2000.0 - weights[0]).abs() < 0.05, "{:?}: {blue}", database.kind);
        assert!((f64::from(moved) / 2000.0 - new.moved).abs() < 0.05, "{:?}: {moved}", database.kind);
        let changed = Bandit::last_change(&*store, &rows, "color").await.unwrap().unwrap();
        assert!(changed >= now - Duration::minutes(1), "{:?}: {changed}", database.kind);
    }
}

fn rows_with(split: &str) -> Rows {
    Rows {
        flags: vec![FlagRow::new(1, "color", true)],
        activations: vec![ActivationRow::new(1, "split", "novi.split", split)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    }
}

#[tokio::test]
async fn weights_stay_while_a_variant_is_unknown() {
    let now = Utc::now().trunc_subsecs(0);
    let units = units(now);
    let assigned: Vec<Unit> = units.iter().map(|(unit, _)| *unit).collect();
    let database = &databases().await[0];
    prepare(database, "color", &assigned, &script(&units)).await;
    let check = async |kind: &str, split: &str, floor: f64| {
        let bandit = Bandit::new(&database.url, metric(kind)).floor(floor);
        bandit.check(&rows_with(split), "color", now).await.unwrap_err()
    };
    let four = r#"{"variants": {"control": 1, "blue": 1, "red": 1, "green": 1}}"#;
    let three = r#"{"variants": {"control": 1, "blue": 1, "red": 1}}"#;
    let error = check("mean", four, 0.05).await;
    assert!(matches!(&error, BanditError::Unknown { variant, units: 0 } if variant == "green"), "{error}");
    // Everybody buys, so that the shares do not differ.
    assert!(matches!(check("proportion", three, 0.05).await, BanditError::Unknown { units: 300, .. }));
    assert!(matches!(check("quantile 0.5", three, 0.05).await, BanditError::Kind(_)));
    assert!(matches!(check("mean", three, 0.5).await, BanditError::Floor(_)));
    let crc = r#"{"hash": "crc32", "variants": {"control": 1, "blue": 1, "red": 1}}"#;
    assert!(matches!(check("mean", crc, 0.05).await, BanditError::Reweight(_)));
    let error =
        Bandit::new(&database.url, metric("mean")).check(&Rows::default(), "color", now).await.unwrap_err();
    assert_eq!(error.to_string(), "no flag is named \"color\"");
}

#[tokio::test]
async fn experiments_that_run_get_new_weights_on_every_database() {
    let now = Utc::now().trunc_subsecs(0);
    let units = units(now);
    let assigned: Vec<Unit> = units.iter().map(|(unit, _)| *unit).collect();
    for database in databases().await {
        prepare(&database, "colors", &assigned, &script(&units)).await;
        let store = novi::store::connect(&database.url).await.unwrap();
        let config = |state: &str| {
            format!(
                r#"{{"variants":{{"red":1,"control":1,"blue":1}},"control":"control","state":"{state}","traffic":50}}"#
            )
        };
        let row = |state: &str| ActivationRow::new(1, "colors", "novi.experiment", config(state));
        let made = Edit::new([
            Change::InsertFlag(FlagRow::new(1, "color", true)),
            Change::InsertActivation(row("running")),
            Change::Link(LinkRow::new(1, 1)),
        ]);
        store.commit(made).await.unwrap();
        let rows = store.load().await.unwrap();
        let bandit = Bandit::new(&database.url, metric("mean")).seed(7).floor(0.1);
        let new = bandit.check(&rows, "color", now).await.unwrap();
        let weights: Vec<f64> = new.arms.iter().map(|arm| arm.weight).collect();
        for (found, expected) in weights.iter().zip(expected(&units, 7, 0.1)) {
            assert!((found - expected).abs() <= 0.000_501, "{:?}: {weights:?}", database.kind);
        }
        assert!(new.remembers && new.moved > 0.1, "{:?}: {}", database.kind, new.moved);
        let flags = Flags::builder().keep_rows().from_rows(rows.clone()).unwrap();
        assert!(new.apply(&flags.writer(), &*store).await.unwrap(), "{:?}", database.kind);
        let rows = store.load().await.unwrap();
        let changed = rows.activations[0].config.clone().unwrap();
        let expected =
            format!(r#""variants":{{"red":{},"control":{},"blue":{}}}"#, weights[2], weights[1], weights[0]);
        assert!(changed.contains(&expected) && changed.contains(r#""traffic":50"#), "{changed}");
        let stopped = Rows { activations: vec![row("stopped")], ..rows };
        let error = bandit.check(&stopped, "color", now).await.unwrap_err();
        assert!(matches!(error, BanditError::NotRunning(_)), "{error}");
    }
}

/// Units of two periods, each of which fits its own weights only.
#[tokio::test]
async fn units_are_compared_with_the_weights_of_their_revision_on_every_database() {
    let now = Utc::now().trunc_subsecs(0);
    let units = |numbers: std::ops::Range<u64>, of_ten: u64| -> Vec<Unit> {
        let unit = |number| Unit {
            number,
            variant: if number % 10 < of_ten { "new" } else { "old" },
            seen: now - Duration::days(1),
        };
        numbers.map(unit).collect()
    };
    for database in databases().await {
        let config = |weight: u8| {
            format!(r#"{{"variants":{{"old":1,"new":{weight}}},"control":"old","state":"running"}}"#)
        };
        let row = |weight| ActivationRow::new(1, "colors", "novi.experiment", config(weight));
        // Those of the second period are first, since all are recorded at revision 1.
        prepare(&database, "colors", &units(1000..2000, 9), "create table orders (id integer)").await;
        let store = novi::store::connect(&database.url).await.unwrap();
        let made = Edit::new([
            Change::InsertFlag(FlagRow::new(1, "color", true)),
            Change::InsertActivation(row(1)),
            Change::Link(LinkRow::new(1, 1)),
        ]);
        let first = store.commit(made).await.unwrap();
        let other = Edit::new([Change::InsertFlag(FlagRow::new(2, "other", true))]);
        store.commit(other).await.unwrap();
        let second = store.commit(Edit::new([Change::UpdateActivation(row(9))])).await.unwrap();
        let mut raw = common::Raw::connect(&database).await;
        raw.run(&format!("update novi_assignments set revision = {}", second.number())).await.unwrap();
        assign(&mut raw, database.kind, "colors", &units(0..1000, 5)).await;
        raw.run(&format!("update novi_assignments set revision = {} where revision = 1", first.number()))
            .await
            .unwrap();
        let rows = store.load().await.unwrap();
        let periods = weight_periods(&*store, &rows, "colors").await.unwrap();
        let since: Vec<i64> = periods.iter().map(|period| period.since).collect();
        assert_eq!(since, [0, second.number()], "{:?}: {periods:?}", database.kind);
        let experiment = Experiment::new(&database.url, "colors").weights(periods[1].weights.clone());
        let by = ["day", "revision"].map(|name| By::attribute(name, &[], 9).unwrap());
        let report = experiment.clone().periods(periods).by(by.to_vec()).report(&[]).await.unwrap();
        for breakdown in &report.breakdowns {
            let ratios = breakdown.segments.iter().map(|part| part.sample_ratio.as_ref().unwrap());
            let compared: usize = ratios.clone().map(|ratio| ratio.periods.len()).sum();
            assert!(compared >= 2, "{:?}: {breakdown:?}", database.kind);
            assert!(ratios.clone().all(|ratio| !ratio.is_broken), "{:?}: {breakdown:?}", database.kind);
        }
        let ratio = report.sample_ratio.unwrap();
        assert!(ratio.p > 0.99 && ratio.periods.len() == 2, "{:?}: {ratio:?}", database.kind);
        let report = experiment.report(&[]).await.unwrap();
        assert!(report.sample_ratio.unwrap().is_broken, "{:?}: by the weights of now", database.kind);
    }
}

//! Experiments over the tables of a shop, on each database, compared with numbers that are computed from the same rows.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss, reason = "test code")]

#[path = "../../../tests/common/databases.rs"]
mod common;

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, Duration, Utc};
use common::{Kind, Raw, TestDatabase, databases};
use novi_experiments::{Comparison, Experiment, ExperimentError, Metric, Report, Verdict};
use novi_stats::{Summary, analysis::Welch, metric::Mean};

/// A user: the variant, when they saw it, and their orders with time and amount.
struct User {
    variant: &'static str,
    seen: DateTime<Utc>,
    orders: Vec<(DateTime<Utc>, f64)>,
}

/// The start of the experiment.
fn start() -> DateTime<Utc> {
    "2026-11-02T00:00:00Z".parse().unwrap()
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Users of two weeks, of whom those with "blue" order more often. Some orders are before the exposure, some after the
/// window of a week, and some after the end.
fn shop(count: u64) -> Vec<User> {
    let mut numbers = Numbers(7);
    let user = |number: u64| {
        let variant = if number.is_multiple_of(2) { "control" } else { "blue" };
        let seen = start() + Duration::minutes(numbers.below(14 * 24 * 60).cast_signed());
        let often = if variant == "blue" { 4 } else { 2 };
        let habit = numbers.below(100);
        let orders = (0..numbers.below(4 + often)).map(|_| {
            let time = seen + Duration::minutes(numbers.below(24 * 24 * 60).cast_signed() - 10 * 24 * 60);
            (time, (10 + habit + numbers.below(50)) as f64 / 4.0)
        });
        User { variant, seen, orders: orders.collect() }
    };
    (0..count).map(user).collect()
}

async fn filled(database: &TestDatabase, users: &[User]) {
    let store = novi::store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let (seen, ts) = match database.kind {
        Kind::Sqlite => ("%Y-%m-%dT%H:%M:%S%.6fZ", "%Y-%m-%d %H:%M:%S"),
        _ => ("%Y-%m-%d %H:%M:%S%.6f+00:00", "%Y-%m-%d %H:%M:%S"),
    };
    let seen = if database.kind == Kind::MySql { "%Y-%m-%d %H:%M:%S%.6f" } else { seen };
    let mut sql = "create table orders (id integer primary key, user_id integer not null, created_at timestamp not null, \
                   amount numeric(10, 2) not null);\n"
        .to_owned();
    let mut orders = Vec::new();
    let mut assignments = Vec::new();
    for (number, user) in users.iter().enumerate() {
        assignments.push(format!(
            "('color', '{number}', '{}', 1, '{}')",
            user.variant,
            user.seen.format(seen)
        ));
        for (time, amount) in &user.orders {
            orders.push(format!("({}, {number}, '{}', {amount})", orders.len(), time.format(ts)));
        }
    }
    // Of another experiment, and a unit that was never exposed.
    assignments.push(format!("('other', '1', 'control', 1, '{}')", start().format(seen)));
    orders.push(format!("({}, 999999, '{}', 1000)", orders.len(), start().format(ts)));
    writeln!(
        sql,
        "insert into novi_assignments (experiment, unit, variant, revision, assigned_at) values {};\n\
         insert into orders values {};",
        assignments.join(", "),
        orders.join(", ")
    )
    .unwrap();
    Raw::connect(database).await.run(&sql).await.unwrap();
}

const ORDERS: &str = "select user_id as unit, created_at as ts, amount as value, 1 as denominator from orders \
                      where created_at >= :start and created_at < :end";

fn metric(name: &str, fields: &str) -> Metric {
    Metric::parse(name, &format!("{fields}\n{ORDERS}")).unwrap()
}

fn metrics() -> Vec<Metric> {
    vec![
        metric("revenue", "-- kind: mean\n-- window: 7days"),
        metric("revenue capped", "-- kind: mean\n-- cap: 20"),
        metric("revenue cuped", "-- kind: mean\n-- window: 7days\n-- before: 7days"),
        metric("buyers", "-- kind: proportion\n-- window: 7days"),
        metric("back", "-- kind: proportion\n-- after: 3days\n-- window: 10days"),
        metric("order value", "-- kind: ratio"),
        metric("large", "-- kind: quantile 0.8"),
        metric("guard", "-- kind: mean\n-- better: less\n-- guardrail: true"),
    ]
}

fn end() -> DateTime<Utc> {
    start() + Duration::days(20)
}

async fn report(database: &TestDatabase, metrics: &[Metric]) -> Report {
    let weights = BTreeMap::from([("control".to_owned(), 50.0), ("blue".to_owned(), 50.0)]);
    let experiment = Experiment::new(&database.url, "color").end(Some(end())).weights(weights);
    experiment.report(metrics).await.unwrap()
}

/// The sums of a user's orders that count.
fn sum(user: &User, from: Duration, to: Duration) -> f64 {
    let counts = |time: DateTime<Utc>| time >= user.seen + from && time < user.seen + to && time < end();
    // The table has no fractions of a second.
    user.orders
        .iter()
        .filter(|(time, _)| counts(*time))
        .map(|(_, amount)| (amount * 100.0).round() / 100.0)
        .sum()
}

fn values(users: &[User], variant: &str, value: impl Fn(&User) -> f64) -> Vec<f64> {
    users.iter().filter(|user| user.variant == variant).map(value).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn close(one: f64, other: f64, what: &str) {
    assert!((one - other).abs() <= 1e-9 * other.abs().max(1e-9), "{what}: {one} and {other}");
}

fn result<'a>(report: &'a Report, name: &str) -> &'a Comparison {
    let metric = report.metrics.iter().find(|report| report.metric.name == name).unwrap();
    let variant = &metric.variants[0];
    variant.result.as_ref().unwrap_or_else(|| panic!("{name}: {:?} {:?}", metric.problem, variant.problem))
}

#[tokio::test]
async fn numbers_are_those_of_the_rows_on_every_database() {
    let users = shop(2000);
    let (week, far) = (Duration::days(7), Duration::days(100));
    let mut reports = Vec::new();
    for database in databases().await {
        filled(&database, &users).await;
        let report = report(&database, &metrics()).await;
        assert_eq!((report.control.as_str(), report.units["blue"]), ("control", 1000), "{:?}", database.kind);
        assert_eq!(report.days.iter().map(|day| day.units.values().sum::<u64>()).sum::<u64>(), 2000);
        assert_eq!(report.from, start());
        let ratio = report.sample_ratio.as_ref().unwrap();
        assert!(ratio.p > 0.99 && !ratio.is_broken);
        assert_eq!(report.warnings, [""; 0]);

        for (name, value) in [
            ("revenue", (&|user: &User| sum(user, Duration::zero(), week)) as &dyn Fn(&User) -> f64),
            ("revenue capped", &|user| sum(user, Duration::zero(), far).min(20.0)),
            ("buyers", &|user| f64::from(u8::from(sum(user, Duration::zero(), week) > 0.0))),
            ("back", &|user| f64::from(u8::from(sum(user, Duration::days(3), Duration::days(10)) > 0.0))),
        ] {
            let found = result(&report, name);
            let [control, blue] = ["control", "blue"].map(|variant| values(&users, variant, value));
            let what = format!("{:?}: {name}", database.kind);
            close(found.difference.estimate, mean(&blue) - mean(&control), &what);
            if name.starts_with("revenue") {
                let [control, blue] = [control, blue].map(|values| {
                    let mut summary = Summary::default();
                    for value in &values {
                        summary.add([*value]).unwrap();
                    }
                    Mean(summary)
                });
                let expected = Welch::default().compare(&control, &blue).unwrap();
                let expected = expected.relative.unwrap();
                close(found.p, expected.p, &what);
                close(found.lift.unwrap().interval[0], expected.lower, &what);
            }
        }
        let ratio = |variant: &str| {
            let count = |user: &User| {
                let counts = |time: DateTime<Utc>| time >= user.seen && time < end();
                user.orders.iter().filter(|(time, _)| counts(*time)).count() as f64
            };
            let sums = values(&users, variant, |user| sum(user, Duration::zero(), far));
            sums.iter().sum::<f64>() / values(&users, variant, count).iter().sum::<f64>()
        };
        close(result(&report, "order value").difference.estimate, ratio("blue") - ratio("control"), "ratio");
        let quantile = |variant: &str| {
            let mut sums = values(&users, variant, |user| sum(user, Duration::zero(), far));
            sums.retain(|sum| *sum > 0.0);
            sums.sort_by(f64::total_cmp);
            sums[(sums.len() * 8).div_ceil(10) - 1]
        };
        close(
            result(&report, "large").difference.estimate,
            quantile("blue") - quantile("control"),
            "quantile",
        );
        // Fewer surprises remain once habits are known.
        let width = |name: &str| {
            let [low, high] = result(&report, name).difference.interval;
            high - low
        };
        assert!(width("revenue cuped") < width("revenue"));
        assert_eq!(result(&report, "revenue").verdict, Verdict::Better);
        assert_eq!(result(&report, "guard").verdict, Verdict::Worse);
        assert!(
            result(&report, "guard").p_adjusted.is_none() && result(&report, "buyers").p_adjusted.is_some()
        );
        reports.push((database.kind, report));
    }
    let (_, first) = &reports[0];
    for (kind, report) in &reports {
        for metric in metrics() {
            let [one, other] = [first, report].map(|report| result(report, &metric.name));
            let what = format!("{kind:?}: {}", metric.name);
            close(one.p, other.p, &what);
            close(one.difference.interval[1], other.difference.interval[1], &what);
        }
    }
}

#[tokio::test]
async fn problems_affect_their_metric_only() {
    let users = shop(300);
    for database in databases().await {
        filled(&database, &users).await;
        let broken = Metric::parse("broken", "-- kind: mean\nselect nonsense from orders").unwrap();
        let nobody = Metric::parse(
            "nobody",
            "-- kind: mean\nselect user_id as unit, created_at as ts, amount as value from orders where id < 0",
        )
        .unwrap();
        let escape =
            Metric::parse("escape", "-- kind: mean\nselect 1 as unit); drop table orders; select (1")
                .unwrap();
        let report =
            report(&database, &[broken, nobody, escape, metric("buyers", "-- kind: proportion")]).await;
        assert!(report.metrics[0].problem.as_ref().unwrap().starts_with("could not run the query"));
        let problem = report.metrics[1].problem.as_deref();
        assert_eq!(problem, Some("its SQL selects no outcomes in the time of the experiment"));
        assert!(report.metrics[2].problem.is_some(), "{:?}", report.metrics[2]);
        result(&report, "buyers");
        let unknown = Experiment::new(&database.url, "x'y").report(&[]).await.unwrap_err();
        assert!(matches!(unknown, ExperimentError::NoUnits(_)), "{unknown}");
        let control = Experiment::new(&database.url, "color").control(Some("red".to_owned()));
        let error = control.report(&[]).await.unwrap_err().to_string();
        assert_eq!(error, "no unit has the variant \"red\"; recorded are blue, control");
    }
}

#[tokio::test]
async fn units_that_do_not_fit_their_weights_are_noticed() {
    let mut users = shop(4000);
    let mut number = 0;
    // Every tenth of "blue" is lost, as by a page that crashes before the exposure is recorded.
    users.retain(|user| {
        number += 1;
        user.variant == "control" || number % 5 != 1
    });
    let database = &databases().await[0];
    filled(database, &users).await;
    let report = report(database, &[]).await;
    assert!(report.sample_ratio.as_ref().unwrap().is_broken);
    assert!(report.warnings[0].contains("no number below can be trusted"), "{:?}", report.warnings);
}

#[tokio::test]
async fn reports_are_readable_as_text_and_html() {
    let database = &databases().await[0];
    filled(database, &shop(2000)).await;
    let mut revenue = metric("revenue", "-- kind: mean\n-- window: 7days");
    revenue.description = Some("<script>alert(1)</script>".to_owned());
    let report = report(database, &[revenue]).await;
    let text = report.to_string();
    assert!(
        text.starts_with("color: exposures from 2026-11-02 00:00 UTC until 2026-11-22 00:00 UTC\n"),
        "{text}"
    );
    assert!(text.contains("units: blue 1000, control 1000 (sample ratio p = 1.0000)"), "{text}");
    assert!(
        text.contains("revenue (mean per unit, more is better)\n  warning: the window of up to "),
        "{text}"
    );
    assert!(text.contains("\n  control: "), "{text}");
    assert!(text.trim_end().ends_with(": better"), "{text}");
    let html = novi_experiments::html(&report).unwrap();
    assert!(html.contains("&#60;script&#62;") && !html.contains("<script"), "{html}");
    assert!(
        html.contains("<svg") && html.contains("novi_assignments") && !html.contains("http://"),
        "{html}"
    );
}

#[tokio::test]
async fn outcomes_that_do_not_count_are_explained() {
    for database in databases().await {
        filled(&database, &shop(400)).await;
        let parse = |name: &str, text: &str| Metric::parse(name, text).unwrap();
        let others = "-- kind: mean\nselect concat('x', user_id) as unit, created_at as ts, amount as value from orders";
        let values = "-- kind: mean\nselect user_id as unit, created_at as ts, \
                      case when user_id < 10 then 'abc' else '7' end as value from orders";
        let times = "-- kind: mean\nselect user_id as unit, '31.12.2026' as ts, amount as value from orders";
        let zero = "-- kind: mean\nselect user_id as unit, created_at as ts, amount as value from orders where user_id % 2 = 1";
        let metrics =
            [parse("others", others), parse("values", values), parse("times", times), parse("zero", zero)];
        let report = report(&database, &metrics).await;
        let problem = |number: usize| report.metrics[number].problem.clone().unwrap_or_default();
        assert!(problem(0).starts_with("none of the "), "{:?}: {}", database.kind, problem(0));
        if database.kind == Kind::Postgres {
            assert!(problem(1).contains("could not run"), "{}", problem(1));
            assert!(problem(2).contains("could not run"), "{}", problem(2));
        } else {
            assert!(
                problem(2).contains("have a `ts` that is no time"),
                "{:?}: {}",
                database.kind,
                problem(2)
            );
        }
        if database.kind == Kind::MySql {
            let warning = &report.metrics[1].warnings[0];
            assert!(warning.contains("have a `value` that is no number"), "{warning}");
        }
        // Without a value of the control there is no comparison, and the values are known.
        let zero = &report.metrics[3];
        assert_eq!(zero.values["control"].to_bits(), 0.0_f64.to_bits(), "{:?}: {zero:?}", database.kind);
        assert!(zero.values["blue"] > 0.0, "{:?}: {zero:?}", database.kind);
    }
}

#[tokio::test]
async fn variants_without_units_and_weights_that_fit_nothing_are_noticed() {
    let database = &databases().await[0];
    filled(database, &shop(400)).await;
    let report = async |weights: &[(&str, f64)]| {
        let weights = weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
        Experiment::new(&database.url, "color").end(Some(end())).weights(weights).report(&[]).await.unwrap()
    };
    let third = report(&[("control", 1.0), ("blue", 1.0), ("red", 1.0)]).await;
    assert!(third.sample_ratio.unwrap().is_broken);
    for (weights, expected) in [
        (&[("control", 1.0), ("bleu", 1.0)][..], "no weight is given for blue"),
        (&[("control", 0.0), ("blue", 0.0)], "the numbers of units are not checked"),
    ] {
        let report = report(weights).await;
        assert!(report.sample_ratio.is_none());
        assert!(report.warnings.iter().any(|warning| warning.contains(expected)), "{:?}", report.warnings);
    }
}

/// Nulls of outcomes that belong to no unit, and those of `ts`, which count in no window.
#[tokio::test]
async fn nulls_outside_of_windows_are_noticed_on_every_database() {
    for database in databases().await {
        filled(&database, &shop(400)).await;
        let strangers =
            "case when user_id < 40 then concat('x', user_id) else concat('', user_id) end as unit";
        let of = |columns: &str, kind: &str| {
            let sql = format!("-- kind: {kind}\nselect {columns} from orders where id < 999999");
            Metric::parse("m", &sql).unwrap()
        };
        let value = format!(
            "{strangers}, created_at as ts, case when user_id < 40 then null else amount end as value"
        );
        let time =
            "user_id as unit, case when user_id < 40 then null else created_at end as ts, amount as value";
        let metrics =
            [of(&value, "mean"), of(time, "mean"), of(time, "proportion"), of(time, "quantile 0.8")];
        let report = report(&database, &metrics).await;
        let mut raw = Raw::connect(&database).await;
        let count = raw.texts("select concat('', count(*)) from orders where user_id < 40").await;
        for (metric, column) in report.metrics.iter().zip(["value", "ts", "ts", "ts"]) {
            let expected = format!("{} of the ", count[0]);
            assert!(
                metric.warnings[0].starts_with(&expected)
                    && metric.warnings[0].contains(&format!("a `{column}`")),
                "{:?}: {:?}",
                database.kind,
                metric.warnings
            );
        }
    }
}

/// A unit whose values are all null counts as 0, with a cap as well.
#[tokio::test]
async fn null_is_no_cap_on_every_database() {
    for database in databases().await {
        filled(&database, &shop(400)).await;
        let sql =
            "-- kind: mean\n-- cap: 20\nselect user_id as unit, created_at as ts, null as value from orders";
        let sql = sql.replace("null as value", "case when user_id < 0 then amount else null end as value");
        let report = report(&database, &[Metric::parse("m", &sql).unwrap()]).await;
        assert_eq!(report.metrics[0].values["control"].to_bits(), 0.0_f64.to_bits(), "{:?}", database.kind);
    }
}

#[tokio::test]
async fn values_that_are_null_are_noticed_on_every_database() {
    let users = shop(400);
    let orders =
        || users.iter().enumerate().flat_map(|(number, user)| user.orders.iter().map(move |_| number));
    for database in databases().await {
        filled(&database, &users).await;
        let some = Metric::parse(
            "some",
            "-- kind: mean\nselect user_id as unit, created_at as ts, \
             case when user_id < 40 then null else amount end as value from orders where user_id < 999999",
        );
        let all = metric("all", "-- kind: mean");
        let report = report(&database, &[some.unwrap(), all]).await;
        let warning = &report.metrics[0].warnings[0];
        let what = format!("{:?}: {:?}", database.kind, report.metrics[0].warnings);
        assert!(
            warning.ends_with("have a `value` that is no number; those of units in their windows count as 0: convert it in the SQL"),
            "{what}"
        );
        let missing: usize = warning.split(' ').next().unwrap().parse().unwrap();
        let most = orders().filter(|number| *number < 40).count();
        assert!(missing > 0 && missing == most, "{what}");
        assert!(
            report.metrics[1].warnings.is_empty(),
            "{:?}: {:?}",
            database.kind,
            report.metrics[1].warnings
        );
    }
}

//! Funnels and retention, on each database, compared with numbers that are counted from the same rows.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss, reason = "test code")]

#[path = "../../../tests/common/databases.rs"]
mod common;
mod support;

use std::fmt::Write as _;

use chrono::{DateTime, Duration, Utc};
use common::databases;
use novi_experiments::{By, Experiment, Metric, MetricReport, Report, html};
use novi_stats::{analysis::Welch, metric::Proportion};

use crate::support::{Numbers, Unit, close, prepare, start, time};

const STEPS: [&str; 3] = ["view", "cart", "buy"];

/// What a unit did, and when.
type Events = Vec<(DateTime<Utc>, &'static str)>;

/// Units of two weeks with up to seven events each, some before the exposure, in any order and of other names.
fn visits(count: u64) -> Vec<(Unit, Events)> {
    let mut numbers = Numbers(11);
    let unit = |number: u64| {
        let variant = if number.is_multiple_of(2) { "control" } else { "blue" };
        let seen = start() + Duration::minutes(numbers.below(14 * 24 * 60).cast_signed());
        let often = if variant == "blue" { 2 } else { 0 };
        let events = (0..numbers.below(14 + often)).map(|_| {
            let time = seen + Duration::minutes(numbers.below(12 * 24 * 60).cast_signed() - 2 * 24 * 60);
            // "Cart" is another step than "cart", whatever the database thinks of letters.
            (
                time,
                ["view", "view", "cart", "buy", "help", "Cart"][usize::try_from(numbers.below(6)).unwrap()],
            )
        });
        (Unit { number, variant, seen }, events.collect())
    };
    (0..count).map(unit).collect()
}

fn script(visits: &[(Unit, Events)]) -> String {
    let mut sql =
        "create table events (user_id integer not null, at timestamp not null, name varchar(20));\n\
                   insert into events values"
            .to_owned();
    let events = visits.iter().flat_map(|(unit, events)| events.iter().map(|event| (unit.number, event)));
    for (place, (number, (at, name))) in events.enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(sql, "{comma} ({number}, '{}', '{name}')", time(*at)).unwrap();
    }
    sql
}

fn end() -> DateTime<Utc> {
    start() + Duration::days(20)
}

async fn report(url: &str, metrics: &[Metric]) -> Report {
    Experiment::new(url, "color").end(Some(end())).report(metrics).await.unwrap()
}

/// How many steps a unit reaches within a week, in their order.
fn reached((unit, events): &(Unit, Events)) -> usize {
    let mut counted: Events = events
        .iter()
        .filter(|(at, _)| *at >= unit.seen && *at < unit.seen + Duration::days(7) && *at < end())
        .copied()
        .collect();
    counted.sort_by_key(|(at, _)| *at);
    let (mut step, mut earliest) = (0, unit.seen);
    while let Some((at, _)) =
        STEPS.get(step).and_then(|name| counted.iter().find(|(at, found)| found == name && *at >= earliest))
    {
        (step, earliest) = (step + 1, *at);
    }
    step
}

fn funnel() -> Metric {
    let sql = "select user_id as unit, at as ts, name as step from events where at >= :start and at < :end";
    Metric::parse("shopping", &format!("-- kind: funnel view, cart, buy\n-- window: 7days\n{sql}")).unwrap()
}

#[tokio::test]
async fn steps_of_a_funnel_are_counted_in_their_order_on_every_database() {
    let visits = visits(3000);
    let units: Vec<Unit> = visits.iter().map(|(unit, _)| *unit).collect();
    for database in databases().await {
        prepare(&database, "color", &units, &script(&visits)).await;
        let report = report(&database.url, &[funnel()]).await;
        let metric = &report.metrics[0];
        assert_eq!(metric.problem, None, "{:?}", database.kind);
        assert_eq!(metric.steps.iter().map(|step| step.step.as_str()).collect::<Vec<_>>(), STEPS);
        let count = |variant: &str, least: usize| {
            visits.iter().filter(|visit| visit.0.variant == variant && reached(visit) >= least).count() as u64
        };
        for (least, step) in (1..).zip(&metric.steps) {
            let what = format!("{:?}: {}", database.kind, step.step);
            let counts = ["control", "blue"].map(|variant| count(variant, least));
            assert_eq!([step.units["control"], step.units["blue"]], counts, "{what}");
            close(step.values["blue"], counts[1] as f64 / 1500.0, &what);
            if least > 1 {
                let previous = count("blue", least - 1) as f64;
                close(step.of_previous["blue"], counts[1] as f64 / previous, &what);
            }
            let [control, blue] = counts.map(|count| Proportion::new(1500, count).unwrap());
            let expected = Welch::default().compare(&control, &blue).unwrap().relative.unwrap();
            let found = step.variants[0].result.as_ref().unwrap();
            close(found.lift.unwrap().estimate, expected.estimate, &what);
            close(found.p, expected.p, &what);
            assert!(found.p_adjusted.is_none(), "{what}");
        }
        assert!(metric.steps[0].of_previous.is_empty());
        close(metric.values["control"], count("control", 3) as f64 / 1500.0, "the last step decides");
        assert!(metric.variants[0].result.as_ref().unwrap().p_adjusted.is_some());
        let no_warning = metric.warnings.iter().all(|warning| warning.starts_with("the window"));
        assert!(no_warning, "{:?}: {:?}", database.kind, metric.warnings);
        let text = report.to_string();
        assert!(text.contains("\n  step 2, cart\n    control: "), "{text}");
        assert!(text.contains(" % of view, "), "{text}");
        let html = novi_experiments::html(&report).unwrap();
        assert!(html.contains("<h3>cart</h3>") && html.matches("<rect").count() >= 6, "{html}");
    }
}

#[tokio::test]
async fn steps_that_nobody_reaches_are_noticed() {
    let visits = visits(400);
    let units: Vec<Unit> = visits.iter().map(|(unit, _)| *unit).collect();
    let sql = "select user_id as unit, at as ts, name as step from events";
    let misspelled = Metric::parse("shopping", &format!("-- kind: funnel view, CART, buy\n{sql}")).unwrap();
    for database in databases().await {
        prepare(&database, "color", &units, &script(&visits)).await;
        let report = report(&database.url, std::slice::from_ref(&misspelled)).await;
        let metric = &report.metrics[0];
        assert!(
            metric.steps[0].units["blue"] > 0 && metric.steps[1].units["blue"] == 0,
            "{:?}",
            database.kind
        );
        assert!(
            metric.warnings[0].starts_with("no unit reaches the step \"CART\" after"),
            "{:?}: {:?}",
            database.kind,
            metric.warnings
        );
    }
}

#[tokio::test]
async fn simultaneous_steps_count_and_earlier_ones_do_not() {
    let seen = start() + Duration::hours(8);
    let at = |minutes: i64| time(seen + Duration::minutes(minutes));
    let units: Vec<Unit> = (0..4)
        .map(|number| Unit { number, variant: if number % 2 == 0 { "control" } else { "blue" }, seen })
        .collect();
    let script = format!(
        "create table events (user_id integer not null, at timestamp not null, name varchar(20));\n\
         insert into events values (0, '{0}', 'view'), (0, '{0}', 'cart'), (0, '{0}', 'buy'), \
         (1, '{1}', 'view'), (1, '{0}', 'cart'), (1, '{0}', 'buy'), \
         (2, '{1}', 'cart'), (2, '{2}', 'buy'), \
         (3, '{0}', 'view'), (3, '{1}', 'buy'), (3, '{2}', 'cart'), (3, '{3}', 'buy')",
        at(0),
        at(1),
        at(2),
        at(3)
    );
    for database in databases().await {
        prepare(&database, "color", &units, &script).await;
        let report = report(&database.url, &[funnel()]).await;
        let reached: Vec<[u64; 2]> =
            report.metrics[0].steps.iter().map(|step| [step.units["control"], step.units["blue"]]).collect();
        assert_eq!(reached, [[1, 2], [1, 1], [1, 1]], "{:?}", database.kind);
    }
}

/// The share of the variant whose outcomes are all at the given seconds after the exposure.
fn share(metric: &MetricReport, variant: &str) -> f64 {
    metric.values[variant]
}

#[tokio::test]
async fn days_of_retention_begin_at_the_exposure_and_exclude_their_end() {
    const DAY: i64 = 24 * 60 * 60;
    // A time whose part of a day is no binary fraction, and with milliseconds.
    let seen = start() + Duration::hours(7) + Duration::minutes(13) + Duration::seconds(5);
    let ends = [DAY - 1, DAY, 2 * DAY - 1, 2 * DAY];
    let units: Vec<Unit> = (0..4).map(|number| Unit { number, variant: "control", seen }).collect();
    let mut rows = Vec::new();
    for (number, after) in ends.into_iter().enumerate() {
        rows.push(format!("({number}, '{}')", time(seen + Duration::seconds(after))));
    }
    let script = format!(
        "create table visits (user_id integer not null, at timestamp not null); insert into visits values {}",
        rows.join(", ")
    );
    let metric = |fields: &str| {
        let sql = "select user_id as unit, at as ts from visits where at >= :start and at < :end";
        Metric::parse("back", &format!("{fields}\n{sql}")).unwrap()
    };
    let metrics = [
        metric("-- kind: retention 1"),
        metric("-- kind: retention 2"),
        metric("-- kind: proportion\n-- after: 1day\n-- window: 2days"),
        // The third of a day has no exact part of a day.
        metric("-- kind: proportion\n-- after: 86399s\n-- window: 86400s"),
    ];
    for database in databases().await {
        prepare(&database, "color", &units, &script).await;
        let report = report(&database.url, &metrics).await;
        let shares = report.metrics.iter().map(|metric| share(metric, "control"));
        assert_eq!(shares.collect::<Vec<_>>(), [0.5, 0.25, 0.5, 0.25], "{:?}", database.kind);
        assert!(
            report.to_string().contains("back (share of units with an outcome on day 1, more is better)")
        );
    }
}

#[tokio::test]
async fn parts_have_each_step_of_a_funnel_on_every_database() {
    let visits = visits(600);
    let units: Vec<Unit> = visits.iter().map(|(unit, _)| *unit).collect();
    for database in databases().await {
        prepare(&database, "color", &units, &script(&visits)).await;
        let by = By::attribute("day", &[], 50).unwrap();
        let experiment = Experiment::new(&database.url, "color").end(Some(end())).by(vec![by]);
        let report = experiment.report(&[funnel()]).await.unwrap();
        let segments = &report.breakdowns[0].segments;
        assert!(segments.len() > 5, "{:?}: {}", database.kind, segments.len());
        for (place, step) in report.metrics[0].steps.iter().enumerate() {
            for (variant, units) in &step.units {
                let parts =
                    segments.iter().filter_map(|part| part.metrics[0].steps[place].units.get(variant));
                assert_eq!(parts.sum::<u64>(), *units, "{:?}, {}, {variant}", database.kind, step.step);
            }
        }
        assert!(report.to_string().contains("      step 2, cart: blue "), "{report}");
        let page = html(&report).unwrap();
        assert!(page.contains(&format!("{}: cart", segments[0].value)), "{page}");
    }
}

//! Reports by attributes, on each database, compared with numbers that are counted from the same rows.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss, reason = "test code")]

#[path = "../../../tests/common/databases.rs"]
mod common;
mod support;

use std::fmt::Write as _;

use chrono::Duration;
use common::databases;
use novi_experiments::{Attributes, By, Experiment, ExperimentError, Metric, Report, SegmentMetric, Verdict};
use novi_stats::{
    Summary,
    analysis::{Welch, benjamini_hochberg, holm},
    metric::Mean,
};

use crate::support::{Numbers, Unit, close, prepare, start, time};

/// A user of a shop: the country, `None` if it is unknown, and what they spent.
struct User {
    unit: Unit,
    country: Option<&'static str>,
    spent: Vec<u64>,
}

/// Users of whom those of Germany spend more with "blue", and no others.
fn users(count: u64) -> Vec<User> {
    let mut numbers = Numbers(23);
    let user = |number: u64| {
        let variant = if number.is_multiple_of(2) { "control" } else { "blue" };
        let seen = start() + Duration::minutes(numbers.below(4 * 24 * 60).cast_signed());
        // "de" is another value than "DE", whatever the database thinks of letters.
        let countries =
            [Some("DE"), Some("DE"), Some("DE"), Some("FR"), Some("FR"), Some("d'Or"), Some("de"), None];
        let country = countries[usize::try_from(numbers.below(8)).unwrap()];
        let more = if country == Some("DE") && variant == "blue" { 30 } else { 0 };
        let spent = (0..numbers.below(4)).map(|_| 10 + more + numbers.below(40)).collect();
        User { unit: Unit { number, variant, seen }, country, spent }
    };
    (0..count).map(user).collect()
}

fn script(users: &[User]) -> String {
    let mut sql = "create table users (id integer primary key, country varchar(20));\n\
                   create table orders (user_id integer not null, at timestamp not null, amount integer not null);\n"
        .to_owned();
    let quoted = |country: &str| format!("'{}'", country.replace('\'', "''"));
    let countries = users.iter().map(|user| {
        format!("({}, {})", user.unit.number, user.country.map_or_else(|| "null".to_owned(), quoted))
    });
    writeln!(sql, "insert into users values {};", countries.collect::<Vec<_>>().join(", ")).unwrap();
    let orders = users.iter().flat_map(|user| {
        let at = time(user.unit.seen + Duration::hours(5));
        user.spent.iter().map(move |amount| format!("({}, '{at}', {amount})", user.unit.number))
    });
    writeln!(sql, "insert into orders values {};", orders.collect::<Vec<_>>().join(", ")).unwrap();
    sql
}

fn metrics() -> Vec<Metric> {
    let parse = |name: &str, fields: &str| {
        let sql = "select user_id as unit, at as ts, amount as value from orders";
        Metric::parse(name, &format!("{fields}\n{sql}")).unwrap()
    };
    vec![
        parse("revenue", "-- kind: mean"),
        parse("buyers", "-- kind: proportion"),
        parse("large", "-- kind: quantile 0.8"),
        parse("guard", "-- kind: mean\n-- guardrail: true"),
    ]
}

fn known() -> Vec<Attributes> {
    // Two rows of a user must not count twice.
    let sql = "-- kind: attributes country\nselect id as unit, country from users \
               union all select id, country from users where id < 50 -- twice";
    Attributes::parse("users", sql).unwrap().into_iter().collect()
}

async fn report(url: &str, by: &str, most: usize) -> Report {
    let by = By::attribute(by, &known(), most).unwrap();
    let weights = [("control".to_owned(), 1.0), ("blue".to_owned(), 1.0)].into();
    let experiment = Experiment::new(url, "color").weights(weights).end(Some(start() + Duration::days(9)));
    experiment.by(vec![by]).report(&metrics()).await.unwrap()
}

/// What each user of a part spent, with a variant.
fn sums(users: &[User], variant: &str, is_part: impl Fn(&User) -> bool) -> Mean {
    let mut summary = Summary::default();
    for user in users.iter().filter(|user| user.unit.variant == variant && is_part(user)) {
        summary.add([user.spent.iter().sum::<u64>() as f64]).unwrap();
    }
    Mean(summary)
}

#[tokio::test]
async fn parts_are_those_of_the_rows_on_every_database() {
    let users = users(4000);
    let units: Vec<Unit> = users.iter().map(|user| user.unit).collect();
    for database in databases().await {
        prepare(&database, "color", &units, &script(&users)).await;
        let report = report(&database.url, "country", 2).await;
        let breakdown = &report.breakdowns[0];
        let kind = database.kind;
        assert_eq!(breakdown.problem, None, "{kind:?}");
        let names: Vec<_> = breakdown.segments.iter().map(|segment| segment.value.as_str()).collect();
        assert_eq!(names, ["DE", "FR", "other"], "{kind:?}");
        let is_part = |place: usize, user: &User| match place {
            0 => user.country == Some("DE"),
            1 => user.country == Some("FR"),
            _ => !matches!(user.country, Some("DE" | "FR")),
        };
        let mut p = Vec::new();
        for (place, segment) in breakdown.segments.iter().enumerate() {
            let what = format!("{kind:?}: {}", segment.value);
            let [control, blue] =
                ["control", "blue"].map(|variant| sums(&users, variant, |user| is_part(place, user)));
            assert_eq!(
                [segment.units["control"], segment.units["blue"]],
                [control.0.units(), blue.0.units()]
            );
            assert!(!segment.sample_ratio.as_ref().unwrap().is_broken, "{what}");
            let [revenue, buyers, large, guard] = &segment.metrics[..] else { panic!("{what}") };
            close(revenue.values["blue"], blue.0.means()[0], &what);
            let found = revenue.variants[0].result.as_ref().unwrap();
            let expected = Welch::default().compare(&control, &blue).unwrap().relative.unwrap();
            close(found.p, expected.p, &what);
            close(found.lift.unwrap().interval[1], expected.upper, &what);
            let quantile = quantile(&users, |user| user.unit.variant == "blue" && is_part(place, user));
            close(large.values["blue"], quantile, &what);
            let results = [revenue, buyers, large].map(|metric| metric.variants[0].result.clone().unwrap());
            p.extend(
                results
                    .map(|result| (result.p, result.p_adjusted.unwrap(), result.p_false_discovery.unwrap())),
            );
            assert_eq!(guard.variants[0].result.as_ref().unwrap().p_adjusted, None, "{what}");
        }
        let raw: Vec<f64> = p.iter().map(|(raw, ..)| *raw).collect();
        for ((found, holm), discovery) in
            p.iter().zip(holm(&raw).unwrap()).zip(benjamini_hochberg(&raw).unwrap())
        {
            close(found.1, holm, "Holm");
            close(found.2, discovery, "Benjamini-Hochberg");
        }
        assert_eq!(breakdown.comparisons, 9);
        let verdict = |metric: &SegmentMetric| metric.variants[0].result.as_ref().unwrap().verdict;
        let verdicts: Vec<_> =
            breakdown.segments.iter().map(|segment| verdict(&segment.metrics[0])).collect();
        assert_eq!(verdicts, [Verdict::Better, Verdict::Open, Verdict::Open], "{kind:?}");
        assert!(breakdown.warnings[0].starts_with("9 comparisons: even if nothing differs"), "{kind:?}");
        assert!(breakdown.warnings[0].contains("probability of about 37 %"), "{}", breakdown.warnings[0]);
        let text = report.to_string();
        assert!(text.contains("\nby country\n  warning: 9 comparisons"), "{text}");
        assert!(text.contains("\n  DE: blue ") && text.contains("\n    revenue\n      control: "), "{text}");
        let html = novi_experiments::html(&report).unwrap();
        assert!(html.contains("<h2>By country</h2>") && html.contains("False discovery"), "{html}");
    }
}

fn quantile(users: &[User], is_part: impl Fn(&User) -> bool) -> f64 {
    let spent = |user: &User| (!user.spent.is_empty()).then(|| user.spent.iter().sum::<u64>());
    let mut sums: Vec<u64> = users.iter().filter(|user| is_part(user)).filter_map(spent).collect();
    sums.sort_unstable();
    sums[(sums.len() * 8).div_ceil(10) - 1] as f64
}

#[tokio::test]
async fn values_with_quotes_missing_ones_and_days_are_parts() {
    let users = users(600);
    let units: Vec<Unit> = users.iter().map(|user| user.unit).collect();
    for database in databases().await {
        prepare(&database, "color", &units, &script(&users)).await;
        let all = report(&database.url, "country", 50).await;
        let found = &all.breakdowns[0].segments;
        let mut names: Vec<_> = found.iter().map(|segment| segment.value.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["(none)", "DE", "FR", "d'Or", "de"], "{:?}", database.kind);
        for segment in found {
            let country = Some(segment.value.as_str()).filter(|value| *value != "(none)");
            let count = users.iter().filter(|user| user.country == country).count() as u64;
            assert_eq!(segment.units.values().sum::<u64>(), count, "{:?}: {}", database.kind, segment.value);
        }
        let days = report(&database.url, "day", 50).await;
        let mut names: Vec<_> = days.breakdowns[0].segments.iter().map(|part| part.value.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"], "{:?}", database.kind);
        let revisions = report(&database.url, "revision", 50).await;
        let names: Vec<_> = revisions.breakdowns[0].segments.iter().map(|part| part.value.as_str()).collect();
        assert_eq!(names, ["1"], "{:?}", database.kind);
    }
}

#[tokio::test]
async fn problems_of_an_attribute_affect_its_breakdown_only() {
    let users = users(400);
    let units: Vec<Unit> = users.iter().map(|user| user.unit).collect();
    let broken =
        Attributes::parse("x", "-- kind: attributes nonsense\nselect id as unit from users").unwrap();
    let broken: Vec<Attributes> = broken.into_iter().collect();
    for database in databases().await {
        prepare(&database, "color", &units, &script(&users)).await;
        let by = By::attribute("nonsense", &broken, 3).unwrap();
        let experiment = Experiment::new(&database.url, "color").by(vec![by]);
        let report = experiment.report(&metrics()).await.unwrap();
        let problem = report.breakdowns[0].problem.as_deref().unwrap();
        assert!(problem.starts_with("could not run the query"), "{:?}: {problem}", database.kind);
        assert!(report.metrics[0].variants[0].result.is_some(), "{:?}", database.kind);
    }
    let error = By::attribute("contry", &known(), 3).unwrap_err();
    assert!(matches!(error, ExperimentError::Attribute { .. }));
    assert_eq!(
        error.to_string(),
        "unknown attribute \"contry\"; known are day, revision, country: select it in a file with \
         `-- kind: attributes contry`"
    );
}

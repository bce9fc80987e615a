//! The visitors of the shop of `novi serve --demo`: a week of evaluations by their hours, and their contexts.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc, Weekday};
use novi::{
    Context, Flags,
    store::{HourlyEvaluations, Usage},
};

use serde_json::json;

/// The hours before now that have evaluations: a week.
const HOURS: i64 = 7 * 24;

/// How many visitors are evaluated for each hour; each stands for as many as the hour has.
const VISITORS: u32 = 100;

/// The contexts of the sample.
pub(super) const SAMPLE: u32 = 200;

/// A flag that is no longer evaluated.
const UNUSED: &str = "legacy.banner";

/// Flag, hour, whether it was on, and its variant.
type Counted<'a> = (&'a str, DateTime<Utc>, bool, Option<String>);

/// Evaluations of the flags by the visitors of the last week: what processes record.
pub(super) fn evaluations(flags: &Flags, now: DateTime<Utc>) -> (Vec<HourlyEvaluations>, Vec<Usage>) {
    let snapshot = flags.snapshot();
    let names: Vec<String> =
        snapshot.flag_names().filter(|name| *name != UNUSED).map(str::to_owned).collect();
    let mut counts: BTreeMap<Counted<'_>, i64> = BTreeMap::new();
    let first = HourlyEvaluations::hour_of(now) - TimeDelta::hours(HOURS - 1);
    for hour in (0..HOURS).map(|hour| first + TimeDelta::hours(hour)) {
        for number in 0..VISITORS {
            let visitor = visitor(number.wrapping_mul(7).wrapping_add(hour.hour()), hour);
            for (place, name) in names.iter().enumerate() {
                let weight = i64::from(visits(hour, now)) * popularity(place, hour) / i64::from(VISITORS);
                if let Ok(decision) = snapshot.evaluate(name, &visitor)
                    && weight > 0
                {
                    let variant = decision.variant().filter(|_| decision.enabled()).map(str::to_owned);
                    *counts.entry((name, hour, decision.enabled(), variant)).or_default() += weight;
                }
            }
        }
    }
    let mut usage: BTreeMap<&str, Usage> = BTreeMap::new();
    for ((flag, _, enabled, _), count) in &counts {
        let usage = usage.entry(flag).or_insert_with(|| Usage { flag: (*flag).to_owned(), on: 0, off: 0 });
        let sum = if *enabled { &mut usage.on } else { &mut usage.off };
        *sum += count.unsigned_abs();
    }
    let hourly = counts.into_iter().map(|((flag, hour, enabled, variant), evaluations)| HourlyEvaluations {
        flag: flag.to_owned(),
        hour,
        enabled,
        variant,
        evaluations,
    });
    (hourly.collect(), usage.into_values().collect())
}

/// The contexts of the last visitors.
pub(super) fn contexts() -> Vec<Context<'static>> {
    (0..SAMPLE).map(attributes).collect()
}

/// A visitor at a time. The same number is always the same visitor.
fn visitor(number: u32, at: DateTime<Utc>) -> Context<'static> {
    attributes(number % SAMPLE).with("currentDateTime", at + TimeDelta::minutes(30))
}

/// The attributes of a visitor.
pub(super) fn attributes(number: u32) -> Context<'static> {
    let one_of = |values: &[&'static str], salt: u32| {
        let place = number.wrapping_mul(2_654_435_761).wrapping_add(salt.wrapping_mul(40_503)) >> 13;
        values.get(place as usize % values.len().max(1)).copied().unwrap_or_default()
    };
    let total = f64::from(number.wrapping_mul(37) % 180) + 0.9;
    Context::new()
        .with("targetingKey", format!("user-{}", number + 1))
        .with("country", one_of(&["DE", "DE", "AT", "FR", "NL", "US"], 1))
        .with("plan", one_of(&["free", "free", "free", "pro"], 2))
        .with("staff", number.is_multiple_of(25))
        .with("app", json!({"version": one_of(&["2.3.1", "2.4.0", "2.5.2"], 3)}))
        .with("basket", json!({"total": total}))
}

/// How many visitors an hour has: few at night, most in the evening, more at the weekend. The current hour is not over.
fn visits(hour: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
    const OF_DAY: [u32; 24] = [
        160, 90, 60, 50, 60, 110, 240, 420, 610, 720, 760, 800, 860, 820, 760, 780, 850, 980, 1150, 1280,
        1240, 980, 620, 310,
    ];
    let of_day = OF_DAY.get(hour.hour() as usize).copied().unwrap_or_default();
    let of_week = match hour.weekday() {
        Weekday::Sat | Weekday::Sun => 135,
        Weekday::Fri => 115,
        _ => 100,
    };
    // Varies from day to day, and is the same for everybody who looks.
    let noise = 90 + (hour.ordinal().wrapping_mul(31).wrapping_add(hour.hour().wrapping_mul(17))) % 21;
    let whole = of_day * of_week / 100 * noise / 100;
    if hour == HourlyEvaluations::hour_of(now) { whole * (now.minute() + 1) / 60 } else { whole }
}

/// How often a visitor evaluates the flag at a place; each flag has hours of its own in which it is more popular.
fn popularity(place: usize, hour: DateTime<Utc>) -> i64 {
    const OF_PLACE: [i64; 7] = [15, 9, 24, 6, 18, 12, 21];
    let of_place = OF_PLACE.get(place % OF_PLACE.len()).copied().unwrap_or(1);
    let place = u32::try_from(place).unwrap_or_default();
    let distance = (hour.hour() + 24 - place.wrapping_mul(5) % 24) % 24;
    let factor = place.wrapping_mul(7).wrapping_add(11);
    let noise = hour.ordinal().wrapping_mul(13).wrapping_add(hour.hour().wrapping_mul(factor)) % 30;
    of_place * i64::from(70 + noise + if distance < 6 { 60 } else { 0 }) / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use novi::rows::{FlagRow, Rows};

    #[test]
    fn week_of_evaluations_is_the_same_for_everybody() {
        let row = |id, name| FlagRow::new(id, name, true);
        let rows = Rows { flags: vec![row(1, "a"), row(2, UNUSED)], ..Rows::default() };
        let flags = Flags::from_rows(rows).unwrap_or_else(|error| panic!("{error}"));
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
        let (hourly, usage) = evaluations(&flags, now);
        assert_eq!(hourly, evaluations(&flags, now).0);
        assert_eq!(hourly.len(), usize::try_from(HOURS).unwrap_or_default());
        assert!(hourly.iter().all(|count| count.flag == "a" && count.evaluations > 0), "{hourly:?}");
        assert_eq!(usage.len(), 1);
        assert_eq!(contexts().len(), SAMPLE as usize);
    }
}

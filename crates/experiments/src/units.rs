//! Units by variant and day, and whether they are as many as planned.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use novi_stats::analysis::sample_ratio;

use crate::{
    metric::Metric,
    read::DayUnits,
    report::{Day, SampleRatio},
    text::number,
};

/// Units that differ from their weights with a smaller probability are not those of a draw.
pub(crate) const BROKEN_BELOW: f64 = 0.001;

/// Fewer units than this leave the normal approximation in doubt.
pub(crate) const FEW_UNITS: u64 = 100;

/// Nothing is recorded of a planned experiment.
const NO_UNITS: &str = "no unit was exposed yet: evaluate the flag with `expose`";

/// Why nothing is compared with a control without units.
pub(crate) fn without_units(units: &BTreeMap<String, u64>, control: &str) -> String {
    if units.values().all(|count| *count == 0) {
        return NO_UNITS.to_owned();
    }
    format!("no unit was exposed to the control {control:?} yet, so there is nothing to compare with")
}

pub(crate) fn by_variant(rows: &[DayUnits]) -> BTreeMap<String, u64> {
    let mut units = BTreeMap::new();
    for row in rows {
        *units.entry(row.variant.clone()).or_default() += row.units;
    }
    units
}

/// The rows are in the order of their days.
pub(crate) fn by_day(rows: &[DayUnits]) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for row in rows {
        if days.last().is_none_or(|day| day.day != row.day) {
            days.push(Day { day: row.day.clone(), units: BTreeMap::new() });
        }
        if let Some(day) = days.last_mut() {
            day.units.insert(row.variant.clone(), row.units);
        }
    }
    days
}

/// The first moment of the first day.
pub(crate) fn first_moment(days: &[Day]) -> Option<DateTime<Utc>> {
    let day = days.first()?.day.parse::<NaiveDate>().ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

/// Compares the units with the weights. A variant that has a weight and no units counts as well: that none of its units
/// are recorded is what the check is for.
pub(crate) fn compare_with_weights(
    units: &BTreeMap<String, u64>,
    weights: &BTreeMap<String, f64>,
) -> Result<Option<SampleRatio>, String> {
    if weights.is_empty() || units.values().all(|count| *count == 0) {
        return Ok(None);
    }
    let unknown: Vec<&str> =
        units.keys().filter(|variant| !weights.contains_key(*variant)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(format!("no weight is given for {}", unknown.join(", ")));
    }
    let counts: Vec<u64> =
        weights.keys().map(|variant| units.get(variant).copied().unwrap_or_default()).collect();
    let planned: Vec<f64> = weights.values().copied().collect();
    let p = sample_ratio(&counts, &planned).map_err(|problem| problem.to_string())?.p;
    Ok(Some(SampleRatio { weights: weights.clone(), p, is_broken: p < BROKEN_BELOW, periods: Vec::new() }))
}

/// Units whose outcomes are not complete yet, by the days of their exposure.
pub(crate) fn open_windows(metric: &Metric, days: &[Day], until: DateTime<Utc>) -> Option<String> {
    let window = TimeDelta::seconds(i64::try_from(metric.window?).ok()?);
    let is_open = |day: &&Day| {
        let end = day.day.parse::<NaiveDate>().ok().and_then(|day| day.and_hms_opt(23, 59, 59));
        end.and_then(|end| end.and_utc().checked_add_signed(window)).is_some_and(|end| end > until)
    };
    let units: u64 = days.iter().filter(is_open).flat_map(|day| day.units.values()).sum();
    (units > 0).then(|| {
        format!("the window of up to {units} units has not ended, so that their outcomes are not complete")
    })
}

/// What makes comparisons of these units doubtful, in words.
pub(crate) fn warnings(units: &BTreeMap<String, u64>, sample_ratio: Option<&SampleRatio>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(SampleRatio { p, is_broken: true, periods, .. }) = sample_ratio {
        warnings.push(format!(
            "the variants do not have the units that their weights give (p = {}): {}the assignment or its recording is \
             broken, and no number below can be trusted",
            number(*p),
            if periods.is_empty() { "unless the weights have changed since the first exposure, " } else { "" }
        ));
    }
    warnings.extend(few_units(units));
    warnings
}

/// That there are few units of a variant, or none.
pub(crate) fn few_units(units: &BTreeMap<String, u64>) -> Vec<String> {
    let mut warnings = Vec::new();
    match units.values().filter(|count| **count > 0).count() {
        0 => return vec![NO_UNITS.to_owned()],
        1 => warnings.push("only one variant has units, so there is nothing to compare".to_owned()),
        _ => (),
    }
    for (variant, count) in units.iter().filter(|(_, count)| **count < FEW_UNITS) {
        warnings.push(match count {
            0 => format!("no unit was exposed to {variant:?} yet"),
            _ => format!("{variant:?} has {count} units: intervals are approximate below {FEW_UNITS}"),
        });
    }
    warnings
}

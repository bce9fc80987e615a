//! The weights that variants had while an experiment ran, by the history of its row.

use std::collections::BTreeMap;

use novi::{
    rows::Rows,
    store::history::{Entity, HistoryQuery, HistoryStore},
};
use novi_stats::{analysis::sample_ratio, distribution::ChiSquared};
use serde_json::Value;

use crate::{
    report::{PeriodRatio, SampleRatio},
    units::BROKEN_BELOW,
    weights::weighted_row,
};

/// How many records of the history are read, newest first.
const RECORDS: u32 = 1000;

/// The weights of variants from a revision on.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightPeriod {
    /// The first revision; 0 if it is that of the first exposure.
    pub since: i64,
    /// The weights.
    pub weights: BTreeMap<String, f64>,
}

/// The weights that the row of an experiment has had, oldest first: of its `novi.experiment` or `novi.split`. One period
/// if they have not changed; none without such a row.
///
/// # Errors
/// If the history cannot be read.
pub async fn weight_periods(
    store: &dyn HistoryStore,
    rows: &Rows,
    experiment: &str,
) -> Result<Vec<WeightPeriod>, novi::Error> {
    let Some(row) = weighted_row(rows, experiment) else { return Ok(Vec::new()) };
    let mut links = rows.links.iter().filter(|link| link.activation_id == Some(row.id));
    let flag = links.find_map(|link| rows.flags.iter().find(|flag| Some(flag.id) == link.flag_id));
    let records = match flag {
        Some(flag) => store.history(&HistoryQuery::default().flag(&flag.name).limit(RECORDS)).await?,
        None => Vec::new(),
    };
    let is_short = records.len() >= usize::try_from(RECORDS).unwrap_or(usize::MAX);
    let is_own = |value: &Value| value.get("id").and_then(Value::as_i64) == Some(row.id);
    let mut periods = Vec::new();
    for record in records.iter().rev().filter(|record| record.entity == Entity::Activation) {
        let [before, after] =
            [&record.before, &record.after].map(|value| value.as_ref().filter(|row| is_own(row)));
        if periods.is_empty() && !is_short {
            push(&mut periods, 0, before.and_then(weights_of_record));
        }
        push(&mut periods, record.revision.number(), after.and_then(weights_of_record));
    }
    if periods.is_empty() {
        push(&mut periods, 0, weights_of(row.config.as_deref().unwrap_or_default()));
    }
    // Before the row was made, nobody was exposed.
    if let Some(first) = periods.first_mut().filter(|_| !is_short) {
        first.since = 0;
    }
    Ok(periods)
}

fn push(periods: &mut Vec<WeightPeriod>, since: i64, weights: Option<BTreeMap<String, f64>>) {
    if let Some(weights) = weights
        && periods.last().is_none_or(|last| last.weights != weights)
    {
        periods.push(WeightPeriod { since, weights });
    }
}

fn weights_of_record(record: &Value) -> Option<BTreeMap<String, f64>> {
    weights_of(record.get("config")?.as_str()?)
}

/// The weights of a config; of ranges, how many buckets they have.
fn weights_of(config: &str) -> Option<BTreeMap<String, f64>> {
    let config: Value = serde_json::from_str(config).ok()?;
    if let Some(variants) = config.get("variants").and_then(Value::as_object) {
        return variants.iter().map(|(name, weight)| Some((name.clone(), weight.as_f64()?))).collect();
    }
    let size = |range: &Value| Some(range.get(1)?.as_f64()? - range.get(0)?.as_f64()?);
    let ranges = config.get("ranges")?.as_object()?.iter();
    let sizes = ranges.map(|(name, ranges)| {
        let sizes: Option<Vec<f64>> = ranges.as_array()?.iter().map(size).collect();
        Some((name.clone(), sizes?.iter().sum()))
    });
    sizes.collect()
}

/// Compares the units of each period with its weights. The statistics of several periods are added.
pub(crate) fn compare_periods(
    units: &BTreeMap<(String, i64), u64>,
    periods: &[WeightPeriod],
) -> Result<Option<SampleRatio>, String> {
    let (mut found, mut chi_squared, mut freedom) = (Vec::new(), 0.0, 0.0);
    for (place, period) in periods.iter().enumerate() {
        let end = periods.get(place + 1).map_or(i64::MAX, |next| next.since);
        let of_period = period_units(units, period.since..end);
        if of_period.is_empty() {
            continue;
        }
        let unknown = of_period.keys().find(|variant| !period.weights.contains_key(*variant));
        if let Some(variant) = unknown {
            return Err(format!("no weight is known of {variant} from revision {} on", period.since));
        }
        let counts: Vec<u64> = period
            .weights
            .keys()
            .map(|variant| of_period.get(variant).copied().unwrap_or_default())
            .collect();
        let planned: Vec<f64> = period.weights.values().copied().collect();
        let ratio = sample_ratio(&counts, &planned).map_err(|problem| problem.to_string())?;
        chi_squared += ratio.chi_squared;
        freedom += ratio.degrees_of_freedom;
        let units = period.weights.keys().cloned().zip(counts).collect();
        found.push(PeriodRatio { since: period.since, weights: period.weights.clone(), units, p: ratio.p });
    }
    let Some(weights) = found.last().map(|last| last.weights.clone()) else { return Ok(None) };
    let p = ChiSquared::new(freedom).sf(chi_squared);
    Ok(Some(SampleRatio { weights, p, is_broken: p < BROKEN_BELOW, periods: found }))
}

fn period_units(
    units: &BTreeMap<(String, i64), u64>,
    revisions: std::ops::Range<i64>,
) -> BTreeMap<String, u64> {
    let mut of_period = BTreeMap::new();
    for ((variant, revision), count) in units {
        if revisions.contains(revision) {
            *of_period.entry(variant.clone()).or_default() += count;
        }
    }
    of_period
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(since: i64, control: f64, new: f64) -> WeightPeriod {
        WeightPeriod { since, weights: [("control".to_owned(), control), ("new".to_owned(), new)].into() }
    }

    #[test]
    fn units_of_each_period_are_compared_with_its_weights() {
        let units = |list: &[(&str, i64, u64)]| -> BTreeMap<(String, i64), u64> {
            list.iter()
                .map(|(variant, revision, units)| (((*variant).to_owned(), *revision), *units))
                .collect()
        };
        let periods = [period(0, 1.0, 1.0), period(7, 1.0, 9.0)];
        let good = units(&[
            ("control", 3, 300),
            ("control", 6, 200),
            ("new", 3, 510),
            ("control", 7, 98),
            ("new", 9, 905),
        ]);
        let ratio = compare_periods(&good, &periods).unwrap().unwrap();
        assert!(!ratio.is_broken && ratio.p > 0.5, "{ratio:?}");
        assert_eq!(ratio.periods.iter().map(|one| one.units["new"]).collect::<Vec<_>>(), [510, 905]);
        // Together they would look like the weights of neither period.
        let ratio = compare_periods(&good, &periods[1..]).unwrap().unwrap();
        assert_eq!(ratio.periods.len(), 1);
        let bad = units(&[("control", 3, 500), ("new", 3, 510), ("control", 7, 300), ("new", 7, 700)]);
        assert!(compare_periods(&bad, &periods).unwrap().unwrap().is_broken);
        let removed = units(&[("old", 8, 1)]);
        assert_eq!(
            compare_periods(&removed, &periods).unwrap_err(),
            "no weight is known of old from revision 7 on"
        );
        assert!(compare_periods(&BTreeMap::new(), &periods).unwrap().is_none());
    }

    #[test]
    fn ranges_are_weights() {
        let weights =
            weights_of(r#"{"ranges": {"a": [[0, 10], [40, 60]], "b": [[10, 40]], "c": []}}"#).unwrap();
        assert_eq!(weights, [("a".to_owned(), 30.0), ("b".to_owned(), 30.0), ("c".to_owned(), 0.0)].into());
        assert_eq!(weights_of("{}"), None);
    }
}

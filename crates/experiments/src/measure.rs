//! What a metric says of each variant: its sums and quantiles, read once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use novi_audience::AudienceError;
use novi_stats::{
    Problem, Summary,
    metric::{Mean, Proportion, Quantile, QuantileRanks},
};

use crate::{
    metric::{Kind, Metric},
    read::{Outcomes, Source, Sums},
    sql::Dialect,
};

/// Groups by the names of their variants.
pub(crate) type Groups<M> = Vec<(String, Result<M, Problem>)>;

/// A metric of each variant.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) outcomes: Outcomes,
    pub(crate) sums: Vec<Sums>,
    /// Of a metric of the kind quantile only.
    pub(crate) quantiles: Groups<Quantile>,
}

/// Reads a metric. The database aggregates it.
pub(crate) async fn measure(
    source: &Source,
    metric: &Metric,
    first: DateTime<Utc>,
) -> Result<Measured, AudienceError> {
    let (sums, missing) = source.sums(metric, first).await?;
    // A second pass over the outcomes, unless the first one has found that all of them can be read.
    let is_lenient = source.scope.dialect != Dialect::Postgres;
    let outcomes = if is_lenient || missing > 0 || sums.iter().all(|sums| sums.with_outcome == 0) {
        source.outcomes(metric, first).await?
    } else {
        Outcomes::default()
    };
    let quantiles = match metric.kind {
        Kind::Quantile { level } => quantiles(source, metric, (first, level), &sums).await?,
        _ => Vec::new(),
    };
    Ok(Measured { outcomes, sums, quantiles })
}

impl Measured {
    /// The part with this number: see [`Segments`](crate::sql::Segments).
    pub(crate) fn segment(&self, number: usize) -> Self {
        let sums = self.sums.iter().filter_map(|sums| {
            let variant = variant_of(&sums.variant, number)?.to_owned();
            Some(Sums { variant, ..sums.clone() })
        });
        let quantiles = self.quantiles.iter().filter_map(|(variant, quantile)| {
            Some((variant_of(variant, number)?.to_owned(), quantile.clone()))
        });
        Self { outcomes: self.outcomes.clone(), sums: sums.collect(), quantiles: quantiles.collect() }
    }

    pub(crate) fn means(&self) -> Groups<Mean> {
        self.groups(|sums| Summary::from_sum(sums.units, sums.of("y"), sums.of("yy")).map(Mean))
    }

    /// The shares of units that have an outcome; of a funnel, that reach the step with this number, from 1.
    pub(crate) fn proportions(&self, step: usize) -> Groups<Proportion> {
        self.groups(|sums| Proportion::new(sums.units, sums.reached(step)))
    }

    pub(crate) fn units(&self) -> BTreeMap<String, u64> {
        self.sums.iter().map(|sums| (sums.variant.clone(), sums.units)).collect()
    }

    /// How many units reach the step of a funnel with this number, from 1.
    pub(crate) fn reached(&self, step: usize) -> BTreeMap<String, u64> {
        self.sums.iter().map(|sums| (sums.variant.clone(), sums.reached(step))).collect()
    }

    /// The value `y` with another one.
    pub(crate) fn pairs<M>(&self, other: &str, metric: impl Fn(Summary<2>) -> M) -> Groups<M> {
        self.groups(|sums| {
            let cross = sums.of(&format!("y{other}"));
            let products = [[sums.of("yy"), cross], [cross, sums.of(&format!("{other}{other}"))]];
            let values = [sums.of("y"), sums.of(other)];
            Summary::from_sums(sums.units, [0.0; 2], values, products).map(&metric)
        })
    }

    fn groups<M>(&self, group: impl Fn(&Sums) -> Result<M, Problem>) -> Groups<M> {
        self.sums.iter().map(|sums| (sums.variant.clone(), group(sums))).collect()
    }

    /// The values of variants, also of those that cannot be compared. Quantiles are those of the comparison.
    #[expect(clippy::cast_precision_loss, reason = "counts of units")]
    pub(crate) fn values(&self, metric: &Metric) -> BTreeMap<String, f64> {
        let value = |sums: &Sums| match metric.kind {
            Kind::Mean => Some(sums.of("y") / sums.units as f64),
            Kind::Proportion | Kind::Retention { .. } | Kind::Funnel => {
                Some(sums.reached(metric.steps.len()) as f64 / sums.units as f64)
            }
            Kind::Ratio => Some(sums.of("y") / sums.of("d")),
            Kind::Quantile { .. } | Kind::Unknown => None,
        };
        let finite =
            |sums: &Sums| Some((sums.variant.clone(), value(sums).filter(|value| value.is_finite())?));
        self.sums.iter().filter_map(finite).collect()
    }
}

/// The variant behind the number of its part, as in `2:blue`.
pub(crate) fn variant_of(text: &str, number: usize) -> Option<&str> {
    let (found, variant) = text.split_once(':')?;
    (found.parse() == Ok(number)).then_some(variant)
}

/// The quantiles of units that have an outcome.
async fn quantiles(
    source: &Source,
    metric: &Metric,
    (first, level): (DateTime<Utc>, f64),
    sums: &[Sums],
) -> Result<Groups<Quantile>, AudienceError> {
    let mut ranks = Vec::new();
    for sums in sums {
        if let Ok(levels) = QuantileRanks::new(level, sums.with_outcome) {
            let rank = |level: f64| rank(level, sums.with_outcome);
            ranks.push((sums.variant.clone(), [rank(levels.lower), rank(level), rank(levels.upper)]));
        }
    }
    let values =
        if ranks.is_empty() { BTreeMap::new() } else { source.ranked(metric, first, &ranks).await? };
    let group = |sums: &Sums| {
        let events = sums.with_outcome;
        QuantileRanks::new(level, events)?;
        let found = ranks.iter().find(|(variant, _)| *variant == sums.variant).map(|(_, ranks)| *ranks);
        let at = |rank: u64| values.get(&(sums.variant.clone(), rank)).copied().unwrap_or(f64::NAN);
        let [lower, middle, upper] = found.unwrap_or_default();
        Ok(Quantile {
            events,
            ranked_events: events,
            level,
            value: at(middle),
            lower: at(lower),
            upper: at(upper),
        })
    };
    Ok(sums.iter().map(|sums| (sums.variant.clone(), group(sums))).collect())
}

/// The rank, from 1, of the smallest of the values that a part of all is at most.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of units, and levels between 0 and 1"
)]
fn rank(level: f64, events: u64) -> u64 {
    ((level * events as f64).ceil() as u64).clamp(1, events.max(1))
}

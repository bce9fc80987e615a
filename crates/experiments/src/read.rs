//! Reads the aggregates of an experiment.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use novi::{Context, context::Value};
use novi_audience::{AudienceError, Query};

use crate::{
    metric::{Kind, Metric},
    sql::{Scope, Segments},
};

/// A database with assignments and outcomes.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) url: String,
    pub(crate) timeout: Duration,
    pub(crate) scope: Scope,
}

/// Units of a variant on a day.
#[derive(Debug)]
pub(crate) struct DayUnits {
    pub(crate) variant: String,
    pub(crate) day: String,
    pub(crate) units: u64,
}

/// The sums of a metric, of one variant.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    pub(crate) variant: String,
    pub(crate) units: u64,
    /// How many units have an outcome.
    pub(crate) with_outcome: u64,
    pub(crate) values: BTreeMap<String, f64>,
    /// How many units reach each step of a funnel.
    pub(crate) steps: BTreeMap<usize, u64>,
}

/// The outcomes that the SQL of a metric selects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) total: u64,
    pub(crate) unreadable_times: u64,
    pub(crate) unreadable_values: u64,
}

impl Sums {
    /// How many units reach the step of a funnel with this number, from 1; 0 is any outcome.
    pub(crate) fn reached(&self, step: usize) -> u64 {
        self.steps.get(&step).copied().unwrap_or(if step == 0 { self.with_outcome } else { 0 })
    }

    /// A sum of one value (`y`), or of a product of two (`yx`); zero if the metric has no such value.
    pub(crate) fn of(&self, names: &str) -> f64 {
        self.values.get(&format!("s{names}")).copied().unwrap_or_default()
    }
}

impl Source {
    pub(crate) async fn units(&self) -> Result<Vec<DayUnits>, AudienceError> {
        let mut found = Vec::new();
        self.rows(&self.scope.units(), |row| {
            found.push(DayUnits {
                variant: text(row, "variant"),
                day: text(row, "day"),
                units: count(row, "units"),
            });
        })
        .await?;
        Ok(found)
    }

    /// How many units each variant has.
    pub(crate) async fn counts(&self) -> Result<BTreeMap<String, u64>, AudienceError> {
        let mut found = BTreeMap::new();
        self.rows(&self.scope.counts(), |row| {
            found.insert(text(row, "variant"), count(row, "units"));
        })
        .await?;
        Ok(found)
    }

    /// How many units each variant got at each revision.
    pub(crate) async fn revisions(&self) -> Result<BTreeMap<(String, i64), u64>, AudienceError> {
        let mut found = BTreeMap::new();
        self.rows(&self.scope.revisions(), |row| {
            let revision = i64::try_from(count(row, "revision")).unwrap_or(i64::MAX);
            found.insert((text(row, "variant"), revision), count(row, "units"));
        })
        .await?;
        Ok(found)
    }

    /// The values of an attribute that most units have, the most frequent first.
    pub(crate) async fn most_frequent(
        &self,
        segments: &Segments,
        most: usize,
    ) -> Result<Vec<String>, AudienceError> {
        let mut found = Vec::new();
        self.rows(&self.scope.most_frequent(segments, most), |row| found.push(text(row, "value"))).await?;
        Ok(found)
    }

    pub(crate) async fn outcomes(
        &self,
        metric: &Metric,
        first: DateTime<Utc>,
    ) -> Result<Outcomes, AudienceError> {
        let mut found = Outcomes::default();
        self.rows(&self.scope.readable(metric, first), |row| {
            found = Outcomes {
                total: count(row, "total"),
                unreadable_times: count(row, "bad_times"),
                unreadable_values: count(row, "bad_values"),
            };
        })
        .await?;
        Ok(found)
    }

    /// The sums of each variant, and how many outcomes lack something if [they are counted](Scope::counts_missing).
    pub(crate) async fn sums(
        &self,
        metric: &Metric,
        first: DateTime<Utc>,
    ) -> Result<(Vec<Sums>, u64), AudienceError> {
        let (mut found, mut missing) = (Vec::new(), 0_u64);
        self.rows(&self.scope.sums(metric, first), |row| {
            missing = missing.saturating_add(count(row, "missing"));
            let units = count(row, "units");
            if units == 0 {
                return;
            }
            let values = row.iter().filter_map(|(name, value)| Some((name.to_owned(), value.as_f64()?)));
            found.push(Sums {
                variant: text(row, "variant"),
                units,
                with_outcome: count(row, "n"),
                values: values.collect(),
                steps: (1..=metric.steps.len()).map(|step| (step, count(row, &format!("r{step}")))).collect(),
            });
        })
        .await?;
        Ok((found, missing))
    }

    /// The values of units at ranks of their variants.
    pub(crate) async fn ranked(
        &self,
        metric: &Metric,
        first: DateTime<Utc>,
        ranks: &[(String, [u64; 3])],
    ) -> Result<BTreeMap<(String, u64), f64>, AudienceError> {
        let mut found = BTreeMap::new();
        debug_assert!(matches!(metric.kind, Kind::Quantile { .. }), "only quantiles have ranks");
        self.rows(&self.scope.ranked(metric, first, ranks), |row| {
            let value = row.get("y").and_then(Value::as_f64).unwrap_or_default();
            found.insert((text(row, "variant"), count(row, "place")), value);
        })
        .await?;
        Ok(found)
    }

    async fn rows(&self, sql: &str, mut each: impl FnMut(&Context<'_>)) -> Result<(), AudienceError> {
        let query = Query::new(&self.url, sql).timeout(self.timeout);
        let read = query.for_each(async |row| {
            each(row);
            Ok(())
        });
        read.await.map(drop)
    }
}

fn text(row: &Context<'_>, column: &str) -> String {
    row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A count. The databases have no unsigned integers, and MySQL's sums are decimal numbers.
fn count(row: &Context<'_>, column: &str) -> u64 {
    match row.get(column) {
        Some(Value::Int(number)) => u64::try_from(*number).unwrap_or_default(),
        Some(Value::UInt(number)) => *number,
        _ => 0,
    }
}

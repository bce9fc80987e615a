//! An experiment: from the aggregates of the database to its report.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    breakdown::{By, Plan, breakdown},
    compare::{Against, adjust},
    database::Database,
    error::ExperimentError,
    measure::{Measured, measure},
    metric::{Kind, Metric},
    outcomes::{unreached, unreadable, without_outcomes},
    periods::{WeightPeriod, compare_periods},
    read::Source,
    report::{MetricReport, Report},
    sql::{Dialect, Scope},
    units::{by_day, by_variant, compare_with_weights, first_moment, open_windows, warnings, without_units},
};

/// How long a query may take by default.
const TIMEOUT: Duration = Duration::from_mins(10);

/// An experiment whose assignments are recorded in `novi_assignments`, next to the tables of the application.
#[derive(Clone, Debug)]
pub struct Experiment {
    database: Database,
    name: String,
    control: Option<String>,
    weights: BTreeMap<String, f64>,
    periods: Vec<WeightPeriod>,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    alpha: f64,
    by: Vec<By>,
}

impl Experiment {
    /// The experiment with this name, in this database: an address is enough.
    pub fn new(database: impl Into<Database>, name: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            name: name.into(),
            control: None,
            weights: BTreeMap::new(),
            periods: Vec::new(),
            start: None,
            end: None,
            alpha: 0.05,
            by: Vec::new(),
        }
    }

    /// The variant that others are compared with. By default `control`, `off`, or the first in the order of names.
    #[must_use]
    pub fn control(mut self, variant: Option<String>) -> Self {
        self.control = variant;
        self
    }

    /// The planned weights of variants, on any scale. Without them, the sizes are not checked.
    #[must_use]
    pub fn weights(mut self, weights: BTreeMap<String, f64>) -> Self {
        self.weights = weights;
        self
    }

    /// The weights that variants have had, by [`weight_periods`](crate::weight_periods). If there are several, the units of
    /// each period are compared with its own.
    #[must_use]
    pub fn periods(mut self, periods: Vec<WeightPeriod>) -> Self {
        self.periods = periods;
        self
    }

    /// Only exposures from this moment on.
    #[must_use]
    pub const fn start(mut self, start: Option<DateTime<Utc>>) -> Self {
        self.start = start;
        self
    }

    /// Only exposures and outcomes before this moment. The current time by default.
    #[must_use]
    pub const fn end(mut self, end: Option<DateTime<Utc>>) -> Self {
        self.end = end;
        self
    }

    /// The probability of an interval that misses the truth: 0.05 by default.
    #[must_use]
    pub const fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Attributes by which the metrics are broken down.
    #[must_use]
    pub fn by(mut self, attributes: Vec<By>) -> Self {
        self.by = attributes;
        self
    }

    /// What a metric says of each variant, or why it says nothing.
    pub(crate) async fn measure(&self, metric: &Metric) -> Result<Result<Measured, String>, ExperimentError> {
        if let Some(problem) = &metric.problem {
            return Ok(Err(problem.clone()));
        }
        let source = self.source(self.end.unwrap_or_else(Utc::now))?;
        let days = by_day(&source.units().await.map_err(ExperimentError::Database)?);
        let first = self.start.or(first_moment(&days));
        let first = first.ok_or_else(|| ExperimentError::NoUnits(self.name.clone()))?;
        let measured = measure(&source, metric, first).await.map_err(|error| error.to_string());
        Ok(measured.and_then(|found| match without_outcomes(&found.outcomes, &found.sums) {
            Some(problem) => Err(problem),
            None => Ok(found),
        }))
    }

    /// The database, with the assignments before this moment.
    fn source(&self, until: DateTime<Utc>) -> Result<Source, ExperimentError> {
        let scope = Scope {
            dialect: Dialect::of(&self.database.url).ok_or(ExperimentError::Url)?,
            prefix: self.database.table_prefix.clone(),
            experiment: self.name.clone(),
            start: self.start,
            end: until,
            segments: None,
        };
        let timeout = self.database.timeout.unwrap_or(TIMEOUT);
        Ok(Source { url: self.database.url.clone(), timeout, scope })
    }

    /// Reads the aggregates of the metrics, and compares the variants. A metric whose SQL fails has the reason in its
    /// report, and affects no other.
    ///
    /// # Errors
    /// If the assignments cannot be read, there are none, or the control is none of the variants.
    pub async fn report(&self, metrics: &[Metric]) -> Result<Report, ExperimentError> {
        let until = self.end.unwrap_or_else(Utc::now);
        let source = self.source(until)?;
        let rows = source.units().await.map_err(ExperimentError::Database)?;
        let (mut units, days) = (by_variant(&rows), by_day(&rows));
        let planned = self.weights.iter().filter(|(_, weight)| **weight > 0.0);
        for (variant, _) in planned {
            units.entry(variant.clone()).or_default();
        }
        let Some(from) = self.start.or(first_moment(&days)) else {
            return Err(ExperimentError::NoUnits(self.name.clone()));
        };
        let control = self.control_of(&units)?;
        let missing =
            units.get(&control).is_none_or(|count| *count == 0).then(|| without_units(&units, &control));
        let mut reports = Vec::new();
        for metric in metrics {
            let problem = metric.problem.clone().or_else(|| missing.clone());
            reports.push(self.metric(&source, metric, problem, (from, &control)).await);
        }
        adjust(&mut reports);
        for report in &mut reports {
            report.warnings.extend(open_windows(&report.metric, &days, until));
        }
        let changed = self.periods.len() > 1;
        let weights = &self.weights;
        let plan =
            Plan { control: &control, alpha: self.alpha, weights, periods: &self.periods, first: from };
        let mut breakdowns = Vec::new();
        for by in &self.by {
            breakdowns.push(breakdown(&source, metrics, by, plan).await);
        }
        let compared = if changed {
            compare_periods(&source.revisions().await.map_err(ExperimentError::Database)?, &self.periods)
        } else {
            compare_with_weights(&units, weights)
        };
        let (sample_ratio, unchecked) = match compared {
            Ok(found) => (found, None),
            Err(problem) => (None, Some(format!("the numbers of units are not checked: {problem}"))),
        };
        let mut warnings = warnings(&units, sample_ratio.as_ref());
        warnings.extend(unchecked);
        Ok(Report {
            experiment: self.name.clone(),
            from,
            until,
            control,
            units,
            days,
            sample_ratio,
            alpha: self.alpha,
            metrics: reports,
            breakdowns,
            warnings,
        })
    }

    fn control_of(&self, units: &BTreeMap<String, u64>) -> Result<String, ExperimentError> {
        let names = || units.keys().cloned();
        match &self.control {
            Some(control) if units.contains_key(control) || self.weights.contains_key(control) => {
                Ok(control.clone())
            }
            Some(_) if units.is_empty() => Err(ExperimentError::NoUnits(self.name.clone())),
            Some(control) => {
                Err(ExperimentError::Control { control: control.clone(), variants: names().collect() })
            }
            None => {
                let usual = ["control", "off"].into_iter().find(|usual| units.contains_key(*usual));
                let control = usual.map(str::to_owned).or_else(|| names().next());
                control.ok_or_else(|| ExperimentError::NoUnits(self.name.clone()))
            }
        }
    }

    async fn metric(
        &self,
        source: &Source,
        metric: &Metric,
        problem: Option<String>,
        (first, control): (DateTime<Utc>, &str),
    ) -> MetricReport {
        let is_known = metric.kind != Kind::Unknown;
        let mut report = MetricReport {
            metric: metric.clone(),
            query: if is_known { source.scope.sums(metric, first) } else { String::new() },
            problem,
            warnings: Vec::new(),
            values: BTreeMap::new(),
            variants: Vec::new(),
            steps: Vec::new(),
        };
        if report.problem.is_some() {
            return report;
        }
        let measured = match measure(source, metric, first).await {
            Ok(measured) => measured,
            Err(error) => {
                report.problem = Some(error.to_string());
                return report;
            }
        };
        report.problem = without_outcomes(&measured.outcomes, &measured.sums);
        if report.problem.is_some() {
            return report;
        }
        report.warnings = unreadable(&measured.outcomes);
        let against = Against { control, alpha: self.alpha, better: metric.better };
        (report.values, report.variants) = against.compare(metric, &measured);
        report.steps = against.steps(metric, &measured);
        report.warnings.extend(unreached(&report.steps));
        report
    }
}

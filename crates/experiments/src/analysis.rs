//! From the aggregates of an experiment to its report.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use novi_audience::AudienceError;
use novi_stats::{
    Problem, Summary,
    analysis::{Bayesian, Estimate, Lift, Sequential, Welch, holm, sample_ratio},
    metric::{AdjustedMean, Comparison as Comparable, Mean, Proportion, Quantile, QuantileRanks, Ratio},
};

use crate::{
    error::ExperimentError,
    metric::{Better, Kind, Metric},
    read::{DayUnits, Outcomes, Source, Sums},
    report::{Comparison, Day, Interval, MetricReport, Report, SampleRatio, VariantReport, Verdict},
    sql::{Dialect, Scope},
    text::number,
};

/// Units that differ from their weights with a smaller probability are not those of a draw.
const BROKEN_BELOW: f64 = 0.001;

/// A control whose value is fewer standard errors of the difference above zero has no relative lift: its interval by the
/// delta method would be wrong. Seven are ten of the control's own, if both groups have the same size.
const CLOSE_TO_ZERO: f64 = 7.0;

/// Fewer units than this leave the normal approximation in doubt.
const FEW_UNITS: u64 = 100;

/// The values of the control and of a variant, and how they compare.
type Compared = ([f64; 2], Comparison);

/// An experiment whose assignments are recorded in `novi_assignments`, next to the tables of the application.
#[derive(Clone, Debug)]
pub struct Experiment {
    url: String,
    name: String,
    table_prefix: String,
    control: Option<String>,
    weights: BTreeMap<String, f64>,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    alpha: f64,
    timeout: Duration,
}

impl Experiment {
    /// The experiment with this name, in the database at this address.
    #[must_use]
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: name.into(),
            table_prefix: String::new(),
            control: None,
            weights: BTreeMap::new(),
            start: None,
            end: None,
            alpha: 0.05,
            timeout: Duration::from_mins(10),
        }
    }

    /// What the names of novi's tables begin with.
    #[must_use]
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.table_prefix = prefix.into();
        self
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

    /// How long each query may take: ten minutes by default.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Reads the aggregates of the metrics, and compares the variants. A metric whose SQL fails has the reason in its
    /// report, and affects no other.
    ///
    /// # Errors
    /// If the assignments cannot be read, there are none, or the control is none of the variants.
    pub async fn report(&self, metrics: &[Metric]) -> Result<Report, ExperimentError> {
        let until = self.end.unwrap_or_else(Utc::now);
        let scope = Scope {
            dialect: Dialect::of(&self.url).ok_or(ExperimentError::Url)?,
            prefix: self.table_prefix.clone(),
            experiment: self.name.clone(),
            start: self.start,
            end: until,
        };
        let source = Source { url: self.url.clone(), timeout: self.timeout, scope };
        let by_day = source.units().await.map_err(ExperimentError::Database)?;
        let (units, days) = (by_variant(&by_day), by_day_of(&by_day));
        let first = days.first().and_then(|day| day.day.parse::<NaiveDate>().ok());
        let first = first.and_then(|day| day.and_hms_opt(0, 0, 0)).map(|day| day.and_utc());
        let Some(from) = self.start.or(first) else {
            return Err(ExperimentError::NoUnits(self.name.clone()));
        };
        let control = self.control_of(&units)?;
        let mut reports = Vec::new();
        for metric in metrics {
            reports.push(self.metric(&source, metric, (from, &control)).await);
        }
        adjust(&mut reports);
        for report in &mut reports {
            report.warnings.extend(open_windows(&report.metric, &days, until));
        }
        let (sample_ratio, unchecked) = match self.sample_ratio(&units) {
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
            warnings,
        })
    }

    fn control_of(&self, units: &BTreeMap<String, u64>) -> Result<String, ExperimentError> {
        let names = || units.keys().cloned();
        match &self.control {
            Some(control) if units.contains_key(control) => Ok(control.clone()),
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

    /// Compares the units with the weights. A variant that has a weight and no units counts as well: that none of its
    /// units are recorded is what the check is for.
    fn sample_ratio(&self, units: &BTreeMap<String, u64>) -> Result<Option<SampleRatio>, String> {
        if self.weights.is_empty() {
            return Ok(None);
        }
        let unknown: Vec<&str> =
            units.keys().filter(|variant| !self.weights.contains_key(*variant)).map(String::as_str).collect();
        if !unknown.is_empty() {
            return Err(format!("no weight is given for {}", unknown.join(", ")));
        }
        let counts: Vec<u64> =
            self.weights.keys().map(|variant| units.get(variant).copied().unwrap_or_default()).collect();
        let weights: Vec<f64> = self.weights.values().copied().collect();
        let p = sample_ratio(&counts, &weights).map_err(|problem| problem.to_string())?.p;
        Ok(Some(SampleRatio { weights: self.weights.clone(), p, is_broken: p < BROKEN_BELOW }))
    }

    async fn metric(
        &self,
        source: &Source,
        metric: &Metric,
        (first, control): (DateTime<Utc>, &str),
    ) -> MetricReport {
        let mut report = MetricReport {
            metric: metric.clone(),
            query: source.scope.sums(metric, first),
            problem: None,
            warnings: Vec::new(),
            values: BTreeMap::new(),
            variants: Vec::new(),
        };
        let (outcomes, sums) = match read(source, metric, first).await {
            Ok(read) => read,
            Err(error) => {
                report.problem = Some(error.to_string());
                return report;
            }
        };
        if let Some(problem) = without_outcomes(&outcomes, &sums) {
            report.problem = Some(problem);
            return report;
        }
        report.warnings = unreadable(&outcomes);
        report.values = values(metric, &sums);
        let compared = match metric.kind {
            Kind::Quantile { level } => match quantiles(source, metric, (first, level), &sums).await {
                Ok(quantiles) => self.compare(metric, control, &quantiles),
                Err(problem) => {
                    report.problem = Some(problem);
                    return report;
                }
            },
            Kind::Proportion => self.compare(metric, control, &of(&sums, proportion)),
            Kind::Ratio => self.compare(metric, control, &of(&sums, |sums| pair(sums, "d").map(Ratio))),
            Kind::Mean if metric.before.is_some() => {
                self.compare(metric, control, &of(&sums, |sums| pair(sums, "x").map(AdjustedMean)))
            }
            Kind::Mean => self.compare(metric, control, &of(&sums, mean)),
        };
        for (variant, estimate) in compared {
            let result = estimate.map(|(values, comparison)| {
                // Quantiles are known here only.
                report.values.insert(control.to_owned(), values[0]);
                report.values.insert(variant.clone(), values[1]);
                comparison
            });
            let problem = result.as_ref().err().map(ToString::to_string);
            report.variants.push(VariantReport { variant, problem, result: result.ok() });
        }
        report
    }

    /// Compares each variant with the control.
    fn compare<M: Comparable>(
        &self,
        metric: &Metric,
        control: &str,
        groups: &[(String, Result<M, Problem>)],
    ) -> Vec<(String, Result<Compared, Problem>)> {
        let own = groups.iter().find(|(variant, _)| variant == control).map(|(_, group)| group);
        let mut compared = Vec::new();
        for (variant, group) in groups.iter().filter(|(variant, _)| variant != control) {
            let result = match (own, group) {
                (Some(Ok(control)), Ok(variant)) => self.estimate(metric, control, variant),
                (Some(Err(problem)), _) | (_, Err(problem)) => Err(problem.clone()),
                (None, _) => Err(Problem::ZeroControl),
            };
            compared.push((variant.clone(), result));
        }
        compared
    }

    fn estimate<M: Comparable>(
        &self,
        metric: &Metric,
        control: &M,
        variant: &M,
    ) -> Result<Compared, Problem> {
        let once = Welch { alpha: self.alpha }.compare(control, variant)?;
        let always = Sequential { alpha: self.alpha, ..Sequential::default() }.compare(control, variant)?;
        let less_is_better = metric.better == Better::Less;
        let bayesian = Bayesian { alpha: self.alpha, less_is_better, ..Bayesian::default() };
        // All numbers are of one scale, or intervals and p-values near their limits could disagree.
        let is_relative = once.control > CLOSE_TO_ZERO * once.absolute.standard_error;
        let (lift, shown, shown_always, chance_to_win) = match (&once.relative, &always.relative) {
            (Ok(relative), Ok(relative_always)) if is_relative => {
                let chance = bayesian.relative(control, variant)?.chance_to_win;
                (Some(interval(relative, relative_always)), *relative, *relative_always, chance)
            }
            _ => {
                let chance = bayesian.absolute(control, variant)?.chance_to_win;
                (None, once.absolute, always.absolute, chance)
            }
        };
        let [lower, upper] = [shown_always.lower, shown_always.upper];
        let verdict = match (lower > 0.0, upper < 0.0) {
            (true, _) if less_is_better => Verdict::Worse,
            (true, _) => Verdict::Better,
            (_, true) if less_is_better => Verdict::Better,
            (_, true) => Verdict::Worse,
            _ => Verdict::Open,
        };
        let Estimate { control, variant, .. } = once;
        let comparison = Comparison {
            difference: interval(&once.absolute, &always.absolute),
            lift,
            p: shown.p,
            p_adjusted: None,
            p_at_any_time: shown_always.p,
            chance_to_win,
            verdict,
        };
        Ok(([control, variant], comparison))
    }
}

/// Reads the sums of a metric, and what the database did not read. PostgreSQL reads all or refuses, so that a second pass
/// over the outcomes has something to say only if none counts.
async fn read(
    source: &Source,
    metric: &Metric,
    first: DateTime<Utc>,
) -> Result<(Outcomes, Vec<Sums>), AudienceError> {
    let sums = source.sums(metric, first).await?;
    let is_lenient = source.scope.dialect != Dialect::Postgres;
    let outcomes = if is_lenient || sums.iter().all(|sums| sums.with_outcome == 0) {
        source.outcomes(metric, first).await?
    } else {
        Outcomes::default()
    };
    Ok((outcomes, sums))
}

fn interval(once: &Lift, always: &Lift) -> Interval {
    Interval {
        estimate: once.estimate,
        interval: [once.lower, once.upper],
        interval_at_any_time: [always.lower, always.upper],
    }
}

fn by_variant(rows: &[DayUnits]) -> BTreeMap<String, u64> {
    let mut units = BTreeMap::new();
    for row in rows {
        *units.entry(row.variant.clone()).or_default() += row.units;
    }
    units
}

/// The rows are in the order of their days.
fn by_day_of(rows: &[DayUnits]) -> Vec<Day> {
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

fn of<M>(sums: &[Sums], group: impl Fn(&Sums) -> Result<M, Problem>) -> Vec<(String, Result<M, Problem>)> {
    sums.iter().map(|sums| (sums.variant.clone(), group(sums))).collect()
}

fn mean(sums: &Sums) -> Result<Mean, Problem> {
    Summary::from_sum(sums.units, sums.of("y"), sums.of("yy")).map(Mean)
}

fn proportion(sums: &Sums) -> Result<Proportion, Problem> {
    Proportion::new(sums.units, sums.with_outcome)
}

/// The value `y` with another one.
fn pair(sums: &Sums, other: &str) -> Result<Summary<2>, Problem> {
    let cross = sums.of(&format!("y{other}"));
    let products = [[sums.of("yy"), cross], [cross, sums.of(&format!("{other}{other}"))]];
    Summary::from_sums(sums.units, [0.0; 2], [sums.of("y"), sums.of(other)], products)
}

/// The quantiles of units that have an outcome. An error is in words.
async fn quantiles(
    source: &Source,
    metric: &Metric,
    (first, level): (DateTime<Utc>, f64),
    sums: &[Sums],
) -> Result<Vec<(String, Result<Quantile, Problem>)>, String> {
    let mut ranks = Vec::new();
    for sums in sums {
        if let Ok(levels) = QuantileRanks::new(level, sums.with_outcome) {
            let rank = |level: f64| rank(level, sums.with_outcome);
            ranks.push((sums.variant.clone(), [rank(levels.lower), rank(level), rank(levels.upper)]));
        }
    }
    let values = if ranks.is_empty() {
        BTreeMap::new()
    } else {
        source.ranked(metric, first, &ranks).await.map_err(|error| error.to_string())?
    };
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
    Ok(of(sums, group))
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

/// Adjusts the p-values of all metrics and variants but those of guardrails, which must not be missed.
fn adjust(reports: &mut [MetricReport]) {
    let goals = reports.iter_mut().filter(|report| !report.metric.guardrail);
    let mut results: Vec<&mut Comparison> =
        goals.flat_map(|report| &mut report.variants).filter_map(|variant| variant.result.as_mut()).collect();
    let p: Vec<f64> = results.iter().map(|result| result.p).collect();
    let Ok(adjusted) = holm(&p) else { return };
    for (result, p) in results.iter_mut().zip(adjusted) {
        result.p_adjusted = Some(p);
    }
}

/// Why there are no numbers, if no unit has an outcome.
fn without_outcomes(outcomes: &Outcomes, sums: &[Sums]) -> Option<String> {
    if sums.iter().any(|sums| sums.with_outcome > 0) {
        return None;
    }
    let total = outcomes.total;
    Some(match total {
        0 => "its SQL selects no outcomes in the time of the experiment".to_owned(),
        _ if outcomes.unreadable_times == total => {
            format!("{total} of {total} outcomes have a `ts` that is no time: convert it in the SQL")
        }
        _ => format!(
            "none of the {total} outcomes belongs to a unit of the experiment, after its exposure and within the window: \
             compare `unit` with the column `unit` of novi_assignments"
        ),
    })
}

/// Outcomes that the database cannot read, which count as nothing.
fn unreadable(outcomes: &Outcomes) -> Vec<String> {
    let Outcomes { total, unreadable_times, unreadable_values } = outcomes;
    let mut warnings = Vec::new();
    for (count, column, what) in [
        (unreadable_times, "ts", "no time, and do not count"),
        (unreadable_values, "value", "no number, and count as 0"),
    ] {
        if *count > 0 {
            warnings.push(format!(
                "{count} of {total} outcomes have a `{column}` that is {what}: convert it in the SQL"
            ));
        }
    }
    warnings
}

/// Units whose outcomes are not complete yet, by the days of their exposure.
fn open_windows(metric: &Metric, days: &[Day], until: DateTime<Utc>) -> Option<String> {
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

/// The values of variants, also of those that cannot be compared.
#[expect(clippy::cast_precision_loss, reason = "counts of units")]
fn values(metric: &Metric, sums: &[Sums]) -> BTreeMap<String, f64> {
    let value = |sums: &Sums| match metric.kind {
        Kind::Mean => Some(sums.of("y") / sums.units as f64),
        Kind::Proportion => Some(sums.with_outcome as f64 / sums.units as f64),
        Kind::Ratio => Some(sums.of("y") / sums.of("d")),
        Kind::Quantile { .. } => None,
    };
    let finite = |sums: &Sums| Some((sums.variant.clone(), value(sums).filter(|value| value.is_finite())?));
    sums.iter().filter_map(finite).collect()
}

fn warnings(units: &BTreeMap<String, u64>, sample_ratio: Option<&SampleRatio>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(SampleRatio { p, is_broken: true, .. }) = sample_ratio {
        warnings.push(format!(
            "the variants do not have the units that their weights give (p = {}): unless the weights have changed since \
             the first exposure, the assignment or its recording is broken, and no number below can be trusted",
            number(*p)
        ));
    }
    if units.len() < 2 {
        warnings.push("only one variant has units, so there is nothing to compare".to_owned());
    }
    for (variant, count) in units.iter().filter(|(_, count)| **count < FEW_UNITS) {
        warnings.push(format!("{variant:?} has {count} units: intervals are approximate below {FEW_UNITS}"));
    }
    warnings
}

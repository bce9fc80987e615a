//! `novi experiment report`.

use std::{path::PathBuf, process::ExitCode};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use novi_experiments::{
    By, Experiment, ExperimentError, experiment_of, html, metrics_of, planned_analysis, planned_weights,
    read_attributes, read_metrics, weight_periods, with_metric_rows,
};

use super::guard::database;
use crate::{
    commands::{
        reweight::weight,
        value_parser::{duration, up_to},
    },
    output::{Failure, print_json, print_note, replace_file, sanitize, with_progress, write},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi experiment report new-checkout
  novi experiment report new-checkout --metrics metrics/revenue.sql --control off --from 2026-11-01
  novi experiment report new-checkout --by country --html report.html

A metric is a file with SQL over the tables of your application, in the database of the flags:
  -- kind: mean
  -- window: 7days
  select user_id as unit, created_at as ts, amount as value from orders
  where created_at between :start and :end

kind is mean, proportion, ratio (with a column denominator), quantile 0.9, retention 7, or
funnel view, cart, buy (with a column step); better is more or less. The units are those that were
exposed to the flag: see `novi assignments`. An experiment that `novi experiment create` made has
its control, weights, metrics, start and end in its row.";

/// Compare the variants of a flag by metrics of your tables
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Report {
    /// Experiment by its name, or its flag
    #[arg(value_name = "EXPERIMENT")]
    experiment: String,

    /// Files with metrics, or folders with files *.sql [default: those of the experiment, in the folder [experiments] metrics]
    #[arg(long, value_name = "FILE")]
    metrics: Vec<PathBuf>,

    /// Variant that the others are compared with [default: that of the experiment, control, off, or the first by name]
    #[arg(long, value_name = "VARIANT")]
    control: Option<String>,

    /// Planned weights, to check the numbers of units [default: those of the experiment, or of the flag's novi.split]
    #[arg(long, value_name = "VARIANT=WEIGHT,..", value_delimiter = ',', value_parser = weight)]
    weights: Vec<(String, f64)>,

    /// Count exposures from this time or date on (UTC) [default: the start of the experiment]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<DateTime<Utc>>,

    /// Count exposures and outcomes before this time or date (UTC) [default: its end, or now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,

    /// Probability of an interval that misses the truth
    #[arg(long, default_value_t = 0.05, value_parser = probability)]
    alpha: f64,

    /// Also compare the variants by an attribute: day, revision, or one of a file with attributes
    #[arg(long, value_name = "ATTRIBUTE")]
    by: Vec<String>,

    /// Most frequent values of an attribute that are listed; all others are one more part
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = up_to::<u16, 100>)]
    by_values: u16,

    /// Stop each query after so long
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    timeout: std::time::Duration,

    /// Also write the report as one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Report {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        if let (Some(from), Some(until)) = (self.from, self.until)
            && from >= until
        {
            return Err(Failure::usage(ExperimentError::Times { from, until }.to_string()));
        }
        let folder = session.config.file(&session.config.experiments.metrics);
        let is_default = self.metrics.is_empty();
        let paths =
            if is_default { folder.filter(|path| path.exists()).into_iter().collect() } else { self.metrics };
        let rows = session.store().await?.load().await?;
        let metrics = read_metrics(&paths).map_err(|error| Failure::usage(error.to_string()))?;
        let metrics = if is_default { with_metric_rows(metrics, &rows) } else { metrics };
        let name = experiment_of(&rows, &self.experiment);
        let planned = planned_analysis(&rows, &name);
        let metrics = match &planned {
            Some(planned) if is_default => metrics_of(&planned.metrics, metrics).0,
            _ => metrics,
        };
        let attributes = read_attributes(&paths).map_err(|error| Failure::usage(error.to_string()))?;
        let by = self.by.iter().map(|name| By::attribute(name, &attributes, self.by_values.into()));
        let by = by.collect::<Result<Vec<_>, _>>().map_err(|error| Failure::usage(error.to_string()))?;
        if metrics.is_empty() {
            print_note(format_args!(
                "note: there are no metrics, only numbers of units: write files *.sql into {}, or name some with --metrics",
                session.config.experiments.metrics.display()
            ))?;
        }
        let (weights, periods) = if self.weights.is_empty() {
            let store = session.store().await?;
            (planned_weights(&rows, &name), weight_periods(&*store, &rows, &name).await?)
        } else {
            (self.weights.into_iter().collect(), Vec::new())
        };
        let now = Utc::now();
        let planned = planned.as_ref();
        let control = self.control.or_else(|| planned.map(|planned| planned.control.clone()));
        let ended = planned.and_then(|planned| planned.end).filter(|end| *end <= now);
        let experiment = Experiment::new(database(&session.config, Some(self.timeout)), name)
            .control(control)
            .weights(weights)
            .periods(periods)
            .start(self.from.or_else(|| planned.and_then(|planned| planned.start)))
            .end(self.until.or(ended))
            .alpha(self.alpha)
            .by(by);
        let analyzed = Box::pin(with_progress("analyzing", experiment.report(&metrics))).await;
        let report = analyzed.map_err(|error| match error {
            ExperimentError::NoUnits(_) => Failure::not_found(error.to_string()),
            ExperimentError::Database(_) => Failure::system(error.to_string()),
            _ => Failure::usage(error.to_string()),
        })?;
        if let Some(file) = &self.html {
            let text = html(&report).map_err(|error| Failure::system(error.to_string()))?;
            replace_file(file, &text)?;
        }
        if session.json {
            print_json(&report)?;
        } else {
            write(&sanitize(&report.to_string()))?;
            if let Some(file) = &self.html {
                print_note(format_args!("note: the report is in {}", file.display()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A probability, as `0.8` or `80%`.
pub(super) fn probability(text: &str) -> Result<f64, &'static str> {
    let number = share(text).ok().filter(|number: &f64| *number > 0.0 && *number < 1.0);
    number.ok_or("expected a number between 0 and 1, such as 0.05 or 5%")
}

/// A share, as `0.04` or `4%`.
pub(super) fn share(text: &str) -> Result<f64, &'static str> {
    let (number, divisor) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent.trim_end(), 100.0));
    let number: Option<f64> = number.parse().ok();
    number
        .map(|number| number / divisor)
        .filter(|number| number.is_finite())
        .ok_or("expected a share such as 4% or 0.04")
}

/// A time, or the start of a day.
pub(super) fn moment(text: &str) -> Result<DateTime<Utc>, &'static str> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| "expected a date or time such as 2026-11-01 or 2026-11-01T08:00:00Z")
}

//! `novi experiment reweigh`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use clap::Args;
use novi_experiments::{Bandit, BanditError, Metric, Reweighing};
use serde_json::json;

use super::{
    guard::{database, metrics},
    report::{moment, share},
};
use crate::{
    commands::value_parser::{duration, natural},
    output::{DRY_RUN, Failure, print, print_json, print_note, sanitize, with_progress},
    session::{Config, Session},
};

const EXAMPLES: &str = "\
Examples:
  novi experiment reweigh checkout --dry-run
  novi experiment reweigh checkout --metric revenue --floor 10% --seed 7

The weight of a variant is the probability that it is the best one (Thompson sampling), and at
least the floor. Equal seeds give equal weights; the history has the seed, the values and the
units. As few callers as possible move; with \"remember\": true in the split, or in an experiment,
nobody who has a variant does.

A server does the same on a schedule: see [experiments] reweigh_every.";

/// Give better variants of a novi.split or novi.experiment more weight
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Reweigh {
    /// Flag with a novi.split, or with a novi.experiment that runs
    flag: String,

    /// Metric that decides [default: the only one that is no guardrail]
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,

    /// Files with metrics, or folders with files *.sql [default: the folder [experiments] metrics, and rows]
    #[arg(long, value_name = "FILE")]
    metrics: Vec<PathBuf>,

    /// Count exposures from this time or date on (UTC)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<DateTime<Utc>>,

    /// Seed of the draws [default: the time in milliseconds]
    #[arg(long, value_name = "NUMBER", value_parser = natural::<u64>)]
    seed: Option<u64>,

    /// Least weight of a variant
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    floor: f64,

    /// Stop each query after so long
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    timeout: Duration,

    /// Show the new weights without writing
    #[arg(long)]
    dry_run: bool,
}

impl Reweigh {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let seed = self.seed.unwrap_or_else(|| Utc::now().timestamp_millis().unsigned_abs());
        let store = session.store().await?;
        let flags = session.flags().await?;
        let snapshot = flags.snapshot();
        let rows = snapshot.rows().cloned().unwrap_or_default();
        let metrics = metrics(&session.config, &rows, &self.metrics).map_err(Failure::usage)?;
        let metric = metric_of(metrics, self.metric.as_deref()).map_err(Failure::usage)?;
        let bandit =
            bandit(&session.config, metric, seed, Some(self.timeout)).floor(self.floor).start(self.from);
        let checked = Box::pin(with_progress("comparing", bandit.check(&rows, &self.flag, Utc::now())));
        let new = checked.await.map_err(failure)?;
        let written = !self.dry_run && new.apply(&flags.writer(), &*store).await?;
        if session.json {
            print_json(&json!({"reweighing": new, "written": written}))?;
            return Ok(ExitCode::SUCCESS);
        }
        report(&new, written)?;
        if self.dry_run {
            print(DRY_RUN)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn report(new: &Reweighing, written: bool) -> Result<(), Failure> {
    print(sanitize(&new.reason))?;
    let percent = (new.moved * 100_000.0).round() / 1_000.0;
    let verb = if written { "move" } else { "would move" };
    print(format_args!(
        "activation {}: {percent}% of the callers {verb} to another variant",
        new.activation
    ))?;
    if !new.remembers {
        print_note(
            "note: callers who move still count for the variant that they had first; set \"remember\": true in the split, \
             so that they keep it",
        )?;
    }
    Ok(())
}

/// The metric with this name; by default the only one that is no guardrail.
pub(in crate::commands) fn metric_of(metrics: Vec<Metric>, name: Option<&str>) -> Result<Metric, String> {
    let is_meant = |metric: &Metric| name.map_or(!metric.guardrail, |name| metric.name == name);
    let names: Vec<String> = metrics.iter().map(|metric| metric.name.clone()).collect();
    let mut meant: Vec<Metric> = metrics.into_iter().filter(is_meant).collect();
    match (meant.pop(), meant.is_empty(), name) {
        (Some(metric), true, _) => Ok(metric),
        (None, _, Some(name)) => Err(format!("no metric is named {name:?}; known are {}", names.join(", "))),
        (None, _, None) => {
            Err("no metric is there to decide: write one, or name its file with --metrics".to_owned())
        }
        (Some(_), false, _) => {
            Err(format!("several metrics could decide: name one with --metric, of {}", names.join(", ")))
        }
    }
}

pub(in crate::commands) fn bandit(
    config: &Config,
    metric: Metric,
    seed: u64,
    timeout: Option<Duration>,
) -> Bandit {
    Bandit::new(database(config, timeout), metric).seed(seed)
}

fn failure(error: BanditError) -> Failure {
    match error {
        BanditError::Store(error) => error.into(),
        BanditError::Flag(_) => Failure::not_found(error.to_string()),
        BanditError::Experiment(_) | BanditError::Metric { .. } => Failure::system(error.to_string()),
        BanditError::Unknown { .. }
        | BanditError::Splits { .. }
        | BanditError::NotRunning(_)
        | BanditError::Reweight(_) => Failure::rejected(error.to_string()),
        _ => Failure::usage(error.to_string()),
    }
}

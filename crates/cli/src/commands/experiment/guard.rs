//! `novi experiment guard`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use chrono::Utc;
use clap::{Args, ValueEnum};
use novi::{builtin::ExperimentConfig, config::OnHarm, rows::Rows};
use novi_experiments::{
    Database, Guard as Guardrails, GuardError, Guarded, Metric, experiment_warnings, read_metrics,
    with_metric_rows,
};
use serde_json::json;

use crate::{
    commands::{change::Current, value_parser::duration},
    output::{DRY_RUN, Failure, print, print_json, print_note, sanitize, with_progress},
    session::{Config, Session},
};

const EXAMPLES: &str = "\
Examples:
  novi experiment guard new-editor --dry-run
  novi experiment guard new-editor --on-harm roll-back

A guardrail is a metric with `-- guardrail: true`. `-- margin: 2%` says how much worse a variant
may be. Harm is shown if the interval that is valid at any time lies beyond the margin. Callers who
are in are compared with those who are not, since the current step of the ramp began; or the
variants of a novi.split next to the ramp. At least 100 units of each are needed. The exit code is
1 if there is harm.

A server does the same on a schedule: see [experiments] guard_every.";

/// Hold or roll back the novi.ramp of a flag if a guardrail shows harm
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Guard {
    /// Flag with a novi.ramp
    flag: String,

    /// Files with metrics, or folders with files *.sql [default: the folder [experiments] metrics, and rows]
    #[arg(long, value_name = "FILE")]
    metrics: Vec<PathBuf>,

    /// What to do about harm [default: [experiments] on_harm]
    #[arg(long, value_name = "ACTION")]
    on_harm: Option<Action>,

    /// Stop each query after so long
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
    timeout: Duration,

    /// Show what would be done without writing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Action {
    /// The ramp stays at its share
    Hold,
    /// Nobody is in
    RollBack,
}

impl Guard {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let on_harm = match self.on_harm {
            None => session.config.experiments.on_harm,
            Some(Action::Hold) => OnHarm::Hold,
            Some(Action::RollBack) => OnHarm::RollBack,
        };
        let store = session.store().await?;
        let flags = session.flags().await?;
        let snapshot = flags.snapshot();
        let rows = snapshot.rows().cloned().unwrap_or_default();
        let metrics = metrics(&session.config, &rows, &self.metrics).map_err(Failure::usage)?;
        let guard = guard(&session.config, metrics, on_harm, Some(self.timeout)).map_err(failure)?;
        let checked =
            Box::pin(with_progress("comparing", guard.check(&*store, &rows, &self.flag, Utc::now())));
        let guarded = checked.await.map_err(failure)?;
        let written = !self.dry_run && guarded.apply(&flags.writer(), &*store).await?;
        if session.json {
            print_json(&json!({"guarded": guarded, "written": written}))?;
        } else {
            report(&guarded, written)?;
            if self.dry_run {
                print(DRY_RUN)?;
            }
        }
        Ok(if guarded.harms.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn report(guarded: &Guarded, written: bool) -> Result<(), Failure> {
    for doubt in &guarded.doubts {
        print_note(format_args!("warning: {}", sanitize(doubt)))?;
    }
    let flag = sanitize(&guarded.flag);
    for harm in &guarded.harms {
        print(format_args!("{flag}: {}", sanitize(&harm.to_string())))?;
    }
    match (&guarded.reason, written) {
        (None, _) if !guarded.is_compared => {
            print(format_args!("{flag}: no guardrail was compared; the ramp is at {} %", guarded.percentage))
        }
        (None, _) if guarded.harms.is_empty() => {
            print(format_args!("{flag}: no guardrail shows harm; the ramp is at {} %", guarded.percentage))
        }
        (None, _) => print(format_args!("{flag}: the ramp does not rise; nothing to change")),
        (Some(reason), true) => print(format_args!(
            "{flag}: activation {} {}",
            guarded.activation,
            sanitize(reason.rsplit("; ").next().unwrap_or_default())
        )),
        (Some(reason), false) => print(format_args!(
            "{flag}: activation {} is not {}",
            guarded.activation,
            sanitize(reason.rsplit("; ").next().unwrap_or_default())
        )),
    }
}

/// The metrics of files and folders; by default those of `[experiments] metrics` and of rows.
pub(in crate::commands) fn metrics(
    config: &Config,
    rows: &Rows,
    paths: &[PathBuf],
) -> Result<Vec<Metric>, String> {
    if !paths.is_empty() {
        return read_metrics(paths).map_err(|error| error.to_string());
    }
    let folder = config.file(&config.experiments.metrics).filter(|path| path.exists());
    let files = read_metrics(folder.as_slice()).map_err(|error| error.to_string())?;
    Ok(with_metric_rows(files, rows))
}

/// What was probably not meant in the config of an experiment.
pub(super) fn warnings(session: &Session, current: &Current, config: &str) -> Vec<String> {
    let Ok(config) = ExperimentConfig::parse(config) else { return Vec::new() };
    match metrics(&session.config, &current.rows, &[]) {
        Ok(known) => {
            let names: Vec<&str> = known.iter().map(|metric| metric.name.as_str()).collect();
            experiment_warnings(&config, &names)
        }
        Err(error) => vec![error],
    }
}

pub(in crate::commands) fn guard(
    config: &Config,
    metrics: Vec<Metric>,
    on_harm: OnHarm,
    timeout: Option<Duration>,
) -> Result<Guardrails, GuardError> {
    Guardrails::new(database(config, timeout), metrics, on_harm)
}

/// The database of an analysis.
pub(in crate::commands) fn database(config: &Config, timeout: Option<Duration>) -> Database {
    let database = Database::new(&config.database.url).table_prefix(&config.database.table_prefix);
    timeout.map_or(database.clone(), |timeout| database.timeout(timeout))
}

fn failure(error: GuardError) -> Failure {
    match error {
        GuardError::Store(error) => error.into(),
        GuardError::Flag(_) => Failure::not_found(error.to_string()),
        GuardError::Experiment(_) => Failure::system(error.to_string()),
        _ => Failure::usage(error.to_string()),
    }
}

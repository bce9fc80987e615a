//! `novi experiment start`, `stop` and `decide`.

use std::process::ExitCode;

use chrono::{SecondsFormat, Utc};
use clap::Args;
use novi::builtin::ExperimentConfig;
use novi_experiments::{ExperimentStep, scheduled_start};

use super::{failure::failure, guard::warnings};
use crate::{
    commands::change::{ChangeOptions, Current, Draft, Fields, Operation, perform, raw},
    output::Failure,
    session::Session,
};

/// Start an experiment: from now on, or from its start on, it enrolls units
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Experiment
    name: String,

    #[command(flatten)]
    options: ChangeOptions,
}

/// Stop a running experiment: all callers get the control
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// Experiment
    name: String,

    #[command(flatten)]
    options: ChangeOptions,
}

const EXAMPLES: &str = "\
Examples:
  novi experiment decide \"One page\" one-page --reason \"+4 % revenue\"
  novi experiment decide Prices off --reason \"Nobody buys\"

A decision ends the experiment, and is the last state. With `off`, the flag is off, unless a variant has that name.";

/// End an experiment with a decision: a variant for all callers, or off
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Decide {
    /// Experiment
    name: String,

    /// Variant for all callers, or off
    #[arg(value_name = "VARIANT|off")]
    variant: String,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Start {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        step(session, self.options, &self.name, |_| ExperimentStep::Start).await
    }
}

impl Stop {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        step(session, self.options, &self.name, |_| ExperimentStep::Stop).await
    }
}

impl Decide {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { name, variant, options } = self;
        let reason = options.authorship.clone().author().reason;
        step(session, options, &name, |variants| {
            let is_off = variant == "off" && !variants.iter().any(|(known, _)| *known == variant);
            let variant = (!is_off).then(|| variant.clone());
            ExperimentStep::Decide { variant, reason: reason.clone() }
        })
        .await
    }
}

/// Makes a step that may depend on the variants.
async fn step(
    session: &Session,
    options: ChangeOptions,
    name: &str,
    step: impl Fn(&[(String, f64)]) -> ExperimentStep,
) -> Result<ExitCode, Failure> {
    let version = options.if_version;
    perform(session, options, |current: &Current| {
        let found = novi_experiments::find_experiment(&current.rows, name);
        let config = found.and_then(|found| found.config.ok());
        let (wanted, now) =
            (step(config.as_ref().map(ExperimentConfig::variants).unwrap_or_default()), Utc::now());
        let (row, config) = wanted.plan(&current.rows, name, now).map_err(|error| failure(&error))?;
        let config_after = ExperimentConfig::parse(&config).ok();
        // The step follows from the config that was read.
        let version = version.unwrap_or(row.row_version);
        let set = Fields::new().with("config", &raw(config.clone())?).with("version", &version);
        let mut draft = Draft::new([Operation::update_activation(row.id, &set)]);
        if let ExperimentStep::Start = wanted {
            draft.notes = warnings(session, current, &config);
        }
        if let Some(start) = config_after.and_then(|config| scheduled_start(&config, now)) {
            draft.notes.push(format!(
                "it enrolls units from {} on",
                start.to_rfc3339_opts(SecondsFormat::Secs, true)
            ));
        }
        Ok(draft)
    })
    .await
}

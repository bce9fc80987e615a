//! `novi experiment`.

mod check;
mod create;
mod list;
mod power;
mod report;
mod step;

use std::process::ExitCode;

use clap::Subcommand;
use novi::rows::Rows;
use novi_experiments::{ExperimentStep, PlanError};

pub(super) use self::check::metric_problems;
use self::{
    create::Create,
    list::{List, Show},
    power::Power,
    report::Report,
    step::{Decide, Start, Stop},
};
use crate::{output::Failure, session::Session};

/// Plan, run and analyze experiments
#[derive(Debug, Subcommand)]
pub(crate) enum Experiment {
    Create(Create),
    Start(Start),
    Stop(Stop),
    Decide(Decide),
    List(List),
    Show(Show),
    Report(Report),
    Power(Power),
}

impl Experiment {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(command) => command.run(session).await,
            Self::Start(command) => command.run(session).await,
            Self::Stop(command) => command.run(session).await,
            Self::Decide(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Report(command) => command.run(session).await,
            Self::Power(command) => command.run(session),
        }
    }
}

fn failure(error: &PlanError) -> Failure {
    match error {
        PlanError::NotFound { .. } => Failure::not_found(error.to_string()).code("experiment_not_found"),
        PlanError::Name
        | PlanError::Control { .. }
        | PlanError::Percentage { .. }
        | PlanError::Variant { .. }
        | PlanError::Decision => Failure::usage(error.to_string()),
        _ => Failure::rejected(error.to_string()),
    }
}

/// The error of a name that no experiment, or several of them, have.
fn no_experiment(rows: &Rows, name: &str) -> Failure {
    match ExperimentStep::Stop.plan(rows, name, chrono::Utc::now()) {
        Err(error) => failure(&error),
        Ok(_) => Failure::not_found(format!("no experiment is named {name:?}")),
    }
}

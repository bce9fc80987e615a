//! `novi experiment`.

mod guard;
mod power;
mod report;
mod reweigh;

use std::process::ExitCode;

use clap::Subcommand;

use self::{guard::Guard, power::Power, report::Report, reweigh::Reweigh};
pub(super) use self::{
    guard::{guard, metrics},
    reweigh::{bandit, metric_of},
};
use crate::{output::Failure, session::Session};

/// Plan and analyze experiments
#[derive(Debug, Subcommand)]
pub(crate) enum Experiment {
    Report(Report),
    Power(Power),
    Guard(Guard),
    Reweigh(Reweigh),
}

impl Experiment {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Self::Report(command) => command.run(session).await,
            Self::Power(command) => command.run(session),
            Self::Guard(command) => command.run(session).await,
            Self::Reweigh(command) => command.run(session).await,
        }
    }
}

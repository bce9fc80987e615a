//! `novi experiment`.

mod check;
mod create;
mod failure;
mod guard;
mod list;
mod power;
mod report;
mod reweigh;
mod step;

use std::process::ExitCode;

use clap::Subcommand;

pub(super) use self::{
    check::{metric_problems, problems_of_metric},
    guard::{guard, metrics},
    reweigh::{bandit, metric_of},
};
use self::{
    create::Create,
    guard::Guard,
    list::{List, Show},
    power::Power,
    report::Report,
    reweigh::Reweigh,
    step::{Decide, Start, Stop},
};
use crate::{output::Failure, session::Session};

/// Plan, run and analyze experiments
#[derive(Debug, Subcommand)]
pub(crate) enum Experiment {
    Create(Box<Create>),
    Start(Start),
    Stop(Stop),
    Decide(Decide),
    List(List),
    Show(Show),
    Report(Report),
    Power(Power),
    Guard(Guard),
    Reweigh(Reweigh),
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
            Self::Guard(command) => command.run(session).await,
            Self::Reweigh(command) => command.run(session).await,
        }
    }
}

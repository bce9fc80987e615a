//! `novi experiment`.

mod power;
mod report;

use std::process::ExitCode;

use clap::Subcommand;

use self::{power::Power, report::Report};
use crate::{output::Failure, session::Session};

/// Plan and analyze experiments
#[derive(Debug, Subcommand)]
pub(crate) enum Experiment {
    Report(Report),
    Power(Power),
}

impl Experiment {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Self::Report(command) => command.run(session).await,
            Self::Power(command) => command.run(session),
        }
    }
}

//! `novi flag`.

mod create;
mod delete;
mod fields;
mod rename;
mod set;

use std::process::ExitCode;

use clap::Subcommand;

use super::{list::List, show::Show};
use crate::{output::Failure, session::Session};

#[derive(Debug, Subcommand)]
pub(crate) enum Flag {
    Create(create::Create),
    List(List),
    Show(Show),
    Set(set::Set),
    Rename(rename::Rename),
    Delete(delete::Delete),
}

impl Flag {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Set(command) => command.run(session).await,
            Self::Rename(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
        }
    }
}

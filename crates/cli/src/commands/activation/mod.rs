//! `novi activation`.

mod create;
mod delete;
mod document;
mod edit;
mod list;
mod show;
mod view;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{output::Failure, session::Session};

#[derive(Debug, Subcommand)]
pub(crate) enum Activation {
    Create(create::Create),
    List(list::List),
    Show(show::Show),
    Edit(edit::Edit),
    Delete(delete::Delete),
}

impl Activation {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Edit(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
        }
    }
}

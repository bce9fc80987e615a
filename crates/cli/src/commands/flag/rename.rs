//! `novi flag rename`.

use std::process::ExitCode;

use clap::Args;

use crate::{
    commands::change::{ChangeOptions, Draft, Fields, Operation, perform},
    output::Failure,
    session::Session,
};

const ABOUT: &str = "\
Code that evaluates the old name no longer finds the flag. Rollouts and splits without a `salt` draw by the flag's name: \
a renamed flag is on for other callers.";

/// Rename a flag
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Rename {
    /// Flag by name or #ID
    flag: String,

    /// New name
    name: String,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Rename {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { flag, name, options } = self;
        let set = Fields::new().with("name", &name).maybe("version", options.if_version.as_ref());
        perform(session, options, |current| {
            Ok(Draft::new([Operation::update_flag(current.flag(&flag)?.id, &set)]))
        })
        .await
    }
}

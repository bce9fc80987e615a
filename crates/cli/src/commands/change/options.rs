//! The options of every command that changes flags.

use clap::Args;

use crate::{
    commands::{authorship::Authorship, value_parser::whole},
    output::Failure,
};

// No doc comment: clap would take it for the help of the commands that flatten it.
#[derive(Clone, Debug, Args)]
pub(in crate::commands) struct ChangeOptions {
    #[command(flatten)]
    pub(in crate::commands) authorship: Authorship,

    /// Change the row only if it is still at this version; `novi show` prints it
    #[arg(long, value_name = "N", value_parser = whole::<i64>)]
    pub(in crate::commands) if_version: Option<i64>,

    /// Show what would change, and which other flags would, without writing; the exit code is that of the
    /// change
    #[arg(long)]
    pub(in crate::commands) dry_run: bool,
}

impl ChangeOptions {
    /// The expected version, which only one row can have.
    pub(in crate::commands) fn version_of_one(&self, rows: &[String]) -> Result<Option<i64>, Failure> {
        if self.if_version.is_some() && rows.len() > 1 {
            return Err(Failure::usage("--if-version: expected one row, found several"));
        }
        Ok(self.if_version)
    }
}

//! `novi man`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::output::{Failure, count, print};

/// Write a man page for each command into a folder
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novi man /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Folder, which is created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(&self, command: clap::Command) -> Result<ExitCode, Failure> {
        let shown = self.folder.display();
        let failed = |error: std::io::Error| Failure::system(format!("could not write to {shown}: {error}"));
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let command = command.disable_help_subcommand(true);
        let pages = number(&command);
        clap_mangen::generate_to(command, &self.folder).map_err(failed)?;
        print(format_args!("{} in {shown}", count(pages, "page")))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A command has a page, and so has each of its commands.
fn number(command: &clap::Command) -> usize {
    1 + command.get_subcommands().map(number).sum::<usize>()
}

//! `novi completions`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use crate::output::{Failure, write};

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, command: &mut clap::Command) -> Result<ExitCode, Failure> {
        // Not straight to standard output: clap panics when the reader closes it.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "novi", &mut script);
        write(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::SUCCESS)
    }
}

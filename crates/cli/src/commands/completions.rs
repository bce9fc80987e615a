//! `novi completions`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::{Shell, env::Shells};

use super::complete::VARIABLE;
use crate::output::{Failure, write};

const EXAMPLES: &str = "\
Examples:
  source <(novi completions bash)                  in ~/.bashrc
  source <(novi completions zsh)                   in ~/.zshrc
  novi completions fish | source                   in ~/.config/fish/config.fish

The script asks novi for completions, also of flags, activations and class names. It finds the database as the command \
would.";

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// Shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        // Not straight to standard output: a reader may close it.
        let mut script = Vec::new();
        let name = self.shell.to_string();
        let shells = Shells::builtins();
        let shell = shells
            .completer(&name)
            .ok_or_else(|| Failure::usage(format!("no completions for the shell {name:?}")))?;
        shell
            .write_registration(VARIABLE, "novi", "novi", "novi", &mut script)
            .map_err(|error| Failure::output(&error))?;
        write(&String::from_utf8_lossy(&script))?;
        Ok(ExitCode::SUCCESS)
    }
}

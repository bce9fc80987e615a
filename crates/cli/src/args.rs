//! The command line: global options and the list of commands. Each command's own options are in its file.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    Check, Completions, Diff, Eval, Export, Health, History, Impact, List, Migrate, Reweight, Rollback, Seed,
    Serve, SetStatus, Show, Sign, Stale, Token, Types,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  `check` found invalid rows, or flags that do not match a program; `stale` found stale flags
  2  the command line or the configuration is invalid
  3  the flag, activation, token or revision does not exist
  4  the database, the network or a file failed
  5  the change was rejected, or the row was modified since you read it

NOVI_LOG sets the log filter, such as debug; logs go to standard error. NOVI_LOG_FORMAT=json writes one JSON object per line.";

const GLOBAL: &str = "Global options";

/// Feature flags in your own SQL database
#[derive(Debug, Parser)]
#[command(name = "novi", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Configuration file [env: NOVI_CONFIG] [default: novi.toml, if it exists]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Database: sqlite://FILE, postgres://... or mysql://..., or file:FILE for a snapshot file; takes
    /// precedence over NOVI_DATABASE__URL and the configuration file
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL")]
    pub(crate) database: Option<String>,

    /// Set a configuration key, such as refresh.interval=250ms; takes precedence over the environment and the
    /// file; may be repeated
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "SECTION.KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// Print JSON
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    Migrate(Migrate),
    Seed(Seed),
    Check(Check),
    List(List),
    Show(Show),
    /// Turn on a flag's status
    Enable(SetStatus),
    /// Turn off a flag's status
    Disable(SetStatus),
    Reweight(Reweight),
    Impact(Impact),
    Eval(Eval),
    History(History),
    Diff(Diff),
    Rollback(Rollback),
    Export(Export),
    Stale(Stale),
    /// Manage API tokens
    #[command(subcommand)]
    Token(Token),
    Health(Health),
    Sign(Sign),
    Types(Types),
    Completions(Completions),
}

//! The command line: global options and the list of commands. Each command's own options are in its file.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::{
    Activation, Apply, Assignments, Audience, Check, Cleanup, Completions, Diff, Drift, Eval, Experiment,
    Explain, Export, Flag, FollowLegacy, Health, History, Impact, Import, Link, Lint, List, Man, Members,
    Metric, Migrate, Plan, Promote, Pull, Refs, Reweight, Rollback, Rollout, Schedule, Seed, Serve,
    SetStatus, Show, Sign, Sql, Stale, Target, Test, Timeline, Token, Types, Variants, Watch,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  found something: invalid rows (`check`), stale flags (`stale`),
     differences (`drift`), findings (`lint --deny`, `refs --deny`),
     unexpected decisions (`test`), flags left out (`export --to`)
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
    Rollout(Rollout),
    Target(Target),
    Variants(Variants),
    Schedule(Schedule),
    /// Create, change and delete flags
    #[command(subcommand)]
    Flag(Flag),
    /// Create, change and delete activations
    #[command(subcommand)]
    Activation(Activation),
    /// Link a flag to activations
    Link(Link),
    /// Remove links of a flag to activations
    Unlink(Link),
    /// Manage the members of activations such as novi.members
    #[command(subcommand)]
    Members(Members),
    Reweight(Reweight),
    Audience(Audience),
    Sql(Sql),
    /// Plan and analyze experiments
    #[command(subcommand)]
    Experiment(Experiment),
    /// Manage the metrics of experiments
    #[command(subcommand)]
    Metric(Metric),
    Impact(Impact),
    Eval(Eval),
    Explain(Explain),
    History(History),
    Diff(Diff),
    Rollback(Rollback),
    Watch(Watch),
    Export(Export),
    Plan(Plan),
    Apply(Apply),
    Drift(Drift),
    Pull(Pull),
    Promote(Promote),
    Test(Test),
    Import(Import),
    FollowLegacy(FollowLegacy),
    /// List and forget the variants that units of experiments had
    #[command(subcommand)]
    Assignments(Assignments),
    Stale(Stale),
    Timeline(Timeline),
    Lint(Lint),
    Refs(Refs),
    Cleanup(Cleanup),
    /// Manage API tokens
    #[command(subcommand)]
    Token(Token),
    Health(Health),
    Sign(Sign),
    Types(Types),
    Completions(Completions),
    Man(Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// clap reads the value of the command for the global option, and panics if their types differ.
    #[test]
    fn no_command_has_an_argument_with_the_name_of_a_global_option() {
        fn check(command: &clap::Command, globals: &[&str]) {
            for inner in command.get_subcommands() {
                for argument in inner.get_arguments().map(|argument| argument.get_id().as_str()) {
                    assert!(!globals.contains(&argument), "{}: {argument}", inner.get_name());
                }
                check(inner, globals);
            }
        }
        let command = Arguments::command();
        command.clone().debug_assert();
        let globals: Vec<_> = command.get_arguments().filter(|argument| argument.is_global_set()).collect();
        let globals: Vec<_> = globals.iter().map(|argument| argument.get_id().as_str()).collect();
        assert_eq!(globals, ["config", "database", "set", "json"]);
        check(&command, &globals);
    }
}

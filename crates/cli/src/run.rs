//! From arguments to the command that runs.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::{
    args::{Arguments, Command},
    environment::unknown_variables,
    output::{Failure, print_note},
    session::Session,
};

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { config, database, set, json, command } = arguments;
    // Runs in a shell's startup file, where the configuration may be invalid.
    if let Command::Completions(command) = &command {
        return command.run();
    }
    if let Command::Man(command) = &command {
        return command.run(Arguments::command());
    }
    let session = Session::load(config, database, &set, json)?;
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for warning in unknown_variables(names) {
        match command {
            Command::Serve(_) => tracing::warn!("{warning}"),
            _ => print_note(format_args!("warning: {warning}"))?,
        }
    }
    match command {
        Command::Serve(command) => command.run(session).await,
        Command::Migrate(command) => command.run(&session).await,
        Command::Seed(command) => command.run(&session).await,
        Command::Check(command) => command.run(&session).await,
        Command::List(command) => command.run(&session).await,
        Command::Show(command) => command.run(&session).await,
        Command::Enable(command) => command.run(&session, true).await,
        Command::Disable(command) => command.run(&session, false).await,
        Command::Rollout(command) => command.run(&session).await,
        Command::Target(command) => command.run(&session).await,
        Command::Variants(command) => command.run(&session).await,
        Command::Schedule(command) => command.run(&session).await,
        Command::Flag(command) => command.run(&session).await,
        Command::Activation(command) => command.run(&session).await,
        Command::Link(command) => command.run(&session, true).await,
        Command::Unlink(command) => command.run(&session, false).await,
        Command::Members(command) => command.run(&session).await,
        Command::Reweight(command) => command.run(&session).await,
        Command::Audience(command) => command.run(&session).await,
        Command::Sql(command) => command.run(&session).await,
        Command::Experiment(command) => command.run(&session).await,
        Command::Metric(command) => command.run(&session).await,
        Command::Impact(command) => command.run(&session).await,
        Command::Eval(command) => command.run(&session).await,
        Command::Explain(command) => command.run(&session).await,
        Command::History(command) => command.run(&session).await,
        Command::Diff(command) => command.run(&session).await,
        Command::Rollback(command) => command.run(&session).await,
        Command::Watch(command) => command.run(&session).await,
        Command::Export(command) => command.run(&session).await,
        Command::Plan(command) => command.run(&session).await,
        Command::Apply(command) => command.run(&session).await,
        Command::Drift(command) => command.run(&session).await,
        Command::Pull(command) => command.run(&session).await,
        Command::Promote(command) => command.run(&session).await,
        Command::Test(command) => command.run(&session).await,
        Command::Import(command) => command.run(&session).await,
        Command::FollowLegacy(command) => command.run(&session).await,
        Command::Assignments(command) => command.run(&session).await,
        Command::Stale(command) => command.run(&session).await,
        Command::Timeline(command) => command.run(&session).await,
        Command::Lint(command) => command.run(&session).await,
        Command::Refs(command) => command.run(&session).await,
        Command::Cleanup(command) => command.run(&session),
        Command::Token(command) => command.run(&session).await,
        Command::Health(command) => command.run(&session).await,
        Command::Sign(command) => command.run(&session),
        Command::Types(command) => command.run(&session),
        Command::Completions(_) | Command::Man(_) => Ok(ExitCode::SUCCESS),
    }
}

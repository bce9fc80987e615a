//! One file a command, or two that belong together.

mod check;
mod door;
mod eval;
mod export;
mod health;
mod history;
mod list;
mod reweight;
mod rollback;
mod schema;
mod serve;
mod server_options;
mod sign;
mod stale;
mod status;
mod token;
mod types;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::CommandFactory as _;
use novi::{
    Flags, FlagsBuilder, SnapshotFile,
    config::Config,
    rows::Rows,
    store::{Author, SchemaStore},
};

use crate::{
    args::{Arguments, Command},
    failure::Failure,
    output::write,
};

/// What every command is given.
pub(crate) struct Session {
    config: Config,
    /// Whether the answer is for a program.
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    if let Command::Completions { shell } = arguments.command {
        // Not to standard output at once: clap panics when its reader goes away.
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "novi", &mut script);
        write(&String::from_utf8_lossy(&script))?;
        return Ok(ExitCode::SUCCESS);
    }
    // Not by clap, for which a variable that is set to nothing is a mistake.
    let in_environment =
        || std::env::var_os("NOVI_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from);
    let file = arguments.config.or_else(in_environment);
    let mut config = Config::load_with(file.as_deref(), &arguments.set)?;
    let named = arguments.database.is_some();
    if let Some(url) = arguments.database {
        config.database.url = url;
    }
    let session = Session { config, json: arguments.json };
    match arguments.command {
        Command::Serve(serve) => serve::serve(session, serve, named).await,
        Command::Migrate => schema::migrate(&session).await,
        Command::Seed { file } => schema::seed(&session, &file).await,
        Command::Check { against } => check::check(&session, against.as_deref()).await,
        Command::List => list::list(&session).await,
        Command::Show { flag } => list::show(&session, &flag).await,
        Command::Enable(arguments) => status::set(&session, arguments, true).await,
        Command::Disable(arguments) => status::set(&session, arguments, false).await,
        Command::Reweight(arguments) => reweight::reweight(&session, &arguments).await,
        Command::Eval(arguments) => eval::eval(&session, &arguments).await,
        Command::History(arguments) => history::history(&session, arguments).await,
        Command::Diff { from, to } => history::diff(&session, from, to).await,
        Command::Rollback(arguments) => rollback::rollback(&session, arguments).await,
        Command::Export { snapshot } => export::export(&session, &snapshot).await,
        Command::Stale { days } => stale::stale(&session, days).await,
        Command::Token(command) => token::token(&session, command).await,
        Command::Health(arguments) => health::health(&session, arguments).await,
        Command::Sign(arguments) => sign::sign(&session, &arguments),
        Command::Types => types::types(&session),
        Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}

impl Session {
    /// The database, which must be there.
    async fn store(&self) -> Result<Arc<dyn SchemaStore>, Failure> {
        if let Some(file) = self.file() {
            return Err(Failure::usage(format!(
                "{} is a snapshot file, from which flags can be read, and no more: name a database with --database",
                file.display()
            )));
        }
        Ok(novi::store::connect(&self.config.database.url).await?)
    }

    /// The snapshot file that stands for the database, as in `file:flags.novi`.
    fn file(&self) -> Option<&Path> {
        self.config.database.url.strip_prefix("file:").map(Path::new)
    }

    /// The flags as they are now; they are not followed.
    async fn flags(&self) -> Result<Flags, Failure> {
        self.flags_of(Flags::builder()).await
    }

    async fn flags_of(&self, builder: FlagsBuilder) -> Result<Flags, Failure> {
        let rows = match self.file() {
            Some(file) => SnapshotFile::read(file)?.rows,
            None => self.store().await?.load().await?,
        };
        Ok(builder.config(&self.config).keep_rows().from_rows(rows)?)
    }

    /// The flags as they would be, or were, with these rows.
    fn flags_from(&self, rows: Rows) -> Result<Flags, Failure> {
        Ok(Flags::builder().config(&self.config).keep_rows().from_rows(rows)?)
    }
}

/// Who types, for the history.
fn author(reason: Option<String>) -> Author {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    Author { actor: user, reason }
}

/// The text of a file, or of standard input where the file is `-`.
fn read(file: &Path) -> io::Result<String> {
    if file.as_os_str() == "-" {
        return io::read_to_string(io::stdin().lock());
    }
    std::fs::read_to_string(file)
}

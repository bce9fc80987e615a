//! `novi activation edit`.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::{Command, ExitCode},
};

use clap::Args;
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

use super::document::{document, with_error};
use crate::{
    commands::{
        argument::read_json,
        change::{ChangeOptions, Current, Draft, Fields, Operation, perform},
        json_text::compact,
    },
    output::{Failure, print},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi activation edit 7
  novi activation edit \"A quarter\" '{\"percentage\": 50}' --reason \"second step\"
  novi activation edit 7 @half.json --name \"Half of the users\" --dry-run

Without CONFIG, --name and --class the config is opened in $VISUAL, else $EDITOR, else vi. If it is invalid, the editor \
comes back with the error at the top; quitting without a change ends that.";

/// Change an activation, in an editor or by options
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Edit {
    /// Activation by id or name
    activation: String,

    /// New config, as JSON, which may have comments; @FILE reads a file, and - standard input
    // Not `config`: that is a global option.
    #[arg(value_name = "CONFIG")]
    new_config: Option<String>,

    /// New name
    #[arg(long)]
    name: Option<String>,

    /// Class name of the new type
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,

    #[command(flatten)]
    options: ChangeOptions,
}

impl Edit {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let Self { activation, new_config, name, class, options } = self;
        if name.is_none() && class.is_none() && new_config.is_none() {
            return in_editor(session, &activation, options).await;
        }
        let config =
            new_config.map(|config| read_json("CONFIG", r#"{"percentage": 25}"#, &config)).transpose()?;
        let set = Fields::new().maybe("name", name.as_ref()).maybe("class_name", class.as_ref());
        let set = set.maybe("config", config.as_ref());
        write(session, &activation, set, options).await
    }
}

async fn write(
    session: &Session,
    activation: &str,
    set: Fields,
    options: ChangeOptions,
) -> Result<ExitCode, Failure> {
    let set = set.maybe("version", options.if_version.as_ref());
    perform(session, options, |current| {
        Ok(Draft::new([Operation::update_activation(current.activation(activation)?.id, &set)]))
    })
    .await
}

/// Opens an editor until the config is valid, or the person gives up.
async fn in_editor(
    session: &Session,
    activation: &str,
    mut options: ChangeOptions,
) -> Result<ExitCode, Failure> {
    let (id, mut text) = {
        let current = Current::of_session(session).await?;
        let row = current.activation(activation)?;
        // What another person writes while the editor is open must not be overwritten.
        options.if_version.get_or_insert(row.row_version);
        (
            format!("#{}", row.id),
            document(current.registry.find(&row.class_name), row, &current.users_of(row.id)),
        )
    };
    let failed =
        |error: &io::Error| Failure::system(format!("could not write a file for the editor: {error}"));
    let file = tempfile::Builder::new()
        .prefix("novi-")
        .suffix(".jsonc")
        .tempfile()
        .map_err(|error| failed(&error))?;
    let mut failure: Option<Failure> = None;
    loop {
        std::fs::write(file.path(), &text).map_err(|error| failed(&error))?;
        open_editor(file.path())?;
        let edited = std::fs::read_to_string(file.path())
            .map_err(|error| Failure::file(file.path().display(), &error))?;
        let is_left = edited == text || edited.trim().is_empty();
        if let Some(failure) = failure.take().filter(|_| is_left) {
            return Err(kept(failure, file));
        }
        if is_left {
            print("Nothing changed: the editor was closed without a change.")?;
            return Ok(ExitCode::SUCCESS);
        }
        let config = compact(&edited)
            .map_err(|error| Failure::usage(error.to_string()))
            .and_then(|json| RawValue::from_string(json).map_err(|error| Failure::usage(error.to_string())));
        let result = match config {
            Ok(config) => write(session, &id, Fields::new().with("config", &config), options.clone()).await,
            Err(failure) => Err(failure),
        };
        match result {
            Err(error) if io::stdin().is_terminal() => {
                text = with_error(&edited, error.message());
                failure = Some(error);
            }
            Err(failure) => return Err(kept(failure, file)),
            done => return done,
        }
    }
}

/// The error, with the file that has what was typed, so that it is not lost.
fn kept(failure: Failure, file: NamedTempFile) -> Failure {
    match file.keep() {
        Ok((_, path)) => failure.and(format_args!("the edited text is in {}", path.display())),
        Err(error) => failure.and(format_args!("could not keep the edited text: {error}")),
    }
}

/// Runs the editor, which may have arguments.
fn open_editor(file: &Path) -> Result<(), Failure> {
    let variable = |name| std::env::var(name).ok().filter(|editor: &String| !editor.trim().is_empty());
    let editor = variable("VISUAL").or_else(|| variable("EDITOR"));
    let editor = editor.unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.to_owned());
    // The editor writes to the terminal as well.
    io::stdout().flush().map_err(|error| Failure::output(&error))?;
    let status = if cfg!(windows) {
        let mut words = editor.split_whitespace();
        let program = words.next().unwrap_or_default();
        Command::new(program).args(words).arg(file).status()
    } else {
        // As git does: the variable is a command of the shell.
        Command::new("sh").arg("-c").arg(format!("{editor} \"$@\"")).arg(&editor).arg(file).status()
    };
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            Err(Failure::system(format!("the editor {editor:?} failed ({status}); nothing was written")))
        }
        Err(error) => {
            let message = format!("could not start the editor {editor:?}: {error}; set VISUAL or EDITOR");
            Err(Failure::system(message))
        }
    }
}

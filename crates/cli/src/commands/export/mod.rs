//! `novi export`.

mod convert;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use novi::store::SnapshotFile;
use novi_files::{Document, Format};
use novi_server::{export_tokens, tokens_beside};
use serde_json::json;

use self::convert::System;
use crate::{
    commands::change::Current,
    output::{Failure, count, print, print_json, print_note, replace_file, with_progress, write},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi export > flags.yaml
  novi export flags.toml
  novi export --to flagd flags.json --report report.md
  novi export --to ofrep-static public
  novi export --snapshot flags.novi
  novi --database file:flags.novi eval \"Combo AND\"

With --to, the report says of each flag whether it is the same in the other system; the exit code is 1 if a flag is left out. \
docs/export.md lists the systems, and what each of them can say.

With --snapshot, token hashes are written to FILE.tokens. A service reads the snapshot file if `[snapshot] path` names it and the \
database is unavailable, or with Flags::from_file.";

/// Write all flags as a file for `novi apply` or for another system, or all rows to a snapshot file
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    /// File to write, named *.yaml, *.yml, *.toml or *.json; without it, or as -, standard output. With --to
    /// ofrep-static, a folder
    #[arg(value_name = "FILE", conflicts_with = "snapshot")]
    file: Option<PathBuf>,

    /// Format on standard output [default: yaml]
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["file", "snapshot", "schema"])]
    format: Option<FileFormat>,

    /// Write the flags for another system, with a report of what it cannot say
    #[arg(long, value_enum, value_name = "SYSTEM", conflicts_with_all = ["format", "snapshot", "schema"])]
    to: Option<System>,

    /// Environment of Unleash that the flags are for
    #[arg(long, value_name = "NAME", default_value = "production", requires = "to")]
    environment: String,

    /// File to write the report to, as JSON, or as Markdown if it is named *.md
    #[arg(long, value_name = "FILE", requires = "to")]
    report: Option<PathBuf>,

    /// Print the JSON Schema of such files, for editors
    #[arg(long, conflicts_with_all = ["snapshot", "file"])]
    schema: bool,

    /// Snapshot file to write, from which programs can start without the database; an existing one is replaced
    /// atomically
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    Yaml,
    Toml,
    Json,
}

impl Export {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        if self.schema {
            print_json(&Format::schema())?;
            return Ok(ExitCode::SUCCESS);
        }
        match (&self.snapshot, self.to) {
            (Some(path), _) => write_snapshot(session, path).await,
            (None, Some(system)) => {
                let current = with_progress("reading the rows", Current::of_session(session)).await?;
                let exported = system.write(&current, &self.environment);
                let place = convert::Place { file: self.file(), report: self.report.as_deref() };
                convert::write(session, system, &exported, place)
            }
            (None, None) => self.write_document(session).await,
        }
    }

    /// The file to write; `None` is standard output.
    fn file(&self) -> Option<&Path> {
        self.file.as_deref().filter(|file| file.as_os_str() != "-")
    }

    async fn write_document(&self, session: &Session) -> Result<ExitCode, Failure> {
        let file = self.file();
        let by_name = |file| {
            Format::of_path(file).ok_or_else(|| {
                let name = file.display();
                Failure::usage(format!("{name}: expected a name with .yaml, .yml, .toml or .json at its end"))
            })
        };
        let format = match (self.format, file) {
            (Some(FileFormat::Toml), _) => Format::Toml,
            (Some(FileFormat::Json), _) => Format::Json,
            (None, Some(file)) => by_name(file)?,
            (None, None) if session.json => Format::Json,
            (Some(FileFormat::Yaml), _) | (None, None) => Format::Yaml,
        };
        let current = with_progress("reading the rows", Current::of_session(session)).await?;
        let document = Document::from_rows(&current.rows, &current.registry);
        let mut names = BTreeSet::new();
        for row in current.rows.activations.iter().filter(|row| !names.insert(&row.name)) {
            print_note(format_args!(
                "note: several activations are named {:?}: rename all but one, since files go by names",
                row.name
            ))?;
        }
        let text = format.write(&document).map_err(|error| Failure::rejected(error.to_string()))?;
        match file {
            None => write(&text)?,
            Some(file) => {
                replace_file(file, &text)?;
                let (flags, revision) = (count(current.rows.flags.len(), "flag"), current.rows.revision);
                print(format_args!("Wrote {flags} of revision {revision} to {}.", file.display()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes all rows, for programs that start from them.
async fn write_snapshot(session: &Session, path: &Path) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let rows = with_progress("reading the rows", store.load()).await?;
    SnapshotFile::write(path, &store.name(), &rows)?;
    let mut written = path.display().to_string();
    // A server that starts from the file checks tokens, too.
    if let Some(tokens) = store.token_store() {
        let file = tokens_beside(path);
        export_tokens(tokens, &file).await?;
        written = format!("{written} and {}", file.display());
    }
    if session.json {
        print_json(&json!({"snapshot": path, "revision": rows.revision, "flags": rows.flags.len()}))?;
    } else {
        let flags = count(rows.flags.len(), "flag");
        print(format_args!("Wrote {flags} of revision {} to {written}.", rows.revision))?;
    }
    Ok(ExitCode::SUCCESS)
}

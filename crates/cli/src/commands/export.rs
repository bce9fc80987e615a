//! `novi export`.

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

use crate::{
    commands::change::Current,
    output::{Failure, count, print, print_json, print_note, replace_file, write},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi export > flags.yaml
  novi export flags.toml
  novi export --snapshot flags.novi
  novi --database file:flags.novi eval \"Combo AND\"

With --snapshot, token hashes are written to FILE.tokens. A service reads the snapshot file if `[snapshot] path` names it and the \
database is unavailable, or with Flags::from_file.";

/// Write all flags as a file for `novi apply`, or all rows to a snapshot file
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    /// File to write, named *.yaml, *.yml, *.toml or *.json; without it, or as -, standard output
    #[arg(value_name = "FILE", conflicts_with = "snapshot")]
    file: Option<PathBuf>,

    /// Format on standard output [default: yaml]
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["file", "snapshot", "schema"])]
    format: Option<FileFormat>,

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
        match &self.snapshot {
            Some(path) => write_snapshot(session, path).await,
            None => self.write_document(session).await,
        }
    }

    async fn write_document(&self, session: &Session) -> Result<ExitCode, Failure> {
        let file = self.file.as_deref().filter(|file| file.as_os_str() != "-");
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
        let current = Current::of_session(session).await?;
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
    let rows = store.load().await?;
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

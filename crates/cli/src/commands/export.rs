//! `novi export`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use novi::store::SnapshotFile;
use novi_server::{export_tokens, tokens_beside};
use serde_json::json;

use crate::{
    output::{Failure, count, print, print_json},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  novi export --snapshot flags.novi
  novi --database file:flags.novi eval \"Combo AND\"

Token hashes are written to FILE.tokens. A service reads the snapshot file if `[snapshot] path` names it and the \
database is unavailable, or with Flags::from_file.";

/// Write all rows to a snapshot file, from which programs can start without the database
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    /// File to write; an existing one is replaced atomically
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
}

impl Export {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let path = &self.snapshot;
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
}

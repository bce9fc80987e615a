//! `export`.

use std::{path::Path, process::ExitCode};

use novi::SnapshotFile;
use novi_server::{export_tokens, tokens_beside};
use serde_json::json;

use super::Session;
use crate::{
    failure::Failure,
    output::{print, print_json},
};

pub(crate) async fn export(session: &Session, path: &Path) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let rows = store.load().await?;
    SnapshotFile::write(path, &store.name(), &rows)?;
    // Who may call a server that starts from the file.
    if let Some(tokens) = store.token_store() {
        export_tokens(tokens, &tokens_beside(path)).await?;
    }
    if session.json {
        print_json(&json!({"snapshot": path, "revision": rows.revision, "flags": rows.flags.len()}))?;
    } else {
        print(format_args!(
            "{} has the {} flags of revision {}",
            path.display(),
            rows.flags.len(),
            rows.revision
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

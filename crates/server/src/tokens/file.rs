//! The tokens in a file next to the snapshot file, for a start while the database is unavailable.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use novi::{
    Error, Result,
    store::{StoredToken, TokenStore},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The content of the file. It has hashes, not secrets.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TokenFile {
    /// Whether any token was ever created.
    #[serde(rename = "made")]
    pub(crate) any_issued: bool,
    /// All tokens.
    pub(crate) tokens: Vec<StoredToken>,
}

impl TokenFile {
    /// The tokens of the database. `changes` is the number of their last change, 0 if there was none.
    pub(crate) async fn load(store: &dyn TokenStore, changes: Option<i64>) -> Result<Self> {
        let tokens = store.stored_tokens().await?;
        Ok(Self { any_issued: changes.is_some_and(|changes| changes != 0) || !tokens.is_empty(), tokens })
    }

    /// The tokens of a file. Returns `None` if there is no file, or if it is invalid, which is logged.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        let read = fs::read(path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
        match read {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!("could not read the token file {}: {error}", path.display());
                None
            }
        }
    }

    pub(crate) fn to_json(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}

/// Replaces the file at once, so that no process reads a part of it.
pub(crate) fn replace(path: &Path, json: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let written = write_synced(&temporary, json).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may not even exist; the first error is the one to report.
        fs::remove_file(&temporary).unwrap_or_default();
    }
    written
}

/// A new file in the same folder. If the process is killed while it writes, the next one removes the file, as
/// the name is that of a temporary snapshot file.
fn temporary(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", Uuid::new_v4().simple()));
    path.with_file_name(name)
}

fn write_synced(path: &Path, json: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Only the server's user may read who has which role.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(json)?;
    file.sync_all()
}

/// The path of the token file of a snapshot file: the same path with `.tokens` appended.
#[must_use]
pub fn tokens_beside(snapshot: &Path) -> PathBuf {
    let mut name = snapshot.file_name().unwrap_or_default().to_owned();
    name.push(".tokens");
    snapshot.with_file_name(name)
}

/// Writes the tokens of a database to a file, from which a server authenticates callers if it starts while
/// the database is unavailable. The file has hashes, not secrets.
///
/// # Errors
/// [`Error::Store`] if the tokens cannot be read, or the file cannot be written.
pub async fn export_tokens(store: &dyn TokenStore, path: &Path) -> Result<()> {
    let changes = store.token_changes().await?;
    let file = TokenFile::load(store, changes).await?;
    let written = file.to_json().and_then(|json| replace(path, &json));
    written.map_err(|error| Error::store(path.display().to_string(), "could not write the tokens", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_were_left_are_removed_with_those_of_the_snapshot_file() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = folder.path().join("flags.novi");
        let path = tokens_beside(&snapshot);
        let temporary = temporary(&path);
        assert!(temporary.file_name().unwrap().to_str().unwrap().starts_with(".flags.novi."));
        assert_eq!(temporary.extension().unwrap(), "tmp");
        replace(&path, b"{}").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(replace(&folder.path().join("no/such/folder"), b"{}").is_err());
    }
}

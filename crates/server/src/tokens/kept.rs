//! The tokens in a file, for a start without the database: beside a snapshot file, which has the flags.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use novi::{
    Error, Result,
    store::{StoredToken, TokenStore},
};
use serde::{Deserialize, Serialize};

/// What is known of the tokens. There are hashes in it, and no secrets.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Whether any was ever made.
    pub(super) made: bool,
    /// All of them.
    pub(super) tokens: Vec<StoredToken>,
}

impl Kept {
    /// What the database says, with the number of its changes.
    pub(super) async fn load(store: &dyn TokenStore, changes: Option<i64>) -> Result<Self> {
        let tokens = store.stored_tokens().await?;
        Ok(Self { made: changes.is_some_and(|changes| changes > 0) || !tokens.is_empty(), tokens })
    }

    /// What a file says; nothing if there is none, or if it makes no sense, which is logged.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let read = fs::read(path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
        match read {
            Ok(kept) => Some(kept),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!("the tokens kept in {} can not be used: {error}", path.display());
                None
            }
        }
    }

    /// As the file has it.
    pub(super) fn text(&self) -> io::Result<Vec<u8>> {
        Ok(serde_json::to_vec(self)?)
    }
}

/// Replaces the file as a whole, so that nobody ever reads half of one.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = write_synced(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Half of a file helps nobody; where it can not be removed either, the next writing replaces it.
        fs::remove_file(&temporary).unwrap_or_default();
    }
    written
}

fn write_synced(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // Who has which rights is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Where the tokens are kept that belong to a snapshot file: beside it, with `.tokens` behind its name.
#[must_use]
pub fn tokens_beside(snapshot: &Path) -> PathBuf {
    let mut name = snapshot.file_name().unwrap_or_default().to_owned();
    name.push(".tokens");
    snapshot.with_file_name(name)
}

/// Writes the tokens of a database to a file, by which a server that starts without the database knows who may call. There are hashes
/// in it, and no secrets.
///
/// # Errors
/// [`Error::Store`] when the database does not tell, or the file can not be written.
pub async fn export_tokens(store: &dyn TokenStore, path: &Path) -> Result<()> {
    let changes = store.token_changes().await?;
    let kept = Kept::load(store, changes).await?;
    let written = kept.text().and_then(|text| replace(path, &text));
    written.map_err(|error| Error::store(path.display().to_string(), "could not write the tokens", error))
}

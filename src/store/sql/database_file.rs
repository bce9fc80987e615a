//! The file of a database, which may be replaced or removed while connections to it are open.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tokio::task::spawn_blocking;

/// Which file a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    #[cfg(unix)]
    number: (u64, u64),
    /// The number of a removed file may be used again.
    created: Option<std::time::SystemTime>,
}

/// The file that the connections of a pool lead to.
pub(super) struct DatabaseFile {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` until a connection was made, and for a path that never led to a file.
    known: Option<Identity>,
    /// Whether the pool may have connections to an earlier file.
    is_outdated: bool,
    /// Rises when the file was replaced, and when the last connection to the earlier one is closed.
    generation: u64,
}

impl DatabaseFile {
    /// `is_open` if connections have been made.
    pub(super) fn new(path: &Path, is_open: bool) -> Self {
        // The process may change its working directory; SQLite does not follow it.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let known = if is_open { identity(&path).ok() } else { None };
        Self { path, state: Mutex::new(State { known, ..State::default() }) }
    }

    /// Compares the file with the known one. Returns whether the pool may have connections to another file.
    ///
    /// # Errors
    /// The file was removed.
    pub(super) async fn check(&self) -> io::Result<bool> {
        let found = self.look().await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = state.known else { return Ok(false) };
        match found {
            Ok(found) if found == known => {}
            Ok(found) => {
                tracing::warn!(file = %self.path.display(), "the database file was replaced and is opened again");
                let generation = state.generation.wrapping_add(1);
                *state = State { known: Some(found), is_outdated: true, generation };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = format!("the file {} was removed; put it back", self.path.display());
                return Err(io::Error::new(error.kind(), message));
            }
            Err(error) => return Err(error),
        }
        Ok(state.is_outdated)
    }

    /// The pool has no connections to an earlier file any longer.
    pub(super) fn is_current(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_outdated = false;
        state.generation = state.generation.wrapping_add(1);
    }

    /// Differs once connections lead to another file.
    pub(super) fn generation(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// A connection was made, perhaps the first.
    pub(super) async fn opened(&self) {
        if self.state.lock().unwrap_or_else(PoisonError::into_inner).known.is_some() {
            return;
        }
        let found = self.look().await.ok();
        self.state.lock().unwrap_or_else(PoisonError::into_inner).known = found;
    }

    async fn look(&self) -> io::Result<Identity> {
        let path = self.path.clone();
        // It may be on a network share.
        spawn_blocking(move || identity(&path)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

pub(super) fn identity(path: &Path) -> io::Result<Identity> {
    #[cfg(unix)]
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::metadata(path)?;
    Ok(Identity {
        #[cfg(unix)]
        number: (metadata.dev(), metadata.ino()),
        created: metadata.created().ok(),
    })
}

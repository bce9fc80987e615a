//! Keeps the snapshot file up to date, in a task of its own: following the rows never waits for a disk.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{sync::Mutex, task::spawn_blocking, time::sleep};

use crate::{
    error::{Error, Result},
    rows::Revision,
    runtime::{answer_within::answer_within, core::Core, follow::Following},
    store::file::{SnapshotFile, tidy},
};

/// How often to check whether the rows have changed, which compares two numbers.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Reading all rows may take long if there are many; nothing waits for it here.
const LOAD_TIMEOUT: Duration = Duration::from_mins(1);

/// Writes the snapshot file.
pub(crate) struct SnapshotFileWriter {
    path: Arc<Path>,
    /// The revision that was written last. Locked while the file is written, so that an older state never
    /// replaces a newer one.
    written: Mutex<Option<Revision>>,
}

impl SnapshotFileWriter {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path: path.into(), written: Mutex::new(None) }
    }

    /// Writes the rows of the current snapshot, unless they were written last or did not come from the
    /// database. Returns `true` if it wrote the file.
    pub(crate) async fn write(&self, core: &Core, following: &Following) -> Result<bool> {
        let mut written = self.written.lock().await;
        // Only under the lock: the rows may have changed while this waited.
        let snapshot = core.snapshot();
        if !following.has_rows_of_database() || *written == Some(snapshot.revision()) {
            return Ok(false);
        }
        let store = &**following.store();
        // A snapshot usually keeps no rows; then they are read again, at most once an interval.
        let read = match snapshot.rows() {
            Some(_) => None,
            None => Some(answer_within(LOAD_TIMEOUT, store, store.load()).await?),
        };
        let (name, path) = (store.name(), Arc::clone(&self.path));
        let write = move || {
            let Some(rows) = read.as_ref().or(snapshot.rows()) else { return Ok(snapshot.revision()) };
            SnapshotFile::write(&path, &name, rows).map(|_| rows.revision)
        };
        *written = Some(on_blocking_thread(write).await?);
        Ok(true)
    }
}

/// Writes the file whenever the revision has changed, until the flags are dropped.
pub(crate) async fn keep(
    core: Weak<Core>,
    following: Weak<Following>,
    writer: Arc<SnapshotFileWriter>,
    interval: Duration,
) {
    let path = Arc::clone(&writer.path);
    if let Err(error) = spawn_blocking(move || tidy(&path)).await {
        tracing::debug!("{error}");
    }
    // Without any pause the task would occupy a core.
    let interval = interval.max(Duration::from_millis(10));
    let mut fails = false;
    while let (Some(core), Some(following)) = (core.upgrade(), following.upgrade()) {
        let result = writer.write(&core, &following).await;
        drop((core, following));
        let pause = match result {
            Ok(false) => interval.min(CHECK_INTERVAL),
            Ok(true) => {
                if std::mem::take(&mut fails) {
                    tracing::info!(path = %writer.path.display(), "the snapshot file is written again");
                }
                interval
            }
            // An unavailable database is logged by the task that follows it.
            Err(error) if fails || !matches!(error, Error::Snapshot { .. }) => {
                tracing::debug!("{error}");
                interval
            }
            Err(error) => {
                fails = true;
                tracing::error!("{error}; a start without the database would find outdated flags, or none");
                interval
            }
        };
        sleep(pause).await;
    }
}

/// Runs a function that waits for a disk, or that takes long, on a thread where no other task waits for it.
pub(crate) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::store("files", "a thread of novi ended", error)))
}

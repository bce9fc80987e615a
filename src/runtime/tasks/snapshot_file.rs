//! Keeps the snapshot file up to date, in a task of its own: following the rows never waits for a disk.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{
    error::{Error, Result},
    flags::{Flags, Inner},
    rows::{Revision, Rows},
    runtime::current::Guard,
    store::{
        ReadStore,
        file::{SnapshotFile, tidy},
    },
};

/// How often to look whether there are other rows. To look is to compare two numbers.
const LOOK: Duration = Duration::from_millis(500);

/// The file, and what was written to it last.
pub(crate) struct Keeper {
    path: Arc<Path>,
    /// Held while it is written, so that an older state never replaces a newer one.
    written: Mutex<Option<Revision>>,
}

impl Keeper {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path: path.into(), written: Mutex::new(None) }
    }

    /// Writes the rows of a snapshot, unless they are what was written last or there are none of the database. Gives whether it did.
    async fn write(&self, take: impl FnOnce() -> Option<Guard>, store: &dyn ReadStore) -> Result<bool> {
        let mut written = self.written.lock().await;
        // Taken only now: while this waited there may have been newer ones.
        let Some(snapshot) = take().filter(|snapshot| *written != Some(snapshot.revision())) else {
            return Ok(false);
        };
        // A snapshot mostly keeps no rows: then they are read again, which happens once an interval at most.
        let read = if snapshot.rows().is_some() { None } else { Some(load(store).await?) };
        let (name, path) = (store.name(), Arc::clone(&self.path));
        let write = move || {
            let Some(rows) = read.as_ref().or(snapshot.rows()) else { return Ok(snapshot.revision()) };
            SnapshotFile::write(&path, &name, rows).map(|_| rows.revision)
        };
        *written = Some(on_blocking_thread(write).await?);
        Ok(true)
    }
}

impl Flags {
    /// Writes the [snapshot file](crate::flags::FlagsBuilder::snapshot_file) now, if there is one and its rows are not the present ones:
    /// for the end of a program, which else might miss what has changed since the last writing. Gives whether it was written.
    ///
    /// # Errors
    /// [`Error::Snapshot`] when the file can not be written, and [`Error::Store`] when the rows have to be read for it and the
    /// database does not answer.
    pub async fn save_snapshot(&self) -> Result<bool> {
        match self.keeper() {
            Some((keeper, store)) => keeper.write(|| self.snapshot_of_database(), &**store).await,
            None => Ok(false),
        }
    }

    /// The present snapshot, if its rows were read from the database.
    fn snapshot_of_database(&self) -> Option<Guard> {
        let snapshot = self.snapshot();
        self.has_rows_of_database().then_some(snapshot)
    }
}

/// Writes the file whenever the rows are of another revision than it, until nobody holds the flags any more.
pub(crate) async fn keep(
    flags: Weak<Inner>,
    store: Arc<dyn ReadStore>,
    keeper: Arc<Keeper>,
    interval: Duration,
) {
    let path = Arc::clone(&keeper.path);
    if let Err(error) = spawn_blocking(move || tidy(&path)).await {
        tracing::debug!("{error}");
    }
    // Without any pause a core would do nothing else.
    let interval = interval.max(Duration::from_millis(10));
    let mut fails = false;
    while flags.strong_count() > 0 {
        let take = || Flags::from_inner(flags.upgrade()?).snapshot_of_database();
        let pause = match keeper.write(take, &*store).await {
            Ok(false) => interval.min(LOOK),
            Ok(true) => {
                if std::mem::take(&mut fails) {
                    tracing::info!(path = %keeper.path.display(), "the snapshot file is written again");
                }
                interval
            }
            // A database that is gone is told of by whoever follows it.
            Err(error) if fails || !matches!(error, Error::Snapshot { .. }) => {
                tracing::debug!("{error}");
                interval
            }
            Err(error) => {
                fails = true;
                tracing::error!("{error}; a start without the database would find older flags, or none");
                interval
            }
        };
        sleep(pause).await;
    }
}

/// What a function gives that waits for a disk.
pub(crate) async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Error::store("files", "a thread of novi ended", error)))
}

/// All rows, unless the database hangs. To read them may take long where there are many; nobody waits for it here.
async fn load(store: &dyn ReadStore) -> Result<Rows> {
    const PATIENCE: Duration = Duration::from_mins(1);
    timeout(PATIENCE, store.load()).await.unwrap_or_else(|elapsed| {
        Err(Error::store(store.name(), format!("no answer within {PATIENCE:?}"), elapsed))
    })
}

//! Keeps the snapshot file up to date, in a task of its own: following the rows never waits for a disk.

use std::{
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use crate::{
    Error, Result,
    flags::{Flags, Inner},
    present::Guard,
    rows::{Revision, Rows},
    snapshot_file::SnapshotFile,
    store::ReadStore,
    upkeep::{on_blocking_thread, tidy_up},
};

/// How often to look whether there are other rows. To look is to compare two numbers.
const LOOK: Duration = Duration::from_millis(500);

/// Writes the file whenever the rows are of another revision than it, until nobody holds the flags any more.
pub(crate) async fn keep(flags: Weak<Inner>, store: Arc<dyn ReadStore>, path: Arc<Path>, interval: Duration) {
    tidy_up(Arc::clone(&path)).await;
    // Without any pause a core would do nothing else.
    let interval = interval.max(Duration::from_millis(10));
    let mut written: Option<Revision> = None;
    let mut fails = false;
    loop {
        let Some(inner) = flags.upgrade() else { return };
        let flags = Flags::from_inner(inner);
        let snapshot = flags.snapshot();
        let is_due = flags.has_rows_of_database() && written != Some(snapshot.revision());
        // Only what is followed for is to be kept alive, not the flags while this waits.
        drop(flags);
        if !is_due {
            drop(snapshot);
            sleep(interval.min(LOOK)).await;
            continue;
        }
        match write(snapshot, &*store, Arc::clone(&path)).await {
            Ok(revision) => {
                written = Some(revision);
                if fails {
                    tracing::info!(path = %path.display(), "the snapshot file is written again");
                }
                fails = false;
            }
            // A database that is gone is told of by whoever follows it.
            Err(error) if fails || !matches!(error, Error::Snapshot { .. }) => {
                tracing::debug!("{error}");
            }
            Err(error) => {
                fails = true;
                tracing::error!("{error}; a start without the database would find older flags, or none");
            }
        }
        sleep(interval).await;
    }
}

/// Writes rows, and gives their revision. A snapshot mostly keeps none: then they are read again, which happens once an
/// interval at most.
async fn write(snapshot: Guard, store: &dyn ReadStore, path: Arc<Path>) -> Result<Revision> {
    let name = store.name();
    let read = if snapshot.rows().is_some() { None } else { Some(load(store).await?) };
    on_blocking_thread(move || {
        let Some(rows) = read.as_ref().or(snapshot.rows()) else { return Ok(snapshot.revision()) };
        SnapshotFile::write(&path, &name, rows).map(|_| rows.revision)
    })
    .await
}

/// All rows, unless the database hangs. To read them may take long where there are many; nobody waits for it here.
async fn load(store: &dyn ReadStore) -> Result<Rows> {
    const PATIENCE: Duration = Duration::from_mins(1);
    timeout(PATIENCE, store.load()).await.unwrap_or_else(|elapsed| {
        Err(Error::store(store.name(), format!("no answer within {PATIENCE:?}"), elapsed))
    })
}

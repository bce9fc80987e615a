//! Pruning of the history while a server runs.

use std::time::Duration;

use novi::store::history::Retention;

/// Deletes records that are older than `keep`, once an hour, until the process ends.
pub(super) fn prune_in_background(url: String, keep: Retention) {
    /// Retention is measured in days, so an hour more does not matter.
    const EVERY: Duration = Duration::from_hours(1);
    if keep == Retention::Forever {
        return;
    }
    tokio::spawn(async move {
        loop {
            if let Some(before) = keep.since() {
                // A connection of its own, because the database may be unavailable at the start.
                let pruned = async { novi::store::connect(&url).await?.prune(before).await };
                match pruned.await {
                    Ok(0) => {}
                    Ok(deleted) => {
                        tracing::info!(history.deleted = deleted, "pruned {deleted} records of the history");
                    }
                    Err(error) => tracing::warn!("could not prune the history: {error}"),
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}

//! Pruning of the history while a server runs.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use novi::store::history::Retention;

/// Deletes records that are older than `keep`, once an hour, until the process ends.
pub(super) fn prune_in_background(url: String, keep: Retention) {
    /// Retention is measured in days, so an hour more does not matter.
    const EVERY: Duration = Duration::from_hours(1);
    if keep == Retention::Forever {
        return;
    }
    tokio::spawn(async move {
        let (started, start) = (Utc::now(), Instant::now());
        loop {
            if let Some(before) = keep.since_at(earliest(started, start.elapsed(), Utc::now())) {
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

/// The time, unless the clock was set forward since the start: then a wrong clock would delete records that are not
/// old, and they could not be restored.
fn earliest(started: DateTime<Utc>, passed: Duration, clock: DateTime<Utc>) -> DateTime<Utc> {
    let passed = TimeDelta::from_std(passed).ok().and_then(|passed| started.checked_add_signed(passed));
    passed.map_or(clock, |steady| steady.min(clock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_that_is_set_forward_prunes_no_more() {
        let started = DateTime::UNIX_EPOCH;
        let after = |seconds| started + TimeDelta::seconds(seconds);
        let earliest = |passed, clock| earliest(started, Duration::from_secs(passed), after(clock));
        assert_eq!(earliest(60, 60), after(60));
        assert_eq!(earliest(60, 1_000_000_000), after(60), "set forward");
        assert_eq!(earliest(1_000_000, 60), after(60), "set back, or it was wrong at the start");
    }
}

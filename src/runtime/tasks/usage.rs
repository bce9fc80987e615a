//! Records in the database which flags were evaluated: at intervals, from the counters, so that evaluations
//! do no extra work.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    error::Result,
    runtime::{
        answer_within::{DATABASE_TIMEOUT, answer_within},
        core::Core,
    },
    snapshot::Snapshot,
    store::{ReadStore, Usage},
};

/// How often each flag was on and off, by name.
type Counts = HashMap<String, (u64, u64)>;

/// Records at each interval the evaluations since the last one, until the flags are dropped.
pub(crate) async fn record(core: Weak<Core>, store: Arc<dyn ReadStore>, interval: Duration) {
    let mut written = Counts::new();
    let mut fails = false;
    loop {
        sleep(interval).await;
        let Some(core) = core.upgrade() else { return };
        // There may be a hundred thousand flags.
        let counted = spawn_blocking(move || counts(&core.snapshot())).await.unwrap_or_default();
        let usage = since(&written, &counted);
        if usage.is_empty() {
            continue;
        }
        match write(&*store, usage, &counted, &mut written).await {
            Ok(()) => fails = false,
            // What was not written is part of the next interval. Logged once: the database user may only have
            // the right to read.
            Err(error) if fails => tracing::debug!("{error}"),
            Err(error) => {
                fails = true;
                tracing::warn!("{error}; `novi stale` will not include these evaluations");
            }
        }
    }
}

/// Writes in batches, and remembers what is written.
async fn write(
    store: &dyn ReadStore,
    usage: Vec<Usage>,
    counted: &Counts,
    written: &mut Counts,
) -> Result<()> {
    /// Takes a fraction of a second, so a batch is written or fails well within the time limit.
    const BATCH_SIZE: usize = 1000;
    let Some(usage_store) = store.usage_store() else { return Ok(()) };
    for some in usage.chunks(BATCH_SIZE) {
        answer_within(DATABASE_TIMEOUT, store, usage_store.record_usage(some.to_vec())).await?;
        let counts = some.iter().filter_map(|usage| counted.get_key_value(&usage.flag));
        written.extend(counts.map(|(flag, counts)| (flag.clone(), *counts)));
    }
    // The counts of flags that were deleted long ago are forgotten.
    written.retain(|flag, _| counted.contains_key(flag));
    Ok(())
}

fn counts(snapshot: &Snapshot) -> Counts {
    let mut counts = Counts::new();
    for answer in snapshot.evaluations() {
        let (on, off) = counts.entry(answer.flag).or_default();
        let count = if answer.enabled { on } else { off };
        *count = count.wrapping_add(answer.count);
    }
    counts
}

/// The evaluations between two states of the counters.
fn since(before: &Counts, counted: &Counts) -> Vec<Usage> {
    let usage = counted.iter().filter_map(|(flag, (on, off))| {
        let (on_before, off_before) = before.get(flag).copied().unwrap_or_default();
        let (on, off) = (on.saturating_sub(on_before), off.saturating_sub(off_before));
        (on > 0 || off > 0).then(|| Usage { flag: flag.clone(), on, off })
    });
    usage.collect()
}

//! Records in the database which flags were evaluated, and how often in each hour: at intervals, from the
//! counters, so that evaluations do no extra work.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};

use crate::{
    error::Result,
    runtime::{
        answer_within::{DATABASE_TIMEOUT, answer_within},
        core::Core,
        tasks::{
            hourly::Hourly,
            result_counts::{BATCH_SIZE, Counts, ResultCount, counts, forget_deleted, remember},
        },
    },
    store::{ReadStore, Usage},
};

/// Records at each interval the evaluations since the last one, until the flags are dropped. Evaluations by hour
/// are kept for `retention`.
pub(crate) async fn record(
    core: Weak<Core>,
    store: Arc<dyn ReadStore>,
    interval: Duration,
    retention: Duration,
) {
    let mut written = Counts::new();
    let mut hourly = Hourly::new(retention);
    let mut fails = false;
    loop {
        sleep(interval).await;
        let Some(core) = core.upgrade() else { return };
        // There may be a hundred thousand flags.
        let counted = spawn_blocking(move || counts(&core.snapshot())).await.unwrap_or_default();
        let usage = since(&written, &counted);
        if !usage.is_empty() {
            match write(&*store, usage, &counted, &mut written).await {
                Ok(()) => fails = false,
                // What was not written is part of the next interval. Logged once: the database user may only
                // have the right to read.
                Err(error) if fails => tracing::debug!("{error}"),
                Err(error) => {
                    fails = true;
                    tracing::warn!("{error}; `novi stale` will not include these evaluations");
                }
            }
        }
        hourly.record(&*store, &counted).await;
    }
}

/// Writes in batches, and remembers what is written.
async fn write(
    store: &dyn ReadStore,
    usage: Vec<Usage>,
    counted: &Counts,
    written: &mut Counts,
) -> Result<()> {
    let Some(usage_store) = store.usage_store() else { return Ok(()) };
    for some in usage.chunks(BATCH_SIZE) {
        answer_within(DATABASE_TIMEOUT, store, usage_store.record_usage(some.to_vec())).await?;
        remember(some.iter().map(|usage| usage.flag.as_str()), counted, written);
    }
    forget_deleted(counted, written);
    Ok(())
}

/// The evaluations between two states of the counters.
fn since(before: &Counts, counted: &Counts) -> Vec<Usage> {
    let sum = |results: &[ResultCount], enabled| {
        let counts = results.iter().filter(|result| result.enabled == enabled);
        counts.fold(0_u64, |sum, result| sum.wrapping_add(result.count))
    };
    let usage = counted.iter().filter_map(|(flag, results)| {
        let known = before.get(flag).map_or(&[][..], Vec::as_slice);
        let difference = |enabled| sum(results, enabled).saturating_sub(sum(known, enabled));
        let (on, off) = (difference(true), difference(false));
        (on > 0 || off > 0).then(|| Usage { flag: flag.clone(), on, off })
    });
    usage.collect()
}

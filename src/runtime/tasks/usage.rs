//! Writes down which flags were evaluated: now and then, by what the counters say. Evaluations themselves do nothing for it.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{
    error::{Error, Result},
    flags::{Flags, Inner},
    runtime::follow::PATIENCE,
    store::{ReadStore, Usage},
};

/// How often each flag was on and off, by name.
type Counts = HashMap<String, (u64, u64)>;

/// Writes down at each interval what was counted since the last one, until nobody holds the flags any more.
pub(crate) async fn record(flags: Weak<Inner>, store: Arc<dyn ReadStore>, interval: Duration) {
    let mut written = Counts::new();
    let mut fails = false;
    loop {
        sleep(interval).await;
        let Some(inner) = flags.upgrade() else { return };
        // There may be a hundred thousand flags.
        let counted = spawn_blocking(move || counts(&Flags::from_inner(inner))).await.unwrap_or_default();
        let usage = since(&written, &counted);
        if usage.is_empty() {
            continue;
        }
        match write(&*store, usage, &counted, &mut written).await {
            Ok(()) => fails = false,
            // What was not written is counted again next time. That a user may only read is told once, not each minute.
            Err(error) if fails => tracing::debug!("{error}"),
            Err(error) => {
                fails = true;
                tracing::warn!("{error}; `novi stale` does not know of these evaluations");
            }
        }
    }
}

/// Writes some of them after the others, and notes what is written.
async fn write(
    store: &dyn ReadStore,
    usage: Vec<Usage>,
    counted: &Counts,
    written: &mut Counts,
) -> Result<()> {
    /// Takes a fraction of a second, and so is written or not long before anybody loses patience.
    const AT_ONCE: usize = 1000;
    let Some(kept) = store.usage_store() else { return Ok(()) };
    for some in usage.chunks(AT_ONCE) {
        timeout(PATIENCE, kept.record_usage(some.to_vec())).await.unwrap_or_else(|elapsed| {
            Err(Error::store(store.name(), format!("no answer within {PATIENCE:?}"), elapsed))
        })?;
        let counts = some.iter().filter_map(|usage| counted.get_key_value(&usage.flag));
        written.extend(counts.map(|(flag, counts)| (flag.clone(), *counts)));
    }
    Ok(())
}

fn counts(flags: &Flags) -> Counts {
    let mut counts = Counts::new();
    for answer in flags.evaluations() {
        let (on, off) = counts.entry(answer.flag).or_default();
        let count = if answer.enabled { on } else { off };
        *count = count.wrapping_add(answer.count);
    }
    counts
}

/// What was counted since then.
fn since(before: &Counts, counted: &Counts) -> Vec<Usage> {
    let usage = counted.iter().filter_map(|(flag, (on, off))| {
        let (on_before, off_before) = before.get(flag).copied().unwrap_or_default();
        let (on, off) = (on.saturating_sub(on_before), off.saturating_sub(off_before));
        (on > 0 || off > 0).then(|| Usage { flag: flag.clone(), on, off })
    });
    usage.collect()
}

//! Writes exposures to the database, in batches, in the background.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, sleep},
};

use crate::{
    activation::{Remembered, remembered::Entry},
    error::Result,
    runtime::{
        answer_within::{DATABASE_TIMEOUT, answer_within},
        core::Core,
        exposures::{Exposures, Waiting},
    },
    store::{Assignment, ReadStore, backoff::Backoff},
};

/// How long an exposure waits for others: what a process that is killed loses at most.
const INTERVAL: Duration = Duration::from_millis(200);

/// How many exposures a transaction writes at most.
const BATCH: usize = 5000;

/// How often units are recorded again that were recorded before: somebody may have emptied the table.
const FORGET: Duration = Duration::from_hours(1);

/// Writes the exposures of a process.
pub(crate) struct ExposureWriter {
    pub(crate) exposures: Exposures,
    store: Arc<dyn ReadStore>,
    remembered: Remembered,
    most_units: usize,
    /// What was taken from the queue and is not written yet. Locked while it is written.
    batch: AsyncMutex<Vec<Waiting>>,
}

impl ExposureWriter {
    pub(crate) fn new(store: Arc<dyn ReadStore>, remembered: Remembered, most_units: usize) -> Self {
        Self { exposures: Exposures::new(), store, remembered, most_units, batch: AsyncMutex::default() }
    }

    /// Writes all exposures that wait.
    pub(crate) async fn flush(&self) -> Result<()> {
        let Some(assignments) = self.store.assignment_store() else { return Ok(()) };
        let mut batch = self.batch.lock().await;
        loop {
            let before = batch.len();
            self.exposures.fill(&mut batch, BATCH);
            for waiting in batch.iter().skip(before).filter(|waiting| waiting.is_remembered) {
                // A full table is reported where it is read.
                self.remembered.put(&entry(waiting), false, self.most_units);
            }
            if batch.is_empty() {
                return Ok(());
            }
            let rows = batch.iter().map(assignment).collect();
            answer_within(DATABASE_TIMEOUT, &*self.store, assignments.record_assignments(rows)).await?;
            self.exposures.count_written(batch.len());
            batch.clear();
        }
    }
}

/// Writes exposures until the flags are dropped, and then what is left.
pub(crate) async fn write(core: Weak<Core>, writer: Arc<ExposureWriter>) {
    let mut backoff = Backoff::up_to(Duration::from_secs(30), INTERVAL);
    let (mut fails, mut dropped) = (false, 0);
    let mut forget = Instant::now() + FORGET;
    loop {
        let is_last = core.strong_count() == 0;
        match writer.flush().await {
            Ok(()) if fails => {
                fails = false;
                backoff.reset();
                tracing::info!("exposures are recorded again");
            }
            Ok(()) => (),
            Err(error) if fails => tracing::debug!("{error}"),
            Err(error) => {
                fails = true;
                tracing::warn!("{error}; they are kept and tried again");
            }
        }
        if is_last {
            return;
        }
        let counts = writer.exposures.counts();
        if counts.dropped > dropped {
            tracing::warn!(
                dropped = counts.dropped,
                "exposures were dropped, since too many wait for the database"
            );
            dropped = counts.dropped;
        }
        if Instant::now() >= forget {
            writer.exposures.forget_seen();
            forget = Instant::now() + FORGET;
        }
        if fails { sleep(backoff.next_wait()).await } else { writer.exposures.many(INTERVAL).await }
    }
}

fn entry(waiting: &Waiting) -> Entry<'_> {
    Entry {
        experiment: waiting.experiment(),
        unit: waiting.unit(),
        variant: waiting.variant(),
        revision: waiting.revision,
    }
}

fn assignment(waiting: &Waiting) -> Assignment {
    Assignment {
        experiment: waiting.experiment().to_owned(),
        unit: waiting.unit().to_owned(),
        variant: waiting.variant().to_owned(),
        revision: waiting.revision,
        assigned_at: waiting.at.date(),
    }
}

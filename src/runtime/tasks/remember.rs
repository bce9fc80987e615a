//! Reads the assignments of experiments that remember, and follows them.

use std::{
    collections::BTreeSet,
    mem,
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
        tasks::exposures::ExposureWriter,
    },
    store::{AssignmentRow, AssignmentStore, ReadStore, forgotten},
};

/// How often new rows are read.
const INTERVAL: Duration = Duration::from_millis(500);

/// Rows become visible in another order than that of their ids, when their transactions commit: ids are read again
/// after this time, which is longer than a transaction of novi takes.
const SETTLED: Duration = Duration::from_secs(30);

/// How many of the last ids may be those of transactions that have not committed when the rows are first read: those
/// of twenty processes that write as much as they can.
const UNSETTLED: i64 = 100_000;

/// How many rows a query reads.
const PAGE: u32 = 10_000;

/// Follows the assignments of experiments that remember.
pub(crate) struct Memory {
    store: Arc<dyn ReadStore>,
    remembered: Remembered,
    most_units: usize,
    /// Records forgotten units again.
    writer: Option<Arc<ExposureWriter>>,
    position: AsyncMutex<Position>,
}

/// Up to where the rows were read.
#[derive(Default)]
struct Position {
    /// The serial number of the snapshot whose experiments are followed.
    serial: u32,
    experiments: Vec<String>,
    /// Whether the rows were read once.
    is_read: bool,
    /// The last id that was read.
    last: i64,
    /// An id all rows before which were read, and the one that it becomes after a time.
    settled: i64,
    settling: Option<(Instant, i64)>,
    /// Whether the table is full, which is logged once.
    is_full: bool,
}

impl Memory {
    pub(crate) fn new(
        store: Arc<dyn ReadStore>,
        core: &Core,
        most_units: usize,
        writer: Option<Arc<ExposureWriter>>,
    ) -> Self {
        let remembered = core.settings().remembered.clone();
        Self { store, remembered, most_units, writer, position: AsyncMutex::default() }
    }

    /// Reads what is new.
    pub(crate) async fn refresh(&self, core: &Core) -> Result<()> {
        let Some(assignments) = self.store.assignment_store() else { return Ok(()) };
        let mut position = self.position.lock().await;
        let serial = core.current().serial();
        if mem::replace(&mut position.serial, serial) != serial {
            let snapshot = core.snapshot();
            let experiments: BTreeSet<&str> = snapshot.remembering_experiments().collect();
            let is_known = position.experiments.iter().map(String::as_str).eq(experiments.iter().copied());
            if !is_known {
                let experiments = experiments.into_iter().map(str::to_owned).collect();
                *position =
                    Position { serial, experiments, is_full: position.is_full, ..Position::default() };
            }
        }
        if position.experiments.is_empty() {
            if self.remembered.len() > 0 {
                self.remembered.clear();
            }
            return Ok(());
        }
        if !position.is_read {
            return self.read_all(assignments, &mut position).await;
        }
        let now = Instant::now();
        let last = position.last;
        let settling = *position.settling.get_or_insert((now + SETTLED, last));
        let from = if now >= settling.0 { position.settled } else { position.last };
        let mut is_forgotten = false;
        let complete =
            self.read(assignments, &mut position, from, &self.remembered, |_| is_forgotten = true).await?;
        if now >= settling.0 {
            position.settled = settling.1;
            position.settling = None;
        }
        if let Some(writer) = self.writer.as_ref().filter(|_| is_forgotten) {
            writer.exposures.forget_seen();
        }
        if is_forgotten || !complete {
            self.read_all(assignments, &mut position).await?;
        }
        Ok(())
    }

    /// Reads all rows into a table of their own, which then replaces the current one.
    async fn read_all(&self, assignments: &dyn AssignmentStore, position: &mut Position) -> Result<()> {
        // A quarter is left for those to come.
        let most = self.most_units - self.most_units / 4;
        let start = assignments.start_of_last(&position.experiments, most as u64);
        let start = answer_within(DATABASE_TIMEOUT, &*self.store, start).await?;
        if start > 0 && !mem::replace(&mut position.is_full, true) {
            tracing::warn!(
                "there are more than {most} assignments of experiments that remember: the oldest are drawn again; \
                 raise [experiments] max_units"
            );
        }
        let table = self.remembered.fresh();
        position.last = start;
        self.read(assignments, position, start, &table, |_| ()).await?;
        self.remembered.take(&table);
        position.is_read = true;
        (position.settled, position.settling) = (start.max(position.last - UNSETTLED), None);
        Ok(())
    }

    /// Reads the rows after an id into a table. Returns `false` if it is full.
    async fn read(
        &self,
        assignments: &dyn AssignmentStore,
        position: &mut Position,
        from: i64,
        table: &Remembered,
        mut forget: impl FnMut(&str),
    ) -> Result<bool> {
        let mut from = from;
        let newest = position.last;
        loop {
            let rows = assignments.assignments_after(&position.experiments, from, PAGE);
            let rows = answer_within(DATABASE_TIMEOUT, &*self.store, rows).await?;
            for row in &rows {
                from = from.max(row.id);
                if let Some(experiment) = forgotten(row) {
                    if row.id > newest {
                        forget(experiment);
                    }
                } else if position.experiments.binary_search(&row.experiment).is_ok()
                    && !table.put(&entry(row), true, self.most_units)
                {
                    return Ok(false);
                }
            }
            position.last = position.last.max(from);
            if rows.len() < PAGE as usize {
                return Ok(true);
            }
        }
    }
}

fn entry(row: &AssignmentRow) -> Entry<'_> {
    Entry { experiment: &row.experiment, unit: &row.unit, variant: &row.variant, revision: row.revision }
}

/// Follows the assignments until the flags are dropped.
pub(crate) async fn follow(core: Weak<Core>, memory: Memory) {
    let mut fails = false;
    loop {
        sleep(INTERVAL).await;
        let Some(core) = core.upgrade() else { return };
        match memory.refresh(&core).await {
            Ok(()) => fails = false,
            Err(error) if fails => tracing::debug!("{error}"),
            Err(error) => {
                fails = true;
                tracing::warn!("{error}; callers whose variant is not known yet are drawn");
            }
        }
    }
}

//! How flags start: the first rows, and the background tasks.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    config,
    error::{Error, Result},
    rows::{Rows, expired::ExpiryPolicy},
    runtime::{
        answer_within::{DATABASE_TIMEOUT, answer_within},
        core::Core,
        follow::{
            Following,
            follower::{State, load},
        },
        status::Connectivity,
        tasks::{
            expiry,
            exposures::{self, ExposureWriter},
            remember::{self, Memory},
            snapshot_file::{self, SnapshotFileWriter, on_blocking_thread},
            usage,
        },
    },
    snapshot::Snapshot,
    store::{ReadStore, file::SnapshotFile},
};

/// Where the first rows may come from, and which tasks run besides following the database.
#[derive(Clone, Debug)]
pub(crate) struct Startup {
    pub(crate) file: Option<PathBuf>,
    pub(crate) file_interval: Duration,
    pub(crate) without_database: bool,
    pub(crate) usage_interval: Duration,
    pub(crate) usage_retention: Duration,
    pub(crate) max_units: usize,
    pub(crate) expired: ExpiryPolicy,
}

impl Default for Startup {
    fn default() -> Self {
        Self {
            file: None,
            file_interval: config::SNAPSHOT_INTERVAL,
            without_database: false,
            usage_interval: config::USAGE_INTERVAL,
            usage_retention: config::USAGE_RETENTION,
            max_units: config::MAX_UNITS,
            expired: ExpiryPolicy::default(),
        }
    }
}

impl Startup {
    /// The first rows and where they come from: the database, else the snapshot file, else nowhere if that is
    /// allowed.
    pub(crate) async fn first_rows(
        &self,
        store: &dyn ReadStore,
    ) -> Result<(Rows, Option<State>, Connectivity)> {
        match answer_within(DATABASE_TIMEOUT, store, load(store)).await {
            Ok((rows, state)) => Ok((rows, state, Connectivity::from_database())),
            Err(error) => self.fall_back(error).await.map(|(rows, connectivity)| (rows, None, connectivity)),
        }
    }

    /// The rows to start with when the database is unavailable.
    async fn fall_back(&self, error: Error) -> Result<(Rows, Connectivity)> {
        if let Some(path) = self.file.clone() {
            match on_blocking_thread(move || SnapshotFile::read(path)).await {
                Ok(file) => {
                    let written_at = file.written_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                    let revision = file.rows.revision.number();
                    tracing::error!(
                        revision,
                        "{error}; using the snapshot file of {}, written at {written_at}",
                        file.store
                    );
                    return Ok((file.rows, Connectivity::from_file(file.written_at, error.to_string())));
                }
                Err(unusable) => tracing::warn!("{unusable}"),
            }
        }
        if self.without_database && matches!(error, Error::Store { .. } | Error::Contention { .. }) {
            tracing::error!("{error}; there are no flags until the database is available");
            return Ok((Rows::default(), Connectivity::without_rows(error.to_string())));
        }
        Err(error)
    }

    /// The writer of the snapshot file, if there is to be one.
    pub(crate) fn snapshot_file_writer(&self) -> Option<Arc<SnapshotFileWriter>> {
        self.file.clone().map(SnapshotFileWriter::new).map(Arc::new)
    }

    /// Fails if a flag has expired and the start is to be refused then.
    pub(crate) fn check_expired(&self, snapshot: &Snapshot) -> Result<()> {
        if self.expired != ExpiryPolicy::Refuse {
            return Ok(());
        }
        let expired = snapshot.expired_flags(chrono::Utc::now());
        if expired.is_empty() { Ok(()) } else { Err(Error::Expired { flags: expired }) }
    }

    /// What records exposures, if the store can; with the assignments that units keep, if experiments remember any.
    pub(crate) async fn exposures(
        &self,
        core: &Arc<Core>,
        store: &Arc<dyn ReadStore>,
        connectivity: &Connectivity,
    ) -> Option<Arc<ExposureWriter>> {
        store.assignment_store()?;
        let remembered = core.settings().remembered.clone();
        let writer = Arc::new(ExposureWriter::new(Arc::clone(store), remembered, self.max_units));
        let memory = Memory::new(Arc::clone(store), core, self.max_units, Some(Arc::clone(&writer)));
        // Before the first evaluation, which would draw units again.
        if connectivity.has_rows_of_database()
            && let Err(error) = memory.refresh(core).await
        {
            tracing::warn!("{error}; callers whose variant is not known yet are drawn");
        }
        tokio::spawn(exposures::write(Arc::downgrade(core), Arc::clone(&writer)));
        tokio::spawn(remember::follow(Arc::downgrade(core), memory));
        Some(writer)
    }

    /// Starts the background tasks, which end when the flags are dropped.
    pub(crate) fn spawn_tasks(
        &self,
        core: &Arc<Core>,
        following: &Arc<Following>,
        writer: Option<Arc<SnapshotFileWriter>>,
    ) {
        let store = following.store();
        if let Some(writer) = writer {
            tokio::spawn(snapshot_file::keep(
                Arc::downgrade(core),
                Arc::downgrade(following),
                writer,
                self.file_interval,
            ));
        }
        if !self.usage_interval.is_zero() && store.usage_store().is_some() {
            tokio::spawn(usage::record(
                Arc::downgrade(core),
                Arc::clone(store),
                self.usage_interval,
                self.usage_retention,
            ));
        }
        if self.expired != ExpiryPolicy::Ignore {
            tokio::spawn(expiry::warn(Arc::downgrade(core)));
        }
    }
}

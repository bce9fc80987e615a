//! What is done beside following the rows, and how a program starts: the snapshot file, expired flags, and usage.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::timeout;

use crate::{
    error::{Error, Result},
    flags::{Flags, FlagsBuilder, Inner},
    rows::{Rows, expired::Expired},
    runtime::{
        follow::{PATIENCE, State, load},
        status::Heard,
        tasks::{
            expiry, snapshot_file as snapshot_writer,
            snapshot_file::{Keeper, on_blocking_thread},
            usage as usage_recorder,
        },
    },
    store::{ReadStore, file::SnapshotFile},
};

/// What a builder was told of it.
#[derive(Clone, Debug)]
pub(crate) struct Upkeep {
    file: Option<PathBuf>,
    file_interval: Duration,
    start_anyway: bool,
    usage_interval: Duration,
    expired: Expired,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            file: None,
            file_interval: FlagsBuilder::SNAPSHOT_INTERVAL,
            start_anyway: false,
            usage_interval: FlagsBuilder::USAGE_INTERVAL,
            expired: Expired::default(),
        }
    }
}

impl FlagsBuilder {
    /// The shortest time between two writings of the snapshot file, unless [`snapshot_interval`](Self::snapshot_interval) says
    /// otherwise: a burst of changes is written once.
    pub const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(10);

    /// How often it is written down which flags were evaluated, unless [`usage_interval`](Self::usage_interval) says
    /// otherwise: flags are stale by days, and a thousand processes write some 20 times a second then.
    pub const USAGE_INTERVAL: Duration = Duration::from_mins(1);

    /// Keeps the rows in a file, from which a later start answers when the database can not be reached. The file is written
    /// after changes, in the background, and can be read by its owner alone. See [`SnapshotFile`].
    pub fn snapshot_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.upkeep.file = Some(path.into());
        self
    }

    /// The shortest time between two writings of the [snapshot file](Self::snapshot_file). The last state of the rows is
    /// always written in the end.
    pub fn snapshot_interval(mut self, interval: Duration) -> Self {
        self.upkeep.file_interval = interval;
        self
    }

    /// Starts without any flags when the database can not be reached and there is no usable
    /// [snapshot file](Self::snapshot_file): every flag is unknown, and so off, until the database answers.
    /// [`Status::origin`](crate::runtime::status::Status::origin) tells of it. A database that answers without novi's tables is still an error.
    pub fn start_without_database(mut self) -> Self {
        self.upkeep.start_anyway = true;
        self
    }

    /// How often it is written down, in the table `novi_usage`, which flags were evaluated; never if zero.
    pub fn usage_interval(mut self, interval: Duration) -> Self {
        self.upkeep.usage_interval = interval;
        self
    }

    /// What happens on account of flags that are past their `expires_at`.
    pub fn expired(mut self, expired: Expired) -> Self {
        self.upkeep.expired = expired;
        self
    }
}

impl Upkeep {
    /// The rows to start with, and where they come from.
    pub(crate) async fn first_rows(&self, store: &dyn ReadStore) -> Result<(Rows, Option<State>, Heard)> {
        let loaded = timeout(PATIENCE, load(store)).await.unwrap_or_else(|elapsed| {
            Err(Error::store(store.name(), format!("no answer within {PATIENCE:?}"), elapsed))
        });
        match loaded {
            Ok((rows, state)) => Ok((rows, state, Heard::from_database())),
            Err(error) => self.instead_of(error).await.map(|(rows, heard)| (rows, None, heard)),
        }
    }

    /// What there is to start with in place of a database that fails.
    pub(crate) async fn instead_of(&self, error: Error) -> Result<(Rows, Heard)> {
        if let Some(path) = self.file.clone() {
            match on_blocking_thread(move || SnapshotFile::read(path)).await {
                Ok(file) => {
                    let written_at = file.written_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
                    let revision = file.rows.revision.number();
                    tracing::error!(
                        revision,
                        "{error}; the snapshot file of {} answers, which was written at {written_at}",
                        file.store
                    );
                    return Ok((file.rows, Heard::from_file(file.written_at, error.to_string())));
                }
                Err(unusable) => tracing::warn!("{unusable}"),
            }
        }
        if self.start_anyway && matches!(error, Error::Store { .. }) {
            tracing::error!("{error}; there are no flags until the database answers");
            return Ok((Rows::default(), Heard::nothing(error.to_string())));
        }
        Err(error)
    }

    /// What keeps the snapshot file, if there is to be one.
    pub(crate) fn keeper(&self) -> Option<Arc<Keeper>> {
        self.file.clone().map(Keeper::new).map(Arc::new)
    }

    pub(crate) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Refuses to start, if that is what expired flags are to lead to.
    pub(crate) fn check_expired(&self, flags: &Flags) -> Result<()> {
        if self.expired != Expired::Refuse {
            return Ok(());
        }
        let expired = flags.snapshot().expired_flags(chrono::Utc::now());
        if expired.is_empty() { Ok(()) } else { Err(Error::Expired { flags: expired }) }
    }

    /// Starts the tasks, which end when nobody holds the flags any more.
    pub(crate) fn spawn(&self, flags: &Weak<Inner>, store: &Arc<dyn ReadStore>, keeper: Option<Arc<Keeper>>) {
        if let Some(keeper) = keeper {
            let (store, interval) = (Arc::clone(store), self.file_interval);
            tokio::spawn(snapshot_writer::keep(Weak::clone(flags), store, keeper, interval));
        }
        if !self.usage_interval.is_zero() && store.usage_store().is_some() {
            let store = Arc::clone(store);
            tokio::spawn(usage_recorder::record(Weak::clone(flags), store, self.usage_interval));
        }
        if self.expired != Expired::Ignore {
            tokio::spawn(expiry::warn(Weak::clone(flags)));
        }
    }
}

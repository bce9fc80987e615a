//! Flags that follow a database.

use std::{mem, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    config::{self, Config},
    error::{Error, Result},
    flags::{Flags, FlagsBuilder, ensure::Declaration},
    rows::{Revision, expired::ExpiryPolicy},
    runtime::{
        follow::Following,
        status::Status,
        subscription::Subscription,
        tasks::{remember::Memory, snapshot_file::on_blocking_thread},
    },
    store::{self, LazyStore, ReadStore},
};

impl FlagsBuilder {
    /// The default of [`snapshot_interval`](Self::snapshot_interval).
    pub const SNAPSHOT_INTERVAL: Duration = config::SNAPSHOT_INTERVAL;

    /// The default of [`usage_interval`](Self::usage_interval).
    pub const USAGE_INTERVAL: Duration = config::USAGE_INTERVAL;

    /// The default of [`usage_retention`](Self::usage_retention).
    pub const USAGE_RETENTION: Duration = config::USAGE_RETENTION;

    /// Keeps the rows in a file, for starts while the database is unavailable. The file is written in the
    /// background after changes, and only its owner can read it. See
    /// [`SnapshotFile`](crate::store::file::SnapshotFile).
    pub fn snapshot_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.startup.file = Some(path.into());
        self
    }

    /// The shortest time between two writes of the [snapshot file](Self::snapshot_file). The last state of
    /// the rows is always written. Default: 10 s.
    pub fn snapshot_interval(mut self, interval: Duration) -> Self {
        self.startup.file_interval = interval;
        self
    }

    /// Starts without flags if the database is unavailable and there is no usable [snapshot
    /// file](Self::snapshot_file): every flag is unknown, and therefore off, until the database answers.
    pub fn start_without_database(mut self) -> Self {
        self.startup.without_database = true;
        self
    }

    /// How often the tables `novi_usage` and `novi_evaluations` are updated with the flags that were evaluated;
    /// zero disables it. Default: 1 min.
    pub fn usage_interval(mut self, interval: Duration) -> Self {
        self.startup.usage_interval = interval;
        self
    }

    /// How long evaluations by hour are kept in the table `novi_evaluations`; zero records none. Default: 14
    /// days.
    pub fn usage_retention(mut self, retention: Duration) -> Self {
        self.startup.usage_retention = retention;
        self
    }

    /// The most units that experiments with `remember` keep in memory, at most 64 bytes each. The oldest above it are
    /// drawn again. Default: 1,000,000.
    pub fn max_units(mut self, units: usize) -> Self {
        self.startup.max_units = units;
        self
    }

    /// What happens if flags are past their `expires_at`.
    pub fn expired(mut self, expired: ExpiryPolicy) -> Self {
        self.startup.expired = expired;
        self
    }

    /// Creates these flags when [`connect`](Self::connect) connects, if they do not exist: [`Flags::ensure`]. If the database
    /// is unavailable and the flags start without it, that is logged, and they are not created.
    pub fn ensure(mut self, declarations: impl IntoIterator<Item = Declaration>) -> Self {
        self.declarations.extend(declarations);
        self
    }

    /// As [`ensure`](Self::ensure), with the flags that attributes and derives of the program declare:
    /// [`Declaration::registered`].
    pub fn ensure_registered(self) -> Self {
        self.ensure(Declaration::registered())
    }

    /// Builds flags from the database at `url`. A task of the current tokio runtime follows the database
    /// until the flags are dropped.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`](crate::Error::DatabaseUrl) if the URL is invalid or this build does not support
    /// the database, and those of [`from_store`](Self::from_store).
    pub async fn connect(mut self, url: &str) -> Result<Flags> {
        let declarations = mem::take(&mut self.declarations);
        match store::connect(url).await {
            Ok(store) => {
                let can_start_without = self.startup.file.is_some() || self.startup.without_database;
                let flags = self.from_store(Arc::clone(&store) as _).await?;
                match flags.ensure(&*store, declarations).await {
                    Err(error) if can_start_without && store::is_transient(&error) => not_ensured(&error),
                    ensured => drop(ensured?),
                }
                Ok(flags)
            }
            Err(error) if self.startup.file.is_some() && store::is_transient(&error) => {
                if !declarations.is_empty() {
                    not_ensured(&error);
                }
                self.from_store(Arc::new(LazyStore::new(url))).await
            }
            Err(error) => Err(error),
        }
    }

    /// Builds flags from a store, such as one over the service's own pool, and follows it as
    /// [`connect`](Self::connect) does.
    ///
    #[cfg_attr(feature = "sqlite", doc = "```")]
    #[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
    /// use std::sync::Arc;
    /// use novi::{Flags, sqlx::SqlitePool, store::{SchemaStore, SqliteStore}};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = &format!("sqlite://{}/shop.db?mode=rwc", folder.path().display());
    /// let pool = SqlitePool::connect(url).await?; // the pool of the service's own tables
    /// let store = Arc::new(SqliteStore::from_pool(pool.clone()));
    /// store.migrate().await?;
    /// let flags = Flags::builder().from_store(store).await?;
    /// # assert_eq!(flags.snapshot().flag_names().count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Store`] and [`Error::NotMigrated`](crate::Error::NotMigrated) if the rows cannot be read and
    /// there is no usable [snapshot file](Self::snapshot_file), [`Error::Expired`](crate::Error::Expired) if flags have expired
    /// and the start is to be [refused](ExpiryPolicy::Refuse) then, and those of [`from_rows`](Self::from_rows).
    pub async fn from_store(self, store: Arc<dyn ReadStore>) -> Result<Flags> {
        let (refresh, startup) = (self.refresh, self.startup.clone());
        let (rows, state, connectivity) = startup.first_rows(&*store).await?;
        // Compiling many rows takes long; other tasks of this thread, such as health checks, run meanwhile.
        let core = on_blocking_thread(move || self.build(rows)).await?;
        startup.check_expired(&core.snapshot())?;
        let exposures = startup.exposures(&core, &store, &connectivity).await;
        let following = Following::start(Arc::clone(&core), store, state, connectivity, refresh);
        let writer = startup.snapshot_file_writer();
        startup.spawn_tasks(&core, &following, writer.clone());
        Ok(Flags { core, following: Some(following), snapshot_file: writer, exposures })
    }
}

fn not_ensured(error: &Error) {
    tracing::error!("{error}; flags that the program declares and that do not exist were not created");
}

impl Flags {
    /// Flags from the database at `url`; see [`FlagsBuilder::connect`].
    ///
    /// # Errors
    /// Those of [`FlagsBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().connect(url).await
    }

    /// Flags as configured; see [`FlagsBuilder::config`].
    ///
    /// # Errors
    /// Those of [`FlagsBuilder::connect`].
    pub async fn from_config<S: Sync>(config: &Config<S>) -> Result<Self> {
        Self::builder().config(config).connect(&config.database.url).await
    }

    /// Reads the rows now if their revision or the [folder](FlagsBuilder::activations_folder) of activation
    /// types has changed. Returns `true` if anything changed.
    ///
    /// # Errors
    /// [`Error::Store`] if the database is unavailable; the flags stay as they are.
    pub async fn refresh(&self) -> Result<bool> {
        match &self.following {
            Some(following) => following.refresh(false).await,
            None => Ok(false),
        }
    }

    /// Like [`refresh`](Self::refresh), but also finds changes that raised no revision: on MySQL, TRUNCATE
    /// and cascades of foreign keys fire no trigger. Runs by itself once a minute.
    ///
    /// # Errors
    /// Those of [`refresh`](Self::refresh).
    pub async fn sweep(&self) -> Result<bool> {
        match &self.following {
            Some(following) => following.refresh(true).await,
            None => Ok(false),
        }
    }

    /// Waits until flags are evaluated at this revision, as returned by a write, or at a later one.
    ///
    /// # Errors
    /// [`Error::Store`] if the database is unavailable, or does not have the revision
    /// within ten seconds, such as a replica that lags behind.
    pub async fn refresh_to(&self, revision: Revision) -> Result<()> {
        match &self.following {
            Some(following) => following.refresh_to(revision).await,
            None => Ok(()),
        }
    }

    /// Receives each change of the rows once flags are evaluated by it: the new revision, the names of the
    /// flags whose rows changed, and of those whose decision may differ. There are no notifications for rows
    /// in memory.
    ///
    /// A flag with a time window changes its decision when the window opens or closes, without any change of
    /// rows.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.core.subscribe()
    }

    /// How up to date the rows of this process are.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.following {
            Some(following) => {
                let exposures = self.exposures.as_ref().map(|writer| writer.exposures.counts());
                Status { exposures: exposures.unwrap_or_default(), ..following.status() }
            }
            None => Status::in_memory(self.core.snapshot().revision()),
        }
    }

    /// The name of the database that is followed, without passwords; `None` for rows in memory.
    #[must_use]
    pub fn store_name(&self) -> Option<String> {
        self.following.as_ref().map(|following| following.store().name())
    }

    /// The database that is followed; `None` for rows in memory.
    #[must_use]
    pub fn store(&self) -> Option<Arc<dyn ReadStore>> {
        self.following.as_ref().map(|following| Arc::clone(following.store()))
    }

    /// Reads from a store which variants units of experiments keep, once: for flags that do not follow it. Those that
    /// do read them by themselves.
    ///
    /// # Errors
    /// [`Error::Store`] if the database is unavailable, and [`Error::NotMigrated`] if it has no table of assignments.
    pub async fn read_assignments(&self, store: Arc<dyn ReadStore>) -> Result<()> {
        Memory::new(store, &self.core, config::MAX_UNITS, None).refresh(&self.core).await
    }

    /// Writes what the process still has to write: exposures, and the [snapshot file](FlagsBuilder::snapshot_file).
    /// For the end of a program; the flags can still be evaluated afterwards.
    ///
    /// # Errors
    /// [`Error::Store`] if the database is unavailable, and those of [`save_snapshot`](Self::save_snapshot). Exposures
    /// that were not written are tried again while the flags live.
    pub async fn close(&self) -> Result<()> {
        let saved = self.save_snapshot().await;
        self.flush_exposures().await?;
        saved.map(drop)
    }

    /// Writes the exposures that wait; see [`expose`](Self::expose). They are written by themselves within about 200
    /// ms.
    ///
    /// # Errors
    /// [`Error::Store`] if the database is unavailable. Exposures that were not written are tried again.
    pub async fn flush_exposures(&self) -> Result<()> {
        match &self.exposures {
            Some(writer) => writer.flush().await,
            None => Ok(()),
        }
    }

    /// Writes the [snapshot file](FlagsBuilder::snapshot_file) now if there is one and its rows are not the
    /// current ones. For the end of a program, which might otherwise miss changes since the last write.
    /// Returns `true` if it wrote the file.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the file cannot be written, and
    /// [`Error::Store`] if the rows have to be read for it and the database is
    /// unavailable.
    pub async fn save_snapshot(&self) -> Result<bool> {
        match (&self.snapshot_file, &self.following) {
            (Some(writer), Some(following)) => writer.write(&self.core, following).await,
            _ => Ok(false),
        }
    }
}

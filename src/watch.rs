//! Follows the rows: asks for the revision, and when it is another one, reads the rows and swaps the snapshot.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{
    Error, Result,
    backoff::Backoff,
    flags::{Flags, FlagsBuilder, Inner},
    snapshot_writer::Keeper,
    status::{Heard, Status},
    store::{self, LateStore, ReadStore},
};

/// A database that says nothing for so long is taken for one that does not answer. Reading 100,000 flags takes
/// about a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How following the rows goes; nothing for rows in memory, which nobody else changes.
#[derive(Default)]
pub(crate) struct State {
    followed: Option<Followed>,
}

struct Followed {
    store: Arc<dyn ReadStore>,
    heard: Heard,
    /// If the rows are kept in a file.
    keeper: Option<Arc<Keeper>>,
}

impl FlagsBuilder {
    /// Flags from the database at a url, followed by a task of the present tokio runtime for as long as the flags
    /// are held.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] for an address that this build of novi cannot use, and those of
    /// [`from_store`](Self::from_store).
    pub async fn connect(self, url: &str) -> Result<Flags> {
        match store::connect(url).await {
            Ok(store) => self.from_store(store).await,
            Err(error) if self.upkeep.has_file() && store::may_come_back(&error, url) => {
                self.from_store(Arc::new(LateStore::new(url))).await
            }
            Err(error) => Err(error),
        }
    }

    /// Flags from a store, such as one over the service's own pool; followed as those of [`connect`](Self::connect).
    ///
    #[cfg_attr(feature = "sqlite", doc = "```")]
    #[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
    /// use std::sync::Arc;
    /// use novi::{Flags, sqlx::SqlitePool, store::{SchemaStore, SqliteStore}};
    ///
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// # let url = &format!("sqlite://{}/shop.db?mode=rwc", folder.path().display());
    /// let pool = SqlitePool::connect(url).await?; // the one that the service has for its own tables
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
    /// [`Error::Store`] and [`Error::NotMigrated`] when the rows can not be read and there is no usable
    /// [snapshot file](Self::snapshot_file), [`Error::Expired`] if flags have expired and that is to
    /// [refuse](crate::Expired::Refuse) the start, and [`Error::DuplicateClass`] when two activation types claim one name.
    pub async fn from_store(self, store: Arc<dyn ReadStore>) -> Result<Flags> {
        let refresh = self.refresh;
        let upkeep = self.upkeep.clone();
        let (rows, heard) = upkeep.first_rows(&*store).await?;
        let keeper = upkeep.keeper();
        let followed = Followed { store: Arc::clone(&store), heard, keeper: keeper.clone() };
        let state = State { followed: Some(followed) };
        let flags = self.build(rows, state)?;
        upkeep.check_expired(&flags)?;
        tokio::spawn(follow(Arc::downgrade(flags.inner()), refresh));
        upkeep.spawn(&Arc::downgrade(flags.inner()), &store, keeper);
        Ok(flags)
    }
}

impl Flags {
    /// Flags from the database at a url; see [`FlagsBuilder::connect`].
    ///
    /// # Errors
    /// As [`FlagsBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().connect(url).await
    }

    /// Asks the database for its revision now, and reads the rows if it is another one, or if the
    /// [folder](FlagsBuilder::activations_folder) of types has changed. Gives whether it was so.
    ///
    /// # Errors
    /// [`Error::Store`] when the database does not answer: the flags stay as they are.
    pub async fn refresh(&self) -> Result<bool> {
        let Some(followed) = &self.inner().watch.followed else { return Ok(false) };
        let asked = async {
            let has_new_types = self.has_new_types().await;
            let revision = followed.store.revision().await?;
            // What a file or nobody gave has a revision that tells nothing.
            let is_ours = followed.heard.has_rows_of_database();
            if is_ours && revision == self.snapshot().revision() && !has_new_types {
                return Ok(false);
            }
            // A snapshot keeps no rows: where the types alone are new ones, they are read again as well.
            self.replace_rows(followed.store.load().await?);
            Ok(true)
        };
        let result = timeout(PATIENCE, asked).await.unwrap_or_else(|elapsed| {
            Err(Error::store(followed.store.name(), format!("no answer within {PATIENCE:?}"), elapsed))
        });
        followed.note(&result);
        self.present().tidy();
        result
    }

    /// Whether the folder of types has other files than the snapshot was compiled with.
    async fn has_new_types(&self) -> bool {
        if !self.inner().types.has_folder() {
            return false;
        }
        // Files may lie on a disk that is slow, or far away.
        let flags = self.clone();
        spawn_blocking(move || flags.inner().types.look()).await.unwrap_or_default()
    }

    /// Whether this process sees the present rows.
    #[must_use]
    pub fn status(&self) -> Status {
        let revision = self.snapshot().revision();
        match &self.inner().watch.followed {
            None => Status::of_memory(revision),
            Some(followed) => followed.heard.status(revision),
        }
    }

    /// What people call the database that is followed, without passwords; nothing for rows in memory.
    #[must_use]
    pub fn store_name(&self) -> Option<String> {
        self.inner().watch.followed.as_ref().map(|followed| followed.store.name())
    }

    /// What keeps the snapshot file, and the store that its rows come from.
    pub(crate) fn keeper(&self) -> Option<(&Keeper, &Arc<dyn ReadStore>)> {
        let followed = self.inner().watch.followed.as_ref()?;
        Some((followed.keeper.as_deref()?, &followed.store))
    }

    /// Whether the rows that answer now were read from the database.
    pub(crate) fn has_rows_of_database(&self) -> bool {
        self.inner().watch.followed.as_ref().is_some_and(|followed| followed.heard.has_rows_of_database())
    }
}

impl Followed {
    /// Writes down how it went, and tells of it when it goes otherwise than before.
    fn note(&self, result: &Result<bool>) {
        match result {
            Ok(_) => {
                if self.heard.confirm() {
                    tracing::info!(store = self.store.name(), "the database answers again");
                }
            }
            Err(error) => {
                if self.heard.fail(error.to_string()) {
                    tracing::error!(
                        store = self.store.name(),
                        "{error}; the last rows that were read answer"
                    );
                }
            }
        }
    }
}

/// Asks at each interval, until nobody holds the flags any more.
async fn follow(flags: Weak<Inner>, every: Duration) {
    // Without any pause a core would do nothing else; a millisecond is as good as none.
    let every = every.max(Duration::from_millis(1));
    let mut backoff = Backoff::new(every);
    let mut wait = every;
    loop {
        sleep(wait).await;
        let Some(inner) = flags.upgrade() else { return };
        wait = match Flags::from_inner(inner).refresh().await {
            Ok(_) => {
                backoff.reset();
                every
            }
            // It is noted and told by `refresh`; there is nobody else to tell.
            Err(error) => {
                tracing::debug!("{error}");
                backoff.next_wait().max(every)
            }
        };
    }
}

//! Follows the rows: asks for the revision, and when it is another one, reads the rows and swaps the snapshot.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    Error, Result,
    flags::{Flags, FlagsBuilder, Inner},
    rows::Revision,
    store::{self, ReadStore},
};

/// A database that says nothing for so long is taken for one that does not answer. Reading 100,000 flags takes
/// about a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// How following the rows goes; nothing for rows in memory, which nobody else changes.
#[derive(Default)]
pub(crate) struct State {
    followed: Option<Followed>,
}

struct Followed {
    store: Arc<dyn ReadStore>,
    heard: Mutex<Heard>,
}

struct Heard {
    /// When the database last answered.
    last: Instant,
    /// Why it has not since then, if it was asked.
    failure: Option<String>,
}

/// Whether a process sees the present rows.
#[derive(Clone, Debug)]
pub struct Status {
    /// The revision that answers are made from.
    pub revision: Revision,
    /// How long ago the database last confirmed that revision; nothing for rows in memory.
    pub age: Option<Duration>,
    /// Why the database does not answer, if it does not.
    pub failure: Option<String>,
}

impl FlagsBuilder {
    /// Flags from the database at a url, followed by a task of the present tokio runtime for as long as the flags
    /// are held.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`] for an address that this build of novi cannot use, and those of
    /// [`from_store`](Self::from_store).
    pub async fn connect(self, url: &str) -> Result<Flags> {
        let store = store::connect(url).await?;
        self.from_store(store).await
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
    /// [`Error::Store`] and [`Error::NotMigrated`] when the rows can not be read, and [`Error::DuplicateClass`] when two
    /// activation types claim one name.
    pub async fn from_store(self, store: Arc<dyn ReadStore>) -> Result<Flags> {
        let refresh = self.refresh;
        let rows = store.load().await?;
        let heard = Mutex::new(Heard { last: Instant::now(), failure: None });
        let state = State { followed: Some(Followed { store, heard }) };
        let flags = self.build(rows, state)?;
        tokio::spawn(follow(Arc::downgrade(flags.inner()), refresh));
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
            if revision == self.snapshot().revision() && !has_new_types {
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
            None => Status { revision, age: None, failure: None },
            Some(followed) => {
                let heard = followed.heard.lock().unwrap_or_else(PoisonError::into_inner);
                Status { revision, age: Some(heard.last.elapsed()), failure: heard.failure.clone() }
            }
        }
    }
}

impl Followed {
    /// Writes down how it went, and tells of it when it goes otherwise than before.
    fn note(&self, result: &Result<bool>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => {
                heard.last = Instant::now();
                if heard.failure.take().is_some() {
                    tracing::info!(store = self.store.name(), "the database answers again");
                }
            }
            Err(error) => {
                if heard.failure.replace(error.to_string()).is_none() {
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
    // An interval of zero would panic; a millisecond is as good as none.
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(inner) = flags.upgrade() else { return };
        // What failed is noted and told by `refresh`; there is nobody else to tell.
        if let Err(error) = Flags::from_inner(inner).refresh().await {
            tracing::debug!("{error}");
        }
    }
}

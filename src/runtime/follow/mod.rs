//! Follows the rows: hears of changes or asks for the revision, reads what has changed, and swaps the snapshot.

pub(crate) mod follower;
pub(crate) mod part_rows;
pub(crate) mod subscription;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, broadcast},
    task::spawn_blocking,
    time::{sleep, timeout},
};

use follower::{Follower, Seen};
pub(crate) use follower::{State, load};
pub use subscription::{Changes, Subscription};

use crate::{
    error::{Error, Result},
    flags::{Flags, FlagsBuilder, Inner},
    rows::Revision,
    runtime::{
        status::{Heard, Status},
        tasks::snapshot_file::Keeper,
    },
    store::{self, BoxFuture, Hints, LazyStore, ReadStore, backoff::Backoff},
};

/// A database that says nothing for so long is taken for one that does not answer. Reading 100,000 flags takes
/// about a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Where changes are told of, the revision is asked for so often all the same: a connection that is dead tells nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long a write is waited for before the database is asked again.
const AGAIN: Duration = Duration::from_millis(10);

/// How following the rows goes; nothing for rows in memory, which nobody else changes.
pub(crate) struct Watch {
    followed: Option<Followed>,
    changes: broadcast::Sender<Arc<Changes>>,
}

struct Followed {
    store: Arc<dyn ReadStore>,
    heard: Heard,
    /// If the rows are kept in a file.
    keeper: Option<Arc<Keeper>>,
    /// Held by whoever looks at the database, so that an older state never takes the place of a newer one.
    follower: AsyncMutex<Follower>,
    hints: Arc<Hints>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        // Wakes the task that follows, which then finds that the flags are gone.
        self.hints.hint();
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self { followed: None, changes: broadcast::Sender::new(subscription::WAITING) }
    }
}

impl Watch {
    fn store(&self) -> Option<Arc<dyn ReadStore>> {
        self.followed.as_ref().map(|followed| Arc::clone(&followed.store))
    }
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
            Err(error) if self.upkeep.has_file() && store::is_transient(&error) => {
                self.from_store(Arc::new(LazyStore::new(url))).await
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
    /// [refuse](crate::rows::expired::Expired::Refuse) the start, and [`Error::DuplicateClass`] when two activation types claim one name.
    pub async fn from_store(self, store: Arc<dyn ReadStore>) -> Result<Flags> {
        let refresh = self.refresh;
        let upkeep = self.upkeep.clone();
        let (rows, state, heard) = upkeep.first_rows(&*store).await?;
        let (keeper, hints) = (upkeep.keeper(), Arc::new(Hints::default()));
        let watched = Followed {
            store: Arc::clone(&store),
            heard,
            keeper: keeper.clone(),
            follower: AsyncMutex::default(),
            hints: Arc::clone(&hints),
        };
        let flags = self.build(rows, Watch { followed: Some(watched), ..Watch::default() })?;
        upkeep.check_expired(&flags)?;
        if let Some(followed) = &flags.inner().watch.followed {
            *followed.follower.lock().await = Follower::start(&flags, state);
        }
        let told = store.hints(Arc::clone(&hints), refresh);
        tokio::spawn(follow(Arc::downgrade(flags.inner()), hints, told, refresh));
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
        self.look(false).await
    }

    /// As [`refresh`](Self::refresh), and finds changes that raised no revision as well, which happens by itself once a
    /// minute: on MySQL no trigger sees TRUNCATE, nor what a foreign key's cascade deletes.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    pub async fn sweep(&self) -> Result<bool> {
        self.look(true).await
    }

    async fn look(&self, sweep: bool) -> Result<bool> {
        let Some(followed) = &self.inner().watch.followed else { return Ok(false) };
        let asked = async {
            let mut looker = followed.follower.lock().await;
            // A snapshot keeps no rows: where the types alone are new ones, they are read again as well.
            // What a file or nobody gave has a revision that tells nothing.
            let anew = self.has_new_types().await | !followed.heard.has_rows_of_database();
            let seen = looker.look(self, &*followed.store, anew, sweep).await?;
            if let Seen::New(changes) = seen {
                // Nobody need be listening. With the lock held, so that changes are told in their order.
                let _ = self.inner().watch.changes.send(Arc::new(changes));
                return Ok(true);
            }
            Ok(false)
        };
        let result = timeout(PATIENCE, asked).await.unwrap_or_else(|elapsed| {
            Err(Error::store(followed.store.name(), format!("no answer within {PATIENCE:?}"), elapsed))
        });
        followed.note(&result);
        self.present().tidy();
        result
    }

    /// Waits until the flags answer by a revision that a write gave, or by a later one: whoever has written reads what he
    /// wrote.
    ///
    /// # Errors
    /// [`Error::Store`] when the database does not answer, or does not have the revision within ten seconds, as a replica
    /// that is far behind.
    pub async fn refresh_to(&self, revision: Revision) -> Result<()> {
        let Some(followed) = &self.inner().watch.followed else { return Ok(()) };
        let reached = async {
            loop {
                self.refresh().await?;
                if self.snapshot().revision().number() >= revision.number() {
                    return Ok(());
                }
                sleep(AGAIN).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap_or_else(|elapsed| {
            let action = format!("the database has not reached revision {revision} within {PATIENCE:?}");
            Err(Error::store(followed.store.name(), action, elapsed))
        })
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

    /// The database that is followed; nothing for rows in memory.
    #[must_use]
    pub fn store(&self) -> Option<Arc<dyn ReadStore>> {
        self.inner().watch.store()
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

/// Looks at the database at each hint and each interval, until nobody holds the flags any more.
async fn follow(
    flags: Weak<Inner>,
    hints: Arc<Hints>,
    told: Option<BoxFuture<'static, ()>>,
    every: Duration,
) {
    let _told = told.map(|told| AbortOnDrop(tokio::spawn(told)));
    // Without any pause it would do nothing else.
    let every = every.max(Duration::from_millis(1));
    let mut backoff = Backoff::new(every);
    let mut failed = false;
    loop {
        let hinted = if failed {
            // Not at a hint: who can not be reached tells nothing, and what tells by itself would be asked all the time.
            sleep(backoff.next_wait().max(every)).await;
            false
        } else {
            hints.wait(if hints.are_reliable() { every.max(HEARTBEAT) } else { every }).await
        };
        let Some(inner) = flags.upgrade() else { return };
        match Flags::from_inner(inner).refresh().await {
            Ok(is_new) => {
                backoff.reset();
                if is_new && !hinted && !failed {
                    hints.doubt();
                }
                failed = false;
            }
            // What failed is noted and told by `refresh`; there is nobody else to tell.
            Err(error) => {
                failed = true;
                tracing::debug!("{error}");
            }
        }
    }
}

/// A task that ends with what holds this.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

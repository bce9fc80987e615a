//! Follows the rows: hears of changes or asks for the revision, reads what has changed, and swaps the snapshot.

mod changes;
mod follower;
mod part;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex as AsyncMutex, broadcast},
    task::spawn_blocking,
    time::timeout,
};

pub use changes::{Changes, Subscription};
use follower::{Follower, Seen};

use crate::{
    Error, Result,
    flags::{Flags, FlagsBuilder, Inner},
    rows::Revision,
    store::{self, BoxFuture, Hints, ReadStore},
};

/// A database that says nothing for so long is taken for one that does not answer. Reading 100,000 flags takes
/// about a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where changes are told of, the revision is asked for so often all the same: a connection that is dead tells nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The longest pause while the database does not answer. Whoever waits for it to come back notices no more than that.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long a write is waited for before the database is asked again.
const AGAIN: Duration = Duration::from_millis(10);

/// How following the rows goes; nothing for rows in memory, which nobody else changes.
pub(crate) struct State {
    followed: Option<Followed>,
    changes: broadcast::Sender<Arc<Changes>>,
}

struct Followed {
    store: Arc<dyn ReadStore>,
    heard: Mutex<Heard>,
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

impl Default for State {
    fn default() -> Self {
        Self { followed: None, changes: broadcast::Sender::new(changes::WAITING) }
    }
}

impl State {
    fn store(&self) -> Option<Arc<dyn ReadStore>> {
        self.followed.as_ref().map(|followed| Arc::clone(&followed.store))
    }
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
        let (rows, state) = follower::load(&*store).await?;
        let hints = Arc::new(Hints::default());
        let heard = Mutex::new(Heard { last: Instant::now(), failure: None });
        let (follower, told) = (AsyncMutex::default(), store.hints(Arc::clone(&hints), refresh));
        let watched = Followed { store, heard, follower, hints: Arc::clone(&hints) };
        let flags = self.build(rows, State { followed: Some(watched), ..State::default() })?;
        if let Some(followed) = &flags.inner().watch.followed {
            *followed.follower.lock().await = Follower::start(&flags, state);
        }
        tokio::spawn(follow(Arc::downgrade(flags.inner()), hints, told, refresh));
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
            let anew = self.has_new_types().await;
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
                tokio::time::sleep(AGAIN).await;
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
    let mut failures = 0_u32;
    loop {
        let pause = if failures > 0 {
            backoff(every, failures)
        } else if hints.are_reliable() {
            every.max(HEARTBEAT)
        } else {
            every
        };
        let hinted = hints.wait(pause).await;
        let Some(inner) = flags.upgrade() else { return };
        match Flags::from_inner(inner).refresh().await {
            Ok(is_new) => {
                failures = 0;
                if is_new && !hinted {
                    hints.doubt();
                }
            }
            // What failed is noted and told by `refresh`; there is nobody else to tell.
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::debug!("{error}");
            }
        }
    }
}

/// A pause after failures: twice as long each time up to [`LONGEST_PAUSE`], and another one in each process, so that a
/// server that comes back is not asked by all at once.
fn backoff(every: Duration, failures: u32) -> Duration {
    let longest = every.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE.max(every));
    let random = u32::try_from(RandomState::new().build_hasher().finish() % 1000).unwrap_or_default();
    longest.mul_f64(0.5 + f64::from(random) / 2000.0)
}

/// A task that ends with what holds this.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

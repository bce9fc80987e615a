//! Follows the rows: notices changes, reads what has changed, and replaces the snapshot.

pub(crate) mod follower;
pub(crate) mod part_rows;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    sync::Mutex as AsyncMutex,
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{
    error::{Error, Result},
    rows::Revision,
    runtime::{
        answer_within::{DATABASE_TIMEOUT, answer_within},
        core::Core,
        status::{Connectivity, Status},
    },
    store::{BoxFuture, Hints, ReadStore, backoff::Backoff},
};
use follower::{Follower, RefreshOutcome, State};

/// Even where the database announces changes, its revision is read this often: a broken connection announces
/// nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The pause between two reads of the revision while [`Following::refresh_to`] waits for a write.
const REVISION_PAUSE: Duration = Duration::from_millis(10);

/// A database that is followed, and the core that it keeps up to date.
pub(crate) struct Following {
    core: Arc<Core>,
    store: Arc<dyn ReadStore>,
    connectivity: Connectivity,
    /// Locked during a refresh, so that an older state never replaces a newer one.
    follower: AsyncMutex<Follower>,
    hints: Arc<Hints>,
}

impl Drop for Following {
    fn drop(&mut self) {
        // Wakes the task that follows, which then ends.
        self.hints.hint();
    }
}

impl Following {
    /// Follows `store` from the rows on that `core` was compiled from, in a task of the current runtime,
    /// until the last reference to the result is dropped.
    pub(crate) fn start(
        core: Arc<Core>,
        store: Arc<dyn ReadStore>,
        state: Option<State>,
        connectivity: Connectivity,
        interval: Duration,
    ) -> Arc<Self> {
        let hints = Arc::new(Hints::default());
        let follower = Follower::start(&core, &store, state);
        let listener = store.hints(Arc::clone(&hints), interval);
        let (problems, is_repairable) = follower.problems();
        let problems = problems.to_vec();
        let follower = AsyncMutex::new(follower);
        let following = Self { core, store, connectivity, follower, hints: Arc::clone(&hints) };
        following.record_problems((&problems, is_repairable));
        let following = Arc::new(following);
        tokio::spawn(follow(Arc::downgrade(&following), hints, listener, interval));
        following
    }

    pub(crate) fn store(&self) -> &Arc<dyn ReadStore> {
        &self.store
    }

    pub(crate) fn status(&self) -> Status {
        self.connectivity.status(self.core.snapshot().revision())
    }

    /// Whether the current rows were read from the database, and not from a snapshot file.
    pub(crate) fn has_rows_of_database(&self) -> bool {
        self.connectivity.has_rows_of_database()
    }

    /// Reads the rows if their revision or the folder of activation types has changed; with `sweep` also
    /// finds changes that raised no revision. Returns `true` if anything changed.
    pub(crate) async fn refresh(&self, sweep: bool) -> Result<bool> {
        let request = async {
            let mut follower = self.follower.lock().await;
            // A snapshot keeps no rows, so new types need them again. And rows that did not come from the
            // database have a revision that says nothing about the database.
            let read_all = self.has_new_types().await | !self.has_rows_of_database();
            let outcome = follower.refresh(&self.core, &self.store, read_all, sweep).await?;
            self.record_problems(follower.problems());
            match outcome {
                RefreshOutcome::Unchanged => Ok(false),
                RefreshOutcome::Changed(changes) => {
                    // Under the lock, so that changes arrive in order.
                    self.core.announce(changes);
                    Ok(true)
                }
            }
        };
        let result = answer_within(DATABASE_TIMEOUT, &*self.store, request).await;
        self.record(&result);
        self.core.current().free_replaced();
        result
    }

    /// Refreshes until the current snapshot has this revision or a later one.
    pub(crate) async fn refresh_to(&self, revision: Revision) -> Result<()> {
        let reached = async {
            loop {
                self.refresh(false).await?;
                if self.core.snapshot().revision().number() >= revision.number() {
                    return Ok(());
                }
                sleep(REVISION_PAUSE).await;
            }
        };
        timeout(DATABASE_TIMEOUT, reached).await.unwrap_or_else(|elapsed| {
            let action =
                format!("the database has not reached revision {revision} within {DATABASE_TIMEOUT:?}");
            Err(Error::store(self.store.name(), action, elapsed))
        })
    }

    /// Whether the folder of activation types has changed since the snapshot was compiled.
    async fn has_new_types(&self) -> bool {
        if !self.core.types().has_folder() {
            return false;
        }
        // The files may be on a slow disk or a network share.
        let core = Arc::clone(&self.core);
        spawn_blocking(move || core.types().look()).await.unwrap_or_default()
    }

    /// Records what is wrong with the tables, and logs it when it has changed.
    fn record_problems(&self, (problems, is_repairable): (&[String], bool)) {
        let store = || self.store.name();
        match self.connectivity.set_problems(problems) {
            false => (),
            true if problems.is_empty() => tracing::info!(store = store(), "the tables are repaired"),
            true if !is_repairable => tracing::warn!(store = store(), "{}", problems.join("; ")),
            true => tracing::warn!(
                store = store(),
                "{}; run `novi migrate` to repair the tables. Until then, changes by plain SQL may take effect late and be \
                 missing in the history",
                problems.join("; ")
            ),
        }
    }

    /// Records whether the database answered, and logs the start and the end of an outage.
    fn record(&self, result: &Result<bool>) {
        match result {
            Ok(_) => {
                if self.connectivity.confirm() {
                    tracing::info!(store = self.store.name(), "the database is available again");
                }
            }
            Err(error) => {
                if self.connectivity.fail(error.to_string()) {
                    tracing::error!(
                        store = self.store.name(),
                        "{error}; flags are evaluated from the last rows that were read"
                    );
                }
            }
        }
    }
}

/// Refreshes at each hint and each interval, until `following` is dropped.
async fn follow(
    following: Weak<Following>,
    hints: Arc<Hints>,
    listener: Option<BoxFuture<'static, ()>>,
    interval: Duration,
) {
    let _listener = listener.map(|listener| AbortOnDrop(tokio::spawn(listener)));
    // Without any pause the task would occupy a core.
    let interval = interval.max(Duration::from_millis(1));
    let mut backoff = Backoff::new(interval);
    let mut failed = false;
    loop {
        let hinted = if failed {
            // Hints do not shorten the back-off: an unavailable database sends none, and a file's version may
            // change all the time.
            sleep(backoff.next_wait().max(interval)).await;
            false
        } else {
            hints.wait(if hints.are_reliable() { interval.max(HEARTBEAT) } else { interval }).await
        };
        let Some(following) = following.upgrade() else { return };
        match following.refresh(false).await {
            Ok(changed) => {
                backoff.reset();
                if changed && !hinted && !failed {
                    hints.doubt();
                }
                failed = false;
            }
            // Already recorded and logged by `refresh`.
            Err(error) => {
                failed = true;
                tracing::debug!("{error}");
            }
        }
    }
}

/// A task that is aborted when this is dropped.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

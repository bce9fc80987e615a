//! What subscribers hear.

use std::sync::Arc;

use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{flags::Flags, rows::Revision};

/// The rows are at another revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The present revision, at which flags answer by now.
    pub revision: Revision,
    /// The names of the flags whose own rows changed: status, metadata, links; or that are new, or gone. Sorted.
    pub changed: Vec<String>,
    /// The names of all flags whose answer may have changed: those of `changed`, those that need an activation that
    /// changed, and those that ask such a flag. Sorted.
    pub affected: Vec<String>,
    /// Whether all rows were read anew, so that what changed is not known and any flag may be affected. The lists are empty
    /// then.
    pub whole: bool,
}

/// Hears of changes, from when it was made; see [`Flags::subscribe`].
#[derive(Debug)]
pub struct Subscription {
    receiver: Receiver<Arc<Changes>>,
}

/// So many changes wait for a subscriber that is slow. Whoever misses some hears that any flag may have changed.
pub(super) const WAITING: usize = 64;

impl Subscription {
    /// The next change. Nothing when the flags are gone.
    pub async fn next(&mut self) -> Option<Arc<Changes>> {
        match self.receiver.recv().await {
            Ok(changes) => Some(changes),
            Err(RecvError::Closed) => None,
            Err(RecvError::Lagged(_)) => Some(self.catch_up()),
        }
    }

    /// What stands for all that was missed, and for what waits.
    fn catch_up(&mut self) -> Arc<Changes> {
        let mut revision = Revision::default();
        while let Ok(changes) = self.receiver.try_recv() {
            revision = changes.revision;
        }
        Arc::new(Changes { revision, whole: true, ..Changes::default() })
    }
}

impl Flags {
    /// Hears of each change of the rows, after the flags answer by it: a new revision, the names of the flags whose rows
    /// changed, and those whose answer may have changed. Nothing is heard of rows in memory, which nobody else changes.
    ///
    /// A flag with a window of time changes its answer when the window opens, with no change of rows.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription { receiver: self.inner().watch.changes.subscribe() }
    }
}

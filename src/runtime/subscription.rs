//! Notifications about changed rows.

use std::sync::Arc;

use tokio::sync::broadcast::{Receiver, Sender, error::RecvError};

use crate::rows::Revision;

/// The rows have reached another revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The revision that flags are evaluated at now.
    pub revision: Revision,
    /// Names of the flags whose own rows were added, changed or removed: status, metadata, links. Sorted.
    pub changed: Vec<String>,
    /// Names of all flags whose decision may differ now: those in `changed`, those that depend on a changed
    /// activation, and those that depend on such a flag. Sorted.
    pub affected: Vec<String>,
    /// Whether all rows were read again, so that any flag may be affected. Both lists are empty then.
    pub whole: bool,
}

/// A stream of [`Changes`]; see [`Flags::subscribe`](crate::Flags::subscribe).
#[derive(Debug)]
pub struct Subscription {
    receiver: Receiver<Arc<Changes>>,
}

/// Sends [`Changes`] to all subscriptions.
pub(crate) struct Announcer(Sender<Arc<Changes>>);

impl Announcer {
    /// How many changes are kept for a slow subscriber. One that misses more receives `whole` changes.
    const CAPACITY: usize = 64;

    pub(crate) fn subscribe(&self) -> Subscription {
        Subscription { receiver: self.0.subscribe() }
    }

    pub(crate) fn announce(&self, changes: Changes) {
        // Fails if there are no subscribers.
        let _ = self.0.send(Arc::new(changes));
    }
}

impl Default for Announcer {
    fn default() -> Self {
        Self(Sender::new(Self::CAPACITY))
    }
}

impl Subscription {
    /// Waits for the next change. Returns `None` once the flags are dropped.
    pub async fn next(&mut self) -> Option<Arc<Changes>> {
        match self.receiver.recv().await {
            Ok(changes) => Some(changes),
            Err(RecvError::Closed) => None,
            Err(RecvError::Lagged(_)) => Some(self.catch_up()),
        }
    }

    /// One change in place of all that were missed or are waiting.
    fn catch_up(&mut self) -> Arc<Changes> {
        let mut revision = Revision::default();
        while let Ok(changes) = self.receiver.try_recv() {
            revision = changes.revision;
        }
        Arc::new(Changes { revision, whole: true, ..Changes::default() })
    }
}

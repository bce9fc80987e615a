//! Hints that rows may have changed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

/// Hints from a store to the task that follows its rows.
#[derive(Debug, Default)]
pub struct Hints {
    hint: Notify,
    doubt: Notify,
    reliable: AtomicBool,
}

impl Hints {
    /// Signals that rows may have changed.
    pub fn hint(&self) {
        // Stored if nobody is waiting at this moment; several become one.
        self.hint.notify_one();
    }

    /// Sets whether each change is followed by a hint, so that frequent polling is not needed.
    pub fn set_reliable(&self, reliable: bool) {
        self.reliable.store(reliable, Ordering::Relaxed);
    }

    /// Whether each change is followed by a hint.
    #[must_use]
    pub fn are_reliable(&self) -> bool {
        self.reliable.load(Ordering::Relaxed)
    }

    /// Waits for a hint, and returns whether one came in time.
    pub async fn wait(&self, longest: Duration) -> bool {
        timeout(longest, self.hint.notified()).await.is_ok()
    }

    /// Signals that a change came without a hint.
    pub fn doubt(&self) {
        if self.reliable.swap(false, Ordering::Relaxed) {
            self.doubt.notify_one();
        }
    }

    /// Waits until a change came without a hint.
    pub async fn doubted(&self) {
        self.doubt.notified().await;
    }
}

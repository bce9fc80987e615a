//! What tells at once that rows may have changed.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

/// Where a store tells that rows may have changed, for whoever follows them.
#[derive(Debug, Default)]
pub struct Hints {
    hint: Notify,
    doubt: Notify,
    reliable: AtomicBool,
}

impl Hints {
    /// Tells that rows may have changed.
    pub fn hint(&self) {
        // Kept for who is not waiting at this moment; several become one.
        self.hint.notify_one();
    }

    /// Says whether changes are told of, so that nobody need look for them often.
    pub fn set_reliable(&self, reliable: bool) {
        self.reliable.store(reliable, Ordering::Relaxed);
    }

    /// Whether changes are told of.
    #[must_use]
    pub fn are_reliable(&self) -> bool {
        self.reliable.load(Ordering::Relaxed)
    }

    /// Waits for a hint, and gives whether there was one in time.
    pub async fn wait(&self, longest: Duration) -> bool {
        timeout(longest, self.hint.notified()).await.is_ok()
    }

    /// Says that a change came without a hint.
    pub fn doubt(&self) {
        if self.reliable.swap(false, Ordering::Relaxed) {
            self.doubt.notify_one();
        }
    }

    /// Waits until somebody doubts the hints.
    pub async fn doubted(&self) {
        self.doubt.notified().await;
    }
}

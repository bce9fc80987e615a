//! The shutdown of the server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

/// Whether the server is shutting down. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    /// Read on each request, which a lock of the channel would slow down.
    begun: Arc<AtomicBool>,
    sender: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { begun: Arc::default(), sender: Arc::new(watch::Sender::new(false)) }
    }
}

impl Shutdown {
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.sender.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Changes to `true` when the shutdown begins.
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.sender.subscribe()
    }
}

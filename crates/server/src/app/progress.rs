//! The progress of a request.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether a request's body is being read. On a timeout it decides between 408 and 503.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    reading: Arc<AtomicBool>,
}

impl Progress {
    pub(crate) fn set_reading(&self, reading: bool) {
        self.reading.store(reading, Ordering::Release);
    }

    pub(crate) fn is_reading(&self) -> bool {
        self.reading.load(Ordering::Acquire)
    }
}

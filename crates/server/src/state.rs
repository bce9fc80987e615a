//! What the handlers share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use novi::Flags;

use crate::Options;

/// Cheap to clone: one for each request.
#[derive(Clone)]
pub(crate) struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    flags: Flags,
    options: Options,
    closing: Closing,
}

impl AppState {
    pub(crate) fn new(flags: Flags, options: Options, closing: Closing) -> Self {
        Self { inner: Arc::new(Inner { flags, options, closing }) }
    }

    /// A request takes the snapshot once, so that its answer is of one revision (R11).
    pub(crate) fn flags(&self) -> &Flags {
        &self.inner.flags
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn closing(&self) -> &Closing {
        &self.inner.closing
    }
}

/// Whether the server is shutting down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closing(Arc<AtomicBool>);

impl Closing {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

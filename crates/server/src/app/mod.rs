//! The state that all handlers share, and what they take from it and from a request.

pub(crate) mod context_slot;
pub(crate) mod events;
pub(crate) mod extract;
pub(crate) mod limits;
pub(crate) mod metrics;
pub(crate) mod news;
pub(crate) mod observe;
pub(crate) mod progress;
pub(crate) mod rows;
pub(crate) mod shutdown;

use std::sync::Arc;

use novi::Flags;

use crate::{
    app::{events::Events, limits::Limits, metrics::Metrics, shutdown::Shutdown},
    options::Options,
};

/// The state of one server. Cheap to clone: each request has a clone.
#[derive(Clone)]
pub(crate) struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    flags: Flags,
    options: Options,
    shutdown: Shutdown,
    limits: Limits,
    events: Events,
    metrics: Metrics,
}

impl AppState {
    pub(crate) fn new(flags: Flags, options: Options, shutdown: Shutdown, metrics: Metrics) -> Self {
        let (limits, events) = (Limits::default(), Events::new(&options));
        Self { inner: Arc::new(Inner { flags, options, shutdown, limits, events, metrics }) }
    }

    /// A handler takes the snapshot once, so that its response is of one revision.
    pub(crate) fn flags(&self) -> &Flags {
        &self.inner.flags
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn shutdown(&self) -> &Shutdown {
        &self.inner.shutdown
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn events(&self) -> &Events {
        &self.inner.events
    }
}

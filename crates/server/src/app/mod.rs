//! The state that all handlers share, and what they take from it and from a request.

pub(crate) mod audience;
pub(crate) mod context_slot;
pub(crate) mod events;
pub(crate) mod extract;
pub(crate) mod limits;
pub(crate) mod metrics;
pub(crate) mod news;
pub(crate) mod noticed;
pub(crate) mod observe;
pub(crate) mod progress;
pub(crate) mod rows;
pub(crate) mod sample;
pub(crate) mod shutdown;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use novi::{
    Context, Decision, Flags,
    snapshot::{Filter, Snapshot},
};

use crate::{
    app::{
        events::Events, limits::Limits, metrics::Metrics, noticed::Noticed, sample::ContextSample,
        shutdown::Shutdown,
    },
    http::error::ApiError,
    options::Options,
};

/// A longer time would overflow the clock.
const LONGEST: Duration = Duration::from_hours(24);

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
    sample: ContextSample,
    noticed: Noticed,
}

impl AppState {
    pub(crate) fn new(flags: Flags, options: Options, shutdown: Shutdown, metrics: Metrics) -> Self {
        let (limits, events) = (Limits::new(&options), Events::new(&options));
        let (sample, noticed) = (ContextSample::new(&options), Noticed::default());
        Self { inner: Arc::new(Inner { flags, options, shutdown, limits, events, metrics, sample, noticed }) }
    }

    /// A handler takes the snapshot once, so that its response is of one revision.
    pub(crate) fn flags(&self) -> &Flags {
        &self.inner.flags
    }

    /// The decisions for all flags.
    ///
    /// # Errors
    /// 503 if it takes too long.
    pub(crate) fn evaluate_all<'a>(
        &self,
        snapshot: &'a Snapshot,
        context: &Context<'_>,
    ) -> Result<Vec<Decision<&'a Snapshot>>, ApiError> {
        let limit = self.options().evaluation_timeout;
        let deadline = Instant::now() + limit.min(LONGEST);
        let decisions = snapshot.evaluate_until(deadline, Filter::All, context);
        decisions.ok_or_else(|| ApiError::evaluation_timeout(limit))
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

    pub(crate) fn sample(&self) -> &ContextSample {
        &self.inner.sample
    }

    pub(crate) fn noticed(&self) -> &Noticed {
        &self.inner.noticed
    }

    pub(crate) fn events(&self) -> &Events {
        &self.inner.events
    }
}

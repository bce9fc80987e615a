//! What the handlers share.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use novi::Flags;
use tokio::sync::watch;

use crate::{Options, access::Counts, events::Events, metrics::Metrics, ofrep, router::endpoints};

/// Cheap to clone: one for each request.
#[derive(Clone)]
pub(crate) struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    flags: Flags,
    options: Options,
    closing: Closing,
    counts: Counts,
    events: Events,
    metrics: Metrics,
    /// Where the metrics have the two routes of evaluation.
    evaluations: (usize, usize),
}

impl AppState {
    pub(crate) fn new(flags: Flags, options: Options, closing: Closing) -> Self {
        let events = Events::new(&options);
        let metrics = Metrics::new(&endpoints());
        let evaluations = (metrics.place("POST", ofrep::SINGLE_PATH), metrics.place("POST", ofrep::PATH));
        Self {
            inner: Arc::new(Inner {
                flags,
                options,
                closing,
                counts: Counts::default(),
                events,
                metrics,
                evaluations,
            }),
        }
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

    pub(crate) fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Where the metrics have the route of one flag, or that of all.
    pub(crate) fn place_of_evaluation(&self, one: bool) -> usize {
        if one { self.inner.evaluations.0 } else { self.inner.evaluations.1 }
    }

    pub(crate) fn events(&self) -> &Events {
        &self.inner.events
    }
}

/// Whether the server is shutting down.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    /// Asked on each request.
    begun: Arc<AtomicBool>,
    told: Arc<watch::Sender<bool>>,
}

impl Default for Closing {
    fn default() -> Self {
        Self { begun: Arc::default(), told: Arc::new(watch::Sender::new(false)) }
    }
}

impl Closing {
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Release);
        self.told.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// Hears of it: it is true then.
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.told.subscribe()
    }
}

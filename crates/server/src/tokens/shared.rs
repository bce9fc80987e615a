//! What clones of [`Tokens`](crate::tokens::Tokens) and their tasks share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::tokens::{index::TokenIndex, last_used::LastUsed};

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) index: ArcSwap<TokenIndex>,
    pub(crate) last_used: Arc<LastUsed>,
    pub(crate) requests: RefreshRequests,
}

/// Requests to read the tokens now.
pub(crate) struct RefreshRequests {
    made: AtomicU64,
    wake: Notify,
    /// The number of requests that had been made when the last completed refresh began.
    served: watch::Sender<u64>,
}

impl Default for RefreshRequests {
    fn default() -> Self {
        Self { made: AtomicU64::new(0), wake: Notify::new(), served: watch::Sender::new(0) }
    }
}

impl RefreshRequests {
    /// How long a request waits for the database.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Waits for a refresh that begins after this call. Returns whether there was one.
    pub(crate) async fn refresh(&self) -> bool {
        let mine = self.made.fetch_add(1, Ordering::AcqRel) + 1;
        let mut served = self.served.subscribe();
        self.wake.notify_one();
        let done = timeout(Self::PATIENCE, served.wait_for(|served| *served >= mine)).await;
        done.is_ok_and(|served| served.is_ok())
    }

    /// Waits until there is a request.
    pub(crate) async fn requested(&self) {
        self.wake.notified().await;
    }

    /// The requests that a refresh serves which begins now.
    pub(crate) fn begin(&self) -> u64 {
        self.made.load(Ordering::Acquire)
    }

    /// A refresh has ended.
    pub(crate) fn end(&self, begun: u64) {
        self.served.send_replace(begun);
    }
}

//! The hub of event streams.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use novi::Flags;
use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};

use crate::{
    app::news::{News, publish},
    options::{Options, signing::SigningKey},
};

/// What the event streams of one server share.
pub(crate) struct Events {
    key: SigningKey,
    news: OnceLock<watch::Sender<News>>,
    open: Arc<AtomicUsize>,
    /// Held while the database is queried on behalf of a client.
    catching_up: Mutex<()>,
}

impl Events {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            key: options.signing_key.clone().unwrap_or_else(SigningKey::random),
            news: OnceLock::new(),
            open: Arc::default(),
            catching_up: Mutex::default(),
        }
    }

    /// The key that signs the addresses of streams.
    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// How many streams are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// A slot for one stream. `None` if there are `most` already.
    pub(crate) fn take_slot(&self, most: usize) -> Option<Slot> {
        Slot::take(&self.open, most)
    }

    /// The news for one stream. The first stream starts the task that publishes them.
    pub(crate) fn subscribe(&self, flags: &Flags) -> watch::Receiver<News> {
        let sender = self.news.get_or_init(|| {
            let (sender, _) = watch::channel(News::new(&flags.snapshot()));
            tokio::spawn(publish(flags.clone(), sender.clone()));
            sender
        });
        sender.subscribe()
    }

    /// A client that evaluates again because of an event, possibly of another server, is not answered from
    /// older rows.
    pub(crate) async fn catch_up(&self, flags: &Flags, query: Option<&str>) {
        /// Longer than a query takes, and shorter than a client waits.
        const LONGEST: Duration = Duration::from_secs(1);
        let Some(query) = query else { return };
        let etag = query.split('&').find_map(|pair| pair.strip_prefix("flagConfigEtag="));
        let Some(revision) = etag.and_then(News::revision_of) else { return };
        let differs = || flags.snapshot().revision() != revision;
        if !differs() {
            return;
        }
        let refreshed = timeout(LONGEST, async {
            let _guard = self.catching_up.lock().await;
            if differs() { flags.refresh().await } else { Ok(false) }
        });
        // On an error the response is made from the current snapshot, as any other is.
        match refreshed.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!("could not refresh the rows for an event: {error}"),
            Err(_) => tracing::debug!("could not refresh the rows for an event within {LONGEST:?}"),
        }
    }
}

/// An open stream, counted until it is dropped.
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(open: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let before = open.fetch_add(1, Ordering::Relaxed);
        let slot = Self(Arc::clone(open));
        (before < most).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_limited_and_free_again_when_dropped() {
        let open = Arc::default();
        let one = Slot::take(&open, 1).unwrap();
        assert!(Slot::take(&open, 1).is_none());
        drop(one);
        assert!(Slot::take(&open, 1).is_some());
        assert_eq!(open.load(Ordering::Relaxed), 0);
    }
}

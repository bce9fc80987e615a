//! The hub of event streams.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex as StdMutex, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
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
    open: Arc<OpenStreams>,
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
        self.open.all.load(Ordering::Relaxed)
    }

    /// How long the oldest stream has been open, and how many streams have not taken the newest event yet.
    pub(crate) fn ages(&self) -> (Option<Duration>, usize) {
        let newest = self.news.get().map_or(0, |news| news.borrow().number);
        let streams = self.open.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = streams.values().map(|stream| stream.since.elapsed()).max();
        let is_behind = |stream: &&Arc<Stream>| stream.taken.load(Ordering::Relaxed) != newest;
        (oldest, streams.values().filter(is_behind).count())
    }

    /// A slot for one stream, unless there are `most` already, or the client's network has as many as it may.
    pub(crate) fn take_slot(&self, most: usize, network: Option<(u128, usize)>) -> Result<Slot, Full> {
        Slot::take(&self.open, most, network)
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

/// How many streams are open.
#[derive(Default)]
struct OpenStreams {
    all: AtomicUsize,
    by_network: StdMutex<HashMap<u128, usize>>,
    /// Those that were accepted, by a number of their own.
    streams: StdMutex<HashMap<u64, Arc<Stream>>>,
    next: AtomicU64,
}

/// An open stream, as its status shows it.
struct Stream {
    since: Instant,
    /// The number of the last event that its client took.
    taken: AtomicU64,
}

/// Which limit rejects a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Server,
    Address,
}

/// An open stream, counted until it is dropped.
pub(crate) struct Slot {
    open: Arc<OpenStreams>,
    /// The client's network, once it is counted.
    network: Option<u128>,
    /// The stream and its number, once it is accepted.
    stream: Option<(u64, Arc<Stream>)>,
}

impl Slot {
    fn take(open: &Arc<OpenStreams>, most: usize, network: Option<(u128, usize)>) -> Result<Self, Full> {
        let before = open.all.fetch_add(1, Ordering::Relaxed);
        let mut slot = Self { open: Arc::clone(open), network: None, stream: None };
        if before >= most {
            return Err(Full::Server);
        }
        if let Some((network, most)) = network {
            if !open.count(network, most) {
                return Err(Full::Address);
            }
            slot.network = Some(network);
        }
        let number = open.next.fetch_add(1, Ordering::Relaxed);
        let stream = Arc::new(Stream { since: Instant::now(), taken: AtomicU64::new(0) });
        open.streams.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&stream));
        slot.stream = Some((number, stream));
        Ok(slot)
    }

    /// Notes that the client has taken an event.
    pub(crate) fn took(&self, news: &News) {
        if let Some((_, stream)) = &self.stream {
            stream.taken.store(news.number, Ordering::Relaxed);
        }
    }
}

impl OpenStreams {
    /// Counts a stream of a network, unless it has `most`.
    fn count(&self, network: u128, most: usize) -> bool {
        let mut networks = self.by_network.lock().unwrap_or_else(PoisonError::into_inner);
        match networks.entry(network) {
            Entry::Occupied(mut entry) if *entry.get() < most => *entry.get_mut() += 1,
            Entry::Vacant(entry) if most > 0 => drop(entry.insert(1)),
            _ => return false,
        }
        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.all.fetch_sub(1, Ordering::Relaxed);
        if let Some((number, _)) = &self.stream {
            self.open.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(number);
        }
        let Some(network) = self.network else { return };
        let mut networks = self.open.by_network.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = networks.entry(network) {
            match entry.get_mut() {
                0 | 1 => drop(entry.remove()),
                count => *count -= 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_limited_and_free_again_when_dropped() {
        let open = Arc::default();
        let one = Slot::take(&open, 1, None).unwrap();
        assert_eq!(Slot::take(&open, 1, None).err(), Some(Full::Server));
        drop(one);
        assert!(Slot::take(&open, 1, None).is_ok());
        assert_eq!(open.all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn slots_of_a_network_are_limited_and_forgotten_when_dropped() {
        let open = Arc::default();
        let take = |network| Slot::take(&open, 9, Some((network, 1)));
        let one = take(1).unwrap();
        assert_eq!(take(1).err(), Some(Full::Address));
        assert!(take(2).is_ok());
        drop(one);
        assert!(take(1).is_ok());
        assert!(open.by_network.lock().unwrap().is_empty() && open.streams.lock().unwrap().is_empty());
        assert_eq!(open.all.load(Ordering::Relaxed), 0);
    }
}

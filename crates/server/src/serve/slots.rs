//! How many connections may be open.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{auth::client_ip::network, http::peer::Peer, options::Options, serve::app::Scope};

/// When all others are open, so many further connections are accepted for health checks.
const RESERVED: usize = 16;

/// File descriptors that are not for connections: the database, files, logs.
const OTHER_FILES: usize = 64;

/// The most connections of health checks at an address of their own.
const MOST_HEALTH_CHECKS: usize = 64;

/// Slots of connections.
#[derive(Clone)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    reserved: Arc<Semaphore>,
    addresses: Arc<Addresses>,
}

/// The slot of one connection.
pub(crate) struct Slot {
    ticket: Ticket,
    _address: Option<AddressSlot>,
}

/// The right to accept a connection.
pub(crate) struct Ticket {
    scope: Scope,
    _permit: OwnedSemaphorePermit,
}

/// Open connections by the network of the client.
struct Addresses {
    most: usize,
    proxies: Vec<IpNet>,
    open: Mutex<HashMap<u128, usize>>,
    rejections: Rejections,
}

/// Connections that were closed because their networks had too many, counted for the log.
#[derive(Default)]
struct Rejections(Mutex<HashMap<u128, Rejected>>);

/// The connections of one network.
struct Rejected {
    logged: Instant,
    /// Those since then.
    count: u64,
}

impl Rejections {
    /// How often the rejections of one network are logged at most.
    const INTERVAL: Duration = Duration::from_mins(1);
    /// When there are this many networks, further ones are not logged.
    const MOST: usize = 1024;

    /// Counts a rejection. Returns how many to log, if it is time to.
    fn count(&self, network: u128, now: Instant) -> Option<u64> {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |logged: Instant| now.saturating_duration_since(logged) < Self::INTERVAL;
        if let Some(rejected) = networks.get_mut(&network) {
            rejected.count += 1;
            if is_recent(rejected.logged) {
                return None;
            }
            rejected.logged = now;
            return Some(mem::take(&mut rejected.count));
        }
        if networks.len() >= Self::MOST {
            networks.retain(|_, rejected| is_recent(rejected.logged));
        }
        if networks.len() >= Self::MOST {
            return None;
        }
        networks.insert(network, Rejected { logged: now, count: 0 });
        Some(1)
    }
}

/// How many connections may be open.
#[derive(Debug, PartialEq, Eq)]
struct Budget {
    all: usize,
    reserved: usize,
    /// At the address for health checks.
    health: usize,
}

impl Budget {
    /// The connections if the process may have `files` open files: each takes one.
    fn new(wanted: usize, health: usize, files: Option<usize>) -> Self {
        let Some(files) = files else { return Self { all: wanted, reserved: RESERVED, health } };
        let available = files.saturating_sub(OTHER_FILES).max(files / 2);
        let (reserved, health) = (RESERVED.min(available / 4), health.min(available / 4));
        let possible = (available - reserved - health).max(1);
        if possible < wanted {
            tracing::warn!(
                max_connections = possible,
                "the limit of {files} open files allows {possible} connections, not {wanted}; raise it with `ulimit -n`"
            );
        }
        Self { all: wanted.min(possible), reserved, health }
    }
}

struct AddressSlot {
    addresses: Arc<Addresses>,
    network: u128,
}

impl Slots {
    /// The slots of the server, and those of the address for health checks, if it has one.
    pub(crate) fn new(options: &Options) -> (Self, Self) {
        let health = if options.health_listen.is_some() { MOST_HEALTH_CHECKS } else { 0 };
        let budget = Budget::new(options.max_connections, health, file_limit());
        (Self::of(budget.all, budget.reserved, options), Self::of(budget.health, 0, options))
    }

    fn of(most: usize, reserved: usize, options: &Options) -> Self {
        let addresses = Addresses {
            most: match options.connections_per_address {
                0 => (most / 2).max(1),
                number => number,
            },
            proxies: options.trusted_proxies.clone(),
            open: Mutex::default(),
            rejections: Rejections::default(),
        };
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { all: semaphore(most), reserved: semaphore(reserved), addresses: Arc::new(addresses) }
    }

    /// The most connections of one address.
    pub(crate) fn per_address(&self) -> usize {
        self.addresses.most
    }

    /// Waits until a connection may be accepted.
    pub(crate) async fn next(&self) -> Option<Ticket> {
        let ticket = |scope| move |permit| Ticket { scope, _permit: permit };
        if let Ok(permit) = Arc::clone(&self.all).try_acquire_owned() {
            return Some(ticket(Scope::All)(permit));
        }
        let (all, reserved) = (Arc::clone(&self.all), Arc::clone(&self.reserved));
        tokio::select! {
            biased;
            permit = all.acquire_owned() => permit.ok().map(ticket(Scope::All)),
            permit = reserved.acquire_owned() => permit.ok().map(ticket(Scope::Health)),
        }
    }

    /// The slot for an accepted connection, or `None` if its address has too many.
    pub(crate) fn admit(&self, ticket: Ticket, Peer(address): Peer) -> Option<Slot> {
        let addresses = &self.addresses;
        if ticket.scope == Scope::Health || addresses.proxies.iter().any(|proxy| proxy.contains(&address)) {
            return Some(Slot { ticket, _address: None });
        }
        let network = network(address);
        let mut open = addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        if *count >= addresses.most {
            let limit = addresses.most;
            if let Some(closed) = addresses.rejections.count(network, Instant::now()) {
                tracing::warn!(
                    %address,
                    closed,
                    limit,
                    "closed connections of an address that has too many ([server] connections_per_address)"
                );
            }
            return None;
        }
        *count += 1;
        drop(open);
        let address = AddressSlot { addresses: Arc::clone(addresses), network };
        Some(Slot { ticket, _address: Some(address) })
    }
}

impl Slot {
    /// How long a connection for health checks may take to send its request.
    pub(crate) const RESERVED_TIMEOUT: Duration = Duration::from_secs(1);

    /// What the connection may ask for.
    pub(crate) fn scope(&self) -> Scope {
        self.ticket.scope
    }
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let mut open = self.addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = open.entry(self.network) {
            match entry.get_mut() {
                0 | 1 => drop(entry.remove()),
                count => *count -= 1,
            }
        }
    }
}

/// How many files the process may have open; `None` if that is not limited.
#[cfg(unix)]
fn file_limit() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.and_then(|files| usize::try_from(files).ok())
}

#[cfg(not(unix))]
fn file_limit() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn peer(address: &str) -> Peer {
        Peer(address.parse().unwrap())
    }

    #[test]
    fn connections_leave_files_for_the_database() {
        let budget = |wanted, health, files| {
            let Budget { all, reserved, health } = Budget::new(wanted, health, files);
            (all, reserved, health)
        };
        assert_eq!(budget(10_000, 64, None), (10_000, RESERVED, 64));
        assert_eq!(budget(10_000, 0, Some(1024)), (944, RESERVED, 0));
        assert_eq!(budget(100, 0, Some(1024)), (100, RESERVED, 0));
        // Together they leave files for the rest.
        assert_eq!(budget(10_000, 64, Some(1024)), (880, RESERVED, 64));
        assert_eq!(budget(100, 64, Some(64)), (16, 8, 8));
        assert_eq!(budget(100, 64, Some(0)), (1, 0, 0));
    }

    #[test]
    fn rejections_are_logged_once_a_minute_and_network_with_their_count() {
        let (rejections, start) = (Rejections::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(rejections.count(1, start), Some(1));
        assert_eq!([rejections.count(1, after(1)), rejections.count(1, after(59))], [None, None]);
        assert_eq!(rejections.count(2, after(59)), Some(1), "another network");
        assert_eq!(rejections.count(1, after(60)), Some(3));
        assert_eq!(rejections.count(1, after(61)), None);
        for network in 3..5000 {
            rejections.count(network, after(61));
        }
        assert_eq!(rejections.0.lock().unwrap().len(), Rejections::MOST);
        assert_eq!(rejections.count(9999, after(200)), Some(1), "those of long ago are dropped");
        assert_eq!(rejections.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn full_server_accepts_connections_for_health_checks() {
        let (slots, _) = Slots::new(&Options::default().max_connections(2).connections_per_address(9));
        let next = || slots.next().now_or_never().flatten();
        let scopes: Vec<_> = std::iter::from_fn(next).collect();
        assert_eq!(scopes.iter().filter(|ticket| ticket.scope == Scope::All).count(), 2);
        assert_eq!(scopes.iter().filter(|ticket| ticket.scope == Scope::Health).count(), RESERVED);
        drop(scopes);
        assert_eq!(next().unwrap().scope, Scope::All);
    }

    #[test]
    fn one_address_may_have_half_of_the_connections() {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let (slots, _) = Slots::new(&Options::default().max_connections(4).trusted_proxies(proxies));
        let admit = |address| slots.admit(slots.next().now_or_never().flatten().unwrap(), peer(address));
        let held = [admit("192.0.2.1"), admit("192.0.2.1")];
        assert!(held.iter().all(Option::is_some) && admit("192.0.2.1").is_none());
        assert!(admit("192.0.2.2").is_some());
        let admitted = [admit("10.0.0.1"), admit("10.0.0.1")];
        assert!(admitted.iter().all(Option::is_some), "a proxy has the connections of many clients");
        drop(held);
        assert!(slots.addresses.open.lock().unwrap().is_empty());
        assert!(admit("192.0.2.1").is_some());
    }
}

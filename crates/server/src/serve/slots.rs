//! How many connections may be open.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{auth::client_ip::network, http::peer::Peer, options::Options, serve::app::Scope};

/// When all others are open, so many further connections are accepted for health checks.
const RESERVED: usize = 16;

/// File descriptors that are not for connections: the database, files, logs.
const OTHER_FILES: usize = 64;

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
}

struct AddressSlot {
    addresses: Arc<Addresses>,
    network: u128,
}

impl Slots {
    pub(crate) fn new(options: &Options) -> Self {
        let most = Self::most(options.max_connections, file_limit());
        let addresses = Addresses {
            most: match options.connections_per_address {
                0 => (most / 2).max(1),
                number => number,
            },
            proxies: options.trusted_proxies.clone(),
            open: Mutex::default(),
        };
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { all: semaphore(most), reserved: semaphore(RESERVED), addresses: Arc::new(addresses) }
    }

    /// How many connections may be open if the process may have `files` open files: each takes one.
    fn most(wanted: usize, files: Option<usize>) -> usize {
        let Some(files) = files else { return wanted };
        let possible = files.saturating_sub(OTHER_FILES + RESERVED).max(files / 2).max(1);
        if possible < wanted {
            tracing::warn!(
                max_connections = possible,
                "the limit of {files} open files allows {possible} connections, not {wanted}; raise it with `ulimit -n`"
            );
        }
        wanted.min(possible)
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
            tracing::debug!("{address} has {count} open connections; closing a further one");
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
        assert_eq!(Slots::most(10_000, None), 10_000);
        assert_eq!(Slots::most(10_000, Some(1024)), 944);
        assert_eq!(Slots::most(100, Some(1024)), 100);
        assert_eq!([Slots::most(100, Some(64)), Slots::most(100, Some(0))], [32, 1]);
    }

    #[test]
    fn full_server_accepts_connections_for_health_checks() {
        let slots = Slots::new(&Options::default().max_connections(2).connections_per_address(9));
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
        let slots = Slots::new(&Options::default().max_connections(4).trusted_proxies(proxies));
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

//! The address of a client behind proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client. Each proxy appends the address of its own client to the header, so the list is
/// read from its end, up to the first address that is not a trusted proxy. A client can forge everything
/// before that.
pub(crate) fn client_ip(headers: &HeaderMap, peer: IpAddr, proxies: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut client = peer;
    let mut lists = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut list: Vec<&str> = Vec::new();
    while is_proxy(&client) {
        let Some(text) = list.pop() else {
            match lists.next().map(|value| value.to_str()) {
                Some(Ok(text)) => list = text.split(',').collect(),
                Some(Err(_)) | None => break,
            }
            continue;
        };
        let Some(address) = parse(text.trim()) else { break };
        client = address;
    }
    client
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text.parse().ok().or_else(bare).or_else(with_port)?;
    Some(IpAddr::to_canonical(&address))
}

/// The network of an address, by which requests are counted: a client with one IPv6 address has 2^64 of them.
pub(crate) fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => u128::from(address) & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ip_is_the_first_address_before_trusted_proxies() {
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        for (peer, lists, expected) in [
            // Not a proxy: the client has forged the header.
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.7 , 10.1.2.3"], "198.51.100.7"),
            ("10.0.0.1", &["203.0.113.9", ""], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.1.2.3"], "10.1.2.3"),
            ("10.0.0.1", &["10.1.2.3"], "10.1.2.3"),
            ("::1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("::1", &["[2001:db8::1]"], "2001:db8::1"),
            ("::1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        ] {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(FORWARDED_FOR, list.parse().unwrap());
            }
            let found = client_ip(&headers, peer.parse().unwrap(), &proxies);
            assert_eq!(found.to_string(), expected, "{peer} {lists:?}");
        }
    }

    #[test]
    fn ipv6_addresses_of_one_network_count_as_one_client() {
        let network_of = |text: &str| network(text.parse().unwrap());
        assert_eq!(network_of("2001:db8::1"), network_of("2001:db8::2"));
        assert_ne!(network_of("2001:db8::1"), network_of("2001:db8:0:1::1"));
        assert_ne!(network_of("192.0.2.1"), network_of("192.0.2.2"));
        assert_eq!(network_of("192.0.2.1"), network_of("::ffff:192.0.2.1"));
    }
}

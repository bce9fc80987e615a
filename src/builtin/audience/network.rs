//! Sets of networks.

use std::{fmt, net::IpAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A set of networks, sorted and merged, so that a lookup is a binary search.
#[derive(Debug)]
pub(in crate::builtin) struct Networks {
    texts: Box<[Box<str>]>,
    v4: Box<[Ipv4Net]>,
    v6: Box<[Ipv6Net]>,
}

/// The expected text, for messages.
pub(in crate::builtin) const EXPECTED: &str = "a network like \"10.0.0.0/8\" or an address";

impl Networks {
    pub(in crate::builtin) fn new(texts: Vec<Box<str>>, networks: &[IpNet]) -> Self {
        let v4: Vec<_> = networks
            .iter()
            .filter_map(|network| match network {
                IpNet::V4(network) => Some(*network),
                IpNet::V6(_) => None,
            })
            .collect();
        let v6: Vec<_> = networks
            .iter()
            .filter_map(|network| match network {
                IpNet::V6(network) => Some(*network),
                IpNet::V4(_) => None,
            })
            .collect();
        let (v4, v6) = (Ipv4Net::aggregate(&v4).into(), Ipv6Net::aggregate(&v6).into());
        Self { texts: texts.into(), v4, v6 }
    }

    /// Returns `true` if the text is an address in one of the networks. An IPv4 address may be written as
    /// IPv6 (`::ffff:10.0.0.1`).
    pub(in crate::builtin) fn contain(&self, text: &str) -> bool {
        match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => candidate(&self.v4, |network| network.network() <= address)
                .is_some_and(|network| network.contains(&address)),
            Ok(IpAddr::V6(address)) => candidate(&self.v6, |network| network.network() <= address)
                .is_some_and(|network| network.contains(&address)),
            Err(_) => false,
        }
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::builtin::audience::phrasing::quoted(f, &self.texts)
    }
}

/// The last network that starts at or before an address, which is the only one that can contain it.
fn candidate<N>(networks: &[N], starts_before: impl Fn(&N) -> bool) -> Option<&N> {
    networks.get(networks.partition_point(starts_before).checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use novi_match::network;
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        let networks: Vec<_> = texts.iter().map(|text| network::parse(text).unwrap()).collect();
        Networks::new(texts.iter().map(|text| (*text).into()).collect(), &networks)
    }

    #[test]
    fn addresses_are_found_in_their_networks() {
        let some = networks(&[
            "10.0.0.7/8",
            "10.1.0.0/16",
            "192.168.1.5",
            "2001:db8::/32",
            "::1",
            "::ffff:172.16.0.0/108",
        ]);
        for inside in [
            "10.0.0.0",
            "10.255.255.255",
            "192.168.1.5",
            "::ffff:10.1.2.3",
            "2001:db8::",
            "::1",
            "172.31.0.1",
        ] {
            assert!(some.contain(inside), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "11.0.0.0",
            "192.168.1.4",
            "2001:db9::",
            "::2",
            "172.32.0.0",
            "",
            "10.0.0",
            "fe80::1%eth0",
            "10.0.0.0/8",
            "010.0.0.1",
        ] {
            assert!(!some.contain(outside), "{outside}");
        }
        assert!(
            networks(&["0.0.0.0/0"]).contain("::ffff:8.8.8.8") && !networks(&["0.0.0.0/0"]).contain("::1")
        );
        assert!(networks(&["::/0"]).contain("ffff::") && !networks(&["::/0"]).contain("1.2.3.4"));
        assert!(!networks(&[]).contain("1.2.3.4"));
        let all = networks(&["0.0.0.0/0", "255.255.255.255", "::/0", "ffff::", "128.0.0.0/1"]);
        assert!(all.contain("0.0.0.0") && all.contain("255.255.255.255") && all.contain("::2"));
    }

    proptest! {
        #[test]
        fn merged_networks_contain_the_same_addresses(nets in prop::collection::vec((0_u32..64, 24_u32..=32), 0..6), address in 0_u32..64) {
            let at = |low: u32| std::net::Ipv4Addr::from_bits(0x0a00_0000 | low << 2);
            let texts: Vec<String> = nets.iter().map(|(low, prefix)| format!("{}/{prefix}", at(*low))).collect();
            let all = networks(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let address = at(address).to_string();
            prop_assert_eq!(all.contain(&address), texts.iter().any(|text| networks(&[text]).contain(&address)));
        }
    }
}

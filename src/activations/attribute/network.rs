//! IP addresses in networks.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// Networks, as ranges of addresses: sorted and apart from each other, so that long lists are searched by halving.
#[derive(Debug)]
pub(super) struct Networks {
    texts: Box<[Box<str>]>,
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

/// One network: its first and its last address.
#[derive(Clone, Copy, Debug)]
pub(in crate::activations) enum Network {
    V4(u32, u32),
    V6(u128, u128),
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address alone. Bits behind the prefix are passed over.
    pub(in crate::activations) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(digits(prefix)?)),
            None => (text, None),
        };
        match address.parse().ok()? {
            IpAddr::V4(address) => Self::v4(address.to_bits(), prefix.unwrap_or(32)),
            IpAddr::V6(address) => Self::v6(address, prefix.unwrap_or(128)),
        }
    }

    /// Whether the text is an address in this network; nothing if it is no address. An IPv4 address may be written as IPv6 has it.
    pub(in crate::activations) fn contains(self, text: &str) -> Option<bool> {
        Some(match (text.parse::<IpAddr>().ok()?.to_canonical(), self) {
            (IpAddr::V4(address), Self::V4(first, last)) => (first..=last).contains(&address.to_bits()),
            (IpAddr::V6(address), Self::V6(first, last)) => (first..=last).contains(&address.to_bits()),
            _ => false,
        })
    }

    fn v4(address: u32, prefix: u32) -> Option<Self> {
        let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
        (prefix <= 32).then_some(Self::V4(address & !host, address | host))
    }

    fn v6(address: Ipv6Addr, prefix: u32) -> Option<Self> {
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8: addresses are looked for in their own family alone.
        if let (Some(v4), Some(prefix)) = (address.to_ipv4_mapped(), prefix.checked_sub(96)) {
            return Self::v4(v4.to_bits(), prefix);
        }
        let (address, host) = (address.to_bits(), u128::MAX.checked_shr(prefix).unwrap_or(0));
        (prefix <= 128).then_some(Self::V6(address & !host, address | host))
    }
}

/// A prefix: digits alone, where the standard library would read a sign.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl Networks {
    pub(super) fn new(texts: Vec<Box<str>>, networks: &[Network]) -> Self {
        let v4 = networks.iter().filter_map(|network| match network {
            Network::V4(first, last) => Some((*first, *last)),
            Network::V6(..) => None,
        });
        let v6 = networks.iter().filter_map(|network| match network {
            Network::V6(first, last) => Some((*first, *last)),
            Network::V4(..) => None,
        });
        Self { texts: texts.into(), v4: merged(v4.collect()), v6: merged(v6.collect()) }
    }

    /// Whether the text is an address in one of the networks. An IPv4 address may be written as IPv6 has it.
    pub(super) fn contain(&self, text: &str) -> bool {
        match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => contains(&self.v4, address.to_bits()),
            Ok(IpAddr::V6(address)) => contains(&self.v6, address.to_bits()),
            Err(_) => false,
        }
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::words::texts(f, &self.texts)
    }
}

/// Sorted, and joined where they overlap.
fn merged<N: Copy + Ord>(mut ranges: Vec<(N, N)>) -> Box<[(N, N)]> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlap = next.0 <= kept.1;
        if overlap {
            kept.1 = kept.1.max(next.1);
        }
        overlap
    });
    ranges.into()
}

fn contains<N: Copy + Ord>(ranges: &[(N, N)], address: N) -> bool {
    let before = ranges.partition_point(|(first, _)| *first <= address);
    before.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| address <= *last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        let networks: Vec<_> = texts.iter().map(|text| Network::parse(text).unwrap()).collect();
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
    }

    #[test]
    fn what_is_no_network() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "host",
            "::ffff:1.2.3.4/129",
            "1.2.3.4/99999999999",
        ] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn merged_networks_hold_what_each_holds(nets in prop::collection::vec((0_u32..64, 24_u32..=32), 0..6), address in 0_u32..64) {
            let at = |low: u32| std::net::Ipv4Addr::from_bits(0x0a00_0000 | low << 2);
            let texts: Vec<String> = nets.iter().map(|(low, prefix)| format!("{}/{prefix}", at(*low))).collect();
            let all = networks(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let address = at(address).to_string();
            prop_assert_eq!(all.contain(&address), texts.iter().any(|text| networks(&[text]).contain(&address)));
        }
    }
}

//! IP addresses in networks.

use std::{fmt, net::IpAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks: sorted and apart from each other, so that long lists are searched by halving.
#[derive(Debug)]
pub(in crate::builtin) struct Networks {
    texts: Box<[Box<str>]>,
    v4: Box<[Ipv4Net]>,
    v6: Box<[Ipv6Net]>,
}

/// What is read, for messages.
pub(in crate::builtin) const EXPECTED: &str = "a network like \"10.0.0.0/8\" or an address";

/// One network.
#[derive(Clone, Copy, Debug)]
pub(in crate::builtin) struct Network(IpNet);

impl Network {
    pub(in crate::builtin) fn parse(text: &str) -> Option<Self> {
        parse(text).map(Self)
    }

    /// Whether the text is an address in this network; nothing if it is no address. An IPv4 address may be written as IPv6 has it.
    pub(in crate::builtin) fn contains(self, text: &str) -> Option<bool> {
        let address = text.parse::<IpAddr>().ok()?.to_canonical();
        Some(self.0.contains(&address))
    }
}

/// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address alone. Bits behind the prefix are passed over.
pub(in crate::builtin) fn parse(text: &str) -> Option<IpNet> {
    let network = match text.parse() {
        Ok(network) => network,
        // The crate asks for a prefix.
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    if let IpNet::V6(v6) = network {
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8: addresses are looked for in their own family alone.
        if let (Some(v4), Some(prefix)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
            return Ipv4Net::new(v4, prefix).ok().map(IpNet::V4);
        }
    }
    Some(network)
}

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

    /// Whether the text is an address in one of the networks. An IPv4 address may be written as IPv6 has it.
    pub(in crate::builtin) fn contain(&self, text: &str) -> bool {
        match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => holder(&self.v4, |network| network.network() <= address)
                .is_some_and(|network| network.contains(&address)),
            Ok(IpAddr::V6(address)) => holder(&self.v6, |network| network.network() <= address)
                .is_some_and(|network| network.contains(&address)),
            Err(_) => false,
        }
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::builtin::audience::phrasing::texts(f, &self.texts)
    }
}

/// The last network that starts no later than an address: if one holds it, it is this.
fn holder<N>(networks: &[N], starts_before: impl Fn(&N) -> bool) -> Option<&N> {
    networks.get(networks.partition_point(starts_before).checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        let networks: Vec<_> = texts.iter().map(|text| parse(text).unwrap()).collect();
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
            assert!(parse(text).is_none(), "{text}");
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

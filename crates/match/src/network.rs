//! IP addresses and networks.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// A network, or a single address.
#[derive(Clone, Copy, Debug)]
pub struct Network(IpNet);

impl Network {
    /// Parses `10.0.0.0/8`, `2001:db8::/32`, or an address alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse(text).map(Self)
    }

    /// Returns `true` if the text is an address in this network, and `None` if it is not an address. An IPv4
    /// address may be written as IPv6 (`::ffff:10.0.0.1`).
    #[must_use]
    pub fn contains(self, text: &str) -> Option<bool> {
        let address = text.parse::<IpAddr>().ok()?.to_canonical();
        Some(self.0.contains(&address))
    }
}

/// Parses `10.0.0.0/8`, `2001:db8::/32`, or an address alone. Bits behind the prefix are ignored.
#[must_use]
pub fn parse(text: &str) -> Option<IpNet> {
    let network = match text.parse() {
        Ok(network) => network,
        // `IpNet` requires a prefix.
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    if let IpNet::V6(v6) = network {
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8: addresses are compared within their own family.
        if let (Some(v4), Some(prefix)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
            return Ipv4Net::new(v4, prefix).ok().map(IpNet::V4);
        }
    }
    Some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_networks_are_rejected() {
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
}

//! The address to listen on.

use std::{fmt, net::SocketAddr};

use serde::{Deserializer, de};

const EXPECTED: &str = "an IP address and a port, such as 127.0.0.1:6684 or [::1]:6684";

/// Parses an address with a port. `localhost` or no host is the loopback address: `localhost:6684`, `:6684` and
/// `6684` are `127.0.0.1:6684`.
///
/// # Errors
/// What was expected.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok(local(port)),
        Err(_) => text.parse().map_err(|_| format!("expected {EXPECTED}")),
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Reads an address, or a port.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    struct Address;

    impl de::Visitor<'_> for Address {
        type Value = SocketAddr;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(EXPECTED)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<SocketAddr, E> {
            listen_address(text).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }

        fn visit_i64<E: de::Error>(self, port: i64) -> Result<SocketAddr, E> {
            let read = u16::try_from(port);
            read.map(local).map_err(|_| E::invalid_value(de::Unexpected::Signed(port), &self))
        }

        fn visit_u64<E: de::Error>(self, port: u64) -> Result<SocketAddr, E> {
            let read = u16::try_from(port);
            read.map(local).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(port), &self))
        }
    }

    deserializer.deserialize_any(Address)
}

//! The other end of a connection.

use std::net::IpAddr;

/// The address at the other end of the connection: a client or a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

//! Who has access to a server.

use std::{net::SocketAddr, path::Path};

use novi::Flags;
use novi_server::{Options, Tokens, tokens_beside};

use crate::output::Failure;

/// Who has access to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// Holders of a token.
    Tokens,
    /// Everyone on this machine, until the first token is created.
    Local,
    /// Everyone, until the first token is created.
    Public,
    /// Nobody, until the tokens have been loaded.
    Unknown,
}

impl Exposure {
    /// Follows the tokens of the flags' database, and determines who has access.
    ///
    /// # Errors
    /// If the address is public, there are no tokens, and `insecure` is not set.
    pub(super) async fn of_server(
        options: &mut Options,
        flags: &Flags,
        address: SocketAddr,
        insecure: bool,
        snapshot: Option<&Path>,
    ) -> Result<Self, Failure> {
        let is_local = address.ip().to_canonical().is_loopback();
        options.open = is_local || insecure;
        options.open_to_any_host = insecure;
        options.tokens = match flags.store() {
            Some(store) => {
                Tokens::follow_and_keep(store, Tokens::INTERVAL, snapshot.map(tokens_beside)).await
            }
            None => None,
        };
        // A store without tokens, such as a snapshot file, will never have any.
        let made = options.tokens.as_ref().map_or(Some(false), Tokens::made);
        match made {
            Some(true) => Ok(Self::Tokens),
            None => Ok(Self::Unknown),
            Some(false) if is_local => Ok(Self::Local),
            Some(false) if insecure => Ok(Self::Public),
            Some(false) => Err(Failure::rejected(format!(
                "{address} is a public address and no tokens exist, so anyone could change flags; create a token with `novi \
                 token create --role admin`, listen on 127.0.0.1, or allow full access with --insecure"
            ))),
        }
    }

    /// What to warn about. `command` starts `novi` with this server's database.
    pub(super) fn warning(self, command: &str) -> Option<String> {
        let access = match self {
            Self::Tokens => return None,
            Self::Unknown => return Some("requests are rejected until tokens have been loaded".to_owned()),
            Self::Local => "every local user has full access",
            Self::Public => "because of --insecure, everyone who can reach this address has full access",
        };
        Some(format!("no tokens exist: {access}; create one with `{command} token create --role admin`"))
    }
}

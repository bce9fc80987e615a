//! Who gets into a server that is started.

use std::{net::SocketAddr, path::Path};

use novi::Flags;
use novi_server::{Options, Tokens, tokens_beside};

use crate::failure::Failure;

/// Who gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Who has a token.
    Guarded,
    /// Anybody on this computer, as long as no token is made.
    Local,
    /// Anybody at all, as long as no token is made.
    Open,
    /// Nobody until the database tells which tokens there are.
    Unknown,
}

impl Door {
    /// Follows the tokens of the flags' database, and says who gets in.
    pub(super) async fn open(
        options: &mut Options,
        flags: &Flags,
        address: SocketAddr,
        insecure: bool,
        snapshot: Option<&Path>,
    ) -> Result<Self, Failure> {
        let is_local = address.ip().to_canonical().is_loopback();
        options.open = is_local || insecure;
        options.tokens = match flags.store() {
            Some(store) => {
                Tokens::follow_and_keep(store, Tokens::INTERVAL, snapshot.map(tokens_beside)).await
            }
            None => None,
        };
        // A snapshot file keeps no tokens: nobody can ever have one.
        let made = options.tokens.as_ref().map_or(Some(false), Tokens::made);
        match made {
            Some(true) => Ok(Self::Guarded),
            None => Ok(Self::Unknown),
            Some(false) if is_local => Ok(Self::Local),
            Some(false) if insecure => Ok(Self::Open),
            Some(false) => Err(Failure::refused(format!(
                "{address} can be reached by others, and there are no tokens: anybody could change flags. Make one with `novi \
                 token create --role admin`, listen on 127.0.0.1, or let everybody do everything with --insecure"
            ))),
        }
    }

    /// What there is to say of it.
    pub(super) fn warning(self) -> Option<&'static str> {
        match self {
            Self::Guarded => None,
            Self::Local => Some(
                "there are no tokens: anybody on this computer may do everything; `novi token create --role admin` makes one",
            ),
            Self::Open => Some(
                "there are no tokens, and this address can be reached by others: anybody may do everything, since --insecure says \
                 so; `novi token create --role admin` makes one",
            ),
            Self::Unknown => Some("nobody gets in until the database tells which tokens there are"),
        }
    }
}

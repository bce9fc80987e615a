//! The access rule of an endpoint.

use novi::store::token::Role;

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Every caller. A token is ignored.
    Public,
    /// Every caller. A token identifies the caller, and an invalid one is rejected.
    Optional,
    /// Callers with the token of metrics, or with a token of the role `server` or a higher one.
    Metrics,
    /// Holders of a token with this role or a higher one.
    Requires(Role),
}

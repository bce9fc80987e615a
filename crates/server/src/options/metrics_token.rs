//! The token with which Prometheus reads the metrics.

use std::fmt;

use novi::store::token::TokenHash;
use subtle::ConstantTimeEq as _;

/// A token that can only read the metrics.
#[derive(Clone)]
pub struct MetricsToken(TokenHash);

impl MetricsToken {
    /// The fewest bytes of a token.
    pub const SHORTEST: usize = 16;

    /// A token with this secret; `None` if it has fewer than [`SHORTEST`](Self::SHORTEST) bytes.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        (secret.len() >= Self::SHORTEST).then(|| Self(TokenHash::of(secret)))
    }

    pub(crate) fn is(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(TokenHash::of(presented).as_bytes()).into()
    }
}

impl fmt::Debug for MetricsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsToken")
    }
}

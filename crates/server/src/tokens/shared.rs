//! What clones of [`Tokens`](crate::tokens::Tokens) and their tasks share.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::tokens::{index::TokenIndex, last_used::LastUsed};

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) index: ArcSwap<TokenIndex>,
    pub(crate) last_used: Arc<LastUsed>,
}

//! The tokens as they were last read.

use std::{collections::HashMap, sync::Arc};

use novi::{store::StoredToken, token::TokenHash};
use subtle::ConstantTimeEq as _;

use super::{Token, kept::Kept, uses::LastUse};

/// The beginning of a hash. Who tries tokens learns from the time of a look-up no more than the beginning of a hash, of which the
/// secret can not be told.
type Start = [u8; 8];

/// All tokens, those that are not good any more, too, so that the log can say what they were.
#[derive(Default)]
pub(crate) struct Known {
    by_hash: HashMap<Start, Vec<Arc<Token>>>,
    by_id: HashMap<i64, Arc<Token>>,
    /// Whether any was ever made.
    pub(super) made: Option<bool>,
}

impl Known {
    /// The tokens that were read. What was known before keeps its notes of when it was used.
    pub(super) fn of(kept: Kept, before: &Self) -> Self {
        let made = kept.made || before.made == Some(true);
        let mut by_hash: HashMap<Start, Vec<_>> = HashMap::with_capacity(kept.tokens.len());
        let mut by_id = HashMap::with_capacity(kept.tokens.len());
        for StoredToken { row, hash } in kept.tokens {
            let last = before.find(&hash).map(|token| token.used.get());
            let token = Token {
                id: row.id,
                name: row.name,
                role: row.role,
                subject: row.subject,
                hash,
                expires_at: row.expires_at,
                revoked: row.revoked_at.is_some(),
                used: LastUse::new(last.or_else(|| Some(row.last_used_at?.timestamp()))),
            };
            let token = Arc::new(token);
            by_id.insert(token.id, Arc::clone(&token));
            by_hash.entry(start(&hash)).or_default().push(token);
        }
        Self { by_hash, by_id, made: Some(made) }
    }

    pub(super) fn with_id(&self, id: i64) -> Option<&Arc<Token>> {
        self.by_id.get(&id)
    }

    /// The token with this hash; all of it is compared, in a time that does not tell how much of it is the same.
    pub(super) fn find(&self, hash: &TokenHash) -> Option<&Arc<Token>> {
        let alike = self.by_hash.get(&start(hash))?;
        alike.iter().find(|token| bool::from(token.hash.as_bytes().ct_eq(hash.as_bytes())))
    }
}

fn start(hash: &TokenHash) -> Start {
    let mut start = Start::default();
    start.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    start
}

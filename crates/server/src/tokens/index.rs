//! The tokens that were last read, by hash and by id.

use std::{collections::HashMap, sync::Arc};

use novi::store::{StoredToken, token::TokenHash};
use subtle::ConstantTimeEq as _;

use crate::tokens::{
    file::TokenFile,
    token::{LastUse, Token},
};

/// The beginning of a hash. The time of a lookup reveals at most this much of a hash, from which the secret
/// cannot be derived.
type Prefix = [u8; 8];

/// All tokens, including expired and revoked ones, which the log names.
#[derive(Default)]
pub(crate) struct TokenIndex {
    by_hash: HashMap<Prefix, Vec<Arc<Token>>>,
    by_id: HashMap<i64, Arc<Token>>,
    /// Whether any token was ever created. `None` until the tokens have been loaded.
    pub(crate) any_issued: Option<bool>,
}

impl TokenIndex {
    /// The index of the tokens that were read. The times of the last use are those of the previous index.
    pub(crate) fn new(read: TokenFile, previous: &Self) -> Self {
        let any_issued = read.any_issued || previous.any_issued == Some(true);
        let mut by_hash: HashMap<Prefix, Vec<_>> = HashMap::with_capacity(read.tokens.len());
        let mut by_id = HashMap::with_capacity(read.tokens.len());
        for StoredToken { row, hash } in read.tokens {
            let last_use = previous.find(&hash).map(|token| token.last_use.seconds());
            let token = Arc::new(Token {
                id: row.id,
                name: row.name,
                role: row.role,
                subject: row.subject,
                hash,
                expires_at: row.expires_at,
                revoked: row.revoked_at.is_some(),
                last_use: LastUse::new(last_use.or_else(|| Some(row.last_used_at?.timestamp()))),
            });
            by_id.insert(token.id, Arc::clone(&token));
            by_hash.entry(prefix(&hash)).or_default().push(token);
        }
        Self { by_hash, by_id, any_issued: Some(any_issued) }
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Arc<Token>> {
        self.by_id.get(&id)
    }

    /// The token with this hash. The whole hash is compared in constant time.
    pub(crate) fn find(&self, hash: &TokenHash) -> Option<&Arc<Token>> {
        let candidates = self.by_hash.get(&prefix(hash))?;
        candidates.iter().find(|token| bool::from(token.hash.as_bytes().ct_eq(hash.as_bytes())))
    }
}

fn prefix(hash: &TokenHash) -> Prefix {
    let mut prefix = Prefix::default();
    prefix.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    prefix
}

//! Tokens of the other system.

use std::collections::HashSet;

use novi::store::{NewToken, SchemaStore, token::Role};
use novi_import::features_service::Token;

use super::author::ACTOR;
use crate::{commands::token::token_store, output::Failure};

/// Creates the tokens that the database does not have, and returns how many. Revoked ones stay revoked.
pub(super) async fn create(
    store: &dyn SchemaStore,
    tokens: &[Token],
    is_dry_run: bool,
) -> Result<usize, Failure> {
    let store = token_store(store)?;
    let known: HashSet<_> = store.stored_tokens().await?.into_iter().map(|token| token.hash).collect();
    let new: Vec<NewToken> =
        tokens.iter().filter(|token| !known.contains(&token.hash)).map(of_user).collect();
    let count = new.len();
    if count > 0 && !is_dry_run {
        store.create_tokens(new).await?;
    }
    Ok(count)
}

/// A token that may evaluate exposed flags for its user.
fn of_user(token: &Token) -> NewToken {
    let hash = token.hash.to_string();
    let name = format!("{}-{}", Role::Client, hash.get(..16).unwrap_or_default());
    NewToken::with_hash(Role::Client, token.hash).name(name).subject(token.user.as_str()).created_by(ACTOR)
}

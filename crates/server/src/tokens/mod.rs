//! The tokens of those who call: known in memory, and followed as they change in the database.
//!
//! To look one up asks no database and waits for nobody, so that an unknown token is refused at once whether the database
//! answers or not.

mod follow;
mod kept;
mod known;
mod uses;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use novi::{
    store::ReadStore,
    token::{Role, TokenHash},
};

pub use self::kept::{export_tokens, tokens_beside};
use self::{known::Known, uses::Uses};

/// Who may call, by their tokens. Clones are cheap and know the same.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    known: ArcSwap<Known>,
    uses: Uses,
}

/// A token that is good.
#[derive(Debug)]
#[non_exhaustive]
pub struct Token {
    /// `novi_tokens.id`
    pub id: i64,
    /// What the history calls its holder.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// Whom it stands for; without one its holder speaks for anybody.
    pub subject: Option<String>,
    hash: TokenHash,
    expires_at: Option<DateTime<Utc>>,
    revoked: bool,
    used: uses::LastUse,
}

/// Why what a caller presents lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It never was a token, as far as the database tells.
    Unknown,
    /// It is a token that was revoked, or has expired. The log says which; whoever shows it is told what is told of an unknown one.
    NotGood,
    /// The database has not told yet which tokens there are.
    NotKnownYet,
}

impl Tokens {
    /// How often the database is asked whether tokens have changed: one that was revoked is refused within a second.
    pub const INTERVAL: Duration = Duration::from_millis(250);

    /// The longest that anybody presents as a token: what novi makes has 50 characters.
    const LONGEST: usize = 512;

    /// Reads the tokens, and follows them in tasks of the present tokio runtime until the last clone is gone. Where the database
    /// does not answer within some seconds nobody is known yet; it is asked again, and what was known before stays so.
    ///
    /// Gives nothing for a store that keeps no tokens.
    pub async fn follow(store: Arc<dyn ReadStore>, interval: Duration) -> Option<Self> {
        Self::follow_and_keep(store, interval, None).await
    }

    /// As [`follow`](Self::follow). What is known is kept in a file, and taken from it where the database does not answer at the
    /// start: then tokens are those of last time.
    pub async fn follow_and_keep(
        store: Arc<dyn ReadStore>,
        interval: Duration,
        file: Option<PathBuf>,
    ) -> Option<Self> {
        store.token_store()?;
        let inner = Arc::new(Inner { known: ArcSwap::default(), uses: Uses::default() });
        let mut follower = follow::Follower::new(Arc::downgrade(&inner), store, interval, file);
        let wait = follower.first_look(&inner).await;
        tokio::spawn(uses::write(Arc::downgrade(&inner), Arc::clone(follower.store())));
        tokio::spawn(follower.follow(wait));
        Some(Self { inner })
    }

    /// The token that somebody presents, if it is good now.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn authenticate(&self, presented: &str, now: DateTime<Utc>) -> Result<Arc<Token>, Refusal> {
        let known = self.inner.known.load();
        if known.made.is_none() {
            return Err(Refusal::NotKnownYet);
        }
        if presented.len() > Self::LONGEST {
            return Err(Refusal::Unknown);
        }
        let Some(token) = known.find(&TokenHash::of(presented)) else { return Err(Refusal::Unknown) };
        let (id, name) = (token.id, &token.name);
        if token.revoked {
            tracing::info!(token.id = id, token.name = name, "a token that was revoked is refused");
            return Err(Refusal::NotGood);
        }
        if token.expires_at.is_some_and(|end| end <= now) {
            tracing::info!(token.id = id, token.name = name, "a token that has expired is refused");
            return Err(Refusal::NotGood);
        }
        self.inner.uses.note(token, now);
        Ok(Arc::clone(token))
    }

    /// Whether the token with this id is good still, as far as is known.
    pub(crate) fn is_good(&self, id: i64, now: DateTime<Utc>) -> bool {
        let known = self.inner.known.load();
        let token = known.with_id(id);
        token.is_some_and(|token| !token.revoked && token.expires_at.is_none_or(|end| end > now))
    }

    /// Whether a token was ever made, be it revoked by now; nothing as long as the database has not told.
    #[must_use]
    pub fn made(&self) -> Option<bool> {
        self.inner.known.load().made
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("made", &self.made()).finish_non_exhaustive()
    }
}

//! The tokens of callers, in memory, followed as they change in the database.
//!
//! A lookup does no I/O, so that an invalid token is rejected at once, whether the database is available or
//! not.

pub(crate) mod file;
pub(crate) mod follower;
pub(crate) mod index;
pub(crate) mod last_used;
pub(crate) mod shared;
pub(crate) mod token;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use novi::store::{
    ReadStore,
    token::{Secret, TokenHash},
};

use crate::tokens::{follower::Follower, shared::Shared, token::Token};

/// The tokens by which callers authenticate. Clones are cheap and share them.
#[derive(Clone)]
pub struct Tokens {
    shared: Arc<Shared>,
}

/// Why a token is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It is not a token.
    Unknown,
    /// It was revoked, or has expired. The log says which; callers get the same message as for an unknown
    /// one.
    Invalid,
    /// The tokens have not been loaded yet.
    NotLoaded,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown | Self::Invalid => "unknown or expired token",
            Self::NotLoaded => "the tokens have not been loaded from the database yet; retry",
        })
    }
}

impl std::error::Error for TokenError {}

impl Tokens {
    /// The interval of queries for changed tokens: a revoked one is rejected within a second.
    pub const INTERVAL: Duration = Duration::from_millis(250);

    /// The longest text that is looked up. A token of novi has 50 characters.
    const LONGEST: usize = 512;

    /// Reads the tokens, and follows them in tasks of the current tokio runtime until the last clone is
    /// dropped. If the database is unavailable for some seconds, all tokens are rejected until it is
    /// available; later, the last tokens stay valid while it is unavailable.
    ///
    /// Returns `None` if the store does not support tokens.
    pub async fn follow(store: Arc<dyn ReadStore>, interval: Duration) -> Option<Self> {
        Self::follow_and_keep(store, interval, None).await
    }

    /// As [`follow`](Self::follow), with a file from which the tokens are read if the database is unavailable
    /// at the start. The file is written when the tokens change.
    pub async fn follow_and_keep(
        store: Arc<dyn ReadStore>,
        interval: Duration,
        file: Option<PathBuf>,
    ) -> Option<Self> {
        store.token_store()?;
        let shared = Arc::new(Shared::default());
        let mut follower = Follower::new(Arc::downgrade(&shared), store, interval, file);
        let wait = follower.first_refresh(&shared).await;
        tokio::spawn(last_used::write(Arc::downgrade(&shared.last_used), Arc::clone(follower.store())));
        tokio::spawn(follower.follow(wait));
        Some(Self { shared })
    }

    /// The valid token with this secret.
    ///
    /// # Errors
    /// [`TokenError`] if there is none.
    pub fn authenticate(&self, secret: &str, now: DateTime<Utc>) -> Result<Arc<Token>, TokenError> {
        let index = self.shared.index.load();
        if index.any_issued.is_none() {
            return Err(TokenError::NotLoaded);
        }
        if secret.len() > Self::LONGEST {
            return Err(TokenError::Unknown);
        }
        let Some(token) = index.find(&TokenHash::of(secret)) else { return Err(TokenError::Unknown) };
        let (id, name) = (token.id, &token.name);
        if token.revoked {
            tracing::info!(token.id = id, token.name = name, "rejected a revoked token");
            return Err(TokenError::Invalid);
        }
        if token.has_expired(now) {
            tracing::info!(token.id = id, token.name = name, "rejected an expired token");
            return Err(TokenError::Invalid);
        }
        self.shared.last_used.record(token, now);
        Ok(Arc::clone(token))
    }

    /// Like [`authenticate`](Self::authenticate), but an unknown token is looked up in the database once, so
    /// that a token is valid as soon as it was created.
    ///
    /// # Errors
    /// [`TokenError`] if there is no such token.
    pub async fn authenticate_fresh(
        &self,
        secret: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Token>, TokenError> {
        match self.authenticate(secret, now) {
            Err(TokenError::Unknown) if Secret::looks_like(secret) => {
                self.shared.requests.refresh().await;
                self.authenticate(secret, now)
            }
            authenticated => authenticated,
        }
    }

    /// Whether the token with this id is still valid.
    pub(crate) fn is_valid(&self, id: i64, now: DateTime<Utc>) -> bool {
        let index = self.shared.index.load();
        index.get(id).is_some_and(|token| !token.revoked && !token.has_expired(now))
    }

    /// Whether any token was ever created, including revoked ones. Returns `None` until the tokens have been
    /// loaded.
    #[must_use]
    pub fn made(&self) -> Option<bool> {
        self.shared.index.load().any_issued
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("made", &self.made()).finish_non_exhaustive()
    }
}

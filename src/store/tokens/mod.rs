//! API tokens: the table `novi_tokens`.
//!
//! A change of a token raises no revision and leaves no history. A counter of its own counts the changes, so
//! that a server polls one number, and reads the tokens when it has changed.

#[cfg(feature = "sql")]
pub mod secret;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    rows::violation::{MAX_NAME, RowRef, ViolationKind},
    store::{future::BoxFuture, sealed::Sealed},
};
use secret::{Role, Secret, TokenHash};

/// A token, without the hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Primary key.
    pub id: i64,
    /// The name, unique among tokens that are neither revoked nor replaced; also in the history.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// The only user that the token may evaluate for; any user if there is none.
    pub subject: Option<String>,
    /// When it was created.
    pub created_at: Option<DateTime<Utc>>,
    /// Who created it.
    pub created_by: Option<String>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When another token took its name. It works until it expires.
    #[serde(default)]
    pub replaced_at: Option<DateTime<Utc>>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token with the hash of its secret, to compare with what callers present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// The rest of the row.
    pub row: TokenRow,
    /// The hash of the secret.
    pub hash: TokenHash,
}

/// A token to create.
#[derive(Clone, Debug)]
pub struct NewToken {
    role: Role,
    hash: TokenHash,
    name: Option<String>,
    subject: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    created_by: Option<String>,
}

impl NewToken {
    /// A token with this secret.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        Self::with_hash(secret.role(), secret.hash())
    }

    /// A token of another system, by the hash of its secret, which may be of any form.
    #[must_use]
    pub fn with_hash(role: Role, hash: TokenHash) -> Self {
        Self { role, hash, name: None, subject: None, expires_at: None, created_by: None }
    }

    /// Sets the name; the default is the role and the start of the hash.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the only user that it may evaluate for.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// When it expires.
    #[must_use]
    pub fn expires_at(mut self, time: DateTime<Utc>) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Sets who creates it.
    #[must_use]
    pub fn created_by(mut self, name: impl Into<String>) -> Self {
        self.created_by = Some(name.into());
        self
    }

    /// The columns of the row, if they are valid.
    pub(super) fn checked(self) -> Result<TokenColumns> {
        let hash = self.hash.to_string();
        let name = self.name.unwrap_or_else(|| {
            let start: String = hash.chars().take(8).collect();
            format!("{}-{start}", self.role)
        });
        let row = RowRef::named("novi_tokens", &name);
        check(&row, "name", &name)?;
        if name.parse::<i64>().is_ok() {
            let message = "expected a name that is not a number, since numbers are ids".to_owned();
            return Err(row.field("name", ViolationKind::Value, message).into());
        }
        if let Some(subject) = &self.subject {
            check(&row, "subject", subject)?;
        }
        let created_by = self.created_by.map(|name| name.chars().take(MAX_NAME).collect());
        let (role, subject, expires_at) = (self.role, self.subject, self.expires_at);
        Ok(TokenColumns { name, role, subject, hash, created_by, expires_at })
    }
}

/// How a token is rotated.
#[derive(Clone, Debug)]
pub struct Rotation {
    overlap: Duration,
    expires_at: Option<DateTime<Utc>>,
    created_by: Option<String>,
}

impl Rotation {
    /// For how long the old token stays valid, unless it expires earlier.
    #[must_use]
    pub fn with_overlap(overlap: Duration) -> Self {
        Self { overlap, expires_at: None, created_by: None }
    }

    /// When the new token expires; the default is as long after its creation as with the old one.
    #[must_use]
    pub fn expires_at(mut self, time: DateTime<Utc>) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Sets who rotates it.
    #[must_use]
    pub fn created_by(mut self, name: impl Into<String>) -> Self {
        self.created_by = Some(name.into());
        self
    }

    /// The new token, and when the old one ends.
    pub(super) fn of(
        &self,
        old: &TokenRow,
        secret: &Secret,
        now: DateTime<Utc>,
    ) -> (NewToken, DateTime<Utc>) {
        let in_turn = |end: DateTime<Utc>| later(now, end - old.created_at.unwrap_or(now));
        let end = later(now, TimeDelta::from_std(self.overlap).unwrap_or(TimeDelta::MAX));
        let new = NewToken {
            name: Some(old.name.clone()),
            subject: old.subject.clone(),
            expires_at: self.expires_at.or(old.expires_at.map(in_turn)),
            created_by: self.created_by.clone(),
            ..NewToken::of(secret)
        };
        (new, old.expires_at.map_or(end, |earlier| earlier.min(end)))
    }
}

/// A time as much later, up to the last year that all databases support.
fn later(now: DateTime<Utc>, length: TimeDelta) -> DateTime<Utc> {
    let last = NaiveDate::from_ymd_opt(9999, 12, 30)
        .map_or(DateTime::<Utc>::MAX_UTC, |day| day.and_time(NaiveTime::MIN).and_utc());
    now.checked_add_signed(length).map_or(last, |time| time.min(last))
}

/// A token that has taken the place of another one.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The secret of the new token.
    pub secret: Secret,
    /// The new token.
    pub token: TokenRow,
    /// The old token, with the time when it expires.
    pub replaced: TokenRow,
}

/// The columns of a new token.
#[derive(Clone, Debug)]
pub(super) struct TokenColumns {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) subject: Option<String>,
    pub(super) hash: String,
    pub(super) created_by: Option<String>,
    pub(super) expires_at: Option<DateTime<Utc>>,
}

fn check(row: &RowRef, column: &'static str, text: &str) -> Result<()> {
    if text.trim().is_empty() || text.trim() != text || text.chars().any(char::is_control) {
        let message = format!(
            "expected text without control characters and without spaces at either end, found {text:?}"
        );
        return Err(row.field(column, ViolationKind::Value, message).into());
    }
    let length = text.chars().count();
    if length > MAX_NAME {
        let message = format!("expected at most {MAX_NAME} characters, found {length}");
        return Err(row.field(column, ViolationKind::TooLong, message).into());
    }
    Ok(())
}

/// One use of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// `novi_tokens.id`
    pub id: i64,
    /// The time.
    pub at: DateTime<Utc>,
}

/// Stores tokens. Only the stores of novi implement it.
pub trait TokenStore: Sealed + Send + Sync {
    /// A number that differs after tokens were created, changed or removed; 0 if there never were any. Cheap:
    /// it is polled. `None` on a MySQL server that refuses triggers: then the tokens have to be read.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if the database fails or the user may not read, and
    /// [`Error::NotMigrated`](crate::Error::NotMigrated) if the table does not exist.
    fn token_changes(&self) -> BoxFuture<'_, Result<Option<i64>>>;

    /// All tokens by id, with the hashes of their secrets. Invalid rows are left out, with a warning in the
    /// log.
    ///
    /// # Errors
    /// As [`token_changes`](Self::token_changes).
    fn stored_tokens(&self) -> BoxFuture<'_, Result<Vec<StoredToken>>>;

    /// Creates a token. The name of a token that is revoked or has expired can be used again.
    ///
    /// # Errors
    /// [`Error::Constraint`](crate::Error::Constraint) for a duplicate or invalid name, else as
    /// [`token_changes`](Self::token_changes).
    fn create_token(&self, token: NewToken) -> BoxFuture<'_, Result<TokenRow>>;

    /// Creates several tokens in one transaction.
    ///
    /// # Errors
    /// As [`create_token`](Self::create_token); no token is created then.
    fn create_tokens(&self, tokens: Vec<NewToken>) -> BoxFuture<'_, Result<()>>;

    /// Creates a token with the name, the role and the subject of another one, which is given by its id or
    /// its name. The other expires after the overlap. Returns `None` if there is no such token.
    ///
    /// # Errors
    /// [`Error::Constraint`](crate::Error::Constraint) if the token is revoked or was replaced before, else
    /// as [`token_changes`](Self::token_changes).
    fn rotate_token<'a>(
        &'a self,
        token: &'a str,
        rotation: &'a Rotation,
    ) -> BoxFuture<'a, Result<Option<Rotated>>>;

    /// Revokes a token by its id, or all tokens of a name, permanently. A revoked token stays as it is.
    /// Returns the tokens that were revoked now or, if there are none, last; no tokens if none has this id or
    /// name.
    ///
    /// # Errors
    /// As [`token_changes`](Self::token_changes).
    fn revoke_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Vec<TokenRow>>>;

    /// Records when tokens were used. An older time than the recorded one and an unknown id change nothing.
    ///
    /// # Errors
    /// As [`token_changes`](Self::token_changes).
    fn record_token_use(&self, uses: Vec<TokenUse>) -> BoxFuture<'_, Result<()>>;

    /// All tokens, by id.
    ///
    /// # Errors
    /// As [`token_changes`](Self::token_changes).
    fn tokens(&self) -> BoxFuture<'_, Result<Vec<TokenRow>>> {
        Box::pin(async move { Ok(self.stored_tokens().await?.into_iter().map(|token| token.row).collect()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn new() -> NewToken {
        NewToken::of(&Secret::generate(Role::Server).unwrap())
    }

    #[test]
    fn names_are_given_or_made_and_make_sense() {
        let made = new().checked().unwrap();
        assert_eq!(made.name, format!("server-{}", &made.hash[..8]));
        let tabs = ["a\nb", "", "  ", " a", "a ", "a\0", "7", "-7", &"x".repeat(256)];
        for name in tabs {
            assert!(matches!(new().name(name).checked(), Err(Error::Constraint(_))), "{name:?}");
        }
        for subject in ["", " u", "u\u{7}"] {
            assert!(matches!(new().subject(subject).checked(), Err(Error::Constraint(_))), "{subject:?}");
        }
        assert_eq!(new().name("é".repeat(255)).checked().unwrap().name.chars().count(), 255);
    }
}

//! API tokens: the table `novi_tokens`.
//!
//! A change of a token raises no revision and leaves no history. A counter of its own counts the changes, so
//! that a server polls one number, and reads the tokens when it has changed.

#[cfg(feature = "sql")]
pub mod secret;

use chrono::{DateTime, Utc};
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
    /// The name, unique among all tokens; also in the history.
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
        let (role, hash) = (secret.role(), secret.hash());
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

    /// Creates a token.
    ///
    /// # Errors
    /// [`Error::Constraint`](crate::Error::Constraint) for a duplicate or invalid name, else as
    /// [`token_changes`](Self::token_changes).
    fn create_token(&self, token: NewToken) -> BoxFuture<'_, Result<TokenRow>>;

    /// Revokes a token, by its id or its name, permanently. A revoked token stays as it is. Returns the row,
    /// or `None` if there is no such token.
    ///
    /// # Errors
    /// As [`token_changes`](Self::token_changes).
    fn revoke_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<TokenRow>>>;

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

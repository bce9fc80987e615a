//! Who may call a server: the table `novi_tokens`.
//!
//! Tokens are no flags: what is done to them raises no revision, and leaves no history. A number of its own counts their
//! changes, so that who follows them reads one number each time, and the rows when it is another one.

#[cfg(feature = "sql")]
pub mod secret;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    rows::violation::{MAX_NAME, RowRef, ViolationKind},
    store::future::BoxFuture,
};
use secret::{Role, Secret, TokenHash};

/// A token, without what its holder proves itself with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Primary key.
    pub id: i64,
    /// What people and the history call the token; unique.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// Whom the token stands for; without one its holder speaks for anybody.
    pub subject: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// Who made it.
    pub created_by: Option<String>,
    /// From when on it is not good any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// Since when it is not good any more, if somebody has revoked it.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token with the hash of its secret, for who compares it with what callers present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// The rest of the row.
    pub row: TokenRow,
    /// The hash of the secret.
    pub hash: TokenHash,
}

/// A token to be made.
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
    /// The token that a secret is of.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        let (role, hash) = (secret.role(), secret.hash());
        Self { role, hash, name: None, subject: None, expires_at: None, created_by: None }
    }

    /// What to call it; without a name it is called by its role and the beginning of its hash.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whom it stands for.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// From when on it is not good any more.
    #[must_use]
    pub fn expires_at(mut self, time: DateTime<Utc>) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// Who makes it.
    #[must_use]
    pub fn created_by(mut self, name: impl Into<String>) -> Self {
        self.created_by = Some(name.into());
        self
    }

    /// What the row is to hold: what it can not hold is refused.
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

/// What is written of a new token.
#[derive(Debug)]
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

/// That a token was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// `novi_tokens.id`
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps tokens.
pub trait TokenStore: Send + Sync {
    /// How often tokens were made, changed or removed; cheap, since it is asked all the time. Compare with `!=`. Nothing where no
    /// trigger counts, as on a MySQL server that refuses them: then the rows have to be read to know.
    ///
    /// # Errors
    /// [`Error::Store`] when the database fails or does not let this user read, and [`Error::NotMigrated`] where the
    /// table is not there.
    fn token_changes(&self) -> BoxFuture<'_, Result<Option<i64>>>;

    /// All tokens, in the order of their ids, with the hashes of their secrets. A row that makes no sense is left out, and
    /// logged.
    ///
    /// # Errors
    /// As [`token_changes`](Self::token_changes).
    fn stored_tokens(&self) -> BoxFuture<'_, Result<Vec<StoredToken>>>;

    /// Makes a token.
    ///
    /// # Errors
    /// [`Error::Constraint`] for a name that is taken or makes no sense, else as [`token_changes`](Self::token_changes).
    fn create_token(&self, token: NewToken) -> BoxFuture<'_, Result<TokenRow>>;

    /// Revokes a token, by its id or its name, for good. One that is revoked stays as it is. Gives the row, or nothing if there
    /// is no such token.
    ///
    /// # Errors
    /// As [`token_changes`](Self::token_changes).
    fn revoke_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<TokenRow>>>;

    /// Notes when tokens were used. A time that is before the one that is there changes nothing, and neither does an id that
    /// is gone.
    ///
    /// # Errors
    /// As [`token_changes`](Self::token_changes).
    fn record_token_use(&self, uses: Vec<TokenUse>) -> BoxFuture<'_, Result<()>>;

    /// All tokens, in the order of their ids.
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

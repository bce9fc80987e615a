//! Who may call a server: the table `novi_tokens`.
//!
//! Tokens are no flags: what is done to them raises no revision, and leaves no history. A number of its own counts their
//! changes, so that who follows them reads one number each time, and the rows when it is another one.

#[cfg(feature = "sql")]
pub mod secret;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    store::{BoxFuture, constraints::LONGEST_NAME},
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
        check("the name of a token", &name)?;
        if name.parse::<i64>().is_ok() {
            return Err(Error::Refused(format!(
                "the name of a token can not be a number, which would be taken for an id: {name:?}"
            )));
        }
        if let Some(subject) = &self.subject {
            check("the subject of a token", subject)?;
        }
        let created_by = self.created_by.map(|name| name.chars().take(LONGEST_NAME).collect());
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

fn check(what: &str, text: &str) -> Result<()> {
    let length = text.chars().count();
    if text.trim().is_empty() || text.trim() != text || text.chars().any(char::is_control) {
        return Err(Error::Refused(format!(
            "{what} is to have a letter or more, no space at either end, and no control characters: {text:?}"
        )));
    }
    if length > LONGEST_NAME {
        return Err(Error::Refused(format!(
            "{what} has at most {LONGEST_NAME} characters; this one has {length}"
        )));
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
    /// [`Error::Refused`] for a name that is taken or makes no sense, else as [`token_changes`](Self::token_changes).
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

/// The statements of a database.
pub(super) struct TokenSql {
    /// How often tokens were changed, or null where nobody counts.
    pub(super) changes: &'static str,
    /// `id, name, role, subject, hash, created_at, created_by, expires_at, revoked_at, last_used_at`, times as text.
    pub(super) tokens: &'static str,
    /// `name, role, subject, hash, created_by, expires_at`
    pub(super) insert: &'static str,
    /// `id, name`: one of them, the other null.
    pub(super) revoke: &'static str,
    /// `time, id, time`
    pub(super) used: &'static str,
}

/// A row as [`TokenSql::tokens`] gives it.
pub(super) type Columns = (
    i64,
    String,
    String,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl StoredToken {
    /// The token of a row, if it makes sense. A time that can not be read is taken for one that is past, where that closes a door.
    pub(super) fn of(columns: Columns) -> Option<Self> {
        let (id, name, role, subject, hash, created_at, created_by, expires_at, revoked_at, last_used_at) =
            columns;
        let wrong = |what: &str| tracing::warn!("novi_tokens#{id} {name:?} is good for nothing: {what}");
        let role = match role.parse() {
            Ok(role) => role,
            Err(expected) => {
                wrong(&format!("role: {expected}"));
                return None;
            }
        };
        let Some(hash) = TokenHash::parse(&hash) else {
            wrong("hash: expected the SHA-256 of a secret, as 64 hexadecimal digits");
            return None;
        };
        let time = |text: Option<String>| text.and_then(|text| crate::store::sql::parse_time(&text));
        let end = |text: Option<String>| {
            text.map(|text| crate::store::sql::parse_time(&text).unwrap_or(DateTime::<Utc>::UNIX_EPOCH))
        };
        let row = TokenRow {
            id,
            name,
            role,
            subject,
            created_at: time(created_at),
            created_by,
            expires_at: end(expires_at),
            revoked_at: end(revoked_at),
            last_used_at: time(last_used_at),
        };
        Some(Self { row, hash })
    }
}

/// The id that the text is, or the name.
pub(super) fn id_or_name(text: &str) -> (Option<i64>, Option<&str>) {
    text.parse().map_or((None, Some(text)), |id| (Some(id), None))
}

/// Implements [`TokenStore`] for a store with `TOKENS`.
macro_rules! token_store {
    ($store:ident) => {
        impl $store {
            async fn read_tokens(&self) -> Result<Vec<StoredToken>, sqlx::Error> {
                let mut connection = sql::lend(&self.pool, CONNECTIONS_HANG).await?;
                let query = sqlx::query_as(TOKENS.tokens).persistent(PERSISTENT);
                let rows: Vec<tokens::Columns> = query.fetch_all(&mut *connection).await?;
                connection.give_back();
                Ok(rows.into_iter().filter_map(StoredToken::of).collect())
            }

            async fn insert_token(&self, token: tokens::TokenColumns) -> Result<(), sqlx::Error> {
                let mut connection = sql::lend(&self.pool, CONNECTIONS_HANG).await?;
                let mut query = sqlx::query(TOKENS.insert).persistent(PERSISTENT);
                for value in [
                    Value::Text(Some(token.name)),
                    Value::Text(Some(token.role.as_str().to_owned())),
                    Value::Text(token.subject),
                    Value::Text(Some(token.hash)),
                    Value::Text(token.created_by),
                    Value::Time(token.expires_at),
                ] {
                    query = bind(query, value);
                }
                let done = query.execute(&mut *connection).await;
                connection.give_back();
                done.map(drop)
            }

            async fn revoke(&self, token: &str) -> Result<(), sqlx::Error> {
                let mut connection = sql::lend(&self.pool, CONNECTIONS_HANG).await?;
                let (id, name) = tokens::id_or_name(token);
                let query = sqlx::query(TOKENS.revoke).persistent(PERSISTENT).bind(id).bind(name);
                query.execute(&mut *connection).await?;
                connection.give_back();
                Ok(())
            }

            async fn write_token_use(&self, uses: &[TokenUse]) -> Result<(), sqlx::Error> {
                let mut connection = sql::lend(&self.pool, CONNECTIONS_HANG).await?;
                for token in uses {
                    let mut query = sqlx::query(TOKENS.used).persistent(PERSISTENT);
                    for value in
                        [Value::Time(Some(token.at)), Value::Integer(token.id), Value::Time(Some(token.at))]
                    {
                        query = bind(query, value);
                    }
                    query.execute(&mut *connection).await?;
                }
                connection.give_back();
                Ok(())
            }
        }

        impl TokenStore for $store {
            fn token_changes(&self) -> BoxFuture<'_, Result<Option<i64>>> {
                Box::pin(async move {
                    let read = async {
                        let mut connection = sql::lend(&self.pool, CONNECTIONS_HANG).await?;
                        let row = sqlx::raw_sql(TOKENS.changes).fetch_one(&mut *connection).await?;
                        connection.give_back();
                        row.try_get(0)
                    };
                    read.await.map_err(|error| self.failed("could not ask for changes of tokens", error))
                })
            }

            fn stored_tokens(&self) -> BoxFuture<'_, Result<Vec<StoredToken>>> {
                Box::pin(async move {
                    self.read_tokens().await.map_err(|error| self.failed("could not read the tokens", error))
                })
            }

            fn create_token(&self, token: NewToken) -> BoxFuture<'_, Result<TokenRow>> {
                Box::pin(async move {
                    const ACTION: &str = "could not make the token";
                    let token = token.checked()?;
                    let name = token.name.clone();
                    self.insert_token(token).await.map_err(|error| match failure(&error) {
                        Failure::Taken => tokens::taken(&name),
                        _ => self.failed(ACTION, error),
                    })?;
                    let made = self.tokens().await?.into_iter().find(|row| row.name == name);
                    made.ok_or_else(|| Error::store(&self.name, ACTION, "it is gone already"))
                })
            }

            fn revoke_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<TokenRow>>> {
                Box::pin(async move {
                    self.revoke(token)
                        .await
                        .map_err(|error| self.failed("could not revoke the token", error))?;
                    let (id, name) = tokens::id_or_name(token);
                    let all = self.tokens().await?;
                    Ok(all.into_iter().find(|row| Some(row.id) == id || Some(&*row.name) == name))
                })
            }

            fn record_token_use(&self, mut uses: Vec<TokenUse>) -> BoxFuture<'_, Result<()>> {
                Box::pin(async move {
                    // All processes take the rows in the same order, so that none waits for another in a circle.
                    uses.sort_by_key(|token| token.id);
                    self.write_token_use(&uses)
                        .await
                        .map_err(|error| self.failed("could not write down which tokens were used", error))
                })
            }
        }
    };
}
pub(super) use token_store;

/// Somebody has a token of this name.
pub(super) fn taken(name: &str) -> Error {
    Error::Refused(format!(
        "there is a token with the name {name:?}: take another one (`novi token list` shows those that are taken, \
         revoked ones, too)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new() -> NewToken {
        NewToken::of(&Secret::generate(Role::Server).unwrap())
    }

    #[test]
    fn names_are_given_or_made_and_make_sense() {
        let made = new().checked().unwrap();
        assert_eq!(made.name, format!("server-{}", &made.hash[..8]));
        let tabs = ["a\nb", "", "  ", " a", "a ", "a\0", "7", "-7", &"x".repeat(256)];
        for name in tabs {
            assert!(matches!(new().name(name).checked(), Err(Error::Refused(_))), "{name:?}");
        }
        for subject in ["", " u", "u\u{7}"] {
            assert!(matches!(new().subject(subject).checked(), Err(Error::Refused(_))), "{subject:?}");
        }
        assert_eq!(new().name("é".repeat(255)).checked().unwrap().name.chars().count(), 255);
    }

    #[test]
    fn a_row_that_makes_no_sense_lets_nobody_in() {
        let hash = TokenHash::of("x");
        let columns = |role: &str, hash: &str, expires: Option<&str>| {
            let expires = expires.map(str::to_owned);
            (1, "ci".to_owned(), role.to_owned(), None, hash.to_owned(), None, None, expires, None, None)
        };
        let good = StoredToken::of(columns("admin", &hash.to_string(), None)).unwrap();
        assert_eq!((good.row.role, good.hash, good.row.expires_at), (Role::Admin, hash, None));
        assert_eq!(StoredToken::of(columns("root", &hash.to_string(), None)), None);
        assert_eq!(StoredToken::of(columns("admin", "secret", None)), None);
        let odd = StoredToken::of(columns("admin", &hash.to_string(), Some("tomorrow"))).unwrap();
        assert_eq!(odd.row.expires_at, Some(DateTime::<Utc>::UNIX_EPOCH));
    }
}

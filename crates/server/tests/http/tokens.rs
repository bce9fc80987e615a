//! Tokens, followed in a database.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use novi::store::{
    NewToken, ReadStore as _, SchemaStore, SqliteStore, TokenStore as _,
    token::{Role, Secret},
};
use novi_server::{TokenError, Tokens};

use crate::common::{Log, until};

const INTERVAL: Duration = Duration::from_millis(20);

struct Database {
    store: Arc<SqliteStore>,
    _folder: tempfile::TempDir,
}

impl Database {
    async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("novi.db").display());
        Self { store: Arc::new(SqliteStore::create(&url).await.unwrap()), _folder: folder }
    }

    async fn new() -> Self {
        let database = Self::empty().await;
        database.store.migrate().await.unwrap();
        database
    }

    async fn follow(&self) -> Tokens {
        Tokens::follow(self.store.clone(), INTERVAL).await.unwrap()
    }

    async fn token(&self, role: Role, change: impl FnOnce(NewToken) -> NewToken) -> Secret {
        let secret = Secret::generate(role).unwrap();
        self.store.create_token(change(NewToken::of(&secret))).await.unwrap();
        secret
    }

    async fn run(&self, sql: &str) {
        self.store.run_script(sql).await.unwrap();
    }
}

#[tokio::test]
async fn tokens_are_followed_as_they_are_created_and_revoked() {
    let database = Database::new().await;
    let tokens = database.follow().await;
    assert_eq!(tokens.made(), Some(false));
    let secret = database.token(Role::Client, |token| token.name("web").subject("user-7")).await;
    until(async || tokens.authenticate(secret.reveal(), Utc::now()).is_ok()).await;
    let token = tokens.authenticate(secret.reveal(), Utc::now()).unwrap();
    assert_eq!((&*token.name, token.role, token.subject.as_deref()), ("web", Role::Client, Some("user-7")));
    assert_eq!(tokens.made(), Some(true));

    let flipped = format!("{}x", &secret.reveal()[..secret.reveal().len() - 1]);
    for other in ["", "x", &flipped, &format!("{} ", secret.reveal()), &"x".repeat(100_000)] {
        assert_eq!(tokens.authenticate(other, Utc::now()).unwrap_err(), TokenError::Unknown);
    }
    // The hash in the database is not a token.
    let hash = secret.hash().to_string();
    assert_eq!(tokens.authenticate(&hash, Utc::now()).unwrap_err(), TokenError::Unknown);

    database.store.revoke_token("web").await.unwrap();
    until(async || tokens.authenticate(secret.reveal(), Utc::now()).is_err()).await;
    assert_eq!(tokens.made(), Some(true), "revoking the last token does not open the server again");
}

#[tokio::test]
async fn unknown_token_is_looked_up_at_once() {
    let database = Database::new().await;
    // No refresh happens by itself during the test.
    let tokens = Tokens::follow(database.store.clone(), Duration::from_hours(1)).await.unwrap();
    for role in Role::ALL {
        let secret = database.token(role, |token| token).await;
        assert_eq!(tokens.authenticate(secret.reveal(), Utc::now()).unwrap_err(), TokenError::Unknown);
        assert_eq!(tokens.authenticate_fresh(secret.reveal(), Utc::now()).await.unwrap().role, role);
    }
    let guess = Secret::generate(Role::Admin).unwrap();
    let guessed = tokens.authenticate_fresh(guess.reveal(), Utc::now()).await;
    assert_eq!(guessed.unwrap_err(), TokenError::Unknown);
}

#[tokio::test]
async fn token_is_valid_until_it_expires() {
    let database = Database::new().await;
    let end: DateTime<Utc> = "2031-01-31T12:00:00Z".parse().unwrap();
    let secret = database.token(Role::Server, |token| token.expires_at(end)).await;
    let tokens = database.follow().await;
    let at = |time| tokens.authenticate(secret.reveal(), time).map(|token| token.role);
    assert_eq!(at(end - TimeDelta::milliseconds(1)), Ok(Role::Server));
    assert_eq!(at(end), Err(TokenError::Invalid));
}

#[tokio::test]
async fn deleted_token_still_counts_as_issued() {
    let database = Database::new().await;
    database.token(Role::Server, |token| token).await;
    database.run("delete from novi_tokens").await;
    assert_eq!(database.follow().await.made(), Some(true));
}

#[tokio::test]
async fn tokens_are_rejected_until_they_are_loaded() {
    let database = Database::empty().await;
    let tokens = database.follow().await;
    assert_eq!(tokens.made(), None);
    assert_eq!(tokens.authenticate("x", Utc::now()).unwrap_err(), TokenError::NotLoaded);
    database.store.migrate().await.unwrap();
    until(async || tokens.made() == Some(false)).await;
    assert_eq!(tokens.authenticate("x", Utc::now()).unwrap_err(), TokenError::Unknown);
}

#[tokio::test]
async fn last_tokens_stay_valid_while_the_database_fails() {
    let database = Database::new().await;
    let secret = database.token(Role::Server, |token| token).await;
    let tokens = database.follow().await;
    let log = Log::capture();
    database.run("alter table novi_tokens rename to gone").await;
    database.run("alter table novi_token_changes rename to also_gone").await;
    let failure = format!("{} has no novi tables", database.store.name());
    until(async || log.text().contains(&failure)).await;
    tokens.authenticate(secret.reveal(), Utc::now()).unwrap();
    assert_eq!(tokens.authenticate("x", Utc::now()).unwrap_err(), TokenError::Unknown);

    database.run("alter table also_gone rename to novi_token_changes").await;
    database.run("alter table gone rename to novi_tokens").await;
    let later = database.token(Role::Server, |token| token).await;
    until(async || tokens.authenticate(later.reveal(), Utc::now()).is_ok()).await;
}

#[tokio::test]
async fn last_use_is_written() {
    let database = Database::new().await;
    let secret = database.token(Role::Server, |token| token.name("one")).await;
    let tokens = database.follow().await;
    let last = async || database.store.tokens().await.unwrap()[0].last_used_at;
    let first = Utc::now();
    tokens.authenticate(secret.reveal(), first).unwrap();
    until(async || last().await.is_some()).await;
    let written = last().await.unwrap();
    assert!((written - first).abs() < TimeDelta::seconds(1), "{written}");
    // At most once a minute.
    tokens.authenticate(secret.reveal(), first + TimeDelta::seconds(30)).unwrap();
    tokens.authenticate(secret.reveal(), first + TimeDelta::seconds(61)).unwrap();
    until(async || last().await != Some(written)).await;
    assert!(last().await.unwrap() - first > TimeDelta::seconds(60));
}

#[tokio::test]
async fn follower_ends_when_the_tokens_are_dropped() {
    let database = Database::new().await;
    let tokens = database.follow().await;
    let clone = tokens.clone();
    drop(tokens);
    assert_eq!(clone.made(), Some(false));
    assert!(Arc::strong_count(&database.store) > 1);
    drop(clone);
    until(async || Arc::strong_count(&database.store) == 1).await;
}

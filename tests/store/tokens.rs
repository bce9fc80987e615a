//! The table of tokens, on each database.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use novi::{
    Error,
    store::{
        self, NewToken, Rotation, SchemaStore, TokenRow, TokenStore, TokenUse,
        token::{Role, Secret},
    },
};

use crate::common::databases::{Kind, Raw, TestDatabase, database, databases, kinds};

async fn migrated(database: &TestDatabase) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

async fn made(tokens: &dyn TokenStore, role: Role, name: &str) -> (Secret, TokenRow) {
    let secret = Secret::generate(role).unwrap();
    let row = tokens.create_token(NewToken::of(&secret).name(name)).await.unwrap();
    (secret, row)
}

#[tokio::test]
async fn tokens_are_stored_without_their_secret() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let tokens = store.token_store().unwrap();
        assert_eq!(tokens.tokens().await.unwrap(), [], "{kind:?}");
        let secret = Secret::generate(Role::Client).unwrap();
        let expires = time("2031-02-03T04:05:06.789Z");
        let new =
            NewToken::of(&secret).name("it's 🚀").subject("user-7").expires_at(expires).created_by("ann");
        let row = tokens.create_token(new).await.unwrap();
        let expected = TokenRow {
            id: row.id,
            name: "it's 🚀".to_owned(),
            role: Role::Client,
            subject: Some("user-7".to_owned()),
            created_at: row.created_at,
            created_by: Some("ann".to_owned()),
            expires_at: Some(expires),
            revoked_at: None,
            replaced_at: None,
            last_used_at: None,
        };
        assert_eq!(row, expected, "{kind:?}");
        let age = Utc::now() - row.created_at.unwrap();
        assert!(age.num_minutes().abs() < 5, "{kind:?}: made {age} ago");
        let stored = tokens.stored_tokens().await.unwrap();
        assert_eq!(stored.len(), 1, "{kind:?}");
        assert_eq!((&stored[0].row, stored[0].hash), (&row, secret.hash()), "{kind:?}");

        // What a dump of the database would contain.
        let dump = Raw::connect(&database).await.texts("select hash from novi_tokens").await;
        assert_eq!(dump, [secret.hash().to_string()], "{kind:?}");
    }
}

#[tokio::test]
async fn token_name_is_unique_until_its_token_is_revoked_or_expired() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let tokens = store.token_store().unwrap();
        let new = || NewToken::of(&Secret::generate(Role::Server).unwrap()).name("ci");
        tokens.create_token(new().expires_at(Utc::now() + TimeDelta::hours(1))).await.unwrap();
        let error = tokens.create_token(new()).await.unwrap_err();
        assert!(matches!(error, Error::Constraint(_)), "{kind:?}: {error:?}");
        assert!(error.to_string().contains("\"ci\""), "{kind:?}: {error}");
        // Differs in the case of a letter, which some collations ignore.
        made(tokens, Role::Server, "CI").await;
        made(tokens, Role::Server, "cí").await;

        tokens.revoke_token("ci").await.unwrap();
        let past = Utc::now() - TimeDelta::seconds(1);
        let expired = tokens.create_token(new().expires_at(past)).await.unwrap();
        assert_eq!((&*expired.name, expired.revoked_at), ("ci", None), "{kind:?}");
        let last = tokens.create_token(new()).await.unwrap();
        assert!(last.id > expired.id && last.expires_at.is_none(), "{kind:?}: {last:?}");
        assert!(tokens.create_token(new()).await.is_err(), "{kind:?}");
        // Plain SQL is under the same rule.
        let insert = format!(
            "insert into novi_tokens (name, role, hash, created_at) values ('ci', 'admin', '{}', '2027-01-31 12:00:00')",
            "0".repeat(64)
        );
        let mut raw = Raw::connect(&database).await;
        assert!(raw.run(&insert).await.is_err(), "{kind:?}");
        raw.run("delete from novi_tokens where revoked_at is null").await.unwrap();
        raw.run(&insert).await.unwrap();
    }
}

#[tokio::test]
async fn rotated_token_keeps_its_properties_and_the_old_one_ends_after_the_overlap() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let tokens = store.token_store().unwrap();
        let (secret, _) = made(tokens, Role::Server, "other").await;
        let new = NewToken::of(&Secret::generate(Role::Client).unwrap()).name("web").subject("user-7");
        let old = tokens.create_token(new.expires_at(Utc::now() + TimeDelta::days(30))).await.unwrap();
        let changes = tokens.token_changes().await.unwrap();

        let hour = Duration::from_hours(1);
        let rotation = Rotation::with_overlap(hour).created_by("ann");
        let rotated = tokens.rotate_token("web", &rotation).await.unwrap().unwrap();
        let token = &rotated.token;
        assert_eq!(
            (&*token.name, token.role, token.subject.as_deref(), token.created_by.as_deref()),
            ("web", Role::Client, Some("user-7"), Some("ann")),
            "{kind:?}"
        );
        let days = (token.expires_at.unwrap() - Utc::now()).num_hours();
        assert!((29 * 24..=30 * 24).contains(&days), "{kind:?}: {token:?}");
        assert_ne!(tokens.token_changes().await.unwrap(), changes, "{kind:?}");
        let stored = tokens.stored_tokens().await.unwrap();
        let of = |id: i64| stored.iter().find(|token| token.row.id == id).unwrap();
        assert_eq!((&of(token.id).row, of(token.id).hash), (token, rotated.secret.hash()), "{kind:?}");
        assert_eq!(of(1).hash, secret.hash(), "{kind:?}");
        let before = &of(old.id).row;
        let left = before.expires_at.unwrap() - Utc::now();
        assert!(before.replaced_at.is_some() && before.revoked_at.is_none(), "{kind:?}: {before:?}");
        assert!(TimeDelta::minutes(55) < left && left <= TimeDelta::hours(1), "{kind:?}: {before:?}");

        // Without an overlap the old one ends at once; the one before keeps its time.
        let time = time("2099-01-01T00:00:00Z");
        let rotation = Rotation::with_overlap(Duration::ZERO).expires_at(time);
        let last = tokens.rotate_token("web", &rotation).await.unwrap().unwrap();
        assert_eq!((last.token.expires_at, last.replaced.id), (Some(time), token.id), "{kind:?}");
        assert!(last.replaced.expires_at.unwrap() <= Utc::now(), "{kind:?}");
        let rows = tokens.tokens().await.unwrap();
        assert_eq!(rows[1].expires_at, before.expires_at, "{kind:?}");

        // The name stands for all of them.
        let revoked = tokens.revoke_token("web").await.unwrap();
        assert_eq!(revoked.len(), 3, "{kind:?}: {revoked:?}");
    }
}

#[tokio::test]
async fn only_token_in_use_can_be_rotated() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let tokens = store.token_store().unwrap();
        let rotation = Rotation::with_overlap(Duration::MAX);
        assert!(tokens.rotate_token("ci", &rotation).await.unwrap().is_none(), "{kind:?}");
        let (_, first) = made(tokens, Role::Server, "ci").await;
        let rotated = tokens.rotate_token(&first.id.to_string(), &rotation).await.unwrap().unwrap();
        assert!(rotated.replaced.expires_at.unwrap() > time("9999-01-01T00:00:00Z"), "{kind:?}");
        assert_eq!(rotated.token.expires_at, None, "{kind:?}");
        let error = tokens.rotate_token(&first.id.to_string(), &rotation).await.unwrap_err().to_string();
        let advice = format!("is replaced by another one; rotate token {},", rotated.token.id);
        assert!(error.contains(&advice), "{kind:?}: {error}");
        tokens.revoke_token("ci").await.unwrap();
        let error = tokens.rotate_token("ci", &rotation).await.unwrap_err().to_string();
        assert!(error.contains("is revoked"), "{kind:?}: {error}");
    }
}

#[tokio::test]
async fn rotations_at_the_same_time_leave_one_current_token() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let tokens = store.token_store().unwrap();
        made(tokens, Role::Server, "ci").await;
        let rotations = (0..4).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let rotation = Rotation::with_overlap(Duration::ZERO);
                store.token_store().unwrap().rotate_token("ci", &rotation).await.unwrap().unwrap()
            })
        });
        for rotation in rotations.collect::<Vec<_>>() {
            rotation.await.unwrap();
        }
        let rows = tokens.tokens().await.unwrap();
        assert_eq!(rows.len(), 5, "{kind:?}");
        assert_eq!(rows.iter().filter(|row| row.replaced_at.is_none()).count(), 1, "{kind:?}: {rows:?}");
    }
}

#[tokio::test]
async fn tokens_are_revoked_by_id_or_name() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let tokens = store.token_store().unwrap();
        let (_, one) = made(tokens, Role::Server, "one").await;
        made(tokens, Role::Server, "other").await;
        let revoked = tokens.revoke_token(&one.id.to_string()).await.unwrap();
        assert_eq!(revoked.len(), 1, "{kind:?}");
        assert_eq!(revoked[0].name, "one", "{kind:?}");
        assert!(revoked[0].revoked_at.is_some(), "{kind:?}");
        assert_eq!(tokens.revoke_token("one").await.unwrap(), revoked, "{kind:?}");
        let live: Vec<_> =
            tokens.tokens().await.unwrap().into_iter().filter(|row| row.revoked_at.is_none()).collect();
        assert_eq!(live.iter().map(|row| &*row.name).collect::<Vec<_>>(), ["other"], "{kind:?}");
        // Those of a name that has been used again.
        made(tokens, Role::Server, "one").await;
        let again = tokens.revoke_token("one").await.unwrap();
        assert_eq!(again.iter().map(|row| row.id).collect::<Vec<_>>(), [3], "{kind:?}");
        for unknown in ["none", "12345", ""] {
            assert_eq!(tokens.revoke_token(unknown).await.unwrap(), [], "{kind:?}");
        }
    }
}

#[tokio::test]
async fn token_changes_are_noticed_and_uses_are_not() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let tokens = store.token_store().unwrap();
        let mut seen = vec![tokens.token_changes().await.unwrap().unwrap()];
        let revision = store.revision().await.unwrap();
        let (_, row) = made(tokens, Role::Server, "one").await;
        seen.push(tokens.token_changes().await.unwrap().unwrap());

        tokens
            .record_token_use(vec![TokenUse { id: row.id, at: time("2031-02-03T04:05:06Z") }])
            .await
            .unwrap();
        assert_eq!(tokens.token_changes().await.unwrap(), seen.last().copied(), "{kind:?}");

        tokens.revoke_token("one").await.unwrap();
        seen.push(tokens.token_changes().await.unwrap().unwrap());
        // Plain SQL counts as well.
        let mut raw = Raw::connect(&database).await;
        for sql in [
            "update novi_tokens set role = 'admin'",
            "update novi_tokens set subject = 'x'",
            "update novi_tokens set expires_at = '2031-01-01 00:00:00'",
            "delete from novi_tokens",
        ] {
            raw.run(sql).await.unwrap();
            seen.push(tokens.token_changes().await.unwrap().unwrap());
        }
        // Those of another database as well: it may be restored over this one.
        let other = self::database(kind).await;
        let others = migrated(&other).await;
        made(others.token_store().unwrap(), Role::Server, "one").await;
        seen.push(others.token_store().unwrap().token_changes().await.unwrap().unwrap());
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{kind:?}: {seen:?}");
        assert_eq!(store.revision().await.unwrap(), revision, "{kind:?}");
        if kind == Kind::Postgres {
            let before = tokens.token_changes().await.unwrap();
            raw.run("truncate novi_tokens").await.unwrap();
            assert_ne!(tokens.token_changes().await.unwrap(), before);
        }
    }
}

#[tokio::test]
async fn last_use_of_a_token_never_goes_back() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let tokens = store.token_store().unwrap();
        let (_, one) = made(tokens, Role::Server, "one").await;
        let (_, other) = made(tokens, Role::Server, "other").await;
        let used = |id, text| TokenUse { id, at: time(text) };
        let last = || async {
            tokens.tokens().await.unwrap().into_iter().map(|row| row.last_used_at).collect::<Vec<_>>()
        };
        let first = vec![
            used(other.id, "2031-01-01T00:00:00.5Z"),
            used(one.id, "2031-01-01T00:00:00Z"),
            used(12345, "2031-01-01T00:00:00Z"),
        ];
        tokens.record_token_use(first).await.unwrap();
        tokens.record_token_use(vec![used(other.id, "2031-01-01T00:00:00Z")]).await.unwrap();
        tokens.record_token_use(vec![used(one.id, "2031-01-01T00:00:00.25Z")]).await.unwrap();
        let expected = ["2031-01-01T00:00:00.25Z", "2031-01-01T00:00:00.5Z"].map(|text| Some(time(text)));
        assert_eq!(last().await, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn invalid_token_rows_are_rejected_by_the_tables() {
    for database in databases().await {
        let (kind, store) = (database.kind, migrated(&database).await);
        let mut raw = Raw::connect(&database).await;
        let (digits, now) = ("0".repeat(64), "'2027-01-31 12:00:00'");
        let insert = |name: &str, role: &str, hash: &str| {
            format!(
                "insert into novi_tokens (name, role, hash, created_at) values ({name}, '{role}', '{hash}', {now})"
            )
        };
        for sql in [
            insert("null", "admin", &digits),
            insert("'one'", "root", &digits),
            insert("'one'", "admin", "novi_a_secret"),
        ] {
            assert!(raw.run(&sql).await.is_err(), "{kind:?}: {sql}");
        }
        raw.run(&insert("'one'", "admin", &digits)).await.unwrap();
        assert!(raw.run(&insert("'other'", "admin", &digits)).await.is_err(), "{kind:?}: one hash twice");
        assert_eq!(store.token_store().unwrap().tokens().await.unwrap().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn without_triggers_tokens_have_no_revision() {
    if !kinds().contains(&Kind::MySql) {
        return;
    }
    let database = database(Kind::MySql).await;
    let store = migrated(&database).await;
    let tokens = store.token_store().unwrap();
    assert_eq!(tokens.token_changes().await.unwrap(), Some(0));
    let mut raw = Raw::connect(&database).await;
    raw.run("insert into novi_state (name, value) values ('triggers', 'missing')").await.unwrap();
    assert_eq!(tokens.token_changes().await.unwrap(), None);
    made(tokens, Role::Admin, "one").await;
    assert_eq!(tokens.tokens().await.unwrap().len(), 1);
}

#[tokio::test]
async fn missing_token_table_is_an_error_that_says_what_to_do() {
    for database in databases().await {
        let store = store::create(&database.url).await.unwrap();
        let error = store.token_store().unwrap().token_changes().await.unwrap_err();
        assert!(matches!(error, Error::NotMigrated { .. }), "{:?}: {error:?}", database.kind);
    }
}

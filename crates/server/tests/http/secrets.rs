//! No log has a secret, at any level.

use std::{sync::Arc, time::Duration};

use novi::{
    Flags,
    store::{
        NewToken, SchemaStore as _, SqliteStore, TokenStore as _,
        token::{Role, Secret},
    },
};
use novi_server::{Options, Tokens};

use crate::common::{Log, Server, demo};

#[tokio::test]
async fn tokens_and_contexts_are_never_logged() {
    let log = Log::capture();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("novi.db").display());
    let store = Arc::new(SqliteStore::create(&url).await.unwrap());
    store.migrate().await.unwrap();
    let mut secrets = Vec::new();
    for (role, name) in [(Role::Admin, "good"), (Role::Client, "revoked"), (Role::Server, "short-lived")] {
        let secret = Secret::generate(role).unwrap();
        let token = NewToken::of(&secret).name(name).expires_at("2999-01-01T00:00:00Z".parse().unwrap());
        store.create_token(token).await.unwrap();
        secrets.push(secret.reveal().to_owned());
    }
    store.revoke_token("revoked").await.unwrap();
    store
        .run_script("update novi_tokens set expires_at = '2020-01-01' where name = 'short-lived'")
        .await
        .unwrap();
    secrets.push("novi_a_guessed-by-somebody".to_owned());
    let mut options = Options::default();
    options.tokens = Tokens::follow(store.clone(), Duration::from_millis(20)).await;
    let server = Server::start_with(Flags::builder().keep_rows().from_rows(demo()).unwrap(), options).await;
    for secret in &secrets {
        for path in ["/evaluatedFlags", "/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/none"] {
            let request =
                server.client.post(server.url(path)).bearer_auth(secret).header("x-api-key", secret);
            let body = r#"{"context": {"targetingKey": "a-user-of-ours", "email": "ann@example.org"}}"#;
            request.header("content-type", "application/json").body(body).send().await.unwrap();
        }
        server.client.get(server.url("/flags")).header("x-api-key", secret).send().await.unwrap();
    }
    let log = log.text();
    // The client of this test also logs what it sends.
    let lines =
        || log.lines().filter(|line| !line.contains("hyper_util::client") && !line.contains("reqwest"));
    for text in secrets.iter().map(String::as_str).chain(["a-user-of-ours", "ann@example.org"]) {
        let found: Vec<_> = lines().filter(|line| line.contains(text)).collect();
        assert_eq!(found, [""; 0]);
    }
    for (name, why) in [("revoked", "a revoked token"), ("short-lived", "an expired token")] {
        assert!(
            lines().any(|line| line.contains(name) && line.contains(why)),
            "the log names the token: {why}"
        );
    }
}

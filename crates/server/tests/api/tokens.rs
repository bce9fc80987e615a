//! Tokens, the caller of a request, and the author of a change.

use std::{sync::Arc, time::Duration};

use novi::store::{
    NewToken,
    token::{Role, Secret},
};
use novi_server::{Options, Tokens};
use serde_json::{Value, json};

use crate::{
    common::{Kind, database, databases},
    support::{Api, problems},
};

#[tokio::test]
async fn tokens_are_created_listed_and_revoked() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let admin = Secret::generate(Role::Admin).unwrap();
        let store = api.store.token_store().unwrap();
        store.create_token(NewToken::of(&admin).name("boss")).await.unwrap();
        let mut options = Options::default();
        options.tokens = Tokens::follow(Arc::clone(&api.store) as _, Tokens::INTERVAL).await;
        let api = Api::over_with(Arc::clone(&api.store), options).await;
        let bearer = format!("Bearer {}", admin.reveal());
        let as_admin = [("authorization", bearer.as_str())];

        let fields = json!({"role": "server", "name": "shop", "expires_at": "2199-01-31"});
        let made = api.send("POST", "/api/tokens", &as_admin, Some(&fields)).await;
        let created = made.with(201);
        let token = &created["token"];
        assert_eq!(made.headers["location"], format!("tokens/{}", token["id"]).as_str());
        assert_eq!((&token["name"], &token["role"]), (&json!("shop"), &json!("server")));
        assert_eq!((&token["created_by"], &token["revoked_at"]), (&json!("boss"), &Value::Null));
        assert_eq!(token["expires_at"], "2199-01-31T00:00:00Z");

        // The token works at once.
        let bearer = format!("Bearer {}", created["secret"].as_str().unwrap());
        let as_shop = [("authorization", bearer.as_str())];
        let caller = api.send("GET", "/api/caller", &as_shop, None).await.with(200);
        assert_eq!(caller, json!({"role": "server", "token": "shop"}));

        let listed = api.send("GET", "/api/tokens", &as_admin, None).await.with(200);
        let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|token| &token["name"]).collect();
        assert_eq!(names, ["boss", "shop"]);
        assert!(!listed.to_string().contains("secret"), "{listed}");

        let path = format!("/api/tokens/{}", token["id"]);
        let revoked = api.send("DELETE", &path, &as_admin, None).await.with(200);
        assert!(revoked["items"][0]["revoked_at"].is_string(), "{revoked}");
        api.send("DELETE", "/api/tokens/999", &as_admin, None).await.error(404, "token_not_found");
        while api.send("GET", "/api/caller", &as_shop, None).await.status != 401 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn invalid_tokens_are_rejected_with_their_places() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    api.post("/api/tokens", json!({"role": "server", "name": "shop"})).await.with(201);
    for (body, status, place) in [
        (json!({}), 422, ""),
        (json!({"role": "root"}), 422, "/role"),
        (json!({"role": "admin", "name": ""}), 422, "/name"),
        (json!({"role": "admin", "name": "7"}), 422, "/name"),
        (json!({"role": "admin", "name": "a\u{0}"}), 422, "/name"),
        (json!({"role": "client", "subject": ""}), 422, "/subject"),
        (json!({"role": "admin", "expires_at": "2001-01-01"}), 422, "/expires_at"),
        (json!({"role": "admin", "name": "shop"}), 409, "/name"),
    ] {
        let reply = api.post("/api/tokens", body.clone()).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.text);
        assert_eq!(problems(&reply.json()["error"])[0].0, place, "{body}: {}", reply.text);
    }
    assert_eq!(api.store.token_store().unwrap().tokens().await.unwrap().len(), 1);
}

#[tokio::test]
async fn caller_without_token_may_state_the_author() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let caller = api.get("/api/caller").await.with(200);
    assert_eq!(caller, json!({"role": "admin", "token": null}));
    let headers = [("x-novi-actor", "ada"), ("x-novi-reason", "launch")];
    api.send("PATCH", "/api/flags/3", &headers, Some(&json!({"status": false}))).await.with(200);
    let newest = &api.settled().await["items"][0];
    assert_eq!((&newest["actor"], &newest["reason"]), (&json!("ada"), &json!("launch")));
    let long = "x".repeat(256);
    let headers = [("x-novi-actor", long.as_str())];
    let reply = api.send("PATCH", "/api/flags/3", &headers, Some(&json!({"status": true}))).await;
    reply.error(400, "invalid_header");

    let admin = Secret::generate(Role::Admin).unwrap();
    api.store.token_store().unwrap().create_token(NewToken::of(&admin).name("boss")).await.unwrap();
    let mut options = Options::default();
    options.tokens = Tokens::follow(Arc::clone(&api.store) as _, Tokens::INTERVAL).await;
    let api = Api::over_with(Arc::clone(&api.store), options).await;
    let bearer = format!("Bearer {}", admin.reveal());
    let headers = [("authorization", bearer.as_str()), ("x-novi-actor", "ada")];
    let reply = api.send("PATCH", "/api/flags/3", &headers, Some(&json!({"status": true}))).await;
    reply.error(400, "invalid_header");
}

#[tokio::test]
async fn broken_flags_are_found_and_lists_have_totals() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    api.store.run_script("UPDATE activations SET config = '{' WHERE id = 2;").await.unwrap();
    api.flags.refresh_to(api.store.revision().await.unwrap()).await.unwrap();
    let names = async |path: &str| {
        let page = api.get(path).await.with(200);
        let names =
            page["items"].as_array().unwrap().iter().map(|flag| flag["name"].clone()).collect::<Vec<_>>();
        (names.len(), page["total"].clone())
    };
    let (broken, _) = names("/api/flags?broken=true").await;
    assert!(broken > 0);
    assert_eq!(names("/api/flags?broken=false").await, (4 - broken, json!(4 - broken)));
    assert_eq!(names("/api/flags?limit=1").await, (1, json!(4)));
}

//! Authorization: every route with every kind of token, client tokens, and limits.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use novi::{
    Flags,
    store::{
        NewToken, SchemaStore, SqliteStore, TokenStore as _,
        token::{Role, Secret},
    },
};
use novi_server::{MetricsToken, Options, Origins, RequestFlags, RequestToggles, SigningKey, Tokens};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::common::{PATIENCE, Reply, Server, demo, until};

const INTERVAL: Duration = Duration::from_millis(20);

/// A server over a database with tokens.
struct Guarded {
    server: Server,
    store: Arc<SqliteStore>,
    tokens: Tokens,
    _folder: tempfile::TempDir,
}

const FLAGS: &str = "
    insert into flags (id, name, status) values (1, 'shown', true), (2, 'hidden', true), (3, 'mine', true);
    insert into activations (id, name, class_name, config) values
      (1, 'user 7', 'novi.members', '{\"allow\": [\"user-7\"]}');
    insert into flags_activations (flag_id, activation_id) values (3, 1);
    update flag_metadata set exposed = true where flag_id in (1, 3);";

impl Guarded {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        Self::start_with(Flags::builder(), change).await
    }

    async fn start_with(builder: novi::FlagsBuilder, change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("novi.db").display());
        let store = Arc::new(SqliteStore::create(&url).await.unwrap());
        store.migrate().await.unwrap();
        store.run_script(FLAGS).await.unwrap();
        let tokens = Tokens::follow(store.clone(), INTERVAL).await.unwrap();
        let flags = builder.keep_rows().from_store(store.clone()).await.unwrap();
        let mut options = Options::default();
        options.tokens = Some(tokens.clone());
        // Most tests are not about this limit.
        options.guess_limit = u32::MAX;
        change(&mut options);
        Self { server: Server::start_with(flags, options).await, store, tokens, _folder: folder }
    }

    /// A token that the server has loaded.
    async fn token(&self, role: Role, change: impl FnOnce(NewToken) -> NewToken) -> String {
        let secret = Secret::generate(role).unwrap();
        self.store.create_token(change(NewToken::of(&secret))).await.unwrap();
        until(async || self.tokens.authenticate(secret.reveal(), Utc::now()).is_ok()).await;
        secret.reveal().to_owned()
    }

    async fn revoked(&self) -> String {
        let token = self.token(Role::Admin, |token| token.name("revoked")).await;
        self.store.revoke_token("revoked").await.unwrap();
        until(async || self.tokens.authenticate(&token, Utc::now()).is_err()).await;
        token
    }

    /// An expired token, loaded as soon as a later one is.
    async fn expired(&self) -> String {
        let secret = Secret::generate(Role::Admin).unwrap();
        let past = Utc::now() - TimeDelta::seconds(1);
        self.store.create_token(NewToken::of(&secret).expires_at(past)).await.unwrap();
        secret.reveal().to_owned()
    }

    async fn send(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Reply {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = self.server.client.request(method, self.server.url(path));
        let request = request.header("content-type", "application/json").body(body.to_owned());
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        Reply::of(timeout(PATIENCE, request.send()).await.unwrap().unwrap()).await
    }

    async fn one(&self, flag: &str, token: &str, context: Value) -> Reply {
        let body = json!({"context": context}).to_string();
        self.send("post", &format!("/ofrep/v1/evaluate/flags/{flag}"), Some(token), &body).await
    }

    async fn all(&self, token: &str, context: Value) -> BTreeMap<String, Value> {
        let body = json!({"context": context}).to_string();
        let reply = self.send("post", "/ofrep/v1/evaluate/flags", Some(token), &body).await.ok();
        let flags = reply["flags"].as_array().unwrap().clone();
        flags
            .into_iter()
            .map(|flag| (flag["key"].as_str().unwrap().to_owned(), flag["value"].clone()))
            .collect()
    }
}

/// Every route with its required role, from the OpenAPI document.
async fn routes(guarded: &Guarded) -> Vec<(String, String, String)> {
    let document = guarded.send("get", "/openapi.json", None, "").await.ok();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let role = operation["x-novi-role"].as_str().unwrap();
            let mut real = path.clone();
            while let (Some(start), Some(end)) = (real.find('{'), real.find('}')) {
                real.replace_range(start..=end, "shown");
            }
            routes.push((method.clone(), real, role.to_owned()));
        }
    }
    assert!(routes.len() > 10, "{routes:?}");
    routes
}

/// The status for a credential and a route: 401, 403, or 200 for any status that is not about tokens.
fn expected(route: &str, credential: &str, open: bool) -> u16 {
    let rank = |name: &str| ["client", "server", "admin"].iter().position(|role| *role == name);
    match (route, credential) {
        ("public", _) => 200,
        (_, "garbage" | "expired" | "revoked") => 401,
        (_, "none") if open => 200,
        ("optional", _) => 200,
        (_, "none") => 401,
        (needed, role) if rank(role) >= rank(needed) => 200,
        _ => 403,
    }
}

fn verdict(reply: &Reply) -> u16 {
    // An event stream requires a ticket instead.
    let is_about_tokens = !reply.text.contains("\"ticket: ");
    if is_about_tokens && matches!(reply.status, 401 | 403 | 429) { reply.status } else { 200 }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_accepts_only_its_roles() {
    for open in [true, false] {
        let guarded = Guarded::start(|options| options.open = open).await;
        let credentials = async {
            let mut credentials = vec![("garbage", Some("novi_a_garbage".to_owned()))];
            credentials.push(("expired", Some(guarded.expired().await)));
            credentials.push(("revoked", Some(guarded.revoked().await)));
            for role in Role::ALL {
                credentials.push((role.as_str(), Some(guarded.token(role, |token| token).await)));
            }
            credentials.push(("none", None));
            credentials
        };
        let mut tried = 0;
        // As long as no token exists, local callers have full access.
        for (method, path, role) in routes(&guarded).await {
            for (credential, token) in [("none", None), ("garbage", Some("novi_a_garbage"))] {
                let reply = guarded.send(&method, &path, token, r#"{"context": {}}"#).await;
                let what =
                    format!("{method} {path} with {credential}, no token made, open: {open}: {}", reply.text);
                assert_eq!(verdict(&reply), expected(&role, credential, open), "{what}");
            }
        }
        // With tokens, the same rules apply to an open server.
        for (credential, token) in credentials.await {
            for (method, path, role) in routes(&guarded).await {
                let reply = guarded.send(&method, &path, token.as_deref(), r#"{"context": {}}"#).await;
                let what = format!("{method} {path} with {credential}, open: {open}: {}", reply.text);
                let expected = expected(&role, credential, false);
                assert_eq!(verdict(&reply), expected, "{what}");
                if expected == 401 {
                    assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{what}");
                }
                if let Some(token) = &token {
                    assert!(!reply.text.contains(token.as_str()), "{what}");
                }
                tried += 1;
            }
        }
        assert!(tried > 70, "{tried}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_path_is_authorized_by_its_route() {
    let guarded = Guarded::start(|_| {}).await;
    for path in [
        "/flags",
        "//flags",
        "/flags/",
        "/flags/shown",
        "/flags/%2e%2e/health/live",
        "/health/../flags",
        "/health%2flive/../flags",
        "/%66lags",
        "/flags/%00",
        "/openapi.json/../flags",
        "/flags;/health/live",
        "/flags?path=/health/live",
        "/ofrep/v1/evaluate/flags/../../../../health/live",
    ] {
        let reply = guarded.server.get_raw(path).await;
        assert!(matches!(reply.status, 401 | 404 | 405 | 400), "{path}: {} {}", reply.status, reply.text);
        assert!(!reply.text.contains("hidden"), "{path}: {}", reply.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_token_sees_exposed_flags_for_its_own_user() {
    let builder = Flags::builder().identity(["userId"]);
    let guarded = Guarded::start_with(builder, |_| {}).await;
    let anybody = guarded.token(Role::Client, |token| token).await;
    let mine = guarded.token(Role::Client, |token| token.subject("user-7")).await;
    let server = guarded.token(Role::Server, |token| token.subject("user-7")).await;
    let flags = |found: BTreeMap<String, Value>| {
        found.into_iter().map(|(flag, value)| format!("{flag} {value}")).collect::<Vec<_>>()
    };

    assert_eq!(flags(guarded.all(&anybody, json!({})).await), ["mine false", "shown true"]);
    assert_eq!(
        flags(guarded.all(&anybody, json!({"targetingKey": "user-7"})).await),
        ["mine true", "shown true"]
    );
    // The token decides the user, with or without a targeting key in the context.
    assert_eq!(flags(guarded.all(&mine, json!({})).await), ["mine true", "shown true"]);
    assert_eq!(flags(guarded.all(&mine, json!({"userId": "user-7"})).await), ["mine true", "shown true"]);
    assert_eq!(
        flags(guarded.all(&server, json!({"targetingKey": "user-8"})).await),
        ["hidden true", "mine false", "shown true"]
    );

    for context in [
        json!({"targetingKey": "user-8"}),
        json!({"userId": "user-8"}),
        json!({"userId": 8}),
        json!({"userId": ["user-7"]}),
        json!({"targetingKey": "user-7", "userId": "user-8"}),
        json!({"targetingKey": ""}),
    ] {
        let reply = guarded.one("shown", &mine, context.clone()).await;
        assert_eq!(reply.status, 403, "{context}: {}", reply.text);
        let body = json!({"context": context}).to_string();
        let reply = guarded.send("post", "/ofrep/v1/evaluate/flags", Some(&mine), &body).await;
        assert_eq!(reply.status, 403, "{context}: {}", reply.text);
    }

    // A hidden flag looks like an unknown one.
    let hidden = guarded.one("hidden", &anybody, json!({})).await;
    let none = guarded.one("none", &anybody, json!({})).await;
    assert_eq!((hidden.status, none.status), (404, 404));
    let id = |reply: &Reply| reply.header("x-request-id").unwrap().to_owned();
    assert_eq!(hidden.text.replace("hidden", "none").replace(&id(&hidden), &id(&none)), none.text);
    assert_eq!(guarded.one("hidden", &server, json!({})).await.ok()["value"], true);

    // Of the other endpoints, a client token may only call /features.
    let features = async |token: Option<&str>| guarded.send("get", "/features", token, "").await.ok();
    assert_eq!(features(None).await, json!({"active_features": ["shown"]}));
    assert_eq!(features(Some(&anybody)).await, json!({"active_features": ["shown"]}));
    assert_eq!(features(Some(&mine)).await, json!({"active_features": ["shown", "mine"]}));
    assert_eq!(features(Some(&server)).await, json!({"active_features": ["shown", "hidden", "mine"]}));
    assert_eq!(guarded.send("get", "/features", Some("x"), "").await.status, 401);
}

#[tokio::test]
async fn metrics_token_reads_metrics_and_nothing_else() {
    let token = "a token for Prometheus";
    let guarded = Guarded::start(|options| options.metrics_token = MetricsToken::new(token)).await;
    let get = async |path: &str, token: &str| {
        let request = guarded.server.client.get(guarded.server.url(path)).bearer_auth(token);
        Reply::of(request.send().await.unwrap()).await
    };
    guarded.token(Role::Client, |token| token).await;
    assert!(get("/metrics", token).await.text.contains("novi_build_info"));
    assert_eq!(get("/metrics", "another token").await.status, 401);
    assert_eq!(guarded.server.get("/metrics").await.status, 401);
    for path in ["/flags", "/api/status", "/api/flags"] {
        assert_eq!(get(path, token).await.status, 401, "{path}");
    }
    assert!(MetricsToken::new("short").is_none());
}

#[tokio::test]
async fn open_server_trusts_requests_for_this_machine_only() {
    let guarded = Guarded::start(|options| {
        options.open = true;
        options.origins = Origins::new(["*", "http://app.localhost:3000"]).unwrap();
    })
    .await;
    let address = guarded.server.address;
    let get = async |head: &str| {
        let request = format!("GET /flags HTTP/1.1\r\n{head}connection: close\r\n\r\n");
        guarded.server.raw(request).await
    };
    for host in ["localhost", "127.0.0.1:6684", "[::1]", &address.to_string()] {
        assert_eq!(get(&format!("host: {host}\r\n")).await.status, 200, "{host}");
    }
    // Another name that leads to this machine, as in DNS rebinding.
    let message = get("host: evil.example.org\r\n").await.error(403, "forbidden");
    assert!(message.starts_with("host \"evil.example.org\": without tokens"), "{message}");
    // The fast path of OFREP, and what changes flags.
    for path in
        ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/shown", "/evaluatedFlags", "/api/edits"]
    {
        let head = "host: evil.example.org\r\ncontent-type: application/json\r\ncontent-length: 2\r\n";
        let request = format!("POST {path} HTTP/1.1\r\n{head}connection: close\r\n\r\n{{}}");
        assert_eq!(guarded.server.raw(request).await.status, 403, "{path}");
    }
    for hosts in ["", "host: localhost\r\nhost: localhost\r\n"] {
        assert_eq!(get(hosts).await.error(400, "invalid_host"), "header host: expected exactly one");
    }
    // Pages of other origins, of a named origin, and of the server itself.
    for (origin, status) in [
        ("http://evil.example.org", 401),
        ("http://app.localhost:3000", 200),
        ("http://localhost", 200),
        ("null", 401),
    ] {
        let reply = get(&format!("host: localhost\r\norigin: {origin}\r\n")).await;
        assert_eq!(reply.status, status, "{origin}");
        if status == 401 {
            let message = reply.error(401, "unauthorized");
            let expected =
                format!("origin {origin:?}: without tokens, pages of other origins may not call this");
            assert!(message.starts_with(&expected) && message.contains("[server] cors_origins"), "{message}");
        }
    }
    let mut options = Options::default().open(true).open_to_any_host(true);
    options.tokens = Some(guarded.tokens.clone());
    let server = Server::start_with(guarded.server.flags.clone(), options).await;
    let any = server.raw("GET /flags HTTP/1.1\r\nhost: flags.example.org\r\nconnection: close\r\n\r\n").await;
    assert_eq!(any.status, 200);
}

#[tokio::test]
async fn list_of_enabled_flags_has_only_those_that_the_caller_may_see() {
    let key = SigningKey::new("a key of more than 16 bytes").unwrap();
    let signed = key.sign_toggles("shown=off", Utc::now() + TimeDelta::days(1)).unwrap();
    let guarded = Guarded::start(|options| options.signing_key = Some(key)).await;
    let client = guarded.token(Role::Client, |token| token.subject("user-7")).await;
    let server_token = guarded.token(Role::Server, |token| token).await;
    let list = async |token: Option<&str>| {
        let mut request = guarded.server.client.get(guarded.server.url("/features"));
        request = request.header("x-novi-feature-toggles", &signed);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.header("x-novi-feature-toggles-enabled").unwrap_or_default().to_owned()
    };
    assert_eq!(list(None).await, "");
    assert_eq!(list(Some(&client)).await, "mine");
    assert_eq!(list(Some(&server_token)).await, "hidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_token_can_be_anonymous_if_none_is_required() {
    let guarded = Guarded::start(|options| {
        options.unknown_is_nobody = true;
        options.guess_limit = 2;
    })
    .await;
    guarded.token(Role::Server, |token| token).await;
    let features = guarded.send("get", "/features", Some("unknown"), "").await.ok();
    assert_eq!(features, json!({"active_features": ["shown"]}));
    assert_eq!(guarded.one("shown", "unknown", json!({})).await.status, 401);
    // It does not allow guessing.
    assert_eq!(guarded.send("get", "/features", Some("other"), "").await.status, 200);
    assert_eq!(guarded.send("get", "/features", Some("third"), "").await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn exposed_column_hides_and_shows_a_flag() {
    let guarded = Guarded::start(|_| {}).await;
    let token = guarded.token(Role::Client, |token| token).await;
    guarded.store.run_script("update flag_metadata set exposed = true where flag_id = 2").await.unwrap();
    until(async || guarded.one("hidden", &token, json!({})).await.status == 200).await;
    guarded.store.run_script("update flag_metadata set exposed = false where flag_id = 2").await.unwrap();
    until(async || guarded.one("hidden", &token, json!({})).await.status == 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_accepted_in_either_header() {
    let guarded = Guarded::start(|_| {}).await;
    let token = guarded.token(Role::Server, |token| token).await;
    let call = async |headers: &[(&str, &str)]| {
        let mut request = guarded.server.client.get(guarded.server.url("/flags"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let bearer = format!("Bearer {token}");
    assert_eq!(call(&[("authorization", &bearer)]).await, 200);
    assert_eq!(call(&[("x-api-key", &token)]).await, 200);
    assert_eq!(call(&[("x-api-key", &token), ("authorization", &bearer)]).await, 200);
    assert_eq!(call(&[("x-api-key", "other"), ("authorization", &bearer)]).await, 401);
    assert_eq!(call(&[("authorization", &token)]).await, 401);
    let query = guarded.server.get(&format!("/flags?token={token}")).await;
    assert_eq!(query.status, 401, "a token in a URL would be logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_is_rejected_with_the_default_interval() {
    let guarded = Guarded::start(|_| {}).await;
    // With the default interval.
    let tokens = Tokens::follow(guarded.store.clone(), Tokens::INTERVAL).await.unwrap();
    let token = guarded.token(Role::Server, |token| token.name("one")).await;
    until(async || tokens.authenticate(&token, Utc::now()).is_ok()).await;
    guarded.store.revoke_token("one").await.unwrap();
    until(async || tokens.authenticate(&token, Utc::now()).is_err()).await;
    until(async || guarded.one("shown", &token, json!({})).await.status == 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_token_is_rejected_while_the_table_of_tokens_is_missing() {
    use novi::sqlx::Connection as _;
    let guarded = Guarded::start(|_| {}).await;
    let token = guarded.token(Role::Server, |token| token).await;
    let options = (*guarded.store.pool().connect_options()).clone();
    let mut other = novi::sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    novi::sqlx::raw_sql("alter table novi_tokens rename to gone").execute(&mut other).await.unwrap();
    assert_eq!(guarded.one("shown", "unknown", json!({})).await.status, 401);
    assert_eq!(guarded.one("shown", &token, json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_rejected_until_tokens_are_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("novi.db").display());
    // Without tables.
    let store = Arc::new(SqliteStore::create(&url).await.unwrap());
    let tokens = Tokens::follow(store.clone(), INTERVAL).await.unwrap();
    for open in [true, false] {
        let flags = Flags::builder().keep_rows().from_rows(demo()).unwrap();
        let mut options = Options::default();
        (options.tokens, options.open) = (Some(tokens.clone()), open);
        let server = Server::start_with(flags, options).await;
        let call = async |token: Option<&str>| {
            let request = server.client.get(server.url("/flags"));
            let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
            Reply::of(request.send().await.unwrap()).await
        };
        call(Some("any")).await.error(503, "tokens_not_known");
        let anonymous = call(None).await;
        if open {
            anonymous.error(503, "tokens_not_known");
            assert_eq!(anonymous.header("retry-after"), Some("1"));
        } else {
            anonymous.error(401, "unauthorized");
        }
        assert_eq!(server.get("/health/live").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_limited_and_valid_tokens_are_not() {
    let guarded = Guarded::start(|options| {
        options.guess_limit = 3;
        options.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let token = guarded.token(Role::Server, |token| token).await;
    let call = async |client: &str, token: &str| {
        let request = guarded.server.client.get(guarded.server.url("/flags")).bearer_auth(token);
        Reply::of(request.header("x-forwarded-for", client).send().await.unwrap()).await
    };
    for guess in ["one", "two", "three"] {
        call("198.51.100.7", guess).await.error(401, "unauthorized");
    }
    let late = call("198.51.100.7", "four").await;
    late.error(429, "too_many_requests");
    let seconds: u64 = late.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    // A forged entry before the proxy's changes nothing.
    assert_eq!(call("203.0.113.9, 198.51.100.7", "guess").await.status, 429);
    assert_eq!(call("198.51.100.7", &token).await.status, 200);
    assert_eq!(call("198.51.100.8", "guess").await.status, 401);
    // The same over OFREP.
    let body = json!({"context": {}}).to_string();
    let url = guarded.server.url("/ofrep/v1/evaluate/flags");
    let request =
        guarded.server.client.post(url).bearer_auth("guess").header("x-forwarded-for", "198.51.100.7");
    let reply =
        Reply::of(request.header("content-type", "application/json").body(body).send().await.unwrap()).await;
    assert_eq!(reply.status, 429, "{}", reply.text);
    assert!(reply.header("retry-after").unwrap().parse::<u64>().is_ok());
    // Without a token the status stays 401.
    assert_eq!(guarded.server.get("/flags").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_address_does_not_reset_the_guess_limit() {
    let guarded = Guarded::start(|options| options.guess_limit = 2).await;
    let mut statuses = Vec::new();
    for client in 0..4 {
        let guess = format!("guess {client}");
        let request = guarded.server.client.get(guarded.server.url("/flags")).bearer_auth(guess);
        let request = request.header("x-forwarded-for", format!("198.51.100.{client}"));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_limit_applies_to_each_token() {
    let guarded = Guarded::start(|options| options.rate_limit = 2).await;
    let one = guarded.token(Role::Server, |token| token).await;
    let other = guarded.token(Role::Server, |token| token).await;
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let reply = guarded.one("shown", &one, json!({})).await;
        if reply.status == 429 {
            assert_eq!(reply.header("retry-after"), Some("1"), "{}", reply.text);
        }
        statuses.push(reply.status);
    }
    assert!(statuses[..2] == [200, 200] && statuses.contains(&429), "{statuses:?}");
    assert_eq!(guarded.one("shown", &other, json!({})).await.status, 200);
    assert_eq!(guarded.server.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn layer_uses_the_tokens_of_an_application() {
    let guarded = Guarded::start(|_| {}).await;
    let admin = guarded.token(Role::Admin, |token| token.subject("boss")).await;
    let client = guarded.token(Role::Client, |token| token.subject("user-7")).await;
    let tokens = Tokens::follow(guarded.store.clone(), INTERVAL).await.unwrap();
    let flags = novi::Flags::from_rows(demo()).unwrap();
    let layer = RequestToggles::new(flags).tokens(tokens);
    let page = async |flags: RequestFlags| {
        format!("{:?} {}", flags.context().targeting_key(), flags.is_enabled("Combo AND"))
    };
    let app = axum::Router::new().route("/", axum::routing::get(page)).layer(layer);
    let call = async |token: Option<&str>, toggles: &str| {
        let mut request = axum::http::Request::get("/");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !toggles.is_empty() {
            request = request.header("x-novi-feature-toggles", toggles);
        }
        let response = app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(call(None, "").await, (200, "None false".to_owned()));
    assert_eq!(call(Some("the application's own"), "").await, (200, "None false".to_owned()));
    assert_eq!(call(Some(&client), "").await, (200, "Some(\"user-7\") false".to_owned()));
    assert_eq!(call(Some(&client), "Combo AND=on").await.0, 403);
    assert_eq!(call(Some(&admin), "Combo AND=on").await, (200, "Some(\"boss\") true".to_owned()));
}

#[tokio::test]
async fn event_stream_ends_when_its_token_is_revoked() {
    let guarded = Guarded::start(|options| options.keep_alive = Duration::from_millis(50)).await;
    let token = guarded.token(Role::Client, |token| token.name("phone")).await;
    let bulk = "/ofrep/v1/evaluate/flags";
    let all = guarded.send("POST", bulk, Some(&token), r#"{"context":{}}"#).await.ok();
    let address = all["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
    let open = async || guarded.server.client.get(guarded.server.url(address)).send().await.unwrap();
    let stream = open().await;
    assert_eq!(stream.status(), 200);
    guarded.store.revoke_token("phone").await.unwrap();
    // It ends by itself, and cannot be opened again.
    let text = timeout(PATIENCE, stream.text()).await.unwrap().unwrap();
    assert!(text.starts_with("retry:"), "{text}");
    until(async || open().await.status() == 401).await;
}

#[tokio::test]
async fn anonymous_event_stream_ends_when_tokens_are_required() {
    let guarded = Guarded::start(|options| {
        options.open = true;
        options.keep_alive = Duration::from_millis(50);
    })
    .await;
    let all = guarded.send("POST", "/ofrep/v1/evaluate/flags", None, r#"{"context":{}}"#).await.ok();
    let address = all["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
    let open = async || guarded.server.client.get(guarded.server.url(address)).send().await.unwrap();
    let stream = open().await;
    assert_eq!(stream.status(), 200);
    guarded.token(Role::Admin, |token| token).await;
    timeout(PATIENCE, stream.text()).await.unwrap().unwrap();
    assert_eq!(open().await.status(), 401);
}

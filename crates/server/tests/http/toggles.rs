//! Toggles of a request.

use axum::{Json, Router, routing::get};
use chrono::{TimeDelta, Utc};
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Rows},
};
use novi_server::{Options, RequestFlags, RequestToggles, SigningKey, TogglesHeader};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::common::{Reply, Server, client, escaped};

fn rows() -> Rows {
    let with = |id, name, status, metadata| FlagRow { metadata, ..FlagRow::new(id, name, status) };
    let versions = FlagMetadata { variants: Some("2".to_owned()), ..FlagMetadata::default() };
    let pinned = FlagMetadata { override_allowed: false, ..FlagMetadata::default() };
    Rows {
        flags: vec![
            with(1, "new-foo", false, versions),
            FlagRow::new(2, "fast-bar", true),
            with(3, "pinned", false, pinned),
            FlagRow::new(4, "grün, gelb", true),
            FlagRow::new(5, "mine", true),
        ],
        activations: vec![ActivationRow::new(
            1,
            "mine",
            "novi.attribute",
            r#"{"attribute": "targetingKey", "equals": "user-7"}"#,
        )],
        links: vec![LinkRow::new(5, 1)],
        ..Rows::default()
    }
}

fn flags() -> Flags {
    Flags::builder().keep_rows().from_rows(rows()).unwrap()
}

const TOGGLES: &str = "x-novi-feature-toggles";
const ENABLED: &str = "x-novi-feature-toggles-enabled";

#[tokio::test]
async fn toggles_header_overrides_flags_for_its_request_only() {
    let server = Server::start_with(flags(), Options::default()).await;
    let body = json!({"context": {"targetingKey": "user-7"}}).to_string();
    let call = async |path: &str, body: &str, toggles: Option<&str>| {
        let mut request = server.client.post(server.url(path)).header("content-type", "application/json");
        if let Some(toggles) = toggles {
            request = request.header(TOGGLES, toggles);
        }
        Reply::of(request.body(body.to_owned()).send().await.unwrap()).await
    };
    let toggles = Some("new-foo:2=on,fast-bar=off");
    let enabled = "new-foo:2,gr%C3%BCn%2C gelb,mine";
    let one = call("/ofrep/v1/evaluate/flags/new-foo", &body, toggles).await;
    assert_eq!((one.ok()["value"].clone(), one.header(ENABLED)), (json!(2), Some(enabled)));
    let all = call("/ofrep/v1/evaluate/flags", &body, toggles).await;
    assert_eq!((all.ok()["flags"][1]["value"].clone(), all.header(ENABLED)), (json!(false), Some(enabled)));
    let seeds = call("/evaluatedFlags/new-foo", r#"{"targetingKey": "user-7"}"#, toggles).await;
    assert_eq!((seeds.ok()["status"].clone(), seeds.header(ENABLED)), (json!(true), Some(enabled)));
    let request = server.client.get(server.url("/features")).header(TOGGLES, "new-foo:1=on,fast-bar=off");
    let features = Reply::of(request.send().await.unwrap()).await;
    assert_eq!(features.ok(), json!({"active_features": ["new-foo", "grün, gelb"]}));
    assert_eq!(features.header(ENABLED), Some("new-foo:1,gr%C3%BCn%2C gelb"));

    let without = call("/ofrep/v1/evaluate/flags/fast-bar", &body, None).await;
    assert_eq!((without.ok()["value"].clone(), without.header(ENABLED)), (json!(true), None));
}

#[tokio::test]
async fn invalid_toggles_are_rejected_with_the_invalid_part() {
    let server = Server::start_with(flags(), Options::default()).await;
    for (path, body) in [("/ofrep/v1/evaluate/flags/fast-bar", "{\"context\":{}}"), ("/evaluatedFlags", "{}")]
    {
        for (list, part) in [
            ("fast-bar=off,new-foo=on", "\"new-foo=on\": expected a version from 1 to 2"),
            ("pinned=on", "\"pinned\" cannot be overridden"),
            ("none=on", "flag \"none\" was not found"),
        ] {
            let request = server.client.post(server.url(path)).header("content-type", "application/json");
            let reply = Reply::of(request.header(TOGGLES, list).body(body).send().await.unwrap()).await;
            let json = reply.json();
            assert_eq!(
                (reply.status, json["error"]["code"].as_str()),
                (400, Some("invalid_toggles")),
                "{list}"
            );
            let message = json["error"]["message"].as_str().unwrap();
            assert!(message.contains(part), "{message}");
        }
    }
}

#[tokio::test]
async fn toggles_header_can_be_renamed() {
    let mut options = Options::default();
    options.toggles_header = TogglesHeader::new("X-Knora-Feature-Toggles").unwrap();
    assert!(TogglesHeader::new("no header").is_none());
    let server = Server::start_with(flags(), options).await;
    let request =
        server.client.get(server.url("/features")).header("x-knora-feature-toggles", "fast-bar=off");
    let reply = Reply::of(request.send().await.unwrap()).await;
    assert_eq!(reply.header("x-knora-feature-toggles-enabled"), Some("gr%C3%BCn%2C gelb"));
}

/// An application with the layer.
async fn application(toggles: RequestToggles) -> String {
    #[novi::enabled("fast-bar", flags = novi_flags(), otherwise = "slow")]
    fn bar() -> &'static str {
        "fast"
    }
    async fn page(flags: RequestFlags) -> Json<Value> {
        let spawned = flags.clone();
        let spawned = tokio::spawn(async move { spawned.is_enabled("new-foo") }).await.unwrap();
        Json(json!({
            "new-foo": flags.evaluate("new-foo").unwrap().version(),
            "mine": flags.is_enabled("mine"),
            "elsewhere": spawned,
            "bar": bar(),
            "user": novi::context::current(|context| context.targeting_key().map(str::to_owned)),
        }))
    }
    let app = Router::new().route("/", get(page)).layer(toggles).route("/bare", get(page));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, app).await });
    format!("http://{address}")
}

fn novi_flags() -> Flags {
    flags()
}

#[tokio::test]
async fn layer_adds_flags_to_the_requests_of_an_application() {
    let key = SigningKey::new("a secret of sixteen bytes").unwrap();
    let toggles = RequestToggles::new(flags())
        .context_header("x-user", "targetingKey")
        .context(|parts, context: &mut Context<'static>| {
            if parts.uri.path() == "/" {
                context.insert("plan", "pro");
            }
        })
        .trust(|parts| parts.headers.contains_key("x-staff"))
        .signing_key(key.clone())
        .query_parameter("toggles");
    let url = application(toggles).await;
    let get = async |path: &str, headers: &[(&'static str, &str)]| {
        let mut request = client().get(format!("{url}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reply::of(request.send().await.unwrap()).await
    };
    let plain = get("/", &[]).await;
    let off = json!({"new-foo": null, "mine": false, "elsewhere": false, "bar": "fast", "user": null});
    assert_eq!(plain.ok(), off);
    assert_eq!(plain.header(ENABLED), Some("fast-bar,gr%C3%BCn%2C gelb"));

    let on = json!({"new-foo": 2, "mine": true, "elsewhere": true, "bar": "slow", "user": "user-7"});
    let list = "new-foo:2=on,fast-bar=off";
    let staff = get("/", &[("x-user", "user-7"), ("x-staff", "1"), (TOGGLES, list)]).await;
    assert_eq!((staff.ok(), staff.header(ENABLED)), (on.clone(), Some("new-foo:2,gr%C3%BCn%2C gelb,mine")));

    let refused = get("/", &[(TOGGLES, list), ("x-request-id", "mine")]).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (403, Some("forbidden")));
    assert_eq!(refused.json()["error"]["request_id"], "mine");
    let wrong = get("/", &[("x-staff", "1"), (TOGGLES, "new-foo=on")]).await;
    assert_eq!((wrong.status, wrong.json()["error"]["code"].as_str()), (400, Some("invalid_toggles")));

    let signed = key.sign_toggles(list, Utc::now() + TimeDelta::hours(1)).unwrap();
    assert_eq!(get("/", &[("x-user", "user-7"), (TOGGLES, &signed)]).await.ok(), on);
    let expired = key.sign_toggles(list, Utc::now() - TimeDelta::hours(1)).unwrap();
    assert_eq!(get("/", &[(TOGGLES, &expired)]).await.status, 403);
    // In a query, the list must be signed.
    let escaped = escaped(&signed);
    assert_eq!(get(&format!("/?a=b&toggles={escaped}"), &[("x-user", "user-7")]).await.ok(), on);
    assert_eq!(get("/?toggles=fast-bar=off", &[("x-staff", "1")]).await.status, 403);
    // Outside of the layer there are no flags to extract.
    assert_eq!(get("/bare", &[]).await.status, 500);
}

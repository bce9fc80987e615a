//! Toggles of one request.

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

const ASKS: &str = "x-novi-feature-toggles";
const TELLS: &str = "x-novi-feature-toggles-enabled";

#[tokio::test]
async fn a_header_overrides_flags_for_its_request_alone() {
    let server = Server::start_with(flags(), Options::default()).await;
    let body = json!({"context": {"targetingKey": "user-7"}}).to_string();
    let ask = async |path: &str, body: &str, toggles: Option<&str>| {
        let mut request = server.client.post(server.url(path)).header("content-type", "application/json");
        if let Some(toggles) = toggles {
            request = request.header(ASKS, toggles);
        }
        Reply::of(request.body(body.to_owned()).send().await.unwrap()).await
    };
    let toggles = Some("new-foo:2=on,fast-bar=off");
    let tells = "new-foo:2,gr%C3%BCn%2C gelb,mine";
    let one = ask("/ofrep/v1/evaluate/flags/new-foo", &body, toggles).await;
    assert_eq!((one.ok()["value"].clone(), one.header(TELLS)), (json!(2), Some(tells)));
    let all = ask("/ofrep/v1/evaluate/flags", &body, toggles).await;
    assert_eq!((all.ok()["flags"][1]["value"].clone(), all.header(TELLS)), (json!(false), Some(tells)));
    let seeds = ask("/evaluatedFlags/new-foo", r#"{"targetingKey": "user-7"}"#, toggles).await;
    assert_eq!((seeds.ok()["status"].clone(), seeds.header(TELLS)), (json!(true), Some(tells)));
    let request = server.client.get(server.url("/features")).header(ASKS, "new-foo:1=on,fast-bar=off");
    let features = Reply::of(request.send().await.unwrap()).await;
    assert_eq!(features.ok(), json!({"active_features": ["new-foo", "grün, gelb"]}));
    assert_eq!(features.header(TELLS), Some("new-foo:1,gr%C3%BCn%2C gelb"));

    let without = ask("/ofrep/v1/evaluate/flags/fast-bar", &body, None).await;
    assert_eq!((without.ok()["value"].clone(), without.header(TELLS)), (json!(true), None));
}

#[tokio::test]
async fn what_is_wrong_is_a_400_that_says_which_part() {
    let server = Server::start_with(flags(), Options::default()).await;
    for (path, body) in [("/ofrep/v1/evaluate/flags/fast-bar", "{\"context\":{}}"), ("/evaluatedFlags", "{}")]
    {
        for (list, part) in [
            ("fast-bar=off,new-foo=on", "\"new-foo=on\": expected a version from 1 to 2"),
            ("pinned=on", "\"pinned\" can not be overridden"),
            ("none=on", "there is no flag \"none\""),
        ] {
            let request = server.client.post(server.url(path)).header("content-type", "application/json");
            let reply = Reply::of(request.header(ASKS, list).body(body).send().await.unwrap()).await;
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
async fn the_header_can_have_another_name() {
    let mut options = Options::default();
    options.toggles_header = TogglesHeader::new("X-Knora-Feature-Toggles").unwrap();
    assert!(TogglesHeader::new("no header").is_none());
    let server = Server::start_with(flags(), options).await;
    let request =
        server.client.get(server.url("/features")).header("x-knora-feature-toggles", "fast-bar=off");
    let reply = Reply::of(request.send().await.unwrap()).await;
    assert_eq!(reply.header("x-knora-feature-toggles-enabled"), Some("gr%C3%BCn%2C gelb"));
}

/// An application of somebody's own.
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
            "user": novi::current_context(|context| context.targeting_key().map(str::to_owned)),
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
async fn the_layer_gives_an_applications_handlers_their_flags() {
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
    assert_eq!(plain.header(TELLS), Some("fast-bar,gr%C3%BCn%2C gelb"));

    let on = json!({"new-foo": 2, "mine": true, "elsewhere": true, "bar": "slow", "user": "user-7"});
    let list = "new-foo:2=on,fast-bar=off";
    let staff = get("/", &[("x-user", "user-7"), ("x-staff", "1"), (ASKS, list)]).await;
    assert_eq!((staff.ok(), staff.header(TELLS)), (on.clone(), Some("new-foo:2,gr%C3%BCn%2C gelb,mine")));

    let refused = get("/", &[(ASKS, list), ("x-request-id", "mine")]).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (403, Some("forbidden")));
    assert_eq!(refused.json()["error"]["request_id"], "mine");
    let wrong = get("/", &[("x-staff", "1"), (ASKS, "new-foo=on")]).await;
    assert_eq!((wrong.status, wrong.json()["error"]["code"].as_str()), (400, Some("invalid_toggles")));

    let signed = key.sign_toggles(list, Utc::now() + TimeDelta::hours(1));
    assert_eq!(get("/", &[("x-user", "user-7"), (ASKS, &signed)]).await.ok(), on);
    let expired = key.sign_toggles(list, Utc::now() - TimeDelta::hours(1));
    assert_eq!(get("/", &[(ASKS, &expired)]).await.status, 403);
    // Links carry it in their query, and never without a signature.
    let escaped = escaped(&signed);
    assert_eq!(get(&format!("/?a=b&toggles={escaped}"), &[("x-user", "user-7")]).await.ok(), on);
    assert_eq!(get("/?toggles=fast-bar=off", &[("x-staff", "1")]).await.status, 403);
    // Outside of the layer there is nothing to take.
    assert_eq!(get("/bare", &[]).await.status, 500);
}

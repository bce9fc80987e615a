//! The OpenFeature Remote Evaluation Protocol.

use novi::{
    Flags,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Rows, ValueType},
};
use novi_server::Options;
use serde_json::{Value, json};

use crate::common::{Reply, Server, escaped, until};

const BULK: &str = "/ofrep/v1/evaluate/flags";

fn with(id: i64, name: &str, status: bool, variants: &str, default: Option<&str>) -> FlagRow {
    let metadata = FlagMetadata {
        variants: Some(variants.to_owned()),
        default_variant: default.map(str::to_owned),
        ..FlagMetadata::default()
    };
    FlagRow { metadata, ..FlagRow::new(id, name, status) }
}

fn numbers(mut row: FlagRow) -> FlagRow {
    row.metadata.value_type = Some(ValueType::Number);
    row
}

fn rows() -> Rows {
    let broken = FlagMetadata {
        variants: Some(r#"{"a": "x"}"#.to_owned()),
        default_variant: Some("a".to_owned()),
        ..FlagMetadata::default()
    };
    Rows {
        flags: vec![
            FlagRow::new(1, "on", true),
            FlagRow::new(2, "disabled", false),
            FlagRow::new(3, "for pros", true),
            FlagRow::new(4, "half", true),
            with(5, "text", true, r#"{"a": "one", "b": "two \"quoted\""}"#, Some("b")),
            with(6, "whole", true, r#"{"a": 1, "b": 9007199254740993}"#, Some("b")),
            numbers(with(7, "fraction", true, r#"{"a": 1, "b": 2.5}"#, Some("a"))),
            with(8, "object", true, r#"{"a": {"k": [1, 2.0, null]}}"#, Some("a")),
            with(9, "text off", false, r#"{"a": "one"}"#, Some("a")),
            with(10, "versions", true, "3", Some("2")),
            FlagRow::new(11, "a/b ünï %41 🚀?#", true),
            FlagRow::new(12, "broken", true),
            FlagRow { metadata: broken, ..FlagRow::new(13, "broken text", true) },
        ],
        activations: vec![
            ActivationRow::new(1, "pros", "novi.attribute", r#"{"attribute": "plan", "equals": "pro"}"#),
            ActivationRow::new(2, "half", "novi.percentage", r#"{"percentage": 50}"#),
            ActivationRow::new(3, "broken", "nobody.knows", "{}"),
        ],
        links: vec![LinkRow::new(3, 1), LinkRow::new(4, 2), LinkRow::new(12, 3), LinkRow::new(13, 3)],
        ..Rows::default()
    }
}

async fn start() -> Server {
    let flags = Flags::from_rows(rows()).unwrap();
    Server::start_with(flags, Options::default()).await
}

async fn call(server: &Server, path: &str, body: &str) -> Reply {
    let request = server.client.post(server.url(path)).header("content-type", "application/json");
    Reply::of(request.body(body.to_owned()).send().await.unwrap()).await
}

async fn one(server: &Server, key: &str, context: &Value) -> Reply {
    call(server, &format!("{BULK}/{key}"), &json!({"context": context}).to_string()).await
}

fn success(key: &str, value: &Value, reason: &str, variant: &str) -> Value {
    json!({"key": key, "value": value, "reason": reason, "variant": variant, "metadata": {"revision": 0}})
}

#[tokio::test]
async fn every_type_and_reason_has_the_form_of_openfeature() {
    let server = start().await;
    let pro = json!({"targetingKey": "u", "plan": "pro"});
    let cases = [
        ("on", &pro, success("on", &json!(true), "STATIC", "on")),
        ("disabled", &pro, success("disabled", &json!(false), "DISABLED", "off")),
        ("for%20pros", &pro, success("for pros", &json!(true), "TARGETING_MATCH", "on")),
        ("for%20pros", &json!({}), success("for pros", &json!(false), "DEFAULT", "off")),
        ("text", &json!({}), success("text", &json!("two \"quoted\""), "STATIC", "b")),
        ("whole", &json!({}), success("whole", &json!(9_007_199_254_740_993_i64), "STATIC", "b")),
        ("fraction", &json!({}), success("fraction", &json!(1.0), "STATIC", "a")),
        ("object", &json!({}), success("object", &json!({"k": [1, 2.0, null]}), "STATIC", "a")),
        (
            "text%20off",
            &json!({}),
            json!({"key": "text off", "reason": "DISABLED", "variant": "off", "metadata": {"revision": 0}}),
        ),
        (
            "versions",
            &json!({}),
            json!({"key": "versions", "value": 2, "reason": "STATIC", "variant": "2",
                "metadata": {"revision": 0, "version": 2}}),
        ),
        ("broken", &json!({}), success("broken", &json!(false), "ERROR", "off")),
    ];
    for (key, context, expected) in cases {
        assert_eq!(one(&server, key, context).await.ok(), expected, "{key}");
    }
    // As text: some clients distinguish 1 and 1.0.
    assert!(one(&server, "fraction", &json!({})).await.text.contains("\"value\":1.0,"));
    assert!(one(&server, "object", &json!({})).await.text.contains("[1,2.0,null]"));
    let mut variants = Vec::new();
    for user in 0..20 {
        let reply = one(&server, "half", &json!({"targetingKey": format!("user-{user}")})).await.ok();
        variants.push((reply["value"] == true, reply["reason"].as_str().unwrap().to_owned()));
    }
    variants.sort();
    variants.dedup();
    assert_eq!(variants, [(false, "DEFAULT".to_owned()), (true, "SPLIT".to_owned())]);
}

#[tokio::test]
async fn key_may_be_any_text_encoded_or_not() {
    let server = start().await;
    let name = "a/b ünï %41 🚀?#";
    for key in ["a%2Fb%20%C3%BCn%C3%AF%20%2541%20%F0%9F%9A%80%3F%23", "a/b%20ünï%20%2541%20🚀%3F%23"] {
        let raw = format!(
            "POST {BULK}/{key} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: 14\r\n\r\n{{\"context\":{{}}}}"
        );
        assert_eq!(server.raw(raw).await.ok()["key"], name, "{key}");
    }
    let reply = one(&server, "%FF", &json!({})).await;
    assert_eq!((reply.status, reply.json()["key"].clone()), (400, json!("%FF")));
    assert_eq!(one(&server, "none%20such", &json!({})).await.json()["key"], "none such");
    for (length, status) in [(20_000, 404), (40_000, 414)] {
        let reply = one(&server, &"x".repeat(length), &json!({})).await;
        assert_eq!(reply.status, status);
        assert!(reply.text.len() < 2_000, "{}", reply.text.len());
    }
    server.get(&format!("/flags/{}", "x".repeat(40_000))).await.error(414, "url_too_long");
    server.get(&format!("/health/live?{}", "x".repeat(40_000))).await.error(414, "url_too_long");
}

#[tokio::test]
async fn bulk_response_equals_single_responses() {
    let server = start().await;
    let context = json!({"targetingKey": "u", "plan": "pro"});
    for path in [BULK, "/ofrep/v1/evaluate/flags/"] {
        let reply = call(&server, path, &json!({"context": context}).to_string()).await;
        let all = reply.ok();
        let flags = all["flags"].as_array().unwrap();
        assert_eq!(flags.len(), rows().flags.len());
        for flag in flags {
            let key = flag["key"].as_str().unwrap();
            let escaped = escaped(key);
            let alone = one(&server, &escaped, &context).await;
            let mut alone_json = alone.json();
            if alone.status == 200 {
                let metadata = alone_json.as_object_mut().unwrap().remove("metadata").unwrap();
                assert_eq!(metadata["version"], flag["metadata"]["version"], "{key}");
                let mut flag = flag.clone();
                flag.as_object_mut().unwrap().remove("metadata");
                assert_eq!(alone_json, flag);
            } else {
                assert_eq!((flag["errorCode"].as_str(), alone.status), (Some("PARSE_ERROR"), 400), "{key}");
                assert_eq!(alone_json["errorCode"], "PARSE_ERROR");
            }
        }
        assert_eq!(all["metadata"], json!({"revision": 0}));
        assert_eq!(all["eventStreams"][0]["type"], "sse");
        assert_eq!(all["eventStreams"][0]["inactivityDelaySec"], 120);
    }
}

#[tokio::test]
async fn etag_changes_with_context_rows_and_time() {
    let server = start().await;
    let fetch = async |context: &str, known: Option<&str>| {
        let mut request = server.client.post(server.url(BULK)).header("content-type", "application/json");
        if let Some(known) = known {
            request = request.header("if-none-match", known);
        }
        Reply::of(request.body(format!("{{\"context\":{context}}}")).send().await.unwrap()).await
    };
    let first = fetch(r#"{"plan":"pro"}"#, None).await;
    let etag = first.header("etag").unwrap().to_owned();
    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let again = fetch(r#"{"plan":"pro"}"#, Some(&known)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), Some(etag.as_str()));
    }
    let other = fetch(r#"{"plan":"free"}"#, Some(&etag)).await;
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), Some(etag.as_str()));
    assert_eq!(fetch(r#"{"plan":"pro"}"#, Some("\"other\"")).await.status, 200);

    let mut changed = rows();
    changed.revision = novi::rows::Revision::new(5);
    server.flags.replace_rows(changed.clone());
    assert_eq!(fetch(r#"{"plan":"pro"}"#, Some(&etag)).await.status, 200);
    // The same number of another history.
    let numbered = fetch(r#"{"plan":"pro"}"#, None).await.header("etag").unwrap().to_owned();
    changed.revision = changed.revision.stamped(1);
    server.flags.replace_rows(changed.clone());
    assert_eq!(fetch(r#"{"plan":"pro"}"#, Some(&numbered)).await.status, 200);
    // The same rows and the same request, but a time window opens.
    changed.links.push(LinkRow::new(1, 9));
    // Longer if the requests before the opening took too long.
    for seconds in [1, 4, 16, 64] {
        let opens = chrono::Utc::now() + chrono::TimeDelta::seconds(seconds);
        let config = format!(r#"{{"startDateTime": "{}"}}"#, opens.to_rfc3339());
        let mut rows = changed.clone();
        rows.activations.push(ActivationRow::new(9, "opens", "novi.date_time", config));
        server.flags.replace_rows(rows);
        let closed = fetch(r#"{"plan":"pro"}"#, None).await;
        let etag = closed.header("etag").unwrap().to_owned();
        let same = fetch(r#"{"plan":"pro"}"#, Some(&etag)).await;
        if chrono::Utc::now() < opens {
            assert_eq!(closed.ok()["flags"][0]["value"], false);
            assert_eq!(same.status, 304);
            until(async || chrono::Utc::now() >= opens).await;
            let open = fetch(r#"{"plan":"pro"}"#, Some(&etag)).await;
            assert_eq!(open.ok()["flags"][0]["value"], true);
            return;
        }
    }
    panic!("two requests took more than a minute");
}

#[tokio::test]
async fn invalid_request_has_the_error_code_of_openfeature() {
    let server = start().await;
    let deep = format!("{{\"context\":{{\"a\":{}{}}}}}", "[".repeat(30_000), "]".repeat(30_000));
    let many = (0..1001).map(|n| format!("\"a{n}\":1,")).collect::<Vec<_>>().concat();
    let many = format!("{{\"context\":{{{many}\"z\":1}}}}");
    let bodies = [
        ("", "PARSE_ERROR"),
        ("{", "PARSE_ERROR"),
        ("nonsense", "PARSE_ERROR"),
        ("{\"context\":{}} {}", "PARSE_ERROR"),
        ("[]", "INVALID_CONTEXT"),
        ("[{\"targetingKey\": \"x\"}]", "INVALID_CONTEXT"),
        ("null", "INVALID_CONTEXT"),
        ("7", "INVALID_CONTEXT"),
        ("{}", "INVALID_CONTEXT"),
        ("{\"context\": null}", "INVALID_CONTEXT"),
        ("{\"context\": []}", "INVALID_CONTEXT"),
        ("{\"context\": \"x\"}", "INVALID_CONTEXT"),
        ("{\"context\": {\"targetingKey\": 7}}", "INVALID_CONTEXT"),
        ("{\"context\": {\"a\": \"\\ud800\"}}", "INVALID_CONTEXT"),
        ("{\"context\": {\"a\": 1e400}}", "INVALID_CONTEXT"),
        (deep.as_str(), "INVALID_CONTEXT"),
        (many.as_str(), "INVALID_CONTEXT"),
    ];
    for (body, code) in bodies {
        for path in [BULK.to_owned(), format!("{BULK}/on")] {
            let start: String = body.chars().take(60).collect();
            let reply = call(&server, &path, body).await;
            assert_eq!(reply.status, 400, "{start}: {}", reply.text);
            let json = reply.json();
            assert_eq!(json["errorCode"], code, "{start}: {}", reply.text);
            assert_eq!(json["errorDetails"], json["error"]["message"]);
            assert_eq!(json["error"]["request_id"], reply.header("x-request-id").unwrap());
            assert_eq!(json.get("key").is_some(), path != BULK);
        }
    }
    let empty = call(&server, BULK, "").await.json();
    let details = empty["errorDetails"].as_str().unwrap();
    assert!(details.starts_with("body: expected a JSON object like"), "{details}");
    let missing = one(&server, "nothing", &json!({})).await;
    assert_eq!(missing.status, 404);
    let request_id = missing.header("x-request-id").unwrap();
    let message = "flag \"nothing\" was not found";
    assert_eq!(
        missing.json(),
        json!({"key": "nothing", "errorCode": "FLAG_NOT_FOUND", "errorDetails": message,
            "error": {"code": "flag_not_found", "message": message, "request_id": request_id}})
    );
    call(&server, "/ofrep/v1/evaluate/flagsomething", "{}").await.error(404, "route_not_found");
    server.get(BULK).await.error(405, "method_not_allowed");
}

#[tokio::test]
async fn missing_targeting_key_is_rejected_if_required() {
    let mut options = Options::default();
    options.require_targeting_key = true;
    let flags = Flags::builder().identity(["user_id"]).from_rows(rows()).unwrap();
    let server = Server::start_with(flags, options).await;
    for body in [r#"{"context":{}}"#, r#"{"context":{"targetingKey":null}}"#] {
        for path in [BULK.to_owned(), format!("{BULK}/on")] {
            let reply = call(&server, &path, body).await;
            assert_eq!(
                (reply.status, reply.json()["errorCode"].as_str()),
                (400, Some("TARGETING_KEY_MISSING"))
            );
        }
    }
    one(&server, "on", &json!({"targetingKey": "u"})).await.ok();
    one(&server, "on", &json!({"user_id": 7})).await.ok();
}

#[tokio::test]
async fn wrong_content_type_and_size_are_rejected() {
    let flags = Flags::from_rows(rows()).unwrap();
    let mut options = Options::default();
    options.body_limit = 100;
    let server = Server::start_with(flags, options).await;
    let body = "{\"context\":{}}";
    let send = async |kind: &str, encoding: &str, body: String| {
        let mut request = server.client.post(server.url(&format!("{BULK}/on"))).body(body);
        for (name, value) in [("content-type", kind), ("content-encoding", encoding)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        Reply::of(request.send().await.unwrap()).await
    };
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/json ;x=y"] {
        assert_eq!(send(kind, "", body.to_owned()).await.status, 200, "{kind}");
    }
    assert_eq!(send("", "", String::new()).await.status, 400);
    for kind in
        ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"]
    {
        let reply = send(kind, "", body.to_owned()).await;
        assert_eq!((reply.status, reply.json()["errorCode"].as_str()), (415, Some("GENERAL")), "{kind}");
        assert_eq!(reply.json()["key"], "on");
    }
    assert_eq!(send("application/json", "gzip", body.to_owned()).await.status, 415);
    let reply = send("application/json", "", format!("{body}{}", " ".repeat(100))).await;
    assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (413, Some("body_too_large")));
}

#[tokio::test]
async fn exposures_are_recorded_by_option_and_for_single_flags_only() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/flags.db?mode=rwc", folder.path().display());
    let store = novi::store::create(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.run_script("insert into flags (id, name, status) values (1, 'on', true)").await.unwrap();
    let recorded = async || {
        let rows = store.assignment_store().unwrap().assignments("on", 100).await.unwrap();
        rows.into_iter().map(|row| row.unit).collect::<Vec<_>>()
    };
    for (records, expected) in [(false, &[][..]), (true, &["one"][..])] {
        let flags = Flags::connect(&url).await.unwrap();
        let mut options = Options::default();
        options.record_exposures = records;
        let server = Server::start_with(flags.clone(), options).await;
        one(&server, "on", &json!({"targetingKey": "one"})).await.ok();
        call(&server, BULK, r#"{"context": {"targetingKey": "bulk"}}"#).await.ok();
        let looks = server.client.post(server.url(&format!("{BULK}/on"))).header("novi-expose", "false");
        let looks = looks.json(&json!({"context": {"targetingKey": "looks"}}));
        Reply::of(looks.send().await.unwrap()).await.ok();
        flags.close().await.unwrap();
        assert_eq!(recorded().await, expected);
        let metrics = server.get("/metrics").await.text;
        let written = format!("novi_exposures_total{{result=\"written\"}} {}", expected.len());
        assert!(metrics.contains(&written), "{metrics}");
    }
}

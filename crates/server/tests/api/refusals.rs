//! Invalid bodies, paths and headers.

use novi_server::{Database, Options};
use serde_json::json;

use crate::{
    common::{Kind, database},
    support::{Api, problems},
};

#[tokio::test]
async fn body_must_be_json_with_the_json_content_type() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let body = br#"{"name": "x"}"#.to_vec();
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp")]
    {
        api.raw("/api/flags", kind, body.clone()).await.error(415, "unsupported_media_type");
    }
    let json = Some("application/json");
    let deep = format!("{{\"name\": \"x\", \"variants\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in ["", "{", "{\"name\": \"\\ud800\"}", "nonsense", "{\"id\": 1e400}", &deep] {
        api.raw("/api/flags", json, body.into()).await.error(400, "invalid_body");
    }
    api.raw("/api/flags", json, b"{\"name\": \"\xff\"}".to_vec()).await.error(400, "invalid_body");
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
    api.raw("/api/flags", json, large.into()).await.error(413, "body_too_large");
    for (body, found) in
        [("[]", "a list"), ("null", "null"), ("7", "7"), ("\"x\"", "a string"), ("[\"x\"]", "a list")]
    {
        let error = api.raw("/api/flags", json, body.into()).await.error(422, "invalid");
        assert_eq!(
            problems(&error),
            [(String::new(), format!("expected an object, found {found}"))],
            "{body}"
        );
    }
    let twice = api.raw("/api/flags", json, br#"{"name": "a", "name": "b"}"#.to_vec()).await;
    twice.error(400, "invalid_body");
    assert_eq!(api.store.load().await.unwrap().flags.len(), 4);
}

#[tokio::test]
async fn invalid_fields_are_rejected_with_their_places() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    for (body, place) in [
        (json!({}), ""),
        (json!({"name": null}), "/name"),
        (json!({"name": "x", "id": 0}), "/id"),
        (json!({"name": "x", "id": null}), "/id"),
        (json!({"name": "x", "id": 9_223_372_036_854_775_808_u64}), "/id"),
        (json!({"name": "x", "status": null}), "/status"),
        (json!({"name": "x", "version": 1}), "/version"),
        (json!({"name": "x", "activations": [1, 99]}), "/activations/1"),
        (json!({"name": "x", "tags": ["a", "b\u{0}"]}), "/tags/1"),
        (json!({"name": "x", "expires_at": "+12345-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"name": "x", "variants": [1]}), "/variants"),
        (json!({"name": "x", "variants": 1001}), "/variants"),
        (json!({"name": "x", "fail_mode": "ON"}), "/fail_mode"),
        (json!({"name": "x", "description": "a\u{0}"}), "/description"),
        (json!({"name": "x", "default_variant": "x".repeat(256)}), "/default_variant"),
        (json!({"name": "x", "row_version": 1}), "/row_version"),
    ] {
        let error = api.post("/api/flags", body.clone()).await.error(422, "invalid");
        assert_eq!(problems(&error)[0].0, place, "{body}: {error}");
    }
    let error =
        api.post("/api/flags", json!({"name": "x", "expires_at": "soon"})).await.error(422, "invalid");
    let message =
        r#"expected a time such as "2027-01-31T12:00:00Z" or a date such as "2027-01-31", found "soon""#;
    assert_eq!(problems(&error), [("/expires_at".to_owned(), message.to_owned())]);
    // All violations of one row.
    let long = "x".repeat(256);
    let body = json!({"name": long, "id": -1, "default_variant": long, "expires_at": "1969-12-31", "tags": ["\u{0}"]});
    let error = api.post("/api/flags", body).await.error(422, "invalid");
    let places: Vec<_> = problems(&error).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(places, ["/id", "/name", "/default_variant", "/tags/0", "/expires_at"]);
    // One problem for one mistake.
    let error = api.post("/api/flags", json!({"name": "x", "activations": [99]})).await.error(422, "invalid");
    assert_eq!(problems(&error), [("/activations/0".to_owned(), "activations#99 was not found".to_owned())]);
    let body = json!({"config": "{\"percentage\": 50}"});
    let error = api.patch("/api/activations/2", body).await.error(422, "invalid");
    let message = "expected a JSON object or array, found a string with JSON in it; send the config itself";
    assert_eq!(problems(&error), [("/config".to_owned(), message.to_owned())]);
    let error = api.patch("/api/flags/3", json!({"id": 7})).await.error(422, "invalid");
    assert_eq!(problems(&error), [("/id".to_owned(), "the id of a row cannot be changed".to_owned())]);
    for (path, message) in [
        ("/api/diff?from=-1", "query: from: expected a revision such as 42, a time"),
        ("/api/diff?from=x", "or a date such as 2027-01-31, found \"x\""),
    ] {
        let error = api.get(path).await.error(400, "invalid_query");
        assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    }
    for path in [
        "/api/flags/x",
        "/api/flags/-1",
        "/api/flags/9223372036854775808",
        "/api/flags/+3",
        "/api/flags/1%20",
    ] {
        api.get(path).await.error(400, "invalid_path");
    }
    for path in ["/api/flags/0", "/api/flags/99"] {
        api.get(path).await.error(404, "flag_not_found");
    }
    assert_eq!(api.get("/api/flags/3/activations/1").await.status, 405);
    assert_eq!(api.get("/api/nothing").await.error(404, "route_not_found")["code"], "route_not_found");
    assert_eq!(api.store.load().await.unwrap().flags.len(), 4);
}

#[tokio::test]
async fn bodies_that_are_no_object_of_fields_are_rejected_in_words_of_json() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    for (path, body, code, message) in [
        ("/api/edits", "[{}]", "invalid", "expected an object, found a list"),
        ("/api/edits", "7", "invalid", "expected an object, found 7"),
        (
            "/api/edits",
            r#"{"changes": [{}]}"#,
            "invalid",
            "/changes/0: expected an object with a single field, found none or several",
        ),
        (
            "/api/flags",
            r#"{"name": "x", "id": 99999999999999999999}"#,
            "invalid",
            "/id: expected an integer of 64 bits, found a number of about 1e+20",
        ),
        ("/api/flags", "", "invalid_body", "body: expected JSON, found an empty text"),
        (
            "/api/flags",
            r#"{"id": 1e309}"#,
            "invalid_body",
            "body: expected a number up to 1.79e308 at line 1 column 12",
        ),
        (
            "/api/flags",
            r#"{"name": "\ud800"}"#,
            "invalid_body",
            r#"body: expected a character, found half of a surrogate pair such as "\ud83d\ude00" at line 1 column 17"#,
        ),
        (
            "/api/flags",
            "\u{feff}{}",
            "invalid_body",
            "body: expected JSON, found a byte order mark (U+FEFF) in front of it; remove it",
        ),
        (
            "/api/flags",
            r#"{"name": "x", "variants": {"a": 1, "a": 2}}"#,
            "invalid_body",
            "body: duplicate name \"a\" at line 1 column 38",
        ),
    ] {
        let status = if code == "invalid" { 422 } else { 400 };
        let error =
            api.raw(path, Some("application/json"), body.as_bytes().to_vec()).await.error(status, code);
        assert_eq!(error["message"], message, "{body}");
    }
}

#[tokio::test]
async fn endpoints_without_their_database_return_501() {
    let flags = novi::Flags::builder().keep_rows().from_rows(novi::rows::Rows::default()).unwrap();
    let api = Api::without_database(flags.clone()).await;
    for (method, path, body) in [
        ("POST", "/api/flags", Some(json!({"name": "x"}))),
        ("DELETE", "/api/flags/1", None),
        ("GET", "/api/history", None),
        ("GET", "/api/diff?from=1", None),
        ("GET", "/api/stale", None),
        ("GET", "/api/flags/1/evaluations", None),
        ("GET", "/api/evaluations?ids=1", None),
        ("POST", "/api/rollback", Some(json!({"to": "1"}))),
        ("POST", "/api/evaluate/x?at=1", Some(json!({}))),
    ] {
        let error = api.send(method, path, &[], body.as_ref()).await.error(501, "no_database");
        assert!(error["message"].as_str().unwrap().contains("Options::database"), "{error}");
    }
    for path in [
        "/api/flags",
        "/api/activations",
        "/api/types",
        "/api/issues",
        "/api/lint",
        "/api/status",
        "/api/timeline",
    ] {
        api.get(path).await.with(200);
    }
    // The error for a database without tables says what to do.
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.database =
        Some(Database::at(format!("sqlite://{}?mode=rwc", folder.path().join("x.db").display())));
    let api = Api::serving(flags, options).await;
    let error = api.post("/api/flags", json!({"name": "x"})).await.error(503, "not_migrated");
    assert!(error["message"].as_str().unwrap().contains("novi migrate"), "{error}");
}

#[tokio::test]
async fn unknown_names_are_rejected_with_the_likely_one() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    for (path, expected) in [
        ("/api/flags?limt=3", "query: unknown parameter `limt`; did you mean `limit`?"),
        (
            "/api/diff?from=1&xyzzy=1",
            "query: unknown parameter `xyzzy`; expected `cursor`, `from`, `limit`, `to`",
        ),
        ("/api/types?xyzzy", "query: unknown parameter `xyzzy`; this endpoint has none"),
        ("/api/flags/3?dry_run=true", "query: unknown parameter `dry_run`; this endpoint has none"),
    ] {
        assert_eq!(api.get(path).await.error(400, "invalid_query")["message"], expected, "{path}");
    }
    let reply = api.post("/api/rollback?dryrun=true", json!({"to": "1"})).await;
    let message = reply.error(400, "invalid_query")["message"].clone();
    assert_eq!(message, "query: unknown parameter `dryrun`; did you mean `dry_run`?");
    let error = api.patch("/api/flags/3", json!({"stauts": true})).await.error(422, "invalid");
    assert_eq!(
        problems(&error),
        [("/stauts".to_owned(), "unknown field `stauts`; did you mean `status`?".to_owned())]
    );
}

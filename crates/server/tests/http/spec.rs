//! The vectors of every rule, over HTTP.

#[path = "../../../../tests/spec/suite.rs"]
#[allow(dead_code, reason = "the library's tests use the rest")]
mod suite;

use novi_server::Options;
use serde_json::Value;

use crate::common::Server;

/// The decision by OFREP, which only takes strings as targeting keys.
async fn check_ofrep(server: &Server, case: &suite::Case, has_values: bool, at: &str) {
    let context = case.context();
    if context.get("targetingKey").is_some_and(|key| key.as_str().is_none()) {
        return;
    }
    let mut url = reqwest::Url::parse(&server.url("/ofrep/v1/evaluate/flags")).unwrap();
    url.path_segments_mut().unwrap().push(&case.flag);
    let request = server.client.post(url).header("content-type", "application/json");
    let answer = request.body(format!(r#"{{"context": {}}}"#, case.context_text())).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    if case.reason == "ERROR" && status == 400 {
        assert_eq!(body["errorCode"], "PARSE_ERROR", "{at}");
        return;
    }
    if has_values && case.variant.is_some() && case.value.is_none() && case.reason != "ERROR" {
        assert_eq!((status, &body["errorCode"]), (400, &Value::from("PARSE_ERROR")), "{at}");
        return;
    }
    if case.needs_targeting_key {
        assert_eq!((status, &body["errorCode"]), (400, &Value::from("TARGETING_KEY_MISSING")), "{at}");
        let all = all(server, case).await;
        let found = all["flags"].as_array().unwrap().iter().find(|flag| flag["key"] == *case.flag).unwrap();
        assert_eq!(
            (&found["errorCode"], &found["value"]),
            (&body["errorCode"], &Value::Null),
            "among all, {at}"
        );
        return;
    }
    assert_eq!((status, body["reason"].as_str()), (200, Some(&*case.reason)), "OFREP, {at}");
    if let Some(variant) = &case.variant {
        assert_eq!(body["variant"], **variant, "OFREP, {at}");
    }
    if let Some(value) = &case.value {
        assert_eq!(body["value"], *value, "OFREP, {at}");
    }
    if let Some(metadata) = &case.metadata {
        let mut found = body["metadata"].clone();
        found.as_object_mut().unwrap().remove("revision");
        assert_eq!(found, *metadata, "OFREP, {at}");
    }
    let all = all(server, case).await;
    let found = all["flags"].as_array().unwrap().iter().find(|flag| flag["key"] == *case.flag);
    assert_eq!(found, Some(&body), "OFREP, among all, {at}");
}

/// All flags, by OFREP.
async fn all(server: &Server, case: &suite::Case) -> Value {
    let request = server.client.post(server.url("/ofrep/v1/evaluate/flags"));
    let request = request.header("content-type", "application/json");
    let all = request.body(format!(r#"{{"context": {}}}"#, case.context_text())).send().await.unwrap();
    all.json().await.unwrap()
}

#[tokio::test]
async fn server_passes_the_spec() {
    for file in suite::files() {
        for suite in &file.suites {
            let server = Server::start_with(suite.flags(suite.rows()), Options::default()).await;
            let of_rows = |name: &str| suite.flags.iter().any(|flag| flag.name == name);
            for case in &suite.cases {
                let at =
                    format!("{} {}: {:?} with {}", file.rule, suite.name, case.flag, case.context_text());
                let mut url = reqwest::Url::parse(&server.url("/evaluatedFlags")).unwrap();
                url.path_segments_mut().unwrap().push(&case.flag);
                let answer =
                    server.client.post(url).body(case.context_text().to_owned()).send().await.unwrap();
                let status = answer.status().as_u16();
                let body: Value = answer.json().await.unwrap();
                if case.error.is_some() || !of_rows(&case.flag) {
                    // These endpoints return rows, so a flag that only an override has is unknown.
                    assert_eq!(status, 404, "{at}");
                    continue;
                }
                assert_eq!((status, &body["status"]), (200, &Value::Bool(case.enabled)), "{at}");
                let all = server.post("/evaluatedFlags", case.context_text().to_owned()).await.ok();
                let found = all.as_array().unwrap().iter().find(|flag| flag["name"] == *case.flag);
                assert_eq!(found, Some(&body), "among all, {at}");
                check_ofrep(&server, case, suite.has_values(&case.flag), &at).await;
            }
        }
    }
}

//! The vectors of every rule, over HTTP.

#[path = "../../../../tests/spec/suite.rs"]
#[allow(dead_code, reason = "the library's tests use the rest")]
mod suite;

use novi_server::Options;
use serde_json::Value;

use crate::common::Server;

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
            }
        }
    }
}

//! `GET /metrics`.

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_server::Options;

use crate::common::{Reply, Server};

#[tokio::test]
async fn metrics_count_requests_and_evaluations() {
    let flags = Flags::from_rows(Rows {
        revision: novi::rows::Revision::new(7),
        flags: vec![FlagRow::new(1, "a \"b\"\n", true), FlagRow::new(2, "broken", true)],
        activations: vec![ActivationRow::new(1, "x", "nobody.knows", "{}")],
        links: vec![LinkRow::new(2, 1)],
        ..Rows::default()
    })
    .unwrap();
    let server = Server::start_with(flags, Options::default()).await;
    for key in ["a%20%22b%22%0A", "a%20%22b%22%0A", "broken", "none"] {
        let request = server.client.post(server.url(&format!("/ofrep/v1/evaluate/flags/{key}")));
        Reply::of(
            request.header("content-type", "application/json").body("{\"context\":{}}").send().await.unwrap(),
        )
        .await;
    }
    assert!(!server.flags.is_enabled("nobody's", &novi::Context::new()));
    server.get("/nowhere").await.error(404, "route_not_found");
    let reply = server.get("/metrics").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let lines: Vec<&str> = reply.text.lines().collect();
    for expected in [
        r#"novi_evaluations_total{flag="a \"b\"\n",variant="",reason="STATIC",enabled="true"} 2"#,
        r#"novi_evaluations_total{flag="broken",variant="",reason="ERROR",enabled="false"} 1"#,
        "novi_other_evaluations_total 0",
        "novi_unknown_flag_evaluations_total 1",
        r#"novi_http_request_duration_seconds_count{method="POST",route="/ofrep/v1/evaluate/flags/{*key}",status="2xx"} 3"#,
        r#"novi_http_request_duration_seconds_count{method="POST",route="/ofrep/v1/evaluate/flags/{*key}",status="4xx"} 1"#,
        r#"novi_http_request_duration_seconds_count{method="-",route="-",status="4xx"} 1"#,
        "novi_revision 7",
        "novi_flags 2",
        "novi_issues 1",
        "novi_event_streams 0",
        "novi_database_up 1",
        "novi_database_errors_total 0",
        "novi_shutting_down 0",
        concat!("novi_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(lines.contains(&expected), "{expected} is not in\n{}", reply.text);
    }
    // Every family has one help and one type.
    let helped = lines.iter().filter(|line| line.starts_with("# HELP")).count();
    let typed = lines.iter().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(helped, typed);
}

#[tokio::test]
async fn samples_for_prometheus_and_grafana_name_metrics_that_exist() {
    let server = Server::start(crate::common::demo()).await;
    let text = server.get("/metrics").await.text;
    let families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let is_family = |name: &str| {
        let base = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
        // Rows in memory have no age.
        families.contains(&name)
            || base.is_some_and(|base| families.contains(&base))
            || name == "novi_snapshot_age_seconds"
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");
    for file in ["alerts.yml", "grafana.json"] {
        let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let named: Vec<&str> = words.filter(|word| word.starts_with("novi_")).collect();
        assert!(named.len() > 5, "{file}");
        for name in named {
            assert!(is_family(name), "{file}: {name}");
        }
    }
}

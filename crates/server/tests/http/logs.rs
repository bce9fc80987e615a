//! What the log has, and what it never has.

use novi::Flags;
use novi_server::Options;

use crate::common::{Log, Reply, Server, demo};

#[tokio::test]
async fn request_is_logged_as_one_line_without_its_content() {
    let log = Log::capture();
    let flags = Flags::builder().keep_rows().from_rows(demo()).unwrap();
    let server = Server::start_with(flags, Options::default().trace_evaluations(true)).await;
    let post = async |path: &str, body: &'static str, id: &str, trace: &str| {
        let request = server
            .client
            .post(server.url(&format!("{path}?token=hidden-query")))
            .header("content-type", "application/json")
            .body(body);
        let request = request.header("authorization", "Bearer hidden-header").header("x-request-id", id);
        Reply::of(request.header("traceparent", trace).send().await.unwrap()).await
    };
    post("/evaluatedFlags", r#"{"targetingKey": "hidden-context"}"#, "log-1", "").await.ok();
    post("/evaluatedFlags/Combo%20AND", "hidden-body", "log-2", "").await.error(400, "invalid_body");
    post("/elsewhere", "{}", "log-3", "").await.error(404, "route_not_found");

    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let body = r#"{"context": {"targetingKey": "hidden-context"}}"#;
    let all = post("/ofrep/v1/evaluate/flags", body, "log-all", "").await.ok();
    let stream = all["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
    let ticket = stream.split_once('=').unwrap().1;
    post("/ofrep/v1/evaluate/flags/Combo%20AND", body, "log-one", trace).await.ok();
    drop(server.client.get(server.url(stream)).send().await.unwrap());

    let text = log.text();
    for (id, expected) in [
        ("log-1", r#"answered method="POST" route="/evaluatedFlags" status=200 seconds="#),
        ("log-2", r#"answered method="POST" route="/evaluatedFlags/{*name}" status=400 seconds="#),
        ("log-3", r#"answered method="POST" route="/elsewhere" status=404 seconds="#),
    ] {
        let span = format!("request{{request_id=\"{id}\"}}: novi_server::app::observe: answered");
        let lines: Vec<_> = text.lines().filter(|line| line.contains(&span)).collect();
        assert_eq!(lines.len(), 1, "{id}: {lines:?}");
        assert!(lines[0].contains(" INFO ") && lines[0].contains(expected), "{}", lines[0]);
    }
    let events_of = |id: &str| {
        let span = format!("request{{request_id=\"{id}\"");
        let is_event = |line: &&str| line.contains("feature_flag.evaluation: ") && line.contains(&span);
        text.lines().filter(is_event).map(str::to_owned).collect::<Vec<_>>()
    };
    let events = events_of("log-one");
    assert_eq!(events.len(), 1, "{events:?}");
    let expected = r#"feature_flag.key="Combo AND" feature_flag.provider.name="novi" feature_flag.result.variant="off" feature_flag.result.reason="default""#;
    let trace_id = r#"trace_id="4bf92f3577b34da6a3ce929d0e0e4736""#;
    assert!(events[0].contains(expected) && events[0].contains(trace_id), "{}", events[0]);
    assert_eq!(events_of("log-all").len(), demo().flags.len(), "{text}");
    let own: Vec<_> = text.lines().filter(|line| line.contains("novi")).collect();
    for secret in ["hidden-query", "hidden-header", "hidden-context", "hidden-body", ticket] {
        assert!(own.iter().all(|line| !line.contains(secret)), "{secret}");
    }
}

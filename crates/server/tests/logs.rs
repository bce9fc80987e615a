//! What the log says, and what it never does.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod common;

use common::{Log, Reply, Server, demo};
use novi_server::Options;
use tracing_subscriber::filter::LevelFilter;

/// One test, since there is one log in a process.
#[tokio::test]
async fn a_request_is_one_line_and_nothing_that_a_caller_said_is_in_it() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false);
    tracing::subscriber::set_global_default(subscriber.with_writer(log.clone()).finish()).unwrap();

    let mut options = Options::default();
    options.trace_evaluations = true;
    let flags = novi::Flags::builder().keep_rows().from_rows(demo()).unwrap();
    let server = Server::start_with(flags, options).await;
    let post = |path: &str, body: &'static str, id: &str| {
        let request = server.client.post(server.url(&format!("{path}?token=hidden-query"))).body(body);
        request.header("authorization", "Bearer hidden-header").header("x-request-id", id).send()
    };
    Reply::of(post("/evaluatedFlags", r#"{"targetingKey": "hidden-context"}"#, "first").await.unwrap())
        .await
        .ok();
    let reply = Reply::of(post("/evaluatedFlags/Combo%20AND", "hidden-body", "second").await.unwrap()).await;
    reply.error(400, "invalid_body");
    let reply = Reply::of(post("/elsewhere", "{}", "third").await.unwrap()).await;
    reply.error(404, "route_not_found");

    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = server.client.post(server.url("/ofrep/v1/evaluate/flags/Combo%20AND?token=hidden-query"));
    let request = request.header("authorization", "Bearer hidden-header").header("traceparent", trace);
    let body = r#"{"context": {"targetingKey": "hidden-context"}}"#;
    let bulk = server.client.post(server.url("/ofrep/v1/evaluate/flags")).body(body);
    let all = Reply::of(bulk.send().await.unwrap()).await.ok();
    let stream = all["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
    let ticket = stream.split_once('=').unwrap().1;
    Reply::of(request.header("x-request-id", "fourth").body(body).send().await.unwrap()).await.ok();
    drop(server.client.get(server.url(stream)).send().await.unwrap());

    let text = log.text();
    let requests: Vec<_> = text.lines().filter(|line| line.contains("answered")).collect();
    let expected = [
        r#"request{request_id="first"}: novi_server::observe: answered method="POST" route="/evaluatedFlags" status=200 seconds="#,
        r#"request{request_id="second"}: novi_server::observe: answered method="POST" route="/evaluatedFlags/{*name}" status=400 seconds="#,
        r#"request{request_id="third"}: novi_server::observe: answered method="POST" route="/elsewhere" status=404 seconds="#,
    ];
    let evaluations: Vec<_> =
        text.lines().filter(|line| line.contains("feature_flag.evaluation: ")).collect();
    let span = r#"request{request_id="fourth" trace_id="4bf92f3577b34da6a3ce929d0e0e4736"}"#;
    let event = evaluations.iter().find(|line| line.contains(span)).unwrap();
    let told = r#"feature_flag.key="Combo AND" feature_flag.provider.name="novi" feature_flag.result.variant="off" feature_flag.result.reason="default""#;
    assert!(event.contains(told), "{event}");
    assert_eq!(evaluations.len(), 1 + demo().flags.len(), "{text}");
    for (line, expected) in requests.iter().zip(expected) {
        assert!(line.contains(" INFO ") && line.contains(expected), "{line}");
    }
    let own: Vec<_> = text.lines().filter(|line| line.contains("novi")).collect();
    for secret in ["hidden-query", "hidden-header", "hidden-context", "hidden-body", ticket] {
        assert!(own.iter().all(|line| !line.contains(secret)), "{secret}");
    }
}

//! Evaluations that take long, or much memory.

use std::time::Duration;

use axum::{body::Body, http::Request};
use futures_util::FutureExt as _;
use novi::{
    Flags,
    rows::{FlagRow, Rows},
};
use novi_server::Options;
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::{
    common::{PATIENCE, Reply, Server},
    gate::gated,
};

const ALL: &str = "/ofrep/v1/evaluate/flags";

/// The message of an error of novi, or of OFREP, which has fields of its own besides.
#[track_caller]
fn error(reply: &Reply, status: u16, code: &str) -> String {
    let error = &reply.json()["error"];
    assert_eq!((reply.status, &error["code"]), (status, &code.into()), "{}", reply.text);
    error["message"].as_str().unwrap().to_owned()
}

/// So many flags are evaluated outside the async workers.
fn many_flags() -> Rows {
    Rows { flags: (1..=1500).map(|id| FlagRow::new(id, format!("f{id}"), true)).collect(), ..Rows::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn large_evaluation_does_not_keep_others_from_being_answered() {
    let (flags, gate) = gated(0, many_flags());
    let options = Options::default().evaluation_timeout(PATIENCE).request_timeout(PATIENCE * 2);
    let server = Server::start_with(flags, options).await;
    for (path, body) in [(ALL, r#"{"context": {}}"#), ("/evaluatedFlags", "{}")] {
        gate.close();
        let request =
            server.client.post(server.url(path)).header("content-type", "application/json").body(body);
        let large = tokio::spawn(request.send());
        gate.reached().await;
        let others = async {
            assert_eq!(server.get("/health/live").await.status, 200);
            server.post(&format!("{ALL}/f2"), r#"{"context": {}}"#).await.ok();
        };
        let answered = timeout(PATIENCE, others).await;
        gate.open();
        assert!(answered.is_ok(), "{path} keeps other requests from being answered");
        assert_eq!(large.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn evaluation_of_all_flags_that_takes_too_long_returns_503() {
    let flags = Flags::builder().keep_rows().from_rows(many_flags()).unwrap();
    let server = Server::start_with(flags, Options::default().evaluation_timeout(Duration::ZERO)).await;
    let message = server.post("/evaluatedFlags", "{}").await.error(503, "evaluation_timeout");
    assert_eq!(message, "evaluating the flags took more than 0ns; send a smaller context");
    let reply = server.post(ALL, r#"{"context": {}}"#).await;
    assert_eq!(reply.header("retry-after"), Some("10"));
    error(&reply, 503, "evaluation_timeout");
    assert_eq!(server.get("/features").await.status, 503);
    // One flag is not limited.
    server.post(&format!("{ALL}/f2"), r#"{"context": {}}"#).await.ok();
}

#[tokio::test]
async fn context_with_too_many_values_at_any_depth_is_rejected() {
    let server = Server::start(many_flags()).await;
    let list = |count| vec!["1"; count].join(",");
    // The attribute and the list count as well.
    for (count, accepted) in [(998, true), (999, false)] {
        let context = format!(r#"{{"a": {{"b": [{}]}}}}"#, list(count));
        let ofrep = server.post(&format!("{ALL}/f1"), format!(r#"{{"context": {context}}}"#)).await;
        let row = server.post("/evaluatedFlags/f1", context).await;
        if accepted {
            ofrep.ok();
            row.ok();
        } else {
            let expected = "expected at most 1000 values, found 1001";
            assert_eq!(error(&ofrep, 400, "invalid_context"), format!("context: {expected}"));
            assert_eq!(error(&row, 400, "invalid_body"), format!("body: {expected}"));
        }
    }
}

#[tokio::test]
async fn context_that_is_too_long_is_rejected() {
    let server = Server::start(many_flags()).await;
    let context = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
    for path in [ALL.to_owned(), format!("{ALL}/f1"), "/evaluatedFlags/f1".to_owned()] {
        let body = |length| match &*path {
            "/evaluatedFlags/f1" => context(length),
            _ => format!(r#"{{"context": {}}}"#, context(length)),
        };
        server.post(&path, body(64 * 1024)).await.ok();
        let reply = server.post(&path, body(64 * 1024 + 1)).await;
        assert_eq!(error(&reply, 413, "context_too_large"), "context: expected at most 65536 bytes of JSON");
    }
}

/// Values can have any size, also that of one flag.
#[tokio::test]
async fn large_value_waits_for_memory() {
    let variants = format!(r#"{{"A": "{}"}}"#, "x".repeat(200_000));
    let mut flag = FlagRow::new(1, "f", true);
    flag.metadata.variants = Some(variants);
    flag.metadata.default_variant = Some("A".to_owned());
    let rows = Rows { flags: vec![flag], ..Rows::default() };
    let app = novi_server::router(Flags::from_rows(rows).unwrap(), Options::default().response_memory(1024));
    let answer = |path: &'static str| {
        let request = Request::post(path).header("content-type", "application/json");
        Box::pin(app.clone().oneshot(request.body(Body::from(r#"{"context": {}}"#)).unwrap()))
    };
    for path in [ALL, "/ofrep/v1/evaluate/flags/f"] {
        let unread = answer(path).await.unwrap();
        assert_eq!(unread.status(), 200);
        let mut next = answer(path);
        assert!((&mut next).now_or_never().is_none(), "{path} uses more memory than there is");
        drop(unread);
        assert_eq!(next.await.unwrap().status(), 200);
    }
}

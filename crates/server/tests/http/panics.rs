//! Panics of custom code.

use novi::{
    Flags,
    activation::{Activation, ActivationType, Evaluation, Registry, Verdict},
    rows::{ActivationRow, FlagRow, LinkRow},
};
use novi_server::{OnSpan, Options};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::common::{Reply, Server, demo};

#[derive(Deserialize, JsonSchema)]
struct Panics {}

impl Activation for Panics {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        assert!(evaluation.get("panic").is_none(), "a secret of the activation's");
        Verdict::On
    }
}

#[tokio::test]
async fn panicking_activation_breaks_its_flag_only() {
    let mut registry = Registry::global().unwrap();
    registry.add(ActivationType::new::<Panics>("test.panics", &[], "Panics", "here")).unwrap();
    let mut rows = demo();
    rows.flags.push(FlagRow::new(9, "panics", true));
    rows.activations.push(ActivationRow::new(9, "panics", "test.panics", "{}"));
    rows.links.push(LinkRow::new(9, 9));
    let flags = Flags::builder().keep_rows().registry(registry).from_rows(rows).unwrap();
    let server = Server::start_with(flags, Options::default()).await;
    for _ in 0..3 {
        let request = server.client.post(server.url("/ofrep/v1/evaluate/flags/panics"));
        let panicked = Reply::of(
            request
                .header("content-type", "application/json")
                .body(r#"{"context": {"panic": true}}"#)
                .send()
                .await
                .unwrap(),
        )
        .await
        .ok();
        assert_eq!((&panicked["value"], &panicked["reason"]), (&false.into(), &"ERROR".into()));
        let panicked = server.post("/evaluatedFlags/panics", r#"{"panic": true}"#).await.ok();
        assert_eq!(panicked["status"], false);
        let all = server.post("/evaluatedFlags", r#"{"panic": true, "seed": 1, "variant": "A"}"#).await.ok();
        let statuses: Vec<_> = all.as_array().unwrap().iter().map(|flag| flag["status"] == true).collect();
        assert_eq!(statuses, [false, true, false, true, false]);
        assert_eq!(server.post("/evaluatedFlags/panics", "").await.ok()["status"], true);
    }
}

#[tokio::test]
async fn panic_in_the_fast_path_returns_500() {
    let hook = OnSpan::new(|_, headers| assert!(!headers.contains_key("x-panic"), "a secret of the hook"));
    let flags = Flags::from_rows(demo()).unwrap();
    let server = Server::start_with(flags, Options::default().trace_evaluations(true).on_span(hook)).await;
    let mut stream = server.connect().await;
    let body = r#"{"context": {"seed": 1}}"#;
    let head = format!(
        "POST /ofrep/v1/evaluate/flags/Combo%20OR HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n",
        body.len()
    );
    // The first request panics, and the connection stays usable for the second.
    stream.write_all(format!("{head}x-panic: 1\r\n\r\n{body}").as_bytes()).await.unwrap();
    stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await.unwrap();
    let panicked = Reply::read(&mut stream).await;
    assert_eq!(panicked.status, 500, "{}", panicked.text);
    let (error, next) = panicked.text.split_once("HTTP/1.1 200 OK").unwrap();
    let error: serde_json::Value = serde_json::from_str(error).unwrap();
    assert_eq!((&error["key"], &error["errorCode"]), (&json!("Combo%20OR"), &json!("GENERAL")));
    assert_eq!(error["error"]["code"], "internal_error");
    assert!(!panicked.text.contains("secret") && next.contains("\"key\":\"Combo OR\""), "{}", panicked.text);

    let request = server.client.get(server.url("/features")).header("x-panic", "1");
    Reply::of(request.send().await.unwrap()).await.error(500, "internal_error");
}

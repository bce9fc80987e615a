//! An activation that panics.

use novi::{
    Activation, ActivationType, Check, Flags, Registry, Verdict,
    rows::{ActivationRow, FlagRow, LinkRow},
};
use novi_server::Options;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::common::{Reply, Server, demo};

#[derive(Deserialize, JsonSchema)]
struct Panics {}

impl Activation for Panics {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        assert!(check.get("panic").is_none(), "a secret of the activation's");
        Verdict::On
    }
}

#[tokio::test]
async fn a_panic_breaks_the_flag_and_nothing_else() {
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
        let panicked =
            Reply::of(request.body(r#"{"context": {"panic": true}}"#).send().await.unwrap()).await.ok();
        assert_eq!((&panicked["value"], &panicked["reason"]), (&false.into(), &"ERROR".into()));
        let panicked = server.post("/evaluatedFlags/panics", r#"{"panic": true}"#).await.ok();
        assert_eq!(panicked["status"], false);
        let all = server.post("/evaluatedFlags", r#"{"panic": true, "seed": 1, "variant": "A"}"#).await.ok();
        let statuses: Vec<_> = all.as_array().unwrap().iter().map(|flag| flag["status"] == true).collect();
        assert_eq!(statuses, [false, true, false, true, false]);
        assert_eq!(server.post("/evaluatedFlags/panics", "").await.ok()["status"], true);
    }
}

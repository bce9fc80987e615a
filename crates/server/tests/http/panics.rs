//! An activation that panics.

use novi::{
    Activation, ActivationType, Check, Flags, Registry, Verdict,
    rows::{ActivationRow, FlagRow, LinkRow},
};
use novi_server::Options;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::common::{Server, demo};

#[derive(Deserialize, JsonSchema)]
struct Panics {}

impl Activation for Panics {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        assert!(check.get("panic").is_none(), "a secret of the activation's");
        Verdict::On
    }
}

#[tokio::test]
async fn a_panic_is_a_500_in_json_and_the_server_lives() {
    let mut registry = Registry::global().unwrap();
    registry.add(ActivationType::new::<Panics>("test.panics", &[], "Panics", "here")).unwrap();
    let mut rows = demo();
    rows.flags.push(FlagRow::new(9, "panics", true));
    rows.activations.push(ActivationRow::new(9, "panics", "test.panics", "{}"));
    rows.links.push(LinkRow::new(9, 9));
    let flags = Flags::builder().registry(registry).from_rows(rows).unwrap();
    let server = Server::start_with(flags, Options::default()).await;
    for _ in 0..3 {
        for path in ["/evaluatedFlags/panics", "/evaluatedFlags"] {
            let message = server.post(path, r#"{"panic": true}"#).await.error(500, "internal_error");
            assert_eq!(message, "the server failed to answer; its log says more, under this request's id");
            server.post(path, "").await.ok();
        }
        assert_eq!(server.post("/evaluatedFlags/panics", "").await.ok()["status"], true);
    }
}

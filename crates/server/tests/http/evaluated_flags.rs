//! `POST /evaluatedFlags` and `POST /evaluatedFlags/{name}`.

use novi::{
    Flags,
    overrides::Override,
    rows::{ActivationRow, FailMode, FlagRow, LinkRow, Rows},
};
use novi_server::Options;
use serde_json::json;

use crate::common::{Server, demo, demo_json};

const NOON: &str = r#"{"currentDateTime": "11/27/2023 12:00 PM", "seed": 333, "variant": "A"}"#;

#[tokio::test]
async fn flags_have_the_decisions_of_the_python_original() {
    let server = Server::start(demo()).await;
    let cases = [
        (NOON, [true, true, true, true]),
        (
            r#"{"currentDateTime": "11/27/2023 12:00 PM", "seed": 333, "variant": "B"}"#,
            [false, false, false, true],
        ),
        (
            r#"{"currentDateTime": "11/28/2023 12:00 AM", "seed": 333, "variant": "A"}"#,
            [false, true, false, true],
        ),
        (
            r#"{"currentDateTime": "11/28/2023 12:00 AM", "seed": 333, "variant": "C"}"#,
            [false, false, false, false],
        ),
    ];
    for (context, statuses) in cases {
        let all = server.post("/evaluatedFlags", context).await.ok();
        assert_eq!(all, demo_json(statuses), "{context}");
        for flag in all.as_array().unwrap() {
            let path = format!("/evaluatedFlags/{}", flag["name"].as_str().unwrap().replace(' ', "%20"));
            assert_eq!(server.post(&path, context).await.ok(), *flag, "{context}");
        }
    }
}

#[tokio::test]
async fn disabled_flag_is_off() {
    let mut rows = demo();
    rows.flags[2].status = false;
    let server = Server::start(rows).await;
    assert_eq!(server.get("/flags").await.ok(), demo_json([true, true, false, true]));
    assert_eq!(server.post("/evaluatedFlags", NOON).await.ok(), demo_json([true, true, false, true]));
}

#[tokio::test]
async fn flag_without_activations_is_on() {
    let flags = vec![FlagRow::new(1, "plain", true)];
    let server = Server::start(Rows { flags, ..Rows::default() }).await;
    assert_eq!(
        server.post("/evaluatedFlags/plain", "").await.ok(),
        json!({"activations": [], "id": 1, "name": "plain", "status": true})
    );
}

#[tokio::test]
async fn broken_flag_is_listed_with_its_fail_mode() {
    let mut rows = demo();
    rows.activations.push(ActivationRow::new(9, "broken", "no.such.class", "{"));
    for (id, mode) in [(8, FailMode::Off), (9, FailMode::On)] {
        let mut flag = FlagRow::new(id, format!("broken {id}"), true);
        flag.metadata.fail_mode = mode;
        rows.flags.push(flag);
        rows.links.push(LinkRow::new(id, 9));
    }
    let server = Server::start(rows).await;
    let all = server.post("/evaluatedFlags", NOON).await.ok();
    let statuses: Vec<_> = all.as_array().unwrap().iter().map(|flag| flag["status"].clone()).collect();
    assert_eq!(statuses, [true, true, true, true, false, true]);
    let activation = json!({"class_name": "no.such.class", "config": "{", "id": 9, "name": "broken"});
    assert_eq!(all[4]["activations"], json!([activation]));
    assert_eq!(server.post("/evaluatedFlags/broken%209", "").await.ok(), all[5]);
}

#[tokio::test]
async fn override_without_a_row_is_not_listed() {
    let overrides =
        [("Combo AND".to_owned(), Override::Off), ("only an override".to_owned(), Override::On)].into();
    let flags = Flags::builder().keep_rows().overrides(overrides).from_rows(demo()).unwrap();
    let server = Server::start_with(flags, Options::default()).await;
    assert_eq!(server.get("/flags").await.ok(), demo_json([true; 4]));
    assert_eq!(server.post("/evaluatedFlags", NOON).await.ok(), demo_json([true, true, false, true]));
    let path = "/evaluatedFlags/only%20an%20override";
    let message = server.post(path, NOON).await.error(404, "flag_not_found");
    assert_eq!(message, r#"flag "only an override" was not found"#);
    server.get("/flags/only%20an%20override").await.error(404, "flag_not_found");
}

#[tokio::test]
async fn decision_is_explained() {
    let server = Server::start(demo()).await;
    let trace = server.post("/api/explain/Combo%20AND", NOON).await.ok();
    assert_eq!(trace["enabled"], json!(true));
    assert!(trace["activations"][0]["class_name"].as_str().unwrap().ends_with("AndActivation"));
    assert_eq!(trace["activations"][0]["activations"][0]["inputs"][0]["value"], json!("11/27/2023 12:00 PM"));
    assert!(trace["nanoseconds"].as_u64().unwrap() > 0);
    let wrong = server.post("/api/explain/Combo%20XOR", NOON).await;
    assert_eq!(wrong.status, 404);
}

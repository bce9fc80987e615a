//! `GET /flags` and `GET /flags/{name}`.

use novi::rows::{ActivationRow, Fault, FlagRow, LinkRow, Rows};
use serde_json::json;

use crate::common::{Server, demo, demo_json};

#[tokio::test]
async fn flags_have_the_format_of_the_python_original() {
    let server = Server::start(demo()).await;
    assert_eq!(server.get("/flags").await.ok(), demo_json([true; 4]));
}

#[tokio::test]
async fn single_flag_equals_its_list_item() {
    let server = Server::start(demo()).await;
    let all = demo_json([true; 4]);
    assert_eq!(server.get("/flags/Combo%20AND").await.ok(), all[2]);
    assert_eq!(server.get("/flags/Date%20and%20Random%20Activated%20Feature").await.ok(), all[0]);
}

#[tokio::test]
async fn list_without_flags_is_empty() {
    let server = Server::start(Rows::default()).await;
    assert_eq!(server.get("/flags").await.ok(), json!([]));
    assert_eq!(server.post("/evaluatedFlags", "").await.ok(), json!([]));
}

#[tokio::test]
async fn unknown_flag_is_not_found_with_a_suggestion() {
    let server = Server::start(demo()).await;
    let message = server.get("/flags/Combo%20ANT").await.error(404, "flag_not_found");
    assert_eq!(message, r#"flag "Combo ANT" was not found; did you mean "Combo AND"?"#);
}

#[tokio::test]
async fn flags_are_sorted_by_id_without_dangling_links() {
    let link = |flag_id, activation_id| LinkRow { flag_id, activation_id };
    let config_less = ActivationRow { config: None, ..ActivationRow::new(5, "five", "novi.none", "") };
    let server = Server::start(Rows {
        flags: vec![FlagRow::new(9, "last", false), FlagRow::new(-1, "first", true)],
        activations: vec![ActivationRow::new(7, "seven", "novi.and", "[]"), config_less],
        links: vec![
            LinkRow::new(9, 7),
            LinkRow::new(9, 5),
            LinkRow::new(9, 7),
            LinkRow::new(9, 404),
            link(None, Some(7)),
            link(Some(9), None),
            link(None, None),
        ],
        ..Rows::default()
    })
    .await;
    let expected = json!([
        {"activations": [], "id": -1, "name": "first", "status": true},
        {"activations": [
            {"class_name": "novi.none", "config": null, "id": 5, "name": "five"},
            {"class_name": "novi.and", "config": "[]", "id": 7, "name": "seven"},
        ], "id": 9, "name": "last", "status": false},
    ]);
    assert_eq!(server.get("/flags").await.ok(), expected);
    assert_eq!(server.get("/flags/last").await.ok(), expected[1]);
}

#[tokio::test]
async fn flag_without_a_readable_name_is_listed_but_not_found_by_name() {
    let mut nameless = FlagRow::new(1, "", true);
    nameless.faults.push(Fault { table: "flags", column: "name", message: "no UTF-8".to_owned() });
    let twins = [FlagRow::new(3, "twin", false), FlagRow::new(2, "twin", true)];
    let flags = std::iter::once(nameless).chain(twins).collect();
    let server = Server::start(Rows { flags, ..Rows::default() }).await;
    let ids: Vec<_> =
        server.get("/flags").await.ok().as_array().unwrap().iter().map(|flag| flag["id"].clone()).collect();
    assert_eq!(ids, [1, 2, 3]);
    // Of two rows with one name, the one with the lower id is used.
    assert_eq!(server.get("/flags/twin").await.ok()["id"], 2);
    assert_eq!(server.post("/evaluatedFlags/twin", "").await.ok()["status"], true);
}

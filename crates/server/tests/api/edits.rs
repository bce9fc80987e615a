//! Several changes at once.

use serde_json::json;

use crate::{
    common::databases,
    support::{Api, problems},
};

#[tokio::test]
async fn changes_are_made_together_or_not_at_all() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let changes = json!([
            {"create_activation": {"id": 50, "name": "staff", "class_name": "novi.members", "config": {}}},
            {"change_members": {"activation": 50, "members": ["ann", "bob"]}},
            {"create_flag": {"name": "New", "activations": [50]}},
            {"update_flag": {"row": "New", "set": {"status": true, "owner": "ada"}}},
            {"link": {"flag": "New", "activation": 1}},
            {"unlink": {"flag": 5, "activation": 1}},
            {"update_activation": {"row": 1, "set": {"name": "Dates"}}},
            {"delete_flag": {"row": 4}},
            {"delete_activation": {"row": 4}},
        ]);
        let before = api.store.revision().await.unwrap();
        let plan = api.post("/api/edits?dry_run=true", json!({"changes": changes})).await.with(200);
        assert_eq!(plan["problems"], json!([]));
        assert_eq!(plan["plan"]["activations"].as_array().unwrap().len(), 3);
        assert_eq!(api.store.revision().await.unwrap(), before);
        let reply = api
            .send("POST", "/api/edits", &[("x-novi-reason", "release")], Some(&json!({"changes": changes})))
            .await;
        let done = reply.with(200);
        assert_eq!(done["rows"].as_array().unwrap().len(), 9);
        assert_eq!(done["rows"][2], json!({"table": "flags", "id": 5}));
        let flag = api.get("/api/flags/named/New").await.with(200);
        assert_eq!(
            (&flag["status"], &flag["owner"], &flag["activations"]),
            (&json!(true), &json!("ada"), &json!([50]))
        );
        let ann = novi::Context::new().with("targetingKey", "ann");
        assert!(api.flags.is_enabled("New", &ann));
        let history = api.settled().await;
        assert_eq!(history["items"][0]["reason"], "release");

        let revision = api.store.revision().await.unwrap();
        let invalid = json!({"changes": [
            {"update_flag": {"row": "New", "set": {"status": false}}},
            {"update_flag": {"row": "nobody", "set": {"status": false}}},
            {"create_flag": {"name": "Combo AND"}},
            {"update_activation": {"row": 2, "set": {"config": {"splits": [1], "variations": ["A", "B"]}}}},
            {"delete_flag": {"row": 3, "version": true}},
            {"drop_table": {}},
        ]});
        let error = api.post("/api/edits", invalid).await.error(422, "invalid");
        let places: Vec<_> = problems(&error).into_iter().map(|(pointer, _)| pointer).collect();
        assert!(places.iter().any(|place| place.starts_with("/changes/4/delete_flag/version")), "{places:?}");
        assert_eq!(api.store.revision().await.unwrap(), revision, "nothing is written");
        let invalid = json!({"changes": [
            {"update_flag": {"row": "New", "set": {"status": false}}},
            {"update_flag": {"row": "nobody", "set": {"status": false}}},
            {"create_flag": {"name": "Combo AND"}},
            {"update_activation": {"row": 2, "set": {"config": {"splits": [1], "variations": ["A", "B"]}}}},
        ]});
        let error = api.post("/api/edits", invalid).await.error(422, "invalid");
        let places: Vec<_> = problems(&error).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(places[..2], ["/changes/1/update_flag/row", "/changes/2/create_flag/name"]);
        assert!(places[2].starts_with("/changes/3/update_activation/set/config"), "{places:?}");
        assert_eq!(api.store.revision().await.unwrap(), revision, "nothing is written");

        let version = flag["version"].as_i64().unwrap();
        let stale = json!({"changes": [
            {"update_flag": {"row": 3, "set": {"status": false}}},
            {"delete_flag": {"row": 5, "version": version - 1}},
        ]});
        let conflict = api.post("/api/edits", stale).await.error(412, "conflict")["conflict"].clone();
        assert_eq!((&conflict["id"], &conflict["theirs"]["name"]), (&json!(5), &json!("New")));
        assert_eq!(api.store.revision().await.unwrap(), revision, "nothing is written");
        let only = json!({"changes": [{"create_flag": {"name": "Combo AND"}}]});
        api.post("/api/edits", only).await.error(409, "already_exists");
    }
}

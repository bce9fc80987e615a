//! Activations and their members.

use serde_json::{Value, json};

use crate::{
    common::{Kind, database, databases},
    support::{Api, problems},
};

#[tokio::test]
async fn activation_is_created_updated_linked_and_deleted() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let config = r#"{"percentage": 12.50, "seed": 123456789012345678901234567890}"#;
        let text = format!(r#"{{"name": "some", "class_name": "novi.static", "config": {config}}}"#);
        let refused = api.raw("/api/activations", Some("application/json"), text.into_bytes()).await;
        refused.error(422, "invalid");
        let text = r#"{"name": "some", "class_name": "novi.percentage", "config": {"percentage":  12.50}}"#;
        let made = api.raw("/api/activations", Some("application/json; charset=utf-8"), text.into()).await;
        let row = made.with(201);
        assert_eq!((&row["id"], &row["flags"]), (&json!(5), &json!([])));
        let stored = api.store.load().await.unwrap().activations;
        assert_eq!(stored[4].config.as_deref(), Some(r#"{"percentage":  12.50}"#), "stored as it was sent");

        let changed =
            api.patch("/api/activations/5", json!({"name": "half", "config": {"percentage": 50}})).await;
        assert_eq!(changed.with(200)["config"], json!({"percentage": 50}));
        let renamed = api.patch("/api/activations/5", json!({"name": "again"})).await.with(200);
        assert_eq!((&renamed["name"], &renamed["config"]), (&json!("again"), &json!({"percentage": 50})));
        let tag = changed.tag();
        let stale =
            api.send("PATCH", "/api/activations/5", &[("if-match", tag)], Some(&json!({"name": "x"}))).await;
        assert_eq!(stale.error(412, "conflict")["conflict"]["theirs"]["name"], "again");
        assert_eq!(api.get("/api/activations/5").await.with(200)["version"], renamed["version"]);

        api.send("PUT", "/api/flags/1/activations/5", &[], None).await.with(200);
        let error = api.delete("/api/activations/5").await.error(409, "in_use");
        assert!(error["message"].as_str().unwrap().contains("Date and Random"), "{error}");
        api.delete("/api/flags/1/activations/5").await.with(200);
        // A combination depends on it, and would break.
        api.patch("/api/activations/3", json!({"config": [1, 5]})).await.with(200);
        let error = api.delete("/api/activations/5").await.error(422, "invalid");
        assert_eq!(error["problems"][0]["flags"], json!(["Combo AND"]), "{error}");
        assert_eq!((&error["problems"][0]["pointer"], &error["problems"][0]["id"]), (&json!(""), &json!(3)));
        api.patch("/api/activations/3", json!({"config": [1, 2]})).await.with(200);
        api.delete("/api/activations/5").await.with(200);
        api.get("/api/activations/5").await.error(404, "activation_not_found");
    }
}

#[tokio::test]
async fn invalid_config_is_rejected_with_its_place_and_its_flags() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let body = json!({
        "name": 7, "more": true,
        "config": {"startDateTime": "tomorrow", "endDateTime": "11/28/2023 12:00 AM", "format": "%m/%d/%Y %I:%M %p"},
    });
    let error = api.patch("/api/activations/1", body).await.error(422, "invalid");
    let found = problems(&error);
    let places: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(places, ["/more", "/name", "/config/startDateTime"], "all at once: {found:?}");
    let last = &error["problems"][2];
    assert_eq!((&last["table"], &last["id"]), (&json!("activations"), &json!(1)));
    assert_eq!(last["flags"], json!(["Combo AND", "Combo OR", "Date and Random Activated Feature"]));
    // A cycle, an unknown class, and missing fields.
    let error = api.patch("/api/activations/3", json!({"config": [3]})).await.error(422, "invalid");
    assert!(error["message"].as_str().unwrap().starts_with("/config"), "{error}");
    let body = json!({"name": "x", "class_name": "novi.percentige", "config": {}});
    let error = api.post("/api/activations", body).await.error(422, "invalid");
    assert_eq!(problems(&error)[0].0, "/class_name");
    assert!(problems(&error)[0].1.contains("novi.percentage"), "{error}");
    let error = api.post("/api/activations", json!({"config": {}})).await.error(422, "invalid");
    assert_eq!(problems(&error).len(), 2, "{error}");
    assert_eq!(api.store.load().await.unwrap().activations.len(), 4);
}

#[tokio::test]
async fn members_are_added_removed_and_listed_in_pages() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let body = json!({"name": "staff", "class_name": "novi.members", "config": {}});
        let id = api.post("/api/activations", body).await.with(201)["id"].clone();
        let path = format!("/api/activations/{id}/members");
        let members: Vec<String> = (0..250).map(|number| format!("user-{number:03}")).collect();
        let changed = api.post(&path, json!({"members": members})).await.with(200);
        assert_eq!(changed["members"], 250);
        // Adding an existing member changes nothing, or denies it if requested.
        let again =
            api.post(&path, json!({"members": ["user-000", "ann"], "remove": ["nobody"]})).await.with(200);
        assert_eq!(again["members"], 251);
        let denied = api.post(&path, json!({"members": ["ann"], "denied": true})).await.with(200);
        assert_eq!(denied["members"], 251);
        let found = api.get(&format!("{path}?denied=true")).await.with(200);
        assert_eq!(found["items"], json!([{"member": "ann", "denied": true}]));

        let (mut seen, mut next) = (Vec::new(), Value::Null);
        loop {
            let cursor = next.as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
            let page = api.get(&format!("{path}?limit=100{cursor}")).await.with(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["member"].clone()));
            next = page["next"].clone();
            if next.is_null() {
                break;
            }
        }
        assert_eq!(seen.len(), 251);
        assert!(seen.is_sorted_by_key(|member| member.as_str().unwrap().to_owned()));
        let found = api.get(&format!("{path}?prefix=user-24&limit=3")).await.with(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 3);

        let gone = api.delete(&format!("{path}?member=user-007")).await.with(200);
        assert_eq!(gone["members"], 250);
        api.delete(&format!("{path}?member=user-007")).await.error(404, "member_not_found");
        let few = api.post(&path, json!({"remove": ["user-001", "user-002"]})).await;
        assert_eq!(few.with(200)["members"], 248);
        let stale = [("if-match", "\"1\"")];
        api.send("POST", &path, &stale, Some(&json!({"members": ["x"]}))).await.error(412, "conflict");
        let error =
            api.post(&path, json!({"members": ["", "a\0b"], "remove": [7]})).await.error(422, "invalid");
        let places: Vec<_> = problems(&error).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(places, ["/remove/0", "/members/0", "/members/1"]);
        let long = ["x".repeat(256), "y".to_owned(), "x".repeat(300)];
        let error = api.post(&path, json!({"members": long})).await.error(422, "invalid");
        let expected = [("/members/0", 256), ("/members/2", 300)].map(|(pointer, found)| {
            (pointer.to_owned(), format!("expected at most 255 characters, found {found}"))
        });
        assert_eq!(problems(&error), expected);
        api.get("/api/activations/99/members").await.error(404, "activation_not_found");
        api.post("/api/activations/99/members", json!({"members": ["a"]}))
            .await
            .error(404, "activation_not_found");
        // A type without members.
        let error =
            api.post("/api/activations/1/members", json!({"members": ["a"]})).await.error(422, "invalid");
        assert_eq!(error["problems"][0]["pointer"], "/members", "{error}");
    }
}

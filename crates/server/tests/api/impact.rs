//! Whom changes would affect.

use serde_json::{Value, json};

use crate::{
    common::databases,
    support::{Api, problems},
};

fn callers(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| json!({"targetingKey": format!("user-{number}"), "even": number % 2 == 0}))
        .collect()
}

#[tokio::test]
async fn changes_are_measured_and_not_made() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let revision = api.store.revision().await.unwrap();
        let changes = json!([
            {"create_activation": {
                "id": 50, "name": "even", "class_name": "novi.attribute", "config": {"attribute": "even", "equals": true}}},
            {"create_flag": {"name": "New", "status": true, "activations": [50]}},
        ]);
        let body = json!({"changes": changes, "contexts": callers(10)});
        let found = api.post("/api/impact", body).await.with(200);
        assert_eq!((&found["impact"]["contexts"], &found["problems"]), (&json!(10), &json!([])));
        let flag = &found["impact"]["flags"][0];
        assert_eq!((&flag["flag"], &flag["on"], &flag["same"]), (&json!("New"), &json!(5), &json!(5)));
        assert_eq!(found["warn_above"], 100);
        assert_eq!(flag["transitions"][0]["before"], Value::Null);
        assert_eq!(flag["attributes"][0]["attribute"], "even");
        assert_eq!(found["plan"]["flags"][0]["effect"], "added");
        assert_eq!(found["revision"], json!(revision.number()));
        assert_eq!(api.store.revision().await.unwrap(), revision);
        api.get("/api/flags/named/New").await.error(404, "flag_not_found");

        let outdated = json!([{"update_flag": {"row": 3, "set": {"status": false, "version": 99}}}]);
        let found = api.post("/api/impact", json!({"changes": outdated, "contexts": []})).await.with(200);
        let message = found["problems"][0]["message"].as_str().unwrap();
        assert!(
            message.starts_with(
                "flag \"Combo AND\" was modified since you read it (you read version 99, it now has version "
            ),
            "{message}"
        );

        // A change that would be rejected is measured as well.
        let cycle = json!([{"update_activation": {"row": 1, "set": {"class_name": "x.unknown"}}}]);
        let found = api.post("/api/impact", json!({"changes": cycle, "contexts": []})).await.with(200);
        assert_eq!(found["problems"][0]["pointer"], "/changes/0/update_activation/set/class_name");
        assert_eq!(found["impact"]["flags"][0]["same"], 0);
    }
}

#[tokio::test]
async fn attribute_that_no_caller_has_is_warned_of() {
    let database = crate::common::database(crate::common::Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let config = json!([
        {"class_name": "novi.attribute", "config": {"attribute": "even", "equals": true}},
        {"class_name": "novi.attribute", "config": {"attribute": "app.version", "equals": 2}},
    ]);
    let changes = json!([
        {"create_activation": {"id": 50, "name": "both", "class_name": "novi.and", "config": config}},
        {"create_flag": {"name": "New", "status": true, "activations": [50]}},
    ]);
    let mut callers = callers(10);
    let body = json!({"changes": changes, "contexts": callers});
    let warnings = async |body: Value| {
        let found = api.post("/api/impact", body).await.with(200);
        found["impact"]["flags"][0]["warnings"].clone()
    };
    let found = warnings(body).await;
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    assert!(
        found[0].as_str().unwrap().starts_with("the flag reads the attribute \"app.version\""),
        "{found}"
    );
    callers[4]["app"] = json!({"version": 2});
    assert_eq!(warnings(json!({"changes": changes, "contexts": callers})).await, json!([]));
}

#[tokio::test]
async fn recent_contexts_are_sampled_without_omitted_attributes() {
    let rows = novi::rows::Rows {
        flags: vec![novi::rows::FlagRow::new(1, "one", true)],
        ..novi::rows::Rows::default()
    };
    let flags = || novi::Flags::builder().keep_rows().from_rows(rows.clone()).unwrap();
    let body =
        json!({"changes": [{"update_flag": {"row": "one", "set": {"status": false}}}], "contexts": "sample"});
    let without = Api::serving(flags(), novi_server::Options::default()).await;
    let error = without.post("/api/impact", body.clone()).await.error(422, "invalid");
    assert_eq!(problems(&error)[0].0, "/contexts");
    let error =
        without.post("/api/impact", json!({"changes": [], "contexts": "other"})).await.error(422, "invalid");
    assert!(problems(&error)[0].1.contains("or \"sample\""), "{error}");
    let options = novi_server::Options::default().sample_contexts(5).sample_omit(vec!["email".to_owned()]);
    let api = Api::serving(flags(), options).await;
    for plan in ["pro", "free", "free"] {
        let context = json!({"context": {"plan": plan, "email": format!("{plan}@example.org")}});
        api.post("/ofrep/v1/evaluate/flags/one", context).await.with(200);
    }
    let found = api.post("/api/impact", body).await.with(200);
    assert_eq!((&found["impact"]["contexts"], &found["impact"]["flags"][0]["off"]), (&json!(3), &json!(3)));
    let attributes = found["impact"]["flags"][0]["attributes"].as_array().unwrap();
    let names: Vec<_> = attributes.iter().map(|found| found["attribute"].as_str().unwrap()).collect();
    assert_eq!(names, ["plan"]);
}

#[tokio::test]
async fn invalid_changes_and_contexts_are_rejected_with_their_places() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let unknown = json!([{"update_flag": {"row": "nobody", "set": {"status": true}}}]);
        let body = json!({"changes": unknown, "contexts": []});
        let error = api.post("/api/impact", body).await.error(422, "invalid");
        assert_eq!(problems(&error)[0].0, "/changes/0/update_flag/row");
        let body = json!({"changes": [], "contexts": [{}, 7, {"a": 1}, "x"]});
        let error = api.post("/api/impact", body).await.error(422, "invalid");
        let places: Vec<_> = problems(&error).into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(places, ["/contexts/1", "/contexts/3"]);
        api.post("/api/impact", json!({"changes": []})).await.error(400, "invalid_body");
        api.raw("/api/impact", None, b"{}".to_vec()).await.error(415, "unsupported_media_type");
        let many = json!({"changes": [], "contexts": vec![json!({}); 100_001]});
        let error = api.post("/api/impact", many).await.error(422, "invalid");
        assert_eq!(problems(&error)[0].0, "/contexts");
        // More than other bodies may have.
        let large = json!({"changes": [], "contexts": vec![json!({"a": "x".repeat(1000)}); 2000]});
        api.post("/api/impact", large).await.with(200);
    }
}

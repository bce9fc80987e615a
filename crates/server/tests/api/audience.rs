//! Who has a flag, among the users of a database.

use std::{collections::BTreeMap, time::Duration};

use novi_server::{Options, SavedQueries};
use serde_json::json;

use crate::{
    common::{Raw, TestDatabase, databases},
    support::{Api, problems},
};

const USERS: &str = "create table users (id integer primary key, country varchar(20));
    insert into users values (1, 'DE'), (2, 'DE'), (3, 'AT'), (4, 'US')";

async fn with_users(database: &TestDatabase) -> Api {
    let store = novi::store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    Raw::connect(database).await.run(USERS).await.unwrap();
    let rows = r#"{"changes": [
        {"create_activation": {"id": 1, "name": "in", "class_name": "novi.attribute",
            "config": {"attribute": "country", "in": ["DE"]}}},
        {"create_flag": {"name": "X", "status": true, "activations": [1]}}
    ]}"#;
    let queries = [
        ("users", "select id as \"targetingKey\", country from users"),
        ("broken", "select nonsense from users"),
    ];
    let audience = SavedQueries {
        database: database.url.clone(),
        timeout: Duration::from_mins(1),
        queries: queries.map(|(name, sql)| (name.to_owned(), sql.to_owned())).into(),
    };
    let api = Api::over_with(store, Options::default().audience(audience)).await;
    api.post("/api/edits", serde_json::from_str(rows).unwrap()).await.with(200);
    api
}

#[tokio::test]
async fn audience_is_that_of_a_saved_query() {
    for database in databases().await {
        let api = with_users(&database).await;
        let evaluations = || api.flags.evaluations();
        let before = evaluations();
        let found = api.post("/api/audience", json!({"flag": "X", "query": "users"})).await.with(200);
        assert_eq!((&found["on"], &found["callers"]), (&json!(2), &json!(4)), "{found}");
        assert_eq!(found["attributes"][0]["values"][0], json!({"value": "DE", "on": 2, "callers": 2}));
        assert!(found.get("change").is_none());
        assert_eq!(evaluations(), before, "counted as evaluations of callers");

        let changes = json!([{"update_activation": {"row": 1, "set": {
            "config": {"attribute": "country", "in": ["AT", "US"]}}}}]);
        let body = json!({"flag": "X", "query": "users", "changes": changes});
        let found = api.post("/api/audience", body).await.with(200);
        let change = &found["change"];
        assert_eq!((&found["on"], &change["on"], &change["off"]), (&json!(2), &json!(2), &json!(2)));
        assert_eq!(found["problems"], json!([]));
        let id = api.get("/api/flags").await.with(200)["items"][0]["id"].clone();
        let edit = |set| json!([{"update_flag": {"row": id, "set": set}}]);
        let renamed = edit(json!({"name": "Y", "status": false}));
        let body = json!({"flag": "X", "query": "users", "changes": renamed});
        let found = api.post("/api/audience", body).await.with(200);
        assert_eq!((&found["change"]["flag"], &found["change"]["off"]), (&json!("Y"), &json!(2)), "{found}");
        let invalid = json!([{"update_activation": {"row": 1, "set": {"config": {"attribute": 7}}}}]);
        let body = json!({"flag": "X", "query": "users", "changes": invalid});
        let found = api.post("/api/audience", body).await.with(200);
        assert!(found["problems"][0]["message"].is_string(), "{found}");
        let body = json!({"flag": "X", "query": "users", "changes": []});
        assert_eq!(api.post("/api/audience", body).await.with(200)["change"], json!(null));

        let found = api
            .post("/api/impact", json!({"changes": changes, "contexts": {"query": "users"}}))
            .await
            .with(200);
        assert_eq!(
            (&found["impact"]["contexts"], &found["impact"]["flags"][0]["on"]),
            (&json!(4), &json!(2))
        );
        let example = &found["impact"]["flags"][0]["transitions"][0]["examples"][0];
        assert_eq!(example["context"], json!(0));
    }
}

#[tokio::test]
async fn queries_that_are_too_slow_are_named() {
    let database = &databases().await[0];
    let api = with_users(database).await;
    let endless = "with recursive c(x) as (select 1 union all select x + 1 from c) select max(x) as a from c";
    let audience = SavedQueries {
        database: database.url.clone(),
        timeout: Duration::from_millis(20),
        queries: [("endless".to_owned(), endless.to_owned())].into(),
    };
    let api = Api::serving(api.flags.clone(), Options::default().audience(audience)).await;
    let body = json!({"flag": "X", "query": "endless"});
    let error = api.post("/api/audience", body).await.error(503, "answer_timeout");
    let expected = "[audience.queries] endless: the query took longer than 0.02 s and was stopped: select fewer \
                    rows, or raise the timeout";
    assert_eq!(error["message"], expected);
}

#[tokio::test]
async fn unknown_flags_and_queries_are_rejected() {
    let database = &databases().await[0];
    let api = with_users(database).await;
    let error = api.post("/api/audience", json!({"flag": "X", "query": "x"})).await.error(422, "invalid");
    let expected = "[audience.queries] has no query \"x\"; known: broken, users";
    assert_eq!(problems(&error), [("/query".to_owned(), expected.to_owned())]);
    api.post("/api/audience", json!({"flag": "none", "query": "users"})).await.error(404, "flag_not_found");
    let error =
        api.post("/api/audience", json!({"flag": "X", "query": "broken"})).await.error(502, "query_failed");
    assert!(
        error["message"].as_str().unwrap().starts_with("[audience.queries] broken: could not run"),
        "{error}"
    );
    let body = json!({"changes": [], "contexts": {"query": "x"}});
    let error = api.post("/api/impact", body).await.error(422, "invalid");
    assert_eq!(problems(&error)[0].0, "/contexts/query");
    let queries = api.get("/api/audience").await.with(200);
    assert_eq!(queries["items"][1]["name"], "users");
    let without = SavedQueries { queries: BTreeMap::new(), ..SavedQueries::default() };
    let other = Api::serving(api.flags.clone(), Options::default().audience(without)).await;
    let error = other.post("/api/audience", json!({"flag": "X", "query": "x"})).await.error(422, "invalid");
    assert!(problems(&error)[0].1.ends_with("there are none"), "{error}");
}

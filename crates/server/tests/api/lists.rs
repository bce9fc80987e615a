//! Lists: pages, filters and orders.

use serde_json::{Value, json};

use crate::{
    common::{Kind, database, databases},
    support::{Api, until},
};

async fn names(api: &Api, query: &str) -> Vec<String> {
    let page = api.get(&format!("/api/flags{query}")).await.with(200);
    let items = page["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn flags_are_filtered_and_sorted() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let (first, second) = ("Date and Random Activated Feature", "Random Variant Feature");
    api.patch("/api/flags/2", json!({"owner": "Ada", "tags": ["shop", "Ünlü"], "status": false}))
        .await
        .with(200);
    for (query, expected) in [
        ("", vec![first, second, "Combo AND", "Combo OR"]),
        ("?sort=name", vec!["Combo AND", "Combo OR", first, second]),
        ("?sort=-id&limit=2", vec!["Combo OR", "Combo AND"]),
        ("?sort=-updated_at&limit=1", vec![second]),
        ("?prefix=Combo", vec!["Combo AND", "Combo OR"]),
        ("?name=Combo%20OR", vec!["Combo OR"]),
        ("?name=combo%20or", vec![]),
        ("?tag=shop", vec![second]),
        ("?tag=sho", vec![]),
        ("?status=false", vec![second]),
        ("?status=true&prefix=Combo&q=and", vec!["Combo AND"]),
        ("?owner=Ada", vec![second]),
        ("?q=%C3%BCnl%C3%BC", vec![second]),
        ("?q=RANDOM", vec![first, second]),
        ("?class_name=novi.and", vec!["Combo AND"]),
        ("?class_name=novi.client.activations.and_activation.AndActivation", vec!["Combo AND"]),
        ("?class_name=novi.none", vec![]),
    ] {
        assert_eq!(names(&api, query).await, expected, "{query}");
    }
    for query in [
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?sort=owner",
        "?status=yes",
        "?nonsense=1",
        "?limit=1&limit=2",
    ] {
        api.get(&format!("/api/flags{query}")).await.error(400, "invalid_query");
    }
    for (query, expected) in [
        ("?limit=1001", "query: limit: expected a number from 1 to 1000, found 1001"),
        ("?limit=x", "query: limit: expected a whole number, found \"x\""),
        ("?limit=", "query: limit: expected a whole number, found \"\""),
        (
            "?limit=99999999999999999999",
            "query: limit: expected a smaller number, found \"99999999999999999999\"",
        ),
        ("?status=yes", "query: status: expected true or false, found \"yes\""),
        ("?q=%ff", "query: expected percent-encoded UTF-8, found other bytes"),
        ("?%ff=1", "query: expected percent-encoded UTF-8, found other bytes"),
    ] {
        let error = api.get(&format!("/api/flags{query}")).await.error(400, "invalid_query");
        assert_eq!(error["message"], expected);
    }
    let error = api.get("/api/flags?sort=owner").await.error(400, "invalid_query");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("query: sort: unknown value `owner`, expected one of `id`,"), "{message}");
}

#[tokio::test]
async fn stale_flags_are_filtered_as_they_are_listed() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let all = names(&api, "").await;
        assert!(names(&api, "?stale=true").await.is_empty());
        assert_eq!(names(&api, "?stale=false").await, all);
        // A flag that has expired, and one that was evaluated last a long time ago.
        api.patch("/api/flags/3", json!({"expires_at": "2020-01-01T00:00:00Z"})).await.with(200);
        api.store
            .run_script(
                "UPDATE novi_usage_since SET since = '2020-01-01 00:00:00';
                UPDATE flag_metadata SET created_at = '2020-01-01 00:00:00' WHERE flag_id = 4;",
            )
            .await
            .unwrap();
        api.flags.refresh_to(api.store.revision().await.unwrap()).await.unwrap();
        let stale = api.get("/api/stale").await.with(200);
        let listed: Vec<_> = stale["items"].as_array().unwrap().iter().map(|item| &item["flag"]).collect();
        assert_eq!(listed, ["Combo AND", "Combo OR"]);
        assert_eq!(names(&api, "?stale=true").await, ["Combo AND", "Combo OR"]);
        assert_eq!(names(&api, "?stale=true&q=or").await, ["Combo OR"]);
        assert_eq!(names(&api, "?stale=false").await.len(), all.len() - 2);
    }
}

#[tokio::test]
async fn pages_stay_consistent_while_rows_change() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    for sort in ["id", "-id", "name", "-name", "-updated_at"] {
        let all = names(&api, &format!("?sort={sort}")).await;
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("/api/flags?limit=1&sort={sort}{cursor}")).await.with(200);
            seen.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["name"].as_str().unwrap().to_owned()),
            );
            let Value::String(next) = &page["next"] else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, all, "{sort}");
    }
    // Rows that are created or deleted on earlier pages do not shift the next one.
    let first = api.get("/api/flags?limit=2&sort=name").await.with(200);
    let cursor = first["next"].as_str().unwrap();
    api.post("/api/flags", json!({"name": "A new one"})).await.with(201);
    api.delete("/api/flags/3").await.with(200);
    let rest = names(&api, &format!("?limit=2&sort=name&cursor={cursor}")).await;
    assert_eq!(rest, ["Date and Random Activated Feature", "Random Variant Feature"]);
    api.get(&format!("/api/flags?sort=id&cursor={cursor}")).await.error(400, "invalid_cursor");
    for wrong in ["x", "%00", "bnVsbA", ""] {
        api.get(&format!("/api/flags?cursor={wrong}")).await.error(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn activations_are_filtered() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    api.post(
        "/api/activations",
        json!({"name": "spare", "class_name": "novi.static", "config": {"variant": "A"}}),
    )
    .await
    .with(201);
    for (query, expected) in [
        ("?flag_id=1", json!([1, 2])),
        ("?linked=false", json!([5])),
        ("?class_name=novi.or", json!([4])),
        ("?prefix=Combo&sort=-name", json!([4, 3])),
        ("?name=spare", json!([5])),
        ("?q=variations", json!([2])),
        ("?limit=2&sort=-id", json!([5, 4])),
    ] {
        let page = api.get(&format!("/api/activations{query}")).await.with(200);
        let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
        assert_eq!(Value::from(ids), expected, "{query}");
    }
    let one = api.get("/api/activations/2").await.with(200);
    assert_eq!((&one["flags"], &one["config"]["splits"]), (&json!([1, 2]), &json!([100, 0, 0])));
}

#[tokio::test]
async fn types_issues_and_status_are_listed() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let types = api.get("/api/types").await.with(200);
    let percentage =
        types["items"].as_array().unwrap().iter().find(|kind| kind["class_name"] == "novi.percentage");
    assert_eq!(percentage.unwrap()["schema"]["required"], json!(["percentage"]));
    assert_eq!(api.get("/api/issues").await.with(200)["items"], json!([]));
    // Plain SQL breaks a row.
    api.store.run_script("update activations set config = '{' where id = 1").await.unwrap();
    api.flags.refresh().await.unwrap();
    let issues = api.get("/api/issues?limit=1&flag=Combo%20AND").await.with(200);
    assert_eq!((&issues["items"][0]["id"], &issues["items"][0]["path"]), (&json!(1), &json!("config")));
    assert_eq!(api.get("/api/issues?flag=nobody").await.with(200)["items"], json!([]));
    let row = api.get("/api/activations/1").await.with(200);
    assert_eq!(
        (&row["config"], &row["config_text"]),
        (&Value::Null, &json!("{")),
        "text that is not JSON is returned as it is"
    );
    let status = api.get("/api/status").await.with(200);
    assert_eq!(
        (&status["origin"], &status["failure"], &status["has_database"]),
        (&json!("database"), &Value::Null, &json!(true))
    );
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let counts = json!({"flags": 4, "enabled": 4, "activations": 4, "links": 5, "members": 0, "issues": 1, "broken": 3});
    assert_eq!(status["counts"], counts);
    // A broken row can be repaired, and others edited in the meantime.
    api.patch("/api/activations/2", json!({"name": "renamed"})).await.with(200);
    api.patch("/api/activations/1", json!({"class_name": "novi.static", "config": {"variant": "A"}}))
        .await
        .with(200);
    assert_eq!(api.get("/api/issues").await.with(200)["items"], json!([]));
}

#[tokio::test]
async fn status_has_event_streams_and_who_follows() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let status = async || api.get("/api/status").await.with(200);
        let streams = status().await["event_streams"].clone();
        assert_eq!((&streams["open"], &streams["behind"]), (&json!(0), &json!(0)));
        assert_eq!(streams["oldest_seconds"], Value::Null);
        let all = api.post("/ofrep/v1/evaluate/flags", json!({"context": {}})).await.with(200);
        let address = all["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut stream = client.get(format!("{}{address}", api.base)).send().await.unwrap();
        stream.chunk().await.unwrap();
        let streams = status().await["event_streams"].clone();
        assert_eq!((&streams["open"], &streams["behind"]), (&json!(1), &json!(0)), "{streams}");
        assert!(
            streams["oldest_seconds"].as_f64().is_some() && streams["limit"].as_u64() > Some(1),
            "{streams}"
        );
        // An event that the client takes leaves it not behind.
        api.patch("/api/flags/3", json!({"status": false})).await.with(200);
        stream.chunk().await.unwrap();
        assert_eq!(status().await["event_streams"]["behind"], 0);
        drop(stream);
        until(|| async { status().await["event_streams"]["open"] == 0 }).await;
        // Only PostgreSQL knows who listens; it does so soon after the start.
        if database.kind == Kind::Postgres {
            until(|| async { status().await["followers"].as_u64() >= Some(1) }).await;
        } else {
            assert_eq!(status().await["followers"], Value::Null);
        }
    }
}

#[tokio::test]
async fn timeline_lists_what_the_time_changes() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let at = |days| (chrono::Utc::now() + chrono::TimeDelta::days(days)).to_rfc3339();
    let config = json!({"startDateTime": at(2), "endDateTime": at(4)});
    let window = json!({"name": "Two days", "class_name": "novi.date_time", "config": config});
    let activation = api.post("/api/activations", window).await.with(201);
    let flag =
        json!({"name": "sale", "status": true, "activations": [activation["id"]], "expires_at": at(40)});
    api.post("/api/flags", flag).await.with(201);
    let found = api.get("/api/timeline").await.with(200);
    let [sale] = found["items"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert!(sale["id"].is_i64() && sale["flag"] == "sale" && sale["expires_at"].is_null(), "{sale}");
    assert_eq!(sale["activations"][0]["name"], "Two days");
    assert_eq!(sale["activations"][0]["spans"][0]["from_percentage"], 100.0);
    assert_eq!(api.get("/api/timeline?days=1").await.with(200)["items"], json!([]));
    let later = api.get("/api/timeline?days=60").await.with(200);
    assert!(later["items"][0]["expires_at"].is_string(), "{later}");
    for days in ["0", "367", "x"] {
        api.get(&format!("/api/timeline?days={days}")).await.error(400, "invalid_query");
    }
}

#[tokio::test]
async fn lint_lists_rows_that_have_no_effect() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let before = api.get("/api/lint").await.with(200)["total"].as_u64().unwrap();
    let nobody = json!({"name": "Nobody", "class_name": "novi.percentage", "config": {"percentage": 0}});
    let activation = api.post("/api/activations", nobody).await.with(201);
    let flag = json!({"name": "sale", "status": true, "activations": [activation["id"]]});
    let flag = api.post("/api/flags", flag).await.with(201);
    let unused = json!({"name": "Unused", "class_name": "novi.percentage", "config": {"percentage": 50}});
    let unused = api.post("/api/activations", unused).await.with(201);
    let found = api.get("/api/lint").await.with(200);
    let all = found["items"].as_array().unwrap();
    assert_eq!(found["total"].as_u64(), Some(before + 2));
    for (table, row, code) in [("flags", &flag, "always_off"), ("activations", &unused, "unused")] {
        let is_it = |item: &&serde_json::Value| item["table"] == table && item["id"] == row["id"];
        let codes: Vec<_> = all.iter().filter(is_it).map(|item| &item["code"]).collect();
        assert_eq!(codes, [code]);
    }
    let page = api.get("/api/lint?limit=1").await.with(200);
    let next = page["next"].as_str().unwrap();
    let rest = api.get(&format!("/api/lint?limit=1&cursor={next}")).await.with(200);
    assert_eq!((&page["items"][0], &rest["items"][0]), (&all[0], &all[1]));
    api.get("/api/lint?days=3").await.error(400, "invalid_query");
}

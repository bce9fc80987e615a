//! What experiments say.

use novi_server::{Experiments, Options};
use serde_json::{Value, json};

use crate::{
    common::{Kind, Raw, TestDatabase, database, databases},
    support::{Api, problems},
};

#[tokio::test]
async fn variants_are_compared() {
    for database in databases().await {
        let store = novi::store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let seen = if database.kind == Kind::MySql { "2026-11-03 08:00:00" } else { "2026-11-03T08:00:00Z" };
        let row = |number: i64| {
            let variant = if number % 2 == 0 { "off" } else { "blue" };
            format!("('a/b', 'user-{number}', '{variant}', 1, '{seen}')")
        };
        let rows: Vec<String> = (0..300).map(row).collect();
        let sql = format!(
            "insert into novi_assignments (experiment, unit, variant, revision, assigned_at) values {}",
            rows.join(", ")
        );
        Raw::connect(&database).await.run(&sql).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let metric = "-- kind: proportion\nselect 'user-1' as unit, :start as ts";
        let experiments = Experiments {
            database: database.url.clone(),
            metrics: folder.path().to_owned(),
            ..Experiments::default()
        };
        let api = Api::over_with(store, Options::default().experiments(experiments)).await;
        let path = "/api/experiments/a%2Fb?until=2026-11-20T00:00:00Z";
        let report = api.get(path).await.with(200);
        assert_eq!(report["units"], json!({"blue": 150, "off": 150}), "{:?}: {report}", database.kind);
        assert_eq!((&report["control"], &report["metrics"]), (&json!("off"), &json!([])));

        std::fs::write(folder.path().join("seen.sql"), metric).unwrap();
        let report = api.get(path).await.with(200);
        assert_eq!(report["metrics"][0]["name"], "seen", "{:?}: {report}", database.kind);
        std::fs::write(folder.path().join("seen.sql"), "select 1").unwrap();
        let report = api.get(path).await.with(200);
        let problem = report["metrics"][0]["problem"].as_str().unwrap();
        assert!(problem.starts_with("its file is invalid: expected `-- kind"), "{report}");
        std::fs::remove_file(folder.path().join("seen.sql")).unwrap();

        api.get("/api/experiments/none").await.error(404, "experiment_not_found");
        let error = api.get("/api/experiments/a%2Fb?control=red").await.error(422, "invalid");
        assert_eq!(problems(&error)[0].0, "/control");
        let error = api.get(&format!("{path}&from=2026-11-21T00:00:00Z")).await.error(422, "invalid");
        assert_eq!(problems(&error)[0].0, "/until");
        let report = api.get(&format!("{path}&by=day")).await.with(200);
        let segment = &report["breakdowns"][0]["segments"][0];
        assert_eq!(
            (&segment["value"], &segment["units"]["off"]),
            (&json!("2026-11-03"), &json!(150)),
            "{report}"
        );
        let error = api.get("/api/experiments/a%2Fb?by=country").await.error(422, "invalid");
        assert_eq!(problems(&error)[0].0, "/by");
        api.get("/api/experiments/a%2Fb?from=soon").await.error(400, "invalid_query");
    }
}

#[tokio::test]
async fn servers_without_a_database_have_no_experiments() {
    let flags = novi::Flags::builder().keep_rows().from_rows(novi::rows::Rows::default()).unwrap();
    let api = Api::serving(flags, Options::default()).await;
    api.get("/api/experiments/x").await.error(501, "no_database");
}

/// A server with the flag "New".
async fn with_flag(database: &TestDatabase) -> Api {
    let api = Api::start(database).await;
    api.post("/api/flags", json!({"name": "New", "status": true})).await.with(201);
    api
}

/// The body of a new experiment of that flag.
fn new(name: &str) -> Value {
    json!({
        "name": name, "flag": "New", "variants": {"old": 1, "new": 1}, "control": "old", "hypothesis": "It sells",
        "traffic": 50, "layer": {"name": "checkout", "percentage": 30}, "metrics": {"primary": ["revenue"]},
    })
}

#[tokio::test]
async fn experiments_are_created_started_stopped_and_decided() {
    for database in databases().await {
        let kind = database.kind;
        let api = with_flag(&database).await;
        let created = api.post("/api/experiments?reason=Q4", new("Check/out")).await.with(201);
        assert_eq!((&created["state"], &created["flags"]), (&json!("draft"), &json!(["New"])), "{kind:?}");
        assert_eq!(created["layer"], json!({"name": "checkout", "from": 0.0, "to": 30.0}), "{kind:?}");
        assert_eq!(created["units"], 0, "{kind:?}");
        let path = |step: &str| format!("/api/experiments/Check%2Fout/{step}");

        let refused = api.post(&path("stop"), json!({})).await.error(409, "refused");
        assert!(
            refused["message"].as_str().unwrap().contains("is a draft: it enrolls no units yet"),
            "{refused}"
        );
        let planned = api.post(&path("start?dry_run=true"), json!({})).await.with(200);
        assert_eq!(
            (&planned["written"], &planned["problems"]),
            (&json!(false), &json!([])),
            "{kind:?}: {planned}"
        );
        let started = api.post(&path("start"), json!({})).await.with(200);
        assert_eq!(started["state"], "running", "{kind:?}");
        assert!(started["start"].is_string() && started["stopped"].is_null(), "{started}");

        let variant = |number: i64| {
            let context = novi::Context::new().with("targetingKey", number.to_string());
            api.flags.evaluate("New", &context).unwrap().variant().map(str::to_owned)
        };
        let news = (0..1000).filter(|number| variant(*number).as_deref() == Some("new")).count();
        assert!(news.abs_diff(75) < 35, "{kind:?}: half of 15 %, {news}");

        let headers = [("if-match", "\"1\"")];
        api.send("POST", &path("stop"), &headers, None).await.error(412, "conflict");
        assert_eq!(api.post(&path("stop"), json!({})).await.with(200)["state"], "stopped", "{kind:?}");
        assert_eq!(api.post(&path("start"), json!({})).await.with(200)["state"], "running", "{kind:?}");
        let invalid = api.post(&path("decide"), json!({"variant": "newer"})).await.error(422, "invalid");
        assert_eq!(problems(&invalid)[0].0, "/variant", "{kind:?}");
        api.post(&path("decide"), json!({})).await.error(422, "invalid");
        let unexplained = api.post(&path("decide"), json!({"off": true})).await.error(422, "invalid");
        assert_eq!(problems(&unexplained)[0].0, "/reason", "{kind:?}");
        let decided = api.post(&path("decide"), json!({"variant": "new", "reason": "+3 %"})).await.with(200);
        assert_eq!(decided["revision"], api.flags.snapshot().revision().number(), "{kind:?}");
        assert_eq!(decided["decision"]["at"], decided["stopped"], "{kind:?}");
        assert_eq!((&decided["state"], &decided["decision"]["variant"]), (&json!("decided"), &json!("new")));
        assert_eq!(decided["decision"]["reason"], "+3 %", "{kind:?}");
        assert_eq!(variant(1).as_deref(), Some("new"), "{kind:?}");
        api.post(&path("start"), json!({})).await.error(409, "refused");

        let list = api.get("/api/experiments?state=decided&flag=New").await.with(200);
        assert_eq!((&list["total"], &list["items"][0]["name"]), (&json!(1), &json!("Check/out")), "{kind:?}");
        assert_eq!(api.get("/api/experiments?state=draft").await.with(200)["items"], json!([]), "{kind:?}");
        let history = api.get("/api/history?limit=100").await.with(200).to_string();
        assert!(history.contains("Q4") && history.contains("+3 %"), "{kind:?}");
    }
}

#[tokio::test]
async fn experiments_that_do_not_fit_the_rows_are_rejected() {
    let database = database(Kind::Sqlite).await;
    let api = with_flag(&database).await;
    let with = |field: &str, value: Value| {
        let mut body = new("E");
        body[field] = value;
        body
    };
    for (field, value, pointer) in [
        ("flag", json!("nothing"), "/flag"),
        ("control", json!("x"), "/control"),
        ("traffic", json!(101), "/traffic"),
        ("start", json!("soon"), "/start"),
        ("variants", json!({"old": -1, "new": 1}), "/variants/old"),
        ("variants", json!({"old": 1}), "/variants"),
        ("layer", json!({"name": "l", "percentage": 0}), "/layer/percentage"),
        ("color", json!("red"), "/color"),
    ] {
        let error = api.post("/api/experiments", with(field, value.clone())).await.error(422, "invalid");
        assert_eq!(problems(&error)[0].0, pointer, "{field} {value}: {error}");
    }
    api.post("/api/experiments", new("E")).await.with(201);
    let taken = api.post("/api/experiments", new("E")).await.error(409, "already_exists");
    assert_eq!(problems(&taken)[0].0, "/name");
    let second = api.post("/api/experiments", new("F")).await.error(409, "refused");
    assert!(
        second["message"].as_str().unwrap().contains("gets its variants from the activation"),
        "{second}"
    );
    api.post("/api/experiments/none/start", json!({})).await.error(404, "experiment_not_found");
    api.get("/api/experiments?state=paused").await.error(400, "invalid_query");
}

#[tokio::test]
async fn metrics_are_those_of_files_and_rows() {
    for database in databases().await {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("seen.sql"), "-- kind: proportion\nselect 1").unwrap();
        let experiments = Experiments {
            database: database.url.clone(),
            metrics: folder.path().to_owned(),
            ..Experiments::default()
        };
        let store = novi::store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        let api = Api::over_with(store, Options::default().experiments(experiments)).await;
        let config = json!({"kind": "mean", "sql": "select 1", "guardrail": true});
        let body = json!({"name": "revenue", "class_name": "novi.metric", "config": config});
        let made = api.post("/api/activations", body.clone()).await.with(201);
        let found = api.get("/api/metrics").await.with(200);
        let names = |found: &Value| -> Vec<Value> {
            let items = found["items"].as_array().unwrap().iter();
            items.map(|item| json!([item["name"], item["id"], item["problem"]])).collect()
        };
        let expected = [json!(["revenue", made["id"], null]), json!(["seen", null, null])];
        assert_eq!(names(&found), expected, "{:?}: {found}", database.kind);
        assert_eq!(found["items"][0]["guardrail"], true);
        api.post("/api/activations", body).await.with(201);
        let found = api.get("/api/metrics").await.with(200);
        assert!(
            found["items"][0]["problem"].as_str().unwrap().contains("delete or rename all but one"),
            "{found}"
        );
    }
}

//! An unavailable database.

use std::sync::Arc;

use novi::{Flags, store};
use novi_server::{Database, Options};
use serde_json::json;

use crate::{
    common::{Kind, Raw, database, kinds},
    support::Api,
};

#[tokio::test]
async fn reads_work_and_writes_return_503_while_the_database_fails() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    // Without its tables every query fails.
    let mut raw = Raw::connect(&database).await;
    raw.run("alter table flags rename to gone").await.unwrap();
    for path in
        ["/api/flags", "/api/flags/3", "/api/activations/1", "/api/issues", "/api/status", "/api/types"]
    {
        api.get(path).await.with(200);
    }
    api.post("/api/evaluate/Combo%20AND", json!({})).await.with(200);
    let replies = [
        api.patch("/api/flags/3", json!({"status": false})).await,
        api.post("/api/flags", json!({"name": "new"})).await,
        api.get("/api/diff?from=1").await,
        api.post("/api/rollback", json!({"to": "1"})).await,
    ];
    for reply in replies {
        assert_eq!(reply.status, 503, "{}", reply.text);
        let code = reply.json()["error"]["code"].clone();
        assert!(code == "database_unavailable" || code == "not_migrated", "{}", reply.text);
        let folder = database.url.trim_start_matches("sqlite://");
        assert!(!reply.text.contains(folder), "{}", reply.text);
    }
    raw.run("alter table gone rename to flags").await.unwrap();
    api.patch("/api/flags/3", json!({"status": false})).await.with(200);
}

#[tokio::test]
async fn lagging_sequence_is_reported_with_what_repairs_it() {
    if !kinds().contains(&Kind::Postgres) {
        return;
    }
    let database = database(Kind::Postgres).await;
    let api = Api::start(&database).await;
    let mut raw = Raw::connect(&database).await;
    raw.run("alter table flag_history alter column id restart with 1").await.unwrap();
    let reply = api.patch("/api/flags/3", json!({"status": false})).await;
    reply.error(503, "damaged_tables");
    assert!(reply.text.contains("the sequence of flag_history.id is behind the rows"), "{}", reply.text);
    assert!(reply.text.contains("run `novi migrate`"), "{}", reply.text);
    api.flags.sweep().await.unwrap();
    let ready = api.get("/health/ready").await;
    assert!(ready.json()["warnings"][0].as_str().unwrap().contains("sequence"), "{}", ready.text);
}

#[tokio::test]
async fn unavailable_database_is_reported_without_its_url() {
    let database = database(Kind::Sqlite).await;
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let reads: Arc<dyn store::SchemaStore> = store;
    let flags = Flags::builder().keep_rows().from_store(reads).await.unwrap();
    let mut options = Options::default();
    options.database = Some(Database::at("sqlite:///nowhere/secret-place.db"));
    assert!(!format!("{options:?}").contains("secret"));
    let api = Api::serving(flags, options).await;
    let reply = api.post("/api/flags", json!({"name": "new"})).await;
    reply.error(503, "database_unavailable");
    assert!(!reply.text.contains("secret"), "{}", reply.text);
}

#[tokio::test]
async fn other_transactions_in_the_way_are_reported_as_contention() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let mut raw = Raw::connect(&database).await;
    raw.run("begin immediate").await.unwrap();
    let reply = api.patch("/api/flags/3", json!({"status": false})).await;
    reply.error(503, "contention");
    assert!(reply.text.contains("try again"), "{}", reply.text);
    raw.run("rollback").await.unwrap();
    api.patch("/api/flags/3", json!({"status": false})).await.with(200);
}

//! The history, differences, rollback, and evaluation at an earlier revision.

use serde_json::{Value, json};

use crate::{
    common::{Kind, database, databases},
    support::Api,
};

const CONTEXT: &str = r#"{"currentDateTime": "11/26/2023 12:00 AM", "seed": 90, "variant": "A"}"#;

#[tokio::test]
async fn pages_of_the_history_are_complete() {
    for database in databases().await {
        let api = Api::start(&database).await;
        // A transaction with more records than a page has.
        let changes: Vec<_> =
            (0..7).map(|number| json!({"create_flag": {"name": format!("f{number}")}})).collect();
        api.post("/api/edits", json!({"changes": changes})).await.with(200);
        api.patch("/api/flags/3", json!({"status": false})).await.with(200);
        let all = api.settled().await;
        assert_eq!(all["next"], Value::Null);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("/api/history?limit=3{cursor}")).await.with(200);
            seen.extend(page["items"].as_array().unwrap().clone());
            let Value::String(next) = &page["next"] else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(Value::from(seen), all["items"]);
        let newest = all["items"][0]["revision"].as_i64().unwrap();
        let some = api.get(&format!("/api/history?after={}&until={newest}", newest - 1)).await.with(200);
        assert_eq!(some["items"][0]["subject"], "flags#3 \"Combo AND\"");
        assert!(some["items"].as_array().unwrap().len() < 3, "{some}");
        let before = api.get(&format!("/api/history?until={}", newest - 1)).await.with(200);
        assert_ne!(before["items"][0]["subject"], "flags#3 \"Combo AND\"");
        api.get("/api/history?flag=nobody").await.error(404, "flag_not_found");
        for query in ["after=x", "limit=0", "until=9223372036854775808"] {
            api.get(&format!("/api/history?{query}")).await.error(400, "invalid_query");
        }
    }
}

#[tokio::test]
async fn history_is_filtered_by_actor_table_time_and_text() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let change = async |actor: &str, reason: &str, path: &str, body: Value| {
            let headers = [("x-novi-actor", actor), ("x-novi-reason", reason)];
            api.send("PATCH", path, &headers, Some(&body)).await.with(200);
        };
        change("ann", "100% off_now", "/api/flags/3", json!({"owner": "Zoë"})).await;
        change("ben", "", "/api/activations/1", json!({"name": "Renamed"})).await;
        for number in 0..5 {
            change("ben", "", "/api/flags/4", json!({"description": format!("v{number}")})).await;
        }
        api.settled().await;
        let subjects = async |query: &str| {
            let page = api.get(&format!("/api/history?{query}")).await.with(200);
            let items = page["items"].as_array().unwrap().clone();
            let subjects: Vec<_> =
                items.iter().map(|item| item["subject"].as_str().unwrap().to_owned()).collect();
            (subjects, page)
        };
        // Older than the newest revisions, which are read first.
        let (by_ann, page) = subjects("actor=ann&limit=1").await;
        assert_eq!(by_ann, ["flag_metadata#3"], "{page}");
        assert_eq!(page["next"], Value::Null);
        let at = page["items"][0]["changed_at"].as_str().unwrap().replace('+', "%2B");
        let revision = page["items"][0]["revision"].as_i64().unwrap();
        for (query, expected) in [
            ("actor=ann&entity=flags".to_owned(), 0),
            ("actor=ben&entity=activations".to_owned(), 1),
            ("actor=ben".to_owned(), 6),
            ("q=100%25%20OFF_NOW".to_owned(), 1),
            ("q=100_".to_owned(), 0),
            ("q=Zo%C3%AB".to_owned(), 1),
            ("q=renamed".to_owned(), 1),
            (format!("actor=ann&since={at}"), 1),
            (format!("actor=ann&until={at}"), 1),
            (format!("actor=ann&since={revision}&until={revision}"), 1),
            (format!("actor=ann&since={}", revision + 1), 0),
            (format!("actor=ann&until={}", revision - 1), 0),
            (format!("since={}&after={revision}&actor=ben", revision - 3), 6),
            ("since=2999-01-01".to_owned(), 0),
            ("until=2020-01-01".to_owned(), 0),
            ("actor=ben&since=2020-01-01&until=2999-01-01T00:00:00Z".to_owned(), 6),
            ("flag=Combo%20OR&actor=ben".to_owned(), 5),
        ] {
            let (found, page) = subjects(&query).await;
            assert_eq!(found.len(), expected, "{}: {query}: {page}", database.url);
        }
        let (first, page) = subjects("actor=ben&limit=4").await;
        let (rest, last) =
            subjects(&format!("actor=ben&limit=4&cursor={}", page["next"].as_str().unwrap())).await;
        assert_eq!((first.len(), rest.len(), &last["next"]), (4, 2, &Value::Null));
        let error = api.get("/api/history?entity=flag").await.error(400, "invalid_query");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("query: entity: expected one of `flags`, `flag_metadata`,"), "{message}");
        for query in ["since=yesterday".to_owned(), "q=%00".to_owned(), format!("actor={}", "x".repeat(1001))]
        {
            api.get(&format!("/api/history?{query}")).await.error(400, "invalid_query");
        }
    }
}

#[tokio::test]
async fn flag_is_rolled_back_and_evaluated_at_an_earlier_revision() {
    for database in databases().await {
        let api = Api::start(&database).await;
        // On MySQL a reader records the order of the changes that it has seen.
        let first = api.patch("/api/flags/3", json!({"description": "both"})).await.with(200);
        let first = first["revision"].as_i64().unwrap();
        api.settled().await;
        api.patch("/api/flags/3", json!({"owner": "ada"})).await.with(200);
        api.patch("/api/activations/1", json!({"class_name": "novi.static", "config": {"variant": "A"}}))
            .await;
        api.patch("/api/flags/3", json!({"status": false})).await.with(200);
        api.patch("/api/flags/4", json!({"status": false})).await.with(200);

        let context: Value = serde_json::from_str(CONTEXT).unwrap();
        let now = api.post("/api/evaluate/Combo%20AND", context.clone()).await.with(200);
        assert_eq!(
            (&now["enabled"], &now["reason"], &now["explanation"]),
            (&json!(false), &json!("DISABLED"), &Value::Null)
        );
        let path = format!("/api/evaluate/Combo%20AND?at={first}&explain=true");
        let then = api.post(&path, context.clone()).await.with(200);
        assert_eq!(
            (&then["enabled"], &then["variant"], &then["revision"]),
            (&json!(true), &json!("A"), &json!(first))
        );
        assert_eq!(then["explanation"]["activations"][0]["id"], 3);
        api.post("/api/explain/Combo%20AND", context).await.with(200);

        let diff = api.get(&format!("/api/diff?from={first}")).await.with(200);
        let subjects: Vec<_> =
            diff["items"].as_array().unwrap().iter().map(|item| item["subject"].clone()).collect();
        assert!(subjects.contains(&json!("flags#3 \"Combo AND\"")) && subjects.len() >= 3, "{subjects:?}");
        let page = api.get(&format!("/api/diff?from={first}&to={}&limit=1", diff["to"])).await.with(200);
        let rest = page["next"].as_str().unwrap();
        let rest =
            api.get(&format!("/api/diff?from={first}&to={}&cursor={rest}", diff["to"])).await.with(200);
        assert_eq!(rest["items"][0]["subject"], subjects[1]);

        let body = json!({"to": first.to_string(), "flag": "Combo AND"});
        let dry = api.post("/api/rollback?dry_run=true", body.clone()).await.with(200);
        assert_eq!((&dry["written"], &dry["revision"]), (&json!(false), &Value::Null));
        assert_eq!(api.get("/api/flags/3").await.with(200)["status"], false);
        let back = api.post("/api/rollback", body.clone()).await.with(200);
        assert_eq!((&back["written"], &back["differences"]), (&json!(true), &dry["differences"]));
        assert_eq!(back["revision"], api.flags.snapshot().revision().number());
        let flag = api.get("/api/flags/3").await.with(200);
        assert_eq!((&flag["status"], &flag["owner"]), (&json!(true), &Value::Null));
        assert_eq!(api.get("/api/flags/4").await.with(200)["status"], false, "the other flag is unchanged");
        let history = api.settled().await;
        assert!(history["items"][0]["reason"].as_str().unwrap().starts_with("rollback to revision "));
        assert_eq!(
            api.post("/api/rollback", body).await.with(200)["written"],
            false,
            "nothing is left to roll back"
        );
        api.post("/api/rollback", json!({"to": first.to_string()})).await.with(200);
        assert_eq!(api.get("/api/flags/4").await.with(200)["status"], true);

        let unknown = json!({"to": first.to_string(), "flag": "nobody"});
        api.post("/api/rollback", unknown).await.error(404, "flag_not_found");
        for moment in ["999999", "1970-01-01", "9999-12-31T23:59:59.999999Z"] {
            let reply = api.post("/api/rollback?dry_run=true", json!({"to": moment})).await;
            assert!([200, 404].contains(&reply.status.as_u16()), "{moment}: {}", reply.text);
            let reply = api.get(&format!("/api/diff?from={moment}")).await;
            assert!([200, 404].contains(&reply.status.as_u16()), "{moment}: {}", reply.text);
        }
        let error = api.post("/api/rollback", json!({"to": "yesterday"})).await.error(422, "invalid");
        assert_eq!(error["problems"][0]["pointer"], "/to");
        api.get("/api/diff").await.error(400, "invalid_query");
        api.get("/api/diff?from=%2B99999-01-01").await.error(400, "invalid_query");
        api.post("/api/evaluate/Combo%20AND?at=999999", json!({})).await.error(404, "moment_not_kept");
        api.post("/api/evaluate/nobody", json!({})).await.error(404, "flag_not_found");
    }
}

#[tokio::test]
async fn rollback_to_a_taken_name_is_rejected() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    let first = api.flags.snapshot().revision().number();
    api.patch("/api/flags/3", json!({"name": "other"})).await.with(200);
    api.post("/api/flags", json!({"name": "Combo AND"})).await.with(201);
    let error = api
        .post("/api/rollback", json!({"to": first.to_string(), "flag": "other"}))
        .await
        .error(409, "refused");
    assert!(error["problems"][0]["message"].as_str().unwrap().contains("has this name now"), "{error}");
}

#[tokio::test]
async fn stale_flags_are_listed() {
    for database in databases().await {
        let api = Api::start(&database).await;
        api.patch("/api/flags/3", json!({"expires_at": "2020-01-01T00:00:00Z", "owner": "ada"}))
            .await
            .with(200);
        let stale = api.get("/api/stale?days=7").await.with(200);
        assert_eq!(
            stale["items"],
            json!([{"flag": "Combo AND", "owner": "ada", "why": "expired", "since": "2020-01-01T00:00:00Z"}])
        );
        assert_eq!(stale["days"], 7);
        api.get("/api/stale?days=-1").await.error(400, "invalid_query");
        api.get("/api/stale?days=4294967295").await.error(400, "invalid_query");
    }
}

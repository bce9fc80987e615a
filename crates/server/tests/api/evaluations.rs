//! How often flags were evaluated, by hour and result.

use chrono::{TimeDelta, Utc};
use novi::store::{HourlyEvaluations, Usage};
use serde_json::json;

use crate::{
    common::{Kind, database, databases},
    support::Api,
};

fn count(flag: &str, hours_ago: i64, variant: Option<&str>, evaluations: i64) -> HourlyEvaluations {
    let hour = HourlyEvaluations::hour_of(Utc::now()) - TimeDelta::hours(hours_ago);
    let variant = variant.map(str::to_owned);
    HourlyEvaluations { flag: flag.to_owned(), hour, enabled: true, variant, evaluations }
}

#[tokio::test]
async fn evaluations_are_listed_by_hour_and_result() {
    for database in databases().await {
        let api = Api::start(&database).await;
        let store = api.store.usage_store().unwrap();
        let started = Utc::now();
        let off = HourlyEvaluations { enabled: false, ..count("Combo AND", 1, None, 4) };
        let counts = vec![
            count("Combo AND", 0, Some("A"), 3),
            count("Combo AND", 2, Some("A"), 5),
            off,
            count("Combo AND", 40, None, 9),
        ];
        store.record_evaluations(counts).await.unwrap();
        store.record_usage(vec![Usage { flag: "Combo AND".to_owned(), on: 8, off: 4 }]).await.unwrap();
        let found = api.get("/api/flags/3/evaluations?hours=3").await.with(200);
        if HourlyEvaluations::hour_of(Utc::now()) != HourlyEvaluations::hour_of(started) {
            // The hour has changed since.
            continue;
        }
        assert_eq!((&found["id"], &found["flag"]), (&json!(3), &json!("Combo AND")), "{found}");
        assert_eq!((&found["total"], &found["recent"]), (&json!(12), &json!(7)), "{found}");
        let results = json!([
            {"enabled": false, "variant": null, "total": 4, "hours": [0, 4, 0]},
            {"enabled": true, "variant": "A", "total": 8, "hours": [5, 0, 3]},
        ]);
        assert_eq!(found["results"], results);
        assert_eq!(found["stale"], json!([]));
        assert!(found["last_evaluated"].is_string() && found["first_hour"].is_string(), "{found}");
        let all = api.get("/api/evaluations?ids=4,99,3&hours=41").await.with(200);
        let totals: Vec<_> =
            all["items"].as_array().unwrap().iter().map(|item| (&item["id"], &item["total"])).collect();
        assert_eq!(totals, [(&json!(4), &json!(0)), (&json!(3), &json!(21))]);
        assert!(all["items"][0]["last_evaluated"].is_null());
    }
}

#[tokio::test]
async fn queries_of_evaluations_are_checked() {
    let database = database(Kind::Sqlite).await;
    let api = Api::start(&database).await;
    api.get("/api/flags/99/evaluations").await.error(404, "flag_not_found");
    let many = vec!["1"; 101].join(",");
    for (path, message) in [
        (
            "/api/flags/1/evaluations?hours=0",
            "query: hours: expected a number of hours from 1 to 744, found 0",
        ),
        (
            "/api/flags/1/evaluations?hours=745",
            "query: hours: expected a number of hours from 1 to 744, found 745",
        ),
        ("/api/evaluations", "query: missing field `ids`"),
        ("/api/evaluations?ids=1,x", "query: ids: expected ids of flags, separated by commas, such as 1,2,3"),
        (&format!("/api/evaluations?ids={many}"), "query: ids: expected at most 100 ids"),
    ] {
        let error = api.get(path).await.error(400, "invalid_query");
        assert!(error["message"].as_str().unwrap().starts_with(message), "{path}: {error}");
    }
}

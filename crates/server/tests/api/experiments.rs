//! What experiments say.

use novi_server::{Experiments, Options};
use serde_json::json;

use crate::{
    common::{Kind, Raw, databases},
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
        let error = api.get(path).await.error(502, "experiment_failed");
        assert!(
            error["message"].as_str().unwrap().contains("seen.sql: metric \"seen\": expected `-- kind"),
            "{error}"
        );
        std::fs::remove_file(folder.path().join("seen.sql")).unwrap();

        api.get("/api/experiments/none").await.error(404, "experiment_not_found");
        let error = api.get("/api/experiments/a%2Fb?control=red").await.error(422, "invalid");
        assert_eq!(problems(&error)[0].0, "/control");
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

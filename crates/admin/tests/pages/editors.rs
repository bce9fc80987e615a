//! Configs as forms: what they save, and where their problems are.

use crate::{
    databases::databases,
    form::{borrowed, fields, set},
    site::{Browser, ROWS, Reply, Site},
};

const MORE: &str = r#"
INSERT INTO activations (id, name, class_name, config) VALUES
    (10, 'Deep', 'novi.and', '[{"class_name": "novi.percentage", "config": {"percentage": 20.50}}, 1]'),
    (11, 'Odd', 'novi.percentage', '{"percentage":  1e1, "salt": null, "by": ["a"]}'),
    (12, 'Steps', 'novi.ramp', '{"steps": [{"at": "2026-12-01", "percentage": 5}], "linear": true}'),
    (13, 'Plan', 'novi.expression', '{"expression": "plan == ''pro''"}');
"#;

#[track_caller]
fn assert_status(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.text);
}

#[tokio::test]
async fn unchanged_form_saves_the_same_bytes() {
    for database in databases().await {
        let site = Site::over(&database, &format!("{ROWS}{MORE}")).await;
        let mut browser = site.browser();
        let before = site.store.load().await.unwrap().activations;
        for row in before.iter().filter(|row| row.id != 4) {
            let page = format!("/activations/{}/edit", row.id);
            let sent = fields(&browser.get(&page).await.text, &page);
            assert_eq!(sent.iter().filter(|(name, _)| name == "drawn").count(), 1, "{}", row.name);
            assert_status(&browser.post(&page, &page, &borrowed(&sent)).await, 303);
        }
        let after = site.store.load().await.unwrap().activations;
        let configs = |rows: &[novi::rows::ActivationRow]| -> Vec<_> {
            rows.iter().map(|row| (row.config.clone(), row.class_name.clone())).collect()
        };
        assert_eq!(configs(&after), configs(&before));
    }
}

#[tokio::test]
async fn form_and_json_save_equal_bytes() {
    for database in databases().await {
        let site = Site::over(&database, &format!("{ROWS}{MORE}")).await;
        let mut browser = site.browser();
        let page = "/activations/10/edit";
        let mut sent = fields(&browser.get(page).await.text, page);
        set(&mut sent, "c/is/0/config/percentage", "33.30");
        set(&mut sent, "c/is/0/config/salt", "s");
        assert_status(&browser.post(page, page, &borrowed(&sent)).await, 303);
        let saved = site.store.load().await.unwrap();
        let config = |rows: &novi::rows::Rows| {
            rows.activations.iter().find(|row| row.id == 10).unwrap().config.clone()
        };
        let by_form = config(&saved).unwrap();
        assert!(by_form.contains("33.30") || database.url.starts_with("postgres"), "{by_form}");
        site.run("UPDATE activations SET config = '[1]' WHERE id = 10;").await;
        let version = browser.get(page).await.field("version");
        let json = "[\n {\"class_name\":\"novi.percentage\",\"config\":{\"percentage\":33.30, \"salt\":\"s\"}},\r\n1 ]";
        let sent = [("name", "Deep"), ("class_name", "novi.and"), ("config", json), ("version", &*version)];
        assert_status(&browser.post(page, page, &sent).await, 303);
        assert_eq!(config(&site.store.load().await.unwrap()), Some(by_form));
    }
}

#[tokio::test]
async fn problems_are_at_the_fields_of_the_form() {
    let site = Site::open(&format!("{ROWS}{MORE}")).await;
    let mut browser = site.browser();
    let page = "/activations/10/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "c/is/0/config/percentage", "250");
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    assert_status(&reply, 422);
    let (_, field) = reply.text.split_once("name=\"c/is/0/config/percentage\"").unwrap();
    let field = field.split("</div>").next().unwrap();
    assert!(field.contains("value=\"250\"") && field.contains("aria-invalid=\"true\""), "{field}");
    assert!(field.contains(" autofocus"), "{field}");
    reply.has("expected 0 to 100, found 250");
    for (value, message) in [("", "a value is required"), ("much", "expected a number, found &#34;much&#34;")]
    {
        set(&mut sent, "c/is/0/config/percentage", value);
        let reply = browser.post(page, page, &borrowed(&sent)).await;
        assert_status(&reply, 422);
        reply.has(message);
    }
    let page = "/activations/13/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "c/expression", "plan ==\r\n lowr(x)");
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    assert_status(&reply, 422);
    reply.has("plan ==\n lowr(x)</textarea>");
    reply.has("lowr");
}

#[tokio::test]
async fn results_of_a_switch_are_chosen_and_problems_are_at_them() {
    let row = r#"INSERT INTO activations (id, name, class_name, config) VALUES
        (14, 'By country', 'novi.switch', '{"by": "country", "cases": {"CA": "premium"}, "fallback": 1}');"#;
    for database in databases().await {
        let site = Site::over(&database, &format!("{ROWS}{row}")).await;
        let mut browser = site.browser();
        let page = "/activations/14/edit";
        let mut sent = fields(&browser.get(page).await.text, page);
        set(&mut sent, "c/fallback/then", "99");
        let reply = browser.post(page, page, &borrowed(&sent)).await;
        assert_status(&reply, 422);
        let (_, field) = reply.text.split_once("name=\"c/fallback/then\"").unwrap();
        let field = field.split("</fieldset>").next().unwrap();
        assert!(field.contains("value=\"99\"") && field.contains("class=\"problem\""), "{field}");

        set(&mut sent, "c/fallback@kind", "variant");
        set(&mut sent, "do", "show c/fallback");
        let reply = browser.post(page, page, &borrowed(&sent)).await;
        assert_status(&reply, 200);
        let mut sent = fields(&reply.text, page);
        set(&mut sent, "c/fallback/variant", "basic");
        set(&mut sent, "c/cases/is/1@key", "US");
        set(&mut sent, "c/cases/is/1@kind", "false");
        let reply = browser.post(page, page, &borrowed(&sent)).await;
        assert_status(&reply, 303);
        let rows = site.store.load().await.unwrap();
        let config = rows.activations.iter().find(|row| row.id == 14).and_then(|row| row.config.clone());
        let expected = serde_json::json!({
            "by": "country", "cases": {"CA": "premium", "US": false}, "fallback": "basic",
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&config.unwrap()).unwrap(), expected);
    }
}

#[tokio::test]
async fn rows_are_added_moved_and_removed_without_a_script() {
    let site = Site::open(&format!("{ROWS}{MORE}")).await;
    let mut browser = site.browser();
    let page = "/activations/10/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "c/is@add", "class:novi.host");
    set(&mut sent, "do", "add c/is");
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    assert_status(&reply, 200);
    let mut sent = fields(&reply.text, page);
    set(&mut sent, "c/is/2/config/hosts", "web-1\r\nweb-2\r\n");
    for step in ["up c/is/2", "up c/is/1", "remove c/is/2"] {
        set(&mut sent, "do", step);
        let reply = browser.post(page, page, &borrowed(&sent)).await;
        assert_status(&reply, 200);
        sent = fields(&reply.text, page);
    }
    assert_status(&browser.post(page, page, &borrowed(&sent)).await, 303);
    let rows = site.store.load().await.unwrap();
    let config = rows.activations.iter().find(|row| row.id == 10).unwrap().config.as_deref();
    let expected = r#"[{"class_name": "novi.host", "config": {"hosts": ["web-1", "web-2"]}}, {"class_name": "novi.percentage", "config": {"percentage": 20.50}}]"#;
    assert_eq!(config, Some(expected));
}

#[tokio::test]
async fn time_without_an_offset_is_in_the_time_zone_of_the_row() {
    let more = "INSERT INTO activations (id, name, class_name, config) VALUES
        (30, 'Sale', 'novi.date_time', '{\"startDateTime\": \"2026-12-01T09:00\", \"timezone\": \"Europe/Berlin\"}');";
    let site = Site::open(&format!("{ROWS}{more}")).await;
    let mut browser = site.browser();
    let page = "/activations/30/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "c/endDateTime@date", "2026-12-24");
    set(&mut sent, "c/endDateTime@time", "18:00");
    let saved = async |browser: &mut Browser, sent: &[(String, String)]| {
        assert_status(&browser.post(page, page, &borrowed(sent)).await, 303);
        let rows = site.store.load().await.unwrap();
        rows.activations.iter().find(|row| row.id == 30).unwrap().config.clone().unwrap()
    };
    let expected = r#"{"startDateTime": "2026-12-01T09:00", "timezone": "Europe/Berlin", "endDateTime": "2026-12-24T18:00"}"#;
    assert_eq!(saved(&mut browser, &sent).await, expected);
    let shown = browser.get(page).await;
    shown.has("from 1 December 2026 09:00 to 24 December 2026 18:00 (Europe/Berlin)");
    // Without a time zone, it is written as UTC.
    let mut sent = fields(&shown.text, page);
    set(&mut sent, "c/timezone", "");
    set(&mut sent, "c/endDateTime@time", "19:00");
    let expected = r#"{"startDateTime": "2026-12-01T09:00", "endDateTime": "2026-12-24T19:00:00Z"}"#;
    assert_eq!(saved(&mut browser, &sent).await, expected);
}

#[tokio::test]
async fn bucket_ranges_are_rows_by_variant() {
    let more = r#"INSERT INTO activations (id, name, class_name, config) VALUES
        (30, 'Ranges', 'novi.split', '{"ranges": {"a": [[0, 40000], [90000, 100000]], "b": [[40000, 90000]]}}');"#;
    let site = Site::open(&format!("{ROWS}{more}")).await;
    let mut browser = site.browser();
    let page = "/activations/30/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "c/ranges/0", "[0, 40000]");
    set(&mut sent, "c/ranges/2@key", "c");
    set(&mut sent, "c/ranges/2", "[90000, 100001]");
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    assert_status(&reply, 422);
    reply.has("expected two rising buckets from 0 to 100000, found 90000 and 100001");
    set(&mut sent, "c/ranges/2", "[90000, 95000]\r\n[95000, 100000]");
    assert_status(&browser.post(page, page, &borrowed(&sent)).await, 303);
    let rows = site.store.load().await.unwrap();
    let config = rows.activations.iter().find(|row| row.id == 30).unwrap().config.as_deref();
    let expected =
        r#"{"ranges": {"a": [[0, 40000]], "b": [[40000, 90000]], "c": [[90000, 95000], [95000, 100000]]}}"#;
    assert_eq!(config, Some(expected));
}

#[tokio::test]
async fn time_that_the_clocks_skip_is_a_problem_of_its_field() {
    let more = "INSERT INTO activations (id, name, class_name, config) VALUES
        (30, 'Sale', 'novi.date_time', '{\"startDateTime\": \"2026-03-29T02:30\", \"timezone\": \"Asia/Tokyo\"}');";
    let site = Site::open(&format!("{ROWS}{more}")).await;
    let mut browser = site.browser();
    let page = "/activations/30/edit";
    let sent = fields(&browser.get(page).await.text, page);
    let message = "2026-03-29T02:30 does not exist in Europe/Berlin: the clocks skip it; choose another time";
    let change = |changes: &[(&str, &str)]| {
        let mut sent = sent.clone();
        for (name, value) in changes {
            set(&mut sent, name, value);
        }
        sent
    };
    // The zone makes it one that is skipped.
    let reply = browser.post(page, page, &borrowed(&change(&[("c/timezone", "Europe/Berlin")]))).await;
    assert_status(&reply, 422);
    reply.has(message);
    assert_eq!(reply.text.matches(message).count(), 1);
    assert_eq!(reply.field("c/startDateTime@time"), "02:30");
    let valid = change(&[("c/timezone", "Europe/Berlin"), ("c/startDateTime@time", "03:30")]);
    assert_status(&browser.post(page, page, &borrowed(&valid)).await, 303);
    // What nobody changed stays as it is.
    site.run("UPDATE activations SET config = '{\"startDateTime\": \"2026-03-29T02:30\", \"timezone\": \"Europe/Berlin\"}' WHERE id = 30;").await;
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "c/endDateTime@date", "2026-12-24");
    assert_status(&browser.post(page, page, &borrowed(&sent)).await, 303);
}

#[tokio::test]
async fn another_type_shows_its_form_before_it_is_saved() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = "/activations/1/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "class_name", "novi.date_time");
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    assert_status(&reply, 200);
    reply.has("Nothing is saved yet: these are the settings of novi.date_time. It has no percentage");
    // The button does the same.
    set(&mut sent, "do", "form");
    browser.post(page, page, &borrowed(&sent)).await.has("Nothing is saved yet");
    let mut sent = fields(&reply.text, page);
    set(&mut sent, "c/startDateTime@date", "2026-12-01");
    assert_status(&browser.post(page, page, &borrowed(&sent)).await, 303);
    let rows = site.store.load().await.unwrap();
    let row = rows.activations.iter().find(|row| row.id == 1).unwrap();
    let saved = (row.class_name.as_str(), row.config.as_deref());
    assert_eq!(saved, ("novi.date_time", Some(r#"{"startDateTime": "2026-12-01"}"#)));
    // What both have stays.
    site.run(r#"UPDATE activations SET class_name = 'novi.percentage', config = '{"by": "account", "percentage": 5}' WHERE id = 1;"#).await;
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "class_name", "novi.split");
    browser.post(page, page, &borrowed(&sent)).await.has("value=\"account\"");
}

#[tokio::test]
async fn form_becomes_json_and_a_form_again() {
    let site = Site::open(&format!("{ROWS}{MORE}")).await;
    let mut browser = site.browser();
    let page = "/activations/12/edit";
    let mut sent = fields(&browser.get(page).await.text, page);

    set(&mut sent, "c/steps/1/percentage", "50");
    sent.retain(|(name, _)| name != "c/linear");
    set(&mut sent, "c/steps/1/at@date", "2026-12-24");
    set(&mut sent, "c/steps/1/at@time", "18:00");
    set(&mut sent, "do", "json");
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    let mut sent = fields(&reply.text, page);
    let json = sent.iter().find(|(name, _)| name == "config").unwrap().1.clone();
    let config: serde_json::Value = serde_json::from_str(&json).unwrap();
    let steps = serde_json::json!([
        {"at": "2026-12-01", "percentage": 5}, {"at": "2026-12-24T18:00:00Z", "percentage": 50}
    ]);
    assert_eq!(config, serde_json::json!({"steps": steps}));
    set(&mut sent, "config", &json.replace("50", "51").replace("{\r\n  \"steps", "{ \"more\": [1], \"steps"));
    set(&mut sent, "do", "form");
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    reply.has("value=\"51\"");
    reply.has("Other settings, as JSON");
    let sent = fields(&reply.text, page);
    let reply = browser.post(page, page, &borrowed(&sent)).await;
    assert_status(&reply, 422);
    reply.has("more");
}

#[tokio::test]
async fn split_of_a_rule_is_edited_as_fields() {
    let rules = r#"{"rules": [{"when": 1, "split": {"variants": {"grid": 50, "list": 50}}}, {"when": 1, "variant": "list"}]}"#;
    for database in databases().await {
        let more = format!(
            "INSERT INTO activations (id, name, class_name, config) VALUES (20, 'By rules', 'novi.rules', '{rules}');"
        );
        let site = Site::over(&database, &format!("{ROWS}{more}")).await;
        let mut browser = site.browser();
        let page = "/activations/20/edit";
        let drawn = browser.get(page).await;
        drawn.has("<legend>Split</legend>");
        let mut sent = fields(&drawn.text, page);
        set(&mut sent, "c/rules/0/split/variants/1", "-1");
        let reply = browser.post(page, page, &borrowed(&sent)).await;
        assert_status(&reply, 422);
        let (_, field) = reply.text.split_once("name=\"c/rules/0/split/variants/1\"").unwrap();
        assert!(field.split("</div>").next().unwrap().contains("aria-invalid=\"true\""), "{field}");
        set(&mut sent, "c/rules/0/split/variants/1", "150");
        set(&mut sent, "c/rules/0/split/coverage", "20");
        assert_status(&browser.post(page, page, &borrowed(&sent)).await, 303);
        let saved = site.store.load().await.unwrap().activations;
        let config = saved.iter().find(|row| row.id == 20).unwrap().config.clone().unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        let split = serde_json::json!({"variants": {"grid": 50, "list": 150}, "coverage": 20});
        assert_eq!(config["rules"][0]["split"], split);
        assert_eq!(config["rules"][1], serde_json::json!({"when": 1, "variant": "list"}));
        // Without anything in its fields, there is no split.
        let mut sent = fields(&browser.get(page).await.text, page);
        for part in ["variants/0@key", "variants/0", "variants/1@key", "variants/1", "coverage"] {
            set(&mut sent, &format!("c/rules/0/split/{part}"), "");
        }
        assert_status(&browser.post(page, page, &borrowed(&sent)).await, 303);
        let saved = site.store.load().await.unwrap().activations;
        let config = saved.iter().find(|row| row.id == 20).unwrap().config.clone().unwrap();
        assert!(!config.contains("split"), "{config}");
    }
}

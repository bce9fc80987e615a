//! Experiments: their list, what they say, and the steps of their life.

use novi::store::token::Role;
use novi_server::{Experiments, Options};

use crate::{
    databases::{Kind, Raw, TestDatabase, databases},
    site::{Browser, Site},
};

const ROWS: &str = r#"
INSERT INTO flags (id, name, status) VALUES (1, 'checkout', true), (2, 'search', true), (3, 'after-checkout', true);
INSERT INTO activations (id, name, class_name, config) VALUES
    (1, 'one/page', 'novi.experiment', '{"hypothesis": "One page sells <more>", "owner": "ann", "variants": {"four": 50, "one": 50},
        "control": "four", "traffic": 20, "start": "2026-11-01", "layer": {"name": "shop", "from": 0, "to": 30},
        "holdout": {"name": "2026", "percentage": 5}, "metrics": {"primary": ["bought", "sold"]}, "state": "running"}'),
    (2, 'ranking', 'novi.experiment', '{"variants": {"old": 1, "new": 1}, "control": "old"}'),
    (3, 'With checkout', 'novi.flag', '{"flag": "checkout"}');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (1, 1), (2, 2), (3, 3);
CREATE TABLE orders (user_id VARCHAR(50), ordered TIMESTAMP);
"#;

/// The page of the first experiment.
const ONE: &str = "/experiments/one%2Fpage";

/// An experiment with 1,800 units of two days, and a metric.
async fn site(database: &TestDatabase, metrics: &tempfile::TempDir) -> Site {
    let metric = "-- kind: proportion\nselect user_id as unit, ordered as ts from orders";
    std::fs::write(metrics.path().join("bought.sql"), metric).unwrap();
    let experiments = Experiments {
        database: database.url.clone(),
        metrics: metrics.path().to_owned(),
        ..Experiments::default()
    };
    let site = Site::over_with(database, ROWS, |options| options.experiments(experiments)).await;
    let seen = |number: i64| {
        let day = 3 + number % 2 * 4;
        if database.kind == Kind::MySql {
            format!("2026-11-{day:02} 08:00:00")
        } else {
            format!("2026-11-{day:02}T08:00:00Z")
        }
    };
    let row = |number: i64| {
        let variant = if number % 3 == 0 { "one" } else { "four" };
        format!("('one/page', 'user-{number}', '{variant}', 1, '{}')", seen(number))
    };
    let rows: Vec<String> = (0..1800).map(row).collect();
    let mut raw = Raw::connect(database).await;
    raw.run(&format!(
        "insert into novi_assignments (experiment, unit, variant, revision, assigned_at) values {}",
        rows.join(", ")
    ))
    .await
    .unwrap();
    let buyers: Vec<_> = (0..720).map(|number| format!("('user-{number}', '2026-11-10 08:00:00')")).collect();
    raw.run(&format!("insert into orders values {}", buyers.join(", "))).await.unwrap();
    site
}

async fn state(site: &Site, id: i64) -> serde_json::Value {
    let rows = site.store.load().await.unwrap();
    let row = rows.activations.iter().find(|row| row.id == id).unwrap();
    serde_json::from_str(row.config.as_deref().unwrap()).unwrap()
}

#[tokio::test]
async fn list_and_page_show_what_experiments_are_and_say() {
    for database in databases().await {
        let metrics = tempfile::tempdir().unwrap();
        let site = site(&database, &metrics).await;
        let mut browser = site.browser();
        let list = browser.get("/experiments").await;
        list.has(r#"<a href="/admin/experiments/one%2Fpage">one/page</a>"#);
        list.has("1,800</td>");
        list.has("One page sells &#60;more&#62;");
        list.has(r#"<a href="/admin/flags/1">checkout</a>"#);
        let drafts = browser.get("/experiments?state=draft").await;
        drafts.has("ranking");
        assert!(!drafts.text.contains("one/page"), "{}", drafts.text);

        let page = browser.get(ONE).await;
        page.has("20 % of units");
        page.has("30 % of layer shop, from 0 % to 30 %");
        page.has("5 % of units, those of 2026, are never enrolled");
        page.has("four (control)");
        page.has("1,800 new units since 2026-11-03");
        // A third instead of a half of the units.
        page.has("do not fit the weights");
        page.has("<h3>bought");
        page.has("there is neither a file sold.sql");
        assert!(!page.text.contains("Lift over time"), "{}", page.text);
        let over = browser.get(&format!("{ONE}?over=time")).await;
        over.has("Lift over time");
        over.has("four</th><td>40 %</td>");
        page.has("no metric is named &#34;sold&#34;; add sold.sql");
        // Without units, and without a row.
        browser.get("/experiments/ranking").await.has("No unit was exposed yet");
        site.run(r#"UPDATE activations SET config = replace(config, '"control": "old"', '"control": "old", "start": "2026-11-01", "state": "running"') WHERE id = 2;"#).await;
        let started = browser.get("/experiments/ranking").await;
        started.has("no unit was exposed yet");
        assert_eq!(started.text.matches("unit was exposed").count(), 1, "{}", started.text);
        assert!(!started.text.contains(">Weight<"), "{}", started.text);
        assert!(!started.text.contains("/control:"), "{}", started.text);
        // Its start is to come.
        let start = "/experiments/ranking/step?do=start";
        site.run("UPDATE activations SET config = replace(replace(config, '2026-11-01', '2999-11-01'), 'running', 'draft') WHERE id = 2;").await;
        let asked = browser.get(start).await;
        asked.has("It enrolls units from <time datetime=\"2999-11-01");
        assert!(!asked.text.contains("from now on"), "{}", asked.text);
        site.run(r#"UPDATE activations SET config = replace(replace(config, 'draft', 'running'), '"control"', '"traffic": 0, "control"') WHERE id = 2;"#).await;
        let scheduled = browser.get("/experiments/ranking").await;
        scheduled.has("<span class=\"state\">Scheduled</span>");
        scheduled.has("with 0 %, no unit is enrolled");
        assert!(!scheduled.text.contains(" until <time"), "{}", scheduled.text);
        assert_eq!(browser.get("/experiments/nothing").await.status, 404);
        site.run(
            "DELETE FROM flags_activations WHERE activation_id = 1; DELETE FROM activations WHERE id = 1;",
        )
        .await;
        let records = browser.get(ONE).await;
        records.has("What it says");
        assert!(!records.text.contains("Settings"), "{}", records.text);
    }
}

/// The fields of the form of a step.
async fn version(browser: &mut Browser, path: &str) -> String {
    browser.get(path).await.field("version")
}

/// Undoes the change that a page reports.
async fn undo(browser: &mut Browser, page: &str) {
    let found = browser.get(page).await;
    let fields = ["before", "after", "actor"].map(|name| (name, found.field(name)));
    assert_eq!(fields[2].1, "ann", "who has undone it is known");
    let sent: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let action = found.text.split("action=\"/admin").find(|part| part.contains("/undo\"")).unwrap();
    let action = action.split('"').next().unwrap().to_owned();
    assert_eq!(browser.post(page, &action, &sent).await.status, 303);
}

#[tokio::test]
async fn steps_are_previewed_and_made_with_a_reason() {
    for database in databases().await {
        let metrics = tempfile::tempdir().unwrap();
        let site = site(&database, &metrics).await;
        let mut browser = site.browser();
        let start = "/experiments/ranking/step?do=start";
        let asked = browser.get(start).await;
        asked.has("Start ranking?");
        asked.has("draft");
        let sent = [
            ("do", "start"),
            ("version", &*version(&mut browser, start).await),
            ("reason", "ready"),
            ("actor", "ann"),
        ];
        let reply = browser.post(start, "/experiments/ranking/step", &sent).await;
        assert_eq!(reply.status, 303, "{}", reply.text);
        assert_eq!(state(&site, 2).await["state"], "running");
        browser.get("/history").await.has("ready");
        let started = reply.header("location").trim_start_matches("/admin").to_owned();
        undo(&mut browser, &started).await;
        assert_eq!(state(&site, 2).await["state"], serde_json::Value::Null, "undone");

        let decide = format!("{ONE}/step?do=decide");
        let asked = browser.get(&decide).await;
        assert!(!asked.text.contains("callers:"), "nothing is chosen yet: {}", asked.text);
        let path = format!("{ONE}/step");
        let old = version(&mut browser, &decide).await;
        let mut sent = vec![("do", "decide"), ("version", &*old), ("reason", "sells more")];
        let reply = browser.post(&decide, &path, &sent).await;
        assert_eq!(reply.status, 422, "{}", reply.text);
        reply.has("Choose what to decide for.");
        sent.extend([("decision", "variant:one"), ("preview", "1")]);
        let preview = browser.post(&decide, &path, &sent).await;
        assert_eq!(preview.status, 200, "{}", preview.text);
        preview.has(r#"<option value="variant:one" selected>"#);
        preview.has("made-up ones");
        preview.has("<strong>after-checkout</strong>");
        assert_eq!(state(&site, 1).await["state"], "running");
        sent.pop();
        // Somebody else was faster.
        site.run("UPDATE activations SET config = replace(config, 'ann', 'bob') WHERE id = 1;").await;
        let reply = browser.post(&decide, &path, &sent).await;
        assert_eq!(reply.status, 422, "{}", reply.text);
        let new = version(&mut browser, &decide).await;
        assert_ne!(new, old);
        sent[1].1 = &new;
        sent[2].1 = " ";
        let reply = browser.post(&decide, &path, &sent).await;
        assert_eq!(reply.status, 422, "{}", reply.text);
        reply.has("a decision needs a reason");
        reply.has("made-up ones");
        sent[2].1 = "sells more";
        assert_eq!(browser.post(&decide, &path, &sent).await.status, 303);
        let decided = state(&site, 1).await;
        assert_eq!((&decided["state"], &decided["decision"]["variant"]), (&"decided".into(), &"one".into()));
        assert_eq!(
            (&decided["decision"]["reason"], &decided["owner"]),
            (&"sells more".into(), &"bob".into())
        );
        let page = browser.get(&format!("{ONE}?done=decide")).await;
        page.has("<div class=\"notice\"><p>Decided");
        page.has("one for all callers");
        page.has("sells more");
        assert!(!page.text.contains("/step?do="), "it has ended: {}", page.text);
        browser.get(&format!("{ONE}/step?do=stop")).await.has("decided");
        assert_eq!(browser.get(&format!("{ONE}/step?do=delete")).await.status, 404);
    }
}

#[tokio::test]
async fn readers_see_experiments_without_buttons() {
    let metrics = tempfile::tempdir().unwrap();
    let experiments = Experiments { metrics: metrics.path().to_owned(), ..Experiments::default() };
    let closed = |options: Options, tokens| options.tokens(tokens).open(true).experiments(experiments);
    let site = Site::with(ROWS, closed).await;
    let token = site.token(Role::Server, "reader").await;
    let mut browser = site.logged_in(&token).await;
    let page = browser.get("/experiments/ranking").await;
    assert_eq!(page.status, 200, "{}", page.text);
    page.has("Settings");
    assert!(!page.text.contains("/step?do="), "{}", page.text);
    assert_eq!(browser.get("/experiments/ranking/step?do=start").await.status, 403);
}

/// The form of an experiment suggests metrics that are rows, and those that others name.
#[tokio::test]
async fn forms_suggest_metrics() {
    for database in databases().await {
        let metrics = tempfile::tempdir().unwrap();
        let site = site(&database, &metrics).await;
        let mut raw = Raw::connect(&database).await;
        let metric = "INSERT INTO activations (id, name, class_name, config) VALUES (9, 'revenue', 'novi.metric', \
                      '{\"kind\": \"mean\", \"sql\": \"select 1\"}')";
        raw.run(metric).await.unwrap();
        let revision = site.store.load().await.unwrap().revision;
        site.flags.refresh_to(revision).await.unwrap();
        let page = site.browser().get("/activations/1/edit").await;
        page.has(r#"<datalist id="metrics"><option value="bought"></option><option value="revenue"></option><option value="sold">"#);
        page.has(r#"value="bought, sold" autocomplete="off" spellcheck="false" data-chips list="metrics""#);
        // The SQL of a metric is edited in an area, as an expression is.
        site.browser().get("/activations/9/edit").await.has("select 1</textarea>");
    }
}

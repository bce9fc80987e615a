//! The users of the application's database, as callers of previews and of who has a flag.

use std::time::Duration;

use novi::store::token::Role;
use novi_server::{Options, SavedQueries};

use crate::{
    databases::{TestDatabase, databases},
    site::{ROWS, Site},
};

const USERS: &str = r#"
CREATE TABLE users (id INTEGER PRIMARY KEY, country VARCHAR(20));
INSERT INTO users VALUES (1, 'DE'), (2, 'DE'), (3, 'AT'), (4, '<i>');
INSERT INTO flags (id, name, status) VALUES (60, 'in-germany', true), (61, 'elsewhere', true);
INSERT INTO activations (id, name, class_name, config) VALUES
    (60, 'In DE', 'novi.attribute', '{"attribute": "country", "in": ["DE"]}'),
    (61, 'Not in DE', 'novi.attribute', '{"attribute": "country", "in": ["<i>"]}'),
    (62, 'List', 'novi.members', '{"by": "country"}');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (60, 60), (61, 61);
"#;

fn with_queries(options: Options, url: &str) -> Options {
    let queries = [
        ("users", "select id as \"targetingKey\", country from users"),
        ("nobody", "select id as \"targetingKey\" from users where id < 0"),
        ("broken", "select nonsense from users"),
        ("<b>", "select id as \"targetingKey\" from users"),
    ];
    options.audience(SavedQueries {
        database: url.to_owned(),
        timeout: Duration::from_mins(1),
        queries: queries.map(|(name, sql)| (name.to_owned(), sql.to_owned())).into(),
    })
}

async fn with_users(database: &TestDatabase) -> Site {
    let rows = format!("{ROWS}{USERS}");
    Site::over_with(database, &rows, |options| with_queries(options, &database.url)).await
}

/// The fields of a form.
type Fields<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn page_of_a_flag_counts_who_has_it() {
    for database in databases().await {
        let site = with_users(&database).await;
        let mut browser = site.browser();
        let page = browser.get("/flags/60").await;
        page.has("Who has it");
        page.has(r#"<option value="users">users</option>"#);
        assert!(!page.text.contains("callers have it"), "no query was chosen: {}", page.text);
        assert!(!page.text.contains("<b>"), "{}", page.text);

        let page = browser.get("/flags/60?query=users").await;
        page.has(r#"<option value="users" selected>users</option>"#);
        page.has("<strong>2</strong> of 4 callers have it (50.0 %)");
        page.has(r#"<tr><th scope="row">on</th><td>2</td><td>50.0 %</td></tr>"#);
        page.has(r#"<span class="dot s-on"></span>on 50 %"#);
        page.has(r#"<span class="dot s-off"></span>off 50 %"#);
        page.has("<summary>By <code>country</code></summary>");
        page.has(r#"<tr><th scope="row">DE</th><td>2</td><td>2</td></tr>"#);
        let page = browser.get("/flags/61?query=users").await;
        page.has(r#"<tr><th scope="row">&#60;i&#62;</th><td>1</td><td>1</td></tr>"#);

        // Variants have the colors of the flag's shares.
        let page = browser.get("/flags/2?query=users").await;
        page.has("<strong>4</strong> of 4 callers have it (100.0 %)");
        assert!(["s0", "s1"].iter().any(|class| page.text.contains(&format!("{class}\"></span>on "))));

        browser.get("/flags/60?query=nobody").await.has("The query returns no callers.");
    }
}

#[tokio::test]
async fn failed_query_is_reported_at_its_place() {
    for database in databases().await {
        let site = with_users(&database).await;
        let mut browser = site.browser();
        for (query, message) in
            [("broken", "[audience.queries] broken: "), ("other", "[audience.queries] has no query ")]
        {
            let page = browser.get(&format!("/flags/60?query={query}")).await;
            assert_eq!(page.status, 200, "the rest of the page is shown");
            page.has(r#"aria-invalid="true" aria-describedby="audience-problem""#);
            page.has(&format!(r#"id="audience-problem">{message}"#));
            page.has("In DE");
            let fields = [("to", "off"), ("preview", "1"), ("callers_query", query)];
            let page = browser.post("/flags/60/switch?to=off", "/flags/60/switch", &fields).await;
            page.has(&format!(r#"<p class="problem" role="alert">{message}"#));
        }
    }
}

#[tokio::test]
async fn every_preview_can_be_over_a_saved_query() {
    let country = r#"{"attribute": "country", "in": ["AT"]}"#;
    for database in databases().await {
        let site = with_users(&database).await;
        let mut browser = site.browser();
        let forms: [(&str, &str, Fields<'_>); 7] = [
            ("/flags/60/switch?to=off", "/flags/60/switch", &[("to", "off")]),
            ("/flags/60/edit", "/flags/60/edit", &[("name", "renamed"), ("fail_mode", "off")]),
            (
                "/flags/60/add?from=country",
                "/flags/60/add",
                &[("from", "country"), ("name", "Austria"), ("config", country)],
            ),
            ("/flags/60/add", "/flags/60/add", &[("activation", "61")]),
            ("/flags/new?from=switch", "/flags/new", &[("from", "switch"), ("name", "new"), ("on", "1")]),
            (
                "/activations/60/edit",
                "/activations/60/edit",
                &[("name", "In AT"), ("class_name", "novi.attribute"), ("config", country)],
            ),
            ("/activations/62/members", "/activations/62/members", &[("members", "DE")]),
        ];
        for (page, path, fields) in forms {
            // The query counts before what is typed.
            let chosen = [("preview", "1"), ("callers_query", "users"), ("callers", "no JSON")];
            let fields: Vec<_> = fields.iter().copied().chain(chosen).collect();
            let shown = browser.post(page, path, &fields).await;
            assert_eq!(shown.status, 200, "{page}: {}", shown.text);
            shown.has("the 4 of the saved query users");
            shown.has(r#"<option value="users" selected>Saved query: users</option>"#);
            shown.has("no JSON</textarea>");
            let reset: Vec<_> = fields.into_iter().filter(|(name, _)| *name != "callers_query").collect();
            browser.post(page, path, &reset).await.has("Callers, line 1: not JSON");
        }
    }
}

#[tokio::test]
async fn readers_and_servers_without_queries_have_no_choice() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = browser.get("/flags/1?query=users").await;
    assert!(!page.text.contains("Who has it"), "{}", page.text);
    let page = browser.get("/flags/1/switch?to=off").await;
    assert!(!page.text.contains("callers_query"), "{}", page.text);

    let site =
        Site::with(ROWS, |options, tokens| with_queries(options, "sqlite::memory:").tokens(tokens)).await;
    let token = site.token(Role::Server, "reader").await;
    let page = site.logged_in(&token).await.get("/flags/1?query=users").await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("Who has it"), "{}", page.text);
}

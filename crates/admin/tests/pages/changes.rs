//! What pages change: as the API does, with an author, a reason, and an undo.

use novi::{Context, store::history::HistoryQuery};

use crate::{
    databases::databases,
    form::{borrowed, fields, set},
    site::{ROWS, Reply, Site},
};

/// The path in the location of a reply, below the mount path.
#[track_caller]
fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text);
    reply.header("location").strip_prefix("/admin").unwrap().to_owned()
}

#[tokio::test]
async fn flag_is_switched_with_author_and_reason_and_the_change_is_undone() {
    for database in databases().await {
        let site = Site::over(&database, ROWS).await;
        let mut browser = site.browser();
        let page = "/flags/1/switch?to=off";
        let asked = browser.get(page).await;
        asked.has("Turn off new-checkout?");
        asked.has("<strong>express</strong>");
        asked.has("1000 made-up ones");
        asked.has("turn off");
        let version = asked.field("version");
        let fields = [("to", "off"), ("version", &*version), ("actor", "ada"), ("reason", "rates are wrong")];
        let reply = browser.post(page, "/flags/1/switch", &fields).await;
        assert!(!site.flags.is_enabled("new-checkout", &Context::new().with("targetingKey", "user-1")));
        let done = browser.get(&location(&reply)).await;
        done.has("Turned off new-checkout.");
        done.has("Undo");
        done.has("rates are wrong");
        done.has("Turned off <a href=");
        let newest = site.store.history(&HistoryQuery::default().limit(1)).await.unwrap().remove(0);
        assert_eq!(
            (newest.actor.as_deref(), newest.reason.as_deref()),
            (Some("ada"), Some("rates are wrong"))
        );

        let fields = [("before", &*done.field("before")), ("after", &*done.field("after"))];
        let undone = browser.post("/flags", "/flags/1/undo", &fields).await;
        browser.get(&location(&undone)).await.has("Undid the change of new-checkout.");
        let row = site.store.load().await.unwrap().flags.remove(0);
        assert!(row.status);
        // The form of the first page is outdated now.
        let fields = [("to", "off"), ("version", &*version)];
        let reply = browser.post("/flags", "/flags/1/switch", &fields).await;
        assert_eq!(reply.status, 412);
        reply.has("The row has changed");
        reply.has("flag &#34;new-checkout&#34; was modified since you read it");
        reply.has("reload it and retry");
    }
}

#[tokio::test]
async fn undo_is_refused_after_another_change() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let version = browser.get("/flags/1/switch?to=off").await.field("version");
    let reply = browser.post("/flags", "/flags/1/switch", &[("to", "off"), ("version", &version)]).await;
    let done = browser.get(&location(&reply)).await;
    // A change of an activation of the flag is one, too.
    site.run("UPDATE activations SET name = 'Other' WHERE id = 1;").await;
    let fields = [("before", &*done.field("before")), ("after", &*done.field("after"))];
    let reply = browser.post("/flags", "/flags/1/undo", &fields).await;
    assert_eq!(reply.status, 409);
    reply.has("has changed since");
}

#[tokio::test]
async fn flag_is_edited_and_problems_are_at_their_fields() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = "/flags/1/edit";
    let version = browser.get(page).await.field("version");
    let fields = |name: &'static str, expires: &'static str, variants: &'static str| {
        [
            ("name", name),
            ("description", "Two pages"),
            ("owner", ""),
            ("tags", "q1, checkout"),
            ("expires_at", expires),
            ("variants", variants),
            ("fail_mode", "last_known"),
            ("override_allowed", "1"),
        ]
    };
    let reply = browser.post(page, page, &fields("new-checkout", "soon", "")).await;
    assert_eq!(reply.status, 422);
    reply.has(r#"id="expires_at-problem""#);
    reply.has("Two pages");
    let reply = browser.post(page, page, &fields("new-checkout", "", "{")).await;
    assert_eq!(reply.status, 422);
    reply.has("expected JSON");
    let mut sent = fields("new-checkout", "2031-01-31", r#"{"a": 1.50}"#).to_vec();
    sent.push(("version", &version));
    let saved = browser.post(page, page, &sent).await;
    browser.get(&location(&saved)).await.has("Saved new-checkout.");
    let row = site.store.load().await.unwrap().flags.remove(0).metadata;
    assert_eq!(row.description.as_deref(), Some("Two pages"));
    assert_eq!((row.owner, row.tags), (None, vec!["q1".to_owned(), "checkout".to_owned()]));
    assert_eq!(row.variants.as_deref(), Some(r#"{"a": 1.50}"#), "every digit is kept");
    assert_eq!(row.fail_mode.as_str(), "last_known");
    // Nothing to save is no change.
    let before = site.store.revision().await.unwrap();
    let mut same = fields("new-checkout", "2031-01-31T00:00:00+00:00", r#"{"a": 1.50}"#).to_vec();
    same.push(("version", "1"));
    location(&browser.post(page, page, &same).await);
    assert_eq!(site.store.revision().await.unwrap(), before);
}

#[tokio::test]
async fn activation_is_previewed_edited_and_undone_on_the_page_of_its_flag() {
    for database in databases().await {
        let site = Site::over(&database, ROWS).await;
        let mut browser = site.browser();
        let page = "/activations/1/edit";
        browser.get(page).await.has("25 % of callers by <code>targetingKey</code>");
        let version = browser.get(page).await.field("version");
        let fields = |config: &'static str| {
            [("name", "Half"), ("class_name", "novi.percentage"), ("config", config), ("version", "V")]
        };
        for (config, message) in [
            ("{", "expected JSON"),
            (r#"{"percentage": 200}"#, "expected 0 to 100, found 200"),
            (r#"{"percentag": 20}"#, "did you mean"),
        ] {
            let mut sent = fields(config);
            sent[3].1 = &version;
            let reply = browser.post(page, page, &sent).await;
            assert_eq!(reply.status, 422, "{config}");
            reply.has(r#"id="config-problem""#);
            reply.has(message);
        }
        let mut sent = fields(r#"{"percentage": 50}"#);
        sent[3].1 = &version;
        let mut previewed = sent.to_vec();
        previewed.push(("preview", "1"));
        let preview = browser.post(page, page, &previewed).await;
        preview.has("nothing is saved yet");
        preview.has("<ins>50 % of callers by <code>targetingKey</code></ins>");
        preview.has("<strong>express</strong>");
        // A quarter of the callers more, of the flag and of the one that depends on it.
        preview.has("<h2>Effect</h2>");
        preview.has("<h3>express</h3>");
        preview.has("<td>off</td><td>on</td>");
        previewed.push(("callers", "{\"targetingKey\": \"<b>\"}\n{\"targetingKey\": \"user-2\"}"));
        let of_typed = browser.post(page, page, &previewed).await;
        of_typed.has("the 2 that you entered");
        assert!(!of_typed.text.contains("<b>"), "{}", of_typed.text);
        previewed.pop();
        previewed.push(("callers", "{}\n[1]"));
        browser.post(page, page, &previewed).await.has("Callers, line 2: expected a JSON object.");
        assert_eq!(site.store.load().await.unwrap().activations[0].name, "A quarter");
        let saved = browser.post(page, page, &sent).await;
        let flag = browser.get(&location(&saved)).await;
        flag.has("On for 50 % of callers");
        flag.has("<del>25 % of callers by <code>targetingKey</code></del>");
        let fields = [("before", &*flag.field("before")), ("after", &*flag.field("after"))];
        let undone = browser.post("/flags", "/flags/1/undo", &fields).await;
        browser.get(&location(&undone)).await.has("On for 25 % of callers");
    }
}

#[tokio::test]
async fn flags_are_created_from_every_template() {
    let site = Site::open("").await;
    let mut browser = site.browser();
    let page = browser.get("/flags/new").await.text;
    let slugs: Vec<String> = page
        .split("/flags/new?from=")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(slugs.len(), 8);
    for slug in &slugs {
        let form = format!("/flags/new?from={slug}");
        let text = browser.get(&form).await.text;
        let mut sent = fields(&text, "/flags/new");
        for (name, value) in [("name", &**slug), ("on", "1"), ("description", "made")] {
            set(&mut sent, name, value);
        }
        let created = browser.post(&form, "/flags/new", &borrowed(&sent)).await;
        browser.get(&location(&created)).await.has(&format!("Created {slug}."));
    }
    let rows = site.store.load().await.unwrap();
    assert_eq!((rows.flags.len(), rows.activations.len(), rows.links.len()), (8, 7, 7));
    assert_eq!(site.flags.issues(), []);
    let reply =
        browser.post("/flags/new?from=switch", "/flags/new", &[("from", "switch"), ("name", "split")]).await;
    assert_eq!(reply.status, 409);
    reply.has(r#"id="name-problem""#);
    let fields = [("from", "rollout"), ("name", "x"), ("config", r#"{"percentage": 101}"#)];
    let reply = browser.post("/flags/new?from=rollout", "/flags/new", &fields).await;
    assert_eq!(reply.status, 422);
    reply.has(r#"id="config-problem""#);
    assert_eq!(site.store.load().await.unwrap().flags.len(), 8);
}

#[tokio::test]
async fn new_flags_and_activations_are_previewed() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let preview = |page: &str, shown: &str| {
        let mut sent = fields(shown, page);
        set(&mut sent, "preview", "1");
        sent
    };
    let shown = browser.get("/flags/new?from=country").await;
    let mut sent = preview("/flags/new", &shown.text);
    set(&mut sent, "name", "tax");
    set(&mut sent, "on", "1");
    let reply = browser.post("/flags/new", "/flags/new", &borrowed(&sent)).await;
    reply.has("nothing is saved yet");
    reply.has("<strong>tax</strong>");
    reply.has("turn on");
    // A problem is at its field.
    set(&mut sent, "name", "new-checkout");
    let reply = browser.post("/flags/new", "/flags/new", &borrowed(&sent)).await;
    reply.has("id=\"name-problem\"");

    let shown = browser.get("/flags/1/add?from=country").await;
    let sent = preview("/flags/1/add", &shown.text);
    let reply = browser.post("/flags/1/add", "/flags/1/add", &borrowed(&sent)).await;
    reply.has("<strong>new-checkout</strong>");
    reply.has("turn off");
    let shown = browser.get("/flags/2/add").await;
    let mut sent = preview("/flags/2/add", &shown.text);
    set(&mut sent, "activation", "1");
    let reply = browser.post("/flags/2/add", "/flags/2/add", &borrowed(&sent)).await;
    reply.has("<strong>page-layout</strong>");
    let rows = site.store.load().await.unwrap();
    assert_eq!((rows.flags.len(), rows.activations.len(), rows.links.len()), (5, 4, 4));
}

#[tokio::test]
async fn flag_is_deleted_by_its_name_and_brought_back() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = browser.get("/flags/5/delete").await;
    let version = page.field("version");
    let reply = browser.post("/flags", "/flags/5/delete", &[("name", "other"), ("version", &version)]).await;
    assert_eq!(reply.status, 422);
    let before = site.store.revision().await.unwrap().number().to_string();
    let reply = browser.post("/flags", "/flags/5/delete", &[("name", "plain"), ("version", &version)]).await;
    browser.get(&location(&reply)).await.has("Deleted the flag.");
    assert_eq!(browser.get("/flags/5").await.status, 404);
    let plan = browser.get(&format!("/rollback?to={before}&flag=plain")).await;
    plan.has("plain");
    let reply = browser.post("/flags", "/rollback", &[("to", &before), ("flag", "plain")]).await;
    browser.get(&location(&reply)).await.has("Rolled back.");
    assert_eq!(browser.get("/flags/5").await.status, 200);
}

#[tokio::test]
async fn rollback_shows_its_effect_and_can_be_undone() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    site.run("DELETE FROM flags_activations WHERE flag_id = 1").await;
    let open = site.store.revision().await.unwrap().number().to_string();
    site.run("INSERT INTO flags_activations (flag_id, activation_id) VALUES (1, 1)").await;
    let address = format!("/rollback?to={open}&flag=new-checkout");
    let page = browser.get(&address).await;
    page.has("<strong>new-checkout becomes on for every caller</strong>");
    page.has("on for 25 %");
    page.has("turn on");
    let sent = [("to", &*open), ("flag", "new-checkout")];
    let preview =
        [&sent[..], &[("preview", "1"), ("callers", r#"{"targetingKey": "a"}"#), ("reason", "try")]];
    let preview = browser.post(&address, "/rollback", &preview.concat()).await;
    preview.has("the 1 that you entered");
    preview.has("value=\"try\"");
    let links = async || site.store.load().await.unwrap().links_of(Some(1)).len();
    assert_eq!(links().await, 1);
    let reply = browser.post(&address, "/rollback", &sent).await;
    assert_eq!(links().await, 0);
    assert!(location(&reply).starts_with("/flags/1?done=rolled-back"), "{}", location(&reply));
    let page = browser.get(&location(&reply)).await;
    page.has("Rolled back.");
    let undo = [("before", &*page.field("before")), ("after", &*page.field("after"))];
    let reply = browser.post(&location(&reply), "/flags/1/undo", &undo).await;
    browser.get(&location(&reply)).await.has("Undid the change");
    assert_eq!(links().await, 1);
}

#[tokio::test]
async fn creation_with_a_description_is_one_entry_of_the_history() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let form = "/flags/new?from=country";
    let mut sent = fields(&browser.get(form).await.text, "/flags/new");
    set(&mut sent, "name", "tax");
    set(&mut sent, "description", "Taxes of the country");
    let reply = browser.post(form, "/flags/new", &borrowed(&sent)).await;
    browser.get(&location(&reply)).await.has("Created tax.");
    let page = browser.get("/history?flag=tax").await;
    page.has("Created flag");
    page.has("Taxes of the country");
    assert_eq!(page.text.matches("class=\"change\"").count(), 1, "{}", page.text);
}

#[tokio::test]
async fn enter_in_a_form_leads_to_its_preview() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    for page in [
        "/flags/new?from=country",
        "/flags/1/add?from=country",
        "/flags/1/edit",
        "/activations/1/edit",
        "/activations/1/members",
        "/rollback?to=1&flag=plain",
    ] {
        let text = browser.get(page).await.text;
        let (_, form) = text.split_once("<form method=\"post\"").unwrap_or_else(|| panic!("{page}: {text}"));
        // Browsers press the first button.
        let (_, button) = form.split_once("<button").unwrap();
        let (button, _) = button.split_once('>').unwrap();
        assert!(button.contains("name=\"preview\""), "{page}: {button}");
    }
}

#[tokio::test]
async fn empty_percentage_is_shown_as_what_it_means() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = browser.get("/flags/new?from=experiment").await;
    let (_, traffic) = page.text.split_once("name=\"c/traffic\"").unwrap();
    let (field, _) = traffic.split_once("</div>").unwrap();
    assert!(
        field.contains("placeholder=\"100\"") && field.contains("max=\"100\" step=\"any\" value=\"100\""),
        "{field}"
    );
}

#[tokio::test]
async fn first_token_closes_the_pages() {
    let site = Site::closed(ROWS).await;
    let mut browser = site.browser();
    let created = browser.post("/tokens", "/tokens", &[("role", "admin"), ("name", "ada")]).await;
    assert_eq!(created.status, 200, "{}", created.text);
    let (_, rest) = created.text.split_once("id=\"secret\">").unwrap();
    let secret = rest.split('<').next().unwrap().to_owned();
    while browser.get("/flags").await.status == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let mut browser = site.logged_in(&secret).await;
    let list = browser.get("/tokens").await;
    list.has("ada");
    assert!(!list.text.contains(&secret));
    let reply = browser.post("/tokens", "/tokens", &[("role", "server"), ("name", "ada")]).await;
    assert_eq!(reply.status, 409);
    reply.has(r#"id="name-problem""#);
    browser.post("/tokens", "/tokens", &[("role", "server"), ("name", "shop")]).await.has("shop");
    let reply = browser.post("/tokens", "/tokens/2/revoke", &[]).await;
    browser.get(&location(&reply)).await.has("Revoked the token.");
    // In the history, the author is the token.
    let version = browser.get("/flags/1/switch?to=off").await.field("version");
    let fields = [("to", "off"), ("version", &*version), ("actor", "mallory")];
    location(&browser.post("/flags", "/flags/1/switch", &fields).await);
    let newest = site.store.history(&HistoryQuery::default().limit(1)).await.unwrap().remove(0);
    assert_eq!(newest.actor.as_deref(), Some("ada"));
}

#[tokio::test]
async fn activations_are_added_to_a_flag_and_removed() {
    for database in databases().await {
        let site = Site::over(&database, ROWS).await;
        let mut browser = site.browser();
        let page = "/flags/1/add?from=country";
        let form = browser.get(page).await;
        let version = form.field("version");
        let added = |config: &'static str| {
            [("from", "country"), ("name", "Two countries"), ("config", config), ("version", "V")]
        };
        let mut sent = added(r#"{"attribute": "country"}"#);
        sent[3].1 = &version;
        let reply = browser.post(page, "/flags/1/add", &sent).await;
        assert_eq!(reply.status, 422);
        reply.has(r#"id="config-problem""#);
        let mut sent = added(r#"{"attribute": "country", "in": ["DE", "AT"]}"#);
        sent[3].1 = &version;
        let saved = browser.post(page, "/flags/1/add", &sent).await;
        let flag = browser.get(&location(&saved)).await;
        flag.has("On for 25 % of callers by <code>targetingKey</code>, if country is DE or AT");
        // The first form is outdated.
        assert_eq!(browser.post(page, "/flags/1/add", &sent).await.status, 412);
        // An existing one, twice: the second time changes nothing.
        let version = browser.get("/flags/5/add").await.field("version");
        let fields = [("activation", "1"), ("version", &*version)];
        let linked = browser.post("/flags/5/add", "/flags/5/add", &fields).await;
        browser.get(&location(&linked)).await.has("A quarter");
        let version = browser.get("/flags/5/add").await.field("version");
        let fields = [("activation", "1"), ("version", &*version)];
        let removed = browser.post("/flags/5/add", "/flags/5/remove", &fields).await;
        browser.get(&location(&removed)).await.has("None: the flag is on for every caller");
        assert_eq!(site.store.load().await.unwrap().activations.len(), 5, "it stays");
    }
}

#[tokio::test]
async fn change_is_measured_over_a_file_of_callers() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    for page in ["/activations/1/edit", "/flags/1/switch?to=off"] {
        let path = page.split('?').next().unwrap_or_default();
        let shown = browser.get(page).await;
        let mut sent = fields(&shown.text, path);
        set(&mut sent, "preview", "1");
        sent.retain(|(name, _)| name != "callers_file");
        if path.starts_with("/activations") {
            set(&mut sent, "c/percentage", "100");
        }
        let mut post = async |file: &str, content: &[u8]| {
            let reply = browser.post_file(path, &borrowed(&sent), file, content).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            reply
        };
        let line = |number| format!(r#"{{"targetingKey": "{number}", "country": "DE"}}"#);
        let lines = (0..2000).map(line).collect::<Vec<_>>().join("\n");
        post("<us>.jsonl", lines.as_bytes()).await.has("callers: the 2000 of &#60;us&#62;.jsonl.");
        post("us.jsonl", b"{}\n[1]").await.has("us.jsonl, line 2: expected a JSON object.");
        post("us.jsonl", b"").await.has("us.jsonl: expected one caller in JSON on each line, found none.");
        // No file was chosen.
        let none = post("", b"").await;
        none.has("made-up ones");
    }
    // Nothing was saved.
    let rows = site.store.load().await.unwrap();
    assert!(rows.flags[0].status);
}

#[tokio::test]
async fn forms_with_large_fields_or_files_are_rejected() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let key = browser.get("/flags/1/switch?to=off").await.key();
    let large = "x".repeat(1024 * 1024);
    let fields = [("key", &*key), ("to", "off"), ("reason", &large)];
    let reply = browser.post_file("/flags/1/switch", &fields, "", b"").await;
    assert_eq!(reply.status, 413);
    reply.has("use the API for larger configs");
    let file = vec![b' '; 33 * 1024 * 1024];
    let reply = browser.post_file("/flags/1/switch", &[("key", &key), ("preview", "1")], "a", &file).await;
    assert_eq!(reply.status, 413);
    assert!(site.store.load().await.unwrap().flags[0].status);
}

//! Members, filters, and what the history and the playground say.

use crate::{
    databases::databases,
    form::{borrowed, fields, set},
    site::{ROWS, Site, escape},
};

const MEMBERS: &str = r#"
INSERT INTO activations (id, name, class_name, config) VALUES (9, 'Beta', 'novi.members', '{}'),
    (10, 'Ramp', 'novi.ramp', '{"steps": [{"at": "2020-01-01", "percentage": 10}, {"at": "2020-02-01", "percentage": 40}, {"at": "2200-01-01", "percentage": 100}]}');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (5, 9), (5, 10);
INSERT INTO activation_members (activation_id, member) VALUES (9, 'ann'), (9, 'ben <b>');
"#;

#[tokio::test]
async fn members_are_added_searched_and_removed() {
    for database in databases().await {
        let site = Site::over(&database, &format!("{ROWS}{MEMBERS}")).await;
        let mut browser = site.browser();
        browser.get("/activations/9/edit").await.has("Members in the table: 2");
        let page = "/activations/9/members";
        let shown = browser.get(page).await;
        shown.has("2 members");
        shown.has("ben &#60;b&#62;");
        let mut sent = fields(&shown.text, page);
        set(&mut sent, "members", "cid\r\n\r\n dan \r\n");
        set(&mut sent, "denied", "true");
        sent.push(("remove".to_owned(), "ann".to_owned()));
        assert_eq!(browser.post(page, page, &borrowed(&sent)).await.status, 303);
        let rows = site.store.load().await.unwrap();
        let members: Vec<_> =
            rows.members_of(9).iter().map(|row| (row.member.as_str(), row.denied)).collect();
        assert_eq!(members, [("ben <b>", false), ("cid", true), ("dan", true)]);
        let found = browser.get(&format!("{page}?prefix=da")).await;
        found.has("1 member found");
        assert!(!found.text.contains("cid"));
        // The form of the first page is outdated, and still means the same.
        set(&mut sent, "members", "eve");
        assert_eq!(browser.post(page, page, &borrowed(&sent)).await.status, 303);
        assert_eq!(site.store.load().await.unwrap().members_of(9).len(), 4);
        assert_eq!(browser.get("/activations/1/edit").await.text.matches("Members in the table").count(), 0);
    }
}

#[tokio::test]
async fn members_are_previewed_and_moved_only_on_demand() {
    let sql =
        "UPDATE flags SET status = true WHERE id = 5; DELETE FROM flags_activations WHERE activation_id = 10;
        UPDATE activation_members SET denied = true WHERE member = 'ann';";
    let site = Site::open(&format!("{ROWS}{MEMBERS}{sql}")).await;
    let mut browser = site.browser();
    let page = "/activations/9/members";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "members", "ann\r\ncid");
    sent.push(("remove".to_owned(), "ben <b>".to_owned()));
    set(&mut sent, "reason", "asked for");
    set(&mut sent, "preview", "1");
    let preview = browser.post(page, page, &borrowed(&sent)).await;
    assert_eq!(preview.status, 200);
    preview.has("nothing is saved yet");
    preview.has("&#34;ann&#34; is denied now, and it would be allowed");
    preview.has("<strong>plain</strong>");
    preview.has("2 turn on");
    preview.has("1 turn off");
    // All that was typed and checked is still there.
    let mut sent = fields(&preview.text, page);
    let has = |name: &str, value: &str| sent.contains(&(name.to_owned(), value.to_owned()));
    assert!(has("remove", "ben <b>") && has("reason", "asked for"), "{sent:?}");
    let refused = browser.post(page, page, &borrowed(&sent)).await;
    assert_eq!(refused.status, 422);
    refused.has("nothing is saved: &#34;ann&#34; is denied now");
    assert_eq!(site.store.load().await.unwrap().members_of(9).len(), 2);
    set(&mut sent, "move", "1");
    assert_eq!(browser.post(page, page, &borrowed(&sent)).await.status, 303);
    let rows = site.store.load().await.unwrap();
    let members: Vec<_> = rows.members_of(9).iter().map(|row| (row.member.as_str(), row.denied)).collect();
    assert_eq!(members, [("ann", false), ("cid", false)]);
}

#[tokio::test]
async fn filters_have_the_names_that_people_see() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let off = browser.get("/flags?status=off").await;
    off.has("1 flag found");
    off.has("plain");
    browser.get("/flags?status=ON").await.has("4 flags found");
    for wrong in ["status=maybe", "sort=color", "cursor=x"] {
        let list = browser.get(&format!("/flags?{wrong}")).await;
        assert_eq!(list.status, 200, "{wrong}");
        list.has("The filters of the address are not used");
        list.has("5 flags");
    }
}

#[tokio::test]
async fn ramp_shows_the_share_of_the_moment() {
    let site = Site::open(&format!("{ROWS}{MEMBERS}")).await;
    site.browser().get("/flags/5").await.has("on 40 %");
}

#[tokio::test]
async fn activations_after_the_first_that_is_off_are_not_evaluated() {
    let site = Site::open(&format!("{ROWS}{MEMBERS}UPDATE flags SET status = true WHERE id = 5;")).await;
    let shown = site.browser().get(&format!("/playground?flag=plain&context={}", escape("{}"))).await;
    shown.has("Not evaluated");
    shown.has("Ramp");
}

#[tokio::test]
async fn history_names_what_was_linked_and_lists_tags() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = "/flags/new?from=rollout";
    let mut sent = fields(&browser.get(page).await.text, "/flags/new");
    set(&mut sent, "name", "fresh");
    assert_eq!(browser.post(page, "/flags/new", &borrowed(&sent)).await.status, 303);
    let history = browser.get("/history?flag=fresh").await;
    history.has("Linked “fresh” to");
    assert!(!history.text.contains("Metadata of"), "{}", history.text);
    site.run("UPDATE flag_metadata SET tags = '[\"q1\", \"q2\"]' WHERE flag_id = 1;").await;
    let history = browser.get("/history?flag=new-checkout").await;
    history.has("<ins>q1, q2</ins>");
}

#[tokio::test]
async fn history_shows_what_differs_in_a_long_config_and_names_what_was_deleted() {
    let site = Site::open(ROWS).await;
    let long = |end: &str| {
        let hypothesis = "x".repeat(600);
        format!(r#"{{"hypothesis": "{hypothesis}", "variants": {{"a": 1, "b": 1}}, "control": "a"{end}}}"#)
    };
    let (before, after) = (long(""), long(r#", "state": "decided", "decision": {"variant": "b"}"#));
    site.run(&format!(
        "INSERT INTO activations (id, name, class_name, config) VALUES (30, 'Trial', 'novi.experiment', '{before}');
        INSERT INTO flags_activations VALUES (5, 30);
        UPDATE activations SET config = '{after}' WHERE id = 30;"
    ))
    .await;
    let mut browser = site.browser();
    let history = browser.get("/history?flag=plain").await;
    history.has("<dt>config.state</dt>");
    history.has("<dt>config.decision</dt>");
    history.has("decided");
    site.run(
        "DELETE FROM flags_activations WHERE activation_id = 30; DELETE FROM activations WHERE id = 30;",
    )
    .await;
    let history = browser.get("/history?flag=plain").await;
    history.has("Unlinked “Trial” from");
    history.has("Linked “Trial” to");
}

#[tokio::test]
async fn form_of_an_experiment_begins_with_what_matters() {
    let site = Site::open(ROWS).await;
    let form = site.browser().get("/flags/new?from=experiment").await.text;
    let (shown, more) = form.split_once("More settings").unwrap();
    let place =
        |name: &str| shown.find(&format!("name=\"c/{name}")).unwrap_or_else(|| panic!("{name}: {shown}"));
    let order = ["hypothesis", "metrics", "variants", "control", "traffic", "start", "end"].map(place);
    assert!(order.is_sorted(), "{order:?}");
    assert!(more.contains("name=\"c/stopped") && more.contains("name=\"c/salt"));
}

#[tokio::test]
async fn history_is_filtered_by_its_address() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = "/flags/5/switch?to=on";
    let sent = [("to", "on"), ("actor", "<b>ann"), ("reason", "asked \"twice\""), ("version", "1")];
    assert_eq!(browser.post(page, "/flags/5/switch", &sent).await.status, 303);
    for (query, is_found) in [
        ("actor=%3Cb%3Eann", true),
        ("actor=ben", false),
        ("q=TWICE", true),
        ("q=thrice", false),
        ("entity=flags", true),
        ("entity=activations", false),
        ("flag=plain", true),
        ("since=2020-01-01", true),
        ("since=2999-01-01", false),
        ("until=2999-01-01", true),
        // A day counts until its end.
        (&format!("until={}", chrono::Utc::now().format("%Y-%m-%d")), true),
    ] {
        let shown = browser.get(&format!("/history?{query}")).await;
        assert_eq!(shown.text.contains("“asked"), is_found, "{query}: {}", shown.text);
    }
    let form = browser.get("/history?q=%22%3E&since=12&until=2999-01-01&actor=ben").await;
    form.has(r#"name="q" value="&#34;&#62;""#);
    form.has(r#"name="since" type="text" value="12""#);
    form.has(r#"name="until" type="date" value="2999-01-01""#);
    form.has("No change matches.");
    browser.get("/history").await.has(r#"<option value="&#60;b&#62;ann">"#);
    browser.get("/history?flag=nobody").await.has("was not found");
    browser.get("/history?since=soon").await.has("expected a revision such as 42");
}

#[tokio::test]
async fn issues_are_beside_what_is_probably_not_meant() {
    let more = "INSERT INTO activations (id, name, class_name, config) VALUES
        (20, 'No<b>dy', 'novi.percentage', '{\"percentage\": 0}');";
    let site = Site::open(&format!("{ROWS}{more}")).await;
    let page = site.browser().get("/issues").await;
    page.has("activations#4 Too much");
    page.has("Valid, and probably not meant so");
    page.has(r#"<a href="/admin/activations/20/edit">activations#20 No&#60;b&#62;dy</a>"#);
    page.has("no flag depends on it");
}

#[tokio::test]
async fn change_for_more_callers_than_the_team_wants_is_warned_of() {
    let warning = "<strong>More than 20 % of the callers</strong>";
    let site = Site::with(ROWS, |options, _| options.impact_warning(20)).await;
    let mut browser = site.browser();
    // The flag is on for a quarter of the callers.
    let page = "/activations/1/edit";
    let mut sent = fields(&browser.get(page).await.text, page);
    set(&mut sent, "preview", "1");
    set(&mut sent, "c/percentage", "30");
    let small = browser.post(page, page, &borrowed(&sent)).await;
    small.has("nothing is saved yet");
    assert!(!small.text.contains(warning), "{}", small.text);
    set(&mut sent, "c/percentage", "90");
    let large = browser.post(page, page, &borrowed(&sent)).await;
    large.has(warning);
    large.has("new-checkout");
    browser.get("/flags/1/switch?to=off").await.has(warning);
}

//! The list of flags: words, search, filters, order and pages.

use std::fmt::Write as _;

use crate::site::{ROWS, Site};

#[tokio::test]
async fn flags_are_listed_with_their_rules_in_words() {
    let site = Site::open(ROWS).await;
    let list = site.browser().get("/flags").await;
    list.has("5 flags");
    list.has("On for 25 % of callers by <code>targetingKey</code>");
    list.has("On with variants grid 50 %, list 50 % by <code>targetingKey</code>");
    list.has("<strong>Off for every caller.</strong>");
    list.has(r#"<rect class="s1" x="50.000" width="50.000" height="8"/>"#);
    list.has("1 issue");
    list.has("Expired");
    list.has("payments");
}

#[tokio::test]
async fn list_is_searched_filtered_and_sorted_by_its_address() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    for (query, found) in [
        ("?q=CHECKOUT", vec!["new-checkout"]),
        ("?q=one+page", vec!["new-checkout"]),
        ("?q=nothing", vec![]),
        ("?status=false", vec!["plain"]),
        ("?owner=payments", vec!["new-checkout"]),
        ("?tag=q4", vec!["new-checkout"]),
        ("?type=novi.split", vec!["page-layout"]),
        ("?broken=1", vec!["broken"]),
        ("?stale=1", vec!["new-checkout"]),
        ("?sort=-id", vec!["plain", "broken", "express", "page-layout", "new-checkout"]),
        ("", vec!["broken", "express", "new-checkout", "page-layout", "plain"]),
    ] {
        let list = browser.get(&format!("/flags{query}")).await.text;
        let names: Vec<&str> = list
            .split(r#"<a class="name""#)
            .skip(1)
            .map(|rest| rest.split_once('>').unwrap().1.split('<').next().unwrap())
            .collect();
        assert_eq!(names, found, "{query}");
    }
}

#[tokio::test]
async fn ten_thousand_flags_are_listed_in_pages() {
    let mut sql = String::from(
        "INSERT INTO activations (id, name, class_name, config) VALUES (1, 'a', 'novi.percentage', '{\"percentage\": 5}');\n",
    );
    for chunk in (1..=10_000).collect::<Vec<_>>().chunks(500) {
        let flags: Vec<String> = chunk.iter().map(|id| format!("({id}, 'flag-{id:05}', true)")).collect();
        let links: Vec<String> = chunk.iter().map(|id| format!("({id}, 1)")).collect();
        writeln!(sql, "INSERT INTO flags (id, name, status) VALUES {};", flags.join(",")).unwrap();
        writeln!(sql, "INSERT INTO flags_activations VALUES {};", links.join(",")).unwrap();
    }
    let site = Site::open(&sql).await;
    let mut browser = site.browser();
    let (mut path, mut pages) = ("/flags?q=flag-0".to_owned(), 0);
    while pages < 3 {
        let list = browser.get(&path).await;
        assert!(list.text.len() < 200_000, "{} bytes", list.text.len());
        list.has("9999 flags found");
        list.has(&format!("flag-{:05}", 50 * pages + 1));
        let (_, rest) = list.text.split_once("<nav class=\"pages\"").unwrap();
        let next = rest.split("href=\"/admin").find(|rest| rest.contains("rel=\"next\"")).unwrap();
        path = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        pages += 1;
    }
}

#[tokio::test]
async fn flag_has_its_tree_and_its_relations() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let flag = browser.get("/flags/3").await;
    flag.has("It depends on");
    flag.has("flag &quot;new-checkout&quot; is on");
    flag.has("25 % of callers by <code>targetingKey</code>");
    flag.has("A change also affects");
    let flag = browser.get("/flags/1").await;
    flag.has("Depend on it");
    flag.has("express");
    let flag = browser.get("/flags/4").await;
    flag.has("Broken.");
    flag.has("Broken, so off for every caller.");
    flag.has("expected 0 to 100, found 250");
    assert_eq!(browser.get("/flags/99").await.status, 404);
    assert_eq!(browser.get("/flags/x").await.status, 400);
}

#[tokio::test]
async fn playground_explains_a_decision() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let answer = browser.get("/playground?flag=new-checkout&context=%7B%22country%22%3A%22DE%22%7D").await;
    answer.has("Because activation 1 &#34;A quarter&#34; is off.");
    answer.has("missing");
    answer.has("curl -s");
    let all = browser.get("/playground?context=%7B%22targetingKey%22%3A%22user-7%22%7D").await;
    all.has("page-layout");
    browser.get("/playground?context=%7B").await.has("The context is not JSON");
    browser.get("/playground?context=7").await.has("must be a JSON object");
    browser.get("/playground?flag=chekout&context=%7B%7D").await.has("was not found");
    browser.get("/playground?context=%7B%7D&at=999999").await.has("does not exist yet");
    let at_noon =
        browser.get("/playground?flag=new-checkout&context=%7B%7D&clock=2026-12-24T12:00:00Z").await;
    at_noon.has("2026-12-24T12:00:00Z&#34;");
}

#[tokio::test]
async fn playground_evaluates_all_flags_at_an_earlier_revision() {
    let site = Site::open(ROWS).await;
    let before = site.flags.snapshot().revision().number();
    site.run("UPDATE flags SET status = true WHERE id = 5; DELETE FROM flags WHERE id = 4;").await;
    let mut browser = site.browser();
    let context = "context=%7B%22targetingKey%22%3A%22user-7%22%7D";
    let state = |page: &str, flag: &str| {
        let (_, row) = page.split_once(flag).unwrap();
        row.split_once("class=\"state ").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let now = browser.get(&format!("/playground?{context}")).await.text;
    assert_eq!(state(&now, "/flags/5\">plain"), "on");
    assert!(!now.contains("broken</th>"));
    let then = browser.get(&format!("/playground?{context}&at={before}")).await;
    then.has(&format!("All flags at revision {before}"));
    assert_eq!(state(&then.text, "/flags/5\">plain"), "off");
    then.has("broken</th>");
    then.has(&format!("/api/evaluate?at={before}"));
    then.has(&format!("&amp;at={before}\">"));
}

#[tokio::test]
async fn pages_link_to_each_other_below_any_path() {
    let site = Site::open(ROWS).await;
    let app = axum::Router::new().nest("/tools/flags", site.app.clone());
    let request = axum::http::Request::get("/tools/flags/admin").body(axum::body::Body::empty()).unwrap();
    let reply = tower::ServiceExt::oneshot(app.clone(), request).await.unwrap();
    assert_eq!(reply.headers()["location"], "/tools/flags/admin/flags");
    let request =
        axum::http::Request::get("/tools/flags/admin/flags").body(axum::body::Body::empty()).unwrap();
    let reply = tower::ServiceExt::oneshot(app, request).await.unwrap();
    let page = axum::body::to_bytes(reply.into_body(), usize::MAX).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(
        page.contains("href=\"/tools/flags/admin/flags/1\"") && !page.contains("href=\"/admin"),
        "{page}"
    );
}

#[tokio::test]
async fn open_pages_are_told_the_current_revision() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let before = browser.get("/revision").await.text;
    assert_eq!(before, site.flags.snapshot().revision().to_string());
    browser.get("/flags").await.has(&format!(r#"data-revision="{before}""#));
    site.run("UPDATE flags SET status = true WHERE id = 5;").await;
    assert_ne!(browser.get("/revision").await.text, before);
}

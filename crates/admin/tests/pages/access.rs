//! Who may see the pages, and who may change flags with them.

use novi::store::token::Role;

use crate::site::{PAGES, ROWS, Site};

#[tokio::test]
async fn every_response_forbids_foreign_code_and_frames() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    for path in PAGES.into_iter().chain(["/login", "/nothing", "/flags/99", "/assets/nothing"]) {
        let reply = browser.get(path).await;
        let policy = reply.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}: {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn pages_have_no_inline_code_and_no_foreign_address() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    for path in PAGES {
        let reply = browser.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        for inline in ["<script>", "<style", " style=", " onclick=", "javascript:", "hx-on"] {
            assert!(!reply.text.contains(inline), "{path}: {inline}");
        }
        let attributes = reply.text.split([' ', '\n']);
        let addresses = attributes.filter(|text| text.starts_with("src=") || text.starts_with("href="));
        for address in addresses {
            let own = address.contains("=\"/admin/") || address.contains("=\"#");
            assert!(own, "{path}: {address}");
        }
    }
}

#[tokio::test]
async fn files_are_kept_in_caches_under_names_with_a_hash() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let page = browser.get("/flags").await.text;
    for (start, kind) in
        [("admin-", "text/css"), ("htmx-4.0.1-", "text/javascript"), ("icon-", "image/svg+xml")]
    {
        let (_, rest) = page.split_once(&format!("/admin/assets/{start}")).unwrap();
        let name = format!("{start}{}", rest.split('"').next().unwrap());
        let reply = browser.get(&format!("/assets/{name}")).await;
        assert_eq!(reply.status, 200, "{name}");
        assert!(reply.header("content-type").starts_with(kind), "{name}");
        assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
    }
}

#[tokio::test]
async fn visitor_logs_in_with_a_token_and_gets_a_new_cookie() {
    let site = Site::closed(ROWS).await;
    let admin = site.token(Role::Admin, "ada").await;
    let mut browser = site.browser();
    for path in PAGES {
        let reply = browser.get(path).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.header("location")[..18]),
            (303, "/admin/login?next="),
            "{path}"
        );
        assert!(!reply.text.contains("new-checkout"), "{path}");
    }
    let form = browser.get("/login?next=%2Fflags%2F1").await;
    let before = browser.cookie.clone().unwrap();
    let fields = [("key", &*form.key()), ("token", &*admin), ("next", "/flags/1")];
    let reply = browser.post_raw("/login", &fields).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "/admin/flags/1"));
    let cookie = reply.header("set-cookie");
    assert!(cookie.ends_with("; Path=/admin; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&admin), "{cookie}");
    assert_ne!(
        browser.cookie.as_ref(),
        Some(&before),
        "a cookie from before the login must not get the session"
    );
    browser.get("/flags").await.has("ada");

    // The cookie from before the login has no session.
    let mut other = site.browser();
    other.cookie = Some(before);
    assert_eq!(other.get("/flags").await.status, 303);

    let cookie = browser.cookie.clone();
    browser.post("/flags", "/logout", &[]).await;
    browser.cookie = cookie;
    assert_eq!(browser.get("/flags").await.status, 303, "the session has ended, not only the cookie");
}

#[tokio::test]
async fn link_on_another_site_does_not_replace_the_cookie() {
    let site = Site::closed(ROWS).await;
    site.token(Role::Admin, "ada").await;
    let mut browser = site.browser();
    browser.headers.push(("sec-fetch-site", "cross-site".to_owned()));
    let reply = browser.get("/flags/1").await;
    assert_eq!((reply.status.as_u16(), reply.header("set-cookie")), (200, ""));
    reply.has(r#"<meta http-equiv="refresh" content="0">"#);
    assert!(!reply.text.contains("new-checkout"));
    // Loaded by itself, the page says what the browser sends.
    browser.headers.pop();
    browser.headers.push(("sec-fetch-site", "same-origin".to_owned()));
    assert_eq!(browser.get("/flags/1").await.status, 303);
}

#[tokio::test]
async fn cookie_is_for_https_only_behind_https() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    browser.headers.push(("x-forwarded-proto", "https".to_owned()));
    assert!(browser.get("/flags").await.header("set-cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn unknown_tokens_and_tokens_of_clients_are_refused() {
    let site = Site::closed(ROWS).await;
    let client = site.token(Role::Client, "phone").await;
    let mut browser = site.browser();
    let reply = browser.post("/login", "/login", &[("token", "novi_a_wrong")]).await;
    assert_eq!(reply.status, 401);
    reply.has("unknown or has expired");
    let reply = browser.post("/login", "/login", &[("token", &client)]).await;
    assert_eq!(reply.status, 403);
    reply.has("requires a token with the role `server`");
    let reply = browser.post_raw("/login", &[("token", &client), ("key", "x")]).await;
    assert_eq!(reply.status, 403);
    reply.has("The form has expired");
}

#[tokio::test]
async fn guesses_are_limited() {
    let site = Site::closed(ROWS).await;
    site.token(Role::Admin, "ada").await;
    let mut browser = site.browser();
    let mut last = 0;
    for guess in 0..15 {
        last =
            browser.post("/login", "/login", &[("token", &format!("guess-{guess}"))]).await.status.as_u16();
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn revoked_token_ends_its_session() {
    let site = Site::closed(ROWS).await;
    let admin = site.token(Role::Admin, "ada").await;
    let mut browser = site.logged_in(&admin).await;
    assert_eq!(browser.get("/flags").await.status, 200);
    site.store.token_store().unwrap().revoke_token("ada").await.unwrap();
    while browser.get("/flags").await.status == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(browser.get("/flags").await.status, 303);
}

#[tokio::test]
async fn server_token_may_read_and_not_change() {
    let site = Site::closed(ROWS).await;
    let server = site.token(Role::Server, "shop").await;
    let mut browser = site.logged_in(&server).await;
    for path in PAGES {
        let is_change =
            ["switch", "delete", "edit", "new", "/add", "tokens"].iter().any(|part| path.contains(part));
        let expected = if is_change { 403 } else { 200 };
        assert_eq!(browser.get(path).await.status, expected, "{path}");
    }
    let list = browser.get("/flags").await;
    assert!(
        !list.text.contains("/switch?to=")
            && !list.text.contains("/flags/new\"")
            && !list.text.contains("/tokens")
    );
    list.has("read only");
    let before = site.store.revision().await.unwrap();
    for (path, fields) in [
        ("/flags/1/switch", &[("to", "off")][..]),
        ("/flags/1/edit", &[("name", "x")]),
        ("/flags/1/undo", &[("before", "1"), ("after", "1")]),
        ("/flags/new", &[("name", "x")]),
        ("/flags/1/delete", &[("name", "new-checkout")]),
        ("/activations/1/edit", &[("name", "x")]),
        ("/rollback", &[("to", "1")]),
        ("/tokens", &[("role", "admin")]),
        ("/tokens/1/revoke", &[]),
    ] {
        let reply = browser.post("/flags", path, fields).await;
        assert_eq!(reply.status, 403, "{path}: {}", reply.text);
    }
    assert_eq!(site.store.revision().await.unwrap(), before);
    assert_eq!(site.store.token_store().unwrap().tokens().await.unwrap().len(), 1);
}

#[tokio::test]
async fn forms_of_other_pages_change_nothing() {
    let site = Site::open(ROWS).await;
    let mut browser = site.browser();
    let form = "/flags/new?from=switch";
    let key = browser.get(form).await.key();
    let foreign = site.browser().get(form).await.key();
    let before = site.store.revision().await.unwrap();
    for (header, value, key) in [
        ("accept", "*/*", ""),
        ("accept", "*/*", &*foreign),
        ("origin", "https://evil.example", &*key),
        ("origin", "null", &*key),
        ("sec-fetch-site", "cross-site", &*key),
    ] {
        let mut browser = browser.clone();
        browser.headers.push((header, value.to_owned()));
        let reply = browser.post_raw("/flags/1/switch", &[("to", "off"), ("key", key)]).await;
        assert_ne!(reply.status, 303, "{header}: {value}");
        assert!(reply.status.is_client_error(), "{header}: {value}: {}", reply.status);
    }
    // Without the cookie, the key is worth nothing.
    let reply = site.browser().post_raw("/flags/1/switch", &[("to", "off"), ("key", &key)]).await;
    assert_eq!(reply.status, 403);
    assert_eq!(site.store.revision().await.unwrap(), before);
    browser.headers.push(("origin", "http://localhost".to_owned()));
    assert_eq!(browser.post_raw("/flags/1/switch", &[("to", "off"), ("key", &key)]).await.status, 303);
}

#[tokio::test]
async fn open_pages_are_for_this_machine_only() {
    let site = Site::closed(ROWS).await;
    let mut browser = site.browser();
    // No token exists yet.
    assert_eq!(browser.get("/flags").await.status, 200);
    let key = browser.get("/flags/1/switch?to=off").await.key();
    let before = site.store.revision().await.unwrap();
    // Names that lead to this machine, as in DNS rebinding, also with the cookie and the key of a form.
    for host in [
        "evil.example",
        "evil.example:6684",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80@localhost",
        "localhost:80.evil.example",
        "[::1].evil.example",
        "0.0.0.0",
    ] {
        browser.headers = vec![("host", host.to_owned()), ("origin", format!("http://{host}"))];
        for path in PAGES {
            let reply = browser.get(path).await;
            assert_eq!(reply.status, 403, "{host} {path}");
            assert!(!reply.text.contains("new-checkout"), "{host} {path}");
        }
        for (path, field) in [("/flags/1/switch", ("to", "off")), ("/tokens", ("role", "admin"))] {
            let reply = browser.post_raw(path, &[field, ("key", &key)]).await;
            assert_eq!(reply.status, 403, "{host} {path}");
        }
    }
    assert_eq!(site.store.revision().await.unwrap(), before);
    assert_eq!(site.store.token_store().unwrap().tokens().await.unwrap().len(), 0);
}

#[tokio::test]
async fn planted_cookies_get_no_session() {
    let site = Site::closed(ROWS).await;
    let (ada, eve) = (site.token(Role::Admin, "ada").await, site.token(Role::Server, "eve").await);
    // A cookie that somebody chose, and that of a session of their own.
    let chosen = Some(format!("novi_admin={}", "A".repeat(43)));
    let of_eve = site.logged_in(&eve).await.cookie;
    for planted in [chosen, of_eve] {
        let mut victim = site.browser();
        victim.cookie.clone_from(&planted);
        let key = victim.get("/login").await.key();
        let reply = victim.post_raw("/login", &[("token", &ada), ("key", &key)]).await;
        assert_eq!(reply.status, 303, "{}", reply.text);
        assert_ne!(victim.cookie, planted);
        victim.get("/flags").await.has("ada");
        let mut attacker = site.browser();
        attacker.cookie = planted;
        assert_eq!(attacker.get("/flags").await.status, 303, "the session of the planted cookie has ended");
    }
}

//! Text of rows is text: no column of any table becomes HTML.

use crate::site::{PAGES, Site, escape};

const CORPUS: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{7*7}}${7*7}",
    "`<b>`</code><i>",
    "<!--<a href=//evil.example>",
];

/// Rows with a text in every column that takes it.
fn rows(text: &str) -> String {
    let (sql, json) = (text.replace('\'', "''"), serde_json::to_string(text).unwrap().replace('\'', "''"));
    format!(
        r#"
INSERT INTO flags (id, name, status) VALUES (1, '{sql}', true), (2, '2 {sql}', false), (3, '3 {sql}', true), (4, '4 {sql}', true), (5, '5 {sql}', true);
INSERT INTO activations (id, name, class_name, config) VALUES
    (1, '{sql}', 'novi.attribute', '{{"attribute": {json}, "equals": {json}}}'),
    (2, '{sql}', 'novi.split', '{{"variants": {{{json}: 1, "b": 1}}}}'),
    (3, '{sql}', '{sql}', '{{"a": {json}}}'),
    (4, '{sql}', 'novi.flag', '{{"flag": {json}, "variant": {json}}}'),
    (5, '{sql}', 'novi.members', '{sql}'),
    (6, '{sql}', 'novi.expression', '{{"expression": {json}}}');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (5, 6), (3, 1);
INSERT INTO activation_members (activation_id, member, denied) VALUES (5, '{sql}', false);
UPDATE flag_metadata SET description = '{sql}', owner = '{sql}', tags = json_array('{sql}'), default_variant = '{sql}', off_variant = '{sql}',
    variants = '{{{json}: {json}, "b": 1}}', metadata = '{{"note": {json}}}';
"#
    )
}

/// Scripts that are not files of the page.
fn foreign_scripts(html: &str) -> usize {
    html.matches("<script").count() - html.matches("<script src=\"/admin/assets/").count()
}

#[tokio::test]
async fn no_column_becomes_html() {
    for text in CORPUS {
        let site = Site::open(&rows(text)).await;
        let mut browser = site.browser();
        let name = escape(text);
        let more = [
            "/flags/5".to_owned(),
            format!("/flags?q={name}"),
            format!("/flags?owner={name}&tag={name}&type={name}&sort=-id"),
            format!("/history?flag={name}"),
            format!("/playground?flag={name}&context=%7B%7D"),
            format!("/playground?flag={name}&context={name}"),
            format!("/types/{name}"),
            format!("/login?next={name}"),
            format!("/flags?done={name}&of=1"),
            "/activations/3/edit".to_owned(),
            "/activations/4/edit".to_owned(),
            "/activations/5/edit".to_owned(),
        ];
        for path in PAGES.into_iter().map(str::to_owned).chain(more) {
            let reply = browser.get(&path).await;
            // The only scripts are those of the page itself, and nothing has a handler.
            assert_eq!(foreign_scripts(&reply.text), 0, "{path}: {text}");
            for bad in [
                "<img",
                "<svg/",
                "onerror=alert(1)>",
                "<b>",
                "<i>",
                "<!--",
                "//evil.example>",
                "href=\"javascript",
            ] {
                assert!(!reply.text.contains(bad), "{path}: {bad}: {}", reply.text);
            }
        }
    }
}

#[tokio::test]
async fn forms_return_what_was_sent_as_text() {
    let site = Site::open("INSERT INTO flags (id, name, status) VALUES (1, 'a', true);").await;
    let mut browser = site.browser();
    for text in CORPUS {
        let fields = [("name", "a"), ("variants", text), ("description", text), ("expires_at", text)];
        let reply = browser.post("/flags/1/edit", "/flags/1/edit", &fields).await;
        assert_eq!(reply.status, 422, "{text}: {}", reply.text);
        assert_eq!(foreign_scripts(&reply.text), 0, "{text}");
        assert!(!reply.text.contains("<img") && !reply.text.contains("<svg/"), "{text}");
    }
}

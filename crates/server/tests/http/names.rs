//! Names of flags with special characters in paths.

use std::fmt::Write;

use novi::rows::{FlagRow, Rows};

use crate::common::{Server, demo};

/// Percent-encodes every byte, which is correct for any name.
fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").unwrap();
        text
    })
}

#[tokio::test]
async fn flag_with_any_name_is_found() {
    let long = "long ".repeat(2000);
    let names = [
        "/",
        "a/b",
        "a/",
        "/a",
        "//",
        "..",
        "../flags",
        "?",
        "#",
        "%",
        "%41",
        "+",
        "a b",
        "\u{0}",
        "\n",
        "🚀",
        "שלום",
        "e\u{301}",
        "é",
        "null",
        "{*name}",
        "\"",
        "\\",
        "<img onerror>",
        &long,
    ];
    let flags = (0..).zip(names).map(|(id, name)| FlagRow::new(id, name, true)).collect();
    let server = Server::start(Rows { flags, ..Rows::default() }).await;
    for (id, name) in names.iter().enumerate() {
        let flag = server.get_raw(&format!("/flags/{}", escaped(name))).await.ok();
        assert_eq!((&flag["name"], &flag["id"]), (&(*name).into(), &id.into()));
        let path = format!("/evaluatedFlags/{}", escaped(name));
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(server.raw(request).await.ok(), flag);
    }
    for (target, name) in [("a/b", "a/b"), ("a/", "a/"), ("/a", "/a"), ("/", "/"), ("..", ".."), ("+", "+")] {
        assert_eq!(server.get_raw(&format!("/flags/{target}")).await.ok()["name"], name);
    }
}

#[tokio::test]
async fn unusual_paths_are_rejected_in_json() {
    let server = Server::start(demo()).await;
    for target in
        ["/flags/", "/", "//", "//flags", "/FLAGS", "/flags%2F", "/evaluatedFlags/", "/flags.json", "*"]
    {
        server.get_raw(target).await.error(404, "route_not_found");
    }
    for name in ["%2e%2e%2fflags", "%00", "//", "%", "%zz", &"x".repeat(20_000)] {
        let message = server.get_raw(&format!("/flags/{name}")).await.error(404, "flag_not_found");
        assert!(message.len() < 600, "{message}");
    }
    let message = server.get_raw("/flags/%ff").await.error(400, "invalid_path");
    assert_eq!(message, "name in the path: expected percent-encoded UTF-8, found other bytes");
    // hyper rejects these itself.
    let beyond = server.get_raw(&format!("/flags/{}", "x".repeat(100_000))).await;
    assert!((400..500).contains(&beyond.status), "{}", beyond.status);
    assert_eq!(server.raw("no http\r\n\r\n").await.status, 400);
    server.get("/flags").await.ok();
}

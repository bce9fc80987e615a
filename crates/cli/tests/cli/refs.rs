//! `novi refs` and `novi cleanup`.

use std::fs;

use serde_json::json;

use crate::{
    common::{Kind, database},
    support::Folder,
};

const SOURCE: &str = r#"use novi::{Context, Flags};

const SEARCH_RANKING: &str = "search.ranking";

#[novi::enabled("new-checkout", otherwise = old(cart))]
fn checkout(cart: &Cart) -> Total {
    cart.total()
}

fn page(flags: &Flags, caller: &Context) {
    if flags.is_enabled("new-checkout", caller) && caller.is_ready() {
        new();
    }
    if caller.is_ready() && flags.is_enabled(SEARCH_RANKING, caller) {
        ranking();
    }
    flags.is_enabled("new-chekout", caller);
}
"#;

#[tokio::test]
async fn flags_are_found_in_source_code_and_taken_out() {
    let database = database(Kind::Sqlite).await;
    let folder = Folder::of(&database);
    folder.run(&["migrate"]).expect(0);
    for flag in ["new-checkout", "beta", "search.ranking"] {
        folder.run(&["flag", "create", flag, "--on"]).expect(0);
    }
    let source = folder.path("src");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("page.rs"), SOURCE).unwrap();
    fs::write(source.join("broken.rs"), "fn f( { \"new-checkout\"").unwrap();
    fs::write(source.join("page.js"), "if (isEnabled('beta') && newCheckout) {}\n").unwrap();
    let transcript = folder.transcript(&[
        &["refs", "src"],
        &["refs", "src", "--deny", "--no-aliases"],
        &["refs", "src", "--format", "sarif"],
        &["refs", "nowhere"],
        &["cleanup", "new-checkout", "--answer", "off", "--dry-run", "src"],
        &["cleanup", "new-checkout", "--answer", "on", "src"],
        &["cleanup", "search.ranking", "--answer", "off", "src", "--json"],
        &["cleanup", "new-checkout", "--answer", "on", "src"],
        &["cleanup", "nothing", "--answer", "on", "src"],
        &["cleanup", "new-checkout", "src"],
    ]);
    insta::assert_snapshot!(transcript);
    let json = folder.run(&["refs", "src", "--json"]).expect(0).json();
    assert_eq!((&json["files"], &json["unused"]), (&json!(3), &json!([])));
    insta::assert_snapshot!(fs::read_to_string(source.join("page.rs")).unwrap());
    assert_eq!(fs::read_dir(&source).unwrap().count(), 3);
}

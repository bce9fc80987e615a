//! The parts of the README that are generated from the code.

use std::{fs, path::Path};

use novi::activation::Registry;

const START: &str = "<!-- types: made by `UPDATE_DOCS=1 cargo test --test project readme` -->\n";
const END: &str = "<!-- types end -->";

#[test]
fn types_table_matches_the_registry() {
    // The types of the examples are linked into other binaries.
    let registry = Registry::global().unwrap();
    let row = |class: &str, about: &str, aliases: &[&str]| {
        let aliases: Vec<_> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
        let page = format!("docs/types/{}.md", class.trim_start_matches("novi."));
        format!("| [`{class}`]({page}) | {about} | {} |\n", aliases.join(", "))
    };
    let rows = registry.iter().map(|kind| row(kind.class(), kind.description(), kind.aliases()));
    let table =
        format!("| class name | description | also known as |\n|---|---|---|\n{}", rows.collect::<String>());

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(START).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, format!("{before}{START}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(shown, table, "run `UPDATE_DOCS=1 cargo test --test project readme`");
    }
}

#[tokio::test]
async fn tour_rows_compile_and_evaluate() {
    let readme = include_str!("../../README.md");
    let script = readme.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let database = novi::store::create("sqlite::memory:").await.unwrap();
    database.migrate().await.unwrap();
    database.run_script(script).await.unwrap();
    let flags = novi::Flags::from_rows(database.load().await.unwrap()).unwrap();
    assert_eq!(flags.issues(), []);
    let ctx =
        novi::Context::new().with("targetingKey", "user-7").with("currentDateTime", "2026-12-24T18:00:00Z");
    assert!(flags.is_enabled("winter-sale", &ctx));
    let decision = flags.evaluate("page-layout", &ctx).unwrap();
    assert!(decision.enabled() && ["grid", "list"].contains(&decision.variant().unwrap()));
}

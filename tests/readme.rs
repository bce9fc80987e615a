//! What the README says of the code is made from the code.

use std::{fs, path::Path};

use novi::Registry;

const START: &str = "<!-- types: made by `UPDATE_README=1 cargo test --test readme` -->\n";
const END: &str = "<!-- types end -->";

#[test]
fn the_table_of_types_is_that_of_the_registry() {
    // A registry without the types of the examples, which are linked into other binaries.
    let registry = Registry::global().unwrap();
    let row = |class: &str, about: &str, aliases: &[&str]| {
        let aliases: Vec<_> = aliases.iter().map(|alias| format!("`{alias}`")).collect();
        format!("| `{class}` | {about} | {} |\n", aliases.join(", "))
    };
    let rows = registry.iter().map(|kind| row(kind.class(), kind.description(), kind.aliases()));
    let table =
        format!("| class name | what it says | also known as |\n|---|---|---|\n{}", rows.collect::<String>());

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(START).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(path, format!("{before}{START}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(shown, table, "run `UPDATE_README=1 cargo test --test readme`");
    }
}

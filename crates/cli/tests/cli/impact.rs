//! Whom a change would affect.

use crate::support::Folder;

const CALLERS: &str =
    "\u{feff}{\"seed\": 1, \"country\": \"DE\"}\n\n{\"seed\": 2}\n{\"targetingKey\": \"u\"}\n";

#[test]
fn change_is_measured_over_callers_of_a_file() {
    let folder = Folder::demo();
    folder.write("callers.jsonl", CALLERS);
    folder.write("change.json", r#"{"changes": [{"create_flag": {"name": "New", "status": true}}]}"#);
    let transcript = folder.transcript(&[
        &["impact", "--disable", "Combo OR", "--contexts", "callers.jsonl"],
        &["impact", "change.json", "--contexts", "callers.jsonl"],
        &["impact", "change.json", "--contexts", "callers.jsonl", "--set", "server.impact_warning=10"],
        &["impact", "change.json", "--contexts", "callers.jsonl", "--json"],
    ]);
    insta::assert_snapshot!(transcript);
    assert!(folder.run(&["show", "New"]).expect(3).err.contains("was not found"));
}

#[test]
fn invalid_input_is_reported_with_its_place() {
    let folder = Folder::demo();
    folder.write("callers.jsonl", CALLERS);
    folder.write("bad.jsonl", "{}\n[1]\n");
    folder.write("bad.json", r#"{"changes": [{"update_flag": {"row": "nobody", "set": {"status": 7}}}]}"#);
    folder.write(
        "breaks.json",
        r#"{"changes": [{"update_activation": {"row": 1, "set": {"class_name": "x"}}}]}"#,
    );
    let transcript = folder.transcript(&[
        &["impact", "--enable", "nobody", "--contexts", "callers.jsonl"],
        &["impact", "--enable", "Combo OR", "--contexts", "bad.jsonl"],
        &["impact", "--enable", "Combo OR", "--contexts", "none.jsonl"],
        &["impact", "bad.json", "--contexts", "callers.jsonl"],
        &["impact", "breaks.json", "--contexts", "callers.jsonl"],
        &["impact", "-", "--contexts", "-"],
        &["impact", "--contexts", "callers.jsonl"],
    ]);
    insta::assert_snapshot!(transcript);
}

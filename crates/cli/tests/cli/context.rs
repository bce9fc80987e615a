//! `eval --context`.

use serde_json::json;

use crate::support::Folder;

#[test]
fn context_is_read_from_text_file_or_stdin() {
    let folder = Folder::demo();
    let caller = r#"{"currentDateTime": "11/26/2023 12:00 AM", "seed": 90, "variant": "A"}"#;
    folder.write("caller.json", caller);
    folder.write("from windows.json", format!("\u{feff}{caller}\r\n"));
    for context in [caller, "@caller.json", "@from windows.json"] {
        let run = folder.run(&["eval", "Combo AND", "--context", context]).expect(0);
        assert_eq!(run.out, "Combo AND is on, variant A (SPLIT)\n");
    }
    let piped = folder.pipe(&["eval", "Combo AND", "--context", "@-"], caller.as_bytes()).expect(0);
    assert_eq!(piped.out, "Combo AND is on, variant A (SPLIT)\n");
}

#[test]
fn invalid_context_is_reported() {
    let folder = Folder::demo();
    folder.write("half.json", "{\"seed\": 90,\n \"variant\": ");
    folder.write("latin1.json", b"{\"name\": \"\xe9\"}");
    insta::assert_snapshot!(folder.transcript(&[
        &["eval", "Combo AND", "--context", "seed=90"],
        &["eval", "Combo AND", "--context", "[1, 2]"],
        &["eval", "Combo AND", "--context", "null"],
        &["eval", "Combo AND", "--context", ""],
        &["eval", "Combo AND", "--context", "{} {}"],
        &["eval", "Combo AND", "--context", "@half.json"],
        &["eval", "Combo AND", "--context", "@latin1.json"],
        &["eval", "Combo AND", "--context", "@none.json"],
        &["eval", "Combo AND", "--context", "@"],
        &["eval", "Combo AND", "--context"],
    ]));
}

/// The attributes that an activation read, from `--explain`.
fn inputs(folder: &Folder, context: &str) -> serde_json::Value {
    let arguments = ["eval", "Random Variant Feature", "--explain", "--json", "--context", context];
    let trace = folder.run(&arguments).expect(0).json();
    trace["activations"][0]["inputs"].clone()
}

#[test]
fn context_numbers_are_not_rounded() {
    let folder = Folder::demo();
    for number in ["9007199254740993", "-9223372036854775808", "18446744073709551615"] {
        let inputs = inputs(&folder, &format!("{{\"seed\": {number}, \"variant\": \"A\"}}"));
        assert_eq!(inputs[0]["attribute"], "seed");
        assert_eq!(inputs[0]["value"].to_string(), number);
    }
    // Larger than every integer type.
    for number in ["99999999999999999999999999", "1e300", "-1e-300", "0.1"] {
        let context = format!("{{\"seed\": {number}, \"variant\": \"A\"}}");
        folder.run(&["eval", "Random Variant Feature", "--context", &context]).expect(0);
    }
    // Larger than every number: an error, not a panic.
    let run = folder.run(&["eval", "Random Variant Feature", "--context", "{\"seed\": 1e999}"]).expect(2);
    assert!(run.err.contains("expected a number up to 1.79e308"), "{run:?}");
}

#[test]
fn unusual_contexts_are_handled() {
    let folder = Folder::demo();
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    folder.write("deep.json", deep);
    let run = folder.run(&["eval", "Combo AND", "--context", "@deep.json"]).expect(2);
    assert!(run.err.starts_with("error: --context @deep.json: expected a JSON object"), "{run:?}");
    let long = format!("{{\"targetingKey\": \"{}\"}}", "é".repeat(1_000_000));
    folder.write("long.json", long);
    folder.run(&["eval", "Random Variant Feature", "--context", "@long.json"]).expect(0);
    // The last duplicate wins, as in most JSON parsers.
    let inputs = inputs(&folder, r#"{"seed": 1, "seed": 2, "variant": "A"}"#);
    assert_eq!(inputs[0]["value"], json!(2));
    for context in ["{}", r#"{"": null}"#, r#"{"currentDateTime": []}"#, r#"{"seed": {}, "variant": 5}"#] {
        folder.run(&["eval", "Combo AND", "--context", context, "--explain"]).expect(0);
    }
}

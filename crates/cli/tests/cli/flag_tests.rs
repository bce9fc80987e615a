//! `novi test`: what flags are expected to be.

use std::fs;

use crate::support::Folder;

const FLAGS: &str = "\
flags:
  new-checkout:
    status: true
    activations:
    - name: Paying
      class_name: novi.attribute
      config: {attribute: plan, in: [pro, team]}
    - name: December
      class_name: novi.date_time
      config: {startDateTime: '2026-12-01T00:00:00Z', endDateTime: '2027-01-01T00:00:00Z'}
  color:
    status: true
    variants: {red: '#f00', blue: '#00f', old: 1}
    default_variant: red
  drawn:
    status: true
    activations:
    - name: Draw
      class_name: novi.weighted_random
      config: {splits: [50, 50], variations: [a, b]}
";

const TESTS: &str = "\
tests:
- name: Teams get it in December
  context: {targetingKey: user-1, plan: team}
  at: 2026-12-24T10:00:00Z
  expect:
    new-checkout: true
    color: {on: true, variant: red, value: '#f00', reason: static}
- name: Not before
  context: {plan: team}
  at: 2026-11-30
  expect:
    new-checkout: {on: false}
";

#[test]
fn flags_of_a_file_are_tested_without_a_database() {
    let folder = Folder::empty();
    folder.write("flags.yaml", FLAGS);
    folder.write("tests.yaml", TESTS);
    let run = folder.run(&["test", "tests.yaml", "--flags", "flags.yaml"]).expect(0);
    assert_eq!(run.out, "2 tests, 3 decisions: all as expected.\n");
    assert!(!folder.path("novi.db").exists());
}

#[test]
fn decisions_that_are_not_as_expected_are_explained() {
    let folder = Folder::migrated();
    folder.write("flags.yaml", FLAGS);
    folder.run(&["apply", "flags.yaml"]).expect(0);
    folder.write(
        "wrong.toml",
        r#"
[[tests]]
context = {plan = "free"}
at = 2026-12-24T10:00:00Z
expect.new-checkout = true
expect.color = {variant = "blue", value = 1, reason = "SPLIT"}
expect.new-chekout = false
[[tests]]
name = "Drawn & <quoted>"
seed = 7
expect.drawn = {reason = "DISABLED"}
"#,
    );
    folder.write("right.json", r##"{"tests": [{"expect": {"color": {"value": "#f00"}}}]}"##);
    let run = folder.run(&["test", "wrong.toml", "right.json", "--junit", "report.xml"]).expect(1);
    let json = folder.run(&["test", "wrong.toml", "right.json", "--json"]).expect(1).json();
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &4.into()), "{json}");
    assert_eq!(json["tests"][4]["found"]["value"], "#f00", "{json}");
    let report = fs::read_to_string(folder.path("report.xml")).unwrap();
    assert!(report.contains(r#"tests="5" skipped="0" failures="4""#), "{report}");
    assert!(report.contains(r#"name="Drawn &amp; &lt;quoted&gt;: drawn""#), "{report}");
    insta::assert_snapshot!(run.transcript());
}

#[test]
fn seeds_and_times_decide() {
    let folder = Folder::empty();
    folder.write("flags.yaml", FLAGS);
    let run = |seed: u32| {
        folder.write("tests.yaml", format!("tests: [{{seed: {seed}, expect: {{drawn: {{variant: a}}}}}}]"));
        folder.run(&["test", "tests.yaml", "--flags", "flags.yaml"]).code
    };
    let codes: Vec<i32> = (0..20).map(run).collect();
    assert!(codes.contains(&0) && codes.contains(&1), "{codes:?}");
    assert_eq!(codes, (0..20).map(run).collect::<Vec<_>>());
}

#[test]
fn files_that_are_no_tests_are_rejected_with_their_place() {
    let folder = Folder::demo();
    folder.write("typo.yaml", "tests:\n- expect: {a: {variants: b}}\n");
    folder.write("field.json", r#"{"tests": [{"expects": {}}]}"#);
    folder.write("text.yaml", "tests:\n- expect: {a: maybe}\n");
    folder.write(
        "both.yaml",
        "tests:\n- {at: 2026-12-01, context: {currentDateTime: 2026-12-01}, expect: {a: true}}\n",
    );
    folder.write("none.yaml", "tests: []\n");
    folder.write("flags.yaml", "flags: {a: {activations: [b]}}\n");
    folder.write("invalid.yaml", FLAGS.replace("splits: [50, 50], ", ""));
    folder.write("tests.yaml", TESTS);
    insta::assert_snapshot!(folder.transcript(&[
        &["test", "typo.yaml"],
        &["test", "field.json"],
        &["test", "text.yaml"],
        &["test", "both.yaml"],
        &["test", "none.yaml"],
        &["test", "tests.yaml", "--flags", "flags.yaml"],
        &["test", "tests.yaml", "--flags", "invalid.yaml"],
        &["test"],
    ]));
}

#[test]
fn the_schema_describes_files_of_tests() {
    let schema = Folder::empty().run(&["test", "--schema"]).expect(0).json();
    assert_eq!(schema["required"], serde_json::json!(["tests"]));
    assert!(schema["$defs"]["Test"]["properties"]["at"].is_object(), "{schema}");
}

#[test]
fn tests_that_expect_nothing_are_refused() {
    let folder = Folder::empty();
    folder.write("flags.yaml", FLAGS);
    for (expect, why) in [
        ("{}", "expected at least one flag, found none"),
        ("{color: {}}", "expected `on`, `variant`, `value` or `reason`, found none of them"),
    ] {
        folder.write("tests.yaml", format!("tests:\n- expect: {expect}\n"));
        let run = folder.run(&["test", "tests.yaml", "--flags", "flags.yaml"]).expect(2);
        assert!(run.err.contains(why), "{run:?}");
    }
}

//! Rows brought back into files that people wrote.

#![allow(clippy::unwrap_used, reason = "tests")]

mod generated;

use std::collections::BTreeSet;

use novi::{
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
    store::history::rollback,
};
use novi_files::{Document, Format, Pull, Tree, pull};
use proptest::prelude::*;

const FORMATS: [Format; 3] = [Format::Yaml, Format::Toml, Format::Json];

const YAML: &str = r#"# Flags of the shop
ignore: [owner]   # people do

flags:
  # The checkout.
  "new-checkout":   # since May
    owner: 'web'
    status: true    # on
    tags: ['a', "b"]
    expires_at: 2027-01-31
    description: 'The new checkout'
    activations:
      - Paying   # who pays
      # a quarter
      - name: A quarter
        class_name: novi.percentage
        config: {percentage: 25}   # of all

  # Search, soon.
  search:
    activations: []
    # note: never on
    status: false

  # Off.

  last: {status: false, tags: [x]}

# Shared ones
activations:
  Paying: # those with a plan
    class_name: novi.attribute
    config:
      # which
      attribute: plan
      in:
        - pro  # professional
        - team
  Testers:
    class_name: novi.members
    config: {}
    members: [user-2, user-1]
"#;

const TOML: &str = r#"# Flags of the shop
ignore = ["owner"]   # people do

# The checkout.
[flags."new-checkout"]   # since May
owner = 'web'
status = true    # on
tags = ['a', "b"]
expires_at = 2027-01-31
description = 'The new checkout'

# a quarter
[[flags."new-checkout".activations]]
name = "A quarter"
class_name = "novi.percentage"
config = {percentage = 25}   # of all

# Search, soon.
[flags.search]
activations = ["Paying"] # alone
status = false

# Off.
[flags]
last.status = false

# Shared ones
[activations.Paying] # those with a plan
class_name = "novi.attribute"
[activations.Paying.config]
# which
attribute = "plan"
in = [
    "pro",  # professional
    "team",
]
"#;

const JSON: &str = r#"{
    "flags": {
        "new-checkout": {
            "status": true, "tags": ["a", "b"],
            "activations": [
                "Paying",
                {"name": "A quarter", "class_name": "novi.percentage", "config": {"percentage": 25}}
            ]
        },
        "search": {"status": false}
    },
    "activations": {
        "Paying": {"class_name": "novi.attribute", "config": {"attribute": "plan", "in": ["pro", "team"]}}
    }
}
"#;

fn registry() -> Registry {
    Registry::global().unwrap()
}

fn rows_of(text: &str, format: Format) -> Rows {
    format.read(text).unwrap().target(&Rows::default(), &registry(), false).unwrap().rows
}

fn pulled(text: &str, format: Format, rows: &Rows, how: Pull) -> String {
    let mut documents = [format.read(text).unwrap()];
    pull(&mut documents, rows, &registry(), how).unwrap_or_else(|problems| panic!("{problems:?}"));
    let edited = format.edit(text, &documents[0]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let changes = changes(&format.read(&edited).unwrap(), rows);
    assert_eq!(changes, "", "{edited}");
    edited
}

/// What a document would change in rows.
fn changes(document: &Document, rows: &Rows) -> String {
    let target = document.target(rows, &registry(), false).unwrap();
    let changes = rollback(rows, &target.rows, None).unwrap();
    changes.iter().map(|change| serde_json::to_string(change).unwrap()).collect()
}

fn flag<'a>(rows: &'a mut Rows, name: &str) -> &'a mut FlagRow {
    rows.flags.iter_mut().find(|row| row.name == name).unwrap()
}

fn activation<'a>(rows: &'a mut Rows, name: &str) -> &'a mut ActivationRow {
    rows.activations.iter_mut().find(|row| row.name == name).unwrap()
}

fn delete_flag(rows: &mut Rows, name: &str) {
    let id = flag(rows, name).id;
    rows.flags.retain(|row| row.id != id);
    rows.links.retain(|link| link.flag_id != Some(id));
}

/// A text in which one line or several become others.
fn replaced(text: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

#[test]
fn what_rows_have_as_well_keeps_its_text() {
    for (text, format) in [(YAML, Format::Yaml), (TOML, Format::Toml), (JSON, Format::Json)] {
        let rows = rows_of(text, format);
        assert_eq!(pulled(text, format, &rows, Pull::new_in(0)), text);
    }
}

#[test]
fn changed_values_are_replaced_in_their_quotes() {
    for (text, format) in [(YAML, Format::Yaml), (TOML, Format::Toml), (JSON, Format::Json)] {
        let mut rows = rows_of(text, format);
        flag(&mut rows, "new-checkout").status = false;
        flag(&mut rows, "new-checkout").metadata.owner = Some("somebody else".to_owned());
        flag(&mut rows, "new-checkout").metadata.tags = vec!["a".to_owned(), "c".to_owned(), "d".to_owned()];
        activation(&mut rows, "A quarter").config = Some(r#"{"percentage": 12.5}"#.to_owned());
        activation(&mut rows, "Paying").config =
            Some(r#"{"attribute": "plan", "in": ["pro", "team", "max"]}"#.to_owned());
        let found = pulled(text, format, &rows, Pull::default());
        let expected = match format {
            Format::Yaml => replaced(
                text,
                &[
                    ("status: true    # on", "status: false    # on"),
                    (r#"['a', "b"]"#, "['a', c, d]"),
                    ("percentage: 25}", "percentage: 12.5}"),
                    ("        - team\n", "        - team\n        - max\n"),
                ],
            ),
            Format::Toml => replaced(
                text,
                &[
                    ("status = true ", "status = false "),
                    (r#"['a', "b"]"#, r#"['a', "c", "d"]"#),
                    ("percentage = 25}", "percentage = 12.5}"),
                    ("    \"team\",\n", "    \"team\",\n    \"max\",\n"),
                ],
            ),
            Format::Json => replaced(
                text,
                &[
                    ("\"status\": true,", "\"owner\": \"somebody else\", \"status\": false,"),
                    (r#"["a", "b"]"#, r#"["a", "c", "d"]"#),
                    ("\"percentage\": 25", "\"percentage\": 12.5"),
                    (r#""team"]"#, r#""team", "max"]"#),
                ],
            ),
        };
        if format == Format::Json {
            // The place of a new field is not that of the file.
            assert_eq!(format.read(&found), format.read(&expected));
        } else {
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn deleted_flags_go_with_their_comments() {
    let mut rows = rows_of(YAML, Format::Yaml);
    delete_flag(&mut rows, "search");
    let found = pulled(YAML, Format::Yaml, &rows, Pull::default());
    let expected = replaced(
        YAML,
        &[(
            "\n  # Search, soon.\n  search:\n    activations: []\n    # note: never on\n    status: false\n",
            "",
        )],
    );
    assert_eq!(found, expected);
    let mut rows = rows_of(TOML, Format::Toml);
    delete_flag(&mut rows, "search");
    let found = pulled(TOML, Format::Toml, &rows, Pull::default());
    let expected = replaced(
        TOML,
        &[("\n# Search, soon.\n[flags.search]\nactivations = [\"Paying\"] # alone\nstatus = false\n", "")],
    );
    assert_eq!(found, expected);
}

#[test]
fn new_flags_are_added_at_the_end_of_their_section() {
    let mut rows = rows_of(YAML, Format::Yaml);
    let mut new = FlagRow::new(9, "a-new-one", true);
    new.metadata.description = Some("Made: on the admin page".to_owned());
    rows.flags.push(new);
    rows.activations.push(ActivationRow::new(9, "Half", "novi.percentage", r#"{"percentage": 50}"#));
    let shared = activation(&mut rows, "Paying").id;
    rows.links.extend([LinkRow::new(9, shared), LinkRow::new(9, 9)]);
    assert_eq!(pulled(YAML, Format::Yaml, &rows, Pull::default()), YAML);
    let found = pulled(YAML, Format::Yaml, &rows, Pull::new_in(0));
    let block = "  a-new-one:\n    status: true\n    description: \"Made: on the admin page\"\n    activations:\n      \
                 - Paying\n      - name: Half\n        class_name: novi.percentage\n        config:\n          \
                 percentage: 50\n";
    let end = "  last: {status: false, tags: [x]}\n";
    assert_eq!(found, YAML.replace(end, &format!("{end}\n{block}")));

    let found = pulled(
        TOML,
        Format::Toml,
        &{
            let mut rows = rows_of(TOML, Format::Toml);
            rows.flags.push(FlagRow::new(9, "a-new-one", true));
            rows
        },
        Pull::new_in(0),
    );
    assert_eq!(found, replaced(TOML, &[("\n# Off.", "\n[flags.a-new-one]\nstatus = true\n\n# Off.")]));
}

#[test]
fn activations_of_flags_come_and_go() {
    let mut rows = rows_of(YAML, Format::Yaml);
    let (checkout, search) = (flag(&mut rows, "new-checkout").id, flag(&mut rows, "search").id);
    let (paying, quarter) = (activation(&mut rows, "Paying").id, activation(&mut rows, "A quarter").id);
    // A quarter moves from one flag to the other, and testers of the list change.
    rows.links = vec![LinkRow::new(checkout, paying), LinkRow::new(search, quarter)];
    let testers = activation(&mut rows, "Testers").id;
    rows.members = vec![MemberRow::allowed(testers, "user-1"), MemberRow::allowed(testers, "user-3")];
    let found = pulled(YAML, Format::Yaml, &rows, Pull::default());
    let expected = replaced(
        YAML,
        &[
            (
                "      # a quarter\n      - name: A quarter\n        class_name: novi.percentage\n        config: \
                 {percentage: 25}   # of all\n",
                "",
            ),
            (
                "    activations: []\n",
                "    activations: [{name: A quarter, class_name: novi.percentage, config: {percentage: 25}}]\n",
            ),
            ("[user-2, user-1]", "[user-1, user-3]"),
        ],
    );
    assert_eq!(found, expected);
}

#[test]
fn names_that_occur_twice_are_a_problem() {
    let mut rows = rows_of(YAML, Format::Yaml);
    activation(&mut rows, "Testers").name = "Paying".to_owned();
    let mut documents = [Format::Yaml.read(YAML).unwrap()];
    let problems = pull(&mut documents, &rows, &registry(), Pull::default()).unwrap_err();
    assert_eq!(problems[0].path, "activations.Paying");
}

#[test]
fn what_anchors_share_is_not_changed() {
    let text = "flags:\n  a: &a {status: true}\n  b: *a\n  c: {status: true}\n";
    let mut rows = rows_of(text, Format::Yaml);
    flag(&mut rows, "c").status = false;
    let found = pulled(text, Format::Yaml, &rows, Pull::default());
    assert_eq!(found, text.replace("c: {status: true}", "c: {status: false}"));
    flag(&mut rows, "b").status = false;
    let found = pulled(text, Format::Yaml, &rows, Pull::default());
    assert_eq!(found, "flags:\n  a: &a {status: true}\n  b:\n    status: false\n  c: {status: false}\n");
    flag(&mut rows, "b").status = true;
    flag(&mut rows, "a").status = false;
    let mut documents = [Format::Yaml.read(text).unwrap()];
    pull(&mut documents, &rows, &registry(), Pull::default()).unwrap();
    let error = Format::Yaml.edit(text, &documents[0]).unwrap_err().to_string();
    assert!(error.contains("anchors"), "{error}");
}

#[test]
fn files_without_flags_get_the_first_ones() {
    let rows = rows_of(JSON, Format::Json);
    for format in FORMATS {
        let text = if format == Format::Json { "{}\n" } else { "# Our flags\n" };
        let found = pulled(text, format, &rows, Pull::new_in(0));
        assert!(format == Format::Json || found.starts_with("# Our flags\n"), "{found}");
        assert_eq!(pulled("", format, &rows, Pull::new_in(0)), found.trim_start_matches("# Our flags\n"));
    }
}

#[test]
fn line_endings_and_byte_order_marks_stay() {
    let text = format!("\u{feff}{}", YAML.replace('\n', "\r\n"));
    let mut rows = rows_of(&text, Format::Yaml);
    rows.flags.push(FlagRow::new(9, "new", true));
    let found = pulled(&text, Format::Yaml, &rows, Pull::new_in(0));
    assert!(found.starts_with('\u{feff}'));
    assert_eq!(found.matches('\n').count(), found.matches("\r\n").count());
    assert!(found.contains("\r\n  new:\r\n    status: true\r\n"), "{found}");
}

#[test]
fn odd_files_keep_what_stays() {
    // Each file with its text after `b` was turned off, has the tag `x`, and a new flag was added.
    for (before, after) in [
        // A list in a list item, comments between a dash and its value, trailing comments of the section.
        (
            "---\nflags:\n    # a\n    a:\n        status: true\n        # owner: nobody\n    b:\n        status: true   # now\n        \
             description: >-\n            Two\n            lines\n\n        tags:\n        - # first\n          y\n    # end\n...\n",
            "---\nflags:\n    # a\n    a:\n        status: true\n        # owner: nobody\n    b:\n        status: false   # now\n        \
             description: >-\n            Two\n            lines\n\n        tags:\n        - # first\n          y\n        \
             - x\n    new:\n        status: true\n    # end\n...\n",
        ),
        // No line break at the end, a quoted key, a text that only looks like a comment.
        (
            "flags: {\n  a: {status: true}, # a\n  'b': {status: true, tags: [y],\n    description: 'a # b'}\n}",
            "flags: {\n  a: {status: true}, # a\n  'b': {status: false, tags: [y, x],\n    description: 'a # b'},\n  \
             new: {status: true}\n}",
        ),
        // Merge keys and anchors.
        (
            "flags:\n  a: &base\n    status: true\n  b:\n    <<: *base\n    status: true\n    tags: [y]\n    description: \"ä\\u00e9\"\n",
            "flags:\n  a: &base\n    status: true\n  b:\n    <<: *base\n    status: false\n    tags: [y, x]\n    \
             description: \"ä\\u00e9\"\n  new:\n    status: true\n",
        ),
    ] {
        let mut rows = rows_of(before, Format::Yaml);
        let row = flag(&mut rows, "b");
        (row.status, row.metadata.tags) = (false, vec!["y".to_owned(), "x".to_owned()]);
        rows.flags.push(FlagRow::new(9, "new", true));
        assert_eq!(pulled(before, Format::Yaml, &rows, Pull::new_in(0)), after);
    }
    let json =
        "{\n\t\"flags\": {\n\t\t\"a\": {\n\t\t\t\"status\" : true,\n\t\t\t\"tags\": []\n\t\t}\n\t}\n}\n";
    let mut rows = rows_of(json, Format::Json);
    flag(&mut rows, "a").metadata.tags = vec!["x".to_owned()];
    rows.flags.push(FlagRow::new(9, "b\"", false));
    let found = pulled(json, Format::Json, &rows, Pull::new_in(0));
    assert!(
        found.starts_with("{\n\t\"flags\": {\n\t\t\"a\": {\n\t\t\t\"status\" : true,\n\t\t\t\"tags\": ["),
        "{found}"
    );
    assert!(found.contains("\n\t\t},\n\t\t\"b\\\"\": {"), "{found}");
    let toml = "flags.a.status = true # a\nflags.b = {status = true, tags = ['y']} # b\n";
    let mut rows = rows_of(toml, Format::Toml);
    let row = flag(&mut rows, "b");
    (row.status, row.metadata.tags) = (false, vec!["y".to_owned(), "x".to_owned()]);
    rows.flags.push(FlagRow::new(9, "new", true));
    let found = pulled(toml, Format::Toml, &rows, Pull::new_in(0));
    let expected = "flags.a.status = true # a\nflags.b = {status = false, tags = ['y', \"x\"]} # b\n";
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn ends_of_lines_stay_those_of_windows() {
    let text = TOML.replace('\n', "\r\n");
    let mut document = Format::Toml.read(&text).unwrap();
    document.flags.get_mut("search").unwrap().status = Some(true);
    document.flags.insert("new".to_owned(), document.flags["last"].clone());
    let edited = Format::Toml.edit(&text, &document).unwrap();
    assert!(edited.contains("status = true\r\n") && edited.contains("# Shared ones\r\n"), "{edited:?}");
    assert_eq!(edited.matches('\n').count(), edited.matches("\r\n").count(), "{edited:?}");
    assert!(!Format::Toml.edit(TOML, &document).unwrap().contains('\r'));
}

#[test]
fn activations_that_are_renamed_keep_their_comments() {
    let yaml = "# Ours\nflags:\n  a:\n    status: true\n    activations: [Old, \"Other\"]  # both\nactivations:\n  \
                # Who pays\n  Old:  # since 2024\n    class_name: novi.percentage  # a share\n    config:\n      # a \
                quarter\n      percentage: 25\n  Other:\n    class_name: novi.and\n    config: []\n";
    let toml = "flags.a = { status = true, activations = [\"Old\", \"Other\"] } # both\n\n# Who pays\n\
                [activations.Old] # since 2024\nclass_name = \"novi.percentage\" # a share\n# a quarter\n\
                config = { percentage = 25 }\n\n[activations.Other]\nclass_name = \"novi.and\"\nconfig = []\n";
    let json = "{\n  \"flags\": {\"a\": {\"status\": true, \"activations\": [ \"Old\",\"Other\" ]}},\n  \"activations\": \
                {\n    \"Old\" : {\"class_name\": \"novi.percentage\", \"config\": { \"percentage\":25 }},\n    \
                \"Other\": {\"class_name\": \"novi.and\", \"config\": []}\n  }\n}\n";
    for (text, format) in [(yaml, Format::Yaml), (toml, Format::Toml), (json, Format::Json)] {
        let windows = text.replace('\n', "\r\n");
        for text in [text, windows.as_str()] {
            let mut rows = rows_of(text, format);
            let row = rows.activations.iter_mut().find(|row| row.name == "Old").unwrap();
            row.name = "It's new: \"yes\"".to_owned();
            let edited = pulled(text, format, &rows, Pull::new_in(0));
            let same = |text: &str| {
                text.lines().filter(|line| !line.contains("Old")).map(str::to_owned).collect::<Vec<_>>()
            };
            let without = |text: &str| same(&text.replace("It's new", "Old"));
            assert_eq!(without(&edited), same(text), "{edited}");
            let (comments, kept) = (text.matches('#').count(), edited.matches('#').count());
            assert_eq!(comments, kept, "{edited}");
            assert_eq!(text.matches("\r\n").count(), edited.matches("\r\n").count(), "{edited:?}");
        }
    }
}

#[test]
fn values_that_cannot_be_changed_are_named_by_their_line() {
    let text = "flags:\n  a:\n    status: true\n    description: &text Shop\n  b:\n    status: true\n    description: *text\n";
    let mut rows = rows_of(text, Format::Yaml);
    flag(&mut rows, "a").metadata.description = Some("Other".to_owned());
    let mut documents = [Format::Yaml.read(text).unwrap()];
    pull(&mut documents, &rows, &registry(), Pull::new_in(0)).unwrap();
    let error = Format::Yaml.edit(text, &documents[0]).unwrap_err().to_string();
    assert!(error.starts_with("line 4: the file has anchors"), "{error}");
}

//! Rows as files, and files as rows.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use novi::{
    Flags,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
    store::{self, Edit, history::rollback},
};
use novi_files::{Activated, Document, Flag, Format, Tree};
use proptest::prelude::*;

const FORMATS: [Format; 3] = [Format::Yaml, Format::Toml, Format::Json];

fn registry() -> Registry {
    Registry::global().unwrap()
}

/// The rows of all examples in the documentation.
async fn examples() -> Rows {
    let database = store::create("sqlite::memory:").await.unwrap();
    database.migrate().await.unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/types");
    for page in fs::read_dir(folder).unwrap() {
        let page = fs::read_to_string(page.unwrap().path()).unwrap();
        for script in page.split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0) {
            database.run_script(script).await.unwrap();
        }
    }
    database.load().await.unwrap()
}

/// The rows that a document makes of none.
fn rows_of(document: &Document) -> Rows {
    document.target(&Rows::default(), &registry(), false).unwrap().rows
}

#[tokio::test]
async fn rows_become_the_same_rows_through_files_of_each_format() {
    let rows = examples().await;
    assert!(rows.activations.len() > 25);
    let document = Document::from_rows(&rows, &registry());
    for format in FORMATS {
        let text = format.write(&document).unwrap();
        let read = format.read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        if format != Format::Toml {
            assert_eq!(read, document, "{format:?}");
        }
        let made = rows_of(&read);
        assert_eq!(Flags::from_rows(made.clone()).unwrap().issues(), []);
        assert_eq!(format.write(&Document::from_rows(&made, &registry())).unwrap(), text);
        // Over the rows that it was made of, it changes nothing.
        let target = read.target(&rows, &registry(), true).unwrap();
        assert_eq!(rollback(&rows, &target.rows, None).unwrap(), []);
    }
}

fn sample() -> Rows {
    Rows {
        flags: vec![FlagRow::new(1, "checkout", true), FlagRow::new(2, "search", false)],
        activations: vec![
            ActivationRow::new(1, "Paying", "novi.attribute", r#"{"attribute": "plan", "equals": "pro"}"#),
            ActivationRow::new(2, "A quarter", "novi.percentage", r#"{ "percentage": 25 }"#),
            ActivationRow::new(3, "Either", "novi.or", r#"[1, {"class_name": "novi.not", "config": 4}]"#),
            ActivationRow::new(4, "Testers", "novi.members", "{}"),
            ActivationRow::new(5, "Nobody has it", "novi.static", "{}"),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(1, 2), LinkRow::new(2, 3)],
        members: vec![MemberRow::allowed(4, "user-1"), MemberRow::denied(4, "user-2")],
        ..Rows::default()
    }
}

#[test]
fn references_are_names_and_own_activations_are_within_their_flag() {
    let document = Document::from_rows(&sample(), &registry());
    let text = Format::Yaml.write(&document).unwrap();
    assert_eq!(
        text,
        r"flags:
  checkout:
    status: true
    activations:
    - Paying
    - name: A quarter
      class_name: novi.percentage
      config:
        percentage: 25
  search:
    status: false
    activations:
    - name: Either
      class_name: novi.or
      config:
      - $activation: Paying
      - class_name: novi.not
        config:
          $activation: Testers
activations:
  Nobody has it:
    class_name: novi.static
    config: {}
  Paying:
    class_name: novi.attribute
    config:
      attribute: plan
      equals: pro
  Testers:
    class_name: novi.members
    config: {}
    members:
    - user-1
    denied:
    - user-2
"
    );
}

/// What a document changes in rows.
fn changes(document: &Document, rows: &Rows, prune: bool) -> Vec<String> {
    let target = document.target(rows, &registry(), prune).unwrap();
    let changes = rollback(rows, &target.rows, None).unwrap();
    assert_eq!(Edit::new(changes.iter().cloned()).after(rows.clone()).unwrap().links, target.rows.links);
    changes.iter().map(|change| serde_json::to_string(change).unwrap()).collect()
}

#[test]
fn only_what_differs_is_changed_and_texts_that_mean_the_same_stay() {
    let rows = sample();
    let mut document = Document::from_rows(&rows, &registry());
    document.flags.get_mut("search").unwrap().status = Some(true);
    let found = changes(&document, &rows, false);
    assert_eq!(found, [r#"{"set_status":{"flag":"search","status":true}}"#]);
}

#[test]
fn activations_that_nothing_uses_are_removed_with_their_link() {
    let rows = sample();
    let mut document = Document::from_rows(&rows, &registry());
    document.flags.get_mut("checkout").unwrap().activations.remove(1);
    let found = changes(&document, &rows, false);
    assert_eq!(found, [r#"{"unlink":{"flag_id":1,"activation_id":2}}"#, r#"{"delete_activation":{"id":2}}"#]);
}

#[test]
fn what_no_file_describes_stays_unless_it_is_pruned() {
    let rows = sample();
    let mut document = Document::from_rows(&rows, &registry());
    document.flags.remove("search");
    document.activations.remove("Testers");
    document.activations.remove("Nobody has it");
    assert_eq!(changes(&document, &rows, false), [""; 0]);
    let unmanaged = document.target(&rows, &registry(), false).unwrap().unmanaged;
    assert_eq!(unmanaged.flags, ["search"]);
    assert_eq!(unmanaged.activations, ["Either", "Testers", "Nobody has it"]);
    let pruned = document.target(&rows, &registry(), true).unwrap();
    let names: Vec<_> = pruned.rows.activations.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["Paying", "A quarter"]);
    assert_eq!(pruned.rows.flags.len(), 1);
    assert!(pruned.rows.members.is_empty());
}

#[test]
fn ignored_fields_stay_as_they_are_and_new_flags_are_off() {
    let rows = sample();
    let text =
        "ignore: [status, owner]\nflags:\n  checkout:\n    activations: [Paying, A quarter]\n  new: {}\n";
    let document = Format::Yaml.read(text).unwrap();
    let target = document.target(&rows, &registry(), false).unwrap().rows;
    assert!(target.flags[0].status);
    assert_eq!((target.flags[2].name.as_str(), target.flags[2].status), ("new", false));
}

#[test]
fn all_problems_are_reported_with_their_places() {
    let text = "flags:\n  a:\n    activations: [Payings, {name: Paying, class_name: novi.static}, paying]\n  b:\n    \
        status: true\n    activations: [{name: x, class_name: novi.not, config: {$activation: Zeta}}, \
        {name: x, class_name: novi.static}]\nactivations:\n  Paying: {class_name: novi.static}\n";
    let problems = Format::Yaml.read(text).unwrap().target(&sample(), &registry(), false).unwrap_err();
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "flags.a.activations[0]: no activation has the name \"Payings\"; did you mean \"Paying\"?",
            "flags.a.activations[1]: activations.Paying has the name \"Paying\", too: describe it once below `activations`, and name it here",
            "flags.a.activations[2]: no activation has the name \"paying\"; did you mean \"Paying\"?",
            "flags.a.status: expected true or false; to leave it to people, add `status` to `ignore`",
            "flags.b.activations[0].config: no activation has the name \"Zeta\"",
            "flags.b.activations[1]: flags.b.activations[0] has the name \"x\", too: describe it once below `activations`, and name it here",
            "flags.b.activations[1]: the flag has \"x\" twice",
        ]
    );
}

/// `7` is short for `{"then": 7}` where a rule or a case has a result.
#[test]
fn results_that_are_ids_are_names_in_files() {
    let switch = r#"{"by": "plan", "cases": {"pro": 2, "team": {"then": 1}}, "fallback": 1}"#;
    let cases = r#"{"by": ["a"], "cases": [{"values": ["x"], "gives": 1}]}"#;
    let rows = Rows {
        activations: vec![
            ActivationRow::new(1, "One", "novi.static", r#"{"variant": "one"}"#),
            ActivationRow::new(2, "Two", "novi.static", r#"{"variant": "two"}"#),
            ActivationRow::new(3, "Rules", "novi.rules", r#"{"rules": [], "fallthrough": 2}"#),
            ActivationRow::new(4, "Switch", "novi.switch", switch),
            ActivationRow::new(5, "Cases", "novi.switch", cases),
        ],
        ..Rows::default()
    };
    let document = Document::from_rows(&rows, &registry());
    let config = |name: &str| document.activations[name].config.as_ref().unwrap().to_json();
    assert_eq!(config("Rules"), r#"{"rules":[],"fallthrough":{"$activation":"Two"}}"#);
    assert_eq!(
        config("Switch"),
        r#"{"by":"plan","cases":{"pro":{"$activation":"Two"},"team":{"then":{"$activation":"One"}}},"fallback":{"$activation":"One"}}"#
    );
    assert_eq!(config("Cases"), r#"{"by":["a"],"cases":[{"values":["x"],"gives":{"$activation":"One"}}]}"#);
    let made = rows_of(&document);
    assert_eq!(Document::from_rows(&made, &registry()), document);
    assert_eq!(Flags::from_rows(made).unwrap().issues(), []);
}

#[test]
fn ids_of_a_database_are_no_references_in_files() {
    let text = "activations:\n  Both: {class_name: novi.and, config: [{$activation: Paying}, 2]}\n";
    let problems = Format::Yaml.read(text).unwrap().target(&sample(), &registry(), false).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "activations.Both.config[1]: expected the name of an activation, as {$activation: NAME}, found the id 2, which \
         other databases do not have"
    );
}

#[test]
fn texts_that_are_no_documents_are_rejected_with_their_place() {
    let mut others = Vec::new();
    for (format, text, expected) in [
        (
            Format::Yaml,
            "flags:\n  a:\n    stats: true\n",
            "flags.a.stats: unknown field `stats`; did you mean `status`? at line 3, column 5",
        ),
        (
            Format::Yaml,
            "flags:\n  a: {status: true}\n  a: {status: true}\n",
            "flags: the field \"a\" occurs twice at",
        ),
        (
            Format::Yaml,
            "flags:\n  a: {status: maybe}\n",
            "flags.a.status: expected true or false at line 2, column 15",
        ),
        (Format::Yaml, "flags: [a]\n", "flags: expected fields, as in `name: value` at line 1, column 8"),
        (
            Format::Yaml,
            "flags: {a: {tags: x}}\n",
            "flags.a.tags: expected a list, as in `[a, b]` at line 1, column 19",
        ),
        (Format::Yaml, "flags: {a: {zzz: x}}\n", "unknown field `zzz`, expected one of status, description"),
        (Format::Yaml, "--- {}\n--- {}\n", "expected one document, found another after `---`"),
        (Format::Yaml, "ignore: [stat]\n", "ignore[0]: unknown value `stat`; did you mean `status`?"),
        (
            Format::Yaml,
            "flags: {a: {activations: [{name: x}]}}\n",
            "flags.a.activations[0]: the field `class_name` is missing",
        ),
        (Format::Toml, "[flags.a]\nstats = 1\n", "unknown field `stats`; did you mean `status`?"),
        (
            Format::Json,
            r#"{"flags": {"a": {"stats": 1}}}"#,
            "unknown field `stats`; did you mean `status`? at line 1 column 24",
        ),
        (Format::Toml, "[flags.a]\nstatus = 1\n", "line 2"),
        (Format::Json, r#"{"flags": {"a": {"status": true}, "a": {}}}"#, "\"a\" occurs twice"),
        (Format::Json, r#"{"flags": {"a": {"status": 1}}}"#, "flags.a.status"),
        (Format::Json, r#"{"flags": {"a": {"expires_at": "soon"}}}"#, "expected a date like"),
    ] {
        let error = format.read(text).unwrap_err().to_string();
        if !error.contains(expected) {
            others.push(format!("{text}\n{error}"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn words_of_old_yaml_are_strings() {
    let text = "flags: {a: {status: true, metadata: {country: NO, on: off, n: y, number: 1_000}}}";
    let document = Format::Yaml.read(text).unwrap();
    let json = document.flags["a"].metadata.as_ref().unwrap().to_json();
    assert_eq!(json, r#"{"country":"NO","on":"off","n":"y","number":"1_000"}"#);
}

#[test]
fn dates_of_toml_and_switches_of_old_yaml_are_read() {
    let toml = "[flags.a]\nstatus = true\nexpires_at = 2026-12-01\nfail_mode = \"on\"\n";
    let yaml = "flags: {a: {status: true, expires_at: 2026-12-01, fail_mode: on}}";
    let document = Format::Toml.read(toml).unwrap();
    assert_eq!(document, Format::Yaml.read(yaml).unwrap());
    assert_eq!(document.flags["a"].expires_at.unwrap().to_string(), "2026-12-01T00:00:00Z");
}

#[test]
fn configs_that_files_cannot_have_are_texts() {
    let mut rows = sample();
    rows.activations[1].config = Some("{\"percentage\": 25".to_owned());
    rows.activations[4].config = Some(r#"{"a": 123456789012345678901234567890}"#.to_owned());
    let document = Document::from_rows(&rows, &registry());
    let Activated::Own(own) = &document.flags["checkout"].activations[1] else { panic!() };
    assert_eq!((own.config.as_ref(), own.config_text.as_deref()), (None, Some("{\"percentage\": 25")));
    for format in FORMATS {
        let read = format.read(&format.write(&document).unwrap()).unwrap();
        assert_eq!(changes(&read, &rows, true), [""; 0]);
    }
    assert_eq!(rows_of(&document).activations.len(), 5);
}

#[test]
fn renamed_activations_keep_their_row() {
    let rows = sample();
    let mut document = Document::from_rows(&rows, &registry());
    let Activated::Own(own) = &mut document.flags.get_mut("checkout").unwrap().activations[1] else {
        panic!()
    };
    own.name = "25 %".to_owned();
    let renamed = r#"{"update_activation":{"id":2,"name":"25 %","class_name":"novi.percentage","config":"{ \"percentage\": 25 }"#;
    let found = changes(&document, &rows, false);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(renamed), "{found:?}");
    // With another config, as the only one that the flag loses and gets.
    let Activated::Own(own) = &mut document.flags.get_mut("checkout").unwrap().activations[1] else {
        panic!()
    };
    own.config = Tree::from_json(r#"{"percentage": 50}"#);
    let found = changes(&document, &rows, false);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(r#""id":2,"name":"25 %""#), "{found:?}");
    // Another type is another activation.
    let Activated::Own(own) = &mut document.flags.get_mut("checkout").unwrap().activations[1] else {
        panic!()
    };
    own.class_name = "novi.static".to_owned();
    assert_eq!(changes(&document, &rows, false).len(), 4);
}

#[test]
fn an_activation_of_a_flag_that_no_file_describes_is_not_renamed() {
    let mut rows = sample();
    rows.links.push(LinkRow::new(2, 2));
    let mut document = Document::from_rows(&rows, &registry());
    document.flags.remove("search");
    let activation = document.activations.remove("A quarter").unwrap();
    document.activations.insert("25 %".to_owned(), activation);
    document.flags.get_mut("checkout").unwrap().activations[1] = Activated::Shared("25 %".to_owned());
    let found = changes(&document, &rows, false);
    assert!(found.iter().all(|change| !change.starts_with(r#"{"update_activation""#)), "{found:?}");
}

#[test]
fn null_is_no_toml() {
    let config = Tree::from_json(r#"{"a": [null]}"#);
    let mut document = Document::default();
    document.flags.insert("a".to_owned(), Flag { status: Some(true), metadata: config, ..Flag::default() });
    let error = Format::Toml.write(&document).unwrap_err().to_string();
    assert_eq!(error, "the flag \"a\" has a null, which TOML cannot have: use YAML or JSON");
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Tree::Bool),
        any::<i64>().prop_map(|number| Tree::Number(number.into())),
        (-1e15..1e15).prop_filter_map("finite", |number: f64| {
            serde_json::Number::from_f64(number).map(Tree::Number)
        }),
        any::<String>().prop_map(Tree::String),
        prop::sample::select(vec![
            "",
            "no",
            "~",
            "null",
            "0x1f",
            "1e3",
            "- a",
            "#",
            "a: b",
            "2026-12-01",
            "\u{85}",
            " x "
        ])
        .prop_map(|text| Tree::String(text.to_owned())),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
            prop::collection::vec((any::<String>(), inner), 0..5).prop_map(|mut fields| {
                let mut names = std::collections::BTreeSet::new();
                fields.retain(|(name, _)| names.insert(name.clone()) && !name.starts_with("$__"));
                Tree::Fields(fields)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_the_same_in_each_format(name: String, config in trees(), description: String) {
        let mut document = Document::default();
        let flag = Flag { status: Some(true), description: Some(description), variants: Some(config), ..Flag::default() };
        document.flags.insert(name, flag);
        for format in FORMATS {
            let text = format.write(&document).unwrap();
            let read = format.read(&text);
            let mut read = read.unwrap_or_else(|error| panic!("{error}\n{text}"));
            let (found, given) = (&read.flags.values().next().unwrap().variants, &document.flags.values().next().unwrap().variants);
            prop_assert!(found.as_ref().unwrap().is_same(given.as_ref().unwrap()), "{}", text);
            if format == Format::Toml {
                read.flags.values_mut().next().unwrap().variants.clone_from(given);
            }
            prop_assert_eq!(&read, &document, "{}", text);
        }
    }
}

#[test]
fn errors_have_no_terms_of_the_parser() {
    for (format, text, expected) in [
        (Format::Yaml, "flags:\n  a: {tags: x}\n", "flags.a"),
        (Format::Yaml, "flags:\n  a: {status: 5}\n", "expected true or false"),
        (Format::Yaml, "flags: [a]\n", "flags"),
        (Format::Json, r#"{"flags": {"a": {"tags": {"x": 1}}}}"#, "expected a list, found an object"),
        (Format::Json, r#"{"flags": []}"#, "found a list"),
        (Format::Toml, "flags.a.tags = {x = 1}\n", "expected a list, found an object"),
    ] {
        let error = format.read(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
        for term in ["sequence", "map", "invalid type", "struct"] {
            assert!(!error.contains(term), "{text}: {error}");
        }
    }
}

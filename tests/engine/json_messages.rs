//! Messages about configs and values that are no JSON of their type.

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

fn rows(class: &str, config: &str) -> Rows {
    let mut rows = Rows::default();
    rows.flags.push(FlagRow::new(1, "flag", true));
    rows.activations.push(ActivationRow::new(1, "row", class, config));
    rows.links.push(LinkRow::new(1, 1));
    rows
}

#[test]
fn invalid_configs_are_reported_in_terms_of_json() {
    for (class, config, path, message) in [
        (
            "novi.split",
            r#"{"ranges": {"a": [[0, 1, 2]]}}"#,
            "config.ranges.a[0]",
            "expected a list of two buckets, like [0, 50000], found 3",
        ),
        (
            "novi.split",
            r#"{"ranges": {"a": [[0]]}}"#,
            "config.ranges.a[0]",
            "expected a list of two buckets, like [0, 50000], found 1",
        ),
        ("novi.percentage", "", "config", "is empty; expected an object"),
        (
            "novi.percentage",
            "\u{feff}{\"percentage\": 1}",
            "config",
            "expected JSON, found a byte order mark (U+FEFF) in front of it; remove it",
        ),
        (
            "novi.percentage",
            r#"{"percentage": 1e309}"#,
            "config.percentage",
            "expected a number up to 1.79e308 at line 1 column 20",
        ),
        (
            "novi.members",
            r#"{"allow": ["\ud800"]}"#,
            "config.allow[0]",
            r#"expected a character, found half of a surrogate pair such as "\ud83d\ude00" at line 1 column 19"#,
        ),
        (
            "novi.and",
            "[99999999999999999999]",
            "config[0]",
            "expected the id of an activation, or {\"class_name\": ..., \"config\": ...}, found a number of about 1e+20",
        ),
        (
            "novi.percentage",
            r#"{"percentage": 1, "percentage": 2}"#,
            "config",
            "duplicate field `percentage`",
        ),
    ] {
        let flags = Flags::from_rows(rows(class, config)).unwrap();
        let issues: Vec<_> = flags.issues().into_iter().map(|issue| (issue.path, issue.message)).collect();
        assert_eq!(issues, [(path.to_owned(), message.to_owned())], "{config}");
    }
}

#[test]
fn variants_with_a_name_twice_are_reported() {
    let mut rows = rows("novi.percentage", r#"{"percentage": 100}"#);
    rows.flags[0].metadata.variants = Some(r#"{"blue": 1, "blue": 2}"#.to_owned());
    let flags = Flags::from_rows(rows.clone()).unwrap();
    let issue = &flags.issues()[0];
    assert!(issue.message.contains("duplicate name \"blue\" at line 1 column 18"), "{issue}");
    rows.flags[0].metadata.variants = None;
    rows.flags[0].metadata.metadata = Some(r#"{"team": "a", "team": "b"}"#.to_owned());
    let flags = Flags::from_rows(rows).unwrap();
    let issue = &flags.issues()[0];
    assert!(issue.message.contains("duplicate name \"team\""), "{issue}");
    assert!(issue.flags.is_empty(), "{issue}");
}

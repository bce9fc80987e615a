//! How many problems are reported and logged.

use std::fmt::Write as _;

use novi::{
    Context, Flags,
    activation::UnknownFields,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
};

use crate::common::log;

/// A flag with a condition of this config.
fn rows(config: &str) -> Rows {
    let mut rows = Rows::default();
    rows.flags.push(FlagRow::new(1, "flag", true));
    rows.activations.push(ActivationRow::new(1, "row", "novi.or", config));
    rows.links.push(LinkRow::new(1, 1));
    rows
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let mut text = String::from("[");
    for index in 0..count {
        write!(text, "{}{}", if index == 0 { "" } else { "," }, item(index)).unwrap();
    }
    text + "]"
}

#[test]
fn rows_with_many_problems_report_the_first_ones_and_their_count() {
    for (what, item) in [
        ("unknown class", r#"{"class_name": "x.unknown"}"#),
        ("missing activation", "7"),
        ("unknown field", r#"{"class_name": "novi.percentage", "config": {"percentage": 1, "y": 2}}"#),
    ] {
        let rows = rows(&list(3000, |_| item.to_owned()));
        let flags = Flags::from_rows(rows.clone()).unwrap();
        let issues = flags.issues();
        assert_eq!(issues.len(), 101, "{what}");
        let rest: Vec<_> = issues.iter().filter(|issue| issue.path == "config").collect();
        assert_eq!(rest[0].message, "2900 more problems; the first 100 are listed", "{what}");
        assert!(issues.iter().all(|issue| issue.flags == ["flag"]), "{what}");
    }
    let unknown = list(3000, |_| {
        r#"{"class_name": "novi.percentage", "config": {"percentage": 1, "y": 2}}"#.to_owned()
    });
    let lenient = Flags::builder().unknown_fields(UnknownFields::Warning).from_rows(rows(&unknown)).unwrap();
    assert_eq!(lenient.issues().len(), 101);
    assert_eq!(lenient.snapshot().issue_count(), 0);
    let missing =
        list(3000, |item| format!(r#"{{"class_name": "novi.flag", "config": {{"flag": "no {item}"}}}}"#));
    let missing = Flags::from_rows(rows(&missing)).unwrap();
    assert_eq!((missing.issues().len(), missing.snapshot().issue_count()), (101, 0));
}

#[test]
fn item_after_many_invalid_ones_breaks_its_flag() {
    // Only the last item is not among the problems that are listed.
    let mut many = rows(&list(101, |_| r#"{"class_name": "x.unknown"}"#.to_owned()));
    many.flags.push(FlagRow::new(2, "other", true));
    many.activations.push(ActivationRow::new(2, "not", "novi.not", "1"));
    many.links.push(LinkRow::new(2, 2));
    let flags = Flags::from_rows(many).unwrap();
    let (flag, other) = (flags.issues()[0].flags.clone(), flags.is_enabled("other", &Context::new()));
    assert_eq!(flag, ["flag", "other"]);
    assert!(!other, "fail_mode is off");
}

#[test]
fn issues_are_logged_once_for_each_row_and_again_once_they_differ() {
    let (log, _guard) = log::start();
    let lines = |part: &str| log.lines_with(part).len();
    let flags = Flags::builder().from_rows(rows("[7, 8, 9]")).unwrap();
    assert_eq!(lines("WARN"), 1, "{}", log.text());
    assert_eq!(lines("no activation has the id 7; and 2 more issues of this row"), 1, "{}", log.text());
    flags.replace_rows(rows("[7, 8, 9]"));
    assert_eq!(lines("WARN"), 1, "{}", log.text());
    flags.replace_rows(rows("[7, 8, 10]"));
    assert_eq!(lines("WARN"), 2, "{}", log.text());
    assert_eq!(lines("config[2]: no activation has the id 10 "), 1, "{}", log.text());
    flags.replace_rows(rows("[]"));
    flags.replace_rows(rows("[7]"));
    assert_eq!(lines("WARN"), 3, "an issue that comes back is new: {}", log.text());
}

#[test]
fn ignored_fields_are_logged_only_when_they_are_new() {
    let (log, _guard) = log::start();
    let config = r#"[{"class_name": "novi.percentage", "config": {"percentage": 1, "y": 2}}]"#;
    let flags = Flags::builder().unknown_fields(UnknownFields::Warning).from_rows(rows(config)).unwrap();
    flags.replace_rows(rows(config));
    assert_eq!(log.lines_with("ignored: ").len(), 1, "{}", log.text());
}

#[test]
fn empty_members_are_warnings() {
    let mut rows = rows("[]");
    rows.activations[0].class_name = "novi.members".to_owned();
    rows.activations[0].config = Some(r#"{"allow": ["a", ""], "deny": [""]}"#.to_owned());
    rows.members = vec![MemberRow::allowed(1, "")];
    let flags = Flags::from_rows(rows).unwrap();
    let issues = flags.issues();
    let paths: Vec<_> = issues.iter().map(|issue| (issue.path.as_str(), issue.warning)).collect();
    assert_eq!(paths, [("activation_members", true), ("config.allow[1]", true), ("config.deny[0]", true)]);
    assert!(issues[0].message.contains("the member \"\" is nobody"), "{issues:?}");
    assert!(flags.is_enabled("flag", &Context::new().with("targetingKey", "a")), "the row is valid");
}

#[test]
fn log_line_names_only_the_first_of_many_flags() {
    let (log, _guard) = log::start();
    let mut many = rows("[7]");
    for id in 2..=1000 {
        many.flags.push(FlagRow::new(id, format!("flag {id}"), true));
        many.links.push(LinkRow::new(id, 1));
    }
    drop(Flags::from_rows(many).unwrap());
    assert_eq!(log.lines_with("] and 980 more").len(), 1, "{}", log.text());
    assert!(log.text().len() < 1000, "{}", log.text());
}

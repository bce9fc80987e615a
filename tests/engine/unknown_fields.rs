//! Configs with fields that their type does not have, as a newer novi may write them.

use novi::{
    Context, Flags,
    activation::UnknownFields,
    config::Config,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
    store::{Change, Edit},
};

const ATTRIBUTE: &str = r#"{"attribute": "plan", "equals": "pro", "weight": 5}"#;
const NESTED: &str = r#"[{"class_name": "novi.percentage", "config": {"since": [1, {"}": 2}], "percentage": 100, "until": null}}]"#;

fn rows(configs: &[(&str, &str)]) -> Rows {
    let mut rows = Rows::default();
    for (id, (class, config)) in (1..).zip(configs) {
        rows.flags.push(FlagRow::new(id, format!("flag {id}"), true));
        rows.activations.push(ActivationRow::new(id, "row", *class, *config));
        rows.links.push(LinkRow::new(id, id));
    }
    rows
}

fn lenient(rows: Rows) -> Flags {
    Flags::builder().unknown_fields(UnknownFields::Warning).keep_rows().from_rows(rows).unwrap()
}

fn texts(flags: &Flags) -> Vec<String> {
    flags.issues().iter().map(ToString::to_string).collect()
}

#[test]
fn unknown_fields_are_issues_by_default() {
    let flags = Flags::from_rows(rows(&[("novi.attribute", ATTRIBUTE), ("novi.and", NESTED)])).unwrap();
    let issues = flags.issues();
    assert_eq!(issues.len(), 2, "{issues:?}");
    for issue in &issues {
        assert!(!issue.warning && issue.flags.len() == 1, "{issue:?}");
        assert!(issue.message.ends_with("; a newer novi may have written it"), "{issue}");
    }
    assert_eq!(flags.snapshot().issue_count(), 2);
}

#[test]
fn ignored_fields_are_warnings_and_break_no_flag() {
    let flags = lenient(rows(&[("novi.attribute", ATTRIBUTE), ("novi.and", NESTED)]));
    assert!(flags.issues().iter().all(|issue| issue.warning && issue.flags.is_empty()));
    assert_eq!(flags.snapshot().issue_count(), 0);
    let known = "expected one of `attribute`, `ignore_case`";
    let texts = texts(&flags);
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(
        texts[0]
            .starts_with(&format!("activations#1 \"row\": config.weight: ignored: unknown field, {known}"))
    );
    assert!(
        texts[1].starts_with("activations#2 \"row\": config[0].config.since: ignored: unknown field `since`")
    );
    assert!(
        texts[2].starts_with("activations#2 \"row\": config[0].config.until: ignored: unknown field `until`")
    );
    let user = Context::new().with("plan", "pro").with("targetingKey", "u");
    assert!(flags.is_enabled("flag 1", &user) && flags.is_enabled("flag 2", &user));
    assert!(!flags.is_enabled("flag 1", &Context::new().with("plan", "free")));
}

#[test]
fn rows_with_equal_configs_have_a_warning_each() {
    let config = r#"{"percentage": 100, "x": 1}"#;
    let flags = lenient(rows(&[("novi.percentage", config), ("novi.percentage", config)]));
    assert_eq!(flags.issues().iter().map(|issue| issue.id).collect::<Vec<_>>(), [Some(1), Some(2)]);
}

#[test]
fn condition_without_a_known_field_stays_invalid() {
    for (class, config) in [
        ("novi.attribute", r#"{"attribute": "plan", "sounds_like": "pro"}"#),
        ("novi.percentage", r#"{"share": 5}"#),
        ("novi.percentage", r#"{"share": 5, "percentage": "x"}"#),
    ] {
        let flags = lenient(rows(&[(class, config)]));
        assert_eq!(flags.snapshot().issue_count(), 1, "{config}: {:?}", flags.issues());
        assert!(!flags.is_enabled("flag 1", &Context::new().with("targetingKey", "u").with("plan", "pro")));
    }
    // Each field is another look at the config.
    let many = (0..1000).map(|n| format!(r#""x{n}": {n}"#)).collect::<Vec<_>>().join(", ");
    let flags = lenient(rows(&[("novi.percentage", &format!(r#"{{{many}, "percentage": 100}}"#))]));
    assert_eq!(flags.snapshot().issue_count(), 1);
}

#[test]
fn new_rows_with_unknown_fields_are_rejected_all_the_same() {
    let flags = lenient(rows(&[("novi.percentage", r#"{"percentage": 5, "x": 1}"#)]));
    let plan = |config: &str| {
        let row = ActivationRow::new(1, "row", "novi.percentage", config);
        let edit = Edit::new([Change::UpdateActivation(row)]);
        flags.validator().plan(flags.snapshot().rows().unwrap().clone(), &edit).problems.len()
    };
    assert_eq!(plan(r#"{"percentage": 5, "y": 1}"#), 1);
    assert_eq!(plan(r#"{"percentage": 6}"#), 0);
}

#[test]
fn configuration_has_the_setting() {
    let config: Config = Config::from_toml("[activations]\nunknown_fields = 'warning'").unwrap();
    let rows = rows(&[("novi.percentage", r#"{"percentage": 100, "x": 1}"#)]);
    let flags = Flags::builder().config(&config).from_rows(rows).unwrap();
    assert!(flags.issues()[0].warning);
}

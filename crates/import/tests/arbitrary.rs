//! Readers accept any input: they neither panic nor import what they report as not mapped.

#![allow(clippy::unwrap_used, reason = "tests")]

use novi::{activation::Registry, rows::Rows};
use novi_import::{
    Imported, Options, Outcome, feats, features_service, hanoi, knora,
    redis::{Keys, RedisValue, StreamEntry},
    rollout,
};
use proptest::prelude::*;

/// Texts of which some are almost what a system stores.
fn text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "1",
        "0",
        "|",
        ",",
        "80",
        "12.5",
        "all",
        "user-1",
        "100",
        "-1",
        "x",
        "é",
        "*",
        "null",
        "[]",
        "[\"CA\"]",
        "{\"a\": 1}",
        "selector:0",
        "segment:",
        "v1",
        "\\",
        "(",
        "$",
        "\n",
        " ",
        "{\"type\": \"feats.selector.Static\"",
        ", \"data\": {\"value\": \"a\"}}",
        "[\"a.UserId\"]",
        "99999999999999999999",
    ]);
    prop_oneof![prop::collection::vec(pieces, 0..8).prop_map(|parts| parts.concat()), any::<String>()]
}

fn entry() -> impl Strategy<Value = StreamEntry> {
    let name = prop_oneof![
        Just("version".to_owned()),
        Just("segmentation".to_owned()),
        Just("selector:0".to_owned()),
        Just("segment:null".to_owned()),
        text()
    ];
    (text(), prop::collection::vec((name, text()), 0..6)).prop_map(|(id, fields)| StreamEntry { id, fields })
}

fn value() -> impl Strategy<Value = RedisValue> {
    prop_oneof![
        4 => text().prop_map(RedisValue::Text),
        2 => prop::collection::vec(text(), 0..4).prop_map(RedisValue::Set),
        2 => prop::collection::vec(entry(), 0..3).prop_map(RedisValue::Stream),
        1 => Just(RedisValue::Other),
    ]
}

fn keys() -> impl Strategy<Value = Keys> {
    let prefix = prop::sample::select(vec![
        "h:",
        "h:users:",
        "rollout:",
        "feature:",
        "app:feature:",
        "features:user:",
        "token:",
        "global_features",
        "active_features",
        "",
    ]);
    let key = (prefix, text()).prop_map(|(prefix, rest)| format!("{prefix}{rest}"));
    prop::collection::vec((key, value()), 0..8).prop_map(|keys| keys.into_iter().collect())
}

/// The flags compile, and are those that are reported as imported.
fn check(imported: &Imported) {
    let target = imported.document.target(&Rows::default(), &Registry::global().unwrap(), false).unwrap();
    let flags = novi::Flags::from_rows(target.rows).unwrap();
    assert!(flags.issues().iter().all(|issue| issue.warning), "{:#?}", flags.issues());
    for name in imported.document.flags.keys() {
        let is_it = |outcome: &Outcome| !matches!(outcome, Outcome::NotMapped { .. });
        let mut items = imported.report.items.iter();
        assert!(items.any(|item| item.flag.as_ref() == Some(name) && is_it(&item.outcome)), "{name:?}");
    }
}

proptest! {
    #[test]
    fn any_keys_of_redis(keys in keys()) {
        let options = Options::default();
        check(&hanoi::read(&keys, &options));
        check(&rollout::read(&keys, &options));
        check(&features_service::read(&keys, &options));
        let (tokens, report) = features_service::read_tokens(&keys);
        prop_assert!(tokens.len() <= report.items.len());
        let history = feats::read(&keys, &options);
        check(&history.now);
        for past in &history.states {
            prop_assert_eq!(past.document.flags.len(), 1);
        }
    }

    #[test]
    fn any_text(text in text()) {
        let options = Options::default();
        for imported in [hanoi::read_dump(&text, &options), knora::read(&text, None)].into_iter().flatten() {
            check(&imported);
        }
    }

    #[test]
    fn any_toggle_of_knora(fields in prop::collection::vec((
        prop::sample::select(vec![
            "description", "available-versions", "default-version", "enabled-by-default", "override-allowed",
            "expiration-date", "developer-emails", "other",
        ]),
        prop::sample::select(vec!["[1]", "[1, 2]", "[]", "1", "2", "yes", "off", "x", "{}", "\"2027-01-01T00:00:00Z\"", "null"]),
    ), 0..9)) {
        let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let text = format!("app.feature-toggles.new-foo {{ {} }}", fields.join(", "));
        check(&knora::read(&text, None).unwrap());
    }

    #[test]
    fn any_expression_of_hanoi(pattern in "[\\\\()\\[\\]{}?*+.|^$a-z0-9<>&,-]{0,12}") {
        let dump = serde_json::json!({"functions": {"f": {"percentage": 0, "rule": pattern}}});
        check(&hanoi::read_dump(&dump.to_string(), &Options::default()).unwrap());
    }
}

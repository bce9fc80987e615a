//! `novi lint`.

use crate::{
    common::databases,
    support::{Folder, the_same},
};

/// A flag that is on, with this activation.
fn add(folder: &Folder, name: &str, class: &str, config: &str) {
    folder.run(&["flag", "create", name, "--on"]).expect(0);
    folder.run(&["activation", "create", &format!("of {name}"), class, config, "--link", name]).expect(0);
}

#[tokio::test]
async fn rows_without_effect_are_reported() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        add(&folder, "past", "novi.date_time", r#"{"endDateTime": "2020-01-01"}"#);
        add(&folder, "since", "novi.date_time", r#"{"startDateTime": "2020-01-01"}"#);
        add(&folder, "none", "novi.percentage", r#"{"percentage": 0}"#);
        add(&folder, "empty", "novi.members", r#"{"allow": []}"#);
        add(&folder, "age", "novi.attribute", r#"{"attribute": "age", "greater": 18, "less": 18}"#);
        add(
            &folder,
            "country",
            "novi.attribute",
            r#"{"attribute": "country", "equals": "DE", "in": ["AT", "CH"]}"#,
        );
        folder.run(&["flag", "create", "off"]).expect(0);
        add(&folder, "needs off", "novi.flag", r#"{"flag": "off"}"#);
        add(&folder, "needs past", "novi.flag", r#"{"flag": "past"}"#);
        add(
            &folder,
            "either",
            "novi.or",
            r#"[1, 2, {"class_name": "novi.attribute", "config": {"attribute": "a", "equals": 1}}]"#,
        );
        add(&folder, "both", "novi.and", r#"[8, {"class_name": "novi.not", "config": [8]}]"#);
        let rules = r#"{"rules": [{"when": 1, "on": true}, {"when": 2, "variant": "x"}, {"when": 3}], "fallthrough": "y"}"#;
        add(&folder, "rules", "novi.rules", rules);
        add(&folder, "weights", "novi.split", r#"{"variants": {"a": 50, "b": 49}}"#);
        folder
            .run(&[
                "flag",
                "set",
                "weights",
                "--variants",
                r#"{"a": 1, "b": 2, "c": 3, "d": 4}"#,
                "--off-variant",
                "d",
            ])
            .expect(0);
        let twice = r#"{"attribute": "a", "equals": 1}"#;
        add(&folder, "twice", "novi.attribute", twice);
        folder
            .run(&["activation", "create", "again", "novi.attribute", r#"{"equals": 1, "attribute": "a"}"#])
            .expect(0);
        folder.run(&["flag", "set", "twice", "--expires", "2020-01-01"]).expect(0);
        transcripts.push((database.kind, folder.transcript(&[&["lint"]])));
        folder.run(&["lint", "--deny"]).expect(1);
        let json = folder.run(&["lint", "--json"]).expect(0).json();
        assert!(json["findings"].as_array().unwrap().iter().all(|finding| finding["code"].is_string()));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn what_depends_on_callers_is_not_reported() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        // Callers without the key are out.
        add(&folder, "all", "novi.percentage", r#"{"percentage": 100}"#);
        add(&folder, "members", "novi.members", r#"{"allow": []}"#);
        folder.run(&["members", "add", "of members", "user-1"]).expect(0);
        add(&folder, "deny", "novi.members", r#"{"deny": []}"#);
        add(&folder, "future", "novi.date_time", r#"{"startDateTime": "2999-01-01"}"#);
        add(&folder, "weekly", "novi.schedule", r#"{"weekdays": ["mon"]}"#);
        // A list can have both.
        let two = r#"[{"class_name": "novi.attribute", "config": {"attribute": "a", "equals": 1}},
            {"class_name": "novi.attribute", "config": {"attribute": "a", "equals": 2}}]"#;
        add(&folder, "two", "novi.and", two);
        add(
            &folder,
            "folded",
            "novi.attribute",
            r#"{"attribute": "a", "equals": "X", "in": ["x"], "ignore_case": true}"#,
        );
        add(
            &folder,
            "between",
            "novi.attribute",
            r#"{"attribute": "a", "greater_or_equal": 1, "less_or_equal": 1.0}"#,
        );
        let variants = r#"{"expression": "plan == 'pro' ? 'a' : 'b'", "variants": ["a", "b"]}"#;
        add(&folder, "expression", "novi.expression", variants);
        folder.run(&["flag", "set", "expression", "--variants", r#"{"a": 1, "b": 2}"#]).expect(0);
        add(&folder, "thirds", "novi.split", r#"{"variants": {"a": 1, "b": 1, "c": 1}}"#);
        add(&folder, "needs", "novi.flag", r#"{"flag": "thirds"}"#);
        // Broken rows are for `novi check`.
        folder.pipe(&["seed", "-"], b"insert into flags (id, name, status) values (90, 'broken', true);
            insert into activations (id, name, class_name, config) values (90, 'broken', 'novi.percentage', '{}');
            insert into flags_activations (flag_id, activation_id) values (90, 90);").expect(0);
        let lint = folder.run(&["lint", "--deny"]).expect(0);
        assert_eq!(lint.out, "12 flags, 12 activations: no findings\n", "{:?}", database.kind);
    }
}

/// A metric is no condition: a flag that is linked to one would be off for everybody.
#[tokio::test]
async fn metrics_are_not_linked() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.run(&["flag", "create", "shop", "--on"]).expect(0);
        folder
            .run(&[
                "activation",
                "create",
                "revenue",
                "novi.metric",
                r#"{"kind": "mean", "sql": "select 1"}"#,
            ])
            .expect(0);
        let arguments = ["link", "shop", "revenue"];
        let refused = folder.run(&arguments).expect(5);
        let expected = "expected a condition, found activations#1 \"revenue\" of type novi.metric";
        assert!(refused.err.contains(expected), "{:?}: {refused:?}", database.kind);
        folder.run(&[&arguments[..], &["--dry-run"]].concat()).expect(5);
        let inside = folder.run(&["activation", "create", "both", "novi.not", "1"]).expect(5);
        assert!(inside.err.contains(expected) && inside.err.contains("config"), "{inside:?}");
        let found = folder.run(&["lint", "--json"]).expect(0).json();
        let has_code = |report: &serde_json::Value, code: &str| {
            report["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == code)
        };
        assert!(!has_code(&found, "metric_as_condition"), "{found}");
        // SQL can do it.
        folder
            .pipe(&["seed", "-"], b"insert into flags_activations (flag_id, activation_id) values (1, 1)")
            .expect(0);
        let found = folder.run(&["lint", "--json"]).expect(0).json();
        assert!(has_code(&found, "metric_as_condition"), "{found}");
        // What is wrong already does not keep others from being changed.
        folder.run(&["flag", "set", "shop", "--owner", "ann"]).expect(0);
        folder.run(&["unlink", "shop", "revenue"]).expect(0);
    }
}

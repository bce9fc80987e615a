//! The schema and explanations of `novi.attribute`, and values outside of JSON. The rest is in
//! `tests/spec/r04b-*.json`.

use chrono::{DateTime, Utc};
use novi::{
    Context, Flags, Value,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use serde_json::json;

use crate::common::rows::{one_flag, valid};

fn flag(config: &serde_json::Value) -> Flags {
    valid(one_flag("flag", "novi.attribute", config.to_string()))
}

fn met(config: &serde_json::Value, value: impl Into<Value<'static>>) -> bool {
    flag(config).is_enabled("flag", &Context::new().with("a", value))
}

#[test]
fn explanations_show_the_attribute_at_which_a_path_starts() {
    let inputs = |context: &Context<'_>| {
        let trace =
            flag(&json!({"attribute": "user.plan", "equals": "pro"})).explain("flag", context).unwrap();
        let inputs = trace.activations[0].inputs.iter();
        inputs.map(|input| (input.attribute.clone(), input.value.is_some())).collect::<Vec<_>>()
    };
    let nested = Context::from_json(r#"{"user": {"plan": "pro"}}"#).unwrap();
    assert_eq!(inputs(&nested), [("user".to_owned(), true)]);
    let (whole, first) = (("user.plan".to_owned(), false), ("user".to_owned(), false));
    assert_eq!(inputs(&Context::new()), [whole, first], "both are missing");
}

#[test]
fn explanations_say_what_was_expected() {
    let told = |config: serde_json::Value| {
        let trace = flag(&config).explain("flag", &Context::new().with("b", [1, 2])).unwrap();
        trace.activations[0].notes.join("; ")
    };
    let many: Vec<_> = (0..9).collect();
    let parts: Vec<_> = ["a", "b", "c"].repeat(3);
    for (config, expected) in [
        (json!({"attribute": "a", "equals": "x"}), r#"a: expected "x""#),
        (json!({"attribute": "a", "in": ["x", 1.5, true]}), r#"a: expected "x" or 1.5 or true"#),
        (json!({"attribute": "a", "in": []}), "a: expected a value of an empty list"),
        (json!({"attribute": "a", "not_in": many}), "a: expected anything but one of 9 values"),
        (
            json!({"attribute": "a.b", "contains": parts}),
            r#"a.b: expected a string that contains "a", "b", "c", "a", "b", "c", "a", "b" or 1 more"#,
        ),
        (
            json!({"attribute": "a", "starts_with": "X", "ends_with": ["y", "Z"], "ignore_case": true}),
            r#"a: expected a string that starts with "x", and a string that ends with "y" or "z""#,
        ),
        (json!({"attribute": "a", "regex": "^\\d"}), r#"a: expected a string that matches "^\\d""#),
        (
            json!({"attribute": "b", "greater": 2, "less": 2.5}),
            "b: expected a number less than 2.5, and a number greater than 2",
        ),
        (json!({"attribute": "a", "after": "2026-01-01"}), "a: expected a time after 2026-01-01T00:00:00Z"),
        (json!({"attribute": "a", "semver": ">=1.2, <2"}), "a: expected a version >=1.2, <2"),
        (json!({"attribute": "a", "in_cidr": "10.0.0.0/8"}), r#"a: expected an address in "10.0.0.0/8""#),
        (json!({"attribute": "a", "exists": true}), "a: expected any value"),
        (json!({"attribute": "b", "exists": false}), "b: expected no value"),
        (json!({"attribute": "b", "exists": true}), "b: expected any value"),
    ] {
        assert_eq!(told(config), expected);
    }
}

#[test]
fn values_outside_of_json_are_compared() {
    let instant = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let before = json!({"attribute": "a", "before": "2026-01-01"});
    assert!(met(&before, instant("2025-12-31T23:59:59Z")));
    assert!(!met(&before, instant("2026-01-01T00:00:00Z")));
    assert!(!met(
        &json!({"attribute": "a", "equals": "2026-01-01T00:00:00Z"}),
        instant("2026-01-01T00:00:00Z")
    ));
    assert!(!met(&json!({"attribute": "a", "not_equals": "x"}), instant("2026-01-01T00:00:00Z")));

    for operator in ["equals", "less", "less_or_equal", "greater", "greater_or_equal"] {
        assert!(!met(&json!({"attribute": "a", operator: 0}), f64::NAN), "{operator}");
    }
    assert!(met(&json!({"attribute": "a", "less": 0}), f64::NEG_INFINITY));
    assert!(met(&json!({"attribute": "a", "not_equals": 0}), f64::NAN));
    assert!(!met(&json!({"attribute": "a", "less": 0}), Value::BigInt("no digits".into())));
}

#[test]
fn nested_lists_are_searched_at_any_depth() {
    let nested = |depth| (0..depth).fold(Value::from("x"), |value, _| Value::List(vec![value]));
    let (equal, other) =
        (json!({"attribute": "a", "equals": "x"}), json!({"attribute": "a", "not_equals": "y"}));
    assert!(met(&equal, nested(100)) && met(&other, nested(100)));
    // A list that is not searched to its end does not count as lacking a value.
    assert!(!met(&equal, nested(500)) && !met(&other, nested(500)));
    let fields = (0..500).fold(Value::from("x"), |value, _| Value::Object(vec![("a".into(), value)]));
    let path = vec!["a"; 501].join(".");
    assert!(!met(&json!({"attribute": path, "exists": true}), fields));
}

#[test]
fn schema_describes_all_operators() {
    let registry = Registry::global().unwrap();
    let schema = registry.find("novi.attribute").unwrap().schema().to_value();
    assert_eq!(schema["required"], json!(["attribute"]));
    let fields = schema["properties"].as_object().unwrap();
    for (name, field) in fields {
        assert!(field["description"].is_string(), "{name}");
        assert!(field.get("type").is_some() || field.get("anyOf").is_some(), "{name}: {field}");
    }
    assert_eq!(fields.len(), 19);
    assert_eq!(schema.get("$defs"), None);
}

#[test]
fn versions_in_one_path_are_distinguished() {
    let row = |id, attribute: &str, wanted: &str| {
        let config = format!(r#"{{"attribute": "{attribute}", "semver": "{wanted}"}}"#);
        ActivationRow::new(id, format!("row {id}"), "novi.attribute", config)
    };
    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "flag", true)],
        activations: vec![row(1, "app", "=1.2.3"), row(2, "os", "=1.2"), row(3, "app", "<2")],
        links: (1..=3).map(|id| LinkRow::new(1, id)).collect(),
        ..Rows::default()
    })
    .unwrap();
    // The second string is a prefix of the first.
    let text = "1.2.3";
    assert!(flags.is_enabled("flag", &Context::new().with("app", text).with("os", &text[..3])));
    assert!(!flags.is_enabled("flag", &Context::new().with("app", text).with("os", text)));
}

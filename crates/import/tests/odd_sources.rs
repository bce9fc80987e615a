//! Sources with unusual or broken parts: what is imported of them, and what the report says.

#![allow(clippy::unwrap_used, reason = "tests")]

use novi::{Context, Flags, Value, activation::Registry, rows::Rows};
use novi_import::{
    ImportError, Imported, Options, TableSpec, Tables, django_waffle, flagd, flagsmith, growthbook, hanoi,
    launchdarkly, posthog, split, unleash,
};
use serde_json::{Value as Json, json};

fn import(read: fn(&str, &Options) -> Result<Imported, ImportError>, source: &Json) -> Imported {
    read(&source.to_string(), &Options::default()).unwrap()
}

fn flags(imported: &Imported) -> Flags {
    let target = imported.document.target(&Rows::default(), &Registry::global().unwrap(), false).unwrap();
    Flags::from_rows(target.rows).unwrap()
}

/// What a flag is for a caller with an attribute `x`.
fn is_on(flags: &Flags, flag: &str, x: &Json) -> bool {
    let context =
        Context::new().with("targetingKey", "user-1").with("x", Value::from(x.clone()).into_owned());
    flags.evaluate(flag, &context).unwrap().enabled()
}

/// The lines of the report.
fn lines(imported: &Imported) -> Vec<String> {
    let items = imported.report.items.iter();
    items.map(|item| format!("{}: {}", item.source, item.outcome)).collect()
}

#[test]
fn features_of_unleash_whose_strategies_are_all_disabled_are_off() {
    let feature = |name: &str, disabled: [bool; 2]| {
        let strategies =
            disabled.map(|disabled| json!({"name": "default", "parameters": {}, "disabled": disabled}));
        json!({"name": name, "enabled": true, "strategies": strategies})
    };
    let features = [feature("none", [true, true]), feature("one", [true, false])];
    let flags = flags(&import(unleash::read, &json!({"features": features})));
    assert!(!is_on(&flags, "none", &Json::Null));
    assert!(is_on(&flags, "one", &Json::Null));
}

/// They have the defaults of hanoi's `add_func`.
#[test]
fn fields_that_a_dump_of_hanoi_lacks_have_its_defaults() {
    let functions = json!({"all": {"enabled": true}, "none": {"enabled": false}, "zero": {"percentage": 0}});
    let imported = import(hanoi::read_dump, &json!({"functions": functions}));
    let flags = flags(&imported);
    let found = ["all", "none", "zero"].map(|name| is_on(&flags, name, &Json::Null));
    assert_eq!(found, [true, false, false]);
}

#[test]
fn launchdarkly_has_deleted_flags_and_flags_of_one_value() {
    let on =
        json!({"on": true, "variations": [true, false], "fallthrough": {"variation": 0}, "offVariation": 1});
    let mut deleted = on.clone();
    deleted["deleted"] = true.into();
    let mut dependent = on.clone();
    dependent["prerequisites"] = json!([{"key": "gone", "variation": 0}]);
    let values =
        json!({"yes": true, "no": false, "color": "red", "on": true, "size": {"_id": 1, "value": 2}});
    let source = json!({"flags": {"on": on, "gone": deleted, "dependent": dependent}, "flagValues": values});
    let imported = import(launchdarkly::read, &source);
    assert_eq!(
        lines(&imported),
        [
            "flagValues.on: not mapped: `flags` has a flag with this name",
            "flagValues.color: mapped",
            "flags.dependent: mapped",
            "flags.gone: not mapped: it is deleted in LaunchDarkly",
            "flagValues.no: mapped",
            "flags.on: mapped",
            "flagValues.size: mapped",
            "flagValues.yes: mapped",
        ]
    );
    let flags = flags(&imported);
    let found = ["yes", "no", "on", "dependent"].map(|name| is_on(&flags, name, &Json::Null));
    assert_eq!(found, [true, false, true, false]);
    let value = |name: &str| flags.evaluate(name, &Context::new()).unwrap().value().cloned();
    assert_eq!(value("color"), Some(json!("red")));
    assert_eq!(value("size"), Some(json!({"_id": 1, "value": 2})));
    let alone = import(launchdarkly::read, &json!({"flagValues": {"yes": true}}));
    assert_eq!(lines(&alone), ["flagValues.yes: mapped"]);
}

#[test]
fn prerequisites_in_a_cycle_are_named() {
    let flag = |parent: &str| {
        json!({"on": true, "variations": [true, false], "fallthrough": {"variation": 0}, "offVariation": 1,
            "prerequisites": [{"key": parent, "variation": 0}]})
    };
    let all =
        json!({"first": flag("second"), "second": flag("first"), "own": flag("own"), "behind": flag("own")});
    let imported = import(launchdarkly::read, &json!({"flags": all}));
    assert_eq!(
        lines(&imported),
        [
            "flags.behind: not mapped: it depends on flags that form a cycle: own -> own",
            "flags.first: not mapped: it depends on flags that form a cycle: first -> second -> first",
            "flags.own: not mapped: it depends on flags that form a cycle: own -> own",
            "flags.second: not mapped: it depends on flags that form a cycle: second -> first -> second",
        ]
    );
}

#[test]
fn long_cycles_are_cut() {
    let flag = |parent: usize| {
        json!({"on": true, "variations": [true, false], "fallthrough": {"variation": 0}, "offVariation": 1,
            "prerequisites": [{"key": format!("f{parent:04}"), "variation": 0}]})
    };
    let all: serde_json::Map<String, Json> =
        (0..1000).map(|number| (format!("f{number:04}"), flag((number + 1) % 1000))).collect();
    let imported = import(launchdarkly::read, &json!({"flags": all}));
    let first = &lines(&imported)[0];
    assert!(
        first.ends_with(
            "f0000 -> f0001 -> f0002 -> f0003 -> f0004 -> f0005 -> f0006 -> f0007 -> f0008 -> ..."
        ),
        "{first}"
    );
    assert_eq!(imported.report.counts(), [0, 0, 1000, 0]);
}

#[test]
fn disabled_flags_of_flagd_leave_the_value_to_the_program() {
    let flag = json!({"state": "DISABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"});
    let imported = import(flagd::read, &json!({"flags": {"old": flag}}));
    let expected = "flags.old: approximated: flagd leaves the value of a disabled flag to the program; here, the flag is off";
    assert_eq!(lines(&imported), [expected]);
}

/// As the package json-logic-js answers.
#[test]
fn flagd_takes_values_for_true_as_json_logic_does() {
    let rule = |rule: Json| {
        json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
            "targeting": {"if": [rule, "on", "off"]}})
    };
    let all =
        json!({"is": rule(json!({"!!": [{"var": "x"}]})), "is not": rule(json!({"!": [{"var": "x"}]}))});
    let imported = import(flagd::read, &json!({"flags": all}));
    assert_eq!(lines(&imported), ["flags.is: mapped", "flags.is not: mapped"]);
    let flags = flags(&imported);
    let falsy = [json!(null), json!(false), json!(0), json!(0.0), json!(""), json!([])];
    let truthy = [
        json!(true),
        json!(1),
        json!(-0.5),
        json!("0"),
        json!(" "),
        json!([0]),
        json!([""]),
        json!({}),
        json!({"a": 1}),
    ];
    for (values, expected) in [(&falsy[..], false), (&truthy[..], true)] {
        for value in values {
            assert_eq!(is_on(&flags, "is", value), expected, "{value}");
            assert_eq!(is_on(&flags, "is not", value), !expected, "{value}");
        }
    }
    assert!(!flags.evaluate("is", &Context::new()).unwrap().enabled());
    assert!(flags.evaluate("is not", &Context::new()).unwrap().enabled());
}

#[test]
fn flags_of_a_wrong_type_are_not_mapped() {
    let wrong = json!({"a": 3});
    let named = |name: &str, field: &str| json!({name: "a", field: "true"});
    let launchdarkly = |flags: Json| import(launchdarkly::read, &json!({"flags": flags}));
    let cases = [
        (import(flagd::read, &json!({"flags": wrong})), "state: expected \"ENABLED\" or \"DISABLED\""),
        (launchdarkly(wrong.clone()), "expected an object, found 3"),
        (launchdarkly(json!({"a": {"on": "true"}})), "on: expected true or false, found \"true\""),
        (import(growthbook::read, &json!({"features": wrong})), "expected an object, found 3"),
        (
            import(posthog::read, &json!({"flags": [named("key", "active")]})),
            "active: expected true or false, found \"true\"",
        ),
        (
            import(unleash::read, &json!({"features": [named("name", "enabled")]})),
            "enabled: expected true or false, found \"true\"",
        ),
        (
            import(split::read, &json!({"ff": {"d": [named("name", "killed")]}})),
            "killed: expected true or false, found \"true\"",
        ),
        (
            import(split::read, &json!({"ff": {"d": [{"name": "a", "status": 3}]}})),
            "status: expected a string, found 3",
        ),
        (
            import(
                flagsmith::read,
                &json!({"feature_states": [{"feature": {"name": "a"}, "enabled": "true"}]}),
            ),
            "enabled: expected true or false, found \"true\"",
        ),
    ];
    for (imported, why) in cases {
        assert!(imported.document.flags.is_empty(), "{why}");
        let [line] = lines(&imported).try_into().unwrap();
        assert!(line.ends_with(&format!("a: not mapped: {why}")), "{line}");
    }
}

#[test]
fn groups_of_waffle_without_a_row_are_reported() {
    let mut tables = Tables::default();
    let mut insert = |name: &str, row: &[(&str, &str)]| {
        let spec: &TableSpec = django_waffle::TABLES.iter().find(|spec| spec.name == name).unwrap();
        let value = |column: &&str| {
            let found = row.iter().find(|(name, _)| name == column);
            found.map(|(_, value)| (*value).to_owned())
        };
        tables.insert(spec, vec![spec.columns.iter().map(value).collect()]);
    };
    insert("waffle_flag", &[("id", "1"), ("name", "beta")]);
    insert("waffle_flag_groups", &[("id", "1"), ("flag_id", "1"), ("group_id", "99")]);
    insert("auth_group", &[("id", "3"), ("name", "editors")]);
    let imported = django_waffle::read_tables(&tables, &Options::default());
    let expected = "waffle_flag#1: approximated: the group 99 has no row in auth_group, and is left out";
    assert_eq!(lines(&imported), [expected]);
    let context = Context::new().with("groups", vec!["99".to_owned(), "editors".to_owned()]);
    assert!(!flags(&imported).evaluate("beta", &context).unwrap().enabled());
}

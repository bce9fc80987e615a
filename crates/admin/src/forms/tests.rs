//! A form that nobody changes saves the same config, whatever it is.

use novi::activation::Registry;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::forms::{
    draft::{CONFIG, Draft},
    fields::{Fields, ROOT},
    fill::fill,
    json,
    read::Read,
    shape::{Hint, Kinds, Shape},
    types::Types,
};

fn words() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "",
        " ",
        "DE",
        "7",
        "true",
        "null",
        "a,b",
        "a\nb",
        "\"q\"",
        "[1]",
        "user.country",
        "ünï 🦀",
        "~/@",
        "x@n",
        "2026-12-01",
        "2026-12-01T09:00:00Z",
        "2026-12-01T09:00:30+02:00",
        "2026-12-01T09:00",
        "11/26/2023 12:00 AM",
        "\u{0}",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), "[a-z]{1,8}"]
}

fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1000..1000_i64).prop_map(Value::from),
        (0.0..100.0_f64).prop_map(Value::from),
        words().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let object =
            vec((words(), inner.clone()), 0..3).prop_map(|all| Value::Object(all.into_iter().collect()));
        prop_oneof![vec(inner, 0..3).prop_map(Value::from), object]
    })
    .boxed()
}

/// Values of a shape, and sometimes of none.
fn values(shape: &Shape, depth: usize) -> BoxedStrategy<Value> {
    let of_shape = match shape {
        Shape::Text(_) | Shape::Literal(Kinds::Strings) => words().prop_map(Value::from).boxed(),
        Shape::Number(number) if number.is_whole => (0..100_000_i64).prop_map(Value::from).boxed(),
        Shape::Number(_) => (0.0..100.0_f64).prop_map(Value::from).boxed(),
        Shape::Truth(_) => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Choice { names, .. } if names.iter().any(|name| name == "true") => {
            any::<bool>().prop_map(Value::from).boxed()
        }
        Shape::Choice { names, .. } => select(names.clone()).prop_map(Value::from).boxed(),
        Shape::Literal(_) | Shape::Json => anything(),
        Shape::Lines { kinds, .. } => {
            let item =
                if *kinds == Kinds::Strings { words().prop_map(Value::from).boxed() } else { anything() };
            prop_oneof![vec(item.clone(), 0..4).prop_map(Value::from), item].boxed()
        }
        Shape::Map(value) => vec((words(), values(value, depth + 1)), 0..4)
            .prop_map(|all| Value::Object(all.into_iter().collect()))
            .boxed(),
        Shape::Group(members) => {
            let mut object = Just(Map::new()).boxed();
            for member in members.clone() {
                let (value, name) = (values(&member.shape, depth + 1), member.name.clone());
                let is_there = if member.is_required { 0.95 } else { 0.3 };
                object = (object, proptest::option::weighted(is_there, value))
                    .prop_map(move |(mut object, value)| {
                        object.extend(value.map(|value| (name.clone(), value)));
                        object
                    })
                    .boxed();
            }
            let unknown = proptest::option::weighted(0.1, ("[x-z]{2}", anything()));
            (object, unknown)
                .prop_map(|(mut object, unknown)| {
                    object.extend(unknown);
                    Value::Object(object)
                })
                .boxed()
        }
        Shape::OneOf(members) => {
            let object = |member: &crate::forms::shape::Member| {
                let name = member.name.clone();
                values(&member.shape, depth + 1).prop_map(move |value| json!({name.as_str(): value})).boxed()
            };
            let objects: Vec<_> = members.iter().map(object).collect();
            let scalar = prop_oneof![
                words().prop_map(Value::from),
                any::<bool>().prop_map(Value::from),
                (1..50_i64).prop_map(Value::from)
            ];
            prop_oneof![proptest::strategy::Union::new(objects), scalar].boxed()
        }
        Shape::List(item) => vec(values(item, depth + 1), 0..4).prop_map(Value::from).boxed(),
        Shape::Child if depth > 3 => (1..50_i64).prop_map(Value::from).boxed(),
        Shape::Child => {
            let configs: Vec<_> = ["novi.percentage", "novi.attribute", "novi.or", "unknown"].into();
            let inline = select(configs).prop_flat_map(move |class| {
                let registry = Registry::global().expect("types");
                let shape = Types::new(&registry).shape(class);
                let config = shape.map_or_else(anything, |shape| values(&shape, depth + 2));
                config.prop_map(move |config| json!({"class_name": class, "config": config}))
            });
            prop_oneof![(1..50_i64).prop_map(Value::from), inline].boxed()
        }
        Shape::Either(branches) => {
            let branches: Vec<_> = branches.iter().map(|branch| values(branch, depth + 1)).collect();
            proptest::strategy::Union::new(branches).boxed()
        }
    };
    prop_oneof![30 => of_shape, 1 => anything()].boxed()
}

/// A config without what is the same: null, empty and missing; a value and a list of one.
fn normal(value: &Value) -> Value {
    match value {
        // A row of a list that is left empty is not saved.
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(normal).filter(|item| !item.is_null()).collect();
            if items.len() > 1 { items.into() } else { items.pop().unwrap_or_default() }
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), normal(value)));
            let members: Map<String, Value> = members.filter(|(_, value)| !value.is_null()).collect();
            // A result may be a scalar.
            let mut alone = members.iter().filter(|(name, _)| members.len() == 1 && is_result(name));
            match alone.next() {
                Some((_, value)) => value.clone(),
                None if members.is_empty() => Value::Null,
                None => Value::Object(members),
            }
        }
        Value::Bool(false) => Value::Null,
        Value::String(text) if text.trim().is_empty() => Value::Null,
        // Without a time zone, it is written as UTC.
        Value::String(text) if text == "2026-12-01T09:00" => "2026-12-01T09:00:00Z".into(),
        Value::String(text) => text.trim().into(),
        value => value.clone(),
    }
}

fn is_result(name: &str) -> bool {
    matches!(name, "variant" | "then" | "on")
}

/// The config that a form has after these fields were typed.
fn typed(class: &str, base: &str, fields: &[(&str, &str)]) -> Result<String, Vec<(String, String)>> {
    let registry = Registry::global().unwrap();
    let types = Types::new(&registry);
    let shape = types.shape(class).unwrap();
    let mut all = fill(&types, &shape, ROOT, Some(base), 0).all();
    for (name, value) in fields {
        all.retain(|(known, _)| known != name);
        all.push(((*name).to_owned(), (*value).to_owned()));
    }
    let read = Read::form(&types, &shape, &Fields::sent(&all), Some(base));
    if read.problems.is_empty() { Ok(read.config.unwrap_or_default()) } else { Err(read.problems) }
}

#[test]
fn results_are_on_off_a_variant_or_an_activation() {
    let base = r#"{"by": "country", "cases": {"CA": "premium", "US": {"variant": "acme"}}, "fallback": 7}"#;
    for (fields, expected) in [
        (&[("c/cases/is/0/variant", "basic")][..], base.replace("premium", "basic")),
        (&[("c/cases/is/0@kind", "true")], base.replace("\"premium\"", "true")),
        (&[("c/cases/is/0@kind", "")], base.to_owned()),
        (&[("c/cases/is/1@kind", "false")], base.replace("\"variant\": \"acme\"", "\"on\": false")),
        (&[("c/fallback/then", "8")], base.replace('7', "8")),
        (&[("c/fallback@kind", ""), ("c/fallback/then", "")], base.replace(", \"fallback\": 7", "")),
        (&[("c/fallback@kind", "variant"), ("c/fallback/variant", "x")], base.replace('7', "\"x\"")),
        (
            &[
                ("c/fallback@kind", "split"),
                ("c/fallback/split/variants@n", "1"),
                ("c/fallback/split/variants/0@key", "a"),
                ("c/fallback/split/variants/0", "1"),
            ],
            base.replace('7', r#"{"split": {"variants": {"a": 1}}}"#),
        ),
    ] {
        assert_eq!(typed("novi.switch", base, fields).as_deref(), Ok(&*expected), "{fields:?}");
    }
    let problem = |field: &str, message: &str| Err(vec![(field.to_owned(), message.to_owned())]);
    assert_eq!(
        typed("novi.switch", base, &[("c/cases/is/0/variant", "")]),
        problem("c/cases/is/0/variant", "a value is required")
    );
    assert_eq!(
        typed("novi.switch", base, &[("c/fallback/then", "x")]),
        problem("c/fallback/then", "expected the id of an activation, found \"x\"")
    );
}

#[test]
fn results_of_rules_and_cases_have_fields_of_their_own() {
    let registry = Registry::global().unwrap();
    let types = Types::new(&registry);
    for (class, config, field) in [
        ("novi.rules", r#"{"rules": [], "fallthrough": {"variant": "old"}}"#, "c/fallthrough/variant"),
        (
            "novi.switch",
            r#"{"by": "a", "cases": [{"values": [1], "gives": "x"}]}"#,
            "c/cases/is/0/gives/variant",
        ),
        ("novi.switch", r#"{"by": "a", "cases": {}, "fallback": {"then": 7}}"#, "c/fallback/then"),
    ] {
        let shape = types.shape(class).unwrap();
        let fields = fill(&types, &shape, ROOT, Some(config), 0);
        assert!(fields.has(field), "{class}: {fields:?}");
        let read = Read::form(&types, &shape, &fields, Some(config));
        let pointer = field.trim_start_matches('c').replace("/is", "");
        assert_eq!(read.field_of(&pointer), field);
        // A scalar has no place inside of it.
        let (whole, _) = pointer.rsplit_once('/').unwrap();
        assert_eq!(read.field_of(whole), field);
    }
}

#[test]
fn every_type_has_a_form() {
    let registry = Registry::global().unwrap();
    let types = Types::new(&registry);
    for class in types.classes() {
        assert_ne!(*types.shape(class).unwrap(), Shape::Json, "{class}");
    }
    let Some(Shape::Group(members)) = types.shape("novi.date_time").map(|shape| (*shape).clone()) else {
        panic!("no group");
    };
    let shapes: Vec<_> = members.iter().map(|member| (member.name.as_str(), &member.shape)).collect();
    assert_eq!(shapes[0], ("startDateTime", &Shape::Text(Hint::ZonedTime)));
    assert_eq!(shapes[1], ("endDateTime", &Shape::Text(Hint::ZonedTime)));
}

/// Schemas sort properties by their names, which puts guardrails before the metrics that decide.
#[test]
fn parts_of_an_experiment_are_in_the_order_of_their_meaning() {
    let registry = Registry::global().unwrap();
    let types = Types::new(&registry);
    let Shape::Group(members) = (*types.shape("novi.experiment").unwrap()).clone() else {
        panic!("no group")
    };
    for (member, expected) in [
        ("metrics", &["primary", "guardrails"][..]),
        ("layer", &["name", "from", "to"]),
        ("holdout", &["name", "percentage"]),
        ("decision", &["variant", "off", "reason", "at"]),
    ] {
        let member = members.iter().find(|found| found.name == member).unwrap();
        let Shape::Group(parts) = &member.shape else { panic!("{member:?}") };
        let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, expected, "{}", member.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn unchanged_forms_change_nothing(
        (class, config) in select(Registry::global().expect("types").iter().map(|kind| kind.class().to_owned()).collect::<Vec<_>>())
            .prop_flat_map(|class| {
                let registry = Registry::global().expect("types");
                let shape = Types::new(&registry).shape(&class).expect("a shape");
                (Just(class), values(&shape, 0))
            })
            .no_shrink()
    ) {
        let registry = Registry::global().expect("types");
        let types = Types::new(&registry);
        let shape = types.shape(&class).expect("a shape");
        for text in [config.to_string(), json::pretty(&config.to_string())] {
            // As a browser sends it.
            let draft = Draft::of(CONFIG, &types, &class, &text);
            let saved = draft.config(&types).unwrap_or_else(|problems| panic!("{class} {text}: {problems:?}"));
            prop_assert_eq!(json::stored(&saved, &text), text.clone(), "{}", class);
            let fields = fill(&types, &shape, ROOT, Some(&text), 0);
            let fields: Vec<_> = fields.all().into_iter().map(|(name, value)| (name, value.replace('\n', "\r\n"))).collect();
            let read = Read::form(&types, &shape, &Fields::sent(&fields), Some(&text));
            prop_assert_eq!(read.config.as_deref().unwrap_or("null"), text.as_str(), "{}", class);
            // Without the base, all is read from the inputs.
            let read = Read::form(&types, &shape, &Fields::sent(&fields), None);
            if read.problems.is_empty() {
                let found: Value = serde_json::from_str(read.config.as_deref().unwrap_or("null")).expect("JSON");
                prop_assert_eq!(normal(&found), normal(&config), "{}: {:?}", class, fields);
            }
        }
    }

    #[test]
    fn any_fields_are_read_without_a_panic(
        class in select(vec!["novi.and", "novi.rules", "novi.split", "novi.ramp", "novi.attribute"]),
        fields in vec(("c(/(variants|rules|steps|is|when|0|1|by)){0,4}(@(is|n|b|date|rest|key|class))?", words()), 0..12),
        action in "(add|remove|up|down|set|clear) c(/(variants|rules|steps|is|0|1)){0,3}",
        base in anything(),
    ) {
        let registry = Registry::global().expect("types");
        let types = Types::new(&registry);
        let mut all = fields;
        all.push(("drawn".to_owned(), class.to_owned()));
        all.push(("config".to_owned(), base.to_string()));
        let draft = Draft::sent(CONFIG, &all, class);
        let _ = draft.config(&types);
        let (next, _) = draft.step(&types, &action, class);
        let _ = next.config(&types);
    }
}

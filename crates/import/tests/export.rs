//! Flags that go out and come back are evaluated alike, if the report says that they are mapped.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use novi::{
    Context, Flags,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_import::{ImportError, Imported, Options, Outcome, export, flagd, unleash};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A system that flags can go to and come back from.
struct System {
    write: fn(&novi::snapshot::Snapshot, &Registry) -> export::Exported,
    read: fn(&str, &Options) -> Result<Imported, ImportError>,
}

const FLAGD: System = System { write: export::flagd::write, read: flagd::read };

const UNLEASH: System = System { write: to_unleash, read: unleash::read };

fn to_unleash(snapshot: &novi::snapshot::Snapshot, registry: &Registry) -> export::Exported {
    export::unleash::write(snapshot, registry, "production")
}

fn flags_of(rows: Rows) -> Flags {
    Flags::builder().registry(Registry::global().unwrap()).keep_rows().from_rows(rows).unwrap()
}

/// Writes and reads flags, and compares those that are mapped. Returns how many decisions were compared.
fn compare(system: &System, rows: Rows, contexts: &[Context<'static>]) -> usize {
    let registry = Registry::global().unwrap();
    let mut rows = rows;
    // Of an export in which every feature is on, the reader believes none.
    rows.flags.push(FlagRow::new(1_000_000, "nobody", false));
    let flags = flags_of(rows);
    let exported = (system.write)(&flags.snapshot(), &registry);
    let text = exported.document.to_json();
    let imported = (system.read)(&text, &Options::default()).unwrap();
    let back = flags_of(imported.document.target(&Rows::default(), &registry, false).unwrap().rows);
    let mut compared = 0;
    for item in exported.report.items.iter().filter(|item| item.outcome == Outcome::Mapped) {
        let name = item.flag.as_deref().unwrap();
        let returned = imported.report.items.iter().find(|found| found.flag.as_deref() == Some(name));
        let returned = returned.map(|item| item.outcome.to_string());
        assert!(imported.document.flags.contains_key(name), "{name}: {returned:?}\n{text}");
        for context in contexts {
            // The reader does not keep the name of a single variant without a value.
            let has_names = imported.document.flags[name].variants.is_some();
            let (mut before, after) = (answer(&flags, name, context), answer(&back, name, context));
            before.1 = before.1.filter(|_| has_names || after.1.is_some());
            assert_eq!(
                after,
                before,
                "{name}: {context:?}\n{}\n{text}\n{}",
                flags.explain(name, context).unwrap(),
                back.explain(name, context).unwrap()
            );
            compared += 1;
        }
    }
    compared
}

/// Whether a flag is on, and its variant: those that systems without a state need are none of novi's.
fn answer(flags: &Flags, name: &str, context: &Context<'_>) -> (bool, Option<String>) {
    let decision = flags.evaluate(name, context).unwrap();
    // A boolean of another system becomes a flag that is off where it is false.
    if decision.value() == Some(&Json::Bool(false)) {
        return (false, None);
    }
    let variant = decision.variant().filter(|name| !matches!(*name, "on" | "off"));
    (decision.enabled(), variant.map(str::to_owned))
}

/// The flags and the callers of the vectors.
fn suites() -> Vec<(Rows, Vec<Context<'static>>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/spec");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: Json = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for suite in file["suites"].as_array().unwrap() {
            let suite = &with_plain_names(suite);
            let list = |field: &str| suite[field].as_array().cloned().unwrap_or_default();
            let text = |value: &Json| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (!value.is_null()).then_some(text)
            };
            let mut rows = Rows::default();
            for flag in list("flags") {
                let status = flag["status"].as_bool().unwrap_or(true);
                let mut row =
                    FlagRow::new(flag["id"].as_i64().unwrap(), flag["name"].as_str().unwrap(), status);
                row.metadata.variants = text(&flag["variants"]);
                row.metadata.value_type =
                    flag.get("value_type").and_then(|name| serde_json::from_value(name.clone()).ok());
                row.metadata.default_variant = text(&flag["default_variant"]);
                row.metadata.off_variant = text(&flag["off_variant"]);
                rows.flags.push(row);
            }
            for row in list("activations") {
                let id = row["id"].as_i64().unwrap();
                let class = row["class_name"].as_str().unwrap();
                let config = text(&row["config"]).unwrap_or_default();
                rows.activations.push(ActivationRow::new(id, format!("activation {id}"), class, config));
            }
            for link in list("links") {
                rows.links.push(LinkRow::new(link[0].as_i64().unwrap(), link[1].as_i64().unwrap()));
            }
            let contexts = list("cases")
                .iter()
                .filter_map(|case| Context::from_json(&case["context"].to_string()).ok())
                .collect();
            found.push((rows, contexts));
        }
    }
    found
}

/// A suite whose flags have names that all systems can have.
fn with_plain_names(suite: &Json) -> Json {
    let mut text = suite.to_string();
    for flag in suite["flags"].as_array().unwrap() {
        let name = flag["name"].as_str().unwrap();
        if name.len() > 1 && name.contains(' ') {
            let plain: String = name
                .chars()
                .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
                .collect();
            text = text.replace(&Json::from(name).to_string(), &Json::from(plain).to_string());
        }
    }
    serde_json::from_str(&text).unwrap()
}

/// A caller of Unleash, whose key is `userId`, and whose attributes are strings.
fn of_unleash(context: &Context<'static>) -> Context<'static> {
    let mut caller = serde_json::to_value(context).unwrap();
    let fields = caller.as_object_mut().unwrap();
    fields.remove("userId");
    if let Some(key) = fields.get("targetingKey").cloned() {
        fields.insert("userId".to_owned(), key);
    }
    for (_, value) in fields.iter_mut().filter(|(_, value)| value.is_number() || value.is_boolean()) {
        *value = value.to_string().into();
    }
    Context::from_json(&caller.to_string()).unwrap()
}

/// Whether other systems can have a caller. novi alone compares lists item by item, has keys that are numbers,
/// names with dots, and times in other formats.
fn is_common(context: &Context<'_>) -> bool {
    let caller = serde_json::to_value(context).unwrap();
    let has_dots = caller.as_object().unwrap().keys().any(|name| name.contains('.'));
    let key = caller.get("targetingKey").is_none_or(Json::is_string);
    let time = caller.get("currentDateTime").is_none_or(|time| {
        time.as_str().is_some_and(|time| chrono::DateTime::parse_from_rfc3339(time).is_ok())
    });
    key && time && !has_dots && !caller.to_string().contains('[')
}

fn compare_vectors(system: &System, is_unleash: bool, at_least: usize) {
    let mut compared = 0;
    for (rows, contexts) in suites() {
        let contexts: Vec<_> = contexts.into_iter().filter(is_common).collect();
        let of_unleash: Vec<_> = contexts.iter().map(of_unleash).collect();
        compared += compare(system, rows, if is_unleash { &of_unleash } else { &contexts });
    }
    assert!(compared >= at_least, "only {compared} decisions were compared");
}

#[test]
fn vectors_through_flagd() {
    compare_vectors(&FLAGD, false, 1_000);
}

#[test]
fn vectors_through_unleash() {
    compare_vectors(&UNLEASH, true, 500);
}

const ATTRIBUTES: [&str; 6] = ["plan", "age", "staff", "version", "targetingKey", "userId"];

fn condition() -> impl Strategy<Value = Json> {
    let attribute = prop::sample::select(ATTRIBUTES.to_vec());
    let scalar = prop_oneof![
        prop::sample::select(vec!["pro", "free", "1.2.3", "u1", "7", ""]).prop_map(Json::from),
        prop::sample::select(vec![0, 1, 7, 18]).prop_map(Json::from),
        any::<bool>().prop_map(Json::from),
    ];
    let text = prop::sample::select(vec!["pro", "p", "1.", "u", ""]).prop_map(Json::from);
    let number = prop::sample::select(vec![json!(-1), json!(0), json!(0.5), json!(7), json!(18)]);
    let range =
        prop::sample::select(vec!["1.2.3", ">=1.2", "<2.0.0", "~1.2", "^0.3", "^1.2.3", ">1.2.3, <3"])
            .prop_map(Json::from);
    let list = prop::collection::vec(scalar.clone(), 1..4).prop_map(Json::from);
    let operation = prop_oneof![
        (prop::sample::select(vec!["equals", "not_equals"]), scalar),
        (prop::sample::select(vec!["in", "not_in"]), list),
        (prop::sample::select(vec!["contains", "starts_with", "ends_with"]), text),
        (prop::sample::select(vec!["less", "less_or_equal", "greater", "greater_or_equal"]), number),
        (Just("semver"), range),
        (Just("exists"), any::<bool>().prop_map(Json::from)),
    ];
    (attribute, operation).prop_map(|(attribute, (operator, operand))| {
        json!({"class_name": "novi.attribute", "config": {"attribute": attribute, operator: operand}})
    })
}

fn leaf() -> impl Strategy<Value = Json> {
    let by = prop::sample::select(vec!["targetingKey", "userId", "plan"]);
    let hash = prop::sample::select(vec!["flagd", "unleash", "murmur3"]);
    let salted = (by, hash, prop::option::of(prop::sample::select(vec!["salt", "other"])));
    let draw = |class: &'static str, config: Json, (by, hash, salt): (&str, &str, Option<&str>)| {
        let mut config = config;
        config["by"] = by.into();
        config["hash"] = hash.into();
        if let Some(salt) = salt {
            config["salt"] = salt.into();
        }
        json!({"class_name": class, "config": config})
    };
    let members = prop::collection::vec(prop::sample::select(vec!["u1", "u2", "7", "pro"]), 0..3);
    let variant = prop::sample::select(vec!["red", "blue"]);
    prop_oneof![
        6 => condition(),
        2 => (0_u32..=100, salted.clone())
            .prop_map(move |(share, salted)| draw("novi.percentage", json!({"percentage": share}), salted)),
        1 => (0_u32..50, 50_u32..100, salted.clone()).prop_map(move |(start, end, salted)| {
            draw("novi.bucket", json!({"ranges": [[start, end]], "total": 100}), salted)
        }),
        1 => (0_u32..5, 1_u32..5, salted).prop_map(move |(red, blue, salted)| {
            draw("novi.split", json!({"variants": {"red": red, "blue": blue}}), salted)
        }),
        1 => variant.prop_map(|name| json!({"class_name": "novi.static", "config": {"variant": name}})),
        1 => (members.clone(), prop::option::of(members)).prop_map(|(allow, deny)| {
            json!({"class_name": "novi.members", "config": {"allow": allow, "deny": deny.unwrap_or_default()}})
        }),
        1 => (0_i64..4).prop_map(|day| {
            let start = format!("2026-11-{:02}", 20 + day);
            json!({"class_name": "novi.date_time", "config": {"startDateTime": start, "endDateTime": "2026-11-23"}})
        }),
        1 => Just(json!({"class_name": "novi.flag", "config": {"flag": "parent"}})),
        1 => Just(json!({"$id": 1})),
    ]
}

fn activation() -> impl Strategy<Value = Json> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..3);
        let result = prop_oneof![
            Just(json!({"on": true})),
            Just(json!({"on": false})),
            Just(json!({"variant": "red"})),
            Just(json!({})),
            inner.clone().prop_map(|then| json!({"then": then})),
        ];
        let rule = (inner.clone(), result.clone()).prop_map(|(when, mut rule)| {
            rule["when"] = when;
            rule
        });
        prop_oneof![
            (prop::sample::select(vec!["novi.and", "novi.or"]), list.clone())
                .prop_map(|(class, list)| json!({"class_name": class, "config": list})),
            inner.clone().prop_map(|inner| json!({"class_name": "novi.not", "config": [inner]})),
            list.prop_map(|list| {
                let count = list.len().min(2);
                json!({"class_name": "novi.at_least", "config": {"count": count, "activations": list}})
            }),
            (prop::collection::vec(rule, 0..3), prop::option::of(result)).prop_map(|(rules, fallthrough)| {
                let fallthrough = fallthrough.filter(|result| *result != json!({}));
                json!({"class_name": "novi.rules", "config": {"rules": rules, "fallthrough": fallthrough}})
            }),
            inner.prop_map(|inner| {
                let cases = json!({"pro": "red", "7": true, "*": {"then": inner}});
                json!({"class_name": "novi.switch", "config": {"by": "plan", "cases": cases, "fallback": false}})
            }),
        ]
    })
}

/// References to the shared activation, which are ids.
fn with_ids(value: &Json) -> Json {
    match value {
        Json::Array(items) => items.iter().map(with_ids).collect(),
        Json::Object(fields) => match fields.get("$id") {
            Some(id) => id.clone(),
            None => fields
                .iter()
                .map(|(name, value)| (name.clone(), with_ids(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        },
        other => other.clone(),
    }
}

fn rows() -> impl Strategy<Value = Rows> {
    let own = prop::collection::vec(prop::collection::vec(activation(), 0..3), 1..4);
    let default = prop::option::of(Just("blue".to_owned()));
    (condition(), condition(), own, default, any::<bool>()).prop_map(
        |(shared, parent, own, default, has_values)| {
            let mut rows = Rows::default();
            let mut add = |id: i64, activation: &Json| {
                let class = activation["class_name"].as_str().unwrap();
                let config = with_ids(&activation["config"]).to_string();
                rows.activations.push(ActivationRow::new(id, format!("activation {id}"), class, config));
            };
            add(1, &shared);
            add(2, &parent);
            let mut id = 2;
            let mut links = vec![LinkRow::new(1, 2)];
            for (flag, list) in (2..).zip(&own) {
                for activation in list {
                    if activation.get("$id").is_some() {
                        links.push(LinkRow::new(flag, 1));
                    } else {
                        id += 1;
                        add(id, activation);
                        links.push(LinkRow::new(flag, id));
                    }
                }
            }
            links.sort_by_key(|link| link.flag_id);
            rows.flags.push(FlagRow::new(1, "parent", true));
            for (flag, _) in (2..).zip(&own) {
                let mut row = FlagRow::new(flag, format!("flag-{flag}"), true);
                row.metadata.default_variant.clone_from(&default);
                if has_values {
                    row.metadata.variants = Some(r##"{"red": "#f00", "blue": "#00f"}"##.to_owned());
                }
                rows.flags.push(row);
            }
            rows.links = links;
            rows
        },
    )
}

/// Callers with values of several types.
fn callers() -> Vec<Context<'static>> {
    let values = [
        json!("pro"),
        json!("free"),
        json!("1.2.3"),
        json!("2.0.0-beta"),
        json!("u1"),
        json!("u2"),
        json!("7"),
        json!(7),
        json!(18),
        json!(0),
        json!(-1.5),
        json!(true),
        json!(false),
        json!(""),
        Json::Null,
    ];
    let caller = |index: usize| {
        let mut fields = serde_json::Map::new();
        for (place, name) in ATTRIBUTES.iter().enumerate() {
            let value = &values[(index * (place + 3) + place * 5 + index / 7) % values.len()];
            // The key is a string everywhere.
            if !value.is_null() && (*name != "targetingKey" || value.is_string()) {
                fields.insert((*name).to_owned(), value.clone());
            }
        }
        let day = 18 + index % 8;
        fields.insert("currentDateTime".to_owned(), format!("2026-11-{day}T12:00:00Z").into());
        Context::from_json(&Json::from(fields).to_string()).unwrap()
    };
    (0..60).map(caller).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_flags_through_flagd(rows in rows()) {
        compare(&FLAGD, rows, &callers());
    }

    #[test]
    fn generated_flags_through_unleash(rows in rows()) {
        let callers: Vec<_> = callers().iter().map(of_unleash).collect();
        compare(&UNLEASH, rows, &callers);
    }
}

#[test]
fn remembered_variants_are_reported() {
    let split = r#"{"variants": {"A": 1, "B": 1}, "hash": "flagd", "remember": true}"#;
    let rows = Rows {
        flags: vec![FlagRow::new(1, "X", true)],
        activations: vec![ActivationRow::new(1, "split", "novi.split", split)],
        links: vec![LinkRow::new(1, 1)],
        ..Rows::default()
    };
    let registry = Registry::global().unwrap();
    let flags = flags_of(rows);
    for system in [FLAGD, UNLEASH] {
        let exported = (system.write)(&flags.snapshot(), &registry);
        let item = exported.report.items.iter().find(|item| item.flag.as_deref() == Some("X")).unwrap();
        let outcome = item.outcome.to_string();
        assert!(outcome.contains("callers whose variant novi remembers are drawn again"), "{outcome}");
    }
}

//! What is said to be certain is so for every caller.

#![allow(clippy::unwrap_used, reason = "tests")]

use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
};
use novi_lint::findings;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

/// Activations; ids of others are below 9.
fn activation() -> impl Strategy<Value = (&'static str, Value)> {
    let number = || select(vec![0, 18, 21]);
    let country = || select(vec!["DE", "AT", "CH"]);
    let date = || select(vec!["2020-01-01", "2021-01-01", "2200-01-01", "2201-01-01"]);
    let leaf = prop_oneof![
        Just(("novi.static", json!({"variant": "a"}))),
        select(vec![0, 50, 100]).prop_map(|share| ("novi.percentage", json!({"percentage": share}))),
        select(vec!["true", "false", "age > 18"])
            .prop_map(|text| ("novi.expression", json!({"expression": text}))),
        (number(), number()).prop_map(|(low, high)| {
            ("novi.attribute", json!({"attribute": "age", "greater": low, "less_or_equal": high}))
        }),
        (country(), vec(country(), 1..3)).prop_map(|(country, list)| {
            ("novi.attribute", json!({"attribute": "country", "equals": country, "in": list}))
        }),
        (country(), country()).prop_map(|(country, other)| {
            ("novi.attribute", json!({"attribute": "country", "equals": country, "not_equals": other}))
        }),
        (date(), date()).prop_map(|(start, end)| {
            ("novi.date_time", json!({"startDateTime": start, "endDateTime": end}))
        }),
        date().prop_map(|at| ("novi.expires", json!({"at": at}))),
        vec(country(), 0..2).prop_map(|allow| ("novi.members", json!({"allow": allow, "by": "country"}))),
        Just(("novi.members", json!({"by": "country"}))),
        select(vec![0.0, 1.0])
            .prop_map(|share| ("novi.split", json!({"variants": {"a": 1, "b": 1}, "coverage": share}))),
        (0..6).prop_map(|flag| ("novi.flag", json!({"flag": format!("flag {flag}")}))),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        let child = prop_oneof![
            (1..9).prop_map(Value::from),
            inner.prop_map(|(class, config)| json!({"class_name": class, "config": config})),
        ];
        let child = child.boxed();
        let some = || vec(child.clone(), 1..4);
        prop_oneof![
            some().prop_map(|all| ("novi.and", json!(all))),
            some().prop_map(|all| ("novi.or", json!(all))),
            child.clone().prop_map(|child| ("novi.not", json!([child]))),
            (1..3, some())
                .prop_map(|(count, all)| { ("novi.at_least", json!({"count": count, "activations": all})) }),
            some().prop_map(|all| {
                let rules = all.into_iter().map(|when| json!({"when": when, "on": true}));
                ("novi.rules", json!({"rules": rules.collect::<Vec<_>>()}))
            }),
        ]
    })
}

/// Flags `flag 0` to `flag 5`, and one alone for each activation.
fn rows() -> impl Strategy<Value = Rows> {
    let links = vec((0..6_i64, 1..9_i64), 0..12);
    let members = vec((1..9_i64, select(vec!["DE", "AT"]), any::<bool>()), 0..4);
    (vec(activation(), 8), vec(any::<bool>(), 6), links, members).prop_map(
        |(activations, states, links, members)| {
            let flag = |(id, on)| FlagRow::new(id, format!("flag {id}"), on);
            let row = |(id, (class, config)): (i64, (&str, Value))| {
                ActivationRow::new(id, format!("activation {id}"), class, config.to_string())
            };
            let mut rows = Rows {
                flags: (0..).zip(states).map(flag).collect(),
                activations: (1..).zip(activations).map(row).collect(),
                links: links.into_iter().map(|(flag, activation)| LinkRow::new(flag, activation)).collect(),
                ..Rows::default()
            };
            for id in 1..9 {
                rows.flags.push(FlagRow::new(100 + id, format!("only {id}"), true));
                rows.links.push(LinkRow::new(100 + id, id));
            }
            rows.links.sort_by_key(|link| (link.flag_id, link.activation_id));
            rows.links.dedup();
            for (id, member, denied) in members {
                rows.members.push(MemberRow { denied, ..MemberRow::allowed(id, member) });
            }
            rows.members.sort_by(|one, other| {
                (one.activation_id, &one.member).cmp(&(other.activation_id, &other.member))
            });
            rows.members.dedup_by(|one, other| {
                (one.activation_id, &one.member) == (other.activation_id, &other.member)
            });
            rows
        },
    )
}

fn callers() -> Vec<Context<'static>> {
    let mut callers = Vec::new();
    for age in [0, 18, 19, 21, 22] {
        for country in ["DE", "AT", "CH", "FR"] {
            let key = format!("user-{age}-{country}");
            callers.push(Context::new().with("age", age).with("country", country).with("targetingKey", key));
        }
    }
    callers.push(Context::new());
    callers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn certain_flags_have_one_decision(rows in rows()) {
        let flags = Flags::from_rows(rows.clone()).unwrap();
        let snapshot = flags.snapshot();
        for found in findings(&flags, &snapshot, &rows) {
            let (name, on) = match (found.table, found.code) {
                ("flags", "always_on") => (found.name, true),
                ("flags", "always_off") => (found.name, false),
                ("activations", "past_window" | "contradiction" | "unmet_prerequisite")
                    if !found.message.starts_with("config") => (format!("only {}", found.id), false),
                _ => continue,
            };
            for caller in callers() {
                prop_assert_eq!(snapshot.is_enabled(&name, &caller), on, "{}: {} for {:?}", &name, &found.message, caller);
            }
        }
    }

    #[test]
    fn flags_that_are_on_for_nobody_known_are_found(share in 1..100_i32, rows in rows()) {
        // The other way round, for what novi knows for sure: a percentage of 0 in an AND.
        let mut rows = rows;
        let id = 50;
        rows.activations.push(ActivationRow::new(id, "nobody", "novi.percentage", r#"{"percentage": 0}"#));
        rows.activations.push(ActivationRow::new(id + 1, "some", "novi.percentage", json!({"percentage": share}).to_string()));
        rows.flags.push(FlagRow::new(200, "certain", true));
        rows.flags.push(FlagRow::new(201, "uncertain", true));
        rows.links.extend([LinkRow::new(200, id), LinkRow::new(200, id + 1), LinkRow::new(201, id + 1)]);
        let flags = Flags::from_rows(rows.clone()).unwrap();
        let found = findings(&flags, &flags.snapshot(), &rows);
        let codes = |name: &str| -> Vec<&str> {
            found.iter().filter(|found| found.table == "flags" && found.name == name).map(|found| found.code).collect()
        };
        prop_assert_eq!(codes("certain"), ["always_off"]);
        prop_assert_eq!(codes("uncertain"), Vec::<&str>::new());
    }
}

//! Conditions and rules in words: `tests/spec/words`.

use std::{collections::BTreeSet, fs, path::Path};

use novi::{
    activation::{
        Activation, ActivationType, ActivationWords, Evaluation, Phrase, Phrasing, RegisteredActivation,
        Registry, Share, Verdict, Words, value_text,
    },
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    class: String,
    config: Box<RawValue>,
    /// Member, and whether it is denied.
    #[serde(default)]
    members: Vec<(String, bool)>,
    words: String,
    rule: String,
}

fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec/words/conditions.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A flag with these activations.
fn rows(activations: Vec<ActivationRow>) -> Rows {
    Rows {
        flags: vec![FlagRow::new(1, "a", true)],
        links: activations.iter().map(|row| LinkRow::new(1, row.id)).collect(),
        activations,
        ..Rows::default()
    }
}

fn rule(activations: &[(&str, Value)]) -> String {
    let row = |(id, (class, config)): (i64, &(&str, Value))| {
        ActivationRow::new(id, "row", *class, config.to_string())
    };
    let rows = rows((1..).zip(activations).map(row).collect());
    Words::new(&Registry::global().unwrap(), &rows).rule(1)
}

#[test]
fn conditions_and_rules_have_the_words_of_the_vectors() {
    let registry = Registry::global().unwrap();
    let (mut wrong, mut classes) = (Vec::new(), BTreeSet::new());
    for Vector { class, config, members, words, rule } in vectors() {
        let config = Some(config.get()).filter(|text| *text != "null").map(str::to_owned);
        let row = ActivationRow { config, ..ActivationRow::new(1, "row", &*class, "") };
        let mut rows = rows(vec![row]);
        rows.members = members
            .into_iter()
            .map(|(member, denied)| MemberRow { denied, ..MemberRow::allowed(1, member) })
            .collect();
        let found = Words::new(&registry, &rows);
        let found = (found.activation(&rows.activations[0]).words, found.rule(1));
        if found != (words.clone(), rule.clone()) {
            wrong.push(format!(
                "{:?}\nexpected {words:?}\nfound    {:?}\nexpected {rule:?}\nfound    {:?}\n",
                rows.activations[0], found.0, found.1
            ));
        }
        classes.insert(class);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let built_in: Vec<_> =
        registry.iter().map(ActivationType::class).filter(|class| class.starts_with("novi.")).collect();
    let missing: Vec<_> = built_in.into_iter().filter(|class| !classes.contains(*class)).collect();
    assert!(missing.is_empty(), "no vector has {missing:?}");
}

#[test]
fn several_activations_are_one_sentence() {
    assert_eq!(rule(&[]), "on for every caller");
    let country = ("novi.attribute", json!({"attribute": "country", "in": ["DE", "AT"]}));
    let plan = ("novi.attribute", json!({"attribute": "plan", "equals": "pro"}));
    let share = ("novi.percentage", json!({"percentage": 25}));
    let window = ("novi.date_time", json!({"startDateTime": "2026-12-01", "endDateTime": "2026-12-15"}));
    assert_eq!(
        rule(&[share, country, plan, window]),
        "on for 25 % of callers by `targetingKey`, if country is DE or AT, and if plan is pro, \
         from 1 to 14 December 2026 (UTC)"
    );
}

#[test]
fn rows_with_children_are_a_tree() {
    let rows = rows(vec![
        ActivationRow::new(
            1,
            "Both",
            "novi.and",
            r#"[2, {"class_name": "novi.not", "config": [2]}, {"class_name": "novi.flag", "config": {"flag": "b"}}]"#,
        ),
        ActivationRow::new(2, "Quarter", "novi.percentage", r#"{"percentage": 25}"#),
    ]);
    let registry = Registry::global().unwrap();
    let tree = &Words::new(&registry, &rows).activations(1)[0];
    assert_eq!((tree.id, tree.name.as_deref()), (Some(1), Some("Both")));
    let shape: Vec<_> =
        tree.activations.iter().map(|child| (child.id, &*child.class_name, &*child.words)).collect();
    let quarter = "25 % of callers by `targetingKey`";
    assert_eq!(
        shape,
        [
            (Some(2), "novi.percentage", quarter),
            (None, "novi.not", &*format!("not ({quarter})")),
            (None, "novi.flag", "flag \"b\" is on"),
        ]
    );
    assert_eq!(tree.activations[1].activations[0].id, Some(2));
    assert_eq!(tree.activations[0].shares, [Share { variant: None, percent: 25.0 }]);
    let flag = &tree.activations[2].activations[0];
    assert_eq!((&*flag.class_name, flag.name.as_deref()), ("flag", Some("b")));
}

#[test]
fn words_of_large_rows_are_short() {
    let member = |number: usize| format!("user-{number}");
    let list: Vec<String> = (0..10_000).map(member).collect();
    assert_eq!(
        rule(&[("novi.members", json!({"allow": list}))]),
        "on for one of 10,000 members (user-0, user-1, user-2, …)"
    );
    let config = json!({"allow": list}).to_string();
    let long = rows(vec![ActivationRow::new(1, "row", "novi.members", config)]);
    let registry = Registry::global().unwrap();
    assert_eq!(
        Words::new(&registry, &long).activations(1)[0].config,
        None,
        "a copy would be as long as the row"
    );
    assert_eq!(
        rule(&[("novi.attribute", json!({"attribute": "id", "in": list}))]),
        "on if id is one of 10,000 values (user-0, user-1, user-2, …)"
    );
    let long = "x".repeat(100_000);
    for (class, config) in [
        (
            "novi.attribute",
            json!({"attribute": long, "equals": long, "contains": list, "semver": long, "regex": long}),
        ),
        ("novi.expression", json!({"expression": long})),
        ("novi.static", json!({"variant": long})),
        ("novi.flag", json!({"flag": long, "variant": list})),
        ("novi.environment", json!({"environments": list})),
        ("novi.split", json!({"variants": {(long.clone()): 1}})),
        ("novi.schedule", json!({"cron": long, "duration": long, "timezone": long, "weekdays": list})),
        ("novi.schedule", json!({"from": long, "to": long})),
        ("novi.ramp", json!({"steps": [{"at": long, "percentage": 1}, {"at": long, "percentage": 2}]})),
        ("novi.switch", json!({"by": list, "cases": [{"values": list, "gives": long}]})),
        ("acme.type", json!({(long.clone()): long, "list": list})),
        (&*long, json!(null)),
    ] {
        let words = rule(&[(class, config)]);
        assert!(words.chars().count() <= 2_010, "{} characters: {words}", words.chars().count());
    }
}

fn count(tree: &ActivationWords) -> usize {
    1 + tree.activations.iter().map(count).sum::<usize>()
}

/// Each row has the next one twice, and the last has the first one: as a tree they would never end.
#[test]
fn words_of_deep_and_circular_rows_are_short() {
    let row = |id: i64| ActivationRow::new(id, "row", "novi.or", format!("[{0}, {0}]", id % 100 + 1));
    let rows = rows((1..=100).map(row).collect());
    let registry = Registry::global().unwrap();
    let words = Words::new(&registry, &rows);
    assert!(words.rule(1).chars().count() <= 2_010);
    assert!(words.activations(1).iter().map(count).sum::<usize>() <= 1_000);
}

/// A type with words of its own.
#[derive(Deserialize, JsonSchema)]
struct Moon {
    phase: String,
}

impl Activation for Moon {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }

    fn phrase(&self, phrasing: &mut Phrasing<'_>) -> Option<Phrase> {
        assert!(self.phase != "panic", "on purpose");
        assert_eq!((phrasing.class_name(), phrasing.name()), ("acme.moon", "row"));
        Some(Phrase::condition(format!("the moon is {}", value_text(&self.phase))))
    }
}

impl RegisteredActivation for Moon {
    const TYPE: ActivationType =
        ActivationType::new::<Self>("acme.moon", &[], "On at a phase of the moon", "here");
}

#[test]
fn types_of_services_have_words_of_their_own() {
    let registry = Registry::global().unwrap().with::<Moon>().unwrap();
    let words = |config: &str| {
        let rows = rows(vec![ActivationRow::new(1, "row", "acme.moon", config)]);
        Words::new(&registry, &rows).rule(1)
    };
    assert_eq!(words(r#"{"phase": "full"}"#), "on if the moon is full");
    assert_eq!(words(r#"{"phase": 7}"#), "on if moon (phase: 7)");
    assert_eq!(words(r#"{"phase": "panic"}"#), "on if moon (phase: panic)");
    assert_eq!(words("{"), "on if moon (its config is not valid JSON)");
}

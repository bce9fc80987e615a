//! Evaluation allocates nothing, for flags of every type.

use allocation_counter::measure;
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

use crate::common::hashes::hashes;

fn flags() -> Flags {
    let window = r#"{"startDateTime": "11/26/2023 12:00 AM", "endDateTime": "11/28/2023 12:00 AM", "format": "%m/%d/%Y %I:%M %p"}"#;
    let split = r#"{"splits": [50, 30, 20], "variations": ["A", "B", "C"]}"#;
    let python = "novi.client.activations.weighted_random_activation.WeightedRandomActivation";
    let names =
        ["plain", "off", "window", "draw", "drawn by Python", "Combo AND", "Combo OR", "diamond", "broken"];
    let mut rows = Rows {
        flags: names.into_iter().zip(1..).map(|(name, id)| FlagRow::new(id, name, name != "off")).collect(),
        activations: vec![
            ActivationRow::new(3, "window", "novi.date_time", window),
            ActivationRow::new(4, "draw", "novi.weighted_random", split),
            ActivationRow::new(5, "python", python, split),
            ActivationRow::new(6, "and", "novi.and", "[3,4]"),
            ActivationRow::new(7, "or", "novi.or", "[3,4]"),
            ActivationRow::new(8, "diamond", "novi.and", "[6,7]"),
            ActivationRow::new(9, "broken", "novi.and", "{"),
        ],
        ..Rows::default()
    };
    rows.links = (3..=9).map(|id| LinkRow::new(id, id)).collect();
    Flags::from_rows(rows).unwrap()
}

/// A flag for each config of the other types, and one that depends on another flag.
fn flags_of_all_types() -> Flags {
    let mut configs: Vec<(&str, String)> = hashes()
        .iter()
        .map(|hash| ("novi.percentage", format!(r#"{{"percentage": 50, "hash": "{hash}", "salt": "7"}}"#)))
        .collect();
    let when = r#"{"class_name": "novi.attribute", "config": {"attribute": "country", "in": ["US", "CA"]}}"#;
    for (class, config) in [
        ("novi.split", r#"{"variants": {"a": 1, "b": 1}, "by": ["nobody", "user.id"], "hash": "unleash"}"#),
        (
            "novi.experiment",
            r#"{"variants": {"a": 1, "b": 1}, "control": "a", "unit": ["nobody", "user.id"], "state": "running", "traffic": 90,
                "start": "2020-01-01", "layer": {"name": "l", "from": 0, "to": 90}, "holdout": {"name": "h", "percentage": 5}}"#,
        ),
        ("novi.percentage", r#"{"percentage": 50, "hash": "unleash"}"#),
        ("novi.bucket", r#"{"ranges": [[0, 10], [20, 30]], "total": 100, "hash": "ufc"}"#),
        (
            "novi.ramp",
            r#"{"linear": true, "steps": [{"at": "2020-01-01", "percentage": 1}, {"at": "2999-01-01", "percentage": 99}]}"#,
        ),
        (
            "novi.rules",
            &format!(
                r#"{{"rules": [{{"when": {when}, "split": {{"variants": {{"a": 1}}}}}}], "fallthrough": "b"}}"#
            ),
        ),
        (
            "novi.switch",
            r#"{"by": ["country", "user.id"], "cases": [{"values": ["CA", "*"], "gives": "a"}, {"values": ["*", 7], "gives": "b"}]}"#,
        ),
        ("novi.static", r#"{"variant": "a"}"#),
        ("novi.flag", r#"{"flag": "flag 2"}"#),
        ("novi.members", r#"{"allow": ["user-7"], "deny": ["a-user-with-a-name-of-36-characters-1"]}"#),
        ("novi.expires", r#"{"at": "2999-01-01"}"#),
        ("novi.schedule", r#"{"cron": "0 9 * * MON-FRI", "duration": "8h", "timezone": "Europe/Madrid"}"#),
        ("novi.environment", r#"{"environments": "production"}"#),
        ("novi.host", r#"{"hosts": ["web-*"]}"#),
        ("novi.ip", r#"{"networks": ["10.0.0.0/8"]}"#),
        ("novi.expression", r#"{"expression": "country == \"CA\" && user.id > 5"}"#),
    ] {
        configs.push((class, config.to_owned()));
    }
    let mut rows = Rows::default();
    for ((class, config), id) in configs.into_iter().zip(1..) {
        rows.flags.push(FlagRow::new(id, format!("flag {id}"), true));
        rows.activations.push(ActivationRow::new(id, "row", class, config));
        rows.links.push(LinkRow::new(id, id));
    }
    let flags = Flags::from_rows(rows).unwrap();
    assert_eq!(flags.issues(), []);
    flags
}

#[test]
fn evaluation_allocates_nothing() {
    let caller = Context::new()
        .with("targetingKey", "user-7")
        .with("country", "CA")
        .with("ip", "10.1.2.3")
        .with("user", novi::Value::Object(vec![("id".into(), 7.into())]));
    check(&flags_of_all_types(), [&caller, &Context::new(), &Context::new().with("targetingKey", 7)]);
    let flags = flags();
    let seeded = Context::new().with("currentDateTime", "11/26/2023 12:00 AM").with("seed", 90);
    let sticky = Context::new().with("currentDateTime", "11/26/2023 12:00 AM").with("targetingKey", "user-7");
    let clock = Context::new().with("targetingKey", "user-7").with("variant", "B");
    check(&flags, [&seeded, &sticky, &clock]);
    // The counter works.
    assert_ne!(measure(|| drop(std::hint::black_box(vec![1_u8]))).count_total, 0);
}

fn check(flags: &Flags, contexts: [&Context<'_>; 3]) {
    for ctx in contexts {
        for name in flags.snapshot().flag_names() {
            let ask = || {
                std::hint::black_box(flags.is_enabled(name, ctx));
                std::hint::black_box(flags.evaluate(name, ctx).is_ok_and(|decision| decision.enabled()));
            };
            // The first evaluation on a thread allocates the memo.
            ask();
            let counted = measure(ask);
            assert_eq!(counted.count_total, 0, "{name}");
        }
    }
}

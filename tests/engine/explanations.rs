//! Explanations as data: what decided, the draw, and the matched values.

use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow, Rows},
};
use serde_json::{Value, json};

/// The explanation of a flag with this activation, as JSON.
fn explanation(class: &str, config: &Value, context: &Value) -> Value {
    let mut rows = Rows::default();
    rows.flags.push(FlagRow::new(1, "flag", true));
    rows.activations.push(ActivationRow::new(7, "row", class, config.to_string()));
    rows.links.push(LinkRow::new(1, 7));
    explain(rows, context)
}

fn explain(rows: Rows, context: &Value) -> Value {
    let flags = Flags::from_rows(rows).unwrap();
    assert!(flags.issues().is_empty(), "{:?}", flags.issues());
    let context = Context::from_json(&context.to_string()).unwrap();
    serde_json::to_value(flags.explain("flag", &context).unwrap()).unwrap()
}

#[test]
fn draws_have_their_hash_salt_key_bucket_and_range() {
    for (class, config, context, draw) in [
        (
            "novi.percentage",
            json!({"percentage": 25}),
            json!({"targetingKey": "user-7"}),
            json!({"hash": "murmur3", "salt": "flag", "key": "user-7", "bucket": 18120, "from": 0, "to": 25000}),
        ),
        (
            "novi.percentage",
            json!({"percentage": 50, "by": "account", "salt": "s", "hash": "sha1"}),
            json!({"account": 7.0}),
            json!({"hash": "sha1", "salt": "s", "key": "7", "bucket": 0.725_383_2, "from": 0, "to": 0.5}),
        ),
        (
            "novi.percentage",
            json!({"percentage": 50, "hash": "crc32"}),
            json!({"targetingKey": "a"}),
            json!({"hash": "crc32", "key": "a", "bucket": 7, "from": 0, "to": 50}),
        ),
        (
            "novi.split",
            json!({"variants": {"a": 1, "b": 1, "c": 2}, "salt": "s"}),
            json!({"targetingKey": "user-7"}),
            json!({"hash": "murmur3", "salt": "s", "key": "user-7", "bucket": 86908, "from": 50000, "to": 100_000}),
        ),
        (
            "novi.bucket",
            json!({"ranges": [[10, 20], [90, 100]], "total": 100, "hash": "unleash"}),
            json!({"targetingKey": "user-7"}),
            json!({"hash": "unleash", "salt": "flag", "key": "user-7", "bucket": 21, "from": 91, "to": 101}),
        ),
        (
            "novi.ramp",
            json!({"steps": [{"at": "2020-01-01", "percentage": 10}]}),
            json!({"targetingKey": "user-7"}),
            json!({"hash": "murmur3", "salt": "flag", "key": "user-7", "bucket": 18120, "from": 0, "to": 10000}),
        ),
        (
            "novi.weighted_random",
            json!({"splits": [3, 1], "variations": ["A", "B"]}),
            json!({"targetingKey": "user-7"}),
            json!({"hash": "murmur3", "salt": "row", "key": "user-7", "bucket": 0.53613, "from": 0.0, "to": 0.75}),
        ),
        (
            "novi.weighted_random",
            json!({"splits": [3, 1], "variations": ["A", "B"]}),
            json!({"seed": 90}),
            json!({"hash": "chacha8", "key": "90", "bucket": 0.999_739_037_792_779, "from": 0.75, "to": 1.0}),
        ),
    ] {
        let found = explanation(class, &config, &context);
        let node = &found["activations"][0];
        assert_eq!(node["draw"], draw, "{class} {config}");
        assert_eq!(node["cause"], "draw", "{class} {config}");
    }
    let found = explanation("novi.percentage", &json!({"percentage": 25}), &json!({}));
    assert_eq!(found["activations"][0].get("draw"), None);
}

#[test]
fn matched_values_are_those_of_the_caller() {
    let attribute = json!({"attribute": "roles", "in": ["admin", "ops"]});
    for (class, config, context, matched) in [
        ("novi.attribute", attribute.clone(), json!({"roles": ["dev", "ops", "admin"]}), json!(["ops"])),
        ("novi.attribute", attribute.clone(), json!({"roles": "admin"}), json!(["admin"])),
        ("novi.attribute", attribute, json!({"roles": "dev"}), Value::Null),
        ("novi.attribute", json!({"attribute": "x", "exists": false}), json!({}), Value::Null),
        ("novi.attribute", json!({"attribute": "a.b", "greater": 3}), json!({"a": {"b": 4}}), json!([4])),
        (
            "novi.switch",
            json!({"by": ["country", "plan"], "cases": [{"values": ["DE", "*"], "gives": true}]}),
            json!({"country": "DE", "plan": "pro"}),
            json!(["DE", "pro"]),
        ),
    ] {
        let found = explanation(class, &config, &context);
        let matched_in = found["activations"][0].get("matched").cloned().unwrap_or_default();
        assert_eq!(matched_in, matched, "{class} {config} {context}");
    }
    let mut rows = Rows::default();
    rows.flags.push(FlagRow::new(1, "flag", true));
    rows.activations.push(ActivationRow::new(7, "row", "novi.members", "{}"));
    rows.links.push(LinkRow::new(1, 7));
    rows.members.push(MemberRow::allowed(7, "42"));
    rows.members.push(MemberRow { denied: true, ..MemberRow::allowed(7, "43") });
    for (key, matched) in [(json!(42), json!([42])), (json!("43"), json!(["43"])), (json!("44"), Value::Null)]
    {
        let found = explain(rows.clone(), &json!({"targetingKey": key}));
        assert_eq!(found["activations"][0].get("matched").cloned().unwrap_or_default(), matched, "{key}");
    }
}

#[test]
fn cause_is_that_of_the_path_that_decided() {
    let rollout = json!({"class_name": "novi.percentage", "config": {"percentage": 100}});
    let staff = json!({"class_name": "novi.attribute", "config": {"attribute": "staff", "equals": true}});
    let rules = json!({"rules": [{"when": staff, "on": true}], "fallthrough": true});
    let (key, staff_member) = (json!({"targetingKey": "u"}), json!({"staff": true, "targetingKey": "u"}));
    for (class, config, context, kind, activation, cause) in [
        ("novi.rules", rules.clone(), &key, "fallthrough", Some(7), "fallthrough"),
        ("novi.rules", rules, &staff_member, "condition", Some(7), "condition"),
        ("novi.and", json!([staff, rollout]), &staff_member, "draw", Some(7), "draw"),
        ("novi.and", json!([staff, rollout]), &key, "activation_off", Some(7), "condition"),
        ("novi.or", json!([staff, rollout]), &staff_member, "condition", Some(7), "condition"),
        ("novi.static", json!({"variant": "a"}), &key, "unconditional", None, "nothing"),
    ] {
        let found = explanation(class, &config, context);
        let expected = match activation {
            Some(id) => json!({"kind": kind, "activation": id}),
            None => json!({"kind": kind}),
        };
        assert_eq!(found["cause"], expected, "{class} {config} {context}");
        assert_eq!(found["activations"][0]["cause"], cause, "{class} {config} {context}");
    }
    let alone = |row: FlagRow| {
        let mut rows = Rows::default();
        rows.flags.push(row);
        explain(rows, &json!({}))["cause"].clone()
    };
    assert_eq!(alone(FlagRow::new(1, "flag", true)), json!({"kind": "unconditional"}));
    let off = FlagMetadata::default();
    assert_eq!(alone(FlagRow { metadata: off, ..FlagRow::new(1, "flag", false) }), json!({"kind": "status"}));
}

#[test]
fn experiments_say_why_a_caller_is_not_enrolled() {
    let notes = |rest: Value, context: Value| {
        let mut config = json!({"variants": {"a": 1, "b": 1}, "control": "a", "state": "running"});
        config.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        explanation("novi.experiment", &config, &context)["activations"][0]["notes"].clone()
    };
    let user = || json!({"targetingKey": "user-7", "currentDateTime": "2026-12-05T00:00:00Z"});
    // The buckets are those of an independent program.
    assert_eq!(
        notes(json!({"holdout": {"name": "h", "percentage": 100}}), user()),
        json!(["not enrolled: bucket 95378 of the holdout, which has those below 100000"])
    );
    assert_eq!(
        notes(json!({"layer": {"name": "l", "from": 0, "to": 0.001}}), user()),
        json!(["not enrolled: bucket 50965 of the layer, enrolled from 0 to before 1"])
    );
    assert_eq!(
        notes(json!({"traffic": 0.001}), user()),
        json!(["not enrolled: bucket 53613 of the traffic, enrolled if below 1"])
    );
    assert_eq!(
        notes(json!({"start": "2026-12-06"}), user()),
        json!(["enrolls from 2026-12-06T00:00:00Z", "not enrolled at this time"])
    );
    for rest in [json!({}), json!({"traffic": 50})] {
        assert_eq!(notes(rest, json!({})), json!(["not enrolled, since the caller has no unit"]));
    }
    assert_eq!(
        notes(json!({"state": "stopped"}), user()),
        json!(["stopped, so all callers get the control"])
    );
}

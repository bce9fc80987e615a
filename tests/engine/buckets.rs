//! Callers are in as they are in other systems. `fixtures/buckets` has their places: by the SDKs of Unleash,
//! flagd and GrowthBook, and by the published formulas of the others, computed there and not by novi.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for tests")]

use std::collections::BTreeMap;

use novi::{Context, Flags};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::common::hashes::hashes;
use crate::common::rows::{one_flag, valid};

fn published() -> BTreeMap<String, Vec<Json>> {
    serde_json::from_str(include_str!("../fixtures/buckets/buckets.json")).unwrap()
}

/// A flag of this name with one activation.
fn flag(name: &str, class: &str, config: &str) -> Flags {
    valid(one_flag(name, class, config))
}

const PERCENTAGES: [f64; 9] = [0.0, 0.5, 1.0, 12.5, 25.0, 33.3, 50.0, 80.0, 100.0];
const WHOLE: [f64; 6] = [0.0, 1.0, 25.0, 50.0, 80.0, 100.0];

/// Compares `is_in`, the published rule, with novi for each caller.
fn check_shares(system: &str, flag_name: &str, config: &Json, is_in: impl Fn(&Json, f64) -> bool) {
    check_shares_at(&PERCENTAGES, system, flag_name, config, is_in);
}

fn check_shares_at(
    percentages: &[f64],
    system: &str,
    flag_name: &str,
    config: &Json,
    is_in: impl Fn(&Json, f64) -> bool,
) {
    let published = published();
    for percentage in percentages.iter().copied() {
        let mut config = config.clone();
        config["percentage"] = json!(percentage);
        let flags = flag(flag_name, "novi.percentage", &config.to_string());
        for (id, place) in published["ids"].iter().zip(&published[system]) {
            let id = id.as_str().unwrap();
            let context = Context::new().with("targetingKey", id);
            let expected = is_in(place, percentage);
            assert_eq!(flags.is_enabled(flag_name, &context), expected, "{system}, {id:?} at {percentage} %");
        }
    }
}

/// Compares the published variants with novi's.
fn check_variants(system: &str, flag_name: &str, config: &str, variant: impl Fn(&Json) -> Option<String>) {
    let published = published();
    let flags = flag(flag_name, "novi.split", config);
    for (id, place) in published["ids"].iter().zip(&published[system]) {
        let id = id.as_str().unwrap();
        let context = Context::new().with("targetingKey", id);
        let decision = flags.evaluate(flag_name, &context).unwrap();
        assert_eq!(decision.variant(), variant(place).as_deref(), "{system}, {id:?}");
    }
}

/// The first variant whose cumulative weight is above the bucket.
fn by_weight(place: u64, weights: &[(&str, u64)]) -> Option<String> {
    let mut sum = 0;
    let mut of = weights.iter();
    of.find(|(_, weight)| {
        sum += weight;
        place < sum
    })
    .map(|(name, _)| (*name).to_owned())
}

#[test]
fn hanoi() {
    check_shares("hanoi", "f", &json!({"hash": "crc32"}), |place, percentage| {
        place.as_f64().unwrap() < percentage
    });
    // Its variants: crc32(id) % len.
    let config = r#"{"variants": {"foo": 1, "bar": 1, "baz": 1}, "hash": "crc32"}"#;
    check_variants("rollout", "f", config, |crc| {
        Some(["foo", "bar", "baz"][crc.as_u64().unwrap() as usize % 3].to_owned())
    });
}

#[test]
fn rollout() {
    let is_in = |crc: &Json, percentage: f64| crc.as_f64().unwrap() < 4_294_967_295.0 / 100.0 * percentage;
    check_shares("rollout", "f", &json!({"hash": "rollout"}), is_in);
    check_shares("rollout feature", "f", &json!({"hash": "rollout", "salt": "feature"}), is_in);
}

#[test]
fn flipper() {
    check_shares("flipper feature", "feature", &json!({"hash": "flipper"}), |place, percentage| {
        place.as_f64().unwrap() < percentage * 1000.0
    });
}

#[test]
fn unleash() {
    let is_in = |place: &Json, percentage: f64| percentage > 0.0 && place.as_f64().unwrap() <= percentage;
    check_shares("unleash group", "group", &json!({"hash": "unleash"}), is_in);
    check_shares("unleash group", "f", &json!({"hash": "unleash", "salt": "group"}), is_in);
    let config = r#"{"variants": {"z": 333, "a": 333, "m": 334}, "hash": "unleash"}"#;
    check_variants("unleash group variants 1000", "group", config, |place| {
        by_weight(place.as_u64().unwrap() - 1, &[("z", 333), ("a", 333), ("m", 334)])
    });
}

#[test]
fn flagd() {
    // The SDK returned whole percents.
    check_shares_at(&WHOLE, "flagd flag", "flag", &json!({"hash": "flagd"}), |place, percentage| {
        place.as_f64().unwrap() < percentage
    });
    let config = r#"{"variants": {"z": 50, "a": 20, "m": 30}, "hash": "flagd"}"#;
    check_variants("flagd flag", "flag", config, |place| {
        by_weight(place.as_u64().unwrap(), &[("z", 50), ("a", 20), ("m", 30)])
    });
}

/// The places of flagd's engine for Rust, of a hundred.
#[test]
fn flagd_v3() {
    let places: BTreeMap<String, Vec<Json>> =
        serde_json::from_str(include_str!("../fixtures/buckets/flagd_v3.json")).unwrap();
    let variants: serde_json::Map<_, _> = (0..100).map(|place| (format!("{place:02}"), json!(1))).collect();
    let check = |config: &Json, context: &Json, place: &Json| {
        let flags = flag("flag", "novi.split", &config.to_string());
        let context = Context::from_json(&context.to_string()).unwrap();
        let decision = flags.evaluate("flag", &context).unwrap();
        let expected = format!("{:02}", place.as_u64().unwrap());
        assert_eq!(decision.variant(), Some(&*expected), "{config}, {context:?}");
    };
    let ids = &published()["ids"];
    assert_eq!(ids.len(), places["by key"].len());
    for (id, place) in ids.iter().zip(&places["by key"]) {
        check(&json!({"variants": variants, "hash": "flagd_v3"}), &json!({"targetingKey": id}), place);
    }
    let by_value = json!({"variants": variants, "hash": "flagd_v3", "salt": "", "by": "v"});
    for pair in &places["by value"] {
        check(&by_value, &json!({"v": pair[0]}), &pair[1]);
    }
}

#[test]
fn launchdarkly() {
    for (system, salt) in [("launchdarkly flag.salt", "flag.salt"), ("launchdarkly 61", "61")] {
        check_shares(system, "f", &json!({"hash": "sha1", "salt": salt}), |place, percentage| {
            let weight = (percentage * 1000.0).round() as f32;
            (place.as_f64().unwrap() as f32) < weight / 100_000.0
        });
        let weights = [("z", 33_333_u16), ("a", 33_333), ("m", 33_334)];
        let variants = r#"{"z": 33333, "a": 33333, "m": 33334}"#;
        let config = format!(r#"{{"variants": {variants}, "hash": "sha1", "salt": "{salt}"}}"#);
        check_variants(system, "f", &config, |place| {
            let mut sum = 0.0_f32;
            let found = weights.iter().find(|(_, weight)| {
                sum += f32::from(*weight) / 100_000.0;
                (place.as_f64().unwrap() as f32) < sum
            });
            Some(found.map_or("m", |(name, _)| name).to_owned())
        });
    }
}

#[test]
fn growthbook() {
    for (system, hash) in [("growthbook seed 1", "growthbook_v1"), ("growthbook seed 2", "fnv1a")] {
        let salted = json!({"hash": hash, "salt": "seed"});
        // By GrowthBook's specification since 0.12; its SDK for JavaScript still includes the limit.
        check_shares(system, "f", &salted, |place, percentage| place.as_f64().unwrap() < percentage / 100.0);
        for coverage in [1.0, 0.4] {
            let variants = r#"{"z": 0.4, "a": 0.1, "m": 0.5}"#;
            let percentage = 100.0 * coverage;
            let config = format!(
                r#"{{"variants": {variants}, "coverage": {percentage}, "hash": "{hash}", "salt": "seed"}}"#
            );
            let mut start = 0.0;
            let ranges = [("z", 0.4), ("a", 0.1), ("m", 0.5)].map(|(name, weight)| {
                start += weight;
                (name, start - weight, start - weight + coverage * weight)
            });
            check_variants(system, "f", &config, |place| {
                let place = place.as_f64().unwrap();
                let found = ranges.iter().find(|(_, start, end)| (*start..*end).contains(&place));
                found.map(|(name, ..)| (*name).to_owned())
            });
        }
    }
}

#[test]
fn ufc() {
    let salted = json!({"hash": "ufc", "salt": "shard"});
    check_shares("ufc shard 10000", "f", &salted, |place, percentage| {
        place.as_f64().unwrap() < percentage * 100.0
    });
    let config = r#"{"variants": {"z": 3, "a": 0, "m": 4}, "hash": "ufc", "salt": "shard"}"#;
    check_variants("ufc shard 7", "f", config, |place| {
        by_weight(place.as_u64().unwrap(), &[("z", 3), ("a", 0), ("m", 4)])
    });
    // Shards, as a condition and as variants.
    let config =
        r#"{"ranges": [[9000, 10000], [1000, 2500]], "total": 10000, "hash": "ufc", "salt": "shard"}"#;
    check_buckets("ufc shard 10000", config, |place| {
        let place = place.as_u64().unwrap();
        (1000..2500).contains(&place) || place >= 9000
    });
    let ranges = r#"{"z": [[0, 100], [9000, 9500]], "a": [[100, 9000]]}"#;
    let config = format!(r#"{{"ranges": {ranges}, "total": 10000, "hash": "ufc", "salt": "shard"}}"#);
    check_variants("ufc shard 10000", "f", &config, |place| {
        let name = match place.as_u64().unwrap() {
            0..100 | 9000..9500 => "z",
            100..9000 => "a",
            _ => return None,
        };
        Some(name.to_owned())
    });
}

#[test]
fn hanoi_includes_or_excludes_the_percentage() {
    let at = |place: &Json| place.as_u64().unwrap();
    let bucket = |range: &str| format!(r#"{{"ranges": [{range}], "total": 100, "hash": "crc32"}}"#);
    check_buckets("hanoi", &bucket("[0, 26]"), |place| at(place) <= 25);
    check_buckets("hanoi", &bucket("[25, 100]"), |place| at(place) >= 25);
}

#[test]
fn configcat() {
    check_shares("configcat key", "key", &json!({"hash": "configcat"}), |place, percentage| {
        place.as_f64().unwrap() < percentage
    });
    let config = r#"{"variants": {"z": 33, "a": 33, "m": 34}, "hash": "configcat"}"#;
    check_variants("configcat key", "key", config, |place| {
        by_weight(place.as_u64().unwrap(), &[("z", 33), ("a", 33), ("m", 34)])
    });
}

#[test]
fn flagsmith() {
    check_shares("flagsmith 42", "f", &json!({"hash": "flagsmith", "salt": "42"}), |place, percentage| {
        place.as_f64().unwrap() <= percentage
    });
    let config = r#"{"variants": {"z": 12.5, "a": 30, "control": 57.5}, "hash": "flagsmith", "salt": "42"}"#;
    check_variants("flagsmith 42", "f", config, |place| {
        let name = match place.as_f64().unwrap() {
            place if place < 12.5 => "z",
            place if place < 42.5 => "a",
            _ => "control",
        };
        Some(name.to_owned())
    });
}

#[test]
fn posthog() {
    let is_in = |place: &Json, percentage: f64| place.as_f64().unwrap() <= percentage / 100.0;
    check_shares("posthog flag", "flag", &json!({"hash": "posthog"}), is_in);
    check_shares("posthog holdout", "flag", &json!({"hash": "posthog_holdout"}), is_in);
    let config = r#"{"variants": {"z": 33, "a": 33, "m": 34}, "hash": "posthog"}"#;
    check_variants("posthog flag variant", "flag", config, |place| {
        let name = match place.as_f64().unwrap() {
            place if place < 0.33 => "z",
            place if place < 0.66 => "a",
            _ => "m",
        };
        Some(name.to_owned())
    });
}

#[test]
fn flagd_before_2026_04() {
    // The SDK returned whole percents.
    check_shares_at(&WHOLE, "flagd v1 flag", "flag", &json!({"hash": "flagd_v1"}), |place, percentage| {
        place.as_f64().unwrap() < percentage
    });
    let config = r#"{"variants": {"z": 50, "a": 20, "m": 30}, "hash": "flagd_v1"}"#;
    check_variants("flagd v1 flag", "flag", config, |place| {
        by_weight(place.as_u64().unwrap(), &[("z", 50), ("a", 20), ("m", 30)])
    });
}

#[test]
fn splitio() {
    let salted = json!({"hash": "splitio", "salt": "-92391491"});
    check_shares("splitio -92391491", "f", &salted, |place, percentage| {
        place.as_f64().unwrap() <= percentage
    });
    let config = r#"{"variants": {"z": 50, "a": 20, "m": 30}, "hash": "splitio", "salt": "-92391491"}"#;
    check_variants("splitio -92391491", "f", config, |place| {
        by_weight(place.as_u64().unwrap() - 1, &[("z", 50), ("a", 20), ("m", 30)])
    });
}

#[test]
fn optimizely() {
    let salted = json!({"hash": "optimizely", "salt": "1886780721"});
    check_shares("optimizely 1886780721", "f", &salted, |place, percentage| {
        place.as_f64().unwrap() < percentage * 100.0
    });
    let config =
        r#"{"variants": {"z": 3333, "a": 3333, "m": 3334}, "hash": "optimizely", "salt": "1886780721"}"#;
    check_variants("optimizely 1886780721", "f", config, |place| {
        by_weight(place.as_u64().unwrap(), &[("z", 3333), ("a", 3333), ("m", 3334)])
    });
}

#[test]
fn togglz() {
    check_shares("togglz FEATURE", "FEATURE", &json!({"hash": "togglz"}), |place, percentage| {
        place.as_f64().unwrap() < percentage
    });
    // Java's "ärger:FEATURE".hashCode() is -1565090846.
    let flags = flag("FEATURE", "novi.bucket", r#"{"ranges": [[46, 47]], "total": 100, "hash": "togglz"}"#);
    assert!(flags.is_enabled("FEATURE", &Context::new().with("targetingKey", " \u{c4}RGER\n")));
}

#[test]
fn flagr() {
    check_shares_at(&WHOLE, "flagr 7", "f", &json!({"hash": "flagr", "salt": "7"}), |place, percentage| {
        percentage > 0.0 && place.as_f64().unwrap() * 100.0 <= 999.0 * percentage
    });
    let weights = [("z", 1), ("a", 33), ("m", 66)];
    for coverage in [0, 1, 33, 50, 99, 100] {
        let variants = r#"{"z": 1, "a": 33, "m": 66}"#;
        let config =
            format!(r#"{{"variants": {variants}, "coverage": {coverage}, "hash": "flagr", "salt": "7"}}"#);
        check_variants("flagr 7", "f", &config, |place| {
            let place = place.as_u64().unwrap();
            let mut start = 0;
            for (name, percent) in weights {
                let size = 10 * percent;
                if place < start + size {
                    let is_in =
                        coverage == 100 || coverage > 0 && 100 * (place - start) <= (size - 1) * coverage;
                    return is_in.then(|| name.to_owned());
                }
                start += size;
            }
            None
        });
    }
}

#[test]
fn feats() {
    check_shares("feats 100", "f", &json!({"hash": "blake2s"}), |place, percentage| {
        place.as_f64().unwrap() < percentage
    });
    let config = r#"{"variants": {"z": 333, "a": 333, "m": 334}, "hash": "blake2s"}"#;
    check_variants("feats 1000", "f", config, |place| {
        by_weight(place.as_u64().unwrap(), &[("z", 333), ("a", 333), ("m", 334)])
    });
}

/// Compares `is_in`, the published rule, with `novi.bucket` for each caller.
fn check_buckets(system: &str, config: &str, is_in: impl Fn(&Json) -> bool) {
    let published = published();
    let flags = flag("f", "novi.bucket", config);
    for (id, place) in published["ids"].iter().zip(&published[system]) {
        let id = id.as_str().unwrap();
        let context = Context::new().with("targetingKey", id);
        assert_eq!(flags.is_enabled("f", &context), is_in(place), "{system}, {id:?}, {config}");
    }
}

/// Single values published by these systems and by the authors of the hash functions.
#[test]
fn single_values() {
    let at = |hash: &str, salt: &str, key: &str| {
        let flags =
            flag("f", "novi.percentage", &json!({"percentage": 50, "hash": hash, "salt": salt}).to_string());
        let trace = flags.explain("f", &Context::new().with("targetingKey", key)).unwrap();
        trace.activations[0].notes[0].split_once(',').unwrap().0.replace("bucket ", "")
    };
    assert_eq!(at("unleash", "gr1", "123"), "73");
    assert_eq!(at("unleash", "groupX", "999"), "25");
    assert_eq!(at("sha1", "hashKey.saltyA", "userKeyA"), "0.42157587");
    assert_eq!(at("sha1", "61", "userKeyA"), "0.09801207");
    assert_eq!(at("growthbook_v1", "", "a"), "0.22");
    assert_eq!(at("fnv1a", "seed", "a"), "0.0505");
    assert_eq!(at("crc32", "", "44488"), "88");
    assert_eq!(at("flagd", "flag-", "user"), "0.56128", "2410693464 of 2^32");
    // By PostgreSQL: select ('x' || left(md5('s:u'), 8))::bit(32)::bigint % 100000
    assert_eq!(at("md5", "s", "u"), "30357");
    // select ('x' || left(encode(sha256('s:u'), 'hex'), 8))::bit(32)::bigint % 100000
    assert_eq!(at("sha256", "s", "u"), "26976");
}

fn has_variants(hash: &str) -> bool {
    !["rollout", "flipper", "togglz", "posthog_holdout"].contains(&hash)
}

/// Hashes that put a caller at the same place for a percentage as for 100 buckets.
fn counts_alike(hash: &str) -> bool {
    // UFC takes another remainder; the gem's and Flagsmith's percentages include their limit.
    !["ufc", "rollout", "flagsmith", "flagr"].contains(&hash)
}

proptest! {
    #[test]
    fn raising_a_percentage_turns_no_caller_off(
        hash in proptest::sample::select(hashes()),
        salt in proptest::option::of("[0-9]{1,6}"),
        key in "\\PC{1,12}",
        mut shares in proptest::collection::vec(0.0..=100.0_f64, 6),
    ) {
        shares.sort_by(f64::total_cmp);
        let context = Context::new().with("targetingKey", key);
        let mut before = false;
        for percentage in shares {
            let config = match &salt {
                None if hash == "splitio" => json!({"percentage": percentage, "hash": hash, "salt": "7"}),
                Some(salt) => json!({"percentage": percentage, "hash": hash, "salt": salt}),
                None => json!({"percentage": percentage, "hash": hash}),
            };
            let on = flag("f", "novi.percentage", &config.to_string()).is_enabled("f", &context);
            prop_assert!(on || !before, "{percentage}");
            before = on;
        }
    }

    #[test]
    fn callers_in_a_ramp_stay_in(
        hash in proptest::sample::select(hashes()),
        linear: bool,
        key in "[a-z0-9]{1,12}",
        mut steps in proptest::collection::vec((0..1_000_u32, 0.0..=100.0_f64), 1..5),
        mut times in proptest::collection::vec(0..1_100_000_u32, 8),
    ) {
        steps.sort_by_key(|(minute, _)| *minute);
        steps.dedup_by_key(|(minute, _)| *minute);
        let mut percentages: Vec<f64> = steps.iter().map(|(_, percentage)| *percentage).collect();
        percentages.sort_by(f64::total_cmp);
        let start = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let at = |seconds: u32| (start + chrono::Duration::seconds(seconds.into())).to_rfc3339();
        let steps: Vec<Json> = steps
            .iter()
            .zip(percentages)
            .map(|((minute, _), percentage)| json!({"at": at(1_000 * minute), "percentage": percentage}))
            .collect();
        let config = json!({"steps": steps, "linear": linear, "hash": hash, "salt": "7"});
        let flags = flag("f", "novi.ramp", &config.to_string());
        times.sort_unstable();
        let mut before = false;
        for time in times {
            let context = Context::new().with("targetingKey", key.as_str()).with("currentDateTime", at(time));
            let on = flags.is_enabled("f", &context);
            prop_assert!(on || !before, "at {time}");
            before = on;
        }
    }

    #[test]
    fn every_caller_gets_a_variant(
        hash in proptest::sample::select(hashes().into_iter().filter(|hash| has_variants(hash)).collect::<Vec<_>>()),
        weights in proptest::collection::vec(0..50_u32, 1..12).prop_filter("above 0", |all| all.iter().sum::<u32>() > 0),
        key in "\\PC{1,12}",
    ) {
        let variants: serde_json::Map<_, _> =
            ('a'..).zip(&weights).map(|(name, weight)| (name.to_string(), json!(weight))).collect();
        let config = json!({"variants": variants, "hash": hash, "salt": "7"}).to_string();
        let flags = flag("f", "novi.split", &config);
        let decision = flags.evaluate("f", &Context::new().with("targetingKey", key)).unwrap();
        let variant = decision.variant().unwrap();
        prop_assert!(variants[variant].as_u64().unwrap() > 0, "{variant} has no weight");
    }

    #[test]
    fn buckets_from_the_first_one_are_a_percentage(
        hash in proptest::sample::select(hashes().into_iter().filter(|hash| counts_alike(hash)).collect::<Vec<_>>()),
        percentage in 1..=100_u32,
        key in "\\PC{1,12}",
    ) {
        let context = Context::new().with("targetingKey", key);
        let config = json!({"percentage": percentage, "hash": hash, "salt": "7"}).to_string();
        let expected = flag("f", "novi.percentage", &config).is_enabled("f", &context);
        let config = json!({"ranges": [[0, percentage]], "total": 100, "hash": hash, "salt": "7"}).to_string();
        prop_assert_eq!(flag("f", "novi.bucket", &config).is_enabled("f", &context), expected);
    }

    #[test]
    fn raising_the_coverage_keeps_variants(
        key in "[a-z0-9]{1,12}",
        mut coverages in proptest::collection::vec(0.0..=100.0_f64, 5),
    ) {
        coverages.sort_by(f64::total_cmp);
        let mut before: Option<String> = None;
        for coverage in coverages {
            let flags = flag("f", "novi.split", &json!({"variants": {"A": 1, "B": 2, "C": 3}, "coverage": coverage}).to_string());
            let decision = flags.evaluate("f", &Context::new().with("targetingKey", key.as_str())).unwrap();
            let now = decision.variant().map(str::to_owned);
            prop_assert!(before.is_none() || now == before);
            before = now;
        }
    }
}

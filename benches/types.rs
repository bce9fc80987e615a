//! The cost of the types that are not in `evaluate.rs` and `attribute.rs`: cargo bench --bench types

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
};

/// A flag with one activation.
fn flag(class: &str, config: &str, members: Vec<MemberRow>) -> Flags {
    let flags = Flags::builder()
        .context(Context::new().with("environment", "production").with("host", "web-17.example.com"))
        .from_rows(Rows {
            flags: vec![FlagRow::new(1, "flag", true)],
            activations: vec![ActivationRow::new(1, "row", class, config)],
            links: vec![LinkRow::new(1, 1)],
            members,
            ..Rows::default()
        })
        .expect("types are registered once");
    assert!(flags.issues().is_empty(), "{:?}", flags.issues());
    flags
}

fn caller() -> Context<'static> {
    Context::new().with("targetingKey", "user-00000123456").with("ip", "192.168.17.4")
}

/// A list of a million answers as fast as one of ten, but for what it takes to fetch from memory; longer
/// members are hashed twice.
fn members(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("members");
    for (case, suffix) in [("16 bytes", ""), ("36 bytes", "-with-a-rather-long-")] {
        for count in [10, 1_000_000] {
            let member = |id: i64| format!("user-{:011}{suffix}", 123_456 + id);
            let rows = (0..count).map(|id| MemberRow::allowed(1, member(id))).collect();
            let flags = flag("novi.members", r#"{"allow": []}"#, rows);
            let (inside, outside) = (member(0), member(-1));
            let inside = Context::new().with("targetingKey", inside);
            let outside = Context::new().with("targetingKey", outside);
            assert!(flags.is_enabled("flag", &inside) && !flags.is_enabled("flag", &outside));
            for (which, caller) in [("in", &inside), ("out", &outside)] {
                group.bench_function(format!("{count} of {case}, {which}"), |bench| {
                    bench.iter(|| flags.is_enabled(black_box("flag"), black_box(caller)));
                });
            }
        }
    }
    group.finish();
}

/// Against `novi.date_time`, which reads the clock and compares it with two ends. Only the last two look a
/// window up.
fn time(criterion: &mut Criterion) {
    let hours = r#"{"weekdays": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00", "timezone": "Europe/Madrid"}"#;
    let cron = r#"{"cron": "0 9 * * MON-FRI", "duration": "8h", "timezone": "Europe/Madrid"}"#;
    let window = r#"{"startDateTime": "2020-01-01T00:00:00Z", "endDateTime": "2999-01-01T00:00:00Z"}"#;
    let time = |text| Context::new().with("currentDateTime", novi_time(text));
    let (now, friday, sunday) = (Context::new(), time("2026-11-20T12:00:00Z"), time("2026-11-22T12:00:00Z"));
    let mut group = criterion.benchmark_group("time");
    for (case, class, config, callers) in [
        ("date_time, clock", "novi.date_time", window, [&now, &now]),
        ("expires, clock", "novi.expires", r#"{"at": "2999-01-01"}"#, [&now, &now]),
        ("schedule by hours, clock", "novi.schedule", hours, [&now, &now]),
        ("schedule by cron, clock", "novi.schedule", cron, [&now, &now]),
        ("schedule by cron, time told", "novi.schedule", cron, [&friday, &friday]),
        ("schedule by hours, another time told each time", "novi.schedule", hours, [&friday, &sunday]),
        ("schedule by cron, another time told each time", "novi.schedule", cron, [&friday, &sunday]),
    ] {
        let flags = flag(class, config, Vec::new());
        let mut turns = callers.into_iter().cycle();
        group.bench_function(case, |bench| {
            bench.iter(|| flags.is_enabled(black_box("flag"), turns.next().unwrap_or(&now)));
        });
    }
    group.finish();
}

fn novi_time(text: &str) -> novi::Value<'static> {
    chrono::DateTime::parse_from_rfc3339(text).expect("a time").to_utc().into()
}

fn place(criterion: &mut Criterion) {
    let caller = caller();
    let mut group = criterion.benchmark_group("place");
    for (case, class, config) in [
        ("environment", "novi.environment", r#"{"environments": ["staging", "production"]}"#),
        ("host", "novi.host", r#"{"hosts": ["db-1", "web-*.example.com"]}"#),
        ("ip", "novi.ip", r#"{"networks": ["10.0.0.0/8", "192.168.0.0/16"]}"#),
    ] {
        let flags = flag(class, config, Vec::new());
        assert!(flags.is_enabled("flag", &caller), "{case}");
        group.bench_function(case, |bench| {
            bench.iter(|| flags.is_enabled(black_box("flag"), black_box(&caller)));
        });
    }
    group.finish();
}

/// Places by the hashes of other systems, against novi's own.
fn rollouts(criterion: &mut Criterion) {
    let caller = caller();
    let mut group = criterion.benchmark_group("rollouts");
    for hash in
        ["murmur3", "md5", "sha256", "crc32", "rollout", "flipper", "unleash", "flagd", "sha1", "fnv1a"]
    {
        let flags =
            flag("novi.percentage", &format!(r#"{{"percentage": 100, "hash": "{hash}"}}"#), Vec::new());
        assert!(flags.is_enabled("flag", &caller), "{hash}");
        group.bench_function(hash, |bench| {
            bench.iter(|| flags.is_enabled(black_box("flag"), black_box(&caller)));
        });
    }
    let steps = r#"[{"at": "2020-01-01", "percentage": 1}, {"at": "2999-01-01", "percentage": 100}]"#;
    for (case, linear) in [("ramp, stepwise", false), ("ramp, linear", true)] {
        let flags = flag("novi.ramp", &format!(r#"{{"steps": {steps}, "linear": {linear}}}"#), Vec::new());
        group.bench_function(case, |bench| {
            bench.iter(|| flags.is_enabled(black_box("flag"), black_box(&caller)));
        });
    }
    group.finish();
}

/// What gives variants, and a flag that asks another one.
fn choices(criterion: &mut Criterion) {
    let caller = caller().with("country", "CA").with("platform", "ios");
    let rule = |country: &str| {
        let config = format!(r#"{{"attribute": "country", "equals": "{country}"}}"#);
        format!(
            r#"{{"when": {{"class_name": "novi.attribute", "config": {config}}}, "variant": "{country}"}}"#
        )
    };
    let rules: Vec<_> = ["US", "DE", "ES", "FR", "CA"].map(rule).into();
    let rules = format!(r#"{{"rules": [{}]}}"#, rules.join(","));
    let cases: Vec<_> = (0..200).map(|at| format!(r#""C{at}": "v{at}""#)).collect();
    let switch = format!(r#"{{"by": "country", "cases": {{{}, "CA": "premium"}}}}"#, cases.join(","));
    let two = r#"{"by": ["country", "platform"], "cases": [
        {"values": ["*", "web"], "gives": "a"}, {"values": ["CA", "*"], "gives": "b"}, {"values": ["CA", "ios"], "gives": "c"}]}"#;
    let mut group = criterion.benchmark_group("choices");
    for (case, class, config) in [
        ("static", "novi.static", r#"{"variant": "a"}"#),
        ("the last of five rules", "novi.rules", &*rules),
        ("switch with 201 cases", "novi.switch", &*switch),
        ("switch by two attributes", "novi.switch", two),
    ] {
        let flags = flag(class, config, Vec::new());
        assert!(flags.is_enabled("flag", &caller), "{case}");
        group.bench_function(case, |bench| {
            bench.iter(|| flags.is_enabled(black_box("flag"), black_box(&caller)));
        });
    }
    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "flag", true), FlagRow::new(2, "asked", true)],
        activations: vec![
            ActivationRow::new(1, "asks", "novi.flag", r#"{"flag": "asked"}"#),
            ActivationRow::new(2, "who", "novi.attribute", r#"{"attribute": "country", "equals": "CA"}"#),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(2, 2)],
        ..Rows::default()
    })
    .expect("types are registered once");
    assert!(flags.is_enabled("flag", &caller));
    for (case, name) in [("a flag", "asked"), ("a flag that asks it", "flag")] {
        group.bench_function(case, |bench| {
            bench.iter(|| flags.is_enabled(black_box(name), black_box(&caller)));
        });
    }
    group.finish();
}

criterion_group!(benches, members, time, place, rollouts, choices);
criterion_main!(benches);

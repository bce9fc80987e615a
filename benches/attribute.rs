//! The cost of a condition on an attribute: cargo bench --bench attribute

#![allow(clippy::expect_used, missing_docs, reason = "a bench")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};

/// A flag with these conditions.
fn flag(configs: &[&str]) -> Flags {
    flag_of("novi.attribute", configs)
}

/// A flag with activations of this class.
fn flag_of(class: &str, configs: &[&str]) -> Flags {
    let row = |(id, config): (i64, &&str)| ActivationRow::new(id, format!("row {id}"), class, *config);
    let activations: Vec<_> = (1..).zip(configs).map(row).collect();
    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "flag", true)],
        links: activations.iter().map(|row| LinkRow::new(1, row.id)).collect(),
        activations,
        ..Rows::default()
    });
    let flags = flags.expect("types are registered once");
    assert!(flags.issues().is_empty(), "{:?}", flags.issues());
    flags
}

fn caller() -> Context<'static> {
    Context::new()
        .with("targetingKey", "user-0123456789")
        .with("country", "de")
        .with("plan", "team")
        .with("version", "2.10.3")
        .with("age", 42)
        .with("email", "somebody@example.com")
        .with("ip", "192.168.17.4")
        .with("since", "2026-02-03T04:05:06Z")
        .with("id", "user-00000123456")
}

/// All conditions are met, so that each is asked.
fn conditions(criterion: &mut Criterion) {
    let caller = caller();
    let list = r#"{"attribute": "plan", "in": ["free", "pro", "team", "enterprise"]}"#;
    let equal = r#"{"attribute": "country", "equals": "de"}"#;
    let version = r#"{"attribute": "version", "semver": ">=2.3.1"}"#;
    let cases: [(&str, &[&str]); 13] = [
        ("none", &[]),
        ("list, equality and version", &[list, equal, version]),
        ("in, four texts", &[list]),
        ("equals", &[equal]),
        ("equals, ignore_case", &[r#"{"attribute": "country", "equals": "DE", "ignore_case": true}"#]),
        ("semver", &[version]),
        ("greater_or_equal", &[r#"{"attribute": "age", "greater_or_equal": 18}"#]),
        ("ends_with", &[r#"{"attribute": "email", "ends_with": "@example.com"}"#]),
        (
            "ends_with, ignore_case",
            &[r#"{"attribute": "email", "ends_with": "@EXAMPLE.COM", "ignore_case": true}"#],
        ),
        ("contains", &[r#"{"attribute": "email", "contains": "@example"}"#]),
        ("regex", &[r#"{"attribute": "email", "regex": "@example\\.com$"}"#]),
        ("in_cidr", &[r#"{"attribute": "ip", "in_cidr": ["10.0.0.0/8", "192.168.0.0/16"]}"#]),
        ("after", &[r#"{"attribute": "since", "after": "2026-01-01"}"#]),
    ];
    let mut group = criterion.benchmark_group("attribute");
    for (case, configs) in cases {
        let flags = flag(configs);
        assert!(flags.is_enabled("flag", &caller), "{case}");
        group.bench_function(case, |bench| {
            bench.iter(|| flags.is_enabled(black_box("flag"), black_box(&caller)));
        });
    }
    // What conditions are to be held against: the engine's own part, which is the same for whatever is asked.
    for (case, count) in [("one that asks nothing", 1), ("three that ask nothing", 3)] {
        let flags = flag_of("novi.and", &vec!["[]"; count]);
        group.bench_function(case, |bench| {
            bench.iter(|| flags.is_enabled(black_box("flag"), black_box(&caller)));
        });
    }
    group.finish();
}

/// A list of a million values answers as fast as one of ten, but for what it takes to fetch from memory.
fn lists(criterion: &mut Criterion) {
    let caller = caller();
    let mut group = criterion.benchmark_group("in");
    for (case, ignore_case) in [("exact", false), ("ignore_case", true)] {
        for count in [10, 1_000, 1_000_000] {
            let ids: Vec<_> = (0..count).map(|id| format!("user-{:011}", 123_456_i64 + id)).collect();
            let config =
                serde_json::json!({"attribute": "id", "in": ids, "ignore_case": ignore_case}).to_string();
            let flags = flag(&[&config]);
            assert!(flags.is_enabled("flag", &caller));
            group.bench_function(format!("{count} texts, {case}"), |bench| {
                bench.iter(|| flags.is_enabled(black_box("flag"), black_box(&caller)));
            });
        }
    }
    group.finish();
}

/// Expressions, beside the conditions that say the same.
fn expressions(criterion: &mut Criterion) {
    let caller = caller();
    let cases = [
        ("equals", r#"country == "de""#),
        ("in, four texts", r#"plan in ["free", "pro", "team", "enterprise"]"#),
        ("semver", r#"semver(version) >= semver("2.3.1")"#),
        ("greater_or_equal", "age >= 18"),
        ("ends_with", r#"email.endsWith("@example.com")"#),
        ("regex", r#"email.matches("@example\\.com$")"#),
        ("in_cidr", r#"inCidr(ip, "192.168.0.0/16")"#),
        (
            "list, equality and version",
            r#"plan in ["free", "pro", "team"] && country == "de" && semver(version) >= semver("2.3.1")"#,
        ),
        ("a macro over four texts", r#"["a", "b", "c", "team"].exists(x, x == plan)"#),
    ];
    let mut group = criterion.benchmark_group("expression");
    for (case, expression) in cases {
        let config = serde_json::json!({"expression": expression}).to_string();
        let flags = flag_of("novi.expression", &[&config]);
        assert!(flags.is_enabled("flag", &caller), "{case}");
        group.bench_function(case, |bench| {
            bench.iter(|| flags.is_enabled(black_box("flag"), black_box(&caller)));
        });
    }
    group.finish();
}

criterion_group!(benches, conditions, lists, expressions);
criterion_main!(benches);

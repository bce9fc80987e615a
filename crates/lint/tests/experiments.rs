//! What is noticed about experiments, between rows.

#![allow(clippy::unwrap_used, reason = "tests")]

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use novi_lint::findings;

/// The code and the message of each finding about experiments with these names and configs.
fn found(experiments: &[(&str, &str)]) -> Vec<(i64, &'static str, String)> {
    let mut rows = Rows::default();
    for ((name, rest), id) in experiments.iter().zip(1..) {
        let config = format!(r#"{{"variants": {{"a": 1, "b": 1}}, "control": "a"{rest}}}"#);
        rows.flags.push(FlagRow::new(id, format!("flag {id}"), true));
        rows.activations.push(ActivationRow::new(id, *name, "novi.experiment", config));
        rows.links.push(LinkRow::new(id, id));
    }
    let flags = Flags::from_rows(rows.clone()).unwrap();
    let snapshot = flags.snapshot();
    findings(&flags, &snapshot, &rows)
        .into_iter()
        .map(|found| (found.id, found.code, found.message))
        .collect()
}

#[test]
fn running_experiments_of_a_layer_must_not_overlap() {
    let config = |state: &str, layer: &str, from: u32, to: u32| {
        format!(r#", "state": "{state}", "layer": {{"name": "{layer}", "from": {from}, "to": {to}}}"#)
    };
    let list = [
        ("A", config("running", "l", 0, 60)),
        ("B", config("running", "l", 10, 20)),
        ("C", config("running", "l", 50, 70)),
        ("D", config("running", "l", 70, 100)),
        ("E", config("draft", "l", 0, 100)),
        ("F", config("running", "other", 0, 100)),
    ];
    let list: Vec<(&str, &str)> = list.iter().map(|(name, rest)| (*name, rest.as_str())).collect();
    let message = |from: u32, to: u32| {
        format!(
            "overlaps with activations#1 \"A\" in the layer \"l\", from {from} to {to} %: both run, and enroll the same units"
        )
    };
    let expected = [(2, "overlapping_layer", message(10, 20)), (3, "overlapping_layer", message(50, 60))];
    let overlaps: Vec<_> =
        found(&list).into_iter().filter(|(_, code, _)| *code == "overlapping_layer").collect();
    assert_eq!(overlaps, expected);
    assert_eq!(found(&list).len(), 2, "{:?}", found(&list));
}

#[test]
fn experiments_of_a_layer_need_one_hash() {
    let config = |hash: &str, from: u32| {
        format!(
            r#", "state": "running", "hash": "{hash}", "layer": {{"name": "l", "from": {from}, "to": {}}}"#,
            from + 20
        )
    };
    let (first, second, third) = (config("sha256", 0), config("murmur3", 20), config("ufc", 40));
    let message = "draws the layer \"l\" by murmur3, and activations#1 by sha256: both enroll the same units";
    let found = found(&[("A", &first), ("B", &second), ("C", &third)]);
    assert_eq!(found, [(2, "different_hash", message.to_owned())]);
}

#[test]
fn names_holdouts_and_ends_are_compared() {
    let running = r#", "state": "running""#;
    let holdout =
        |percentage: u32| format!(r#"{running}, "holdout": {{"name": "h", "percentage": {percentage}}}"#);
    let (five, ten) = (holdout(5), holdout(10));
    let over = format!(r#"{running}, "end": "2020-01-01""#);
    let found =
        found(&[("A", &five), ("B", &ten), ("A", running), ("C", &over), ("D", r#", "traffic": 101"#)]);
    let codes: Vec<_> = found.iter().map(|(id, code, _)| (*id, *code)).collect();
    assert_eq!(codes, [(2, "different_holdout"), (3, "same_experiment"), (4, "experiment_over")]);
    assert!(found[2].2.starts_with("ended at 2020-01-01T00:00:00Z"), "{found:?}");
}

#[test]
fn metrics_need_no_flag() {
    let metric = r#"{"kind": "mean", "sql": "select 1"}"#;
    let rows = Rows {
        activations: vec![
            ActivationRow::new(1, "revenue", "novi.metric", metric),
            ActivationRow::new(2, "nobody", "novi.static", r#"{"variant": "a"}"#),
        ],
        ..Rows::default()
    };
    let flags = Flags::from_rows(rows.clone()).unwrap();
    let found = findings(&flags, &flags.snapshot(), &rows);
    assert_eq!(found.iter().map(|found| (found.id, found.code)).collect::<Vec<_>>(), [(2, "unused")]);
}

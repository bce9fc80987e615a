//! Long lists of `novi.members`: their memory, and that evaluating them allocates nothing.

use std::sync::Arc;

use allocation_counter::measure;
use novi::{
    Context,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
    snapshot::{Settings, Snapshot},
};
use serde_json::json;

const COUNT: i64 = 1_000_000;

/// The maximum size of a member, in bytes.
const MOST: i64 = 24;

/// The allocated bytes per member for a compiled list of a million members, without the rows.
fn compiled(member: impl Fn(i64) -> String, in_table: bool) -> i64 {
    let members: Vec<_> = (0..COUNT).map(&member).collect();
    let config = if in_table { json!({"allow": []}) } else { json!({"allow": members}) };
    let row = |member: String| MemberRow::allowed(1, member);
    let rows = Arc::new(Rows {
        flags: vec![FlagRow::new(1, "flag", true)],
        activations: vec![ActivationRow::new(1, "list", "novi.members", config.to_string())],
        links: vec![LinkRow::new(1, 1)],
        members: members.into_iter().filter(|_| in_table).map(row).collect(),
        ..Rows::default()
    });
    // Keeps the rows from being freed while the counter runs.
    let kept = Arc::clone(&rows);
    let registry = Registry::global().unwrap();
    let mut snapshot = None;
    let counted = measure(|| snapshot = Some(Snapshot::compile(rows, &registry, &Settings::default(), None)));
    let snapshot = snapshot.unwrap();
    assert_eq!(snapshot.issues(), []);
    drop(kept);

    let id = |number: i64| Context::new().with("targetingKey", member(number));
    let callers = [id(0), id(COUNT / 2), id(COUNT - 1)];
    let strangers = [id(COUNT), id(-1), Context::new(), Context::new().with("targetingKey", 7)];
    let ask = || {
        assert!(callers.iter().all(|caller| snapshot.is_enabled("flag", caller)));
        assert!(!strangers.iter().any(|caller| snapshot.is_enabled("flag", caller)));
    };
    // The first evaluation of a thread may allocate memory for its memo.
    ask();
    assert_eq!(measure(ask).count_total, 0);
    counted.bytes_current / COUNT
}

#[test]
fn long_lists_are_compact_and_evaluate_without_allocating() {
    for in_table in [false, true] {
        let ids = compiled(|id| format!("user-{id:011}"), in_table);
        assert!((17..=MOST).contains(&ids), "{ids} bytes for an id of sixteen bytes");
        let long = compiled(|id| format!("{id:08x}-aaaa-4bbb-8ccc-{id:012x}"), in_table);
        assert!((16..=MOST).contains(&long), "{long} bytes for an id of 36");
        let emails = compiled(|id| format!("somebody.with.a.long.name.{id}@mail.example.com"), in_table);
        assert!((16..=MOST).contains(&emails), "{emails} bytes for an address of mail");
    }
}

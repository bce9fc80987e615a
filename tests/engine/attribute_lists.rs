//! Long lists of `novi.attribute`: their memory, and that evaluating them allocates nothing.

use allocation_counter::measure;
use novi::{
    Context, Flags,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
    snapshot::{Settings, Snapshot},
};
use serde_json::json;

const COUNT: i64 = 1_000_000;

/// The maximum size of a value of a list, in bytes.
const MOST: i64 = 24;

fn rows(configs: &[serde_json::Value]) -> Rows {
    let row = |(id, config): (i64, &serde_json::Value)| {
        ActivationRow::new(id, format!("row {id}"), "novi.attribute", config.to_string())
    };
    let activations: Vec<_> = (1..).zip(configs).map(row).collect();
    Rows {
        flags: activations.iter().map(|row| FlagRow::new(row.id, format!("flag {}", row.id), true)).collect(),
        links: activations.iter().map(|row| LinkRow::new(row.id, row.id)).collect(),
        activations,
        ..Rows::default()
    }
}

/// The bytes that are left allocated for each value once a list is compiled, beside the row itself; and the
/// answers for two callers, of whom the first is in the list.
fn compiled(config: serde_json::Value, inside: &Context<'_>, outside: &Context<'_>) -> i64 {
    let rows = std::sync::Arc::new(rows(&[config]));
    // Keeps the rows from being freed while the counter runs.
    let kept = std::sync::Arc::clone(&rows);
    let registry = Registry::global().unwrap();
    let mut snapshot = None;
    let counted = measure(|| snapshot = Some(Snapshot::compile(rows, &registry, &Settings::default(), None)));
    let snapshot = snapshot.unwrap();
    assert_eq!(snapshot.issues(), []);
    drop(kept);
    let ask = || {
        assert!(snapshot.is_enabled("flag 1", inside));
        assert!(!snapshot.is_enabled("flag 1", outside));
    };
    // The first evaluation of a thread may allocate memory for its memo.
    ask();
    let asked = measure(ask);
    assert_eq!(asked.count_total, 0);
    counted.bytes_current / COUNT
}

/// Conditions of every kind, with callers that meet them and callers that do not.
fn every_operator() -> Flags {
    let many: Vec<_> = (0..100).map(|id| format!("Straße {id}")).collect();
    let configs = [
        json!({"attribute": "a", "in": ["x", "y"], "ignore_case": true}),
        json!({"attribute": "a.b", "not_in": many}),
        json!({"attribute": "a", "in": many, "ignore_case": true}),
        json!({"attribute": "a", "contains": "straẞe", "ignore_case": true}),
        json!({"attribute": "a", "starts_with": "straẞe", "ignore_case": true}),
        json!({"attribute": "a", "ends_with": ["5", "ẞe 7"], "ignore_case": true}),
        json!({"attribute": "a", "less": 10, "greater_or_equal": -0.5}),
        json!({"attribute": "a", "after": "2026-01-01", "before": "2027-01-01T00:00:00Z"}),
        json!({"attribute": "a", "semver": ">=1.2.3-rc.1, <2"}),
        json!({"attribute": "a", "regex": "^str[a-zß]+ \\d$"}),
        json!({"attribute": "a", "in_cidr": ["10.0.0.0/8", "::1"]}),
        json!({"attribute": "a.b", "exists": true}),
    ];
    let flags = Flags::from_rows(rows(&configs)).unwrap();
    assert_eq!(flags.issues(), []);
    flags
}

#[test]
fn long_lists_are_compact_and_evaluate_without_allocating() {
    let id = |id: i64| format!("user-{id:011}");
    for ignore_case in [false, true] {
        let ids: Vec<_> = (0..COUNT).map(id).collect();
        let list = json!({"attribute": "id", "in": ids, "ignore_case": ignore_case});
        let size =
            compiled(list, &Context::new().with("id", id(COUNT - 1)), &Context::new().with("id", id(COUNT)));
        assert!((17..=MOST).contains(&size), "{size} bytes a text");
    }
    // The table of numbers grows by doubling, so it has the most unused space just after that.
    for count in [COUNT, 920_000] {
        let list = json!({"attribute": "id", "in": (0..count).map(|id| id * 7919).collect::<Vec<_>>()});
        let size = compiled(list, &Context::new().with("id", 7919), &Context::new().with("id", 7918));
        assert!((8..=MOST * count / COUNT).contains(&size), "{size} bytes a number");
    }

    let flags = every_operator();
    let values = [
        "x",
        "straße 7",
        "STRASSE 7",
        "Straße 7",
        "1.2.3-rc.2",
        "2026-05-05T00:00:00Z",
        "10.1.2.3",
        "::1",
        "",
    ];
    let texts = values.map(|value| Context::new().with("a", value).with("a.b", value));
    let others =
        [Context::new(), Context::new().with("a", 7), Context::new().with("a", vec!["x", "Straße 7"])];
    for ctx in texts.iter().chain(&others) {
        for name in flags.snapshot().flag_names() {
            let ask =
                || assert_eq!(flags.is_enabled(name, ctx), flags.evaluate(name, ctx).unwrap().enabled());
            // The first evaluation of a thread may allocate memory for its memo.
            ask();
            assert_eq!(measure(ask).count_total, 0, "{name}");
        }
    }
}

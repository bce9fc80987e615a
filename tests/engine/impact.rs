//! Whom an edit would affect.

use std::time::{Duration, Instant};

use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Rows},
    snapshot::{FlagImpact, Impact},
    store::{Change, Edit},
};
use serde_json::{Value, json};

/// A rollout by country, a flag that depends on it, and one with variants.
fn rows() -> Rows {
    let activation =
        |id, class: &str, config: Value| ActivationRow::new(id, "row", class, config.to_string());
    let flags = vec![
        FlagRow::new(1, "rollout", true),
        FlagRow::new(2, "dependent", true),
        FlagRow {
            metadata: FlagMetadata {
                variants: Some(r#"{"grid": 1, "list": 2}"#.to_owned()),
                ..FlagMetadata::default()
            },
            ..FlagRow::new(3, "layout", true)
        },
        FlagRow::new(4, "unrelated", true),
    ];
    let activations = vec![
        activation(1, "novi.attribute", json!({"attribute": "country", "in": ["DE", "AT"]})),
        activation(2, "novi.flag", json!({"flag": "rollout"})),
        activation(3, "novi.switch", json!({"by": "country", "cases": {"DE": "grid"}, "fallback": "list"})),
    ];
    let links = vec![LinkRow::new(1, 1), LinkRow::new(2, 2), LinkRow::new(3, 3)];
    Rows { flags, activations, links, ..Rows::default() }
}

/// Twelve callers: four of each country, of whom one pays; the last one has no country.
fn callers() -> Vec<Context<'static>> {
    let countries = ["DE", "AT", "US"];
    (0..12)
        .map(|number| {
            let context = Context::new()
                .with("targetingKey", format!("user-{number}"))
                .with("plan", if number % 4 == 0 { "pro" } else { "free" });
            if number == 11 { context } else { context.with("country", countries[number % 3]) }
        })
        .collect()
}

fn impact(change: Change) -> Impact {
    let (plan, impact) = Flags::from_rows(rows()).unwrap().impact(rows(), &Edit::new([change]), &callers());
    assert!(plan.problems.is_empty(), "{plan}");
    impact
}

fn config(id: i64, class: &str, config: &Value) -> Change {
    Change::UpdateActivation(ActivationRow::new(id, "row", class, config.to_string()))
}

fn counts(flag: &FlagImpact) -> (&str, usize, usize, usize, usize) {
    (&flag.flag, flag.on, flag.off, flag.other, flag.same)
}

#[test]
fn callers_are_counted_for_the_flag_and_its_dependents() {
    let only_us = config(1, "novi.attribute", &json!({"attribute": "country", "in": ["AT", "US"]}));
    let impact = impact(only_us);
    assert_eq!(impact.contexts, 12);
    let found: Vec<_> = impact.flags.iter().map(counts).collect();
    assert_eq!(found, [("rollout", 3, 4, 0, 5), ("dependent", 3, 4, 0, 5)]);
    assert_eq!(impact.flags[0].changed(), 7);
    let transitions = serde_json::to_value(&impact.flags[0].transitions).unwrap();
    let (on, off) = (json!({"enabled": true}), json!({"enabled": false}));
    let states: Vec<_> = transitions
        .as_array()
        .unwrap()
        .iter()
        .map(|found| (found["before"].clone(), found["after"].clone(), found["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(states[0], (on.clone(), off.clone(), 4));
    assert!(states.contains(&(on.clone(), on, 4)) && states.contains(&(off.clone(), off, 1)), "{states:?}");
    let examples: Vec<_> = impact.flags[0].transitions[0].examples.iter().map(|one| one.context).collect();
    assert_eq!(examples, [0, 3, 6, 9]);
    let first = &impact.flags[0].transitions[0].examples[0];
    assert_eq!(first.before.as_deref(), Some("all of the flag's activations are on"));
    assert_eq!(first.after.as_deref(), Some("activation 1 \"row\" is off"));
}

#[test]
fn attributes_say_where_the_changes_are() {
    let off = impact(Change::SetStatus { flag: "rollout".to_owned(), status: false });
    let by_country = &off.flags[0].attributes[0];
    assert_eq!(by_country.attribute, "country");
    let values: Vec<_> =
        by_country.values.iter().map(|value| (value.value.clone(), value.changed, value.contexts)).collect();
    assert_eq!(
        values,
        [(Some(json!("DE")), 4, 4), (Some(json!("AT")), 4, 4), (Some(json!("US")), 0, 3), (None, 0, 1)]
    );
    let text = off.to_string();
    assert!(
        text.starts_with(
            "rollout: of 12 contexts 0 turn on, 8 turn off, 0 change variant or value, 4 stay the same\n  \
             on -> off: 8\n  by country: \"DE\" 4 of 4, \"AT\" 4 of 4\n"
        ),
        "{text}"
    );
}

#[test]
fn variants_values_and_created_or_deleted_flags_are_compared() {
    let grid = config(3, "novi.static", &json!({"variant": "grid"}));
    let found = impact(grid);
    assert_eq!(found.flags.iter().map(counts).collect::<Vec<_>>(), [("layout", 0, 0, 8, 4)]);
    assert!(found.to_string().contains("\n  on list (2) -> on grid (1): 8\n"), "{found}");
    let values =
        FlagMetadata { variants: Some(r#"{"grid": 1, "list": 3}"#.to_owned()), ..FlagMetadata::default() };
    let found = impact(Change::SetMetadata { flag_id: 3, metadata: Box::new(values) });
    assert_eq!(found.flags.iter().map(counts).collect::<Vec<_>>(), [("layout", 0, 0, 8, 4)]);
    let found = impact(Change::InsertFlag(FlagRow::new(9, "new", true)));
    assert_eq!(found.flags.iter().map(counts).collect::<Vec<_>>(), [("new", 12, 0, 0, 0)]);
    assert!(found.to_string().contains("no flag -> on: 12"), "{found}");
    let found = impact(Change::InsertFlag(FlagRow::new(9, "new", false)));
    assert_eq!(found.flags.iter().map(counts).collect::<Vec<_>>(), [("new", 0, 0, 0, 12)]);
    let found = impact(Change::DeleteFlag { id: 4 });
    assert_eq!(found.flags.iter().map(counts).collect::<Vec<_>>(), [("unrelated", 0, 12, 0, 0)]);
    let found = impact(Change::RenameFlag { id: 4, name: "renamed".to_owned() });
    assert_eq!(found.flags.iter().map(counts).collect::<Vec<_>>(), []);
}

#[test]
fn only_a_bounded_number_of_values_is_counted() {
    let many: Vec<_> = (0..200)
        .map(|number| {
            Context::new().with("n", number).with("half", number % 2 == 0).with("long", "x".repeat(200))
        })
        .collect();
    let mut rows = Rows::default();
    rows.flags.push(FlagRow::new(1, "flag", true));
    let edit = Edit::new([Change::SetStatus { flag: "flag".to_owned(), status: false }]);
    let (_, impact) = Flags::from_rows(rows.clone()).unwrap().impact(rows, &edit, &many);
    let names: Vec<_> = impact.flags[0].attributes.iter().map(|found| found.attribute.as_str()).collect();
    assert_eq!(names, ["half"]);
    assert_eq!(impact.flags[0].transitions[0].examples.len(), 10);
}

#[test]
fn measuring_stops_at_its_deadline() {
    let flags = Flags::from_rows(rows()).unwrap();
    let edit = Edit::new([Change::SetStatus { flag: "rollout".to_owned(), status: false }]);
    let (plan, impact) = flags.impact_until(Some(Instant::now()), rows(), &edit, &callers());
    assert_eq!((plan.flags.len(), impact.is_none()), (2, true));
    let later = Instant::now().checked_add(Duration::from_hours(1));
    assert!(flags.impact_until(later, rows(), &edit, &callers()).1.is_some());
}

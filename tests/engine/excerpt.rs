//! An edit over the rows that it concerns has the same plan and the same impact as over all rows.

use novi::{
    Context, Flags,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
    snapshot::Plan,
    store::{Change, Edit},
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

const FLAG_COUNT: usize = 8;
const ACTIVATION_COUNT: usize = 12;
const FLAGS: i64 = 8;
const ACTIVATIONS: i64 = 12;

/// A config that refers to other rows, some of which may not exist.
fn config() -> impl Strategy<Value = (&'static str, Value)> {
    let ids = || vec(1..=ACTIVATIONS, 1..4);
    prop_oneof![
        (0..=100_i64).prop_map(|share| ("novi.percentage", json!({"percentage": share}))),
        Just(("novi.attribute", json!({"attribute": "plan", "in": ["pro"]}))),
        Just(("novi.members", json!({}))),
        Just(("novi.split", json!({"variants": {"A": 1, "B": 1}}))),
        (1..=FLAGS).prop_map(|flag| ("novi.flag", json!({"flag": format!("flag {flag}")}))),
        ids().prop_map(|ids| ("novi.and", json!(ids))),
        ids().prop_map(|ids| ("novi.or", json!(ids))),
        (1..=ACTIVATIONS, 1..=FLAGS).prop_map(|(id, flag)| {
            let inline = json!({"class_name": "novi.flag", "config": {"flag": format!("flag {flag}")}});
            ("novi.rules", json!({"rules": [{"when": inline, "then": id}], "fallthrough": true}))
        }),
    ]
}

fn activation(id: i64, (class, config): &(&'static str, Value)) -> ActivationRow {
    ActivationRow::new(id, format!("row {id}"), *class, config.to_string())
}

prop_compose! {
    fn rows()(
        statuses in vec(any::<bool>(), FLAG_COUNT),
        configs in vec(config(), ACTIVATION_COUNT),
        links in vec((1..=FLAGS, 1..=ACTIVATIONS), 0..14),
    ) -> Rows {
        let flags = (1..).zip(statuses).map(|(id, on)| FlagRow::new(id, format!("flag {id}"), on)).collect();
        let mut links: Vec<_> = links.into_iter().map(|(flag, id)| LinkRow::new(flag, id)).collect();
        links.sort_by_key(|link| (link.flag_id, link.activation_id));
        links.dedup();
        let activations: Vec<_> = (1..).zip(&configs).map(|(id, config)| activation(id, config)).collect();
        let is_list = |row: &&ActivationRow| row.class_name == "novi.members";
        let members = activations.iter().filter(is_list).map(|row| MemberRow::allowed(row.id, "ann")).collect();
        Rows { flags, activations, links, members, ..Rows::default() }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let link = || (1..=FLAGS, 1..=ACTIVATIONS).prop_map(|(flag, id)| LinkRow::new(flag, id));
    prop_oneof![
        3 => (1..=FLAGS, any::<bool>())
            .prop_map(|(flag, status)| Change::SetStatus { flag: format!("flag {flag}"), status }),
        3 => (1..=ACTIVATIONS, config()).prop_map(|(id, config)| Change::UpdateActivation(activation(id, &config))),
        2 => link().prop_map(Change::Link),
        2 => link().prop_map(Change::Unlink),
        1 => (1..=ACTIVATIONS, any::<bool>()).prop_map(|(id, denied)| Change::InsertMember(MemberRow {
            denied,
            ..MemberRow::allowed(id, "bob")
        })),
        1 => (1..=FLAGS).prop_map(|id| Change::RenameFlag { id, name: "other".to_owned() }),
        1 => (1..=FLAGS).prop_map(|id| Change::DeleteFlag { id }),
    ]
}

fn callers() -> Vec<Context<'static>> {
    let plans = ["pro", "free"];
    let caller = |number: usize| {
        let key = ["ann", "bob", "cat", "dan", "eve", "fay"][number % 6];
        Context::new().with("targetingKey", key).with("plan", plans[number % 2])
    };
    (0..6).map(caller).collect()
}

/// The plan and the impact over all rows are those over the rows that the edit concerns.
fn assert_same(flags: &Flags, edit: &Edit) -> Plan {
    let snapshot = flags.snapshot();
    let all = snapshot.rows().unwrap().clone();
    let some = flags.rows_for(&snapshot, edit).unwrap();
    let expected = flags.impact(all, edit, &callers());
    let found = flags.impact(some, edit, &callers());
    assert_eq!(found.0, expected.0);
    assert_eq!(serde_json::to_value(found.1).unwrap(), serde_json::to_value(expected.1).unwrap());
    expected.0
}

proptest! {
    #[test]
    fn edits_have_the_same_plan_over_the_rows_that_they_concern(
        rows in rows(),
        changes in vec(change(), 1..3),
    ) {
        let flags = Flags::builder().keep_rows().from_rows(rows).unwrap();
        assert_same(&flags, &Edit::new(changes));
    }
}

#[test]
fn flags_that_decide_for_every_caller_are_concerned() {
    let refers = json!({"fallthrough": true, "rules": [
        {"then": 2, "when": {"class_name": "novi.flag", "config": {"flag": "flag 1"}}},
    ]});
    let rows = Rows {
        flags: (1..=2).map(|id| FlagRow::new(id, format!("flag {id}"), true)).collect(),
        activations: vec![
            activation(1, &("novi.rules", refers)),
            activation(2, &("novi.percentage", json!({"percentage": 0}))),
        ],
        links: vec![LinkRow::new(2, 1)],
        ..Rows::default()
    };
    let flags = Flags::builder().keep_rows().from_rows(rows).unwrap();
    let update = activation(1, &("novi.percentage", json!({"percentage": 0})));
    assert_same(&flags, &Edit::new([Change::UpdateActivation(update)]));
}

/// So many flags with an activation each, of which the second depends on the first, and two on one more.
fn many(count: i64) -> Rows {
    let percentage = ("novi.percentage", json!({"percentage": 25}));
    let on_first = ("novi.flag", json!({"flag": "flag 1"}));
    Rows {
        flags: (1..=count).map(|id| FlagRow::new(id, format!("flag {id}"), true)).collect(),
        activations: (1..=count)
            .map(|id| activation(id, if id == 2 { &on_first } else { &percentage }))
            .collect(),
        links: (1..=count).map(|id| LinkRow::new(id, id)).collect(),
        ..Rows::default()
    }
}

#[test]
fn edits_concern_few_of_many_rows() {
    let flags = Flags::builder().keep_rows().from_rows(many(2000)).unwrap();
    let snapshot = flags.snapshot();
    let concerned = |change: Change| {
        let rows = flags.rows_for(&snapshot, &Edit::new([change])).unwrap();
        let flags: Vec<i64> = rows.flags.iter().map(|row| row.id).collect();
        (flags, rows.activations.iter().map(|row| row.id).collect::<Vec<_>>())
    };
    let switch = |flag: &str| concerned(Change::SetStatus { flag: flag.to_owned(), status: false });
    assert_eq!(switch("flag 1"), (vec![1, 2], vec![1, 2]));
    assert_eq!(switch("flag 2"), (vec![1, 2], vec![1, 2]));
    assert_eq!(switch("flag 7"), (vec![7], vec![7]));
    assert_eq!(concerned(Change::Link(LinkRow::new(7, 2))), (vec![1, 2, 7], vec![1, 2, 7]));
    let refers = activation(9, &("novi.or", json!([2, 30])));
    assert_eq!(concerned(Change::UpdateActivation(refers)), (vec![1, 9], vec![1, 2, 9, 30]));
    assert_eq!(concerned(Change::RenameFlag { id: 7, name: "new".to_owned() }).0.len(), 2000);
}

#[test]
fn flags_that_require_a_flag_are_found() {
    let mut rows = many(6);
    let rules = json!({"rules": [{"when": 2, "on": true}]});
    rows.activations[3] = activation(4, &("novi.rules", rules));
    rows.activations[4] = activation(5, &("novi.flag", json!({"flag": "flag 2"})));
    let flags = Flags::builder().keep_rows().from_rows(rows).unwrap();
    assert_eq!(flags.snapshot().required_by("flag 1"), [2, 4]);
    assert_eq!(flags.snapshot().required_by("flag 2"), [5]);
    assert!(flags.snapshot().required_by("flag 3").is_empty());
    assert!(flags.snapshot().required_by("unknown").is_empty());
}

//! The reason of a decision is that of the path that the caller took, however the flag is evaluated.

use novi::{
    Context, Flags, Reason,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What decided, in the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    Nothing,
    Condition,
    Fallthrough,
    Draw,
}

impl Cause {
    fn of_condition(self) -> Self {
        if self == Self::Fallthrough { Self::Condition } else { self }
    }

    fn reason(self) -> Reason {
        match self {
            Self::Nothing => Reason::Static,
            Self::Condition => Reason::TargetingMatch,
            Self::Fallthrough => Reason::Default,
            Self::Draw => Reason::Split,
        }
    }
}

/// An activation: a condition on one of three attributes, a draw that everybody or nobody is in, a row, or a
/// combination.
#[derive(Clone, Debug)]
enum Tree {
    Attribute(u8),
    Draw(bool),
    Static,
    Row(u8),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
    AtLeast(usize, Vec<Tree>),
    Rules(Vec<(Tree, Option<Tree>)>, Option<Box<Tree>>),
}

impl Tree {
    fn config(&self) -> Value {
        let inline = |class: &str, config: Value| json!({"class_name": class, "config": config});
        let all = |trees: &[Self]| Value::from(trees.iter().map(Self::config).collect::<Vec<_>>());
        match self {
            Self::Attribute(number) => {
                inline("novi.attribute", json!({"attribute": format!("a{number}"), "equals": true}))
            }
            Self::Draw(is_in) => {
                inline("novi.percentage", json!({"percentage": if *is_in { 100 } else { 0 }}))
            }
            Self::Static => inline("novi.static", json!({"variant": "s"})),
            Self::Row(number) => json!(number),
            Self::And(trees) => inline("novi.and", all(trees)),
            Self::Or(trees) => inline("novi.or", all(trees)),
            Self::Not(tree) => inline("novi.not", json!([tree.config()])),
            Self::AtLeast(count, trees) => {
                let count = (*count).min(trees.len());
                inline("novi.at_least", json!({"count": count, "activations": all(trees)}))
            }
            Self::Rules(rules, fallthrough) => {
                let rule = |(when, then): &(Self, Option<Self>)| match then {
                    None => json!({"when": when.config(), "on": true}),
                    Some(then) => json!({"when": when.config(), "then": then.config()}),
                };
                let rules: Vec<_> = rules.iter().map(rule).collect();
                let fallthrough = match fallthrough {
                    None => json!(true),
                    Some(tree) => json!({"then": tree.config()}),
                };
                inline("novi.rules", json!({"rules": rules, "fallthrough": fallthrough}))
            }
        }
    }

    /// What the documentation says: whether it is on, and what decided.
    fn expected(&self, rows: &[Self], attributes: [bool; 3], has_key: bool) -> (bool, Cause) {
        let of = |tree: &Self| tree.expected(rows, attributes, has_key);
        match self {
            Self::Attribute(number) => (attributes[usize::from(*number)], Cause::Condition),
            Self::Draw(_) if !has_key => (false, Cause::Condition),
            Self::Draw(is_in) => (*is_in, Cause::Draw),
            Self::Static => (true, Cause::Nothing),
            Self::Row(number) => of(&rows[usize::from(*number) - 1]),
            Self::Not(tree) => {
                let (on, cause) = of(tree);
                (!on, cause.of_condition())
            }
            Self::And(trees) => at_least(trees.len(), trees, of),
            Self::Or(trees) => at_least(1, trees, of),
            Self::AtLeast(count, trees) => at_least((*count).min(trees.len()), trees, of),
            Self::Rules(rules, fallthrough) => {
                let (mut of_off, mut cause) = (Cause::Nothing, Cause::Nothing);
                let mut then = fallthrough.as_deref();
                for (when, result) in rules {
                    let (on, of_when) = of(when);
                    if on {
                        (cause, then) = (of_when.of_condition(), result.as_ref());
                        break;
                    }
                    (of_off, cause) = (of_off.max(of_when), Cause::Fallthrough);
                }
                let (on, of_then) = then.map_or((true, Cause::Nothing), of);
                let cause = cause.max(of_then);
                (on, if on { cause } else { cause.max(of_off) })
            }
        }
    }
}

/// The path of a combination: the activations that are on, or all that were evaluated if it is off.
fn at_least(count: usize, trees: &[Tree], of: impl Fn(&Tree) -> (bool, Cause)) -> (bool, Cause) {
    let (mut missing, mut left) = (count, trees.len());
    let mut causes = [Cause::Nothing; 2];
    for tree in trees {
        if missing == 0 || missing > left {
            break;
        }
        left -= 1;
        let (on, cause) = of(tree);
        missing -= usize::from(on);
        let before = &mut causes[usize::from(on)];
        *before = cause.max(*before);
    }
    let [of_off, of_on] = causes;
    if missing == 0 { (true, of_on) } else { (false, of_on.max(of_off)) }
}

fn leaf() -> impl Strategy<Value = Tree> {
    prop_oneof![
        4 => (0_u8..3).prop_map(Tree::Attribute),
        2 => any::<bool>().prop_map(Tree::Draw),
        1 => Just(Tree::Static),
    ]
}

fn tree(leaf: impl Strategy<Value = Tree> + 'static) -> impl Strategy<Value = Tree> {
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        let rule = (inner.clone(), prop::option::of(inner.clone()));
        prop_oneof![
            list().prop_map(Tree::And),
            list().prop_map(Tree::Or),
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            (0_usize..4, list()).prop_map(|(count, list)| Tree::AtLeast(count, list)),
            (prop::collection::vec(rule, 0..4), prop::option::of(inner.clone().prop_map(Box::new)))
                .prop_map(|(rules, fallthrough)| Tree::Rules(rules, fallthrough)),
        ]
    })
}

/// Rows 1 and 2 are activations that others refer to. Each following row is linked to a flag.
fn rows(shared: &[Tree], roots: &[Vec<Tree>]) -> Rows {
    let mut rows = Rows::default();
    let add = |rows: &mut Rows, tree: &Tree| {
        // Every row is an inline activation in an `and`, since a tree may be the id of a row.
        let id = i64::try_from(rows.activations.len()).unwrap() + 1;
        let config = json!([tree.config()]).to_string();
        rows.activations.push(ActivationRow::new(id, format!("row {id}"), "novi.and", config));
        id
    };
    for tree in shared {
        add(&mut rows, tree);
    }
    for (roots, flag) in roots.iter().zip(1..) {
        rows.flags.push(FlagRow::new(flag, format!("flag {flag}"), true));
        for tree in roots {
            let id = add(&mut rows, tree);
            rows.links.push(LinkRow::new(flag, id));
        }
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_evaluation_has_the_reason_of_the_path(
        shared in prop::collection::vec(tree(leaf()), 2),
        roots in prop::collection::vec(
            prop::collection::vec(tree(prop_oneof![3 => leaf(), 1 => (1_u8..3).prop_map(Tree::Row)]), 1..3), 1..4),
        attributes: [bool; 3],
        has_key: bool,
    ) {
        let flags = Flags::from_rows(rows(&shared, &roots)).unwrap();
        prop_assert_eq!(flags.issues(), []);
        let mut context = Context::new();
        for (number, value) in attributes.into_iter().enumerate() {
            context.insert(format!("a{number}"), value);
        }
        if has_key {
            context.insert("targetingKey", "user");
        }
        let snapshot = flags.snapshot();
        let all = snapshot.evaluate_all(&context);
        for (roots, decision) in roots.iter().zip(&all) {
            let (on, cause) =
                at_least(roots.len(), roots, |tree| tree.expected(&shared, attributes, has_key));
            let expected = (on, if on { cause.reason() } else { Reason::Default });
            let alone = snapshot.evaluate(decision.flag(), &context).unwrap();
            let trace = snapshot.explain(decision.flag(), &context).unwrap();
            prop_assert_eq!((alone.enabled(), alone.reason()), expected);
            prop_assert_eq!((decision.enabled(), decision.reason()), expected, "among all");
            prop_assert_eq!((trace.enabled, trace.reason), expected, "explained");
        }
        let counted = flags.evaluations();
        for decision in &all {
            let of_flag = counted.iter().filter(|counted| counted.flag == decision.flag());
            let of_flag: Vec<_> = of_flag.map(|counted| (counted.enabled, counted.reason, counted.count)).collect();
            prop_assert_eq!(of_flag, [(decision.enabled(), decision.reason(), 2)], "counted");
        }
    }
}

/// A graph that is too deep for the stack is evaluated children first, also those that are not on the path.
#[test]
fn deep_flags_have_the_reason_of_the_path() {
    let rules = json!({"rules": [
        {"when": {"class_name": "novi.attribute", "config": {"attribute": "a0", "equals": true}}, "variant": "A"},
        {"when": {"class_name": "novi.percentage", "config": {"percentage": 50, "salt": "s"}}, "variant": "B"}],
        "fallthrough": "C"});
    let mut rows = Rows {
        flags: vec![FlagRow::new(1, "deep", true), FlagRow::new(2, "asks", true)],
        activations: vec![
            ActivationRow::new(1, "rules", "novi.rules", rules.to_string()),
            ActivationRow::new(
                1000,
                "asks",
                "novi.rules",
                r#"{"rules": [{"when": {"class_name": "novi.flag",
                "config": {"flag": "deep", "variant": "A"}}}], "fallthrough": true}"#,
            ),
        ],
        links: vec![LinkRow::new(1, 200), LinkRow::new(2, 1000)],
        ..Rows::default()
    };
    for id in 2..=200 {
        rows.activations.push(ActivationRow::new(id, "and", "novi.and", format!("[{}]", id - 1)));
    }
    let flags = Flags::from_rows(rows).unwrap();
    assert_eq!(flags.issues(), []);
    for (key, staff, reason, of_asking) in [
        ("user-1", true, Reason::TargetingMatch, Reason::TargetingMatch),
        ("user-1", false, Reason::Split, Reason::Default),
        ("user-2", false, Reason::Default, Reason::Default),
    ] {
        let context = Context::new().with("targetingKey", key).with("a0", staff);
        for (flag, reason) in [("deep", reason), ("asks", of_asking)] {
            assert_eq!(flags.evaluate(flag, &context).unwrap().reason(), reason, "{flag} {key} {staff}");
            assert_eq!(flags.explain(flag, &context).unwrap().reason, reason, "{flag} {key} {staff}");
        }
        let all = flags.snapshot();
        let all: Vec<Reason> = all.evaluate_all(&context).iter().map(novi::Decision::reason).collect();
        assert_eq!(all, [reason, of_asking], "{key} {staff}");
    }
}

//! Flags that depend on flags: compared with a plain recursion, and nested very deeply.

use std::{collections::HashMap, thread};

use novi::{
    Context, Flags, Reason,
    activation::MissingFlags,
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use proptest::prelude::*;
use serde_json::json;

/// An activation. It depends only on activations and flags with a higher number, so there are no circles.
#[derive(Clone, Debug)]
enum Kind {
    /// On where the attribute of this number is true.
    Attribute(usize),
    Percentage(u32),
    And(Vec<usize>),
    Or(Vec<usize>),
    Not(usize),
    Flag(usize),
    /// Another activation, below this number of layers.
    Deep(usize, usize),
}

#[derive(Clone, Debug)]
struct Plan {
    activations: Vec<Kind>,
    /// For each flag, its status and its activations.
    flags: Vec<(bool, Vec<usize>)>,
}

impl Plan {
    fn rows(&self) -> Rows {
        let mut rows = Rows::default();
        let id = |place: usize| i64::try_from(place).unwrap() + 1;
        let ids = |places: &[usize]| places.iter().map(|place| id(*place)).collect::<Vec<_>>();
        for (place, kind) in self.activations.iter().enumerate() {
            let (class, config) = match kind {
                Kind::Attribute(number) => {
                    ("novi.attribute", json!({"attribute": format!("a{number}"), "equals": true}))
                }
                Kind::Percentage(percentage) => ("novi.percentage", json!({"percentage": percentage})),
                Kind::And(below) => ("novi.and", json!(ids(below))),
                Kind::Or(below) => ("novi.or", json!(ids(below))),
                Kind::Not(below) => ("novi.not", json!([id(*below)])),
                Kind::Flag(flag) => ("novi.flag", json!({"flag": format!("flag {flag}")})),
                Kind::Deep(below, layers) => {
                    let mut next = id(*below);
                    for layer in 0..*layers {
                        let between = 1_000_000 + 1_000 * id(place) + i64::try_from(layer).unwrap();
                        rows.activations.push(ActivationRow::new(
                            between,
                            "layer",
                            "novi.and",
                            format!("[{next}]"),
                        ));
                        next = between;
                    }
                    ("novi.and", json!([next]))
                }
            };
            rows.activations.push(ActivationRow::new(id(place), "it", class, config.to_string()));
        }
        for (place, (status, asks)) in self.flags.iter().enumerate() {
            rows.flags.push(FlagRow::new(id(place), format!("flag {place}"), *status));
            rows.links.extend(asks.iter().map(|activation| LinkRow::new(id(place), id(*activation))));
        }
        rows
    }

    fn flag(&self, flag: usize, context: &Context<'_>, shares: &HashMap<(usize, u32), bool>) -> bool {
        let (status, asks) = &self.flags[flag];
        *status && asks.iter().all(|activation| self.activation(*activation, flag, context, shares))
    }

    fn activation(
        &self,
        at: usize,
        flag: usize,
        ctx: &Context<'_>,
        shares: &HashMap<(usize, u32), bool>,
    ) -> bool {
        let ask = |below: &usize| self.activation(*below, flag, ctx, shares);
        match &self.activations[at] {
            Kind::Attribute(number) => ctx.get(&format!("a{number}")) == Some(&novi::Value::Bool(true)),
            Kind::Percentage(percentage) => shares[&(flag, *percentage)],
            Kind::And(below) => below.iter().all(ask),
            Kind::Or(below) => below.iter().any(ask),
            Kind::Not(below) => !ask(below),
            Kind::Flag(other) => self.flag(*other, ctx, shares),
            Kind::Deep(below, _) => ask(below),
        }
    }
}

const SHARES: [u32; 2] = [30, 60];

fn kind(at: usize, activations: usize, flags: usize) -> BoxedStrategy<Kind> {
    let leaf = prop_oneof![
        (0..3_usize).prop_map(Kind::Attribute),
        proptest::sample::select(&SHARES[..]).prop_map(Kind::Percentage),
    ];
    // The activations of a flag have at least twice its number, so dependencies always have higher numbers.
    let first_flag = at / 2 + 1;
    if at + 1 >= activations {
        return leaf.boxed();
    }
    let below = at + 1..activations;
    let several = proptest::collection::vec(below.clone(), 0..3);
    let combos = prop_oneof![
        2 => leaf,
        2 => several.clone().prop_map(Kind::And),
        2 => several.prop_map(Kind::Or),
        1 => below.clone().prop_map(Kind::Not),
        1 => (below, 60..80_usize).prop_map(|(below, layers)| Kind::Deep(below, layers)),
    ];
    if first_flag < flags {
        prop_oneof![2 => combos, 1 => (first_flag..flags).prop_map(Kind::Flag)].boxed()
    } else {
        combos.boxed()
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    let (activations, flags) = (14, 7);
    let kinds: Vec<_> = (0..activations).map(|at| kind(at, activations, flags)).collect();
    let asks: Vec<_> = (0..flags)
        .map(|flag| (proptest::bool::weighted(0.9), proptest::collection::vec(2 * flag..activations, 0..3)))
        .collect();
    (kinds, asks).prop_map(|(activations, flags)| Plan { activations, flags })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn decisions_equal_a_plain_recursion(
        plan in plan(),
        contexts in proptest::collection::vec((any::<[bool; 3]>(), 0..50_u32), 4),
    ) {
        let flags = Flags::from_rows(plan.rows()).unwrap();
        prop_assert_eq!(flags.issues(), []);
        for (attributes, user) in contexts {
            let key = format!("user-{user}");
            let mut context = Context::new().with("targetingKey", key.as_str());
            for (name, value) in ["a0", "a1", "a2"].into_iter().zip(attributes) {
                context = context.with(name, value);
            }
            let mut shares = HashMap::new();
            for flag in 0..plan.flags.len() {
                for share in SHARES {
                    let alone = Plan { activations: vec![Kind::Percentage(share)], flags: vec![(true, vec![0])] };
                    let mut rows = alone.rows();
                    rows.flags[0].name = format!("flag {flag}");
                    let on = Flags::from_rows(rows).unwrap().is_enabled(&format!("flag {flag}"), &context);
                    shares.insert((flag, share), on);
                }
            }
            let snapshot = flags.snapshot();
            let all = snapshot.evaluate_all(&context);
            for (flag, decision) in all.iter().enumerate() {
                let (name, expected) = (format!("flag {flag}"), plan.flag(flag, &context, &shares));
                prop_assert_eq!(flags.is_enabled(&name, &context), expected, "{} by itself", &name);
                prop_assert_eq!(decision.enabled(), expected, "{} among all", &name);
                prop_assert_eq!(flags.explain(&name, &context).unwrap().enabled, expected, "{} explained", &name);
            }
        }
    }
}

/// Runs on a thread with a small stack.
fn on_a_small_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(256 * 1024).spawn(run).unwrap().join().unwrap()
}

#[test]
fn a_hundred_thousand_flags_that_each_ask_the_next() {
    const COUNT: i64 = 100_000;
    let mut rows = Rows::default();
    for id in 1..=COUNT {
        rows.flags.push(FlagRow::new(id, format!("flag {id}"), true));
        rows.links.push(LinkRow::new(id, id));
        rows.activations.push(if id == COUNT {
            ActivationRow::new(id, "the end", "novi.attribute", r#"{"attribute": "on", "equals": true}"#)
        } else {
            ActivationRow::new(id, "asks", "novi.flag", format!(r#"{{"flag": "flag {}"}}"#, id + 1))
        });
    }
    on_a_small_stack(move || {
        let flags = Flags::from_rows(rows).unwrap();
        assert_eq!(flags.issues(), []);
        let on = Context::new().with("on", true);
        for flag in ["flag 1", "flag 50000", "flag 99999", "flag 100000"] {
            assert!(flags.is_enabled(flag, &on), "{flag}");
            assert!(!flags.is_enabled(flag, &Context::new()), "{flag}");
            assert!(flags.explain(flag, &on).unwrap().enabled, "{flag}");
        }
        let snapshot = flags.snapshot();
        assert!(snapshot.evaluate_all(&on).iter().all(novi::Decision::enabled));
    });
}

#[test]
fn a_circle_of_ten_thousand_flags() {
    const COUNT: i64 = 10_000;
    let mut rows = Rows::default();
    for id in 1..=COUNT {
        rows.flags.push(FlagRow::new(id, format!("flag {id}"), true));
        rows.links.push(LinkRow::new(id, id));
        let next = id % COUNT + 1;
        let config = format!(r#"{{"flag": "flag {next}"}}"#);
        rows.activations.push(ActivationRow::new(id, "asks", "novi.flag", config));
    }
    on_a_small_stack(move || {
        let flags = Flags::from_rows(rows).unwrap();
        let issues = flags.issues();
        let [issue] = &issues[..] else { panic!("{} issues", issues.len()) };
        assert_eq!(issue.path, "config.flag");
        assert!(issue.message.starts_with("activations form a cycle: "), "{}", issue.message);
        assert!(issue.message.contains("more)"), "{}", issue.message);
        assert_eq!(issue.flags.len(), 10_000);
        assert!(!flags.is_enabled("flag 1", &Context::new()));
    });
}

#[test]
fn explanations_list_prerequisites() {
    let rows = Rows {
        flags: vec![FlagRow::new(1, "checkout", true), FlagRow::new(2, "new cart", true)],
        activations: vec![
            ActivationRow::new(1, "needs the cart", "novi.flag", r#"{"flag": "new cart"}"#),
            ActivationRow::new(2, "half", "novi.percentage", r#"{"percentage": 50}"#),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(1, 2), LinkRow::new(2, 2)],
        ..Rows::default()
    };
    let flags = Flags::from_rows(rows).unwrap();
    // The same row is on for one flag and off for the other.
    let context = Context::new().with("targetingKey", "user-1");
    let trace = flags.explain("checkout", &context).unwrap();
    let text = trace.to_string();
    let mut lines = text.lines();
    let line = lines.next().unwrap();
    assert!(line.starts_with("checkout is off (DEFAULT): activation 2 \"half\" is off"), "{text}");
    let rest: Vec<&str> = lines.collect();
    insta::assert_snapshot!(rest.join("\n"));
    assert!(trace.activations[0].nanoseconds.is_some());
}

#[test]
fn overrides_of_a_prerequisite_apply_to_its_dependents() {
    let pinned = novi::rows::FlagMetadata { override_allowed: false, ..Default::default() };
    let variants = novi::rows::FlagMetadata {
        variants: Some(r#"{"grid": 1, "list": 2}"#.to_owned()),
        ..Default::default()
    };
    let flags = Flags::from_rows(Rows {
        flags: vec![
            FlagRow::new(1, "asks", true),
            FlagRow::new(2, "asked", false),
            FlagRow { metadata: pinned, ..FlagRow::new(3, "pinned", false) },
            FlagRow { metadata: variants, ..FlagRow::new(4, "layout", true) },
            FlagRow::new(5, "asks pinned", true),
            FlagRow::new(6, "asks grid", true),
        ],
        activations: vec![
            ActivationRow::new(1, "a", "novi.flag", r#"{"flag": "asked"}"#),
            ActivationRow::new(2, "b", "novi.flag", r#"{"flag": "pinned"}"#),
            ActivationRow::new(3, "c", "novi.flag", r#"{"flag": "layout", "variant": "grid"}"#),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(5, 2), LinkRow::new(6, 3)],
        ..Rows::default()
    });
    let (flags, context) = (flags.unwrap(), Context::new());
    let asked = |name: &str| {
        let answers = [
            flags.is_enabled(name, &context),
            flags.flag(name).is_enabled(&context),
            flags
                .snapshot()
                .evaluate_all(&context)
                .iter()
                .any(|decision| decision.flag() == name && decision.enabled()),
            flags.explain(name, &context).unwrap().enabled,
        ];
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{name}: {answers:?}");
        answers[0]
    };
    assert!(!asked("asks"));
    novi::overrides::sync_scope([("asked", true), ("pinned", true)], || {
        assert!(asked("asks"));
        assert!(asked("asks pinned"));
    });
    novi::overrides::request_sync_scope([("asked", true), ("pinned", true)], || {
        assert!(asked("asks"));
        assert!(!asked("asks pinned"), "it is not for requests to override");
    });
    assert!(!asked("asks grid"));
    for (variant, expected) in [("grid", true), ("list", false), ("unknown", false)] {
        let variant = novi::overrides::Override::variant(variant);
        novi::overrides::request_sync_scope([("layout", variant)], || {
            assert_eq!(asked("asks grid"), expected);
        });
    }
    assert!(!asked("asks"));
}

#[test]
fn broken_prerequisite_breaks_its_dependents() {
    let values = novi::rows::FlagMetadata { variants: Some("[]".to_owned()), ..Default::default() };
    let flags = Flags::from_rows(Rows {
        flags: vec![
            FlagRow::new(1, "lost", true),
            FlagRow { metadata: values, ..FlagRow::new(2, "no values", true) },
            FlagRow::new(3, "dependent", true),
            FlagRow::new(4, "dependent of a dependent", true),
            FlagRow::new(5, "sound", true),
        ],
        activations: vec![
            ActivationRow::new(1, "a", "novi.flag", r#"{"flag": "lost"}"#),
            ActivationRow::new(2, "b", "novi.flag", r#"{"flag": "no values"}"#),
            ActivationRow::new(3, "c", "novi.flag", r#"{"flag": "dependent"}"#),
        ],
        // The first link has no target.
        links: vec![LinkRow::new(1, 77), LinkRow::new(3, 1), LinkRow::new(3, 2), LinkRow::new(4, 3)],
        ..Rows::default()
    });
    let flags = flags.unwrap();
    let hurt: Vec<_> = flags.issues().into_iter().map(|issue| (issue.table, issue.flags)).collect();
    let askers = ["dependent", "dependent of a dependent"];
    // Sorted by name, so the dependents come first here.
    let with = |flag: &'static str| askers.into_iter().chain([flag]).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(hurt, [("flag_metadata", with("no values")), ("flags_activations", with("lost"))]);
    for (flag, reason) in [("dependent", "ERROR"), ("dependent of a dependent", "ERROR"), ("sound", "STATIC")]
    {
        assert_eq!(flags.evaluate(flag, &Context::new()).unwrap().reason().as_str(), reason, "{flag}");
    }
}

#[test]
fn missing_flags_break_their_row_if_the_settings_say_so() {
    let rows = || {
        let mut rows = Rows::default();
        rows.flags.push(FlagRow::new(1, "asks", true));
        rows.activations.push(ActivationRow::new(1, "row", "novi.flag", r#"{"flag": "gone"}"#));
        rows.links.push(LinkRow::new(1, 1));
        rows
    };
    for (setting, reason, warning) in
        [(MissingFlags::Off, Reason::Default, true), (MissingFlags::Issue, Reason::Error, false)]
    {
        let flags = Flags::builder().missing_flags(setting).from_rows(rows()).unwrap();
        assert_eq!(flags.evaluate("asks", &Context::new()).unwrap().reason(), reason);
        assert_eq!(flags.issues().iter().map(|issue| issue.warning).collect::<Vec<_>>(), [warning]);
    }
    let trace = Flags::from_rows(rows()).unwrap().explain("asks", &Context::new()).unwrap();
    assert_eq!(trace.activations[0].notes, ["no flag has this name, so it counts as off"]);
}

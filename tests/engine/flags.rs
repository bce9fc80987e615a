//! The engine, where test vectors are not enough: several snapshots, large graphs, or custom types.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use novi::{
    Context, Flags, Reason,
    activation::{Activation, ActivationType, Children, CompileContext, Evaluation, Registry, Verdict},
    rows::{ActivationRow, FailMode, FlagMetadata, FlagRow, LinkRow, Revision, Rows},
    snapshot::Filter,
};
use schemars::JsonSchema;
use serde::Deserialize;

fn and(id: i64, config: &str) -> ActivationRow {
    ActivationRow::new(id, format!("activation {id}"), "novi.and", config)
}

fn one_flag(activations: Vec<ActivationRow>) -> Rows {
    let first = activations[0].id;
    Rows {
        flags: vec![FlagRow::new(1, "flag", true)],
        activations,
        links: vec![LinkRow::new(1, first)],
        ..Rows::default()
    }
}

fn last_known(activation: ActivationRow) -> Rows {
    let mut rows = one_flag(vec![activation]);
    rows.flags[0].metadata = FlagMetadata { fail_mode: FailMode::LastKnown, ..FlagMetadata::default() };
    rows
}

#[test]
fn last_known_uses_the_last_rows_that_compiled() {
    let draw = |config| ActivationRow::new(1, "draw", "novi.weighted_random", config);
    let flags = Flags::from_rows(last_known(draw(r#"{"splits": [1], "variations": ["blue"]}"#))).unwrap();
    let ctx = Context::new().with("targetingKey", "user-1");
    let answer = |flags: &Flags| {
        let decision = flags.evaluate("flag", &ctx).unwrap();
        (decision.enabled(), decision.variant().map(str::to_owned), decision.reason())
    };
    let blue = Some("blue".to_owned());
    assert_eq!(answer(&flags), (true, blue.clone(), Reason::Split));

    // Twice, so that the last known rows outlive a second set of broken rows.
    for bad in ["{", "[]"] {
        flags.replace_rows(last_known(draw(bad)));
        assert_eq!(answer(&flags), (true, blue.clone(), Reason::Error), "{bad}");
        assert_eq!(flags.issues().len(), 1);
    }
    flags.replace_rows(last_known(draw(r#"{"splits": [1], "variations": ["red"]}"#)));
    assert_eq!(answer(&flags), (true, Some("red".to_owned()), Reason::Split));

    // A disabled status counts even if the row is broken: it must work as a kill switch.
    let mut rows = last_known(draw("{"));
    rows.flags[0].status = false;
    flags.replace_rows(rows);
    assert_eq!(answer(&flags), (false, None, Reason::Disabled));
}

/// Counts its instances.
#[novi::activation("test.alive")]
#[derive(serde::Deserialize)]
struct Alive {
    #[serde(skip)]
    life: Life,
}

static ALIVE: AtomicUsize = AtomicUsize::new(0);

struct Life;

impl Default for Life {
    fn default() -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Activation for Alive {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        let Life = self.life;
        Verdict::On
    }
}

#[test]
fn last_known_keeps_one_version() {
    let rows = |broken: i64| {
        let mut rows = Rows {
            flags: (1..=2).map(|id| FlagRow::new(id, format!("flag {id}"), true)).collect(),
            activations: (1..=2)
                .map(|id| {
                    let config = if id == broken { "{" } else { "{}" };
                    ActivationRow::new(id, format!("row {id}"), "test.alive", config)
                })
                .collect(),
            links: vec![LinkRow::new(1, 1), LinkRow::new(2, 2)],
            ..Rows::default()
        };
        for flag in &mut rows.flags {
            flag.metadata.fail_mode = FailMode::LastKnown;
        }
        rows
    };
    let registry = Registry::empty().with::<Alive>().unwrap();
    let flags = Flags::builder().registry(registry).from_rows(rows(0)).unwrap();
    for turn in 0..40 {
        flags.replace_rows(rows(1 + turn % 2));
        for name in ["flag 1", "flag 2"] {
            assert!(flags.is_enabled(name, &Context::new()), "{name} in turn {turn}");
        }
    }
    let alive = ALIVE.load(Ordering::Relaxed);
    assert!((1..=8).contains(&alive), "{alive} activations of 40 turns are alive");
}

#[test]
fn deep_chains_evaluate_on_a_small_stack() {
    let deep = |depth: i64, end: &str| {
        let link = |id: i64| and(id, &if id == depth { end.to_owned() } else { format!("[{}]", id + 1) });
        one_flag((1..=depth).map(link).collect())
    };
    let small = thread::Builder::new().stack_size(256 * 1024);
    let answers = small.spawn(move || {
        for depth in [1, 63, 64, 65, 100, 1000, 100_000] {
            let flags = Flags::from_rows(deep(depth, "[]")).unwrap();
            assert!(flags.is_enabled("flag", &Context::new()), "depth {depth}");
            assert!(flags.snapshot().evaluate_all(&Context::new())[0].enabled(), "all, depth {depth}");
            let told = flags.explain("flag", &Context::new()).unwrap();
            assert!(told.enabled && !told.to_string().is_empty());
            assert!(!serde_json::to_string(&told).unwrap().is_empty());
            // A circle at the end breaks the flag, and the issue stays short.
            let flags = Flags::from_rows(deep(depth, "[1]")).unwrap();
            assert!(!flags.is_enabled("flag", &Context::new()));
            let issues = flags.issues();
            assert_eq!((issues.len(), issues[0].flags.len()), (1, 1));
            assert!(issues[0].to_string().len() < 200, "{}", issues[0]);
        }
    });
    answers.unwrap().join().unwrap();
}

#[test]
fn inline_activations_nested_too_deeply_are_an_issue_at_once() {
    let inline = |levels: usize| {
        let config = "[{\"class_name\": \"novi.and\", \"config\": ".repeat(levels);
        Flags::from_rows(one_flag(vec![and(1, &format!("{config}[]{}", "}]".repeat(levels)))])).unwrap()
    };
    assert!(inline(64).is_enabled("flag", &Context::new()));
    // 0.8 MB, which took gigabytes and half a minute.
    for levels in [65, 20_000] {
        let flags = inline(levels);
        assert!(!flags.is_enabled("flag", &Context::new()));
        let issues: Vec<_> = flags.issues().iter().map(ToString::to_string).collect();
        assert_eq!(issues.len(), 1, "{levels}");
        assert!(
            issues[0].contains("nested more than 64 levels deep; give one of them a row"),
            "{}",
            issues[0]
        );
        assert!(issues[0].contains("config[0].… 57 more ….config[0]"), "{}", issues[0]);
        assert!(flags.issues()[0].path.len() > 600, "programs get the whole path");
    }
}

#[test]
fn shared_levels_are_evaluated_once_each() {
    let level = |id: i64| and(id, &if id == 40 { "[]".to_owned() } else { format!("[{0}, {0}]", id + 1) });
    let flags = Flags::from_rows(one_flag((1..=40).map(level).collect())).unwrap();
    // Without the memo this would evaluate 2^40 activations and never end.
    assert!(flags.is_enabled("flag", &Context::new()));
    assert!(flags.explain("flag", &Context::new()).unwrap().enabled);
    assert!(flags.snapshot().evaluate_all(&Context::new())[0].enabled());
}

static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Counts its evaluations.
#[derive(Deserialize, JsonSchema)]
struct Counting {}

impl Activation for Counting {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        ASKED.fetch_add(1, Ordering::Relaxed);
        Verdict::On
    }
}

#[test]
fn shared_activations_are_evaluated_once_per_context() {
    let mut registry = Registry::global().unwrap();
    registry.add(ActivationType::new::<Counting>("test.counting", &[], "Counts", "here")).unwrap();
    let mut activations = vec![ActivationRow::new(1, "counting", "test.counting", "{}")];
    activations.extend([and(2, "[1, 1]"), and(3, "[1, 2]"), and(4, "[3, 2, 1]")]);
    let rows = Rows {
        flags: (1..=3).map(|id| FlagRow::new(id, format!("flag {id}"), true)).collect(),
        activations,
        links: vec![LinkRow::new(1, 1), LinkRow::new(1, 4), LinkRow::new(2, 4), LinkRow::new(3, 1)],
        ..Rows::default()
    };
    let flags = Flags::builder().registry(registry).from_rows(rows).unwrap();
    let asked = |ask: &dyn Fn()| {
        let before = ASKED.load(Ordering::Relaxed);
        ask();
        ASKED.load(Ordering::Relaxed) - before
    };
    let ctx = Context::new();
    assert_eq!(asked(&|| assert!(flags.is_enabled("flag 1", &ctx))), 1);
    assert_eq!(asked(&|| assert!(flags.is_enabled("flag 2", &ctx))), 1);
    assert_eq!(asked(&|| assert!(flags.explain("flag 1", &ctx).unwrap().enabled)), 1);
    assert_eq!(asked(&|| assert_eq!(flags.snapshot().evaluate_all(&ctx).len(), 3)), 1);
}

/// On if its flag is off in another set of flags.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Asking {
    children: Children,
}

impl Activation for Asking {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let inner = Flags::from_rows(one_flag(vec![and(1, "[2, 2]"), and(2, "[]")])).unwrap();
        assert!(inner.is_enabled("flag", &Context::new()));
        self.children.as_slice().iter().all(|child| evaluation.ask(child).is_on()).into()
    }

    fn compile(&mut self, row: &mut CompileContext<'_>) {
        self.children.compile(row);
    }
}

#[test]
fn activations_can_evaluate_other_flags() {
    let mut registry = Registry::global().unwrap();
    registry.add(ActivationType::new::<Asking>("test.asking", &[], "Asks", "here")).unwrap();
    let activations =
        vec![ActivationRow::new(1, "asking", "test.asking", "[2, 3, 2]"), and(2, "[3]"), and(3, "[]")];
    let flags = Flags::builder().registry(registry).from_rows(one_flag(activations)).unwrap();
    assert!(flags.is_enabled("flag", &Context::new()));
}

/// Panics where its config says so.
#[derive(Deserialize, JsonSchema)]
struct Panicking {
    when: String,
}

impl Activation for Panicking {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        assert!(self.when != "asked" || evaluation.get("calm").is_some(), "as the config says");
        Verdict::On
    }

    fn compile(&mut self, _: &mut CompileContext<'_>) {
        assert!(self.when != "compiled", "as the config says");
    }
}

#[test]
fn panics_break_only_the_flags_that_depend_on_them() {
    let mut registry = Registry::global().unwrap();
    registry.add(ActivationType::new::<Panicking>("test.panicking", &[], "Panics", "here")).unwrap();
    let panicking =
        |id, when| ActivationRow::new(id, when, "test.panicking", format!(r#"{{"when": "{when}"}}"#));
    let mut rows = Rows {
        flags: (1..=6).map(|id| FlagRow::new(id, format!("flag {id}"), true)).collect(),
        activations: vec![
            panicking(1, "asked"),
            panicking(2, "compiled"),
            panicking(3, "never"),
            ActivationRow::new(4, "not", "novi.not", "[1]"),
            ActivationRow::new(5, "or", "novi.or", "[1, 3]"),
        ],
        links: [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 1)]
            .map(|(flag, row)| LinkRow::new(flag, row))
            .into(),
        ..Rows::default()
    };
    rows.flags[5].metadata.fail_mode = FailMode::On;
    let flags = Flags::builder().registry(registry).from_rows(rows).unwrap();
    let issues: Vec<_> = flags.issues().iter().map(ToString::to_string).collect();
    assert_eq!(
        issues,
        [r#"activations#2 "compiled": config: the activation type panicked while building from this config"#]
    );
    let answers = |ctx: &Context<'_>| {
        let answer = |decision: novi::Decision<_>| (decision.enabled(), decision.reason());
        let snapshot = flags.snapshot();
        let all: Vec<_> = snapshot
            .evaluate_all(ctx)
            .into_iter()
            .map(|decision| (decision.enabled(), decision.reason()))
            .collect();
        let alone: Vec<_> =
            snapshot.flag_names().map(|name| answer(flags.evaluate(name, ctx).unwrap())).collect();
        assert_eq!(all, alone);
        let explained: Vec<_> =
            snapshot.flag_names().map(|name| flags.explain(name, ctx).unwrap().reason).collect();
        assert_eq!(explained, all.iter().map(|(_, reason)| *reason).collect::<Vec<_>>());
        all
    };
    let (broken, on) = ((false, Reason::Error), (true, Reason::TargetingMatch));
    let off = (false, Reason::Default);
    assert_eq!(answers(&Context::new()), [broken, broken, on, broken, broken, (true, Reason::Error)]);
    assert_eq!(answers(&Context::new().with("calm", true)), [on, broken, on, off, on, on]);
}

#[test]
fn handles_follow_the_rows() {
    let flags = Flags::from_rows(Rows::default()).unwrap();
    let handle = flags.flag("flag");
    let ctx = Context::new().with("targetingKey", "user-1");
    assert!(!handle.is_enabled(&ctx) && handle.evaluate(&ctx).is_err());
    assert_eq!(flags.unknown_flags()["flag"], 2);

    // From constant to evaluated to constant, at another index each time.
    let on = |id: i64| Rows {
        flags: (1..=id)
            .map(|n| FlagRow::new(n, if n == id { "flag".to_owned() } else { format!("other {n}") }, true))
            .collect(),
        ..Rows::default()
    };
    for id in 1..4 {
        flags.replace_rows(on(id));
        assert!(handle.is_enabled(&ctx) && handle.is_enabled(&ctx));
        assert_eq!(handle.evaluate(&ctx).unwrap().reason(), Reason::Static);
    }
    flags.replace_rows(one_flag(vec![and(1, "[2]"), ActivationRow::new(2, "never", "novi.or", "[]")]));
    assert!(!handle.is_enabled(&ctx) && !handle.is_enabled(&ctx));
    flags.replace_rows(one_flag(vec![and(1, "[]")]));
    assert!(handle.is_enabled(&ctx) && handle.is_enabled(&ctx));
    flags.replace_rows(Rows::default());
    assert!(!handle.is_enabled(&ctx) && !handle.is_enabled(&ctx));
}

#[test]
fn rows_hashed_by_flag_name_differ_between_flags() {
    // Shared by many flags and reached twice below a combination: cached within a flag, not across flags.
    let half = ActivationRow::new(1, "half", "novi.percentage", r#"{"percentage": 50}"#);
    let rows = Rows {
        flags: (1..=40).map(|id| FlagRow::new(id, format!("flag {id}"), true)).collect(),
        activations: vec![half, and(2, "[1, 1]"), and(3, "[2, 1]")],
        links: (1..=40).map(|id| LinkRow::new(id, 1 + id % 3)).collect(),
        ..Rows::default()
    };
    let flags = Flags::from_rows(rows).unwrap();
    let ctx = Context::new().with("targetingKey", "user-1");
    let snapshot = flags.snapshot();
    let all: Vec<_> = snapshot.evaluate_all(&ctx).iter().map(novi::Decision::enabled).collect();
    let alone: Vec<_> = snapshot.flag_names().map(|name| flags.is_enabled(name, &ctx)).collect();
    assert_eq!(all, alone);
    let on = all.iter().filter(|on| **on).count();
    assert!((8..33).contains(&on), "about half of the flags are on for one caller, not {on} of 40");
}

#[test]
fn flags_are_filtered_by_prefix_or_tag() {
    let mut rows = Rows {
        flags: ["shop.cart", "shop.sale", "blog"]
            .into_iter()
            .zip(1..)
            .map(|(name, id)| FlagRow::new(id, name, true))
            .collect(),
        ..Rows::default()
    };
    rows.flags[1].metadata.tags = vec!["beta".to_owned(), "sale".to_owned()];
    rows.flags[2].metadata.tags = vec!["beta".to_owned()];
    let flags = Flags::from_rows(rows).unwrap();
    let snapshot = flags.snapshot();
    let chosen = |filter| {
        let decisions = snapshot.evaluate_only(filter, &Context::new());
        decisions.iter().map(|decision| decision.flag().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(chosen(Filter::All), ["shop.cart", "shop.sale", "blog"]);
    assert_eq!(chosen(Filter::Prefix("shop.")), ["shop.cart", "shop.sale"]);
    assert_eq!(chosen(Filter::Tag("beta")), ["shop.sale", "blog"]);
    assert_eq!(chosen(Filter::Tag("none")), Vec::<String>::new());
}

#[test]
fn values_are_read_by_their_type() {
    let mut rows = Rows {
        flags: ["number", "text", "object", "plain", "off"]
            .into_iter()
            .zip(1..)
            .map(|(name, id)| FlagRow::new(id, name, name != "off"))
            .collect(),
        ..Rows::default()
    };
    for (row, variants) in
        rows.flags.iter_mut().zip([r#"{"v": 2.5}"#, r#"{"v": "x"}"#, r#"{"v": {"k": [1]}}"#])
    {
        row.metadata.variants = Some(variants.to_owned());
        row.metadata.default_variant = Some("v".to_owned());
    }
    let flags = Flags::from_rows(rows).unwrap();
    let ctx = Context::new();
    assert!((flags.float("number", &ctx, 0.0) - 2.5).abs() < f64::EPSILON);
    assert_eq!(flags.int("number", &ctx, 7), 7, "2.5 is no whole number");
    assert_eq!(flags.string("text", &ctx, "default"), "x");
    assert_eq!(flags.json("object", &ctx, serde_json::Value::Null), serde_json::json!({"k": [1]}));
    assert!(flags.bool("plain", &ctx, false) && !flags.bool("off", &ctx, true));
    assert!(flags.bool("text", &ctx, true) && !flags.bool("text", &ctx, false), "the default: it is text");
    assert!(flags.bool("no such flag", &ctx, true));
}

#[test]
fn unknown_flags_are_counted_by_name_and_bounded() {
    let flags = Flags::from_rows(Rows::default()).unwrap();
    for _ in 0..3 {
        assert!(!flags.is_enabled("gone", &Context::new()));
    }
    for number in 0..2000 {
        assert!(!flags.is_enabled(&format!("made up {number}"), &Context::new()));
    }
    let counts = flags.unknown_flags();
    assert_eq!(counts["gone"], 3);
    assert_eq!(counts.len(), 1001, "a thousand names, and the rest");
    assert_eq!(counts.values().sum::<u64>(), 2003);
}

#[test]
fn unknown_flag_suggests_a_similar_name() {
    let flags = Flags::from_rows(one_flag(vec![and(1, "[]")])).unwrap();
    let error = flags.evaluate("flags", &Context::new()).unwrap_err();
    assert_eq!(error.to_string(), r#"flag "flags" was not found; did you mean "flag"?"#);
    let error = flags.evaluate("checkout", &Context::new()).unwrap_err();
    assert_eq!(error.to_string(), r#"flag "checkout" was not found"#);
}

#[test]
fn one_snapshot_never_mixes_two_revisions() {
    // Both flags are flipped together, so a reader that sees them differ has seen two revisions.
    let rows = |revision: i64| Rows {
        revision: Revision::new(revision),
        flags: ["left", "right"]
            .into_iter()
            .zip(1..)
            .map(|(name, id)| FlagRow::new(id, name, revision % 2 == 0))
            .collect(),
        ..Rows::default()
    };
    let flags = Flags::from_rows(rows(0)).unwrap();
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let flags = flags.clone();
            thread::spawn(move || {
                let ctx = Context::new();
                for _ in 0..50_000 {
                    let snapshot = flags.snapshot();
                    let all = snapshot.evaluate_all(&ctx);
                    let even = snapshot.revision().number() % 2 == 0;
                    assert_eq!((all[0].enabled(), all[1].enabled()), (even, even));
                    assert_eq!(snapshot.is_enabled("left", &ctx), snapshot.is_enabled("right", &ctx));
                    let decision = flags.evaluate("left", &ctx).unwrap();
                    assert_eq!(decision.enabled(), decision.revision().number() % 2 == 0);
                }
            })
        })
        .collect();
    for revision in 1..2000 {
        flags.replace_rows(rows(revision));
    }
    for reader in readers {
        reader.join().unwrap();
    }
}

#[test]
fn odd_rows_break_only_themselves() {
    let rows = Rows {
        flags: vec![
            FlagRow::new(1, "twin", true),
            FlagRow::new(2, "twin", false),
            FlagRow::new(3, "sound", true),
        ],
        activations: vec![and(1, "[]"), and(1, "[1]"), ActivationRow { config: None, ..and(3, "") }],
        links: vec![
            LinkRow::new(3, 1),
            LinkRow::new(3, 1),
            LinkRow { flag_id: None, activation_id: Some(1) },
            LinkRow { flag_id: Some(3), activation_id: None },
            LinkRow::new(8, 1),
            LinkRow::new(2, 9),
        ],
        ..Rows::default()
    };
    let flags = Flags::from_rows(rows).unwrap();
    let issues: Vec<_> = flags.issues().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("issues", issues.join("\n"));
    assert!(flags.is_enabled("twin", &Context::new()), "the first of two answers");
    assert_eq!(
        flags.evaluate("sound", &Context::new()).unwrap().reason(),
        Reason::Error,
        "a link of it leads nowhere"
    );
}

#[test]
fn explanations_are_readable() {
    let rows = Rows {
        revision: Revision::new(7),
        flags: vec![FlagRow::new(1, "Combo", true)],
        activations: vec![
            ActivationRow::new(
                1,
                "In November",
                "novi.date_time",
                r#"{"startDateTime": "2026-11-01T00:00:00Z", "endDateTime": "2026-12-01T00:00:00Z"}"#,
            ),
            ActivationRow::new(
                2,
                "Half",
                "novi.weighted_random",
                r#"{"splits": [1, 1], "variations": ["A", "B"]}"#,
            ),
            ActivationRow::new(3, "Either", "novi.or", r#"[{"class_name": "novi.not", "config": 1}, 2, 1]"#),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(1, 3)],
        ..Rows::default()
    };
    let flags = Flags::from_rows(rows).unwrap();
    let ctx = Context::new().with("currentDateTime", "2026-11-20T12:00:00Z").with("seed", 90);
    let trace = flags.explain("Combo", &ctx).unwrap();
    insta::assert_snapshot!("trace", trace);
    insta::assert_snapshot!("trace as JSON", untimed(&serde_json::to_string_pretty(&trace).unwrap()));
    let ctx = Context::new().with("currentDateTime", "soon");
    insta::assert_snapshot!("trace of a flag that is off", flags.explain("Combo", &ctx).unwrap());
}

#[test]
fn flags_are_shared_between_threads() {
    fn assert_shared<T: Send + Sync + 'static>() {}
    assert_shared::<Flags>();
    assert_shared::<novi::Decision>();
    assert_shared::<Arc<novi::snapshot::Snapshot>>();
}

#[test]
fn large_splits_divide_as_small_ones() {
    // Each tenth variant has the weight of one in the small split; the others have weight zero.
    let small: Vec<String> = (0..5).map(|number| format!(r#""{number}": 1"#)).collect();
    let large: Vec<String> = (0..50)
        .map(|number| {
            format!(
                r#""{}{}": {}"#,
                number / 10,
                ["", "x"][usize::from(number % 10 > 0)].repeat(number % 10),
                u8::from(number % 10 == 0)
            )
        })
        .collect();
    let split = |id, weights: &[String]| {
        let config = format!(r#"{{"variants": {{{}}}, "salt": "one"}}"#, weights.join(", "));
        ActivationRow::new(id, format!("split {id}"), "novi.split", config)
    };
    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "small", true), FlagRow::new(2, "large", true)],
        activations: vec![split(1, &small), split(2, &large)],
        links: vec![LinkRow::new(1, 1), LinkRow::new(2, 2)],
        ..Rows::default()
    })
    .unwrap();
    assert_eq!(flags.issues(), []);
    for user in 0..1000 {
        let ctx = Context::new().with("targetingKey", format!("user-{user}"));
        let of = |flag| flags.evaluate(flag, &ctx).unwrap().variant().map(str::to_owned);
        assert_eq!(of("large"), of("small"), "user-{user}");
    }
}

/// An explanation as JSON, without the times.
fn untimed(json: &str) -> String {
    let line = |line: &str| match line.split_once("\"nanoseconds\": ") {
        Some((before, time)) => {
            format!("{before}\"nanoseconds\": 0{}\n", if time.ends_with(',') { "," } else { "" })
        }
        None => format!("{line}\n"),
    };
    json.lines().map(line).collect()
}

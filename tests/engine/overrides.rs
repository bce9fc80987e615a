//! Overrides of a call, a task and a request (R13). Those of `novi.toml` are in `tests/spec`.

#![allow(clippy::unnecessary_wraps, reason = "tests, and their helpers")]

use std::{panic, sync::Barrier, thread};

use novi::{
    Context, Decision, Error, Flags, Reason,
    overrides::{self, Off, On, Override, Overrides},
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Rows},
    snapshot::Filter,
};

/// `on` and `off` have no activations, `split` has the variants A and B, `sizes` values, `broken` an invalid
/// row; `pinned` and `pinned split` reject overrides of requests; `by configuration` is on by `[overrides]`.
fn flags() -> Flags {
    let pinned = FlagMetadata { override_allowed: false, ..FlagMetadata::default() };
    let sizes = FlagMetadata {
        variants: Some(r#"{"small": 10, "large": 50}"#.to_owned()),
        default_variant: Some("small".to_owned()),
        tags: vec!["layout".to_owned()],
        ..FlagMetadata::default()
    };
    let split = r#"{"variants": {"A": 50, "B": 50}}"#;
    let rows = Rows {
        flags: vec![
            FlagRow::new(1, "on", true),
            FlagRow::new(2, "off", false),
            FlagRow::new(3, "split", true),
            FlagRow { metadata: sizes, ..FlagRow::new(4, "sizes", true) },
            FlagRow::new(5, "broken", true),
            FlagRow { metadata: pinned.clone(), ..FlagRow::new(6, "pinned", false) },
            FlagRow { metadata: pinned, ..FlagRow::new(7, "pinned split", true) },
            FlagRow::new(8, "split, off", false),
            FlagRow::new(9, "by configuration", false),
        ],
        activations: vec![
            ActivationRow::new(1, "split", "novi.split", split),
            ActivationRow::new(2, "broken", "novi.nothing", "{}"),
        ],
        links: vec![LinkRow::new(3, 1), LinkRow::new(5, 2), LinkRow::new(7, 1), LinkRow::new(8, 1)],
        ..Rows::default()
    };
    let overrides = Overrides::from([("by configuration".to_owned(), On)]);
    Flags::builder().overrides(overrides).from_rows(rows).unwrap()
}

fn user() -> Context<'static> {
    Context::new().with("targetingKey", "user-7")
}

/// Asserts the decision: enabled, variant, reason.
type Answer = Option<(bool, Option<String>, Reason)>;

fn of<S: AsRef<novi::snapshot::Snapshot>>(decision: &Decision<S>) -> (bool, Option<&str>, Reason) {
    (decision.enabled(), decision.variant(), decision.reason())
}

/// The decision, on which all kinds of evaluation agree.
#[track_caller]
fn ask(flags: &Flags, name: &str) -> Answer {
    let ctx = user();
    let (handle, snapshot) = (flags.flag(name), flags.snapshot());
    let answer = |enabled, variant: Option<&str>, reason| (enabled, variant.map(str::to_owned), reason);
    let found = flags.evaluate(name, &ctx).ok();
    let found = found.as_ref().map(of).map(|(enabled, variant, reason)| answer(enabled, variant, reason));
    let same = |enabled, variant: Option<&str>, reason| {
        assert_eq!(Some(answer(enabled, variant, reason)), found, "{name}");
    };
    for decision in [handle.evaluate(&ctx), flags.evaluate(name, &ctx)] {
        assert_eq!(decision.is_ok(), found.is_some(), "{name}");
        if let Ok(decision) = decision {
            assert_eq!(decision.flag(), name);
            let (enabled, variant, reason) = of(&decision);
            same(enabled, variant, reason);
        }
    }
    if let Ok(decision) = snapshot.evaluate(name, &ctx) {
        let (enabled, variant, reason) = of(&decision);
        same(enabled, variant, reason);
    }
    let trace = flags.explain(name, &ctx).ok();
    assert_eq!(trace.is_some(), found.is_some(), "{name}");
    if let Some(trace) = trace {
        same(trace.enabled, trace.variant.as_deref(), trace.reason);
    }
    let all = snapshot.evaluate_all(&ctx);
    let by_name: Vec<_> = all.iter().filter(|decision| decision.flag() == name).collect();
    assert_eq!(by_name.len(), usize::from(found.is_some()), "{name}");
    for decision in by_name {
        let (enabled, variant, reason) = of(decision);
        same(enabled, variant, reason);
    }
    let enabled = found.as_ref().is_some_and(|(enabled, ..)| *enabled);
    // Twice, because the handle caches the flag.
    let asked = [
        flags.is_enabled(name, &ctx),
        snapshot.is_enabled(name, &ctx),
        handle.is_enabled(&ctx),
        handle.is_enabled(&ctx),
    ];
    assert_eq!(asked, [enabled; 4], "{name}");
    found
}

fn on() -> Answer {
    Some((true, None, Reason::Static))
}

fn off() -> Answer {
    Some((false, None, Reason::Static))
}

fn variant(name: &str) -> Answer {
    Some((true, Some(name.to_owned()), Reason::Static))
}

#[test]
fn every_kind_of_evaluation_sees_overrides() {
    let flags = flags();
    let overrides = [
        ("on", Off),
        ("off", On),
        ("split", "B".into()),
        ("broken", On),
        ("pinned", On),
        ("split, off", "nobody knows this one".into()),
        ("by configuration", Off),
        ("no row has it", "new".into()),
        ("nor this", On),
    ];
    overrides::sync_scope(overrides, || {
        assert_eq!(ask(&flags, "on"), off());
        assert_eq!(ask(&flags, "off"), on());
        assert_eq!(ask(&flags, "split"), variant("B"));
        assert_eq!(ask(&flags, "broken"), on());
        assert_eq!(ask(&flags, "pinned"), on(), "a scope is no request");
        assert_eq!(ask(&flags, "split, off"), variant("nobody knows this one"));
        assert_eq!(ask(&flags, "by configuration"), off());
        assert_eq!(ask(&flags, "no row has it"), variant("new"));
        assert_eq!(ask(&flags, "nor this"), on());
        assert_eq!(ask(&flags, "nobody has it"), None);
        let left_alone = ask(&flags, "sizes").unwrap();
        assert_eq!((left_alone.0, left_alone.1.as_deref()), (true, Some("small")));
    });
    assert_eq!(ask(&flags, "on"), on());
    assert_eq!(ask(&flags, "off"), Some((false, None, Reason::Disabled)));
    assert_eq!(ask(&flags, "by configuration"), on());
    assert_eq!(ask(&flags, "no row has it"), None);
    assert_eq!(flags.explain("split", &user()).unwrap().reason, Reason::Split);
}

#[test]
fn booleans_and_variant_names_are_overrides() {
    let flags = flags();
    overrides::sync_scope([("on", false), ("off", true)], || {
        assert_eq!((ask(&flags, "on"), ask(&flags, "off")), (off(), on()));
    });
    overrides::sync_scope([("on", "blue")], || assert_eq!(ask(&flags, "on"), variant("blue")));
    let from_a_map = Overrides::from([("off".to_owned(), Override::variant("x"))]);
    overrides::sync_scope(from_a_map, || assert_eq!(ask(&flags, "off"), variant("x")));
    overrides::sync_scope([("on", Off), ("on", On)], || assert_eq!(ask(&flags, "on"), on(), "the later one"));
}

#[test]
fn override_has_the_value_of_its_variant() {
    let (flags, ctx) = (flags(), user());
    assert_eq!(flags.int("sizes", &ctx, 1), 10);
    overrides::sync_scope([("sizes", "large")], || assert_eq!(flags.int("sizes", &ctx, 1), 50));
    overrides::sync_scope([("sizes", "huge")], || assert_eq!(flags.int("sizes", &ctx, 1), 1));
    overrides::sync_scope([("sizes", Off)], || assert_eq!(flags.int("sizes", &ctx, 1), 1));
    overrides::sync_scope([("new", true)], || assert!(flags.bool("new", &ctx, false)));
}

#[test]
fn filters_see_overrides() {
    let (flags, ctx) = (flags(), user());
    let snapshot = flags.snapshot();
    let names = |filter| -> Vec<String> {
        let decisions = snapshot.evaluate_only(filter, &ctx);
        decisions.iter().map(|decision| format!("{} {}", decision.flag(), decision.enabled())).collect()
    };
    overrides::sync_scope([("sizes", Off), ("sixth", On), ("another", On)], || {
        assert_eq!(names(Filter::Prefix("si")), ["sizes false", "sixth true"]);
        assert_eq!(names(Filter::Tag("layout")), ["sizes false"]);
        let all = names(Filter::All);
        let rows: Vec<_> = snapshot.flag_names().collect();
        let order: Vec<_> = all.iter().map(|answer| answer.rsplit_once(' ').unwrap().0).collect();
        assert_eq!(order, [&rows[..], &["another", "sixth"]].concat(), "those of the rows in their order");
    });
    let empty = Flags::from_rows(Rows::default()).unwrap();
    overrides::sync_scope([("new", On)], || assert_eq!(empty.snapshot().evaluate_all(&ctx).len(), 1));
}

#[test]
fn scopes_nest_and_end_on_a_panic() {
    let flags = flags();
    overrides::sync_scope([("on", Off), ("split", "B".into())], || {
        overrides::sync_scope([("split", "A")], || {
            assert_eq!(ask(&flags, "on"), off(), "the outer one stays");
            assert_eq!(ask(&flags, "split"), variant("A"));
        });
        assert_eq!(ask(&flags, "split"), variant("B"));
        panic::catch_unwind(panic::AssertUnwindSafe(|| {
            overrides::sync_scope([("split", Off)], || {
                assert_eq!(ask(&flags, "split"), off());
                panic!("on purpose");
            });
        }))
        .unwrap_err();
        assert_eq!(ask(&flags, "split"), variant("B"));
    });
    assert_eq!(ask(&flags, "on"), on());
}

#[test]
fn decisions_outlive_the_override_scope() {
    let flags = flags();
    let decide = || flags.evaluate("no row has it", &user()).unwrap();
    let decision = overrides::sync_scope([("no row has it", "blue")], decide);
    assert_eq!((decision.flag(), decision.variant()), ("no row has it", Some("blue")));
    assert_eq!(decision.clone().value(), Some(&true.into()));
    assert_eq!(serde_json::to_value(&decision).unwrap()["variant"], "blue");
}

#[test]
fn overrides_are_not_counted_as_evaluations() {
    let flags = flags();
    overrides::sync_scope([("on", Off), ("new", On)], || (ask(&flags, "on"), ask(&flags, "new")));
    let counted = |name: &str| flags.evaluations().into_iter().any(|answers| answers.flag == name);
    assert!(!counted("on") && !counted("new"), "only what rows say is counted");
    assert!(flags.unknown_flags().is_empty());
    let error = flags.evaluate("new", &user()).unwrap_err();
    assert!(matches!(error, Error::FlagNotFound { .. }), "{error}");
}

#[test]
fn threads_do_not_see_overrides_of_others() {
    let (flags, barrier) = (flags(), Barrier::new(8));
    thread::scope(|scope| {
        for number in 0..8_u32 {
            let (flags, barrier) = (&flags, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for _ in 0..200 {
                    if number.is_multiple_of(2) {
                        let own = format!("of thread {number}");
                        overrides::sync_scope([("split", own.as_str())], || {
                            assert_eq!(ask(flags, "split"), variant(&own));
                        });
                    } else {
                        assert_eq!(ask(flags, "split").unwrap().2, Reason::Split);
                    }
                }
            });
        }
    });
    let inherited = overrides::sync_scope([("on", Off)], || {
        thread::scope(|scope| scope.spawn(|| ask(&flags, "on")).join())
    });
    assert_eq!(inherited.unwrap(), on());
}

mod requests {
    use super::*;

    fn because(flags: &Flags, name: &str) -> String {
        flags.explain(name, &user()).unwrap().because
    }

    #[test]
    fn take_precedence_over_scopes() {
        let flags = flags();
        overrides::request_sync_scope([("on", Off)], || {
            overrides::sync_scope([("on", "scoped")], || assert_eq!(ask(&flags, "on"), off()));
        });
        overrides::sync_scope([("on", "scoped")], || {
            overrides::request_sync_scope([("on", Off)], || {
                assert_eq!(ask(&flags, "on"), off());
                assert_eq!(because(&flags, "on"), "overridden by the request");
            });
            assert_eq!(because(&flags, "on"), "overridden by a scope of the code");
        });
        overrides::request_sync_scope([("by configuration", Off), ("new", On)], || {
            assert_eq!((ask(&flags, "by configuration"), ask(&flags, "new")), (off(), on()));
        });
    }

    #[test]
    fn are_rejected_if_the_flag_forbids_overrides() {
        let flags = flags();
        overrides::request_sync_scope([("pinned", On)], || {
            assert_eq!(ask(&flags, "pinned"), Some((false, None, Reason::Disabled)));
            assert_eq!(
                because(&flags, "pinned"),
                "the flag's status is off; an override by the request was rejected: flag_metadata.override_allowed is \
                 false"
            );
            overrides::sync_scope([("pinned", "scoped")], || {
                assert_eq!(ask(&flags, "pinned"), variant("scoped"), "the next layer answers");
                assert_eq!(
                    because(&flags, "pinned"),
                    "overridden by a scope of the code; an override by the request was rejected: \
                     flag_metadata.override_allowed is false"
                );
            });
        });
        overrides::request_sync_scope([("pinned split", "A")], || {
            assert_eq!(ask(&flags, "pinned split").unwrap().2, Reason::Split);
        });
    }

    #[test]
    fn are_rejected_with_an_unknown_variant() {
        let flags = flags();
        for (flag, name) in
            [("split", "A"), ("split", "B"), ("split, off", "B"), ("sizes", "large"), ("sizes", "small")]
        {
            overrides::request_sync_scope([(flag, name)], || assert_eq!(ask(&flags, flag), variant(name)));
        }
        for (flag, name) in [("split", "C"), ("split", "small"), ("sizes", "A"), ("on", "A")] {
            overrides::request_sync_scope([(flag, name)], || {
                assert_ne!(ask(&flags, flag), variant(name));
                let refusal =
                    format!("; an override by the request was rejected: the flag has no variant {name:?}");
                let because = because(&flags, flag);
                assert!(because.ends_with(&refusal), "{because}");
            });
        }
        overrides::request_sync_scope([("new", "A")], || assert_eq!(ask(&flags, "new"), None));
        // An outer request that is allowed is the next layer.
        overrides::request_sync_scope([("split", "B")], || {
            overrides::request_sync_scope([("split", "C")], || {
                assert_eq!(ask(&flags, "split"), variant("B"));
            });
        });
    }
}

mod tasks {
    use super::*;

    fn assert_send<T: Send + 'static>(future: T) -> T {
        future
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn stay_with_their_task() {
        let flags = flags();
        let work = |number: u32| {
            let flags = flags.clone();
            async move {
                for _ in 0..50 {
                    let own = format!("of task {number}");
                    assert_eq!(ask(&flags, "split"), variant(&own));
                    tokio::task::yield_now().await;
                }
            }
        };
        let plain = async || {
            for _ in 0..50 {
                assert_eq!(ask(&flags, "split").unwrap().2, Reason::Split);
                tokio::task::yield_now().await;
            }
        };
        let spawn = |number: u32| {
            // The names are borrowed from here, and the future does not borrow them.
            let own = format!("of task {number}");
            let future = novi::overrides::scope([("split", own.as_str())], work(number));
            tokio::spawn(assert_send(future))
        };
        let tasks: Vec<_> = (0..8).map(spawn).collect();
        plain().await;
        for task in tasks {
            task.await.unwrap();
        }
    }

    #[tokio::test]
    async fn do_not_mix_between_joined_futures() {
        let flags = flags();
        let ask_often = async |expected: &str| {
            for _ in 0..20 {
                assert_eq!(ask(&flags, "split"), variant(expected));
                tokio::task::yield_now().await;
            }
        };
        let none = async {
            for _ in 0..20 {
                assert_eq!(ask(&flags, "split").unwrap().2, Reason::Split);
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(
            novi::overrides::scope([("split", "x")], ask_often("x")),
            none,
            novi::overrides::request_scope([("split", "A")], ask_often("A")),
            novi::overrides::scope(
                [("split", "y")],
                novi::overrides::request_scope([("split", "B")], ask_often("B"))
            ),
            novi::overrides::request_scope(
                [("split", "B")],
                novi::overrides::scope([("split", "z")], ask_often("B"))
            ),
        );
    }

    #[tokio::test]
    async fn are_not_inherited_by_a_spawned_task() {
        let flags = flags();
        let ours = flags.clone();
        let inner = novi::overrides::scope([("on", Off)], async move {
            let theirs = ours.clone();
            let spawned = tokio::spawn(async move { ask(&theirs, "on") });
            // While the other one runs on the same thread.
            tokio::task::yield_now().await;
            assert_eq!(ask(&ours, "on"), off());
            spawned.await.unwrap()
        });
        assert_eq!(inner.await, on());
        assert_eq!(ask(&flags, "on"), on());
    }

    #[tokio::test]
    async fn end_on_a_panic() {
        let flags = flags();
        let task = novi::overrides::scope([("on", Off)], async { panic!("on purpose") });
        assert!(tokio::spawn(task).await.unwrap_err().is_panic());
        assert_eq!(ask(&flags, "on"), on());
    }

    #[tokio::test]
    async fn are_in_effect_when_the_future_is_dropped() {
        struct AtEnd(Flags);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                assert_eq!(ask(&self.0, "on"), off());
            }
        }
        let at_end = AtEnd(flags());
        drop(novi::overrides::scope([("on", Off)], async move {
            let _at_end = at_end;
            std::future::pending::<()>().await;
        }));
    }
}

#[cfg(feature = "macros")]
mod guards {
    use super::*;

    #[novi::enabled("off", flags = flags())]
    fn guarded() -> Option<u8> {
        Some(1)
    }

    #[test]
    fn see_overrides() {
        assert_eq!(guarded(), None);
        assert_eq!(overrides::sync_scope([("off", On)], guarded), Some(1));
        assert_eq!(guarded(), None);
    }
}

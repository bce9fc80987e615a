//! Units of experiments that remember keep their variants, in all processes.

use novi::{Flags, store::Assignment};

use crate::{
    common::{
        databases::{Kind, Raw, database, databases},
        log,
        until::until,
    },
    exposures::{assigned, builder, caller, connected, expose, reconfigure, variant, with_split},
};

const FIRST: &str = r#"{"variants": {"a": 1, "b": 0}, "remember": true}"#;
const SECOND: &str = r#"{"variants": {"a": 0, "b": 1}, "remember": true}"#;

#[expect(clippy::unnecessary_wraps, reason = "compared with variants, which are optional")]
fn some(variant: &str) -> Option<String> {
    Some(variant.to_owned())
}

#[tokio::test]
async fn variants_survive_changes_of_weights_in_all_processes() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_split(&database, FIRST).await;
        let (one, running) = (connected(&database).await, connected(&database).await);
        assert_eq!(expose(&one, "known"), some("a"), "{kind:?}");
        assert_eq!(variant(&one, "looked"), some("a"), "{kind:?}");
        one.flush_exposures().await.unwrap();
        reconfigure(&*store, &[&one, &running], SECOND).await;
        let started = connected(&database).await;
        for flags in [&one, &started] {
            assert_eq!(variant(flags, "known"), some("a"), "{kind:?}");
            assert_eq!(variant(flags, "looked"), some("b"), "{kind:?}: evaluating records nothing");
        }
        until("the running process knows", || variant(&running, "known") == some("a")).await;
        let trace = serde_json::to_string(&one.explain("test", &caller("known")).unwrap()).unwrap();
        assert!(trace.contains("remembered since revision "), "{trace}");

        // Another salt, coverage, ranges: it stays.
        for config in [
            r#"{"variants": {"a": 0, "b": 1}, "salt": "x", "coverage": 0, "remember": true}"#,
            r#"{"ranges": {"a": [], "b": [[0, 100000]]}, "remember": true}"#,
        ] {
            reconfigure(&*store, &[&one], config).await;
            assert_eq!(variant(&one, "known"), some("a"), "{kind:?} {config}");
        }
        // A variant that is gone, another experiment, or none that remembers: drawn again.
        for config in [
            r#"{"variants": {"b": 1}, "remember": true}"#,
            r#"{"variants": {"a": 0, "b": 1}, "remember": true, "experiment": "second"}"#,
            r#"{"variants": {"a": 0, "b": 1}, "remember": false}"#,
        ] {
            reconfigure(&*store, &[&one], config).await;
            assert_eq!(variant(&one, "known"), some("b"), "{kind:?} {config}");
        }
        // The first one is still in the table.
        reconfigure(&*store, &[&one], SECOND).await;
        until("it is read again", || variant(&one, "known") == some("a")).await;
        assert_eq!(assigned(&*store, "test").await, [("known".to_owned(), "a".to_owned())], "{kind:?}");
    }
}

#[tokio::test]
async fn the_database_decides_between_two_processes() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_split(&database, FIRST).await;
        let flags = connected(&database).await;
        let first = Assignment {
            experiment: "test".to_owned(),
            unit: "u".to_owned(),
            variant: "b".to_owned(),
            revision: 1,
            assigned_at: chrono::Utc::now(),
        };
        store.assignment_store().unwrap().record_assignments(vec![first]).await.unwrap();
        // Drawn, or known already; recorded in any case as the other process had it.
        expose(&flags, "u");
        flags.flush_exposures().await.unwrap();
        until("the first assignment", || variant(&flags, "u") == some("b")).await;
        assert_eq!(assigned(&*store, "test").await, [("u".to_owned(), "b".to_owned())], "{kind:?}");
    }
}

#[tokio::test]
async fn forgotten_units_are_drawn_and_recorded_again() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_split(&database, FIRST).await;
        let flags = connected(&database).await;
        for unit in ["u", "v", "w"] {
            expose(&flags, unit);
        }
        flags.flush_exposures().await.unwrap();
        reconfigure(&*store, &[&flags], SECOND).await;
        assert_eq!(variant(&flags, "u"), some("a"), "{kind:?}");
        let assignments = store.assignment_store().unwrap();
        assert_eq!(assignments.forget_assignments("test", Some("u")).await.unwrap(), 1, "{kind:?}");
        assert_eq!(assignments.forget_assignments("test", Some("nobody")).await.unwrap(), 0, "{kind:?}");
        until("the unit is forgotten", || variant(&flags, "u") == some("b")).await;
        assert_eq!(variant(&flags, "v"), some("a"), "{kind:?}");
        expose(&flags, "u");
        flags.flush_exposures().await.unwrap();
        assert_eq!(assigned(&*store, "test").await.last().unwrap(), &("u".to_owned(), "b".to_owned()));
        assert_eq!(assignments.forget_assignments("test", None).await.unwrap(), 3, "{kind:?}");
        until("all are forgotten", || variant(&flags, "w") == some("b")).await;
        let view = "select user_id from novi_exposures";
        assert_eq!(Raw::connect(&database).await.texts(view).await.len(), 0, "{kind:?}: marks are no units");
    }
}

#[tokio::test]
async fn oldest_units_above_the_limit_are_drawn_again() {
    let (log, _guard) = log::start();
    let database = database(Kind::Sqlite).await;
    let store = with_split(&database, FIRST).await;
    let flags = connected(&database).await;
    for unit in 0..40 {
        expose(&flags, &unit.to_string());
        flags.flush_exposures().await.unwrap();
    }
    reconfigure(&*store, &[], SECOND).await;
    let few: Flags = builder().max_units(20).connect(&database.url).await.unwrap();
    let kept = |flags: &Flags| -> Vec<usize> {
        (0..40).filter(|unit| variant(flags, &unit.to_string()) == some("a")).collect()
    };
    assert_eq!(kept(&few), (25..40).collect::<Vec<_>>());
    assert_eq!(log.lines_with("raise [experiments] max_units").len(), 1, "{}", log.text());
    assert_eq!(kept(&flags).len(), 40);
    assert!(store.schema_state().await.unwrap().problems.is_empty());
}

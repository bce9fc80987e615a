//! Experiments as rows: who is recorded, who keeps a variant, and the history of a lifecycle.

use std::sync::Arc;

use novi::{
    Flags,
    rows::{ActivationRow, FlagRow, LinkRow},
    store::{self, Assignment, Change, Edit, SchemaStore, history::HistoryQuery},
};

use crate::{
    common::{
        databases::{TestDatabase, databases},
        until::until,
    },
    exposures::{assigned, caller, connected, expose, variant},
};

const NAME: &str = "the experiment";

/// The config in a state. The weights are those of `control` and `new`.
fn config(weights: (u32, u32), rest: &str) -> String {
    let (control, new) = weights;
    format!(r#"{{"variants": {{"control": {control}, "new": {new}}}, "control": "control"{rest}}}"#)
}

const RUNNING: &str = r#", "state": "running""#;

/// A database with the flag "test", which has an experiment.
async fn with_experiment(database: &TestDatabase, config: &str) -> Arc<dyn SchemaStore> {
    let store = store::create(&database.url).await.unwrap();
    store.migrate().await.unwrap();
    let changes = vec![
        Change::InsertFlag(FlagRow::new(1, "test", true)),
        Change::InsertActivation(ActivationRow::new(1, NAME, "novi.experiment", config)),
        Change::Link(LinkRow::new(1, 1)),
    ];
    store.apply(changes).await.unwrap();
    store
}

async fn change(store: &dyn SchemaStore, flags: &[&Flags], config: &str, reason: &str) {
    let row = ActivationRow::new(1, NAME, "novi.experiment", config);
    let edit = Edit::new([Change::UpdateActivation(row)]).actor("jane").reason(reason);
    let revision = store.commit(edit).await.unwrap();
    for flags in flags {
        flags.refresh_to(revision).await.unwrap();
    }
}

fn some(variant: &str) -> Option<String> {
    Some(variant.to_owned())
}

async fn recorded(store: &dyn SchemaStore, flags: &Flags) -> Vec<(String, String)> {
    flags.flush_exposures().await.unwrap();
    assigned(store, NAME).await
}

#[tokio::test]
async fn lifecycle_records_enrolled_units_only_and_the_history_has_each_step() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_experiment(&database, &config((0, 1), "")).await;
        let flags = connected(&database).await;
        assert_eq!(expose(&flags, "early"), some("control"), "{kind:?}");
        assert_eq!(recorded(&*store, &flags).await, [], "{kind:?}: a draft records nothing");

        change(&*store, &[&flags], &config((0, 1), RUNNING), "start").await;
        assert_eq!(variant(&flags, "looked"), some("new"), "{kind:?}");
        assert_eq!(expose(&flags, "kept"), some("new"), "{kind:?}");
        flags.expose("test", &novi::Context::new()).unwrap();
        let kept = [("kept".to_owned(), "new".to_owned())];
        assert_eq!(recorded(&*store, &flags).await, kept, "{kind:?}: evaluating records nothing");
        assert_eq!(flags.status().exposures.without_unit, 1, "{kind:?}");
        assert_eq!(assigned(&*store, "test").await, [], "{kind:?}: the name is that of the row");

        // No traffic, other weights, another salt, a holdout of all: a unit that was recorded stays.
        let rest =
            format!(r#"{RUNNING}, "traffic": 0, "salt": "x", "holdout": {{"name": "h", "percentage": 100}}"#);
        change(&*store, &[&flags], &config((1, 0), &rest), "less").await;
        until("the unit is known", || variant(&flags, "kept") == some("new")).await;
        assert_eq!(expose(&flags, "late"), some("control"), "{kind:?}");
        assert_eq!(recorded(&*store, &flags).await, kept, "{kind:?}: others are no units");
        let started = connected(&database).await;
        assert_eq!(variant(&started, "kept"), some("new"), "{kind:?}: a process that starts later");

        change(&*store, &[&flags], &config((0, 1), r#", "state": "stopped""#), "stop").await;
        for unit in ["kept", "late"] {
            assert_eq!(expose(&flags, unit), some("control"), "{kind:?}");
        }
        change(&*store, &[&flags], &config((1, 0), RUNNING), "again").await;
        until("the unit is known again", || variant(&flags, "kept") == some("new")).await;

        let decided = r#", "state": "decided", "decision": {"variant": "new"}"#;
        change(&*store, &[&flags], &config((1, 1), decided), "it sells").await;
        assert_eq!(expose(&flags, "all"), some("new"), "{kind:?}");
        assert_eq!(recorded(&*store, &flags).await, kept, "{kind:?}");
        let decision = flags.evaluate("test", &caller("all")).unwrap();
        assert_eq!(decision.reason().to_string(), "STATIC", "{kind:?}");

        let records = store.history(&HistoryQuery::default()).await.unwrap();
        let mut reasons: Vec<_> = records.iter().filter_map(|record| record.reason.as_deref()).collect();
        // Each step is a record of the row, and one of the revision.
        reasons.dedup();
        assert_eq!(reasons, ["it sells", "again", "stop", "less", "start"], "{kind:?}");
    }
}

#[tokio::test]
async fn exposures_count_who_would_be_drawn_and_not_who_falls_back_to_the_control() {
    for database in databases().await {
        let kind = database.kind;
        let rest = format!(r#"{RUNNING}, "traffic": 30, "layer": {{"name": "l", "from": 0, "to": 50}}"#);
        let store = with_experiment(&database, &config((1, 1), &rest)).await;
        let flags = connected(&database).await;
        let units: Vec<String> = (0..2000).map(|unit| format!("user-{unit}")).collect();
        let new = units.iter().filter(|unit| expose(&flags, unit) == some("new")).count();
        let rows = recorded(&*store, &flags).await;
        let control = rows.iter().filter(|(_, variant)| variant == "control").count();
        assert_eq!(rows.len(), new + control, "{kind:?}");
        // 15 % are enrolled, half of them with each variant. Everybody else has the control as well.
        assert!(rows.len().abs_diff(300) < 60, "{kind:?}: {}", rows.len());
        assert!(new.abs_diff(control) < 60, "{kind:?}: {new} and {control}");
    }
}

#[tokio::test]
async fn two_processes_that_draw_a_unit_at_once_agree() {
    for database in databases().await {
        let kind = database.kind;
        let store = with_experiment(&database, &config((1, 0), RUNNING)).await;
        let (one, other) = (connected(&database).await, connected(&database).await);
        let first = Assignment {
            experiment: NAME.to_owned(),
            unit: "u".to_owned(),
            variant: "new".to_owned(),
            revision: 1,
            assigned_at: chrono::Utc::now(),
        };
        store.assignment_store().unwrap().record_assignments(vec![first]).await.unwrap();
        let exposed = tokio::join!(async { expose(&one, "u") }, async { expose(&other, "u") });
        assert!(exposed.0.is_some() && exposed.1.is_some(), "{kind:?}");
        for flags in [&one, &other] {
            flags.flush_exposures().await.unwrap();
            until("the first assignment", || variant(flags, "u") == some("new")).await;
        }
        assert_eq!(assigned(&*store, NAME).await, [("u".to_owned(), "new".to_owned())], "{kind:?}");
    }
}

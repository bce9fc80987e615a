//! Dry runs, and changes that name the version they are based on.

use serde_json::json;

use crate::{
    common::databases,
    support::{Folder, the_same},
};

#[tokio::test]
async fn dry_run_shows_changes_without_writing() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let script = "insert into activations (id, name, class_name, config) values (9, 'Combo', 'novi.flag', '{\"flag\": \"Combo AND\"}');
            insert into flags (id, name, status) values (9, 'Asks Combo AND', true);
            insert into flags_activations (flag_id, activation_id) values (9, 9);";
        folder.pipe(&["seed", "-"], script.as_bytes()).expect(0);
        transcripts.push((
            database.kind,
            folder.transcript(&[
                &["disable", "Combo AND", "--dry-run"],
                &["enable", "Combo AND", "--dry-run"],
                &["disable", "Combo AND", "--dry-run", "--json"],
                &["disable", "Combo And", "--dry-run"],
                &["show", "Combo AND"],
            ]),
        ));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn enable_rejects_a_flag_that_would_close_a_cycle() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let script = "insert into activations (id, name, class_name, config) values
                (1, 'to b', 'novi.flag', '{\"flag\": \"b\"}'), (2, 'to a', 'novi.flag', '{\"flag\": \"a\"}');
            insert into flags (id, name, status) values (1, 'a', true), (2, 'b', false);
            insert into flags_activations (flag_id, activation_id) values (1, 1), (2, 2);";
        folder.pipe(&["seed", "-"], script.as_bytes()).expect(0);
        let cycle = "config.flag: activations form a cycle";
        let planned = folder.run(&["enable", "b", "--dry-run"]).expect(5);
        assert!(planned.out.contains(cycle), "{planned:?}");
        let rejected = folder.run(&["enable", "b"]).expect(5);
        assert!(rejected.err.contains(cycle), "{rejected:?}");
        assert_eq!(folder.run(&["show", "b", "--json"]).json()["status"], json!(false));
        folder.run(&["disable", "a"]).expect(0);
        folder.run(&["enable", "b"]).expect(0);
    }
}

#[tokio::test]
async fn enabling_a_broken_flag_says_why_it_is_broken() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let script =
            "insert into activations (id, name, class_name, config) values (1, 'x', 'novi.percentage', '{}');
            insert into flags (id, name, status) values (1, 'a', true), (2, 'b', false);
            insert into flags_activations (flag_id, activation_id) values (1, 1);";
        folder.pipe(&["seed", "-"], script.as_bytes()).expect(0);
        let enabled = folder.run(&["enable", "a"]).expect(0);
        let note = "note: the flag is broken and uses its fail_mode:\n    activations#1 \"x\": config: missing field `percentage`";
        assert!(enabled.out.contains("a is already enabled") && enabled.out.contains(note), "{enabled:?}");
        let json = folder.run(&["enable", "a", "--json"]).expect(0).json();
        assert_eq!(json["flags"][0]["issues"][0]["path"], json!("config"), "{json}");
        assert_eq!(folder.run(&["enable", "b", "--json"]).expect(0).json()["flags"][0]["issues"], json!([]));
        assert!(!folder.run(&["disable", "a"]).expect(0).out.contains("note"));
    }
}

#[tokio::test]
async fn outdated_version_is_rejected() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let store = novi::store::connect(&database.url).await.unwrap();
        let version = store.load().await.unwrap().flags[2].metadata.row_version.to_string();
        let disable = ["disable", "Combo AND", "--reason", "it is broken", "--if-version", &version];
        let tried: Vec<_> = disable.into_iter().chain(["--dry-run"]).collect();
        folder.run(&tried).expect(0);
        folder.run(&disable).expect(0);
        for again in [&disable[..], &tried] {
            let rejected = folder.run(again).expect(5);
            // Versions are hidden, as each database counts in its own steps.
            let expected = "error: flag \"Combo AND\" was modified since you read it (you read version 0, it now has \
                            version 0); reload it and retry";
            assert_eq!(rejected.err, format!("{expected}\n"));
            let enable: Vec<_> = std::iter::once("enable").chain(again[1..].iter().copied()).collect();
            let rejected = folder.run(&enable).expect(5);
            assert_eq!(rejected.err, format!("{expected}; differs in status (now false, yours true)\n"));
        }
        assert_eq!(folder.run(&["show", "Combo AND", "--json"]).json()["status"], json!(false));
        folder.run(&["enable", "Combo", "--if-version", "1"]).expect(3);
        folder.run(&["enable", "Combo AND", "--if-version", "one"]).expect(2);
    }
}

#[tokio::test]
async fn reweight_increments_row_version() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let script = "insert into activations (id, name, class_name, config) values (1, 'Layouts', 'novi.split', '{\"variants\": {\"grid\": 1, \"list\": 1}}')";
        folder.pipe(&["seed", "-"], script.as_bytes()).expect(0);
        folder.run(&["reweight", "Layouts", "grid=3", "list=1"]).expect(0);
        folder.run(&["reweight", "Layouts", "grid=1", "list=1", "--dry-run"]).expect(0);
        let rows = novi::store::connect(&database.url).await.unwrap().load().await.unwrap();
        assert_eq!(rows.activations[0].row_version, 2, "{:?}", database.kind);
    }
}

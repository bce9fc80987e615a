//! `novi history`, `diff`, `rollback` and `eval --at`.

use serde_json::{Value, json};

use crate::{
    common::{Kind, Raw, databases},
    support::Folder,
};

const CALLER: &str = r#"{"currentDateTime": "11/26/2023 12:00 AM", "seed": 90, "variant": "A"}"#;

fn demo(mut folder: Folder) -> Folder {
    folder.set("USER", "ann");
    folder.run(&["migrate"]).expect(0);
    folder.seed_demo();
    folder
}

/// The revision of the last change.
fn revision(folder: &Folder) -> i64 {
    let output = folder.command(&["history", "--limit", "1", "--json"]).output().unwrap();
    let records: Value = serde_json::from_slice(&output.stdout).unwrap();
    records[0]["revision"].as_i64().unwrap()
}

/// Replaces times with a word, because they differ from run to run.
fn without_moments(text: &str) -> String {
    let is_time = |word: &str| {
        word.len() >= 8 && word.starts_with(|c: char| c.is_ascii_digit()) && word.contains([':', '-'])
    };
    let line = |line: &str| {
        let words = line.split(' ').map(|word| if is_time(word) { "TIME" } else { word });
        words.collect::<Vec<_>>().join(" ").replace("TIME TIME", "TIME") + "\n"
    };
    text.lines().map(line).collect()
}

#[test]
fn history_prints_text() {
    let folder = demo(Folder::empty());
    folder.write(
        "more.sql",
        "update flag_metadata set owner = 'web', tags = '[\"a\"]' where flag_id = 3;
         insert into activation_members values (2, 'it''s', true);",
    );
    let transcript = folder.transcript(&[
        &["history", "--limit", "3"],
        &["disable", "Combo AND"],
        &["seed", "more.sql"],
        &["history", "Combo AND"],
        &["diff", "18", "22"],
        &["diff", "21", "18"],
        &["diff", "18", "18"],
        &["diff", "18", "yesterday"],
        &["eval", "Combo AND"],
        &["eval", "Combo AND", "--at", "18", "--context", CALLER],
        &["eval", "Combo AND", "--at", "18", "--context", CALLER, "--explain"],
        &["eval", "Combo AND", "--at", "99"],
        &["eval", "Combo AND", "--at", "1"],
        &["eval", "Combo AND", "--at", "2020-01-31"],
        &["rollback", "Combo AND", "--to", "18", "--if-version", "99"],
        &["rollback", "Combo AND", "--to", "18", "--if-version", "x"],
        &["rollback", "Combo AND", "--to", "18", "--dry-run"],
        &["rollback", "Combo AND", "--to", "18", "--reason", "the sale is on"],
        &["rollback", "Combo AND", "--to", "18"],
        &["rollback", "Combo ANDD", "--to", "18"],
        &["rollback", "--to", "18"],
        &["rollback", "--to", "18", "--dry-run"],
        &["rollback", "Combo AND", "--all", "--to", "18"],
        &["rollback", "--all", "--to", "18"],
        &["rollback", "--all", "--to", "18", "--yes"],
        &["history", "--limit", "4"],
        &["history", "--limit", "0"],
        &["history", "Combo ANDD"],
        &["history", "--prune"],
        &["history", "--prune", "90d"],
        &["history", "--prune", "ninety"],
    ]);
    insta::assert_snapshot!(without_moments(&transcript));
}

#[tokio::test]
async fn rollback_restores_a_flag_and_all_flags() {
    for database in databases().await {
        let folder = demo(Folder::of(&database));
        let first = revision(&folder);
        let mut raw = Raw::connect(&database).await;
        raw.run(
            "update flags set status = false where id in (3, 4); update activations set config = '[2]' where id = 3;
             update activations set config = '{\"splits\":[0,100,0],\"variations\":[\"A\",\"B\",\"C\"]}' where id = 2;
             update flag_metadata set owner = 'web' where flag_id = 3;
             insert into activations (id, name, class_name, config) values (9, 'never', 'novi.or', '[]');
             insert into flags_activations (flag_id, activation_id) values (3, 9)",
        )
        .await
        .unwrap();
        let second = revision(&folder);
        let back =
            folder.run(&["rollback", "Combo AND", "--to", &first.to_string(), "--json"]).expect(0).json();
        assert_eq!(back["written"], json!(true), "{back}");
        let shown = folder.run(&["show", "Combo AND", "--json"]).expect(0).json();
        assert_eq!((&shown["status"], &shown["owner"]), (&json!(true), &Value::Null), "{:?}", database.kind);
        let ids: Vec<_> = shown["activations"].as_array().unwrap().iter().map(|a| &a["id"]).collect();
        assert_eq!(ids, [&json!(3)], "{:?}", database.kind);
        let decision = folder.run(&["eval", "Combo AND", "--context", CALLER, "--json"]).expect(0).json();
        assert_eq!(
            decision["variant"],
            json!("A"),
            "{:?}: the activations it uses are restored, too",
            database.kind
        );
        // Other flags are untouched.
        assert_eq!(folder.run(&["show", "Combo OR", "--json"]).json()["status"], json!(false));
        // Forward again, with all flags.
        folder.run(&["rollback", "--all", "--yes", "--to", &second.to_string()]).expect(0);
        let last = revision(&folder).to_string();
        let same = folder.run(&["diff", &second.to_string(), &last, "--json"]).expect(0).json();
        assert_eq!(same["differences"], json!([]), "{:?}: {same}", database.kind);
        let records = folder.run(&["history", "Combo AND", "--limit", "1000", "--json"]).json();
        let records = records.as_array().unwrap();
        assert!(records.len() > 12, "{records:#?}");
        let reason = &records[0]["reason"];
        assert!(reason.as_str().unwrap().starts_with("rollback to revision "), "{reason}");
        assert_eq!(records[0]["actor"], json!("ann"));
        let by_dba = records.iter().find(|record| record["actor"] != json!("ann")).unwrap();
        assert_eq!(by_dba["actor"].is_null(), database.kind == Kind::Sqlite, "{by_dba}");
        let then =
            folder.run(&["eval", "Combo AND", "--at", &first.to_string(), "--context", CALLER]).expect(0);
        assert_eq!(then.out, "Combo AND is on, variant A (SPLIT)\n", "{:?}", database.kind);
    }
}

#[test]
fn rollback_that_breaks_references_is_rejected_with_all_reasons() {
    let folder = demo(Folder::empty());
    let first = revision(&folder).to_string();
    folder.write(
        "more.sql",
        "insert into activations values (9, 'shared', 'novi.static', '{}'), (10, 'above', 'novi.and', '[9]');
         insert into flags_activations values (1, 9), (3, 9), (4, 10);
         update flags set name = 'taken' where id = 3; update flags set name = 'Combo AND' where id = 2;",
    );
    folder.run(&["seed", "more.sql"]).expect(0);
    let rejected = folder.run(&["rollback", "taken", "--to", &first]).expect(5);
    assert_eq!(
        rejected.err,
        "error: flags#3 \"Combo AND\": flags#2 has this name now\n\
         activations#9 \"shared\": it was not there then, and flags#1 \"Date and Random Activated Feature\" is \
         linked to it now\n"
    );
    // Only another activation uses it.
    folder
        .pipe(&["seed", "-"], b"delete from flags_activations where activation_id = 9 and flag_id = 3")
        .expect(0);
    folder
        .pipe(
            &["seed", "-"],
            b"update flags set name = 'x' where id = 2; update flags set name = 'Combo AND' where id = 3",
        )
        .expect(0);
    let rejected = folder.run(&["rollback", "Date and Random Activated Feature", "--to", &first]).expect(5);
    assert!(rejected.err.contains("activations#10") && rejected.err.contains('9'), "{rejected:?}");
    folder.run(&["rollback", "--all", "--yes", "--to", &first]).expect(0);
    folder.run(&["check"]).expect(0);
}

#[test]
fn history_is_pruned_by_retention() {
    let folder = demo(Folder::empty());
    folder.write("novi.toml", "[history]\nkeep = \"1ms\"\n");
    std::thread::sleep(std::time::Duration::from_millis(20));
    let pruned = folder.run(&["history", "--prune", "--json"]).expect(0).json();
    assert!(pruned["deleted"].as_u64().unwrap() > 10 && pruned["keep"] == json!("1ms"), "{pruned}");
    assert_eq!(folder.run(&["history", "--json"]).json().as_array().unwrap().len(), 1);
    // A server prunes in the background.
    folder.run(&["disable", "Combo AND"]).expect(0);
    folder.run(&["enable", "Combo AND"]).expect(0);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let _server = crate::serve::Server::start(&folder, &[]);
    let start = std::time::Instant::now();
    while folder.run(&["history", "--json"]).json().as_array().unwrap().len() > 1 {
        assert!(start.elapsed() < crate::support::PATIENCE, "the server prunes nothing");
    }
    folder.write("novi.toml", "[history]\nkeep = \"90\"\n");
    let wrong = folder.run(&["history"]).expect(2);
    assert!(wrong.err.contains("forever"), "{wrong:?}");
}

#[tokio::test]
async fn diff_is_since_a_moment_by_default() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.run(&["flag", "create", "a"]).expect(0);
        let output = folder.command(&["enable", "a", "--json"]).output().unwrap();
        let first: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        folder.run(&["flag", "set", "a", "--owner", "ann"]).expect(0);
        let owner = "update flag_metadata#1: owner null -> \"ann\"\n";
        let since = folder.run(&["diff", "--since", &first["revision"].to_string()]).expect(0);
        assert!(since.out.ends_with(owner) && !since.out.contains("status"), "{since:?}");
        assert_eq!(folder.run(&["diff", &first["revision"].to_string()]).expect(0).out, since.out);
        // The history is younger than a day.
        let all = folder.run(&["diff"]).expect(0);
        assert!(all.out.contains("owner"), "{all:?}");
        assert!(folder.run(&["diff", "--since", "5s5"]).expect(2).err.contains("a duration such as 1h"));
        // Longer than the history: all of it.
        assert_eq!(
            folder.run(&["diff", "--since", "1000y"]).expect(0).out,
            folder.run(&["diff"]).expect(0).out
        );
    }
}

#[test]
fn what_people_wrote_does_not_look_like_other_entries() {
    let folder = Folder::migrated();
    let forged = "bob\n    99  2026-11-28T16:00:00Z  ann";
    folder.run(&["flag", "create", "a", "--actor", forged, "--reason", &"long\n".repeat(20_000)]).expect(0);
    folder.run(&["flag", "set", "a", "--actor", "ann", "--description", "{\n  99  ann"]).expect(0);
    let history = folder.run(&["history", "a"]).expect(0).out;
    assert!(history.contains(r"bob\n    99  2026-11-28T16:00:00Z  ann  insert"), "{history}");
    assert!(history.lines().all(|line| line.contains("  ann  ") && line.len() < 1_000), "{history}");
    let empty = folder.run(&["enable", "a", "--actor", ""]).expect(2);
    assert!(empty.err.contains("--actor"), "{empty:?}");
}

#[test]
fn version_of_one_flag_does_not_go_with_all() {
    let folder = Folder::migrated();
    folder.run(&["flag", "create", "a"]).expect(0);
    let refused = folder.run(&["rollback", "--all", "--to", "1", "--if-version", "1"]).expect(2);
    assert!(refused.err.contains("cannot be used with"), "{refused:?}");
}

//! `novi promote`: flags of one database in another.

use crate::{
    common::databases,
    support::{Folder, the_same},
};

const STAGING: &str = "\
flags:
  new-checkout:
    status: true
    owner: web
    activations:
    - Testers
    - name: Some
      class_name: novi.percentage
      config: {percentage: 5}
  search:
    status: true
    activations:
    - name: Not for testers
      class_name: novi.not
      config: {$activation: Testers}
activations:
  Testers:
    class_name: novi.members
    config: {}
    members: [user-1, user-2]
  Unused:
    class_name: novi.percentage
    config: {percentage: 1}
";

const PRODUCTION: &str = "\
flags:
  a-flag-of-its-own: {status: true}
  search: {status: false, owner: ops}
activations:
  Testers:
    class_name: novi.members
    config: {}
    members: [user-3]
";

#[tokio::test]
async fn flags_of_sqlite_are_promoted_to_every_database() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let mut folder = Folder::empty();
        folder.hide(&database.url, "URL");
        folder.write("staging.yaml", STAGING);
        folder.write("production.yaml", PRODUCTION);
        let (from, to) = ("sqlite://novi.db", database.url.as_str());
        folder.run(&["migrate"]).expect(0);
        folder.run(&["apply", "staging.yaml"]).expect(0);
        folder.run(&["migrate", "--database", to]).expect(0);
        folder.run(&["apply", "production.yaml", "--database", to]).expect(0);
        let dry =
            folder.run(&["promote", "--from", from, "--to", to, "--dry-run", "--ignore", "owner"]).expect(0);
        let one = folder
            .run(&["promote", "search", "--from", from, "--to", to, "--ignore", "status", "--yes"])
            .expect(0);
        let all =
            ["promote", "--from", from, "--to", to, "--yes", "--reason", "Release 42", "--actor", "ann"];
        let promoted = folder.run(&all).expect(0);
        let again = folder.run(&all).expect(0);
        let export = folder.run(&["export", "--database", to]).expect(0).out;
        for run in [dry, one, promoted, again] {
            // The command line has the URL.
            transcripts.push((database.kind, run.out));
        }
        transcripts.push((database.kind, export));
        let history = folder.run(&["history", "new-checkout", "--database", to, "--json"]).expect(0).json();
        let newest = &history[0];
        let reason = newest["reason"].as_str().unwrap();
        assert!(reason.starts_with("Release 42 (promote from ") && reason.contains("novi.db"), "{reason}");
        assert_eq!(newest["actor"], "ann");
    }
    let of = |index: usize| transcripts.iter().skip(index).step_by(5).cloned().collect::<Vec<_>>();
    let all: Vec<String> = (0..5).map(|index| the_same(of(index))).collect();
    insta::assert_snapshot!(all.join("----\n"));
}

#[test]
fn what_cannot_be_promoted_is_said() {
    let folder = Folder::demo();
    folder.run(&["export", "--snapshot", "flags.novi"]).expect(0);
    folder.run(&["flag", "create", "other"]).expect(0);
    let transcript = folder.transcript(&[
        &["promote", "--from", "file:flags.novi", "Combo ANT"],
        &["promote", "--from", "file:flags.novi", "--to", "file:other.novi"],
        &["promote", "--from", "sqlite://none.db"],
        &["promote", "--from", "file:flags.novi", "--ignore", "nothing"],
        &["promote", "--from", "file:flags.novi", "--json"],
        &["disable", "Combo AND"],
        &["promote", "--from", "file:flags.novi"],
        &["promote", "--from", "file:flags.novi", "--ignore", "status"],
    ]);
    insta::assert_snapshot!(transcript);
}

#[test]
fn names_of_activations_are_unique_in_the_source() {
    let folder = Folder::demo();
    folder.run(&["migrate", "--database", "sqlite://other.db"]).expect(0);
    folder.pipe(&["seed", "-"], b"UPDATE activations SET name = 'Same' WHERE id < 3;").expect(0);
    let refused = folder
        .run(&["promote", "--from", "sqlite://novi.db", "--to", "sqlite://other.db", "--yes"])
        .expect(5);
    assert!(refused.err.contains("several activations are named \"Same\""), "{refused:?}");
}

#[tokio::test]
async fn passwords_of_the_source_are_not_in_the_history() {
    for database in databases().await.into_iter().filter(|database| database.url.contains('@')) {
        let folder = Folder::migrated();
        folder.run(&["migrate", "--database", &database.url]).expect(0);
        folder.run(&["flag", "create", "new", "--database", &database.url]).expect(0);
        folder.run(&["promote", "--from", &database.url, "--yes"]).expect(0);
        let reason = folder.run(&["history", "--json"]).expect(0).json()[0]["reason"].to_string();
        assert!(reason.contains("://") && !reason.contains('@'), "{reason}");
    }
}

fn two_databases(staging: &str, production: &str) -> Folder {
    let folder = Folder::migrated();
    folder.write("staging.yaml", staging);
    folder.write("production.yaml", production);
    folder.run(&["apply", "staging.yaml"]).expect(0);
    folder.run(&["migrate", "--database", "sqlite://other.db"]).expect(0);
    folder.run(&["apply", "production.yaml", "--database", "sqlite://other.db"]).expect(0);
    folder
}

const TO_OTHER: [&str; 6] = ["promote", "--from", "sqlite://novi.db", "--to", "sqlite://other.db", "--yes"];

#[test]
fn new_flags_without_what_decides_them_are_off() {
    let denied = "\
flags:
  drawn: {status: true, activations: [{name: Some, class_name: novi.percentage, config: {percentage: 5}}]}
  listed:
    status: true
    activations: [{name: Not these, class_name: novi.members, config: {}, denied: [user-1]}]
";
    for (ignored, off) in [("activations", "drawn"), ("members", "listed")] {
        let folder = two_databases(denied, "flags: {}\n");
        for _ in 0..2 {
            let run = folder.run(&[&TO_OTHER[..], &["--ignore", ignored]].concat()).expect(0);
            assert!(run.err.contains(&format!("note: {off:?} is off")), "{run:?}");
            let shown = folder.run(&["show", off, "--database", "sqlite://other.db", "--json"]).json();
            assert_eq!(shown["status"], false, "{ignored}");
        }
    }
}

#[test]
fn activations_of_flags_that_are_not_promoted_stay() {
    let file = |percentage: u8, flag: &str| {
        format!(
            "flags:\n  one: {{status: true, activations: [Shared]}}\n  {flag}: {{status: true, activations: [Shared]}}\n\
             activations:\n  Shared: {{class_name: novi.percentage, config: {{percentage: {percentage}}}}}\n"
        )
    };
    let folder = two_databases(&file(50, "two"), &file(10, "three"));
    let refused = folder.run(&TO_OTHER).expect(5).err;
    assert!(refused.contains("\"Shared\" is used by \"three\"") && !refused.contains("\"two\""), "{refused}");
    let one = folder.run(&[&TO_OTHER[..], &["one", "--dry-run"]].concat()).expect(5).err;
    assert!(one.contains("\"Shared\" is used by \"three\""), "{one}");
    folder.run(&[&TO_OTHER[..], &["--force"]].concat()).expect(0);
    // It is the same now.
    folder.run(&TO_OTHER).expect(0);
}

#[test]
fn flags_that_a_promoted_flag_depends_on_are_named() {
    let staging = "\
flags:
  parent: {status: true}
  child: {status: true, activations: [{name: Child, class_name: novi.flag, config: {flag: parent}}]}
";
    let folder = two_databases(staging, "flags: {}\n");
    let refused = folder.run(&[&TO_OTHER[..], &["child"]].concat()).expect(5).err;
    assert!(
        refused.contains("other.db: ") && refused.contains("has \"parent\": promote them as well"),
        "{refused}"
    );
    let written = folder.run(&[&TO_OTHER[..], &["child", "parent", "--json"]].concat()).expect(0).json();
    assert!(written["to"].as_str().is_some_and(|name| name.contains("other.db")), "{written}");
}

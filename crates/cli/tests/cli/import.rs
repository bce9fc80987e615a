//! `novi import`: flags of other systems.

use crate::{
    common::{Kind, databases},
    support::{Folder, the_same},
};

const FLAGD: &str = r#"{"flags": {
    "checkout": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
        "targeting": {"if": [{"in": [{"var": "plan"}, ["pro", "team"]]}, "on"]}},
    "color": {"state": "ENABLED", "variants": {"red": "f00", "blue": "00f"}, "defaultVariant": "red",
        "targeting": {"fractional": [{"cat": [{"var": "email"}]}, ["red", 50], ["blue", 50]]}},
    "maths": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
        "targeting": {"if": [{"==": [{"%": [{"var": "age"}, 2]}, 0]}, "on"]}}
}}"#;

#[tokio::test]
async fn a_source_is_imported_once_on_every_database() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.write("flags.json", FLAGD);
        let mut transcript = folder.transcript(&[
            &["import", "flagd", "flags.json", "--dry-run"],
            &["import", "flagd", "flags.json"],
            &["import", "flagd", "flags.json"],
            &["export"],
        ]);
        // What people have changed since is not replaced.
        folder.write("flags.json", FLAGD.replace("\"pro\", ", ""));
        transcript += &folder.transcript(&[
            &["import", "flagd", "flags.json"],
            &["disable", "checkout"],
            &["import", "flagd", "flags.json"],
            &["import", "flagd", "flags.json", "--dry-run"],
            &["import", "flagd", "flags.json", "--overwrite"],
        ]);
        let history = folder.run(&["history", "checkout", "--limit", "1", "--json"]).expect(0).json();
        assert_eq!([&history[0]["actor"], &history[0]["reason"]], ["import", "Import from flagd"]);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn activations_of_others_are_not_replaced() {
    let folder = Folder::migrated();
    folder.write("flags.json", FLAGD);
    folder.run(&["activation", "create", "checkout: targeting", "novi.and", "[]"]).expect(0);
    let run = folder.run(&["import", "flagd", "flags.json"]).expect(5);
    assert!(run.err.contains("were changed since: checkout;"), "{}", run.err);
    folder.run(&["import", "flagd", "flags.json", "--overwrite"]).expect(0);
}

/// A change by a person is not undone, also if the flag is gone.
#[tokio::test]
async fn flags_that_people_deleted_are_not_created_again() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.write("flags.json", FLAGD);
        let import = ["import", "flagd", "flags.json"];
        folder.run(&import).expect(0);
        folder.run(&["flag", "delete", "checkout"]).expect(0);
        let refused = folder.run(&import).expect(5);
        assert!(refused.err.contains("deleted or renamed since: checkout;"), "{}", refused.err);
        folder.run(&["import", "flagd", "flags.json", "--overwrite"]).expect(0);
        folder.run(&import).expect(0);
        folder.run(&["flag", "rename", "color", "colour"]).expect(0);
        let refused = folder.run(&import).expect(5);
        assert!(refused.err.contains("deleted or renamed since: color;"), "{}", refused.err);
    }
    // What an import of another system wrote, or nobody, is no obstacle.
    let folder = Folder::migrated();
    folder.write("flags.json", FLAGD);
    folder.run(&["flag", "create", "checkout"]).expect(0);
    folder.run(&["flag", "delete", "checkout"]).expect(0);
    folder.run(&["import", "flagd", "flags.json"]).expect(0);
}

/// Flags of an earlier import that the source no longer has are in the report.
#[test]
fn flags_that_the_source_lost_are_reported() {
    let folder = Folder::migrated();
    folder.write("flags.json", FLAGD);
    folder.run(&["flag", "create", "mine"]).expect(0);
    folder.run(&["import", "flagd", "flags.json"]).expect(0);
    let start = FLAGD.find("\"color\"").unwrap();
    let end = FLAGD.find("\"maths\"").unwrap();
    let without = format!("{}{}", FLAGD.get(..start).unwrap(), FLAGD.get(end..).unwrap());
    folder.write(
        "flags.json",
        without.replace("\"in\": [{\"var\": \"plan\"}, [\"pro\", \"team\"]]", "\"+\": [1, 2]"),
    );
    let other = r#"{"flags": {"other": {"on": true, "variations": [true, false], "fallthrough": {"variation": 0},
        "offVariation": 1}}}"#;
    folder.write("other.json", other);
    insta::assert_snapshot!(folder.transcript(&[
        &["import", "flagd", "flags.json", "--report", "report.json"],
        &["import", "launchdarkly", "other.json"],
        &["eval", "color"],
    ]));
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["kept"], 2);
}

/// What flags share is their import's own, whatever its name.
#[test]
fn sources_with_segments_are_imported_once() {
    let folder = Folder::migrated();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../import/tests/fixtures");
    for (system, file) in [("launchdarkly", "launchdarkly/flags.json"), ("split", "split/splits.json")] {
        let source = fixtures.join(file).display().to_string();
        folder.run(&["import", system, &source, "--overwrite"]).expect(0);
        let run = folder.run(&["import", system, &source]).expect(0);
        assert!(run.out.contains("No changes"), "{}", run.out);
    }
}

#[test]
fn reports_and_files_are_written() {
    let folder = Folder::migrated();
    folder.write("flags.json", FLAGD);
    let mut transcript = folder.transcript(&[
        &["import", "flagd", "flags.json", "--to-file", "flags.yaml", "--report", "report.md"],
        &["import", "flagd", "flags.json", "--dry-run", "--report", "report.json", "--json"],
        &["import", "flagd", "flags.json", "--to-file", "flags.txt"],
        &["import", "flagd", "none.json"],
        &["import", "flagd", "report.md"],
    ]);
    for file in ["report.md", "report.json", "flags.yaml"] {
        let text = std::fs::read_to_string(folder.path(file)).unwrap();
        transcript.extend(["\n$ cat ", file, "\n", text.as_str()]);
    }
    insta::assert_snapshot!(transcript);
    folder.run(&["apply", "flags.yaml"]).expect(0);
    let run = folder.run(&["import", "flagd", "flags.json"]).expect(0);
    assert!(run.out.contains("No changes"), "{}", run.out);
}

#[test]
fn files_that_exist_are_not_replaced_unasked() {
    let folder = Folder::migrated();
    folder.write("flags.json", FLAGD);
    folder.write("flags.yaml", "# mine");
    let run = folder.run(&["import", "flagd", "flags.json", "--to-file", "flags.yaml"]).expect(5);
    assert!(run.err.contains("flags.yaml exists already"), "{}", run.err);
    assert_eq!(std::fs::read_to_string(folder.path("flags.yaml")).unwrap(), "# mine");
    folder.run(&["import", "flagd", "flags.json", "--to-file", "flags.yaml", "--overwrite"]).expect(0);
    folder.run(&["apply", "flags.yaml"]).expect(0);
}

/// Creates tables of another system, imports them twice, and returns what was printed.
async fn imported_in_place(system: &str, script: &str) -> String {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        // Only MySQL quotes names with it.
        let quote = if database.kind == Kind::MySql { "`" } else { "\"" };
        folder.write("tables.sql", script.replace('`', quote));
        folder.run(&["seed", "tables.sql"]).expect(0);
        let transcript = folder.transcript(&[&["import", system], &["import", system], &["export"]]);
        transcripts.push((database.kind, transcript));
    }
    the_same(transcripts)
}

#[tokio::test]
async fn tables_of_flipper_are_imported_in_place() {
    let key = "varchar(255) not null";
    let script = format!(
        "create table flipper_features (id integer primary key, `key` {key});
        create table flipper_gates (id integer primary key, feature_key {key}, `key` {key}, value text);
        insert into flipper_features values (1, 'checkout'), (2, 'search'), (3, 'unused'), (4, 'random');
        insert into flipper_gates values (1, 'checkout', 'actors', 'User;1'), (2, 'checkout', 'actors', 'User;2'),
            (3, 'checkout', 'percentage_of_actors', '12.5'), (4, 'search', 'boolean', 'true'),
            (5, 'random', 'percentage_of_time', '10'), (6, 'gone', 'boolean', 'true');
        insert into flipper_gates values (7, 'unused', 'expression', '{{\"Equal\":[{{\"Property\":[\"plan\"]}},\"pro\"]}}');"
    );
    insta::assert_snapshot!(imported_in_place("flipper", &script).await);
}

#[test]
fn sources_have_to_suit_the_system() {
    let folder = Folder::migrated();
    folder.write("flags.json", FLAGD);
    insta::assert_snapshot!(folder.transcript(&[
        &["import", "flagd"],
        &["import", "flagd", "sqlite://novi.db"],
        &["import", "flipper"],
        &["import", "flipper", "sqlite://none.db"],
        &["import", "flipper", "flags.json"],
        &["import", "nothing"],
    ]));
}

#[tokio::test]
async fn tables_of_django_waffle_are_imported_in_place() {
    let script = "
        create table auth_group (id integer primary key, name varchar(150) not null);
        create table waffle_flag (id integer primary key, name varchar(100) not null, everyone boolean,
            percent decimal(3, 1), testing boolean not null, superusers boolean not null, staff boolean not null,
            authenticated boolean not null, languages text not null, rollout boolean not null, note text not null);
        create table waffle_flag_users (id integer primary key, flag_id integer not null, user_id integer not null);
        create table waffle_flag_groups (id integer primary key, flag_id integer not null, group_id integer not null);
        create table waffle_switch (id integer primary key, name varchar(100) not null, active boolean not null,
            note text not null);
        insert into auth_group values (3, 'editors');
        insert into waffle_flag values (1, 'everyone', true, null, false, true, false, false, '', false, 'For all'),
            (2, 'some', null, 12.5, false, true, false, false, 'de,fr', false, '');
        insert into waffle_flag_users values (1, 2, 7), (2, 2, 8);
        insert into waffle_flag_groups values (1, 2, 3);
        insert into waffle_switch values (1, 'switch', true, '');";
    insta::assert_snapshot!(imported_in_place("django-waffle", script).await);
}

#[tokio::test]
async fn tables_of_togglz_django_flags_and_pennant_are_imported_in_place() {
    let scripts = [
        (
            "togglz",
            "create table TOGGLZ (FEATURE_NAME varchar(100) primary key, FEATURE_ENABLED integer,
                STRATEGY_ID varchar(200), STRATEGY_PARAMS varchar(2000));
            insert into TOGGLZ values ('NEW_CART', 1, 'gradual', 'percentage=25'),
                ('FOR_ANN', 1, 'username', 'users=ann, bob'), ('OLD', 0, null, null);",
        ),
        (
            "django-flags",
            "create table flags_flagstate (id integer primary key, name varchar(64) not null,
                `condition` varchar(64) not null, value varchar(127) not null, required boolean not null);
            insert into flags_flagstate values (1, 'SHOP', 'path matches', '^/shop', false),
                (2, 'SHOP', 'anonymous', 'False', true), (3, 'ON', 'boolean', 'True', false);",
        ),
        (
            "pennant",
            "create table features (id integer primary key, name varchar(200) not null, scope varchar(200) not null,
                value text not null);
            insert into features values (1, 'new-api', 'App|1', 'true'), (2, 'new-api', 'User|2', 'false'),
                (3, 'new-api', 'User|3', 'true'), (4, 'color', 'User|1', '\"blue\"'), (5, 'color', 'User|2', '\"red\"'),
                (6, 'all', '__laravel_null', 'true');",
        ),
    ];
    let mut transcript = String::new();
    for (system, script) in scripts {
        transcript += &imported_in_place(system, script).await;
    }
    insta::assert_snapshot!(transcript);
}

//! Every command prints the same text and JSON on every database.

use serde_json::json;

use crate::{
    common::{Kind, Raw, TestDatabase, databases},
    support::{Folder, the_same},
};

const CALLER: &str = r#"{"currentDateTime": "11/26/2023 12:00 AM", "seed": 90, "variant": "A"}"#;

/// A folder of this database, with DATABASE in place of its name.
async fn folder(database: &TestDatabase) -> Folder {
    let mut folder = Folder::of(database);
    let name = match database.kind {
        Kind::Sqlite => database.url.replace("sqlite://", "sqlite:"),
        Kind::Postgres | Kind::MySql => novi::store::connect(&database.url).await.unwrap().name(),
    };
    folder.hide(&name, "DATABASE");
    folder
}

#[tokio::test]
async fn commands_print_text() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = folder(&database).await;
        folder.write("caller.json", CALLER);
        folder.write("demo.sql", include_bytes!("../../../../seeds/demo.sql"));
        folder.write("metadata.sql", METADATA);
        let transcript = folder.transcript(&[
            &["migrate"],
            &["migrate"],
            &["list"],
            &["check"],
            &["seed", "demo.sql"],
            &["check"],
            &["list"],
            &["show", "Combo AND"],
            &["show", "Date and Random Activated Feature"],
            &["disable", "Combo AND"],
            &["eval", "Combo AND", "--context", "@caller.json"],
            &["eval", "Combo AND", "--context", "@caller.json", "--explain"],
            &["enable", "Combo AND"],
            &["enable", "Combo AND"],
            &["eval", "Combo AND", "--context", "@caller.json"],
            &["eval", "Combo AND", "--context", "@caller.json", "--explain"],
            &["eval", "Random Variant Feature", "--context", r#"{"targetingKey": "user-7"}"#],
            &["seed", "metadata.sql"],
            &["show", "Combo OR"],
            &["show", "Nothing asked"],
            &["eval", "Nothing asked"],
            &["show", "Combo"],
            &["enable", "Combo And"],
            &["disable", "utterly other"],
            &["eval", "Combo ANDD"],
            &["list"],
        ]);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

const METADATA: &str = "
    insert into flags (id, name, status) values (5, 'Nothing asked', true);
    update flag_metadata set description = 'Either will do', owner = 'web@example.org', tags = '[\"web\", \"beta\"]',
      expires_at = '2031-01-31 12:00:00', fail_mode = 'last_known', override_allowed = false where flag_id = 4;";

#[tokio::test]
async fn commands_print_json() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = folder(&database).await;
        folder.write("caller.json", CALLER);
        folder.write("demo.sql", include_bytes!("../../../../seeds/demo.sql"));
        folder.write("metadata.sql", METADATA);
        let commands: [&[&str]; 14] = [
            &["migrate", "--json"],
            &["migrate", "--json"],
            &["list", "--json"],
            &["seed", "demo.sql", "--json"],
            &["check", "--json"],
            &["disable", "Combo AND", "--json"],
            &["enable", "Combo AND", "--json"],
            &["eval", "Combo AND", "--json"],
            &["eval", "Combo AND", "--context", "@caller.json", "--json"],
            &["eval", "Combo AND", "--context", "@caller.json", "--json", "--explain"],
            &["seed", "metadata.sql", "--json"],
            &["--json", "show", "Combo OR"],
            &["--json", "show", "Combo"],
            &["--json", "list"],
        ];
        let runs: Vec<_> = commands.iter().map(|arguments| folder.run(arguments)).collect();
        for run in &runs {
            assert!(run.code == 3 && run.out.is_empty() || run.json().is_object() || run.json().is_array());
        }
        let transcript: Vec<_> = runs.iter().map(crate::support::Run::transcript).collect();
        transcripts.push((database.kind, transcript.join("\n")));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn json_has_the_revision_of_the_database() {
    for database in databases().await {
        // The output of `command`, unlike that of `run`, still has its revisions.
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let mut raw = Raw::connect(&database).await;
        let output = folder.command(&["disable", "Combo AND", "--json"]).output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let kind = if database.kind == Kind::MySql { "char" } else { "text" };
        let sum = format!("select cast(sum(revision) as {kind}) from novi_revision");
        assert_eq!(raw.texts(&sum).await, [said["revision"].to_string()], "{:?}", database.kind);
    }
}

#[tokio::test]
async fn seed_with_failing_script_changes_nothing() {
    for database in databases().await {
        let folder = folder(&database).await;
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let script = "insert into flags (id, name, status) values (9, 'Nine', true);\nselct 1;";
        folder.write("broken.sql", script);
        let from_file = folder.run(&["seed", "broken.sql"]).expect(4);
        assert!(
            from_file.err.starts_with("error: broken.sql: could not run the script (DATABASE): "),
            "{from_file:?}"
        );
        assert!(from_file.err.contains("syntax"), "{from_file:?}");
        assert!(from_file.err.contains("; the script was rolled back"), "{from_file:?}");
        let piped = folder.pipe(&["seed", "-"], script.as_bytes()).expect(4);
        assert!(piped.err.starts_with("error: standard input: could not run the script "), "{piped:?}");
        // A duplicate key, after a valid row.
        let taken = "insert into flags (id, name, status) values (9, 'Nine', true), (3, 'Three', true);";
        folder.pipe(&["seed", "-"], taken.as_bytes()).expect(4);
        // A transaction of its own would keep the first half.
        let commits = format!("{script}commit;");
        let rejected = folder.pipe(&["seed", "-"], commits.as_bytes()).expect(4);
        assert!(
            rejected.err.contains(
                "line 2: `COMMIT` is not allowed, because the whole script runs in one transaction"
            ),
            "{rejected:?}"
        );
        // PostgreSQL's error has a line of its own source code.
        assert!(!from_file.err.contains("at line 1") || database.kind == Kind::MySql, "{from_file:?}");
        if database.kind == Kind::Postgres {
            assert_eq!(
                from_file.err,
                "error: broken.sql: could not run the script (DATABASE): error returned from database: syntax error \
                 at or near \"selct\"; the script was rolled back\n"
            );
            let dump = folder.pipe(&["seed", "-"], b"-- a dump\n\\restrict key\n").expect(4);
            assert!(dump.err.contains("line 2: `\\restrict` is a command of psql, not SQL"), "{dump:?}");
        }
        folder.run(&["show", "Nine"]).expect(3);
        assert_eq!(folder.run(&["list", "--json"]).json().as_array().unwrap().len(), 4);
        // An empty script, or one with only comments, succeeds.
        folder.pipe(&["seed", "-"], b"").expect(0);
        folder.pipe(&["seed", "-"], b"-- nothing\n").expect(0);
    }
}

/// Makes the database reject turning off Combo AND.
fn freeze(kind: Kind) -> &'static str {
    if kind == Kind::Sqlite {
        "create trigger frozen before update on flags when old.name = 'Combo AND' and not new.status
         begin select raise(abort, 'frozen until Monday'); end"
    } else {
        "alter table flags add constraint frozen_until_monday check (name <> 'Combo AND' or status)"
    }
}

#[tokio::test]
async fn change_rejected_by_the_database_exits_with_5() {
    for database in databases().await {
        let folder = folder(&database).await;
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        Raw::connect(&database).await.run(freeze(database.kind)).await.unwrap();
        let refused = folder.run(&["disable", "Combo AND"]).expect(5);
        assert!(refused.err.contains("frozen"), "{refused:?}");
        assert!(refused.err.contains("Combo AND"), "{refused:?}");
        assert_eq!(folder.run(&["show", "Combo AND", "--json"]).json()["status"], json!(true));
        folder.run(&["disable", "Combo OR"]).expect(0);
    }
}

#[tokio::test]
async fn migrate_adopts_python_tables_with_warning() {
    let folder = Folder::empty();
    folder.write("novi.db", include_bytes!("../../../../tests/fixtures/novi-0.4.2.db"));
    folder.raw().await.run("insert into flags values (7, 'Nobody asks', true)").await.unwrap();
    let transcript = folder.transcript(&[&["list"], &["migrate"], &["migrate"], &["list"], &["check"]]);
    insta::assert_snapshot!(transcript);
}

const SPLITS: &str = r#"
    insert into activations (id, name, class_name, config) values
      (1, 'Layouts', 'novi.split', '{"variants": {"grid": 50, "list": 50}, "salt": "pepper"}'),
      (2, 'By CRC', 'novi.split', '{"variants": {"a": 1, "b": 1}, "hash": "crc32"}'),
      (3, 'Half', 'novi.percentage', '{"percentage": 50}'),
      (4, 'Half', 'novi.split', '{}');"#;

#[tokio::test]
async fn reweight_changes_weights_of_splits() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = folder(&database).await;
        folder.write("splits.sql", SPLITS);
        let transcript = folder.transcript(&[
            &["migrate"],
            &["seed", "splits.sql"],
            &["reweight", "Layouts", "grid=60", "list=40", "--dry-run"],
            &["reweight", "Layouts", "grid=60", "list=40", "--if-version", "99"],
            &["reweight", "Layouts", "grid=60", "lst=40", "--dry-run"],
            &["reweight", "Layouts", "grid=60", "lst=40"],
            &["reweight", "Layouts", "grid=60", "lst=40", "--force"],
            &["reweight", "Layouts", "grid=60", "list=40", "--force"],
            &["reweight", "Layouts", "grid=40", "list=40", "map=20", "--reason", "a map", "--actor", "ann"],
            &["reweight", "1", "grid=40", "list=40", "map=20", "--json"],
            &["reweight", "1", "list=1", "--json", "--dry-run"],
            &["reweight", "By CRC", "a=1", "b=2"],
            &["reweight", "Half", "a=1"],
            &["reweight", "3", "a=1"],
            &["reweight", "4", "a=1"],
            &["reweight", "Layout", "a=1"],
            &["reweight", "Layouts", "a=0"],
            &["reweight", "Layouts", "a=-1", "b=2"],
            &["reweight", "Layouts", "a"],
            &["reweight", "Layouts", "grid=60", "grid=40"],
            &["reweight", "Layouts", "=100"],
            &["reweight", "Layouts"],
        ]);
        let records = folder.run(&["history", "--json"]).expect(0).json();
        let found = records.as_array().unwrap().iter().find(|record| record["reason"] == "a map");
        assert_eq!(found.map(|record| &record["actor"]), Some(&json!("ann")), "{:?}", database.kind);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

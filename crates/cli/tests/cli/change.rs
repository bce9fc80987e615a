//! Flags, activations, links and members are created, changed and deleted.

use serde_json::json;

use crate::{
    common::databases,
    support::{Folder, the_same},
};

#[tokio::test]
async fn flags_and_activations_are_changed_as_planned() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.write("de.json", "// Germany\n{\n  \"attribute\": \"country\",\n  \"equals\": \"DE\",\n}\n");
        folder.write("users.txt", "user-3\n\n  user-4\n");
        transcripts.push((
            database.kind,
            folder.transcript(&[
                &[
                    "flag",
                    "create",
                    "checkout",
                    "--owner",
                    "web@example.org",
                    "--tags",
                    "web, beta",
                    "--dry-run",
                ],
                &[
                    "flag",
                    "create",
                    "checkout",
                    "--owner",
                    "web@example.org",
                    "--expires",
                    "2027-03-31",
                    "--on",
                ],
                &["flag", "create", "checkout"],
                &["flag", "create", "search", "--variants", "new=1,old=2"],
                &["flag", "create", "search", "--variants", r#"{"new": 1, "new": 2}"#],
                &["flag", "create", "search", "--metadata", r#"{"team": "#],
                &["flag", "create", "search", "--variants", r#"{"new": 1, "old": {"b": 1, "a": 2}}"#],
                &["flag", "set", "checkout", "#2", "--expires", "tomorrow"],
                &["flag", "set", "checkout", "#2", "--description", "soon", "--unset", "owner", "--exposed"],
                &["flag", "set", "checkout", "--description", "soon"],
                &["flag", "set", "checkout"],
                &[
                    "activation",
                    "create",
                    "A quarter",
                    "novi.percentage",
                    r#"{"percentage": 25}"#,
                    "--link",
                    "checkout",
                ],
                &["activation", "create", "Germany", "novi.attribute", "@de.json", "--dry-run"],
                &["activation", "create", "Germany", "novi.attribute", "@de.json"],
                &["activation", "create", "Nobody", "novi.percentage", r#"{"percentage": 250}"#],
                &["activation", "create", "Nobody", "novi.percentage", r#"{"percentage": }"#],
                &["flag", "create", "one", "two", "--owner", "web", "--dry-run"],
                &["flag", "create", "one", "two", "--id", "9"],
                &["link", "#1", "Germany", "--flag", "search", "--dry-run"],
                &["link", "#1", "Germany", "--flag", "search", "--if-version", "1"],
                &["link", "#1", "Germany"],
                &["link", "checkout", "2"],
                &["link", "search", "Germany", "--dry-run"],
                &["link", "checkout", "Germani"],
                &["activation", "edit", "#1", r#"{"percentage": 50}"#, "--name", "Half"],
                &["activation", "list"],
                &["activation", "list", "--unused"],
                &["activation", "show", "Half"],
                &["activation", "delete", "Germany"],
                &["activation", "delete", "Germany", "--unlink"],
                &["activation", "create", "Testers", "novi.members", r#"{"allow": []}"#, "--link", "search"],
                &["members", "add", "Testers", "user-1", "@users.txt"],
                &["members", "add", "Testers", "user-1", "--deny"],
                &["members", "remove", "Testers", "user-3", "nobody"],
                &["members", "list", "Testers"],
                &["members", "list", "Testers", "--denied", "--json"],
                &["members", "add", "Half", "user-1"],
                &["unlink", "search", "Testers", "Half"],
                &["unlink", "search", "Testers"],
                &["flag", "rename", "checkout", "kasse"],
                &["flag", "delete", "kasse", "#2", "--dry-run"],
                &["flag", "delete", "kasse", "#2", "--with-activations"],
                &["flag", "delete", "kasse"],
                &["flag", "list"],
            ]),
        ));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn json_of_a_change_has_the_plan_the_rules_and_the_revision() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let create =
            ["activation", "create", "Ten", "novi.percentage", r#"{"percentage": 10}"#, "--link", "Combo OR"];
        let planned = folder.run(&[&create[..], &["--dry-run", "--json"]].concat()).expect(0).json();
        assert_eq!((&planned["written"], &planned["revision"]), (&json!(false), &json!(null)));
        let written = folder.run(&[&create[..], &["--json"]].concat()).expect(0).json();
        assert_eq!((&written["written"], &written["plan"]), (&json!(true), &planned["plan"]));
        assert_eq!(written["plan"]["activations"][0]["id"], json!(5));
        assert_eq!(written["rules"][0]["flag"], json!("Combo OR"));
        let rule = written["rules"][0]["after"].as_str().unwrap();
        assert!(rule.contains("10 % of callers by `targetingKey`"), "{rule}");
    }
}

#[tokio::test]
async fn errors_are_json_with_code_and_problems() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.seed_demo();
        let commands: [&[&str]; 7] = [
            &["enable", "nope", "--json"],
            &["show", "#99", "--json"],
            &["--json", "activation", "create", "x", "novi.percentag", r#"{"percentage": 2}"#],
            &["flag", "create", "Combo AND", "--json"],
            &["flag", "set", "Combo AND", "--owner", "x", "--if-version", "99", "--json"],
            &["flag", "delet", "--json"],
            &["activation", "delete", "1", "--json"],
        ];
        for command in commands {
            let run = folder.run(command);
            assert!(run.code > 1 && run.out.is_empty(), "{run:?}");
            let error: serde_json::Value = serde_json::from_str(&run.err).unwrap();
            assert!(error["error"]["code"].is_string() && error["error"]["message"].is_string(), "{error}");
        }
        transcripts.push((database.kind, folder.transcript(&commands)));
        // Its row has times.
        let outdated = folder.run(&["disable", "Combo AND", "--if-version", "99", "--json"]);
        let error: serde_json::Value = serde_json::from_str(&outdated.err).unwrap();
        assert_eq!((outdated.code, &error["error"]["code"]), (5, &json!("conflict")));
        assert_eq!(error["error"]["conflict"]["theirs"]["name"], json!("Combo AND"), "{error}");
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[tokio::test]
async fn author_and_reason_are_in_the_history() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.run(&["flag", "create", "a", "--reason", "first", "--actor", "ann"]).expect(0);
        folder.run(&["flag", "set", "a", "--owner", "x"]).expect(0);
        let history = folder.run(&["history", "a", "--json"]).expect(0).json();
        assert_eq!((&history[0]["actor"], &history[0]["reason"]), (&json!("tester"), &json!(null)));
        let first = history.as_array().unwrap().last().unwrap();
        assert_eq!((&first["actor"], &first["reason"]), (&json!("ann"), &json!("first")));
    }
}

#[cfg(unix)]
#[tokio::test]
async fn activation_is_edited_in_an_editor() {
    for database in databases().await {
        let mut folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder
            .run(&["activation", "create", "Share", "novi.percentage", r#"{"percentage": 25, "salt": "//"}"#])
            .expect(0);
        // The copy shows what the person sees.
        folder.set("VISUAL", "cp \"$1\" shown.jsonc; sed -i 's/: 25/: 50/'");
        let edited = folder.run(&["activation", "edit", "Share"]).expect(0);
        assert!(
            edited.out.contains(r#"{"percentage":25,"salt":"//"} -> {"percentage":50,"salt":"//"}"#),
            "{edited:?}"
        );
        let shown = std::fs::read_to_string(folder.path("shown.jsonc")).unwrap();
        assert!(shown.starts_with("// activations#1 \"Share\", novi.percentage: On for a share"), "{shown}");
        assert!(shown.contains("  // \"by\": Attribute to bucket by."), "{shown}");

        let unchanged = folder.run(&["activation", "edit", "Share"]).expect(0);
        assert!(unchanged.out.contains("Nothing changed"), "{unchanged:?}");
        folder.set("VISUAL", "sed -i 's/: 50/: 500/'");
        let rejected = folder.run(&["activation", "edit", "Share"]).expect(5);
        let kept = rejected.err.trim_end().rsplit("the edited text is in ").next().unwrap();
        assert!(rejected.err.contains("expected 0 to 100, found 500"), "{rejected:?}");
        assert!(std::fs::read_to_string(kept).unwrap().contains("\"percentage\": 500"));
        std::fs::remove_file(kept).unwrap();

        // Another person changes the row while the editor is open.
        let novi = assert_cmd::cargo::cargo_bin!("novi").display().to_string();
        folder.set(
            "VISUAL",
            &format!("{novi} activation edit 1 '{{\"percentage\": 1}}'; sed -i 's/: 50/: 60/'"),
        );
        let outdated = folder.run(&["activation", "edit", "Share"]);
        assert_eq!(outdated.code, 5, "{outdated:?}");
        assert!(
            outdated.err.contains("activation \"Share\" was modified since you read it (you read version "),
            "{outdated:?}"
        );
        let kept = outdated.err.trim_end().rsplit("the edited text is in ").next().unwrap();
        std::fs::remove_file(kept).unwrap();
        folder.set("VISUAL", "false");
        let failed = folder.run(&["activation", "edit", "Share"]).expect(4);
        assert!(failed.err.contains("the editor \"false\" failed"), "{failed:?}");
    }
}

#[tokio::test]
async fn change_that_breaks_another_flag_is_rejected() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.run(&["flag", "create", "base", "--on"]).expect(0);
        folder.run(&["flag", "create", "above", "--on"]).expect(0);
        let needs =
            ["activation", "create", "Needs base", "novi.flag", r#"{"flag": "base"}"#, "--link", "above"];
        folder.run(&needs).expect(0);
        for change in [&["flag", "delete", "base"][..], &["flag", "rename", "base", "ground"]] {
            let planned = folder.run(&[change, &["--dry-run"]].concat()).expect(5);
            assert!(
                planned.out.contains("problem: activations#1 \"Needs base\": config.flag"),
                "{planned:?}"
            );
            let rejected = folder.run(change).expect(5);
            assert!(rejected.err.contains("activations#1 \"Needs base\": config.flag"), "{rejected:?}");
        }
        assert_eq!(folder.run(&["flag", "list", "--json"]).json().as_array().unwrap().len(), 2);
    }
}

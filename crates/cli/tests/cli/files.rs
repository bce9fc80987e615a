//! `novi export`, `plan`, `apply` and `drift`: flags as files.

use crate::{
    common::databases,
    support::{Folder, the_same},
};

const FLAGS: &str = "\
flags:
  beta:
    status: true
    owner: web
    activations:
    - Testers
    - name: Five percent
      class_name: novi.percentage
      config:
        percentage: 5
  search:
    status: false
    activations:
    - name: Not for testers
      class_name: novi.not
      config:
        $activation: Testers
activations:
  Testers:
    class_name: novi.members
    config: {}
    members: [user-1, user-2]
";

#[tokio::test]
async fn files_are_applied_and_exported_on_every_database() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.write("flags.yaml", FLAGS);
        folder.write(
            "more.yaml",
            FLAGS.replace("percentage: 5", "percentage: 50").replace("[user-1, user-2]", "[user-2]"),
        );
        folder.write("callers.jsonl", "{\"targetingKey\": \"user-1\"}\n{\"targetingKey\": \"user-2\"}\n");
        let mut transcript = folder.transcript(&[
            &["plan", "flags.yaml", "--detailed-exitcode"],
            &["apply", "flags.yaml", "--dry-run"],
            &["apply", "flags.yaml", "--reason", "The first flags"],
            &["apply", "flags.yaml"],
            &["plan", "flags.yaml", "--detailed-exitcode"],
            &["export"],
            &["export", "--format", "toml"],
            &["export", "flags.json"],
            &["plan", "flags.json"],
            &["plan", "more.yaml", "--contexts", "callers.jsonl"],
            &["plan", "more.yaml", "--format", "markdown", "--contexts", "callers.jsonl"],
        ]);
        folder.run(&["disable", "beta", "--actor", "grace", "--reason", "Errors"]).expect(0);
        let drift = folder.run(&["drift", "flags.yaml"]).expect(1);
        assert!(drift.out.contains("status: false -> true"), "{}", drift.out);
        assert!(drift.out.contains("beta was changed last by grace, "), "{}", drift.out);
        folder.run(&["apply", "more.yaml", "--if-revision", "1"]).expect(5);
        folder.run(&["apply", "more.yaml", "--force"]).expect(0);
        folder.write("only.yaml", "flags: {search: {status: false}}");
        transcript += &folder.transcript(&[&["export"], &["apply", "only.yaml", "--prune"], &["export"]]);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn invalid_files_are_rejected_and_nothing_is_written() {
    let folder = Folder::demo();
    folder.write("typo.yaml", "flags:\n  a:\n    stats: true\n");
    folder.write("twice.json", r#"{"flags": {"a": {"status": true}, "a": {"status": true}}}"#);
    folder.write("names.toml", "[flags.a]\nactivations = [\"Nobody\"]\n");
    folder.write(
        "class.yaml",
        "flags: {a: {status: true, activations: [{name: A, class_name: novi.percentge}]}}",
    );
    folder.write("flags.txt", "");
    folder.write("ids.yaml", "activations: {A: {class_name: novi.or, config: [1, 2]}}");
    std::fs::create_dir(folder.path("empty")).unwrap();
    std::fs::create_dir(folder.path("both")).unwrap();
    folder.write("both/one.yaml", "flags: {a: {status: true}}");
    std::fs::create_dir(folder.path("both/more")).unwrap();
    folder.write("both/more/two.yaml", "flags: {a: {status: false}}");
    folder.write("both/.#two.yaml", "no file of flags");
    insta::assert_snapshot!(folder.transcript(&[
        &["plan", "typo.yaml"],
        &["plan", "twice.json"],
        &["apply", "names.toml"],
        &["apply", "class.yaml"],
        &["plan", "flags.txt"],
        &["plan", "both"],
        &["plan", "none.yaml"],
        &["plan", "none.yaml", "--detailed-exitcode", "--json"],
        &["export", "flags.txt"],
        &["drift", "typo.yaml"],
        &["apply", "empty", "--prune"],
        &["plan", "ids.yaml"],
    ]));
}

//! `novi apply` over rows that others have changed since.

use crate::{
    common::databases,
    support::{Folder, the_same},
};

const FLAGS: &str = "\
flags:
  beta: {status: true, owner: web}
  search:
    status: true
    activations:
    - name: Some
      class_name: novi.percentage
      config: {percentage: 5}
";

#[tokio::test]
async fn what_others_have_changed_is_not_overwritten_on_every_database() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.write("flags.yaml", FLAGS);
        folder.write("more.yaml", FLAGS.replace("owner: web", "owner: shop"));
        folder.run(&["apply", "flags.yaml", "--name", "shop", "--reason", "First"]).expect(0);
        folder.run(&["disable", "beta", "--actor", "grace", "--reason", "Errors"]).expect(0);
        // Another field of the same flag is no obstacle, but the status is.
        let refused = folder.run(&["apply", "more.yaml", "--name", "shop"]).expect(5);
        let refused = refused.err;
        assert!(refused.contains("flags#1 \"beta\" was changed by grace, 20"), "{refused}");
        assert!(refused.contains("(Errors): status true -> false"), "{refused}");
        let mut transcript = folder.transcript(&[
            // Another name has another last apply.
            &["apply", "more.yaml", "--dry-run", "--actor", "grace"],
            &["apply", "flags.yaml", "--name", "SHOP", "--dry-run", "--actor", "grace"],
        ]);
        let plan = folder.run(&["plan", "more.yaml", "--name", "shop"]).expect(0);
        assert!(plan.err.contains("was changed by grace"), "{plan:?}");
        let json = folder.run(&["plan", "more.yaml", "--name", "shop", "--json"]).expect(0).json();
        assert_eq!(json["overwritten"][0]["fields"][0]["field"], "status", "{json}");
        let markdown =
            folder.run(&["plan", "more.yaml", "--name", "shop", "--format", "markdown"]).expect(0).out;
        assert!(markdown.contains("- **Changed by others** since the last apply: flags#1"), "{markdown}");
        folder.write("taken.yaml", FLAGS.replace("status: true, owner: web", "status: false, owner: shop"));
        transcript += &folder.transcript(&[&["apply", "taken.yaml", "--name", "shop"]]);
        // A flag that was deleted is created again, a link that was removed is added again: both undo a change.
        folder.run(&["flag", "delete", "beta", "--actor", "ann"]).expect(0);
        folder.run(&["unlink", "search", "Some", "--actor", "bob"]).expect(0);
        let refused = folder.run(&["apply", "taken.yaml", "--name", "shop"]).expect(5).err;
        assert!(refused.contains("flags#1 \"beta\" was deleted by ann"), "{refused}");
        assert!(refused.contains("was deleted by bob"), "{refused}");
        let drift = folder.run(&["drift", "taken.yaml"]).expect(1).out;
        assert!(drift.contains("beta was deleted by ann"), "{drift}");
        let json = folder.run(&["apply", "taken.yaml", "--name", "shop", "--json"]).expect(5).err;
        assert!(json.contains("\"code\": \"drift\""), "{json}");
        folder.run(&["apply", "taken.yaml", "--name", "shop", "--force"]).expect(0);
        transcript += &folder.transcript(&[&["apply", "taken.yaml", "--name", "shop"]]);
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn flags_that_were_pulled_and_changed_can_be_applied() {
    let folder = Folder::migrated();
    folder.write("flags.yaml", FLAGS);
    folder.run(&["apply", "flags.yaml"]).expect(0);
    folder.run(&["disable", "beta"]).expect(0);
    folder.run(&["apply", "flags.yaml"]).expect(5);
    folder.run(&["pull", "flags.yaml"]).expect(0);
    let text = std::fs::read_to_string(folder.path("flags.yaml")).unwrap();
    folder.write("flags.yaml", text.replace("owner: web", "owner: shop"));
    folder.run(&["apply", "flags.yaml"]).expect(0);
    folder.run(&["apply", "flags.yaml"]).expect(0);
}

#[tokio::test]
async fn an_apply_that_changed_nothing_still_protects_what_others_change_on_every_database() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.run(&["flag", "create", "shop", "--on", "--actor", "ann"]).expect(0);
        folder.run(&["export", "f.yaml"]).expect(0);
        let same = folder.run(&["apply", "f.yaml"]).expect(0);
        assert!(same.out.contains("No changes"), "{same:?}");
        folder.run(&["disable", "shop", "--actor", "eve", "--reason", "Errors"]).expect(0);
        let refused = folder.run(&["apply", "f.yaml"]).expect(5).err;
        assert!(refused.contains("(nothing was applied as f.yaml before)"), "{refused}");
        assert!(refused.contains("flags#1 \"shop\" was changed by eve"), "{refused}");
        assert!(
            refused.contains("(Errors): status true -> false") && refused.contains("--force"),
            "{refused}"
        );
        let plan = folder.run(&["plan", "f.yaml"]).expect(0);
        assert!(plan.err.contains("was changed by eve"), "{plan:?}");
        // A link that she made, and a member that she denied.
        folder.run(&["enable", "shop", "--actor", "ann"]).expect(0);
        folder.run(&["target", "shop", "--deny", "u3", "--actor", "eve"]).expect(0);
        let refused = folder.run(&["apply", "f.yaml"]).expect(5).err;
        assert!(refused.contains("was added by eve"), "{refused}");
        folder.run(&["apply", "f.yaml", "--force"]).expect(0);
        // What one changed oneself is no obstacle.
        folder.run(&["disable", "shop", "--actor", "eve"]).expect(0);
        let own = folder.run(&["apply", "f.yaml", "--name", "new", "--actor", "eve"]).expect(0);
        assert!(own.err.contains("note: never applied under this name"), "{own:?}");
        // Nor is what another file changed.
        folder.write("g.yaml", "flags:\n  shop: {status: false}\n");
        folder.run(&["apply", "g.yaml", "--actor", "bob"]).expect(0);
    }
}

#[test]
fn new_flags_with_the_id_of_a_deleted_one_undo_nothing() {
    let folder = Folder::migrated();
    folder.write("f.yaml", "flags:\n  a: {status: true}\n  b: {status: true, owner: web}\n");
    folder.run(&["apply", "f.yaml"]).expect(0);
    folder.run(&["flag", "delete", "b", "--actor", "eve"]).expect(0);
    folder.write("f.yaml", "flags:\n  a: {status: true}\n  c: {status: true, owner: shop}\n");
    folder.run(&["apply", "f.yaml"]).expect(0);
}

#[test]
fn files_have_one_name_in_whatever_way_their_paths_are_given() {
    let folder = Folder::migrated();
    std::fs::create_dir(folder.path("flags")).unwrap();
    folder.write("flags/a.yaml", "flags:\n  a: {status: true}\n");
    folder.write("b.yaml", "flags:\n  b: {status: true}\n");
    folder.run(&["apply", "b.yaml", "flags/a.yaml", "--actor", "ann"]).expect(0);
    folder.run(&["disable", "a"]).expect(0);
    let absolute = folder.path("flags/a.yaml").display().to_string();
    let ways: [&[&str]; 4] = [
        &["flags/a.yaml", "b.yaml"],
        &["./b.yaml", "flags/./a.yaml"],
        &[&absolute, "b.yaml"],
        &["b.yaml", "b.yaml", "./flags//a.yaml"],
    ];
    // The last names a file twice.
    for files in &ways[..3] {
        let refused = folder.run(&[&["apply"], *files].concat()).expect(5).err;
        assert!(refused.contains("since the last apply of b.yaml, flags/a.yaml, "), "{refused}");
    }
    folder.run(&[&["apply"], ways[3]].concat()).expect(2);
}

#[test]
fn flags_that_others_have_renamed_are_not_made_again() {
    let folder = Folder::migrated();
    folder.write("f.yaml", "flags:\n  a: {status: true}\n");
    folder.run(&["apply", "f.yaml"]).expect(0);
    folder.run(&["flag", "rename", "a", "a2", "--actor", "eve"]).expect(0);
    for name in ["f.yaml", "other"] {
        let refused = folder.run(&["apply", "f.yaml", "--name", name]).expect(5).err;
        assert!(refused.contains("flags#1 \"a2\" was changed by eve"), "{refused}");
        assert!(refused.contains("name \"a\" -> \"a2\""), "{refused}");
    }
    folder.run(&["apply", "f.yaml", "--force"]).expect(0);
    assert_eq!(folder.run(&["list", "--json"]).json().as_array().map(Vec::len), Some(2));
}

#[test]
fn files_that_ignore_activations_turn_no_flag_on_for_every_caller() {
    let folder = Folder::migrated();
    let text = "ignore: [activations]\nflags:\n  a: {status: true}\n";
    folder.write("f.yaml", text);
    let new = folder.run(&["apply", "f.yaml"]).expect(0);
    assert!(new.out.contains("status: false"), "{new:?}");
    assert!(new.err.contains("note: \"a\" is off"), "{new:?}");
    let again = folder.run(&["apply", "f.yaml"]).expect(0);
    assert!(again.out.contains("No changes"), "{again:?}");
    assert_eq!(folder.run(&["show", "a", "--json"]).json()["status"], false);
    // With activations, and once a person has turned it on, the file decides as before.
    folder.run(&["rollout", "a", "10"]).expect(0);
    folder.run(&["apply", "f.yaml"]).expect(0);
    assert_eq!(folder.run(&["show", "a", "--json"]).json()["status"], true);
}

#[tokio::test]
async fn parts_of_what_was_applied_are_not_applied_by_themselves() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        std::fs::create_dir_all(folder.path("flags/web")).unwrap();
        folder.write("flags/a.yaml", "flags:\n  a: {status: true}\n");
        folder.write("flags/web/b.yaml", "flags:\n  b: {status: true}\n");
        folder.run(&["apply", "flags", "--reason", "Release 42"]).expect(0);
        folder.write("flags/web/b.yaml", "flags:\n  b: {status: false}\n");
        for part in [&["flags/web/b.yaml"][..], &["flags/web"], &["flags/a.yaml", "./flags/web/b.yaml"]] {
            let refused = folder.run(&[&["apply"][..], part].concat()).expect(5).err;
            assert!(refused.contains("was applied as a part of `flags`: apply `flags` again"), "{refused}");
            assert!(refused.contains("--name \"flags/"), "{refused}");
        }
        folder.run(&["apply", "flags/web/b.yaml", "--name", "flags/web/b.yaml"]).expect(0);
        folder.write("flags/web/b.yaml", "flags:\n  b: {status: true}\n");
        folder.run(&["apply", "flags/web/b.yaml"]).expect(0);
        // Other files of the folder do not belong to it.
        folder.write("flags.yaml", "flags:\n  c: {status: true}\n");
        folder.run(&["apply", "flags.yaml"]).expect(0);
    }
}

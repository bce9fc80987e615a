//! `novi pull`: rows into files that people wrote.

use std::fs;

use crate::{
    common::databases,
    support::{Folder, the_same},
};

const FLAGS: &str = "\
# Flags of the shop
flags:
  # Everybody may test it.
  beta:   # since May
    status: true
    owner: 'web'
    activations:
      - Testers  # by hand
  search: {status: false}

activations:
  Testers:
    class_name: novi.members
    config: {}
    members: [user-1, user-2]
";

#[tokio::test]
async fn files_are_brought_up_to_the_rows_on_every_database() {
    let mut transcripts = Vec::new();
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        folder.write("flags.yaml", FLAGS);
        folder.run(&["apply", "flags.yaml"]).expect(0);
        folder.run(&["export", "flags.toml"]).expect(0);
        folder.run(&["export", "flags.json"]).expect(0);
        let mut transcript = folder.transcript(&[
            &["pull", "flags.yaml"],
            &["disable", "beta"],
            &["flag", "delete", "search"],
            &["members", "add", "Testers", "user-3"],
            &["flag", "create", "new", "--description", "Made by hand"],
            &["pull", "flags.yaml", "--dry-run"],
            &["pull", "flags.yaml", "flags.toml"],
        ]);
        assert_eq!(fs::read_to_string(folder.path("flags.yaml")).unwrap(), FLAGS);
        for file in ["flags.yaml", "flags.toml", "flags.json"] {
            folder.run(&["pull", file]).expect(0);
            let plan = folder.run(&["plan", file, "--detailed-exitcode"]).expect(0);
            assert!(plan.out.starts_with("No changes"), "{}", plan.out);
        }
        transcript += &fs::read_to_string(folder.path("flags.yaml")).unwrap();
        transcripts.push((database.kind, transcript));
    }
    insta::assert_snapshot!(the_same(transcripts));
}

#[test]
fn new_flags_of_several_files_go_where_people_say() {
    let folder = Folder::demo();
    std::fs::create_dir(folder.path("flags")).unwrap();
    folder.write("flags/a.yaml", "# a\nflags:\n  \"Combo AND\": {status: true}   # both\n");
    folder.write("flags/b.toml", "# b\n");
    let transcript = folder.transcript(&[
        &["pull", "flags"],
        &["pull", "flags", "--no-new"],
        &["pull", "flags", "--new-in", "flags/new.txt"],
        &["pull", "-"],
        &["pull", "flags", "--new-in", "flags/b.toml", "--json", "--dry-run"],
    ]);
    folder.run(&["pull", "flags", "--new-in", "flags/b.toml"]).expect(0);
    assert!(fs::read_to_string(folder.path("flags/b.toml")).unwrap().starts_with("# b\n[flags"));
    let plan = folder.run(&["plan", "flags", "--prune", "--json"]).expect(0).json();
    assert_eq!((&plan["changes"], &plan["unmanaged"]["flags"]), (&false.into(), &serde_json::json!([])));
    insta::assert_snapshot!(transcript);
}

#[cfg(unix)]
#[test]
fn links_and_permissions_of_files_stay_and_nothing_else_is_left() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = Folder::demo();
    folder.run(&["export", "real.yaml"]).expect(0);
    fs::set_permissions(folder.path("real.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink(folder.path("real.yaml"), folder.path("link.yaml")).unwrap();
    folder.run(&["flag", "create", "new"]).expect(0);
    folder.run(&["pull", "link.yaml"]).expect(0);
    assert!(fs::symlink_metadata(folder.path("link.yaml")).unwrap().is_symlink());
    assert_eq!(fs::metadata(folder.path("real.yaml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::read_to_string(folder.path("real.yaml")).unwrap().contains("  new:\n"));
    let names = fs::read_dir(folder.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    let hidden: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(".novi")).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn activations_with_one_name_do_not_matter_to_files_without_them() {
    let folder = Folder::migrated();
    folder.run(&["flag", "create", "b", "--on"]).expect(0);
    folder.run(&["flag", "create", "c", "--on"]).expect(0);
    folder.run(&["export", "b.yaml"]).expect(0);
    folder.write("b.yaml", "flags:\n  b: {status: true}\n");
    folder
        .pipe(
            &["seed", "-"],
            b"INSERT INTO activations (id, name, class_name, config) VALUES \
              (1, 'same', 'novi.percentage', '{\"percentage\": 10}'), (2, 'same', 'novi.percentage', '{\"percentage\": 20}'); \
              INSERT INTO flags_activations (flag_id, activation_id) VALUES (2, 1), (2, 2);",
        )
        .expect(0);
    folder.run(&["disable", "b"]).expect(0);
    folder.run(&["pull", "b.yaml", "--no-new"]).expect(0);
    assert_eq!(std::fs::read_to_string(folder.path("b.yaml")).unwrap(), "flags:\n  b: {status: false}\n");
    folder.write("c.yaml", "flags:\n  c: {status: true}\n");
    let refused = folder.run(&["pull", "c.yaml", "--no-new"]).expect(5).err;
    assert!(refused.contains("two rows of `activations` have this name"), "{refused}");
    folder.run(&["pull", "b.yaml"]).expect(5);
}

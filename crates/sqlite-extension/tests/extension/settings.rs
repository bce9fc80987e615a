//! Prefixes of tables, and configuration files.

use std::fs;

use crate::host::{Database, path_literal};

/// Tables with a prefix, without their triggers.
fn with_prefix() -> Database {
    let database = Database::migrated();
    let tables = [
        "flags",
        "flag_metadata",
        "activations",
        "activation_metadata",
        "flags_activations",
        "activation_members",
        "novi_revision",
    ];
    let copies = tables.map(|table| format!("create table acme_{table} as select * from {table};"));
    database.rows(&format!(
        "insert into flags values (1, 'Plain', true); {} insert into acme_flags values (2, 'Prefixed', true);",
        copies.concat()
    ));
    database
}

#[test]
fn a_prefix_selects_other_tables() {
    let rows = with_prefix().rows(
        "select novi_enabled('Plain'); select novi_table_prefix('acme_'); select novi_enabled('Prefixed');
        select novi_table_prefix(''); select novi_enabled('Plain');",
    );
    assert_eq!(rows, ["1", "acme_", "1", "", "1"]);
    let error = with_prefix().error(
        "select novi_table_prefix('acme_') is null from flags where false; select novi_enabled('Prefixed');",
    );
    assert!(error.contains("flag \"Prefixed\" was not found"), "{error}");
}

#[test]
fn a_configuration_has_overrides_context_prefix_and_types_in_files() {
    let database = with_prefix();
    fs::create_dir(database.path("novi_activations")).unwrap();
    fs::write(database.path("novi_activations/adult.cel"), "age >= 18").unwrap();
    fs::write(
        database.path("novi.toml"),
        "[database]\ntable_prefix = \"acme_\"\n[overrides]\n\"Forced\" = true\n[context]\nage = 20\n",
    )
    .unwrap();
    let rows = database.rows(&format!(
        "insert into acme_activations (id, name, class_name, config) values (1, 'Adults', 'novi_activations.adult', null);
        insert into acme_flags_activations values (2, 1);
        select novi_configure({}) is null;
        select novi_enabled('Forced'), novi_enabled('Prefixed'), novi_enabled('Prefixed', 'age', 17), novi_issues();",
        path_literal(&database.path("novi.toml"))
    ));
    assert_eq!(rows, ["0", "1|1|0|[]"]);
}

#[test]
fn an_invalid_configuration_changes_nothing() {
    let database = with_prefix();
    let path = database.path("novi.toml");
    fs::write(&path, "[database]\ntable_prefix = 7\n").unwrap();
    let printed = database
        .run(&format!("select novi_configure({});\nselect novi_enabled('Plain');", path_literal(&path)));
    assert_eq!(printed.rows, ["1"]);
    assert!(
        printed.errors.concat().contains("table_prefix: expected a string, found 7"),
        "{:?}",
        printed.errors
    );
}

//! The vectors of all rules, in SQLite.

use std::{fmt::Write as _, fs};

use novi::config::Config;

use crate::{
    host::{Database, insertions, literal, path_literal},
    suite::{self, Expected, Suite},
};

/// The settings of a suite, as a configuration file with a folder of activation types.
fn settings(suite: &Suite, folder: &std::path::Path) -> String {
    let mut config = Config::<toml::Table>::default();
    config.context = toml::Table::try_from(&suite.context).unwrap();
    config.overrides = suite.overrides.clone();
    config.identity.aliases.clone_from(&suite.identity);
    config.metadata = suite.metadata.clone();
    folder.clone_into(&mut config.activations.folder);
    toml::to_string(&config).unwrap()
}

#[test]
fn vectors_hold_in_sqlite() {
    let database = Database::migrated();
    let mut script = String::new();
    let mut expected = Vec::new();
    let files = suite::files();
    for (number, suite) in files.iter().flat_map(|file| &file.suites).enumerate() {
        let folder = database.path(&format!("types-{number}"));
        fs::create_dir(&folder).unwrap();
        for (name, text) in &suite.files {
            fs::write(folder.join(name), text).unwrap();
        }
        let toml = database.path(&format!("novi-{number}.toml"));
        fs::write(&toml, settings(suite, &folder)).unwrap();
        script.push_str("delete from flags; delete from activations;\n");
        script.push_str(&insertions(&suite.rows()));
        writeln!(script, "select 'suite' where novi_configure({}) is null;", path_literal(&toml)).unwrap();
        for case in &suite.cases {
            let at = format!("{}: {} with {}", suite.name, case.flag, case.context_text());
            let call = format!("({}, {})", literal(Some(&case.flag)), literal(Some(case.context_text())));
            writeln!(script, "select novi_enabled{call}, novi_variant{call}, novi_reason{call};").unwrap();
            match case.expected() {
                Expected::Decision { enabled, reason, variant } => {
                    let variant = variant.as_deref().unwrap_or("null");
                    expected.push((at, format!("{}|{variant}|{reason}", i32::from(enabled))));
                }
                // The error is printed elsewhere.
                Expected::Error { .. } => (),
            }
        }
        script.push_str("select value from json_each(novi_issues());\n");
        expected.extend(suite.issues.iter().map(|issue| (suite.name.clone(), issue.clone())));
    }
    let printed = database.run(&script);
    for error in printed.errors {
        assert!(error.contains("was not found"), "{error}");
    }
    for ((at, expected), found) in expected.iter().zip(&printed.rows) {
        assert_eq!(found, expected, "{at}");
    }
    assert_eq!(printed.rows.len(), expected.len());
}

//! Names that are unusual in shells, terminals and tables.

use crate::{
    common::{Raw, databases},
    support::Folder,
};

const ODD: [&str; 10] = [
    "🚀 launch",
    "it's \"quoted\" `here`",
    "--dash",
    "-",
    "a/b?c=d&e%20f#g",
    "two  spaces",
    "tab\tand\nnewline",
    "\u{1b}[31mred\u{1b}[0m",
    "日本語 العربية",
    "\u{202e}reversed\u{200b}",
];

#[tokio::test]
async fn commands_accept_unusual_names() {
    for database in databases().await {
        let folder = Folder::of(&database);
        folder.run(&["migrate"]).expect(0);
        let long = "é".repeat(255);
        let names: Vec<_> = ODD.into_iter().chain([long.as_str()]).collect();
        let mut raw = Raw::connect(&database).await;
        for (id, name) in names.iter().enumerate() {
            let name = name.replace('\'', "''");
            raw.run(&format!("insert into flags (id, name, status) values ({}, '{name}', true)", id + 1))
                .await
                .unwrap();
        }
        for name in &names {
            folder.run(&["disable", "--", name]).expect(0);
            let shown = folder.run(&["show", "--json", "--", name]).expect(0).json();
            assert_eq!((&shown["name"], &shown["status"]), (&(*name).into(), &false.into()));
            folder.run(&["enable", "--", name]).expect(0);
            assert_eq!(folder.run(&["eval", "--json", "--", name]).expect(0).json()["enabled"], true);
            // `Folder::run` asserts that there are no escape codes.
            for command in ["show", "eval"] {
                folder.run(&[command, "--", name]).expect(0);
            }
        }
        let listed = folder.run(&["list", "--json"]).expect(0).json();
        let listed: Vec<_> = listed.as_array().unwrap().iter().map(|flag| flag["name"].as_str()).collect();
        assert_eq!(listed, names.iter().map(|name| Some(*name)).collect::<Vec<_>>());
        folder.run(&["list"]).expect(0);
    }
}

#[tokio::test]
async fn unusual_names_do_not_break_tables() {
    let folder = Folder::migrated();
    let mut raw = folder.raw().await;
    for (id, name) in (1..).zip(ODD) {
        let name = name.replace('\'', "''");
        raw.run(&format!("insert into flags values ({id}, '{name}', true)")).await.unwrap();
    }
    insta::assert_snapshot!(folder.transcript(&[
        &["list"],
        &["show", "--", "--dash"],
        &["disable", "tab\tand\nnewline"],
        &["show", "\u{1b}[31mnone"],
        // Without --, it is an unknown option; the error suggests --.
        &["show", "--dash"],
        &["show", ""],
    ]));
}

//! Flags in the files of a folder.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use novi_refs::{Kind, Options, Report, find};
use tempfile::TempDir;

const FLAGS: [&str; 4] = ["new-checkout", "beta", "Payments", "unused"];

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn found(files: &[(&str, &str)], options: Options) -> Report {
    let flags = FLAGS.map(str::to_owned);
    find(folder(files).path(), &flags, options).unwrap()
}

fn places(report: &Report) -> Vec<(String, String, usize, usize, Kind)> {
    let place = |found: &novi_refs::Reference| {
        (found.flag.clone(), found.path.display().to_string(), found.line, found.column, found.kind)
    };
    report.references.iter().map(place).collect()
}

#[test]
fn names_and_aliases_are_found_with_their_places() {
    let files = [
        (
            "src/a.rs",
            "// ünï\nfn f() { let é = 1; flags.is_enabled(\"new-checkout\", &ctx); 'beta'; }\nconst NEW_CHECKOUT: u8 = 1;\n",
        ),
        (
            "web/b.ts",
            "if (isEnabled('beta') && newCheckout) {}\nrenewCheckout; \"new-checkout-2\"; `new-checkout`\n",
        ),
        ("src/c.rs", "#[derive(Debug, Feature)]\nenum Payments { A }\n"),
        ("data.bin", "\u{0}\"beta\""),
    ];
    let report = found(&files, Options::new());
    let place =
        |flag: &str, path: &str, line, column, kind| (flag.to_owned(), path.to_owned(), line, column, kind);
    assert_eq!(
        places(&report),
        [
            place("Payments", "src/c.rs", 2, 6, Kind::Derive),
            place("beta", "web/b.ts", 1, 16, Kind::Name),
            place("new-checkout", "src/a.rs", 2, 39, Kind::Name),
            place("new-checkout", "src/a.rs", 3, 7, Kind::Alias),
            place("new-checkout", "web/b.ts", 1, 26, Kind::Alias),
            place("new-checkout", "web/b.ts", 2, 35, Kind::Name),
        ]
    );
    assert_eq!(report.unused, ["unused"]);
    assert_eq!((report.files, &report.skipped), (3, &Vec::new()));
    assert_eq!(report.references[3].text, "const NEW_CHECKOUT: u8 = 1;");
    let report = found(&files, Options::new().with_aliases(false));
    assert!(report.references.iter().all(|found| found.kind != Kind::Alias), "{report:?}");
}

#[test]
fn unknown_names_are_found_with_a_suggestion() {
    let report = found(
        &[
            (
                "a.py",
                "client.get_boolean_value(\"new-chekout\", False)\nclient.get_boolean_value('beta', False)\n",
            ),
            ("b.rs", "#[derive(Feature)] enum Layout { A }"),
        ],
        Options::new(),
    );
    let unknown: Vec<_> = report
        .unknown
        .iter()
        .map(|found| (found.name.as_str(), found.line, found.similar.as_deref()))
        .collect();
    assert_eq!(unknown, [("new-chekout", 1, Some("new-checkout")), ("Layout", 1, None)]);
}

#[test]
fn ignored_hidden_and_large_files_are_not_read() {
    let large = format!("\"beta\"{}", "x".repeat(5 * 1024 * 1024));
    let report = found(
        &[
            (".gitignore", "target\n"),
            ("target/a.rs", "\"beta\""),
            (".hidden/a.rs", "\"beta\""),
            (".noviignore", "vendor\n"),
            ("vendor/a.rs", "\"beta\""),
            ("large.js", &large),
        ],
        Options::new(),
    );
    assert_eq!(report.references, []);
    assert_eq!(report.skipped[0].path.display().to_string(), "large.js");
    assert!(find(std::path::Path::new("no such folder"), &[], Options::new()).is_err());
}

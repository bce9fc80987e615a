//! The flags to evaluate.

use std::{fmt::Write, fs, path::Path, process::Command};

/// Makes a SQLite file with so many flags: a third is on for everybody, a third for some countries, a third for a share of all callers;
/// each tenth has variants with values.
pub(crate) fn make(novi: &Path, file: &Path, flags: usize) -> String {
    let url = format!("sqlite://{}", file.display());
    let script = file.with_extension("sql");
    fs::write(&script, rows(flags)).expect("a folder of our own");
    for arguments in [vec!["migrate"], vec!["seed", script.to_str().expect("a path of our own")]] {
        let status = Command::new(novi)
            .args(["--database", &url])
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.expect("novi is built").success(), "novi could not make {url}");
    }
    url
}

fn rows(flags: usize) -> String {
    let mut sql = String::new();
    for number in 0..flags {
        let id = number + 1;
        let mut row = |text: String| sql.write_str(&text).expect("memory takes it");
        row(format!("INSERT INTO flags (id, name, status) VALUES ({id}, 'flag-{number:04}', true);\n"));
        if number % 10 == 9 {
            row(format!(
                "INSERT INTO flag_metadata (flag_id, variants, default_variant) VALUES ({id}, '{{\"small\": 10, \"large\": 50}}', 'large') \
                 ON CONFLICT (flag_id) DO UPDATE SET variants = excluded.variants, default_variant = excluded.default_variant;\n"
            ));
        }
        let (class, config) = match number % 3 {
            0 => continue,
            1 => ("novi.attribute", r#"{"attribute": "country", "in": ["CH", "US", "DE"]}"#.to_owned()),
            _ => ("novi.percentage", format!("{{\"percentage\": {}}}", number % 100)),
        };
        row(format!(
            "INSERT INTO activations (id, name, class_name, config) VALUES ({id}, 'of {id}', '{class}', '{config}');\n\
             INSERT INTO flags_activations (flag_id, activation_id) VALUES ({id}, {id});\n"
        ));
    }
    sql
}

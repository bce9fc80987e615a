//! The rules of `deny.toml` for dependencies: licenses, bans and sources.
//!
//! `cargo deny` reads the same file, but takes longer to build than all of novi.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;

/// The packages that the workspace is built from, on any platform.
fn packages() -> Vec<Value> {
    let arguments = ["metadata", "--locked", "--format-version", "1"];
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

fn rules() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    toml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn words<'a>(list: &'a Value, field: &str) -> BTreeSet<&'a str> {
    let word = |value: &'a Value| value.as_str().or_else(|| value[field].as_str()).unwrap();
    list.as_array().unwrap().iter().map(word).collect()
}

/// Whether an SPDX expression can be met with these licenses. `A AND B OR C` is read from the left, as in
/// SPDX.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = expression.split_whitespace().peekable();
    any_of(&mut words, allowed)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allowed: &BTreeSet<&str>) -> bool {
    let mut met = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut Words<'_>, allowed: &BTreeSet<&str>) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<&str>) -> bool {
    let word = words.next().unwrap();
    if word == "(" {
        let met = any_of(words, allowed);
        assert_eq!(words.next(), Some(")"));
        return met;
    }
    let exception = words.next_if_eq(&"WITH").and_then(|_| words.next());
    // No exception is allowed: such crates have another license as well.
    exception.is_none() && allowed.contains(word)
}

#[test]
fn license_expressions_are_read_as_spdx_has_them() {
    let allowed = BTreeSet::from(["MIT", "ISC"]);
    for expression in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND ISC", "A WITH E OR MIT"]
    {
        assert!(is_allowed(expression, &allowed), "{expression}");
    }
    for expression in ["GPL-3.0", "MIT AND GPL-3.0", "MIT WITH E", "GPL-3.0 OR MIT AND GPL-2.0"] {
        assert!(!is_allowed(expression, &allowed), "{expression}");
    }
}

#[test]
fn dependencies_keep_the_rules_of_deny_toml() {
    let rules = rules();
    let licenses = words(&rules["licenses"]["allow"], "name");
    let banned = words(&rules["bans"]["deny"], "name");
    let registries = words(&rules["sources"]["allow-registry"], "name");
    let packages = packages();
    assert!(packages.len() > 100, "only {} packages", packages.len());
    let mut wrong = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let license = package["license"].as_str().unwrap_or("none");
        // Crates of the workspace have no source; those for tests have no license, either.
        let Some(source) = package["source"].as_str() else { continue };
        if !is_allowed(license, &licenses) {
            wrong.push(format!("{name}: license {license}"));
        }
        if banned.contains(name) {
            wrong.push(format!("{name}: banned"));
        }
        if !source.strip_prefix("registry+").is_some_and(|registry| registries.contains(registry)) {
            wrong.push(format!("{name}: source {source}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Files that are activation types.

use std::{fs, path::Path, sync::Arc, time::Duration};

use novi::{
    Context, Flags, Reason,
    config::Config,
    rows::{ActivationRow, FailMode, FlagMetadata, FlagRow, LinkRow, Rows},
    store::MemoryStore,
};

use crate::common::until::until;

const OFFICE_HOURS: &str =
    "// While the office is open.\n// hour: that of the caller.\n\nhour >= config.from && hour < config.to\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// A flag for each class and config.
fn rows(activations: &[(&str, &str)]) -> Rows {
    let ids = 1..=i64::try_from(activations.len()).unwrap();
    Rows {
        flags: ids
            .clone()
            .zip(activations)
            .map(|(id, (class, _))| FlagRow::new(id, format!("{id} {class}"), true))
            .collect(),
        activations: ids
            .clone()
            .zip(activations)
            .map(|(id, (class, config))| {
                ActivationRow::new(id, "row", format!("novi_activations.{class}"), *config)
            })
            .collect(),
        links: ids.map(|id| LinkRow::new(id, id)).collect(),
        ..Rows::default()
    }
}

fn flags(path: &Path, activations: &[(&str, &str)]) -> Flags {
    Flags::builder().activations_folder(path).from_rows(rows(activations)).unwrap()
}

fn issues(flags: &Flags) -> Vec<String> {
    flags.issues().iter().map(|issue| format!("{issue} ({})", issue.flags.join(", "))).collect()
}

const NINE_TO_FIVE: (&str, &str) = ("office_hours", r#"{"from": 9, "to": 17}"#);

#[test]
fn files_are_types() {
    let folder = folder(&[("office_hours.cel", OFFICE_HOURS), ("notes.txt", "("), (".hidden.cel", "(")]);
    let night = ("office_hours", r#"{"from": 0, "to": 6}"#);
    let flags = flags(folder.path(), &[NINE_TO_FIVE, night]);
    assert_eq!(issues(&flags), [""; 0]);
    let at = |hour: i64| Context::new().with("hour", hour);
    assert!(flags.is_enabled("1 office_hours", &at(9)) && !flags.is_enabled("1 office_hours", &at(17)));
    assert!(flags.is_enabled("2 office_hours", &at(5)) && !flags.is_enabled("2 office_hours", &at(9)));
    assert!(!flags.is_enabled("1 office_hours", &Context::new()));
    let trace = flags.explain("1 office_hours", &at(17)).unwrap();
    assert_eq!(trace.activations[0].notes, ["`hour < config.to` is false"]);
}

#[test]
fn string_result_is_a_variant_of_the_config() {
    let folder = folder(&[("tier.cel", r#"plan == "pro" ? "gold" : config.otherwise"#)]);
    let config = r#"{"variants": ["gold", "plain"], "otherwise": "plain"}"#;
    let flags = flags(folder.path(), &[("tier", config), ("tier", r#"{"otherwise": "plain"}"#)]);
    let decision = |plan: &str| flags.evaluate("1 tier", &Context::new().with("plan", plan)).unwrap();
    assert_eq!(decision("pro").variant(), Some("gold"));
    assert_eq!(decision("free").variant(), Some("plain"));
    let message = "activations#2 \"row\": config: tier.cel, line 1, column 17: expected a boolean, found a string; for it to be a \
                   variant, name it in `variants` (2 tier)";
    assert_eq!(issues(&flags)[0], message);
}

#[test]
fn invalid_files_break_the_flags_that_use_them() {
    let long = format!("true // {}", "x".repeat(64 * 1024));
    let folder = folder(&[
        ("office_hours.cel", OFFICE_HOURS),
        ("broken.cel", "// Broken.\nhour >=\n"),
        ("two.cel", "size(a) && 1 + 1\n&& lower(b)"),
        ("office-hours.cel", "true"),
        ("unused.cel", "("),
        ("long.cel", &long),
    ]);
    fs::write(folder.path().join("bytes.cel"), b"\xff\xfe").unwrap();
    fs::create_dir(folder.path().join("folder.cel")).unwrap();
    let flags = flags(
        folder.path(),
        &[
            NINE_TO_FIVE,
            ("broken", "{}"),
            ("broken", "{}"),
            ("office_hours", r#"{"from": 9}"#),
            ("offise_hours", "{}"),
        ],
    );
    insta::assert_snapshot!(issues(&flags).join("\n"));
    let at_nine = Context::new().with("hour", 9);
    assert!(flags.is_enabled("1 office_hours", &at_nine));
    assert_eq!(flags.evaluate("2 broken", &at_nine).unwrap().reason(), Reason::Error);
}

#[test]
fn replaced_rows_use_the_current_files() {
    let folder = folder(&[]);
    let flags = flags(folder.path(), &[NINE_TO_FIVE]);
    let ten = Context::new().with("hour", 10);
    assert_eq!(flags.evaluate("1 office_hours", &ten).unwrap().reason(), Reason::Error);
    fs::write(folder.path().join("office_hours.cel"), OFFICE_HOURS).unwrap();
    flags.replace_rows(rows(&[NINE_TO_FIVE]));
    assert!(flags.is_enabled("1 office_hours", &ten));
    // If the folder cannot be read, the types of the last time are used.
    fs::remove_file(folder.path().join("office_hours.cel")).unwrap();
    fs::remove_dir(folder.path()).unwrap();
    flags.replace_rows(rows(&[NINE_TO_FIVE]));
    assert!(flags.is_enabled("1 office_hours", &ten));
}

#[test]
fn configured_folder_must_exist() {
    let missing = Flags::builder().activations_folder("no/such/folder").from_rows(Rows::default());
    assert!(missing.unwrap_err().to_string().starts_with("could not read no/such/folder: "));
    let config = Config::from_toml("").unwrap();
    assert!(config.registry().is_ok());
    let config = Config::from_toml("[activations]\nfolder = 'no_such_folder'").unwrap();
    assert!(config.registry().unwrap_err().to_string().starts_with("could not read no_such_folder: "));
}

#[test]
fn folder_is_relative_to_the_configuration_file() {
    let folder = folder(&[("novi.toml", "[activations]\nfolder = 'rules'")]);
    fs::create_dir(folder.path().join("rules")).unwrap();
    fs::write(folder.path().join("rules/always.cel"), "// Always on.\ntrue").unwrap();
    let registry = Config::load(Some(&folder.path().join("novi.toml"))).unwrap().registry().unwrap();
    let kind = registry.find("novi_activations.always").unwrap();
    assert_eq!((kind.class(), kind.description()), ("novi_activations.always", "Always on."));
    assert_eq!(kind.schema().get("title").unwrap(), "novi_activations.always");
    assert!(kind.location().ends_with("rules/always.cel"));
}

#[tokio::test]
async fn changes_to_files_are_followed_without_a_change_of_rows() {
    let folder = folder(&[("office_hours.cel", OFFICE_HOURS)]);
    let path = |name: &str| folder.path().join(name);
    let mut rows = rows(&[NINE_TO_FIVE, ("later", "{}")]);
    rows.flags[0].metadata = FlagMetadata { fail_mode: FailMode::LastKnown, ..FlagMetadata::default() };
    let builder = Flags::builder().activations_folder(folder.path()).refresh(Duration::from_millis(20));
    let flags = builder.from_store(Arc::new(MemoryStore::new(rows))).await.unwrap();
    let revision = flags.snapshot().revision();
    let is_on = |name: &str, hour: i64| flags.is_enabled(name, &Context::new().with("hour", hour));
    assert!(is_on("1 office_hours", 9) && !is_on("1 office_hours", 17) && !is_on("2 later", 9));

    fs::write(path("office_hours.cel"), "hour >= config.from && hour <= config.to").unwrap();
    until("an edit", || is_on("1 office_hours", 17)).await;
    fs::write(path("later.cel"), "true").unwrap();
    until("a new file", || is_on("2 later", 9)).await;
    // A flag with the last known rows keeps them when its file no longer compiles.
    fs::write(path("office_hours.cel"), "hour >=").unwrap();
    until("an issue", || flags.issues().len() == 2).await;
    assert!(is_on("1 office_hours", 17) && !is_on("1 office_hours", 8));
    fs::remove_file(path("later.cel")).unwrap();
    until("a deletion", || !is_on("2 later", 9)).await;
    assert_eq!(flags.snapshot().revision(), revision);
    assert!(!flags.refresh().await.unwrap());
}

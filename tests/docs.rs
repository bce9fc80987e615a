//! The pages of the activation types, which are made from the docs and the schemas of their configs.

#![allow(clippy::unwrap_used, reason = "tests, and their helpers")]

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use novi::{ActivationType, Registry};
use serde_json::Value;

/// The page of a type: a row to paste, what the docs say, and what the config may have.
fn page(kind: &ActivationType) -> String {
    let schema = Value::from(kind.schema());
    let docs = schema["description"].as_str().unwrap();
    let (before, rest) = docs.split_once("```sql\n").unwrap_or_else(|| panic!("{} has no row", kind.class()));
    let (row, after) = rest.split_once("```").unwrap();
    let text = format!("{}\n\n{}", before.trim(), after.trim());
    let mut page = format!(
        "<!-- made by `UPDATE_DOCS=1 cargo test --test docs` -->\n# {}\n\n```sql\n{row}```\n\n{}\n",
        kind.class(),
        text.trim()
    );
    if let Some(fields) = schema["properties"].as_object() {
        page += "\n## Fields\n\n| field | type | | description |\n|---|---|---|---|\n";
        for (name, field) in fields {
            let is_required =
                schema["required"].as_array().is_some_and(|names| names.contains(&name.as_str().into()));
            let about =
                field["description"].as_str().unwrap_or_default().replace('|', "\\|").replace('\n', " ");
            let kind = told(field, &schema).replace('|', "\\|");
            let required = if is_required { "required" } else { "" };
            writeln!(page, "| `{name}` | {kind} | {required} | {about} |").unwrap();
        }
        page += "\nUnknown fields are rejected.\n";
        for (name, field) in fields {
            page += &values(name, field);
        }
    } else {
        writeln!(page, "\nConfig: {}.", told(&schema, &schema)).unwrap();
    }
    if !kind.aliases().is_empty() {
        let aliases: Vec<_> = kind.aliases().iter().map(|alias| format!("`{alias}`")).collect();
        writeln!(page, "\nAliases: {}.", aliases.join(", ")).unwrap();
    }
    page
}

/// What each value of a field says, where values have docs.
fn values(name: &str, field: &Value) -> String {
    let about = |value: &Value| {
        let about = value["description"].as_str()?.replace('|', "\\|").replace('\n', " ");
        Some(format!("| `{}` | {about} |\n", value["const"].as_str()?))
    };
    let lines: String = field["oneOf"].as_array().into_iter().flatten().filter_map(about).collect();
    if lines.is_empty() { lines } else { format!("\n| `{name}` | |\n|---|---|\n{lines}") }
}

/// What a part of a schema says of the type, in words.
fn told(part: &Value, schema: &Value) -> String {
    let words = |values: &[Value], word: fn(&Value, &Value) -> String| {
        let mut words: Vec<_> = values.iter().map(|value| word(value, schema)).collect();
        words.retain(|word| word != "null");
        words.dedup();
        words.join(" or ")
    };
    if let Some(name) = part["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return told(&schema["$defs"][name], schema);
    }
    for key in ["anyOf", "oneOf"] {
        if part["title"] == "activation" {
            return "activation".to_owned();
        }
        if let Some(parts) = part[key].as_array() {
            return words(parts, told);
        }
    }
    if let Some(values) = part["enum"].as_array() {
        return words(values, |value, _| format!("`{}`", value.as_str().unwrap_or_default()));
    }
    if let Some(value) = part["const"].as_str() {
        return format!("`{value}`");
    }
    let named = |kind: &str| match kind {
        "array" => format!("list of {}", told(&part["items"], schema)),
        "object" => match (&part["properties"], &part["additionalProperties"]) {
            (Value::Object(fields), _) => {
                format!(
                    "object with {}",
                    fields.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                )
            }
            (_, values @ Value::Object(_)) => format!("object of {}", told(values, schema)),
            _ => "object".to_owned(),
        },
        kind => kind.to_owned(),
    };
    match &part["type"] {
        Value::String(kind) => named(kind),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            kinds.map(named).collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}

#[test]
fn every_type_has_its_page() {
    let registry = Registry::global().unwrap();
    let name = |kind: &ActivationType| format!("{}.md", kind.class().trim_start_matches("novi."));
    let pages: BTreeMap<_, _> = registry.iter().map(|kind| (name(kind), page(kind))).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/types");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        // Pages of types that are gone go, too.
        fs::remove_dir_all(&folder).unwrap_or_default();
        fs::create_dir_all(&folder).unwrap();
        for (name, page) in &pages {
            fs::write(folder.join(name), page).unwrap();
        }
        return;
    }
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let found: BTreeMap<_, _> =
        entries.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect();
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&pages), "run `UPDATE_DOCS=1 cargo test --test docs`");
    for (name, page) in &pages {
        assert_eq!(&found[name], page, "{name}: run `UPDATE_DOCS=1 cargo test --test docs`");
    }
}

#[tokio::test]
async fn pages_can_be_pasted_into_one_database() {
    let database = novi::store::create("sqlite::memory:").await.unwrap();
    database.migrate().await.unwrap();
    for kind in Registry::global().unwrap().iter() {
        for script in page(kind).split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0) {
            database.run_script(script).await.unwrap_or_else(|error| panic!("{error}: {script}"));
        }
    }
    assert_eq!(novi::Flags::builder().from_store(database).await.unwrap().issues(), []);
}

#[tokio::test]
async fn what_comes_from_elsewhere_compiles() {
    let text = include_str!("../docs/coming-from.md");
    let scripts: Vec<_> =
        text.split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(scripts.len() > 5, "{}", scripts.len());
    let database = novi::store::create("sqlite::memory:").await.unwrap();
    database.migrate().await.unwrap();
    for script in scripts {
        database.run_script(script).await.unwrap_or_else(|error| panic!("{error}: {script}"));
    }
    let flags = novi::Flags::builder().from_store(database).await.unwrap();
    assert_eq!(flags.issues(), []);
    let answer = |flag: &str, context: &str| {
        let decision = flags.evaluate(flag, &novi::Context::from_json(context).unwrap()).unwrap();
        (decision.enabled(), decision.variant().map(str::to_owned))
    };
    // What hanoi's README says of its three users, and the user that is registered last.
    assert!(answer("cdc_on", r#"{"targetingKey": "444401"}"#).0);
    assert!(!answer("cdc_on", r#"{"targetingKey": "44488"}"#).0);
    assert_eq!(answer("cdc_on", r#"{"targetingKey": "443301"}"#), (true, Some("bar".to_owned())));
    assert!(answer("cdc_on", r#"{"targetingKey": "447568110001"}"#).0);
    assert_eq!(answer("PaymentProcessor", r#"{"country": "CA"}"#).1.as_deref(), Some("premium"));
    assert_eq!(answer("PaymentProcessor", "{}").1.as_deref(), Some("acme"));
    assert!(answer("feature_7", r#"{"targetingKey": "user-2"}"#).0);
    assert!(!answer("feature_7", r#"{"targetingKey": "user-3"}"#).0);
    assert!(!answer("feature_8", r#"{"targetingKey": "user-2"}"#).0);
    assert_eq!(answer("new-foo", "{}").1.as_deref(), Some("1"));
    assert_eq!(answer("layout", r#"{"targetingKey": "user-1"}"#).1.as_deref(), Some("grid"));
    assert_eq!(answer("layout", "{}").1.as_deref(), Some("list"));
}

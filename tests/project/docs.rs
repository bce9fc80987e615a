//! The pages of the activation types, generated from the docs and the schemas of their configs.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use novi::{
    activation::{ActivationType, Registry, Words},
    rows::ActivationRow,
};
use serde_json::Value;

use crate::common::databases::databases;

/// The page of a type: a sample row, its docs, and the fields of its config.
fn page(kind: &ActivationType) -> String {
    let schema = Value::from(kind.schema());
    let docs = schema["description"].as_str().unwrap();
    let (before, rest) = docs.split_once("```sql\n").unwrap_or_else(|| panic!("{} has no row", kind.class()));
    let (row, after) = rest.split_once("```").unwrap();
    let text = format!("{}\n\n{}\n\n{}", words(kind.class(), row), before.trim(), after.trim());
    let mut page = format!(
        "<!-- made by `UPDATE_DOCS=1 cargo test --test project docs` -->\n# {}\n\n```sql\n{row}```\n\n{}\n",
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

/// An item of a list in lines of at most 120 characters.
fn wrapped(item: &str) -> String {
    let (mut text, mut length) = (String::new(), usize::MAX);
    for word in item.split(' ') {
        if length > 120 - word.chars().count() {
            text += if text.is_empty() { "\n" } else { "\n  " };
            length = if length == usize::MAX { 0 } else { 2 };
        } else {
            text.push(' ');
        }
        text += word;
        length += word.chars().count() + 1;
    }
    text
}

/// What the rows of a sample require, in words.
fn words(class: &str, sql: &str) -> String {
    let registry = Registry::global().unwrap();
    let before = format!("'{class}',");
    let configs = sql.split(&before).skip(1).map(|rest| {
        // Two quotes in a string are one.
        let rest = rest.trim_start().trim_start_matches('\'').replace("''", "\u{0}");
        rest.split('\'').next().unwrap().replace('\u{0}', "'")
    });
    let rows = novi::rows::Rows::default();
    let phrased = Words::new(&registry, &rows);
    let phrase = |config: String| {
        let words = phrased.activation(&ActivationRow::new(1, "row", class, config)).words;
        wrapped(&format!("- {}", words.replace('|', "\\|")))
    };
    format!("In words:\n{}", configs.map(phrase).collect::<String>())
}

/// A table of a field's values, if they have docs.
fn values(name: &str, field: &Value) -> String {
    let about = |value: &Value| {
        let about = value["description"].as_str()?.replace('|', "\\|").replace('\n', " ");
        Some(format!("| `{}` | {about} |\n", value["const"].as_str()?))
    };
    let lines: String = field["oneOf"].as_array().into_iter().flatten().filter_map(about).collect();
    if lines.is_empty() { lines } else { format!("\n| `{name}` | |\n|---|---|\n{lines}") }
}

/// The type of a part of a schema, in words.
fn told(part: &Value, schema: &Value) -> String {
    let words = |values: &[Value], word: fn(&Value, &Value) -> String| {
        let mut words: Vec<_> = values.iter().map(|value| word(value, schema)).collect();
        words.retain(|word| word != "null");
        words.dedup();
        words.join(" or ")
    };
    // The config of another type.
    if let Some(title) = part["title"].as_str().filter(|title| title.starts_with("config of ")) {
        return title.to_owned();
    }
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
fn types_have_a_page() {
    let registry = Registry::global().unwrap();
    let name = |kind: &ActivationType| format!("{}.md", kind.class().trim_start_matches("novi."));
    let pages: BTreeMap<_, _> = registry.iter().map(|kind| (name(kind), page(kind))).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/types");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        // Pages of removed types are deleted.
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
    assert_eq!(names(&found), names(&pages), "run `UPDATE_DOCS=1 cargo test --test project docs`");
    for (name, page) in &pages {
        assert_eq!(&found[name], page, "{name}: run `UPDATE_DOCS=1 cargo test --test project docs`");
    }
}

#[tokio::test]
async fn examples_of_all_pages_fit_into_one_database() {
    let database = novi::store::create("sqlite::memory:").await.unwrap();
    database.migrate().await.unwrap();
    for kind in Registry::global().unwrap().iter() {
        for script in page(kind).split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0) {
            let class = kind.class();
            database.run_script(script).await.unwrap_or_else(|error| {
                panic!("the SQL in the docs of {class} needs ids and names that no other type has: {error}: {script}")
            });
        }
    }
    assert_eq!(novi::Flags::builder().from_store(database).await.unwrap().issues(), []);
}

#[tokio::test]
async fn migration_examples_compile_and_evaluate_on_every_database() {
    let text = include_str!("../../docs/coming-from.md");
    let scripts: Vec<_> =
        text.split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert!(scripts.len() > 7, "{}", scripts.len());
    for database in databases().await {
        let store = novi::store::create(&database.url).await.unwrap();
        store.migrate().await.unwrap();
        for script in &scripts {
            store.run_script(script).await.unwrap_or_else(|error| panic!("{error}: {script}"));
        }
        evaluate_migrated(&novi::Flags::builder().from_store(store).await.unwrap());
    }
}

/// The flags of `docs/coming-from.md`.
fn evaluate_migrated(flags: &novi::Flags) {
    assert_eq!(flags.issues(), []);
    let answer = |flag: &str, context: &str| {
        let decision = flags.evaluate(flag, &novi::Context::from_json(context).unwrap()).unwrap();
        (decision.enabled(), decision.variant().map(str::to_owned))
    };
    // The three users of hanoi's README, and the user that is registered last.
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
    assert!(answer("new-app", r#"{"plan": "pro", "app": "2.10"}"#).0);
    assert!(!answer("new-app", r#"{"plan": "free", "app": "2.10"}"#).0);
    assert_eq!(answer("color", r#"{"targetingKey": "7"}"#).1.as_deref(), Some("red"));
}

#[test]
fn pages_have_working_links_and_short_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["docs", "docs/how-to"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let docs = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    for page in pages.chain([root.join("README.md"), root.join("CHANGELOG.md")]) {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            let found = link.starts_with("http") || page.parent().unwrap().join(link).exists();
            assert!(found, "{}: no file {link}", page.display());
        }
        let mut is_output = false;
        for line in text.lines().filter(|line| !line.starts_with('|')) {
            if line.starts_with("```") {
                // What a command prints is as it is.
                is_output = line == "```text";
            }
            if is_output {
                continue;
            }
            assert!(line.chars().count() <= 120, "{}: more than 120 characters: {line}", page.display());
        }
    }
}

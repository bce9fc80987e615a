//! Imported flags, evaluated as the system's own program evaluated them. The answers are recorded by `oracles`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use novi::{Context, Flags, Value, activation::Registry, rows::Rows};
use novi_files::{Document, Format};
use novi_import::{
    ImportError, Imported, Options, Outcome, Report, TableSpec, Tables, django_flags, django_waffle, export,
    export::Exported, flagd, flagsmith, flipper, growthbook, launchdarkly, optimizely, posthog, split,
    togglz, unleash,
};
use serde_json::Value as Json;

/// A file of a system's fixtures.
fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn flags(document: &Document) -> Flags {
    let target = document.target(&Rows::default(), &Registry::global().unwrap(), false).unwrap();
    let flags = Flags::builder().keep_rows().from_rows(target.rows).unwrap();
    assert_eq!(flags.issues(), []);
    flags
}

fn context(caller: &Json) -> Context<'static> {
    let fields = caller.as_object().unwrap();
    fields.iter().fold(Context::new(), |context, (name, value)| {
        context.with(name.clone(), Value::from(value.clone()).into_owned())
    })
}

/// What novi answers, in the notation of the oracles.
fn code(flags: &Flags, flag: &str, context: &Context<'_>, variants: &[&str]) -> char {
    let decision = flags.evaluate(flag, context).unwrap();
    match decision.variant() {
        Some(name) => {
            let index = variants.iter().position(|known| *known == name).unwrap();
            char::from(b'a' + u8::try_from(index).unwrap())
        }
        None if decision.enabled() => '+',
        None => '-',
    }
}

/// Compares all answers of flags that are reported as mapped, and those of `approximated` flags for callers who have
/// an attribute.
fn compare(imported: &Imported, system: &str, approximated: &[(&str, &str)], at_least: usize) {
    let answers = format!("{system}/answers.json");
    compare_with(&answers, &imported.document, &imported.report, approximated, at_least);
}

fn compare_with(
    answers: &str,
    document: &Document,
    report: &Report,
    approximated: &[(&str, &str)],
    at_least: usize,
) {
    let recorded: Json = serde_json::from_str(&fixture(answers)).unwrap();
    let callers = recorded["contexts"].as_array().unwrap();
    let contexts: Vec<_> = callers.iter().map(context).collect();
    let mut outcomes: BTreeMap<&str, &Outcome> = BTreeMap::new();
    for item in &report.items {
        // Another part of the same name is not imported.
        outcomes.entry(item.flag.as_deref().unwrap_or_default()).or_insert(&item.outcome);
    }
    let flags = flags(document);
    let (mut pairs, mut differences) = (0, Vec::new());
    for (name, recorded) in recorded["answers"].as_object().unwrap() {
        let outcome = outcomes.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the report"));
        assert_eq!(
            matches!(outcome, Outcome::NotMapped { .. }),
            !document.flags.contains_key(name),
            "{name}: {outcome}"
        );
        let needed = approximated.iter().find(|(flag, _)| flag == name).map(|(_, attribute)| *attribute);
        assert_eq!(
            needed.is_some(),
            needed.is_some() && matches!(outcome, Outcome::Approximated { .. }),
            "{name}"
        );
        if **outcome != Outcome::Mapped && needed.is_none() {
            continue;
        }
        let list = recorded["variants"].as_array().into_iter().flatten();
        let variants: Vec<&str> = list.map(|name| name.as_str().unwrap()).collect();
        let codes = recorded["codes"].as_str().unwrap();
        assert_eq!(codes.len(), contexts.len());
        for ((context, caller), expected) in contexts.iter().zip(callers).zip(codes.chars()) {
            if needed.is_some_and(|attribute| caller.get(attribute).is_none()) {
                continue;
            }
            pairs += 1;
            let found = code(&flags, name, context, &variants);
            if found != expected {
                let trace = flags.explain(name, context).unwrap();
                differences.push(format!("{name}: expected {expected}, found {found}: {context:?}\n{trace}"));
            }
        }
    }
    let shown: Vec<&str> = differences.iter().take(20).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} of {pairs}:\n{}", differences.len(), shown.join("\n"));
    assert!(pairs >= at_least, "only {pairs} pairs were compared");
}

fn import(read: fn(&str, &Options) -> Result<Imported, ImportError>, file: &str) -> Imported {
    read(&fixture(file), &Options::default()).unwrap()
}

/// Imports the rows of a fixture.
fn import_tables(read: fn(&Tables, &Options) -> Imported, specs: &[TableSpec], system: &str) -> Imported {
    type Lists = BTreeMap<String, Vec<Vec<Option<String>>>>;
    let mut lists: Lists = serde_json::from_str(&fixture(&format!("{system}/tables.json"))).unwrap();
    let mut tables = Tables::default();
    for spec in specs {
        tables.insert(spec, lists.remove(spec.name).unwrap());
    }
    read(&tables, &Options::default())
}

/// The names of the flags that are not simply mapped, with their outcomes.
fn exceptions(imported: &Imported) -> String {
    let items = imported.report.items.iter().filter(|item| item.outcome != Outcome::Mapped);
    items.map(|item| format!("{}: {}", item.source, item.outcome)).collect::<Vec<_>>().join("\n")
}

#[test]
fn flagd_answers() {
    let imported = import(flagd::read, "flagd/flags.json");
    insta::assert_snapshot!(exceptions(&imported));
    // A program that takes the default of flagd's clients for off has the same answers.
    let approximated =
        [("rollout-cat-email", "email"), ("disabled", "targetingKey"), ("disabled-color", "targetingKey")];
    compare(&imported, "flagd", &approximated, 10_000);
}

#[test]
fn unleash_answers() {
    let imported = import(unleash::read, "unleash/client.json");
    insta::assert_snapshot!(exceptions(&imported));
    // Their differences are only for callers without the attribute.
    let approximated = [
        ("rollout-default", "userId"),
        ("custom", "userId"),
        ("colors", "userId"),
        ("overrides", "userId"),
        ("strategy-variants", "userId"),
        ("child-of-variant", "userId"),
        ("child-of-none", "userId"),
    ];
    compare(&imported, "unleash", &approximated, 10_000);
}

/// An export of the same features.
#[test]
fn unleash_export() {
    let from_export = import(unleash::read, "unleash/export.json");
    let mut document = import(unleash::read, "unleash/client.json").document;
    // Clients do not get tags.
    document.flags.get_mut("on").unwrap().tags = vec!["web".to_owned(), "team:core".to_owned()];
    assert_eq!(from_export.document, document);
}

#[test]
fn flipper_answers() {
    let imported = import(flipper::read, "flipper/export.json");
    insta::assert_snapshot!(exceptions(&imported));
    let approximated =
        [("groups", "flipper_groups"), ("groups-and-share", "targetingKey"), ("share-of-company", "company")];
    compare(&imported, "flipper", &approximated, 10_000);
}

#[test]
fn django_waffle_answers() {
    let imported = import_tables(django_waffle::read_tables, &django_waffle::TABLES, "django-waffle");
    insta::assert_snapshot!(exceptions(&imported));
    compare(&imported, "django-waffle", &[("testing", "targetingKey")], 10_000);
}

#[test]
fn django_flags_answers() {
    let imported = import_tables(django_flags::read_tables, &django_flags::TABLES, "django-flags");
    insta::assert_snapshot!(exceptions(&imported));
    compare(&imported, "django-flags", &[("no-zone", "path"), ("custom", "path")], 10_000);
}

#[test]
fn togglz_answers() {
    let imported = import_tables(togglz::read_tables, &togglz::TABLES, "togglz");
    insta::assert_snapshot!(exceptions(&imported));
    compare(&imported, "togglz", &[("RELEASED", "ip"), ("LATER", "ip")], 10_000);
}

#[test]
fn launchdarkly_answers() {
    let imported = import(launchdarkly::read, "launchdarkly/flags.json");
    insta::assert_snapshot!(exceptions(&imported));
    compare(&imported, "launchdarkly", &[], 10_000);
}

#[test]
fn growthbook_answers() {
    let imported = import(growthbook::read, "growthbook/features.json");
    insta::assert_snapshot!(exceptions(&imported));
    compare(&imported, "growthbook", &[], 10_000);
}

#[test]
fn posthog_answers() {
    let imported = import(posthog::read, "posthog/flags.json");
    insta::assert_snapshot!(exceptions(&imported));
    compare(&imported, "posthog", &[("payload", "age")], 10_000);
}

#[test]
fn split_answers() {
    let imported = import(split::read, "split/splits.json");
    insta::assert_snapshot!(exceptions(&imported));
    compare(&imported, "split", &[], 10_000);
}

#[test]
fn optimizely_answers() {
    let imported = import(optimizely::read, "optimizely/datafile.json");
    insta::assert_snapshot!(exceptions(&imported));
    compare(&imported, "optimizely", &[("variables", "targetingKey")], 10_000);
}

/// Holdouts of all flags and of single rules, also with targeted deliveries.
#[test]
fn optimizely_holdouts() {
    let mut datafile: Json = serde_json::from_str(&fixture("optimizely/datafile.json")).unwrap();
    let holdouts: Json = serde_json::from_str(&fixture("optimizely/holdouts.json")).unwrap();
    datafile.as_object_mut().unwrap().extend(holdouts.as_object().unwrap().clone());
    let imported = optimizely::read(&datafile.to_string(), &Options::default()).unwrap();
    let variables = [("variables", "targetingKey")];
    let (document, report) = (&imported.document, &imported.report);
    compare_with("optimizely/holdouts.answers.json", document, report, &variables, 10_000);
}

/// Compares flags that go out with the answers of the other system, whose file is that of the fixtures: `UPDATE_EXPORTS=1`
/// writes it, and the oracles read it.
fn compare_exported(system: &str, write: fn(&Flags) -> Exported, at_least: usize) {
    let document = Format::Yaml.read(&fixture("export/flags.yaml")).unwrap();
    let exported = write(&flags(&document));
    let text = format!("{}\n", serde_json::to_string_pretty(&exported.document).unwrap());
    let file = format!("export/{system}.json");
    if std::env::var_os("UPDATE_EXPORTS").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(&file);
        fs::write(path, &text).unwrap();
    }
    assert_eq!(text, fixture(&file));
    insta::assert_snapshot!(format!("{system}_export"), exported.report.to_string());
    compare_with(&format!("export/{system}-answers.json"), &document, &exported.report, &[], at_least);
}

#[test]
fn flagd_answers_of_exported_flags() {
    let write = |flags: &Flags| export::flagd::write(&flags.snapshot(), &Registry::global().unwrap());
    compare_exported("flagd", write, 10_000);
}

#[test]
fn unleash_answers_of_exported_flags() {
    let write =
        |flags: &Flags| export::unleash::write(&flags.snapshot(), &Registry::global().unwrap(), "production");
    compare_exported("unleash", write, 10_000);
}

/// An export that says of every feature that it is on turns none on.
#[test]
fn unleash_export_with_all_features_on() {
    let source = fixture("unleash/export.json").replace("\"enabled\": false", "\"enabled\": true");
    let imported = unleash::read(&source, &Options::default()).unwrap();
    assert!(imported.document.flags.values().all(|flag| flag.status == Some(false)));
    assert!(
        exceptions(&imported)
            .contains("features.on: approximated: it is off: exports of the open-source edition")
    );
}

/// The tables of the same features.
#[test]
fn unleash_tables() {
    let export: Json = serde_json::from_str(&fixture("unleash/export.json")).unwrap();
    let column = |item: &Json, names: &[&str]| {
        let value = names.iter().map(|name| &item[name]).find(|value| !value.is_null());
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let mut tables = Tables::default();
    let mut insert = |name: &str, items: Vec<Json>, columns: &[&[&str]]| {
        let spec = unleash::TABLES.iter().find(|spec| spec.name == name).unwrap();
        assert_eq!(spec.columns.len(), columns.len());
        tables
            .insert(spec, items.iter().map(|item| columns.iter().map(|names| column(item, names)).collect()));
    };
    let list = |name: &str| export[name].as_array().unwrap().clone();
    insert("features", list("features"), &[&["name"], &["description"], &[]]);
    let state: &[&[&str]] = &[&["featureName"], &["environment"], &["enabled"], &["variants"]];
    insert("feature_environments", list("featureEnvironments"), state);
    let strategy: &[&[&str]] = &[
        &[],
        &["id"],
        &["featureName"],
        &["environment"],
        &["name"],
        &["parameters"],
        &["constraints"],
        &["variants"],
        &["sortOrder"],
        &["disabled"],
    ];
    insert("feature_strategies", list("featureStrategies"), strategy);
    insert("segments", list("segments"), &[&["id"], &["name"], &["constraints"]]);
    let used = |strategy: &Json| {
        let segments = strategy["segments"].as_array().unwrap().clone();
        let id = strategy["id"].clone();
        segments.into_iter().rev().map(move |segment| serde_json::json!({"id": id, "segment": segment}))
    };
    let segments = list("featureStrategies").iter().flat_map(used).collect();
    insert("feature_strategy_segment", segments, &[&["id"], &["segment"]]);
    let parent = |child: &Json| {
        let name = child["feature"].clone();
        let parents = child["dependencies"].as_array().unwrap().clone();
        parents.into_iter().map(move |parent| {
            serde_json::json!({"child": name, "parent": parent["feature"],
            "enabled": parent["enabled"], "variants": parent["variants"]})
        })
    };
    let parents = list("dependencies").iter().flat_map(parent).collect();
    insert("dependent_features", parents, &[&["child"], &["parent"], &["enabled"], &["variants"]]);
    insert("feature_tag", list("featureTags"), &[&["featureName"], &["tagType"], &["tagValue"]]);
    let imported = unleash::read_tables(&tables, &Options::default()).unwrap();
    assert_eq!(imported.document, import(unleash::read, "unleash/export.json").document);
}

#[test]
fn flagsmith_answers() {
    let imported = import(flagsmith::read, "flagsmith/environment.json");
    insta::assert_snapshot!(exceptions(&imported));
    // Their only difference is the name of an attribute, which these callers have.
    let approximated = [
        ("ab", "identity_key"),
        ("all", "identity_key"),
        ("priorities", "identity_key"),
        ("share", "identity_key"),
        ("share-and", "identity_key"),
    ];
    compare(&imported, "flagsmith", &approximated, 10_000);
}

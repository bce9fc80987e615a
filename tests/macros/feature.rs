//! `#[derive(novi::Feature)]`: flags that choose between variants of an enum, and values for a struct.

use std::{collections::BTreeSet, sync::Arc};

use allocation_counter::measure;
use novi::{
    Context, Feature, Flags,
    activation::Registry,
    overrides::{self, Off},
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Revision, Rows},
    snapshot::{Manifest, Settings, Snapshot},
};
use serde::Deserialize;
use serde_json::json;

use crate::common::log;

/// Variant names as written in the code, and both kinds of `#[default]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Feature)]
enum PaymentProcessor {
    Aperture,
    #[default]
    Acme,
    r#Premium,
}

#[derive(Debug, PartialEq, Feature)]
#[flag("Page layout", rename_all = "kebab-case")]
#[allow(dead_code, reason = "what is not a default is never made here")]
enum Layout {
    #[default]
    OneColumn,
    WideGrid,
    #[flag(rename = "Map 2")]
    Map,
}

#[derive(Debug, Default, PartialEq, Deserialize, Feature)]
#[flag("Page settings")]
#[serde(default, deny_unknown_fields)]
struct PageSettings {
    rows: u8,
    colours: Vec<String>,
}

mod elsewhere {
    pub(super) use novi as flags_of_ours;
}

#[derive(Debug, PartialEq, Feature)]
#[flag(crate = elsewhere::flags_of_ours)]
enum OneVariant {
    #[default]
    Only,
}

const EACH: &str = r#"{"attribute": "user", "in": ["premium", "vip"]}"#;

/// Users `premium` and `vip` get Premium, `new` gets a variant that is unknown to the code; all others
/// Aperture.
fn processors() -> Rows {
    let split = |variant: &str| format!(r#"{{"variants": {{"{variant}": 1}}, "by": "user"}}"#);
    let inline = |class: &str, config: &str| format!(r#"{{"class_name": "{class}", "config": {config}}}"#);
    let new = inline("novi.attribute", r#"{"attribute": "user", "equals": "new"}"#);
    Rows {
        flags: vec![FlagRow::new(1, "PaymentProcessor", true)],
        activations: vec![
            ActivationRow::new(1, "premium", "novi.and", format!("[{}, 4]", inline("novi.attribute", EACH))),
            ActivationRow::new(
                2,
                "new",
                "novi.and",
                format!("[{new}, {}]", inline("novi.split", &split("Unheard of"))),
            ),
            ActivationRow::new(3, "others", "novi.split", split("Aperture")),
            ActivationRow::new(4, "Premium", "novi.split", split("Premium")),
            ActivationRow::new(5, "who", "novi.or", "[1, 2, 3]"),
        ],
        links: vec![LinkRow::new(1, 5)],
        ..Rows::default()
    }
}

fn with_values(name: &str, status: bool, variants: &str, default: Option<&str>) -> Rows {
    let metadata = FlagMetadata {
        variants: Some(variants.to_owned()).filter(|variants| !variants.is_empty()),
        default_variant: default.map(str::to_owned),
        ..FlagMetadata::default()
    };
    Rows { flags: vec![FlagRow { metadata, ..FlagRow::new(1, name, status) }], ..Rows::default() }
}

fn user(name: &'static str) -> Context<'static> {
    Context::new().with("user", name)
}

fn issues(rows: Rows) -> Vec<String> {
    let flags = Flags::from_rows(rows).unwrap();
    assert!(flags.issues().iter().all(|issue| issue.flags.is_empty()), "they break no flag");
    flags.issues().iter().map(ToString::to_string).collect()
}

mod enums {
    use super::*;

    #[test]
    fn are_the_variant_or_the_default() {
        let flags = Flags::from_rows(processors()).unwrap();
        let choose = |ctx: Context<'static>| {
            let chosen = flags.choose::<PaymentProcessor>(&ctx);
            assert_eq!(flags.snapshot().choose::<PaymentProcessor>(&ctx), chosen);
            chosen
        };
        assert_eq!(choose(user("premium")), PaymentProcessor::Premium);
        assert_eq!(choose(user("anybody")), PaymentProcessor::Aperture);
        assert_eq!(choose(user("new")), PaymentProcessor::Acme, "a variant that the code does not know");
        assert_eq!(choose(Context::new()), PaymentProcessor::Acme, "the flag is off");

        let status =
            |status| Rows { flags: vec![FlagRow::new(1, "PaymentProcessor", status)], ..Rows::default() };
        for rows in [status(true), status(false), Rows::default()] {
            flags.replace_rows(rows);
            assert_eq!(choose(user("premium")), PaymentProcessor::Acme);
        }
        assert_eq!(flags.unknown_flags()["PaymentProcessor"], 1, "of these only the last is not there");
        assert_eq!(PaymentProcessor::default(), PaymentProcessor::fallback());
    }

    #[test]
    fn have_names_of_their_own() {
        let with = |variant| with_values("Page layout", true, "", Some(variant));
        let flags = Flags::from_rows(Rows::default()).unwrap();
        let choose = |variant| {
            flags.replace_rows(with(variant));
            (flags.choose::<Layout>(&Context::new()), flags.issues().len())
        };
        assert_eq!(choose("wide-grid"), (Layout::WideGrid, 0));
        assert_eq!(choose("Map 2"), (Layout::Map, 0));
        assert_eq!(choose("one-column"), (Layout::OneColumn, 0));
        assert_eq!(choose("WideGrid"), (Layout::OneColumn, 1));
        assert_eq!(OneVariant::FLAG, "OneVariant");
        assert_eq!(flags.choose::<OneVariant>(&Context::new()), OneVariant::Only);
    }

    #[test]
    fn are_chosen_without_allocating() {
        let (flags, ctx) = (Flags::from_rows(processors()).unwrap(), user("premium"));
        let choose = || assert_eq!(flags.choose::<PaymentProcessor>(&ctx), PaymentProcessor::Premium);
        (0..20).for_each(|_| choose());
        assert_eq!(measure(choose).count_total, 0);
    }

    #[test]
    fn obey_overrides() {
        let flags = Flags::from_rows(Rows::default()).unwrap();
        let choose = || flags.choose::<PaymentProcessor>(&user("anybody"));
        assert_eq!(
            overrides::sync_scope([("PaymentProcessor", "Premium")], choose),
            PaymentProcessor::Premium
        );
        assert_eq!(overrides::sync_scope([("PaymentProcessor", Off)], choose), PaymentProcessor::Acme);
        assert_eq!(overrides::sync_scope([("PaymentProcessor", "new")], choose), PaymentProcessor::Acme);
    }
}

mod structs {
    use super::*;

    const SIZES: &str = r#"{"long": {"rows": 100, "colours": ["red"]}, "short": {}}"#;

    fn choose(rows: Rows) -> PageSettings {
        Flags::from_rows(rows).unwrap().choose(&Context::new())
    }

    #[test]
    fn take_the_value_of_the_variant_or_the_default() {
        let long = PageSettings { rows: 100, colours: vec!["red".to_owned()] };
        let page = |status, default| choose(with_values("Page settings", status, SIZES, default));
        assert_eq!(page(true, Some("long")), long);
        assert_eq!(page(true, Some("short")), PageSettings::default());
        assert_eq!(page(true, None), PageSettings::default());
        assert_eq!(page(false, Some("long")), PageSettings::default());
        assert_eq!(choose(Rows::default()), PageSettings::default());
        let flags = Flags::from_rows(with_values("Page settings", false, SIZES, Some("short"))).unwrap();
        let chosen = overrides::sync_scope([("Page settings", "long")], || {
            flags.choose::<PageSettings>(&Context::new())
        });
        assert_eq!(chosen, long);
    }

    #[test]
    fn take_the_default_if_the_value_is_invalid() {
        let rows = with_values("Page settings", true, r#"{"a": {"rows": 256}}"#, Some("a"));
        assert_eq!(choose(rows), PageSettings::default());
        assert_eq!(
            choose(with_values("Page settings", true, r#"{"a": 5}"#, Some("a"))),
            PageSettings::default()
        );
        assert_eq!(choose(with_values("Page settings", true, "", Some("a"))), PageSettings::default());
    }
}

mod told {
    use super::*;

    /// The type and its location, as messages show them.
    fn place<T: Feature>() -> String {
        let known = novi::manifest().features.into_iter().find(|feature| feature.flag == T::FLAG).unwrap();
        known.to_string()
    }

    #[test]
    fn unknown_variants_of_an_enum_are_issues() {
        let known = format!(
            "expected one of \"Aperture\", \"Acme\", \"Premium\", the variants of {}, found \"Unheard of\"",
            place::<PaymentProcessor>()
        );
        assert!(known.contains("macros::feature::PaymentProcessor (tests/macros/feature.rs:"), "{known}");
        assert_eq!(
            issues(processors()),
            [format!(
                "activations#2 \"new\": config[1].config: variant of flag \"PaymentProcessor\": {known}"
            )]
        );
        let values = r#"{"Unheard of": 1, "Acme": 2}"#;
        assert_eq!(
            issues(with_values("PaymentProcessor", false, values, Some("Unheard of"))),
            [format!("flag_metadata#1 \"PaymentProcessor\": variants.Unheard of: {known}")]
        );
        assert_eq!(
            issues(with_values("PaymentProcessor", true, "", Some("Unheard of"))),
            [format!("flag_metadata#1 \"PaymentProcessor\": default_variant: {known}")]
        );
        assert_eq!(issues(with_values("PaymentProcessor", true, r#"{"Premium": 1}"#, None)), [""; 0]);
        assert_eq!(issues(with_values("Another flag", true, values, None)), [""; 0]);
    }

    #[test]
    fn values_that_a_struct_cannot_read_are_issues() {
        let values = r#"{"a": {"rows": 300}, "b": {"colours": ["red", 5]}, "c": {"size": 1}, "d": {}}"#;
        let found = issues(with_values("Page settings", false, values, None));
        let expected = [
            ("a.rows", "expected an integer from 0 to 255, found 300"),
            ("b.colours[1]", "expected a string, found 5"),
            ("c.size", "unknown field `size`, expected `rows` or `colours`"),
        ];
        let place = place::<PageSettings>();
        let line = |(path, message)| {
            format!("flag_metadata#1 \"Page settings\": variants.{path}: {message}; read by {place}")
        };
        assert_eq!(found, expected.map(line));
        let none = format!(
            "flag_metadata#1 \"Page settings\": variants: expected variants with JSON objects as values, as read by \
             {place}, found none"
        );
        assert_eq!(issues(with_values("Page settings", true, "", None)), [none]);
        assert_eq!(issues(with_values("Page settings", false, "", None)), [""; 0], "not in use");
    }

    #[test]
    fn each_revision_is_checked() {
        let flags = Flags::from_rows(Rows::default()).unwrap();
        assert_eq!(flags.issues().len(), 0);
        flags.replace_rows(processors());
        assert_eq!(flags.issues().len(), 1);
        assert_eq!(
            flags.choose::<PaymentProcessor>(&user("premium")),
            PaymentProcessor::Premium,
            "not broken"
        );
    }

    fn lines_of(run: impl FnOnce()) -> Vec<String> {
        let (log, _guard) = log::start();
        run();
        log.lines_with("using the default of")
    }

    #[test]
    fn invalid_values_are_logged_once_per_revision() {
        let bad = || Rows {
            revision: Revision::new(7),
            ..with_values("Page settings", true, r#"{"a": 5}"#, Some("a"))
        };
        let flags = Flags::from_rows(processors()).unwrap();
        let ask = || {
            for _ in 0..3 {
                let _ = flags.choose::<PaymentProcessor>(&user("new"));
                let _ = flags.choose::<PaymentProcessor>(&user("premium"));
                let _ = flags.choose::<PageSettings>(&Context::new());
            }
        };
        let lines = lines_of(ask);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let told = "flag \"PaymentProcessor\", variant \"Unheard of\": expected one of \"Aperture\", \"Acme\", \"Premium\", \
                    found \"Unheard of\"; using the default of macros::feature::PaymentProcessor";
        assert!(lines[0].contains(told), "{lines:?}");
        flags.replace_rows(bad());
        let lines = lines_of(ask);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let told = "flag \"Page settings\", variant \"a\": expected an object, found 5; \
                    using the default of macros::feature::PageSettings flag=\"Page settings\" revision=7";
        assert!(lines[0].contains(told), "{lines:?}");
        flags.replace_rows(bad());
        assert_eq!(lines_of(ask).len(), 1, "once more, for they are other rows");
    }
}

mod manifests {
    use super::*;

    #[test]
    fn list_the_features_of_the_program() {
        let printed: serde_json::Value = serde_json::from_str(&novi::manifest().to_string()).unwrap();
        let mut features = printed["features"].as_array().unwrap().clone();
        features.retain(|feature| feature["type"].as_str().unwrap().starts_with("macros::feature::"));
        for feature in &mut features {
            let location = feature["location"].take();
            assert!(location.as_str().unwrap().starts_with("tests/macros/feature.rs:"), "{location}");
        }
        let expected = json!([
            {"flag": "OneVariant", "kind": "enum", "variants": ["Only"], "default": "Only", "type": "macros::feature::OneVariant", "location": null},
            {"flag": "Page layout", "kind": "enum", "variants": ["one-column", "wide-grid", "Map 2"], "default": "one-column", "type": "macros::feature::Layout", "location": null},
            {"flag": "Page settings", "kind": "struct", "type": "macros::feature::PageSettings", "location": null},
            {"flag": "PaymentProcessor", "kind": "enum", "variants": ["Aperture", "Acme", "Premium"], "default": "Acme", "type": "macros::feature::PaymentProcessor", "location": null},
        ]);
        assert_eq!(serde_json::Value::from(features), expected);
    }

    /// As in `novi check --against`, which has no access to the types.
    #[test]
    fn check_as_the_types_except_for_fields() {
        let read: Manifest = serde_json::from_str(&novi::manifest().to_string()).unwrap();
        let settings = Settings { features: read.clone(), ..Settings::default() };
        let registry = Registry::global().unwrap();
        let compile = |rows| Snapshot::compile(Arc::new(rows), &registry, &settings, None);
        let of_program = Flags::from_rows(processors()).unwrap();
        assert_eq!(compile(processors()).issues(), of_program.issues());
        let values = r#"{"a": 5, "b": 6}"#;
        let found = compile(with_values("Page settings", true, values, None));
        assert!(
            found.issues()[0]
                .message
                .starts_with("expected an object, found 5; read by macros::feature::PageSettings (")
        );
        assert_eq!(found.issues().len(), 2);
        let values = r#"{"a": {"rows": 300}}"#;
        assert_eq!(compile(with_values("Page settings", true, values, None)).issues(), []);

        let missing = compile(processors()).missing_flags(&read);
        let names: BTreeSet<_> = missing.iter().map(|issue| issue.name.as_str()).collect();
        // Two more flags of this program are missing, too.
        assert_eq!(
            names,
            BTreeSet::from(["OneVariant", "Page layout", "Page settings", "Payments", "declare: layout"])
        );
        let told = missing[0].to_string();
        assert!(
            told.starts_with(
                "flags \"OneVariant\": name: no flag has this name, which macros::feature::OneVariant (tests/"
            ),
            "{told}"
        );
    }
}

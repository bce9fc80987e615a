//! Flags that choose an implementation or settings.
//! cargo run --example feature_enum

use novi::{
    Context, Feature, Flags, ToContext, overrides,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Rows},
};
use serde::Deserialize;

/// The variants of the flag `PaymentProcessor`. Acme applies while the flag is off, and if its variant is not listed
/// here.
#[derive(Debug, Feature)]
enum PaymentProcessor {
    #[default]
    Acme,
    Premium,
    #[flag(rename = "Aperture 2")]
    Aperture,
}

/// The JSON value of the flag's variant.
#[derive(Debug, Default, Deserialize, Feature)]
#[flag("Page settings")]
struct PageSettings {
    rows: u32,
    title: String,
}

#[derive(ToContext)]
struct User {
    #[context(key)]
    id: &'static str,
    country: &'static str,
}

impl PaymentProcessor {
    /// The compiler checks that the `match` covers every variant.
    fn fee(&self, cents: u32) -> u32 {
        match self {
            Self::Acme => cents * 2 / 100 + 30,
            Self::Premium => cents * 4 / 100 + 50,
            Self::Aperture => cents / 100,
        }
    }
}

/// Canada gets Premium; half of the other users get Aperture.
fn rows() -> Rows {
    let canada = r#"[{"class_name": "novi.attribute", "config": {"attribute": "country", "equals": "CA"}},
                     {"class_name": "novi.split", "config": {"variants": {"Premium": 1}}}]"#;
    let half = r#"{"variants": {"Aperture 2": 50, "Acme": 49, "Stripes": 1}}"#;
    let pages = FlagMetadata {
        variants: Some(r#"{"long": {"rows": 100, "title": "All of it"}, "wide": {"columns": 3}}"#.to_owned()),
        default_variant: Some("long".to_owned()),
        ..FlagMetadata::default()
    };
    Rows {
        flags: vec![
            FlagRow::new(1, "PaymentProcessor", true),
            FlagRow { metadata: pages, ..FlagRow::new(2, "Page settings", true) },
        ],
        activations: vec![
            ActivationRow::new(1, "Canada", "novi.and", canada),
            ActivationRow::new(2, "Others", "novi.split", half),
            ActivationRow::new(3, "Who gets which", "novi.or", "[1, 2]"),
        ],
        links: vec![LinkRow::new(1, 3)],
        ..Rows::default()
    }
}

fn main() -> Result<(), novi::Error> {
    let flags = Flags::from_rows(rows())?;

    // Variants and values that the code does not handle are reported as issues. They break no flag.
    for issue in flags.issues() {
        println!("{issue}");
    }

    let users = [("user-1", "CA"), ("user-2", "US"), ("user-3", "US")];
    for user in users.map(|(id, country)| User { id, country }) {
        let processor: PaymentProcessor = flags.choose(&user.to_context());
        println!("{} in {} pays {} cents by {processor:?}", user.id, user.country, processor.fee(1000));
    }

    let settings = flags.choose::<PageSettings>(&Context::new());
    println!("{}: {} rows", settings.title, settings.rows);

    // For tests: the code under test stays as it is.
    overrides::sync_scope([("PaymentProcessor", "Premium")], || {
        println!("by override: {:?}", flags.choose::<PaymentProcessor>(&Context::new()));
    });

    // For `novi check --against manifest.json`.
    println!("{}", novi::manifest());
    Ok(())
}

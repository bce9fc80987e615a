//! Parses the variants of a flag and their values from `flag_metadata`.

use serde_json::{Value as Json, error::Category};

use crate::{
    activation::Variant,
    error::json_terms,
    rows::{FlagMetadata, metadata::ClientMetadata},
    snapshot::compile::ids::VariantInterner,
};

/// The variants of a flag with their values, all of one type.
#[derive(Clone, Default)]
pub(in crate::snapshot) struct Values {
    /// Whether the metadata declare values for the variants, even invalid ones. If so, the flag's value is
    /// that of its variant; otherwise it is whether the flag is on.
    pub(in crate::snapshot) declared: bool,
    /// Whether the variants are version numbers, starting at 1.
    pub(in crate::snapshot) versions: bool,
    pub(in crate::snapshot) list: Box<[(Variant, Json)]>,
    /// The variant if the flag is on and no activation assigns one.
    pub(in crate::snapshot) default: Option<Variant>,
    /// The variant while the flag's status is off.
    pub(in crate::snapshot) off: Option<Variant>,
}

/// An invalid column of `flag_metadata`.
pub(in crate::snapshot) struct MetadataError {
    pub(in crate::snapshot) column: &'static str,
    pub(in crate::snapshot) message: String,
    /// Whether decisions depend on the column.
    pub(in crate::snapshot) breaks_flag: bool,
}

/// Parses the column `metadata`.
pub(in crate::snapshot) fn client_metadata(text: &str) -> Result<ClientMetadata, MetadataError> {
    if text.trim().is_empty() {
        return Ok(ClientMetadata::default());
    }
    serde_json::from_str(text).map_err(|error| {
        let message = match error.classify() {
            Category::Data if error.to_string().contains(": expected a string") => {
                json_terms::translate(&error.to_string())
            }
            _ => json_terms::unmet(
                r#"expected an object of strings, numbers and booleans, like {"team": "shop"}"#,
                &error,
            ),
        };
        MetadataError { column: "metadata", message, breaks_flag: false }
    })
}

impl Values {
    /// No program keeps more versions of a feature than this.
    const MAX_VERSIONS: u32 = 1000;

    /// Returns `None` if the metadata have no variants.
    pub(in crate::snapshot) fn parse(
        metadata: &FlagMetadata,
        variants: &mut VariantInterner,
    ) -> Result<Option<Self>, MetadataError> {
        let invalid = |column, message| Err(MetadataError { column, message, breaks_flag: true });
        let Some(text) = metadata.variants.as_deref().filter(|text| !text.trim().is_empty()) else {
            // They need no value: activations may assign variants without values as well.
            let mut number = |name: &Option<String>| name.as_deref().map(|name| variants.intern(name));
            let (default, off) = (number(&metadata.default_variant), number(&metadata.off_variant));
            return Ok((default.is_some() || off.is_some()).then(|| Self {
                default,
                off,
                ..Self::default()
            }));
        };
        let expectation = "expected an object that maps variants to values of one type, like {\"A\": 1, \"B\": 2}, or \
                           a number of versions";
        let versions = text.trim().parse::<u32>().ok();
        let named: Vec<(String, Json)> = match versions {
            Some(count @ 1..=Self::MAX_VERSIONS) => {
                (1..=count).map(|version| (version.to_string(), version.into())).collect()
            }
            Some(count) => {
                let max = Self::MAX_VERSIONS;
                return invalid("variants", format!("expected 1 to {max} versions, found {count}"));
            }
            None => match serde_json::from_str::<serde_json::Map<String, Json>>(text) {
                Ok(named) => named.into_iter().collect(),
                Err(error) => {
                    return invalid("variants", json_terms::unmet(expectation, &error));
                }
            },
        };
        let named = with_fractions(named);
        let mut kinds: Vec<&str> = named.iter().map(|(_, value)| kind(value)).collect();
        kinds.dedup();
        if let [first, other, ..] = kinds[..] {
            return invalid("variants", format!("{expectation}, found {first} and {other}"));
        }
        let chosen = [("default_variant", &metadata.default_variant), ("off_variant", &metadata.off_variant)];
        for (column, chosen) in chosen {
            if let Some(chosen) = chosen
                && !named.iter().any(|(name, _)| name == chosen)
            {
                let known: Vec<_> = named.iter().map(|(name, _)| name.as_str()).collect();
                return invalid(column, format!("expected one of {}, found {chosen:?}", known.join(", ")));
            }
        }
        let mut number = |name: &Option<String>| name.as_deref().map(|name| variants.intern(name));
        let (default, off) = (number(&metadata.default_variant), number(&metadata.off_variant));
        let list: Box<[_]> = named.into_iter().map(|(name, value)| (variants.intern(&name), value)).collect();
        Ok(Some(Self { declared: true, versions: versions.is_some(), list, default, off }))
    }

    /// The values of a flag with invalid metadata.
    pub(in crate::snapshot) fn invalid() -> Self {
        Self { declared: true, ..Self::default() }
    }

    pub(in crate::snapshot) fn variants(&self) -> impl Iterator<Item = Variant> {
        self.list.iter().map(|(variant, _)| *variant).chain(self.default).chain(self.off)
    }

    pub(in crate::snapshot) fn get(&self, variant: Variant) -> Option<&Json> {
        self.list.iter().find(|(known, _)| *known == variant).map(|(_, value)| value)
    }
}

/// Turns all numbers into floats if one of them is, so that `1` and `2.5` have the same type for readers of
/// the flag.
fn with_fractions(mut named: Vec<(String, Json)>) -> Vec<(String, Json)> {
    if named.iter().any(|(_, value)| value.is_f64()) {
        for (_, value) in &mut named {
            if let Some(number) = value.as_f64() {
                *value = number.into();
            }
        }
    }
    named
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

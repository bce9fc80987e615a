//! Parses the variants of a flag and their values from `flag_metadata`.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Deserialize as _;
use serde_json::Value as Json;

use crate::{
    activation::Variant,
    error::{json_terms, unique_names},
    rows::{FlagMetadata, ValueType, metadata::ClientMetadata},
    snapshot::compile::ids::VariantInterner,
};

/// The variants of a flag with their values.
#[derive(Clone, Default)]
pub(in crate::snapshot) struct Values {
    /// Whether the metadata declare values for the variants, even invalid ones. If so, the flag's value is
    /// that of its variant; otherwise it is whether the flag is on.
    pub(in crate::snapshot) declared: bool,
    /// Whether the values are the names of the variants: strings, of which the metadata list none.
    are_names: bool,
    /// Whether the variants are version numbers, starting at 1.
    pub(in crate::snapshot) versions: bool,
    pub(in crate::snapshot) list: Box<[(Variant, Json)]>,
    /// The variants whose values have another type than the flag, with the issues.
    pub(in crate::snapshot) mismatched: Vec<(Variant, MetadataError)>,
    /// The variant if the flag is on and no activation assigns one.
    pub(in crate::snapshot) default: Option<Variant>,
    /// The variant while the flag's status is off.
    pub(in crate::snapshot) off: Option<Variant>,
}

/// An invalid column of `flag_metadata`, or an invalid value in it.
#[derive(Clone)]
pub(in crate::snapshot) struct MetadataError {
    /// The column, and the path in its JSON.
    pub(in crate::snapshot) path: Cow<'static, str>,
    pub(in crate::snapshot) message: String,
    /// Whether decisions depend on the column.
    pub(in crate::snapshot) breaks_flag: bool,
}

/// Parses the column `metadata`.
pub(in crate::snapshot) fn client_metadata(text: &str) -> Result<ClientMetadata, MetadataError> {
    const EXPECTATION: &str = r#"expected an object of strings, numbers and booleans, like {"team": "shop"}"#;
    let invalid = |message| MetadataError { path: "metadata".into(), message, breaks_flag: false };
    if text.trim().is_empty() {
        return Ok(ClientMetadata::default());
    }
    let parsed = unique_names::check(text).and_then(|()| serde_json::from_str(text));
    let json: Json = parsed.map_err(|error| invalid(json_terms::unmet(EXPECTATION, &error)))?;
    if !json.is_object() {
        return Err(invalid(format!("{EXPECTATION}, found {}", kind(&json))));
    }
    ClientMetadata::deserialize(json).map_err(|error| invalid(error.to_string()))
}

impl Values {
    /// No program keeps more versions of a feature than this.
    const MAX_VERSIONS: u32 = 1000;

    /// Returns `None` if the metadata have no variants.
    pub(in crate::snapshot) fn parse(
        metadata: &FlagMetadata,
        variants: &mut VariantInterner,
    ) -> Result<Option<Self>, MetadataError> {
        let invalid = |column: &'static str, message| {
            Err(MetadataError { path: column.into(), message, breaks_flag: true })
        };
        let Some(text) = metadata.variants.as_deref().filter(|text| !text.trim().is_empty()) else {
            // They need no value: activations may assign variants without values as well.
            let mut number = |name: &Option<String>| name.as_deref().map(|name| variants.intern(name));
            let (default, off) = (number(&metadata.default_variant), number(&metadata.off_variant));
            let are_names = metadata.value_type == Some(ValueType::String);
            // Whether the flag is on is no number and no object.
            let declared = !matches!(metadata.value_type, None | Some(ValueType::Boolean | ValueType::Any));
            return Ok((default.is_some() || off.is_some() || declared).then(|| Self {
                declared,
                are_names,
                default,
                off,
                ..Self::default()
            }));
        };
        let expectation = "expected an object that maps variants to values, like {\"A\": 1, \"B\": 2}, or \
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
            None => match unique_names::check(text).and_then(|()| serde_json::from_str(text)) {
                Ok(named) => serde_json::Map::into_iter(named).collect(),
                Err(error) => {
                    return invalid("variants", json_terms::unmet(expectation, &error));
                }
            },
        };
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
        let (mut list, mut mismatched) = (Vec::with_capacity(named.len()), Vec::new());
        for (name, value) in named {
            let variant = variants.intern(&name);
            let Some(kind) = metadata.value_type else {
                list.push((variant, value));
                continue;
            };
            let found = self::kind(&value);
            match kind.convert(value) {
                Some(value) => list.push((variant, value)),
                None => mismatched.push((variant, other_type(&name, kind, found))),
            }
        }
        let (declared, versions, list) = (true, versions.is_some(), list.into());
        Ok(Some(Self { declared, are_names: false, versions, list, mismatched, default, off }))
    }

    /// The values of a flag with invalid metadata.
    pub(in crate::snapshot) fn invalid() -> Self {
        Self { declared: true, ..Self::default() }
    }

    /// Adds the names of variants that may be assigned, if they are the values.
    pub(in crate::snapshot) fn add_names(&mut self, assigned: &[Variant], names: &[Box<str>]) {
        if self.are_names {
            let variants: BTreeSet<_> =
                assigned.iter().copied().chain(self.default).chain(self.off).map(Variant::index).collect();
            let value = |index| Some((Variant::from_index(index), Json::from(&**names.get(index)?)));
            self.list = variants.into_iter().filter_map(value).collect();
        }
    }

    pub(in crate::snapshot) fn variants(&self) -> impl Iterator<Item = Variant> {
        self.list.iter().map(|(variant, _)| *variant).chain(self.default).chain(self.off)
    }

    pub(in crate::snapshot) fn get(&self, variant: Variant) -> Option<&Json> {
        self.list.iter().find(|(known, _)| *known == variant).map(|(_, value)| value)
    }
}

/// The issue of a value that has another type than the flag declares. It breaks no flag: other variants have
/// valid values.
fn other_type(name: &str, expected: ValueType, found: &str) -> MetadataError {
    let expected = match expected {
        ValueType::Boolean => "a boolean",
        ValueType::String => "a string",
        ValueType::Integer => "an integer",
        ValueType::Number => "a number",
        ValueType::Object => "an object or a list",
        ValueType::Any => "a value",
    };
    let message = format!("expected {expected}, the type of the flag's values, found {found}");
    MetadataError { path: format!("variants.{name}").into(), message, breaks_flag: false }
}

/// The issue of a variant that an activation can assign, if others have values.
pub(in crate::snapshot) fn without_value(name: &str) -> MetadataError {
    let message = format!("expected a value for the variant {name:?}, which activations can assign");
    MetadataError { path: "variants".into(), message, breaks_flag: false }
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

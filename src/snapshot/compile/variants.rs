//! The values of a flag's variants, from `flag_metadata`.

use serde_json::Value as Json;

use crate::{activation::Variant, rows::FlagMetadata, snapshot::compile::nodes::Variants};

/// A flag's variants with their values, all of one type.
#[derive(Clone, Default)]
pub(in crate::snapshot) struct Values {
    /// Whether the metadata say that variants have values, so that they and not the flag's being on are what it is read
    /// for; also where those values make no sense.
    pub(in crate::snapshot) declared: bool,
    /// Whether the variants are versions, from 1 on.
    pub(in crate::snapshot) versions: bool,
    pub(in crate::snapshot) list: Box<[(Variant, Json)]>,
    /// The variant of a flag that is on and to which no activation assigns one.
    pub(in crate::snapshot) default: Option<Variant>,
}

/// What is wrong with a column of `flag_metadata`.
pub(in crate::snapshot) struct Fault {
    pub(in crate::snapshot) column: &'static str,
    pub(in crate::snapshot) message: String,
}

impl Values {
    /// More versions of a feature than that nobody keeps.
    const MOST_VERSIONS: u32 = 1000;

    /// The values that the metadata give; nothing if they give none.
    pub(in crate::snapshot) fn read(
        metadata: &FlagMetadata,
        variants: &mut Variants,
    ) -> Result<Option<Self>, Fault> {
        let wrong = |column, message| Err(Fault { column, message });
        let Some(text) = metadata.variants.as_deref().filter(|text| !text.trim().is_empty()) else {
            // Without values a default is a name alone, as those that activations assign may be.
            let default = metadata.default_variant.as_deref().map(|name| variants.number(name));
            return Ok(default.map(|name| Self { default: Some(name), ..Self::default() }));
        };
        let expectation = "expected an object of variants with values of one type, like {\"A\": 1, \"B\": 2}, or the \
                           number of versions";
        let versions = text.trim().parse::<u32>().ok();
        let named: Vec<(String, Json)> = match versions {
            Some(count @ 1..=Self::MOST_VERSIONS) => {
                (1..=count).map(|version| (version.to_string(), version.into())).collect()
            }
            Some(count) => {
                let most = Self::MOST_VERSIONS;
                return wrong("variants", format!("expected 1 to {most} versions, found {count}"));
            }
            None => match serde_json::from_str::<serde_json::Map<String, Json>>(text) {
                Ok(named) => named.into_iter().collect(),
                Err(error) => return wrong("variants", format!("{expectation}: {error}")),
            },
        };
        let named = with_fractions(named);
        let mut kinds: Vec<&str> = named.iter().map(|(_, value)| kind(value)).collect();
        kinds.dedup();
        if let [first, other, ..] = kinds[..] {
            return wrong("variants", format!("{expectation}, found a {first} and a {other}"));
        }
        if let Some(default) = &metadata.default_variant
            && !named.iter().any(|(name, _)| name == default)
        {
            let known: Vec<_> = named.iter().map(|(name, _)| name.as_str()).collect();
            return wrong(
                "default_variant",
                format!("expected one of {}, found {default:?}", known.join(", ")),
            );
        }
        let default = metadata.default_variant.as_deref().map(|name| variants.number(name));
        let list: Box<[_]> = named.into_iter().map(|(name, value)| (variants.number(&name), value)).collect();
        Ok(Some(Self { declared: true, versions: versions.is_some(), list, default }))
    }

    /// Of metadata that make no sense.
    pub(in crate::snapshot) fn unreadable() -> Self {
        Self { declared: true, ..Self::default() }
    }

    pub(in crate::snapshot) fn variants(&self) -> impl Iterator<Item = Variant> {
        self.list.iter().map(|(variant, _)| *variant).chain(self.default)
    }

    pub(in crate::snapshot) fn get(&self, variant: Variant) -> Option<&Json> {
        self.list.iter().find(|(known, _)| *known == variant).map(|(_, value)| value)
    }
}

/// Where one of the values has a fraction all numbers are such, so that `1` is not of another type than `2.5` for whoever
/// reads the flag.
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
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "list",
        Json::Object(_) => "object",
    }
}

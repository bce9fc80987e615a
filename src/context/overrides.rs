//! Overrides of flags, which take precedence over the rows.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

/// The decision that an override gives to a flag. In `novi.toml`: `true`, `false`, or the name of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Override {
    /// The flag is on, without a variant.
    On,
    /// The flag is off.
    Off,
    /// The flag is on with this variant.
    Variant(String),
}

/// Overrides by flag name. They may name flags that have no row.
pub type Overrides = BTreeMap<String, Override>;

impl Override {
    /// Turns the flag on with this variant.
    #[must_use]
    pub fn variant(name: impl Into<String>) -> Self {
        Self::Variant(name.into())
    }
}

impl From<bool> for Override {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

/// The name of a variant, as in `novi.toml`.
impl From<&str> for Override {
    fn from(variant: &str) -> Self {
        Self::variant(variant)
    }
}

impl<'de> Deserialize<'de> for Override {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OverrideVisitor;

        impl Visitor<'_> for OverrideVisitor {
            type Value = Override;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or the name of a variant")
            }

            fn visit_bool<E>(self, on: bool) -> Result<Override, E> {
                Ok(on.into())
            }

            fn visit_str<E: de::Error>(self, variant: &str) -> Result<Override, E> {
                Ok(Override::Variant(variant.to_owned()))
            }
        }

        deserializer.deserialize_any(OverrideVisitor)
    }
}

impl Serialize for Override {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
            Self::Variant(variant) => serializer.serialize_str(variant),
        }
    }
}

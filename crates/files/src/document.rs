//! What a file says about flags.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use novi::rows::{FailMode, FlagMetadata, ValueType};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::tree::Tree;

/// Flags and activations by their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Flags of novi")]
pub struct Document {
    /// The fields of flags that the file leaves to people: they are neither compared nor written. A new flag has
    /// their defaults, and is off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Ignored>,
    /// Flags by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<String, Flag>,
    /// Activations that flags share, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub activations: BTreeMap<String, Activation>,
}

/// A field of a flag that a file can leave to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ignored {
    /// Whether the flag is on.
    Status,
    /// What the flag is for.
    Description,
    /// The owner.
    Owner,
    /// When the flag should be removed from the code.
    ExpiresAt,
    /// Labels.
    Tags,
    /// Whether a request may override the flag.
    OverrideAllowed,
    /// Whether callers with a client token may see the flag.
    Exposed,
    /// The state of the flag while one of its rows is invalid.
    FailMode,
    /// Variants, their values and defaults.
    Variants,
    /// What the team notes for clients.
    Metadata,
    /// The activations of the flag.
    Activations,
}

/// A flag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Flag {
    /// `false` turns the flag off, whatever its activations say. Required, unless the file ignores it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<bool>,
    /// What the flag is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The owner: names or addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When the flag should be removed from the code: a date, or a date and a time with a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// Labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether a request may override the flag. Default: true
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_allowed: Option<bool>,
    /// Whether callers with a client token may see and evaluate the flag. Default: false
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed: Option<bool>,
    /// The state of the flag while one of its rows is invalid. Default: off
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_mode: Option<FailModeName>,
    /// Variant names and their values, or the number of versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variants: Option<Tree>,
    /// The type of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_type: Option<ValueType>,
    /// The variant if no activation assigns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_variant: Option<String>,
    /// The variant while the status is off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_variant: Option<String>,
    /// What the team notes for clients: strings, numbers and booleans by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Tree>,
    /// The activations, all of which must be on: names of shared ones, or activations of this flag alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub activations: Vec<Activated>,
}

/// An activation of a flag.
#[derive(Clone, Debug, PartialEq)]
pub enum Activated {
    /// The name of an activation in `activations`, or of a row that no file describes.
    Shared(String),
    /// An activation of this flag alone.
    Own(OwnActivation),
}

/// An activation that one flag has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnActivation {
    /// What people call the activation; unique among all activations.
    pub name: String,
    /// The type: its class name or one of its aliases.
    pub class_name: String,
    /// The settings of the type. `{$activation: NAME}` in it refers to another activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Tree>,
    /// The settings as the text of the row, if it cannot be written as `config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_text: Option<String>,
    /// The members of its list. Without it, they are left as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
    /// The members that it denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<Vec<String>>,
}

/// An activation that flags share, whose name is its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// The type: its class name or one of its aliases.
    pub class_name: String,
    /// The settings of the type. `{$activation: NAME}` in it refers to another activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Tree>,
    /// The settings as the text of the row, if it cannot be written as `config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_text: Option<String>,
    /// The members of its list. Without it, they are left as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
    /// The members that it denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<Vec<String>>,
}

impl OwnActivation {
    pub(crate) fn into_parts(self) -> (String, Activation) {
        let Self { name, class_name, config, config_text, members, denied } = self;
        (name, Activation { class_name, config, config_text, members, denied })
    }

    pub(crate) fn from_parts(name: String, activation: Activation) -> Self {
        let Activation { class_name, config, config_text, members, denied } = activation;
        Self { name, class_name, config, config_text, members, denied }
    }
}

impl Serialize for Activated {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shared(name) => serializer.serialize_str(name),
            Self::Own(own) => own.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Activated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ActivatedVisitor;

        impl<'de> Visitor<'de> for ActivatedVisitor {
            type Value = Activated;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the name of an activation, or an activation with `name`, `class_name` and `config`",
                )
            }

            fn visit_str<E>(self, name: &str) -> Result<Activated, E> {
                Ok(Activated::Shared(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Activated, A::Error> {
                OwnActivation::deserialize(MapAccessDeserializer::new(map)).map(Activated::Own)
            }
        }

        deserializer.deserialize_any(ActivatedVisitor)
    }
}

impl JsonSchema for Activated {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Activated".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let own = generator.subschema_for::<OwnActivation>();
        json_schema!({
            "description": "The name of an activation, or an activation of this flag alone",
            "anyOf": [{"type": "string"}, own],
        })
    }
}

/// The name of a [`FailMode`]. YAML before 1.2 reads `on` and `off` as booleans, which are accepted as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailModeName(pub FailMode);

impl Serialize for FailModeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for FailModeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = FailModeName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"off\", \"on\" or \"last_known\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<FailModeName, E> {
                let mode = FailMode::parse(text).map(FailModeName);
                mode.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_bool<E>(self, is_on: bool) -> Result<FailModeName, E> {
                Ok(FailModeName(if is_on { FailMode::On } else { FailMode::Off }))
            }
        }

        deserializer.deserialize_any(NameVisitor)
    }
}

impl JsonSchema for FailModeName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "FailMode".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        FailMode::json_schema(generator)
    }
}

/// A date, or a date and a time with a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub DateTime<Utc>);

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
        let moment = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok();
        moment.or_else(|| date().map(|date| date.and_utc())).map(Self)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = Tree::deserialize(deserializer)?;
        let moment = if let Tree::String(text) = &tree { Self::parse(text) } else { None };
        moment.ok_or_else(|| {
            let expected = "expected a date like \"2026-12-01\", or with a time \"2026-12-01T09:30:00Z\"";
            de::Error::custom(format!("{expected}, found {}", tree.to_json()))
        })
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]})
    }
}

impl Flag {
    /// The metadata of a row, where this file says them, and those of `before` where it ignores them.
    pub(crate) fn metadata_over(&self, before: &FlagMetadata, ignored: &[Ignored]) -> FlagMetadata {
        let default = FlagMetadata::default();
        let owns = |field: Ignored| !ignored.contains(&field);
        let mut after = before.clone();
        if owns(Ignored::Description) {
            after.description.clone_from(&self.description);
        }
        if owns(Ignored::Owner) {
            after.owner.clone_from(&self.owner);
        }
        if owns(Ignored::ExpiresAt) {
            after.expires_at = self.expires_at.map(|moment| moment.0);
        }
        if owns(Ignored::Tags) {
            after.tags.clone_from(&self.tags);
        }
        if owns(Ignored::OverrideAllowed) {
            after.override_allowed = self.override_allowed.unwrap_or(default.override_allowed);
        }
        if owns(Ignored::Exposed) {
            after.exposed = self.exposed.unwrap_or(default.exposed);
        }
        if owns(Ignored::FailMode) {
            after.fail_mode = self.fail_mode.map_or(default.fail_mode, |mode| mode.0);
        }
        if owns(Ignored::Variants) {
            after.variants = text_over(before.variants.as_deref(), self.variants.as_ref());
            after.value_type = self.value_type;
            after.default_variant.clone_from(&self.default_variant);
            after.off_variant.clone_from(&self.off_variant);
        }
        if owns(Ignored::Metadata) {
            after.metadata = text_over(before.metadata.as_deref(), self.metadata.as_ref());
        }
        after
    }
}

/// The text of a column: as it is, if it has the same value.
pub(crate) fn text_over(before: Option<&str>, after: Option<&Tree>) -> Option<String> {
    let after = after?;
    // Text that files cannot have as a value is in them as a string.
    if let (Some(before), Tree::String(text)) = (before, after)
        && before == text
        && Tree::from_json(before).is_none()
    {
        return Some(text.clone());
    }
    match before {
        Some(before) if Tree::from_json(before).is_some_and(|tree| tree.is_same(after)) => {
            Some(before.to_owned())
        }
        _ => Some(after.to_json()),
    }
}

//! What can be asked for: the changes of the API, which are more than those of the tables.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Unexpected, Visitor},
};

use super::{
    fields::{ActivationFields, FlagFields, New, Patch},
    params::FlagKey,
    sent::object,
    whole::{Whole, whole},
};

/// A change, as one of a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", expecting = "an object with one key, the name of a change")]
#[schemars(rename = "Change")]
pub(crate) enum Operation {
    /// Makes a flag.
    CreateFlag(#[serde(deserialize_with = "object")] New<FlagFields>),
    /// Sets fields of a flag.
    UpdateFlag(#[serde(deserialize_with = "object")] Update<FlagRef, Patch<FlagFields>>),
    /// Removes a flag, its metadata and its links.
    DeleteFlag(#[serde(deserialize_with = "object")] FlagVersion),
    /// Makes an activation.
    CreateActivation(#[serde(deserialize_with = "object")] New<ActivationFields>),
    /// Sets fields of an activation.
    UpdateActivation(#[serde(deserialize_with = "object")] Update<Whole, Patch<ActivationFields>>),
    /// Removes an activation that no flag is linked to, and its members.
    DeleteActivation(#[serde(deserialize_with = "object")] ActivationVersion),
    /// Links a flag to an activation, unless it is linked already.
    Link(#[serde(deserialize_with = "object")] Link),
    /// Removes a link.
    Unlink(#[serde(deserialize_with = "object")] Link),
    /// Adds members to an activation and removes others.
    ChangeMembers(#[serde(deserialize_with = "object")] ChangeMembers),
}

/// The fields of a row that are to be set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "an object",
    bound(deserialize = "K: Deserialize<'de>, T: Deserialize<'de>")
)]
#[schemars(rename = "Update_{K}_{T}")]
pub(crate) struct Update<K, T> {
    /// The flag by its id or name, the activation by its id.
    pub(crate) row: K,
    /// What is set.
    #[serde(deserialize_with = "object")]
    pub(crate) set: T,
}

/// A flag.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct FlagVersion {
    /// The flag by its id or name.
    pub(crate) row: FlagRef,
    /// The version of the row as it was seen.
    pub(crate) version: Option<Whole>,
}

/// An activation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ActivationVersion {
    /// The activation by its id.
    pub(crate) row: Whole,
    /// The version of the row as it was seen.
    pub(crate) version: Option<Whole>,
}

/// Both ends of a link.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Link {
    /// The flag by its id or name.
    pub(crate) flag: FlagRef,
    /// The activation by its id.
    pub(crate) activation: Whole,
    /// The version of the flag as it was seen.
    pub(crate) version: Option<Whole>,
}

/// Members to add and to remove.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ChangeMembers {
    /// The activation by its id.
    pub(crate) activation: Whole,
    #[serde(default)]
    /// Values that are to be members. Those that are already stay.
    pub(crate) members: Vec<String>,
    /// Whether they are denied, and not allowed.
    #[serde(default)]
    pub(crate) denied: bool,
    /// Values that are to be no members. Those that are none already stay so.
    #[serde(default)]
    pub(crate) remove: Vec<String>,
    /// The version of the activation as it was seen.
    pub(crate) version: Option<Whole>,
}

/// A flag by its id or its name.
#[derive(Clone, Debug)]
pub(crate) struct FlagRef(pub(crate) FlagKey);

impl<'de> Deserialize<'de> for FlagRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;

        impl Visitor<'_> for Key {
            type Value = FlagRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a flag's id or name")
            }

            fn visit_i64<E: serde::de::Error>(self, id: i64) -> Result<FlagRef, E> {
                Ok(FlagRef(FlagKey::Id(id)))
            }

            fn visit_u64<E: serde::de::Error>(self, id: u64) -> Result<FlagRef, E> {
                let id = i64::try_from(id).map_err(|_| E::custom("expected an id of at most 63 bits"))?;
                Ok(FlagRef(FlagKey::Id(id)))
            }

            fn visit_f64<E: serde::de::Error>(self, id: f64) -> Result<FlagRef, E> {
                let id = whole(id).ok_or_else(|| E::invalid_value(Unexpected::Float(id), &self))?;
                Ok(FlagRef(FlagKey::Id(id.0)))
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<FlagRef, E> {
                Ok(FlagRef(FlagKey::Name(name.to_owned())))
            }
        }

        deserializer.deserialize_any(Key)
    }
}

impl JsonSchema for FlagRef {
    fn schema_name() -> Cow<'static, str> {
        "FlagRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A flag by its id or its name.",
            "anyOf": [{"type": "integer", "format": "int64", "minimum": 1}, {"type": "string", "minLength": 1}],
        })
    }
}

/// A change, and where its fields stand in the body.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) operation: Operation,
    /// The pointer to the fields of the row.
    pub(crate) at: String,
    /// The pointer to what names the row; nothing where the path does.
    pub(crate) row_at: Option<String>,
}

impl Asked {
    /// The only change of a request: its row is named by the path, its fields are the body.
    pub(crate) fn alone(operation: Operation) -> Self {
        Self { operation, at: String::new(), row_at: None }
    }

    /// One of a list.
    pub(crate) fn listed(index: usize, operation: Operation) -> Self {
        let (name, fields, row) = match &operation {
            Operation::CreateFlag(_) => ("create_flag", "", ""),
            Operation::UpdateFlag(_) => ("update_flag", "/set", "/row"),
            Operation::DeleteFlag(_) => ("delete_flag", "", "/row"),
            Operation::CreateActivation(_) => ("create_activation", "", ""),
            Operation::UpdateActivation(_) => ("update_activation", "/set", "/row"),
            Operation::DeleteActivation(_) => ("delete_activation", "", "/row"),
            Operation::Link(_) => ("link", "", ""),
            Operation::Unlink(_) => ("unlink", "", ""),
            Operation::ChangeMembers(_) => ("change_members", "", "/activation"),
        };
        let base = format!("/changes/{index}/{name}");
        Self { operation, at: format!("{base}{fields}"), row_at: Some(format!("{base}{row}")) }
    }
}

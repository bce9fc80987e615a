//! The changes of the API, which differ from those of the tables.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Unexpected, Visitor},
};

use crate::manage::request::{
    fields::{ActivationFields, FlagFields, New, Patch},
    integer::{Int, int_from_f64},
    json_body::object,
    params::FlagKey,
};

/// A change of a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", expecting = "an object with one key, the name of a change")]
#[schemars(rename = "Change")]
pub(crate) enum Operation {
    /// Creates a flag.
    CreateFlag(#[serde(deserialize_with = "object")] New<FlagFields>),
    /// Updates a flag.
    UpdateFlag(#[serde(deserialize_with = "object")] Update<FlagRef, Patch<FlagFields>>),
    /// Deletes a flag with its metadata and links.
    DeleteFlag(#[serde(deserialize_with = "object")] FlagVersion),
    /// Creates an activation.
    CreateActivation(#[serde(deserialize_with = "object")] New<ActivationFields>),
    /// Updates an activation.
    UpdateActivation(#[serde(deserialize_with = "object")] Update<Int, Patch<ActivationFields>>),
    /// Deletes an activation with its members. No flag may be linked to it.
    DeleteActivation(#[serde(deserialize_with = "object")] ActivationVersion),
    /// Links a flag to an activation. Linking it again changes nothing.
    Link(#[serde(deserialize_with = "object")] Link),
    /// Removes a link.
    Unlink(#[serde(deserialize_with = "object")] Link),
    /// Adds members to an activation and removes others.
    ChangeMembers(#[serde(deserialize_with = "object")] ChangeMembers),
}

/// An update of a row.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "an object",
    bound(deserialize = "K: Deserialize<'de>, T: Deserialize<'de>")
)]
#[schemars(rename = "Update_{K}_{T}")]
pub(crate) struct Update<K, T> {
    /// The flag by id or name, or the activation by id.
    pub(crate) row: K,
    /// The fields to set.
    #[serde(deserialize_with = "object")]
    pub(crate) set: T,
}

/// A flag to delete.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct FlagVersion {
    /// The flag by id or name.
    pub(crate) row: FlagRef,
    /// The row's version that you have read.
    pub(crate) version: Option<Int>,
}

/// An activation to delete.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ActivationVersion {
    /// The activation by id.
    pub(crate) row: Int,
    /// The row's version that you have read.
    pub(crate) version: Option<Int>,
}

/// A link of a flag to an activation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Link {
    /// The flag by id or name.
    pub(crate) flag: FlagRef,
    /// The activation by id.
    pub(crate) activation: Int,
    /// The flag's version that you have read.
    pub(crate) version: Option<Int>,
}

/// Members to add and to remove.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct ChangeMembers {
    /// The activation by id.
    pub(crate) activation: Int,
    #[serde(default)]
    /// Members to add. Adding an existing member changes nothing.
    pub(crate) members: Vec<String>,
    /// Whether the added members are denied, rather than allowed.
    #[serde(default)]
    pub(crate) denied: bool,
    /// Members to remove. Removing an unknown member changes nothing.
    #[serde(default)]
    pub(crate) remove: Vec<String>,
    /// The activation's version that you have read.
    pub(crate) version: Option<Int>,
}

/// A flag by id or name.
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
                let id = int_from_f64(id).ok_or_else(|| E::invalid_value(Unexpected::Float(id), &self))?;
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
            "description": "A flag by id or name.",
            "anyOf": [{"type": "integer", "format": "int64", "minimum": 1}, {"type": "string", "minLength": 1}],
        })
    }
}

/// A change, with the place of its fields in the body.
#[derive(Clone, Debug)]
pub(crate) struct RequestedChange {
    pub(crate) operation: Operation,
    /// The pointer to the fields of the row.
    pub(crate) pointer: String,
    /// The pointer to the id or name of the row. `None` if it is in the path.
    pub(crate) row_pointer: Option<String>,
}

impl RequestedChange {
    /// The pointer to the id or name of the row; empty if it is in the path.
    pub(crate) fn row(&self) -> &str {
        self.row_pointer.as_deref().unwrap_or_default()
    }

    /// The only change of a request: its row is in the path, its fields are the body.
    pub(crate) fn single(operation: Operation) -> Self {
        Self { operation, pointer: String::new(), row_pointer: None }
    }

    /// A change of a list.
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
        Self { operation, pointer: format!("{base}{fields}"), row_pointer: Some(format!("{base}{row}")) }
    }
}

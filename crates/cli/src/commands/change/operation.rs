//! Changes in the JSON of `POST /api/edits`.

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::output::Failure;

/// The fields of a JSON object in their order: in a config, the order of variants matters.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    pub(in crate::commands) fn new() -> Self {
        Self::default()
    }

    pub(in crate::commands) fn with(mut self, field: &str, value: &impl Serialize) -> Self {
        self.set(field, value);
        self
    }

    /// Adds the field if it has a value.
    pub(in crate::commands) fn maybe(self, field: &str, value: Option<&impl Serialize>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    pub(in crate::commands) fn set(&mut self, field: &str, value: &impl Serialize) {
        // Only maps whose keys are no strings cannot be JSON.
        let json = to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned());
        self.0.push((field.to_owned(), json));
    }

    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(field, value)| (field, value)))
    }
}

/// JSON as the value of a field.
pub(in crate::commands) fn raw(json: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(json)
        .map_err(|error| Failure::system(format!("could not write the config as JSON: {error}")))
}

/// A change of a list of changes.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Operation(&'static str, Fields);

impl Operation {
    pub(in crate::commands) fn create_flag(fields: Fields) -> Self {
        Self("create_flag", fields)
    }

    pub(in crate::commands) fn update_flag(id: i64, set: &Fields) -> Self {
        Self("update_flag", Fields::new().with("row", &id).with("set", set))
    }

    pub(in crate::commands) fn delete_flag(id: i64, version: Option<i64>) -> Self {
        Self("delete_flag", Fields::new().with("row", &id).maybe("version", version.as_ref()))
    }

    pub(in crate::commands) fn create_activation(fields: Fields) -> Self {
        Self("create_activation", fields)
    }

    pub(in crate::commands) fn update_activation(id: i64, set: &Fields) -> Self {
        Self("update_activation", Fields::new().with("row", &id).with("set", set))
    }

    pub(in crate::commands) fn delete_activation(id: i64, version: Option<i64>) -> Self {
        Self("delete_activation", Fields::new().with("row", &id).maybe("version", version.as_ref()))
    }

    pub(in crate::commands) fn link(flag: i64, activation: i64, version: Option<i64>) -> Self {
        Self("link", Self::ends(flag, activation, version))
    }

    pub(in crate::commands) fn unlink(flag: i64, activation: i64, version: Option<i64>) -> Self {
        Self("unlink", Self::ends(flag, activation, version))
    }

    fn ends(flag: i64, activation: i64, version: Option<i64>) -> Fields {
        Fields::new().with("flag", &flag).with("activation", &activation).maybe("version", version.as_ref())
    }

    /// Adds members to the list of the allowed or the denied ones.
    pub(in crate::commands) fn add_members(
        activation: i64,
        members: &[String],
        denied: bool,
        version: Option<i64>,
    ) -> Self {
        let fields = Fields::new().with("activation", &activation).with("members", &members);
        Self("change_members", fields.with("denied", &denied).maybe("version", version.as_ref()))
    }

    pub(in crate::commands) fn remove_members(
        activation: i64,
        members: &[String],
        version: Option<i64>,
    ) -> Self {
        let fields = Fields::new().with("activation", &activation).with("remove", &members);
        Self("change_members", fields.maybe("version", version.as_ref()))
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

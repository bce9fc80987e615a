//! The fields of flags and activations in a body.

#![allow(clippy::option_option, reason = "absent, null and a value differ")]

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use novi::{
    rows::{ActivationRow, FailMode, FlagMetadata, FlagRow, ValueType},
    store::history::AsOf,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    http::{problem::Problem, text::short},
    manage::request::{
        integer::Int,
        json_body::{not_null, nullable},
    },
};

/// The fields of a flag to set; the others are unchanged.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "FlagFields")]
pub(crate) struct FlagFields {
    /// The new row's id; default: the next free one.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "Int", range(min = 1))]
    pub(crate) id: Option<Int>,
    /// The name in code; unique.
    #[serde(deserialize_with = "not_null")]
    #[schemars(length(min = 1, max = 255), with = "String")]
    pub(crate) name: Option<String>,
    /// Whether the flag is evaluated; if false, it is off. Default for a new flag: false.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "bool")]
    pub(crate) status: Option<bool>,
    /// The purpose of the flag.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(crate) description: Option<Option<String>>,
    /// The people who are responsible, by name or address.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(crate) owner: Option<Option<String>>,
    /// When the flag should be removed from the code: a time in RFC 3339, or a date, which is its start in
    /// UTC.
    #[serde(deserialize_with = "nullable_time")]
    #[schemars(with = "Option<Time>")]
    pub(crate) expires_at: Option<Option<DateTime<Utc>>>,
    /// Labels.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "Vec<String>")]
    pub(crate) tags: Option<Vec<String>>,
    /// Whether a request may override the flag.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "bool")]
    pub(crate) override_allowed: Option<bool>,
    /// Whether holders of client tokens may evaluate the flag.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "bool")]
    pub(crate) exposed: Option<bool>,
    /// The decision of a broken flag.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "FailMode")]
    pub(crate) fail_mode: Option<FailMode>,
    /// Values by variant name, or a number of versions from 1 to 1000.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<VariantsSchema>")]
    pub(crate) variants: Option<Option<Box<RawValue>>>,
    /// The type of the values; null for any.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<ValueType>")]
    pub(crate) value_type: Option<Option<ValueType>>,
    /// The variant if no activation assigns one.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(crate) default_variant: Option<Option<String>>,
    /// The variant while the status is off: its value is the flag's.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(crate) off_variant: Option<Option<String>>,
    /// What clients get with each decision: strings, numbers and booleans by name.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub(crate) metadata: Option<Option<Box<RawValue>>>,
    /// The ids of all activations that the flag is linked to.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "Vec<Int>")]
    pub(crate) activations: Option<Vec<Int>>,
    /// The row's version that you have read, in place of `If-Match`.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "Int")]
    pub(crate) version: Option<Int>,
}

/// The fields of an activation to set; the others are unchanged.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "ActivationFields")]
pub(crate) struct ActivationFields {
    /// The new row's id; default: the next free one.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "Int", range(min = 1))]
    pub(crate) id: Option<Int>,
    /// The name for people.
    #[serde(deserialize_with = "not_null")]
    #[schemars(length(min = 1, max = 255), with = "String")]
    pub(crate) name: Option<String>,
    /// The activation type; `GET /api/types` lists them.
    #[serde(deserialize_with = "not_null")]
    #[schemars(length(min = 1, max = 255), with = "String")]
    pub(crate) class_name: Option<String>,
    /// The config of the activation, as JSON by the schema of its type.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Value")]
    pub(crate) config: Option<Option<Box<RawValue>>>,
    /// The row's version that you have read, in place of `If-Match`.
    #[serde(deserialize_with = "not_null")]
    #[schemars(with = "Int")]
    pub(crate) version: Option<Int>,
}

/// The fields of a new row.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct New<T>(pub(crate) T);

/// The fields of an existing row.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Patch<T>(pub(crate) T);

/// The schemas of a row's fields.
pub(crate) trait Fields: JsonSchema {
    const NEW: &'static str;
    const PATCH: &'static str;
    /// The fields that a new row requires.
    const REQUIRED: &'static [&'static str];
}

impl Fields for FlagFields {
    const NEW: &'static str = "NewFlag";
    const PATCH: &'static str = "FlagPatch";
    const REQUIRED: &'static [&'static str] = &["name"];
}

impl Fields for ActivationFields {
    const NEW: &'static str = "NewActivation";
    const PATCH: &'static str = "ActivationPatch";
    const REQUIRED: &'static [&'static str] = &["name", "class_name"];
}

impl<T: Fields> JsonSchema for New<T> {
    fn schema_name() -> Cow<'static, str> {
        T::NEW.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = without::<T>(generator, "version");
        schema.insert("description".to_owned(), json!("The fields of a new row."));
        schema.insert("required".to_owned(), json!(T::REQUIRED));
        schema
    }
}

impl<T: Fields> JsonSchema for Patch<T> {
    fn schema_name() -> Cow<'static, str> {
        T::PATCH.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        without::<T>(generator, "id")
    }
}

fn without<T: JsonSchema>(generator: &mut SchemaGenerator, field: &str) -> Schema {
    let mut schema = T::json_schema(generator);
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        fields.remove(field);
        // An absent field has no default: it is unchanged.
        for field in fields.values_mut().filter_map(Value::as_object_mut) {
            field.remove("default");
            without_nul(field);
        }
    }
    schema
}

/// No database accepts text with NUL characters.
fn without_nul(schema: &mut Map<String, Value>) {
    let is_string = match schema.get("type") {
        Some(Value::Array(types)) => types.contains(&json!("string")),
        Some(kind) => *kind == "string",
        None => false,
    };
    if is_string && !schema.contains_key("format") {
        schema.insert("pattern".to_owned(), json!("^[^\\u0000]*$"));
    }
    if let Some(items) = schema.get_mut("items").and_then(Value::as_object_mut) {
        without_nul(items);
    }
}

/// A time that may be null.
pub(crate) fn nullable_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<DateTime<Utc>>>, D::Error> {
    let Some(text) = Option::<Cow<'de, str>>::deserialize(deserializer)? else { return Ok(Some(None)) };
    match text.parse() {
        Ok(AsOf::Time(time)) => Ok(Some(Some(time))),
        _ => Err(D::Error::custom(format!(
            "expected a time such as \"2027-01-31T12:00:00Z\" or a date such as \"2027-01-31\", found {:?}",
            short(&text)
        ))),
    }
}

/// A time or a date as a string.
#[derive(JsonSchema)]
#[schemars(inline, transparent)]
struct Time(
    #[schemars(extend("anyOf" = [{"format": "date-time"}, {"format": "date"}]))]
    #[expect(dead_code, reason = "for its schema")]
    String,
);

/// The schema of `variants`.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
#[expect(dead_code, reason = "for its schema")]
enum VariantsSchema {
    Values(Map<String, Value>),
    Versions(#[schemars(range(min = 1, max = 1000))] u32),
}

impl FlagFields {
    /// Whether any field of `flag_metadata` is set.
    pub(crate) fn has_metadata(&self) -> bool {
        self.description.is_some()
            || self.owner.is_some()
            || self.expires_at.is_some()
            || self.tags.is_some()
            || self.override_allowed.is_some()
            || self.exposed.is_some()
            || self.fail_mode.is_some()
            || self.variants.is_some()
            || self.value_type.is_some()
            || self.default_variant.is_some()
            || self.off_variant.is_some()
            || self.metadata.is_some()
    }

    /// Overwrites the fields of the row.
    pub(crate) fn apply_to(&self, metadata: &mut FlagMetadata) {
        put(&mut metadata.description, self.description.as_ref());
        put(&mut metadata.owner, self.owner.as_ref());
        put(&mut metadata.expires_at, self.expires_at.as_ref());
        put(&mut metadata.tags, self.tags.as_ref());
        put(&mut metadata.override_allowed, self.override_allowed.as_ref());
        put(&mut metadata.exposed, self.exposed.as_ref());
        put(&mut metadata.fail_mode, self.fail_mode.as_ref());
        put(&mut metadata.variants, text(self.variants.as_ref()).as_ref());
        put(&mut metadata.value_type, self.value_type.as_ref());
        put(&mut metadata.default_variant, self.default_variant.as_ref());
        put(&mut metadata.off_variant, self.off_variant.as_ref());
        put(&mut metadata.metadata, text(self.metadata.as_ref()).as_ref());
    }

    /// Adds a problem for each unreadable column that is not set: writing the row would lose its content.
    pub(crate) fn check_faults(&self, row: &FlagRow, pointer: &str, problems: &mut Vec<Problem>) {
        for fault in row.faults.iter().filter(|fault| fault.table == "flag_metadata") {
            let is_set = match fault.column {
                "description" => self.description.is_some(),
                "owner" => self.owner.is_some(),
                "expires_at" => self.expires_at.is_some(),
                "tags" => self.tags.is_some(),
                "override_allowed" => self.override_allowed.is_some(),
                "exposed" => self.exposed.is_some(),
                "fail_mode" => self.fail_mode.is_some(),
                "variants" => self.variants.is_some(),
                "value_type" => self.value_type.is_some(),
                "default_variant" => self.default_variant.is_some(),
                "off_variant" => self.off_variant.is_some(),
                "metadata" => self.metadata.is_some(),
                _ => false,
            };
            if !is_set {
                problems.push(unreadable(pointer, fault).row("flags", row.id));
            }
        }
    }
}

impl ActivationFields {
    /// Adds the problems of the fields themselves. `pointer` points to them in the body.
    pub(crate) fn check(&self, pointer: &str, problems: &mut Vec<Problem>) {
        check_not_empty(self.name.as_deref(), pointer, "name", problems);
        check_not_empty(self.class_name.as_deref(), pointer, "class_name", problems);
        if let Some(Some(config)) = &self.config
            && is_quoted_json(config)
        {
            let message =
                "expected a JSON object or array, found a string with JSON in it; send the config itself";
            problems.push(Problem::new(format!("{pointer}/config"), message));
        }
    }

    pub(crate) fn apply_to(&self, row: &mut ActivationRow) {
        put(&mut row.name, self.name.as_ref());
        put(&mut row.class_name, self.class_name.as_ref());
        put(&mut row.config, text(self.config.as_ref()).as_ref());
    }

    pub(crate) fn check_faults(&self, row: &ActivationRow, pointer: &str, problems: &mut Vec<Problem>) {
        for fault in &row.faults {
            let is_set = match fault.column {
                "name" => self.name.is_some(),
                "class_name" => self.class_name.is_some(),
                "config" => self.config.is_some(),
                _ => false,
            };
            if !is_set {
                problems.push(unreadable(pointer, fault).row("activations", row.id));
            }
        }
    }
}

fn unreadable(pointer: &str, fault: &novi::rows::Fault) -> Problem {
    let message = format!("the row's {} is unreadable ({}); set it as well", fault.column, fault.message);
    Problem::new(pointer, message)
}

fn check_not_empty(name: Option<&str>, pointer: &str, field: &str, problems: &mut Vec<Problem>) {
    if name == Some("") {
        problems.push(Problem::new(format!("{pointer}/{field}"), "expected at least one character"));
    }
}

/// Whether a value is a string that contains an object or array: the text of a config, rather than the
/// config.
fn is_quoted_json(value: &RawValue) -> bool {
    let text = serde_json::from_str::<String>(value.get());
    let json = text.ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    json.is_some_and(|json| json.is_object() || json.is_array())
}

fn put<T: Clone>(field: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

/// The text of JSON, as a row stores it.
fn text(json: Option<&Option<Box<RawValue>>>) -> Option<Option<String>> {
    json.map(|json| json.as_ref().map(|raw| raw.get().to_owned()))
}

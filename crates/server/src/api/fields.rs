//! The fields of flags and activations, as they are sent.

#![allow(clippy::option_option, reason = "not sent, null and a value are three things")]

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use novi::rows::{ActivationRow, FailMode, FlagMetadata, FlagRow};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{
    problem::Problem,
    sent::{given, nullable},
    whole::Whole,
};

/// The fields of a flag that are to be set; the others stay as they are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "FlagFields")]
pub(crate) struct FlagFields {
    /// The new row's id; chosen if it is not given.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Whole", range(min = 1))]
    pub(crate) id: Option<Whole>,
    /// What code calls the flag; unique.
    #[serde(deserialize_with = "given")]
    #[schemars(length(min = 1, max = 255), with = "String")]
    pub(crate) name: Option<String>,
    /// Whether the flag's activations are asked at all; false for a new flag unless it is given.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool")]
    pub(crate) status: Option<bool>,
    /// What the flag is for.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(crate) description: Option<Option<String>>,
    /// Whom to ask: names or addresses.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(crate) owner: Option<Option<String>>,
    /// When the flag should be gone from the code, as RFC 3339.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<Time>")]
    pub(crate) expires_at: Option<Option<DateTime<Utc>>>,
    /// Labels.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Vec<String>")]
    pub(crate) tags: Option<Vec<String>>,
    /// Whether a request may override the flag.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool")]
    pub(crate) override_allowed: Option<bool>,
    /// Whether holders of client tokens may ask for the flag.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "bool")]
    pub(crate) exposed: Option<bool>,
    /// What a broken flag answers.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "FailMode")]
    pub(crate) fail_mode: Option<FailMode>,
    /// Variant names and their values, or a number of versions from 1 to 1000.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<VariantsSchema>")]
    pub(crate) variants: Option<Option<Box<RawValue>>>,
    /// The variant answered when no activation assigns one.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    pub(crate) default_variant: Option<Option<String>>,
    /// The ids of all activations that the flag is linked to.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Vec<Whole>")]
    pub(crate) activations: Option<Vec<Whole>>,
    /// The version of the row as it was seen, in place of `If-Match`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Whole")]
    pub(crate) version: Option<Whole>,
}

/// The fields of an activation that are to be set; the others stay as they are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "an object")]
#[schemars(rename = "ActivationFields")]
pub(crate) struct ActivationFields {
    /// The new row's id; chosen if it is not given.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Whole", range(min = 1))]
    pub(crate) id: Option<Whole>,
    /// What people call the activation.
    #[serde(deserialize_with = "given")]
    #[schemars(length(min = 1, max = 255), with = "String")]
    pub(crate) name: Option<String>,
    /// Which type answers: `GET /api/types` has them.
    #[serde(deserialize_with = "given")]
    #[schemars(length(min = 1, max = 255), with = "String")]
    pub(crate) class_name: Option<String>,
    /// What the type is built from: JSON by the type's schema.
    #[serde(deserialize_with = "nullable")]
    #[schemars(with = "serde_json::Value")]
    pub(crate) config: Option<Option<Box<RawValue>>>,
    /// The version of the row as it was seen, in place of `If-Match`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Whole")]
    pub(crate) version: Option<Whole>,
}

/// The fields of a row that is new.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct New<T>(pub(crate) T);

/// The fields of a row that is there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Patch<T>(pub(crate) T);

/// What a row's fields are called when it is made.
pub(crate) trait Fields: JsonSchema {
    const NEW: &'static str;
    const PATCH: &'static str;
    /// Those that a new row needs.
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
    if let Some(fields) = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
        fields.remove(field);
        // None of them has a value of its own where it is left out.
        for field in fields.values_mut().filter_map(serde_json::Value::as_object_mut) {
            field.remove("default");
            without_nul(field);
        }
    }
    schema
}

/// No database takes texts with NUL in them.
fn without_nul(schema: &mut serde_json::Map<String, serde_json::Value>) {
    let is_text = match schema.get("type") {
        Some(serde_json::Value::Array(types)) => types.contains(&json!("string")),
        Some(kind) => *kind == "string",
        None => false,
    };
    if is_text && !schema.contains_key("format") {
        schema.insert("pattern".to_owned(), json!("^[^\\u0000]*$"));
    }
    if let Some(items) = schema.get_mut("items").and_then(serde_json::Value::as_object_mut) {
        without_nul(items);
    }
}

/// A time as text.
#[derive(JsonSchema)]
#[schemars(inline, transparent)]
struct Time(
    #[schemars(extend("format" = "date-time"))]
    #[expect(dead_code, reason = "for its schema")]
    String,
);

/// What `variants` may be.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
#[expect(dead_code, reason = "for its schema")]
enum VariantsSchema {
    Values(serde_json::Map<String, serde_json::Value>),
    Versions(#[schemars(range(min = 1, max = 1000))] u32),
}

impl FlagFields {
    /// What is wrong with the fields by themselves.
    pub(crate) fn check(&self, at: &str, problems: &mut Vec<Problem>) {
        named(self.name.as_deref(), at, "name", problems);
        if let Some(Some(time)) = self.expires_at
            && !(1970..=9999).contains(&chrono::Datelike::year(&time))
        {
            problems.push(Problem::at(
                format!("{at}/expires_at"),
                "expected a time of the years 1970 to 9999, which every database can keep",
            ));
        }
        for (index, _) in (0..).zip(self.tags.iter().flatten()).filter(|(_, tag)| tag.contains('\0')) {
            let index: usize = index;
            problems.push(Problem::at(format!("{at}/tags/{index}"), "expected text without NUL characters"));
        }
    }

    /// Whether something of `flag_metadata` is to be set.
    pub(crate) fn has_metadata(&self) -> bool {
        self.description.is_some()
            || self.owner.is_some()
            || self.expires_at.is_some()
            || self.tags.is_some()
            || self.override_allowed.is_some()
            || self.exposed.is_some()
            || self.fail_mode.is_some()
            || self.variants.is_some()
            || self.default_variant.is_some()
    }

    /// Puts them in the place of what the row has.
    pub(crate) fn put_into(&self, metadata: &mut FlagMetadata) {
        put(&mut metadata.description, self.description.as_ref());
        put(&mut metadata.owner, self.owner.as_ref());
        put(&mut metadata.expires_at, self.expires_at.as_ref());
        put(&mut metadata.tags, self.tags.as_ref());
        put(&mut metadata.override_allowed, self.override_allowed.as_ref());
        put(&mut metadata.exposed, self.exposed.as_ref());
        put(&mut metadata.fail_mode, self.fail_mode.as_ref());
        put(&mut metadata.variants, text(self.variants.as_ref()).as_ref());
        put(&mut metadata.default_variant, self.default_variant.as_ref());
    }

    /// A row that can not be read as a whole would lose what is not read.
    pub(crate) fn check_faults(&self, row: &FlagRow, at: &str, problems: &mut Vec<Problem>) {
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
                "default_variant" => self.default_variant.is_some(),
                _ => false,
            };
            if !is_set {
                problems.push(unreadable(at, fault).row("flags", row.id));
            }
        }
    }
}

impl ActivationFields {
    pub(crate) fn check(&self, at: &str, problems: &mut Vec<Problem>) {
        named(self.name.as_deref(), at, "name", problems);
        named(self.class_name.as_deref(), at, "class_name", problems);
    }

    pub(crate) fn put_into(&self, row: &mut ActivationRow) {
        put(&mut row.name, self.name.as_ref());
        put(&mut row.class_name, self.class_name.as_ref());
        put(&mut row.config, text(self.config.as_ref()).as_ref());
    }

    pub(crate) fn check_faults(&self, row: &ActivationRow, at: &str, problems: &mut Vec<Problem>) {
        for fault in &row.faults {
            let is_set = match fault.column {
                "name" => self.name.is_some(),
                "class_name" => self.class_name.is_some(),
                "config" => self.config.is_some(),
                _ => false,
            };
            if !is_set {
                problems.push(unreadable(at, fault).row("activations", row.id));
            }
        }
    }
}

fn unreadable(at: &str, fault: &novi::rows::Fault) -> Problem {
    let message = format!("the row's {} can not be read ({}): set it as well", fault.column, fault.message);
    Problem::at(at, message)
}

fn named(name: Option<&str>, at: &str, field: &str, problems: &mut Vec<Problem>) {
    if name == Some("") {
        problems.push(Problem::at(format!("{at}/{field}"), "expected at least one character"));
    }
}

fn put<T: Clone>(place: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}

/// JSON as the row's text.
fn text(json: Option<&Option<Box<RawValue>>>) -> Option<Option<String>> {
    json.map(|json| json.as_ref().map(|raw| raw.get().to_owned()))
}

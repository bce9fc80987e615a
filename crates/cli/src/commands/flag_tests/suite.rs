//! What a file of tests says.

use std::{collections::BTreeMap, fmt};

use novi_files::{Moment, Tree};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Tests of flags.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Tests of novi")]
pub(super) struct Suite {
    /// The tests.
    pub(super) tests: Vec<Test>,
}

/// What flags are expected to be for a caller.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// What is tested, for people.
    pub(super) name: Option<String>,
    /// The attributes of the caller.
    #[serde(default)]
    pub(super) context: BTreeMap<String, Tree>,
    /// The time of the evaluation: a date, or a date and a time with a zone. Default: now
    pub(super) at: Option<Moment>,
    /// The attribute `seed` of the caller, by which `novi.weighted_random` draws.
    pub(super) seed: Option<Tree>,
    /// Flags by name, with what is expected of each: at least one.
    #[serde(deserialize_with = "not_empty")]
    #[schemars(extend("minProperties" = 1))]
    pub(super) expect: BTreeMap<String, Expectation>,
}

/// What is expected of a flag: whether it is on, or several fields.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Expectation(pub(super) Expected);

/// What is expected of a flag. A field that is not there may have any value.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(super) struct Expected {
    /// Whether the flag is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on: Option<bool>,
    /// The name of the variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<String>,
    /// The value of the variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Tree>,
    /// The reason, such as `TARGETING_MATCH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// A test that expects nothing always passes.
fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Expectation>, D::Error> {
    let expect = BTreeMap::deserialize(deserializer)?;
    if expect.is_empty() {
        return Err(D::Error::custom("expected at least one flag, found none"));
    }
    Ok(expect)
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ExpectationVisitor;

        impl<'de> Visitor<'de> for ExpectationVisitor {
            type Value = Expectation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or fields: `on`, `variant`, `value` and `reason`")
            }

            fn visit_bool<E>(self, on: bool) -> Result<Expectation, E> {
                Ok(Expectation(Expected { on: Some(on), ..Expected::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expectation, A::Error> {
                match Expected::deserialize(MapAccessDeserializer::new(map))? {
                    Expected { on: None, variant: None, value: None, reason: None } => Err(A::Error::custom(
                        "expected `on`, `variant`, `value` or `reason`, found none of them",
                    )),
                    expected => Ok(Expectation(expected)),
                }
            }
        }

        deserializer.deserialize_any(ExpectationVisitor)
    }
}

impl JsonSchema for Expectation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expectation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fields = generator.subschema_for::<Expected>();
        json_schema!({
            "description": "What is expected of a flag: whether it is on, or several fields",
            "anyOf": [{"type": "boolean"}, fields],
        })
    }
}

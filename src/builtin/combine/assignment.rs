//! The result of a rule or of a case.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use crate::{
    activation::{
        Child, CompileContext, Phrasing, Variant, Verdict, cause::CauseRule, evaluation::Evaluation, sql,
        value_text,
    },
    builtin::rollout::split,
};

/// The result in a config: at most one of these.
#[derive(Debug, Default)]
pub(in crate::builtin) struct Assignment {
    pub(in crate::builtin) on: Option<bool>,
    pub(in crate::builtin) variant: Option<String>,
    /// The config of a split.
    pub(in crate::builtin) split: Option<Box<RawValue>>,
    pub(in crate::builtin) then: Option<Child>,
}

/// The compiled result.
#[derive(Clone, Copy, Debug)]
pub(in crate::builtin) enum Outcome {
    Verdict(Verdict),
    /// The verdict of a node.
    Ask(u32),
}

impl Outcome {
    #[inline]
    pub(in crate::builtin) fn verdict(self, evaluation: &Evaluation<'_>) -> Verdict {
        match self {
            Self::Verdict(verdict) => verdict,
            Self::Ask(node) => evaluation.ask_node(node),
        }
    }

    /// The rule of an activation with this result if nothing matches, or always.
    pub(in crate::builtin) fn cause_rule(self, always: bool) -> CauseRule {
        match self {
            Self::Verdict(_) if always => CauseRule::Unconditional,
            Self::Ask(_) if always => CauseRule::All,
            Self::Verdict(verdict) => CauseRule::Choice { falls_on: verdict.is_on() },
            Self::Ask(_) => CauseRule::Choice { falls_on: true },
        }
    }
}

impl Assignment {
    /// The result in words; `None` if there is none.
    pub(in crate::builtin) fn words(&self, phrasing: &mut Phrasing<'_>) -> Option<String> {
        let Self { on, variant, split, then } = self;
        outcome_words((*on, variant.as_deref(), split.as_deref(), then.as_ref()), phrasing)
    }

    /// The result in SQL; `None` if there is none.
    pub(in crate::builtin) fn to_sql(&self, sql: &mut sql::SqlContext<'_>) -> Option<sql::Condition> {
        let Self { on, variant, split, then } = self;
        outcome_to_sql((*on, variant.as_deref(), split.as_deref(), then.as_ref()), sql)
    }

    /// Compiles the result; `None` if there is none. `path` is its location in the config.
    pub(in crate::builtin) fn compile(self, path: &str, row: &mut CompileContext<'_>) -> Option<Outcome> {
        let verdict = |verdict| Some(Outcome::Verdict(verdict));
        let assigned = |variant: Variant| Outcome::Verdict(Verdict::Variant(variant));
        match self {
            Self { on: None, variant: None, split: None, then: None } => None,
            Self { on: Some(on), variant: None, split: None, then: None } => verdict(on.into()),
            Self { on: None, variant: Some(name), split: None, then: None } => {
                Some(assigned(row.variant(&name)))
            }
            Self { on: None, variant: None, split: Some(config), then: None } => {
                let mut child = Child::implied(split::CLASS, &config);
                row.child(&format!("{path}.split"), &mut child);
                Some(Outcome::Ask(child.node()))
            }
            Self { on: None, variant: None, split: None, then: Some(mut child) } => {
                row.child(&format!("{path}.then"), &mut child);
                Some(Outcome::Ask(child.node()))
            }
            _ => {
                row.problem(path, "expected one of `variant`, `split`, `then` and `on`, found several");
                None
            }
        }
    }
}

/// The most rules or cases that are phrased.
pub(in crate::builtin) const MOST_WORDED: usize = 8;

/// A result in words; `None` if there is none.
pub(in crate::builtin) fn outcome_words(
    (on, variant, split, then): (Option<bool>, Option<&str>, Option<&RawValue>, Option<&Child>),
    phrasing: &mut Phrasing<'_>,
) -> Option<String> {
    if let Some(on) = on {
        return Some(if on { "on" } else { "off" }.to_owned());
    }
    if let Some(variant) = variant {
        return Some(format!("variant {}", value_text(variant)));
    }
    if let Some(split) = split {
        return Some(phrasing.child(&Child::implied(split::CLASS, split)).nested());
    }
    then.map(|child| phrasing.child(child).sentence())
}

/// A result in SQL; `None` if there is none.
pub(in crate::builtin) fn outcome_to_sql(
    (on, variant, split, then): (Option<bool>, Option<&str>, Option<&RawValue>, Option<&Child>),
    sql: &mut sql::SqlContext<'_>,
) -> Option<sql::Condition> {
    if let Some(on) = on {
        return Some(sql::Condition::always(on));
    }
    if let Some(variant) = variant {
        return Some(sql::Condition::variant(variant));
    }
    if let Some(split) = split {
        return Some(sql.child(&Child::implied(split::CLASS, split)));
    }
    then.map(|child| sql.child(child))
}

/// `"grid"` is a variant, `true` and `false` are on and off, 7 is the id of an activation.
impl<'de> Deserialize<'de> for Assignment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AssignmentVisitor;

        impl<'de> Visitor<'de> for AssignmentVisitor {
            type Value = Assignment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"the name of a variant, true, false, the id of an activation, or {"variant" | "split" | "then": ...}"#)
            }

            fn visit_str<E>(self, name: &str) -> Result<Assignment, E> {
                Ok(Assignment { variant: Some(name.to_owned()), ..Assignment::default() })
            }

            fn visit_bool<E>(self, on: bool) -> Result<Assignment, E> {
                Ok(Assignment { on: Some(on), ..Assignment::default() })
            }

            fn visit_i64<E>(self, id: i64) -> Result<Assignment, E> {
                Ok(Assignment { then: Some(Child::by_id(id)), ..Assignment::default() })
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Assignment, E> {
                let invalid = |_| E::invalid_value(de::Unexpected::Unsigned(id), &self);
                i64::try_from(id).map_err(invalid).and_then(|id| self.visit_i64(id))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Assignment, A::Error> {
                #[derive(Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Fields {
                    on: Option<bool>,
                    variant: Option<String>,
                    split: Option<Box<RawValue>>,
                    then: Option<Child>,
                }
                let Fields { on, variant, split, then } =
                    Fields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Assignment { on, variant, split, then })
            }
        }

        deserializer.deserialize_any(AssignmentVisitor)
    }
}

/// The schema of `split`, which is parsed later.
pub(in crate::builtin) fn split_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = split::schema(generator);
    schema.insert("title".to_owned(), format!("config of {}", split::CLASS).into());
    schema.insert("description".to_owned(), "The config of a split, which chooses the variant".into());
    schema
}

impl JsonSchema for Assignment {
    fn schema_name() -> Cow<'static, str> {
        "Assignment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (child, split) = (generator.subschema_for::<Child>(), split_schema(generator));
        json_schema!({
            "anyOf": [
                {"type": "string", "title": "variant"},
                {"type": "boolean", "title": "on or off"},
                {"type": "integer", "title": "activation"},
                {
                    "type": "object",
                    "properties": {"variant": {"type": "string"}, "split": split, "then": child, "on": {"type": "boolean"}},
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1
                }
            ]
        })
    }
}

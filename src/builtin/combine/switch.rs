//! Cases by the values of attributes.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        audience::{
            attribute_names::find,
            scalar::{Scalar, same},
            string_list::Texts,
        },
        combine::assignment::{Given, Outcome},
        register,
        rollout::ranges::InOrder,
    },
    context::value::Value,
};

/// [`Config`] tells all of it.
struct Switch {
    by: Box<[Box<str>]>,
    cases: Box<[Case]>,
    /// Cases that leave the same attributes open have a table together.
    tables: Box<[Table]>,
    hasher: RandomState,
    fallback: Outcome,
}

struct Case {
    /// One for each attribute; nothing: any value.
    values: Box<[Option<Value<'static>>]>,
    outcome: Outcome,
}

struct Table {
    /// Which attributes count.
    counts: Box<[bool]>,
    cases: HashTable<u32>,
}

/// Chooses by the values of one or more attributes: what feats.py calls segmentation.
///
/// `by` names the attributes. A case has a value for each, or `*` for any that is there, and what it gives: a variant's name, true
/// or false, an activation's id, or an object with `variant`, `split` (the config of a `novi.split`) or `then` (an activation).
/// For one attribute the cases may be an object from value to what it gives. Of several cases that fit the first in
/// the list counts, and in an object a value before `*`; those for whom none is get `fallback`; without it, off.
///
/// ```sql
/// INSERT INTO activations VALUES (14, 'Processor by country', 'novi.switch',
///     '{"by": "country", "cases": {"CA": "premium", "US": {"split": {"variants": {"aperture": 5, "acme": 95}}}}, "fallback": "acme"}');
/// INSERT INTO activations VALUES (15, 'By country and platform', 'novi.switch',
///     '{"by": ["country", "platform"], "cases": [
///         {"values": ["CA", "ios"], "gives": "grid"}, {"values": ["*", "ios"], "gives": "list"}]}');
/// ```
///
/// Values are texts, numbers or truth values; 7 and 7.0 are one, "7" is another one, except in an object of cases, whose names are
/// texts: there 7 and true are meant by "7" and "true" as well. An attribute that is missing fits no case, not even `*`. However many
/// cases there are, a look takes the same time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The attribute, or several; a name with dots leads through objects
    by: Texts,
    /// The cases: a list, or for one attribute an object from value to what it gives
    cases: Cases,
    /// What those get for whom there is no case: as in a case; off if not given
    #[serde(default)]
    fallback: Option<Given>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct CaseConfig {
    /// A value for each attribute, or "*"
    #[schemars(with = "Vec<Scalar>")]
    values: Vec<Value<'static>>,
    /// What the caller gets
    gives: Given,
}

enum Cases {
    List(Vec<CaseConfig>),
    ByValue(Vec<(String, Given)>),
}

register!(Switch, "novi.switch", [], "Chooses an answer by the values of one or more attributes");

/// Any value.
const ANY: &str = "*";

impl Activation for Switch {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let value = |place: usize| find(self.by.get(place)?, check);
        // Most switches have one table or two; the one whose case stands first in the row counts.
        let found = self.tables.iter().filter_map(|table| self.look_up(table, value)).min();
        let Some(case) = found.and_then(|case| self.cases.get(case as usize)) else {
            check.note(|| "no case fits".to_owned());
            return self.fallback.verdict(check);
        };
        check.note(|| format!("case {}", told(&case.values)));
        case.outcome.verdict(check)
    }
}

impl Switch {
    fn look_up<'c>(&self, table: &Table, value: impl Fn(usize) -> Option<&'c Value<'c>>) -> Option<u32> {
        let mut hasher = self.hasher.build_hasher();
        for (place, counts) in table.counts.iter().enumerate() {
            let value = value(place)?;
            if *counts {
                hash(value, &mut hasher)?;
            }
        }
        let fits = |case: &u32| {
            let values = self.cases.get(*case as usize).map(|case| case.values.iter()).into_iter().flatten();
            values.enumerate().all(|(place, wanted)| {
                wanted.as_ref().is_none_or(|wanted| value(place).is_some_and(|value| same(wanted, value)))
            })
        };
        table.cases.find(hasher.finish(), fits).copied()
    }
}

/// Adds a value to a hash; nothing if it is none that a case can have. What is the same has the same hash.
fn hash(value: &Value<'_>, hasher: &mut impl Hasher) -> Option<()> {
    match value {
        Value::Str(text) => text.hash(hasher),
        Value::Bool(truth) => truth.hash(hasher),
        // 0 has a sign as a float, and is one value all the same.
        number => (number.as_f64()? + 0.0).to_bits().hash(hasher),
    }
    Some(())
}

fn told(values: &[Option<Value<'static>>]) -> String {
    let told = |value: &Option<Value<'_>>| value.as_ref().map_or_else(|| ANY.to_owned(), Value::to_string);
    values.iter().map(told).collect::<Vec<_>>().join(", ")
}

impl Configured for Switch {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let by = config.by.into_boxed();
        if by.is_empty() || by.iter().any(|name| name.is_empty()) {
            row.problem(
                ".by",
                "expected the name of an attribute, or a list of such names, found an empty one",
            );
            return None;
        }
        let mut cases = Vec::new();
        match config.cases {
            Cases::List(list) => {
                for (index, case) in list.into_iter().enumerate() {
                    let path = format!(".cases[{index}]");
                    let values = values(case.values, by.len(), &path, row);
                    let outcome = outcome(case.gives, &format!("{path}.gives"), row);
                    cases.extend(values.map(|values| Case { values, outcome }));
                }
            }
            Cases::ByValue(_) if by.len() > 1 => {
                row.problem(
                    ".cases",
                    "expected a list of cases, since `by` names several attributes, found an object",
                );
            }
            Cases::ByValue(named) => {
                // In an object no value stands before another one, so "*" is for those that are not named.
                let (open, named): (Vec<_>, Vec<_>) = named.into_iter().partition(|(name, _)| name == ANY);
                for (name, given) in named.into_iter().chain(open) {
                    let outcome = outcome(given, &format!(".cases.{name}"), row);
                    let meant = meant(&name).into_iter();
                    cases.extend(meant.map(|value| Case { values: [value].into(), outcome }));
                }
            }
        }
        let fallback = config.fallback.map(|given| outcome(given, ".fallback", row));
        let fallback = fallback.unwrap_or(Outcome::Verdict(Verdict::Off));
        let mut switch = Self {
            by,
            cases: cases.into(),
            tables: Box::default(),
            hasher: RandomState::default(),
            fallback,
        };
        switch.tables = switch.tables(row)?;
        Some(switch)
    }
}

fn outcome(given: Given, path: &str, row: &mut Compile<'_>) -> Outcome {
    // An empty object says that this case is on.
    given.compile(path, row).unwrap_or(Outcome::Verdict(Verdict::On))
}

/// The values of a case in a list.
fn values(
    values: Vec<Value<'static>>,
    expected: usize,
    path: &str,
    row: &mut Compile<'_>,
) -> Option<Box<[Option<Value<'static>>]>> {
    if values.len() != expected {
        let message = format!("expected {expected}, one for each attribute, found {}", values.len());
        row.problem(&format!("{path}.values"), message);
        return None;
    }
    for (index, value) in values.iter().enumerate() {
        if matches!(value, Value::Null | Value::List(_) | Value::Object(_)) {
            let message = format!("expected a text, a number or a truth value, found {}", value.kind());
            row.problem(&format!("{path}.values[{index}]"), message);
            return None;
        }
    }
    Some(values.into_iter().map(|value| (value.as_str() != Some(ANY)).then_some(value)).collect())
}

/// The values that the name of a case means.
fn meant(name: &str) -> Vec<Option<Value<'static>>> {
    if name == ANY {
        return vec![None];
    }
    let text = Value::from(name.to_owned());
    let other = match serde_json::from_str::<serde_json::Value>(name) {
        Ok(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => Some(Value::from(value)),
        _ => None,
    };
    [Some(text), other].into_iter().flatten().map(Some).collect()
}

impl Switch {
    /// The tables of all cases. Of two cases that are the same the second could never be reached.
    fn tables(&self, row: &mut Compile<'_>) -> Option<Box<[Table]>> {
        let mut tables: Vec<Table> = Vec::new();
        for (number, case) in (0_u32..).zip(&self.cases) {
            let counts: Box<[bool]> = case.values.iter().map(Option::is_some).collect();
            if tables.iter().all(|table| table.counts != counts) {
                tables.push(Table { counts: counts.clone(), cases: HashTable::new() });
            }
            let table = tables.iter_mut().find(|table| table.counts == counts)?;
            let key = |case: &Case| {
                let mut hasher = self.hasher.build_hasher();
                for value in case.values.iter().flatten() {
                    // All values of cases can be hashed; others were refused.
                    let _hashed = hash(value, &mut hasher);
                }
                hasher.finish()
            };
            let is_same = |known: &u32| {
                let known = self.cases.get(*known as usize).map_or(&[][..], |case| &case.values);
                known.iter().zip(&case.values).all(|(one, other)| match (one, other) {
                    (Some(one), Some(other)) => same(one, other),
                    _ => true,
                })
            };
            if table.cases.find(key(case), is_same).is_some() {
                row.problem(".cases", format!("expected each case once, found {} twice", told(&case.values)));
                return None;
            }
            let hash_of = |number: &u32| self.cases.get(*number as usize).map_or(0, key);
            table.cases.insert_unique(key(case), number, hash_of);
        }
        Some(tables.into())
    }
}

impl<'de> Deserialize<'de> for Cases {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CasesVisitor;

        impl<'de> serde::de::Visitor<'de> for CasesVisitor {
            type Value = Cases;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(r#"a list of cases, or an object like {"CA": "premium"}"#)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<Cases, A::Error> {
                Deserialize::deserialize(serde::de::value::SeqAccessDeserializer::new(list)).map(Cases::List)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Cases, A::Error> {
                let map = serde::de::value::MapAccessDeserializer::new(map);
                InOrder::read(map, "cases").map(|InOrder(cases)| Cases::ByValue(cases))
            }
        }

        deserializer.deserialize_any(CasesVisitor)
    }
}

impl JsonSchema for Cases {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cases".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (list, given) =
            (generator.subschema_for::<Vec<CaseConfig>>(), generator.subschema_for::<Given>());
        schemars::json_schema!({"anyOf": [list, {"type": "object", "additionalProperties": given}]})
    }
}

//! Cases by the values of attributes.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Verdict,
        cause::CauseRule,
        evaluation::Evaluation,
        phrase::{grouped_digits, shown},
        sql, value_text,
    },
    builtin::{
        audience::{
            attribute_names::find,
            phrasing::value_words,
            scalar::{Scalar, same},
            string_list::StringList,
        },
        combine::assignment::{Assignment, MOST_WORDED, Outcome},
        register::register,
        rollout::ranges::InOrder,
    },
    context::value::Value,
};

/// See [`Config`].
struct Switch {
    by: Box<[Box<str>]>,
    cases: Box<[Case]>,
    /// One table for all cases that compare the same attributes.
    tables: Box<[Table]>,
    hasher: RandomState,
    fallback: Outcome,
}

struct Case {
    /// One per attribute. `None` is any value.
    values: Box<[Option<Value<'static>>]>,
    outcome: Outcome,
}

struct Table {
    /// Which attributes are compared.
    compared: Box<[bool]>,
    cases: HashTable<u32>,
}

/// Chooses by the values of one or more attributes, called segmentation by other systems.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (290, 'Payment processor', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (290, 'Processor by country', 'novi.switch', '{"by": "country", "cases": {
///         "CA": "premium",
///         "US": {"split": {"variants": {"aperture": 5, "acme": 95}}}}, "fallback": "acme"}'),
///     (291, 'Layout by country and platform', 'novi.switch', '{"by": ["country", "platform"], "cases": [
///         {"values": ["CA", "ios"], "gives": "grid"},
///         {"values": ["*", "ios"], "gives": "list"}]}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (290, 290);
/// ```
///
/// `by` names the attributes. A case has a value for each, or `*` for any value, and a result: the name of a
/// variant, true or false, the id of an activation, or an object with `variant`, `split` (the config of a
/// `novi.split`) or `then` (an activation). With one attribute, the cases may be an object from values to
/// results. The first case that matches wins; in an object, a value wins over `*`. If no case matches,
/// `fallback` applies (default: off).
///
/// Values are strings, numbers or booleans. 7 and 7.0 are equal, but not "7". The names of an object are
/// strings, so there "7" and "true" also match 7 and true. A missing attribute matches no case, not even `*`;
/// an empty string only a case that names it.
/// The time of an evaluation does not depend on the number of cases.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// One attribute or several. A name with dots is a path through objects
    #[schemars(extend("x-novi-input" = "attribute", "x-novi-order" = 1))]
    by: StringList,
    /// A list of cases, or for one attribute an object from values to results
    cases: Cases,
    /// The result if no case matches. Default: off
    #[serde(default)]
    fallback: Option<Assignment>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct CaseConfig {
    /// A value for each attribute, or "*"
    #[schemars(with = "Vec<Scalar>")]
    values: Vec<Value<'static>>,
    /// The result
    gives: Assignment,
}

enum Cases {
    List(Vec<CaseConfig>),
    ByValue(Vec<(String, Assignment)>),
}

register!(Switch, "novi.switch", [], "Chooses by the values of one or more attributes");

/// Any value.
const ANY: &str = "*";

impl Activation for Switch {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let value = |place: usize| find(self.by.get(place)?, evaluation);
        // Most switches have one or two tables. The case that is first in the row wins.
        let found = self.tables.iter().filter_map(|table| self.look_up(table, value)).min();
        let Some(case) = found.and_then(|case| self.cases.get(case as usize)) else {
            evaluation.note(|| "no case matches".to_owned());
            if !self.cases.is_empty() {
                evaluation.fall_through();
            }
            return self.fallback.verdict(evaluation);
        };
        evaluation.note(|| {
            let values = (0..self.by.len()).filter_map(value);
            evaluation.note_match(|| values.map(|value| value.clone().into_owned()).collect());
            format!("case {}", describe(&case.values))
        });
        evaluation.match_value();
        case.outcome.verdict(evaluation)
    }

    fn cause_rule(&self) -> CauseRule {
        self.fallback.cause_rule(self.cases.is_empty())
    }
}

impl Switch {
    fn look_up<'c>(&self, table: &Table, value: impl Fn(usize) -> Option<&'c Value<'c>>) -> Option<u32> {
        let mut hasher = self.hasher.build_hasher();
        for (place, compared) in table.compared.iter().enumerate() {
            let value = value(place)?;
            if *compared {
                hash(value, &mut hasher)?;
            } else if value.is_empty_string() {
                return None;
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

/// Hashes a scalar. `None` for other values, which no case has. Equal values have equal hashes.
fn hash(value: &Value<'_>, hasher: &mut impl Hasher) -> Option<()> {
    match value {
        Value::Str(text) => text.hash(hasher),
        Value::Bool(value) => value.hash(hasher),
        // 0.0 and -0.0 are equal.
        number => (number.as_f64()? + 0.0).to_bits().hash(hasher),
    }
    Some(())
}

fn describe(values: &[Option<Value<'static>>]) -> String {
    let describe =
        |value: &Option<Value<'_>>| value.as_ref().map_or_else(|| ANY.to_owned(), Value::to_string);
    values.iter().map(describe).collect::<Vec<_>>().join(", ")
}

impl Configured for Switch {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let by = config.by.into_boxed();
        if by.is_empty() || by.iter().any(|name| name.is_empty()) {
            row.problem(".by", "expected the name of an attribute, or a list of names, found an empty one");
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
                    "expected a list of cases, since `by` has several attributes, found an object",
                );
            }
            Cases::ByValue(named) => {
                // An object has no order, so "*" comes last.
                let (open, named): (Vec<_>, Vec<_>) = named.into_iter().partition(|(name, _)| name == ANY);
                for (name, result) in named.into_iter().chain(open) {
                    let outcome = outcome(result, &format!(".cases.{name}"), row);
                    let values = values_of_name(&name).into_iter();
                    cases.extend(values.map(|value| Case { values: [value].into(), outcome }));
                }
            }
        }
        let fallback = config.fallback.map(|result| outcome(result, ".fallback", row));
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

    fn words(config: &Config, phrasing: &mut Phrasing<'_>) -> Phrase {
        let list: Vec<(String, &Assignment)> = match &config.cases {
            Cases::List(list) => {
                let named =
                    |case: &CaseConfig| case.values.iter().map(value_words).collect::<Vec<_>>().join(", ");
                list.iter().take(MOST_WORDED).map(|case| (named(case), &case.gives)).collect()
            }
            Cases::ByValue(list) => {
                list.iter().take(MOST_WORDED).map(|(value, gives)| (value_text(value), gives)).collect()
            }
        };
        let count = match &config.cases {
            Cases::List(list) => list.len(),
            Cases::ByValue(list) => list.len(),
        };
        let mut parts = Vec::new();
        for (values, gives) in &list {
            let outcome = gives.words(phrasing).unwrap_or_else(|| "on".to_owned());
            parts.push(format!("for {values}: {outcome}"));
        }
        if let Some(more) = count.checked_sub(list.len()).filter(|more| *more > 0) {
            parts.push(format!("{} more cases", grouped_digits(more)));
        }
        let otherwise = config.fallback.as_ref().and_then(|assignment| assignment.words(phrasing));
        parts.push(format!("otherwise {}", otherwise.unwrap_or_else(|| "off".to_owned())));
        let by: Vec<String> = config.by.iter().map(|name| format!("`{}`", value_text(name))).collect();
        Phrase::period(format!("by {}: {}", shown(&by, " and "), parts.join("; "))).grouped()
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let by: Vec<&str> = config.by.iter().collect();
        let on = || sql::Condition::always(true);
        let mut cases = Vec::new();
        match &config.cases {
            Cases::List(list) => {
                for case in list {
                    let place = |(name, value): (&&str, &Value<'static>)| {
                        case_to_sql(name, std::slice::from_ref(value))
                    };
                    let all = sql::Expression::all(by.iter().zip(&case.values).map(place));
                    cases.push((all, case.gives.to_sql(sql).unwrap_or_else(on)));
                }
            }
            Cases::ByValue(named) => {
                let name = by.first().copied().unwrap_or_default();
                let (open, named): (Vec<_>, Vec<_>) = named.iter().partition(|(value, _)| value == ANY);
                for (value, gives) in named.into_iter().chain(open) {
                    let any = Value::from(ANY);
                    let values: Vec<Value<'static>> =
                        values_of_name(value).into_iter().map(|value| value.unwrap_or(any.clone())).collect();
                    cases.push((case_to_sql(name, &values), gives.to_sql(sql).unwrap_or_else(on)));
                }
            }
        }
        let fallback = config.fallback.as_ref().map(|assignment| assignment.to_sql(sql).unwrap_or_else(on));
        sql::Condition::choose(&cases, &fallback.unwrap_or(sql::Condition::always(false)))
    }
}

/// Whether an attribute has one of the values of a case.
fn case_to_sql(name: &str, values: &[Value<'static>]) -> sql::Expression {
    let is_any = values.iter().any(|value| value.as_str() == Some(ANY));
    let test = if is_any { sql::Test::NotEmpty } else { sql::Test::OneOf(values.to_vec(), false) };
    sql::Expression::attribute(name, test)
}

fn outcome(result: Assignment, path: &str, row: &mut CompileContext<'_>) -> Outcome {
    // An empty object means on.
    result.compile(path, row).unwrap_or(Outcome::Verdict(Verdict::On))
}

/// The values of a case in a list.
fn values(
    values: Vec<Value<'static>>,
    expected: usize,
    path: &str,
    row: &mut CompileContext<'_>,
) -> Option<Box<[Option<Value<'static>>]>> {
    if values.len() != expected {
        let message = format!("expected {expected}, one for each attribute, found {}", values.len());
        row.problem(&format!("{path}.values"), message);
        return None;
    }
    for (index, value) in values.iter().enumerate() {
        if matches!(value, Value::Null | Value::List(_) | Value::Object(_)) {
            let message = format!("expected a string, a number or a boolean, found {}", value.kind());
            row.problem(&format!("{path}.values[{index}]"), message);
            return None;
        }
    }
    Some(values.into_iter().map(|value| (value.as_str() != Some(ANY)).then_some(value)).collect())
}

/// The values that a name in an object of cases matches.
fn values_of_name(name: &str) -> Vec<Option<Value<'static>>> {
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
    /// The tables of all cases. A duplicate case is a problem, since it is never reached.
    fn tables(&self, row: &mut CompileContext<'_>) -> Option<Box<[Table]>> {
        let mut tables: Vec<Table> = Vec::new();
        for (number, case) in (0_u32..).zip(&self.cases) {
            let compared: Box<[bool]> = case.values.iter().map(Option::is_some).collect();
            if tables.iter().all(|table| table.compared != compared) {
                tables.push(Table { compared: compared.clone(), cases: HashTable::new() });
            }
            let table = tables.iter_mut().find(|table| table.compared == compared)?;
            let key = |case: &Case| {
                let mut hasher = self.hasher.build_hasher();
                for value in case.values.iter().flatten() {
                    // All values of cases are scalars.
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
                row.problem(".cases", format!("duplicate case {}", describe(&case.values)));
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
                InOrder::deserialize_with(map, "cases").map(|InOrder(cases)| Cases::ByValue(cases))
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
            (generator.subschema_for::<Vec<CaseConfig>>(), generator.subschema_for::<Assignment>());
        schemars::json_schema!({"anyOf": [list, {"type": "object", "additionalProperties": given}]})
    }
}

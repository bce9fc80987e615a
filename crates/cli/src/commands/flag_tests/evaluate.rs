//! Compares decisions with what tests expect.

use novi::{Context, Flags, activation::Words};
use novi_files::Tree;
use serde::Serialize;
use serde_json::Value;

use super::suite::{Expected, Test};
use crate::output::Failure;

/// What one test found of one flag.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) file: String,
    /// What the test is called: its name, or its number in the file.
    pub(super) test: String,
    pub(super) flag: String,
    pub(super) passed: bool,
    expected: Expected,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Value>,
    /// Each difference: what was expected and what was found.
    pub(super) differences: Vec<String>,
    /// How the decision was made, if it is not as expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<String>,
}

/// Evaluates the flags of a test.
pub(super) fn outcomes(
    flags: &Flags,
    file: &str,
    number: usize,
    test: &Test,
) -> Result<Vec<Outcome>, Failure> {
    let name = test.name.clone().unwrap_or_else(|| format!("test {number}"));
    let context = context(test).map_err(|error| Failure::usage(format!("{file}: {name}: {error}")))?;
    let expected = test.expect.iter();
    Ok(expected.map(|(flag, expected)| outcome(flags, (file, &name), flag, &context, &expected.0)).collect())
}

fn context(test: &Test) -> Result<Context<'static>, String> {
    let fields = test.context.iter().map(|(name, value)| (name.clone(), value.clone()));
    let mut fields: Vec<(String, Tree)> = fields.collect();
    let at = test.at.map(|moment| Tree::String(moment.to_string()));
    for (name, value) in [("currentDateTime", at), ("seed", test.seed.clone())] {
        let Some(value) = value else { continue };
        if test.context.contains_key(name) {
            let field = if name == "seed" { "seed" } else { "at" };
            return Err(format!("expected `{field}`, or `{name}` in the context, found both"));
        }
        fields.push((name.to_owned(), value));
    }
    Context::from_json(&Tree::Fields(fields).to_json()).map_err(|error| format!("context: {error}"))
}

fn outcome(
    flags: &Flags,
    (file, test): (&str, &str),
    flag: &str,
    context: &Context<'_>,
    expected: &Expected,
) -> Outcome {
    let mut outcome = Outcome {
        file: file.to_owned(),
        test: test.to_owned(),
        flag: flag.to_owned(),
        passed: false,
        expected: expected.clone(),
        found: None,
        differences: Vec::new(),
        explanation: None,
    };
    let decision = match flags.evaluate(flag, context) {
        Ok(decision) => decision,
        Err(error) => {
            outcome.differences.push(error.to_string());
            return outcome;
        }
    };
    let mut compare = |field: &str, expected: Option<Value>, found: Value| {
        if let Some(expected) = expected.filter(|expected| !is_same(expected, &found)) {
            outcome.differences.push(format!("{field}: expected {expected}, found {found}"));
        }
    };
    compare("on", expected.on.map(Value::Bool), decision.enabled().into());
    compare("variant", expected.variant.clone().map(Value::String), decision.variant().into());
    let value = expected.value.as_ref().and_then(|value| serde_json::from_str(&value.to_json()).ok());
    compare("value", value, decision.value().cloned().unwrap_or_default());
    let reason = expected.reason.as_ref().map(|reason| Value::String(reason.to_ascii_uppercase()));
    compare("reason", reason, decision.reason().to_string().into());
    outcome.found = serde_json::to_value(&decision).ok();
    outcome.passed = outcome.differences.is_empty();
    if !outcome.passed {
        outcome.explanation = explanation(flags, flag, context);
    }
    outcome
}

fn explanation(flags: &Flags, flag: &str, context: &Context<'_>) -> Option<String> {
    let trace = flags.explain(flag, context).ok()?;
    let (registry, snapshot) = (flags.registry(), flags.snapshot());
    Some(match snapshot.rows() {
        Some(rows) => format!("{:#}", trace.with_words(Words::new(&registry, rows))),
        None => format!("{trace:#}"),
    })
}

/// Whether two values are equal; `1` and `1.0` are.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

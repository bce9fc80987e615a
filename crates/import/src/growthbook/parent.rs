//! Conditions on the value of another feature: which of its values meet them is known here.

use novi_files::Tree;

use super::{Source, Values};
use crate::{
    config::{Given, always, fields, inline, not, or, text, texts},
    variations::Variations,
};

/// Whether another feature has a value that meets a condition.
pub(super) fn condition(source: &Tree, all: &Source<'_>) -> Result<Tree, String> {
    let id =
        source.get("id").and_then(Tree::as_str).ok_or("parentConditions: expected the id of a feature")?;
    let expected = match source.get("condition").and_then(Tree::as_fields) {
        None | Some([]) => return Ok(always(true)),
        Some([(field, expected)]) if field == "value" => expected,
        Some(_) => return Err("a condition on a feature is one on its `value`".to_owned()),
    };
    let Some(parent) = all.features.get(id) else { return Ok(always(meets(&Tree::Null, expected)?)) };
    let values = Values::of(parent);
    let is_on = || inline("novi.flag", fields([("flag", text(id))]));
    let mut any = Vec::new();
    if values.variations.is_boolean {
        if meets(&Tree::Bool(true), expected)? {
            any.push(is_on());
        }
        // It is off for `null` as well, which GrowthBook only has after failed gates.
        if meets(&Tree::Bool(false), expected)? {
            any.push(not(is_on()));
        }
        return Ok(or(any));
    }
    let Values { list, variations, .. } = &values;
    let names = named(list, variations, expected)?;
    if !names.is_empty() {
        any.push(inline("novi.flag", fields([("flag", text(id)), ("variant", texts(names))])));
    }
    if meets(&Tree::Null, expected)? {
        any.push(not(is_on()));
    }
    Ok(or(any))
}

fn named(list: &[Tree], variations: &Variations, expected: &Tree) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for (index, value) in list.iter().enumerate() {
        if meets(value, expected)?
            && let Given::Variant(name) = variations.given(index)
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether a value meets a condition, as SDKs decide it.
fn meets(value: &Tree, expected: &Tree) -> Result<bool, String> {
    let list = |list: &Tree| list.as_list().map(<[Tree]>::to_vec).ok_or("expected a list of values");
    match expected {
        Tree::String(expected) => Ok(match value {
            Tree::String(found) => found == expected,
            other => other.to_json() == *expected,
        }),
        Tree::Number(expected) => Ok(value.as_f64() == expected.as_f64()),
        Tree::Bool(expected) => {
            let is_falsy = matches!(value, Tree::Bool(false))
                || value.as_f64() == Some(0.0)
                || value.as_str() == Some("");
            Ok(*value != Tree::Null && is_falsy != *expected)
        }
        Tree::Null => Ok(*value == Tree::Null),
        Tree::List(_) => Ok(value == expected),
        Tree::Fields(operators) => {
            for (operator, operand) in operators {
                let is_met = match operator.as_str() {
                    "$eq" => value == operand,
                    "$ne" => value != operand,
                    "$in" => list(operand)?.contains(value),
                    "$nin" => !list(operand)?.contains(value),
                    "$exists" => (*value != Tree::Null) == (*operand == Tree::Bool(true)),
                    "$not" => !meets(value, operand)?,
                    _ => return Err(format!("the operator {operator} on a feature has no equivalent")),
                };
                if !is_met {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

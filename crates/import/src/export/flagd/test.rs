//! Conditions on attributes and on the time in `JSONLogic`.
//!
//! `JSONLogic` converts values to compare them, where novi compares those of one type: what is converted is excluded.

use chrono::{DateTime, Utc};
use novi_files::Tree;

use super::rule::{conjunction, operation, variable};
use crate::{
    config::{number, text},
    export::condition::{Kind, Place, Sign, Test},
};

pub(super) fn condition(test: &Test) -> Result<Tree, String> {
    match test {
        Test::In(name, values) => {
            let attribute = attribute(name)?;
            values.iter().filter_map(Tree::as_f64).try_for_each(exact)?;
            Ok(match values.as_slice() {
                [value] => operation("===", vec![attribute, value.clone()]),
                _ => operation("in", vec![attribute, Tree::List(values.clone())]),
            })
        }
        Test::Exists(name) => Ok(operation("!==", vec![attribute(name)?, Tree::Null])),
        Test::Is(name, kind) => {
            let attribute = attribute(name)?;
            let mut all = is_kind(&attribute, *kind);
            if *kind == Kind::Number {
                // Objects have no order.
                let ordered = |sign| operation(sign, vec![attribute.clone(), number(0.0)]);
                all.push(operation("or", vec![ordered("<"), ordered(">=")]));
            }
            Ok(conjunction(all))
        }
        Test::Parts { ignore_case: true, .. } => Err("flagd cannot ignore case".to_owned()),
        Test::Parts { attribute: name, place, parts, .. } => {
            let attribute = attribute(name)?;
            let mut any: Vec<Tree> = parts.iter().map(|part| has_part(&attribute, *place, part)).collect();
            Ok(if any.len() == 1 { any.remove(0) } else { operation("or", any) })
        }
        Test::Order(name, sign, limit) => {
            let attribute = attribute(name)?;
            exact(*limit)?;
            let mut all = is_kind(&attribute, Kind::Number);
            all.push(operation(sign_of(*sign), vec![attribute, number(*limit)]));
            Ok(conjunction(all))
        }
        Test::Version { is_strict: true, .. } => {
            Err("flagd also compares versions that are not complete, where `semver_strict` does not"
                .to_owned())
        }
        Test::Version { attribute: name, sign, version, .. } => {
            let sign = if *sign == Sign::Equal { "=" } else { sign_of(*sign) };
            Ok(operation("sem_ver", vec![attribute(name)?, text(sign), text(version)]))
        }
        Test::Network(..) => Err("flagd has no condition on networks".to_owned()),
        Test::Regex { .. } => Err("flagd has no regular expressions".to_owned()),
        Test::Moment { .. } => Err("flagd cannot compare attributes that are times".to_owned()),
        Test::Clock(start, end) => clock(*start, *end),
        Test::Share(_) => Err("expected a condition on an attribute".to_owned()),
    }
}

fn has_part(attribute: &Tree, place: Place, part: &str) -> Tree {
    let (attribute, value) = (attribute.clone(), text(part));
    match place {
        Place::End => operation("ends_with", vec![attribute, value]),
        Place::Anywhere if !part.is_empty() => operation("in", vec![value, attribute]),
        Place::Start | Place::Anywhere => operation("starts_with", vec![attribute, value]),
    }
}

/// The attribute of a caller, unless flagd reads its name otherwise.
pub(super) fn attribute(name: &str) -> Result<Tree, String> {
    let is_index = |part: &str| part.is_empty() || part.chars().all(|letter| letter.is_ascii_digit());
    if name.starts_with("$flagd") || name.split('.').any(is_index) {
        return Err(format!("flagd has no attribute with the name {name:?}"));
    }
    Ok(variable(name))
}

/// Rejects numbers among which floats, which flagd has, do not distinguish integers.
fn exact(number: f64) -> Result<(), String> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    if number.abs() < LIMIT { Ok(()) } else { Err(format!("flagd has no exact number {number}")) }
}

/// Whether a value is of a kind: the conditions, all of which must be met.
fn is_kind(attribute: &Tree, kind: Kind) -> Vec<Tree> {
    // Only strings start with something.
    let is_string = || operation("starts_with", vec![attribute.clone(), text("")]);
    let is_boolean =
        || operation("in", vec![attribute.clone(), Tree::List(vec![Tree::Bool(true), Tree::Bool(false)])]);
    match kind {
        Kind::String => vec![is_string()],
        Kind::Boolean => vec![is_boolean()],
        Kind::Number => vec![
            operation("!==", vec![attribute.clone(), Tree::Null]),
            operation("!", vec![is_string()]),
            operation("!", vec![is_boolean()]),
        ],
    }
}

fn sign_of(sign: Sign) -> &'static str {
    match sign {
        Sign::Equal => "===",
        Sign::Less => "<",
        Sign::LessOrEqual => "<=",
        Sign::Greater => ">",
        Sign::GreaterOrEqual => ">=",
    }
}

/// Within a window. flagd's time is in whole seconds.
fn clock(start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Result<Tree, String> {
    let limit = |sign: &str, at: DateTime<Utc>| {
        if at.timestamp_subsec_nanos() > 0 {
            return Err("flagd's times are whole seconds".to_owned());
        }
        let timestamp = Tree::Number(at.timestamp().into());
        Ok(operation(sign, vec![variable("$flagd.timestamp"), timestamp]))
    };
    let start = start.map(|at| limit(">=", at));
    let end = end.map(|at| limit("<", at));
    start.into_iter().chain(end).collect::<Result<Vec<_>, _>>().map(conjunction)
}

//! Comparisons as JavaScript makes them, which converts values.

use chrono::DateTime;
use novi_files::Tree;

use super::condition::{attribute_name, variable};
use crate::config::{always, attribute, expression, fields, inline, number, or, quoted, text};

/// The time of the evaluation, in whole seconds.
const TIMESTAMP: &str = "$flagd.timestamp";

/// What is compared, and how.
#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    /// `==`, or `===` if it is strict.
    Equal { is_strict: bool },
    /// `!=`, or `!==` if it is strict.
    NotEqual { is_strict: bool },
    /// `<`, `<=`, `>` or `>=`.
    Order(Sign),
}

/// The sign of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn of(operation: &str) -> Option<Self> {
        Some(match operation {
            "==" => Self::Equal { is_strict: false },
            "===" => Self::Equal { is_strict: true },
            "!=" => Self::NotEqual { is_strict: false },
            "!==" => Self::NotEqual { is_strict: true },
            "<" => Self::Order(Sign::Less),
            "<=" => Self::Order(Sign::LessOrEqual),
            ">" => Self::Order(Sign::Greater),
            ">=" => Self::Order(Sign::GreaterOrEqual),
            _ => return None,
        })
    }
}

impl Sign {
    /// The sign if both sides are exchanged.
    pub(super) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    fn operator(self) -> &'static str {
        match self {
            Self::Less => "less",
            Self::LessOrEqual => "less_or_equal",
            Self::Greater => "greater",
            Self::GreaterOrEqual => "greater_or_equal",
        }
    }

    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// The number that JavaScript makes of a string.
fn number_of(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() { Some(0.0) } else { text.parse().ok().filter(|number: &f64| number.is_finite()) }
}

/// An attribute that equals a constant. Unless it is strict, strings and booleans are converted to numbers.
pub(super) fn equality(name: &str, constant: &Tree, is_strict: bool) -> Result<Tree, String> {
    let equals = |value: Tree| attribute(name, "equals", value);
    let missing = || attribute(name, "exists", Tree::Bool(false));
    let in_list = |values: Vec<Tree>| match values.len() {
        0 => always(false),
        1 => values.into_iter().next().map_or_else(|| always(false), equals),
        _ => attribute(name, "in", Tree::List(values)),
    };
    let found = match constant {
        Tree::String(_) | Tree::Number(_) | Tree::Bool(_) if is_strict => {
            return Ok(equals(constant.clone()));
        }
        Tree::Null if is_strict => return Ok(missing()),
        // JSONLogic's engine converts a missing value to 0.
        Tree::Null => return Ok(or([missing(), in_list(vec![Tree::Bool(false), number(0.0)])])),
        Tree::Number(found) => found.as_f64(),
        Tree::Bool(value) => Some(f64::from(*value)),
        Tree::String(text) => number_of(text),
        _ => return Err("only strings, numbers, booleans and null can be compared".to_owned()),
    };
    let mut values = vec![constant.clone()];
    let Some(found) = found else { return Ok(in_list(values)) };
    let mut add = |value: Tree| {
        if !values.contains(&value) {
            values.push(value);
        }
    };
    add(number(found));
    // Strings are not converted to compare them with strings.
    if !matches!(constant, Tree::String(_)) {
        add(text(number(found).to_json()));
    }
    if found == 0.0 {
        add(Tree::Bool(false));
    } else if number(found) == number(1.0) {
        add(Tree::Bool(true));
    }
    if found != 0.0 || matches!(constant, Tree::String(_)) {
        return Ok(in_list(values));
    }
    add(text(""));
    Ok(or([in_list(values), missing()]))
}

/// An attribute in an order with a constant.
pub(super) fn order(value: &Tree, sign: Sign, constant: &Tree) -> Result<Tree, String> {
    let name = match value.as_fields() {
        Some([(operation, name)]) if operation == "var" => name,
        _ => return Err("only attributes of the caller can be compared, with constants".to_owned()),
    };
    if name.as_str() == Some(TIMESTAMP) {
        return time(sign, constant);
    }
    let name = attribute_name(name)?;
    let variable = variable(name);
    // A missing value counts as 0.
    let missing = |limit: f64| {
        if sign.holds(0.0, limit) { attribute(name, "exists", Tree::Bool(false)) } else { always(false) }
    };
    match constant {
        Tree::Number(limit) => {
            let limit = limit.as_f64().unwrap_or_default();
            // Strings are converted.
            let compared = format!("double({variable}) {} {limit:?}", sign.as_str());
            Ok(or([expression(compared), missing(limit)]))
        }
        Tree::String(text) => {
            let strings = expression(format!("{variable} {} {}", sign.as_str(), quoted(text)));
            let Some(limit) = number_of(text) else { return Ok(strings) };
            Ok(or([strings, attribute(name, sign.operator(), number(limit)), missing(limit)]))
        }
        _ => Err("only numbers and strings have an order".to_owned()),
    }
}

/// The time before or after an instant.
fn time(sign: Sign, constant: &Tree) -> Result<Tree, String> {
    let expected = || "$flagd.timestamp: expected a number of seconds".to_owned();
    let Tree::Number(seconds) = constant else { return Err(expected()) };
    let seconds = seconds.as_i64().ok_or_else(expected)?;
    // The time is rounded down to seconds.
    let limit =
        if matches!(sign, Sign::Greater | Sign::LessOrEqual) { seconds.saturating_add(1) } else { seconds };
    let instant = DateTime::from_timestamp(limit, 0).ok_or_else(expected)?;
    let field = match sign {
        Sign::Greater | Sign::GreaterOrEqual => "startDateTime",
        Sign::Less | Sign::LessOrEqual => "endDateTime",
    };
    let instant = text(instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    Ok(inline("novi.date_time", fields([(field, instant)])))
}

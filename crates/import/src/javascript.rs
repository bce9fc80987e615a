//! Comparisons as JavaScript makes them, which converts values. Paths through objects have dots.

use novi_files::Tree;

use crate::config::{always, and, attribute, expression, not, number, or, quoted, text};

/// What is compared, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Comparison {
    /// `==`, or `===` if it is strict.
    Equal { is_strict: bool },
    /// `!=`, or `!==` if it is strict.
    NotEqual { is_strict: bool },
    /// `<`, `<=`, `>` or `>=`.
    Order(Sign),
}

/// The sign of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(crate) fn of(operation: &str) -> Option<Self> {
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
    pub(crate) fn mirrored(self) -> Self {
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
pub(crate) fn equality(name: &str, constant: &Tree, is_strict: bool) -> Result<Tree, String> {
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
pub(crate) fn order(name: &str, sign: Sign, constant: &Tree) -> Result<Tree, String> {
    let variable = variable(name);
    // What is missing or empty, and booleans, count as 0 and 1.
    let others = |limit: f64| {
        let (zero, one) = (sign.holds(0.0, limit), sign.holds(1.0, limit));
        let missing = zero.then(|| attribute(name, "exists", Tree::Bool(false)));
        let mut values = Vec::new();
        if zero {
            values.extend([text(""), Tree::Bool(false)]);
        }
        if one {
            values.push(Tree::Bool(true));
        }
        let converted = (!values.is_empty()).then(|| attribute(name, "in", Tree::List(values)));
        or(missing.into_iter().chain(converted))
    };
    match constant {
        Tree::Number(limit) => {
            let limit = limit.as_f64().unwrap_or_default();
            // Strings are converted.
            let compared = format!("double({variable}) {} {limit:?}", sign.as_str());
            Ok(or([expression(compared), others(limit)]))
        }
        Tree::String(text) => {
            let strings = expression(format!("{variable} {} {}", sign.as_str(), quoted(text)));
            let Some(limit) = number_of(text) else { return Ok(strings) };
            Ok(or([strings, attribute(name, sign.operator(), number(limit)), others(limit)]))
        }
        _ => Err("only numbers and strings have an order".to_owned()),
    }
}

/// The attribute of a caller in the expression language.
pub(crate) fn variable(name: &str) -> String {
    name.split('.').fold("context".to_owned(), |path, part| format!("{path}[{}]", quoted(part)))
}

/// An attribute with a value that JavaScript takes for true.
pub(crate) fn is_truthy(name: &str) -> Tree {
    and([attribute(name, "exists", Tree::Bool(true)), not(is_falsy(name))])
}

/// An attribute with a value that JavaScript takes for false, and that is not missing. Any list is true there: `in` of an
/// activation would compare the values of a list one by one.
pub(crate) fn is_falsy(name: &str) -> Tree {
    expression(format!("{} in [false, 0, \"\"]", variable(name)))
}

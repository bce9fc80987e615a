//! Comparisons of a property with a constant, as Ruby makes them.

use novi_files::Tree;

use crate::config::{always, attribute, expression, not, or, quoted};

/// What is compared with a constant.
#[derive(Debug)]
pub(super) enum Operand<'a> {
    /// A property as it is.
    Property(&'a str),
    /// A property as a string.
    String(&'a str),
    /// A property as a number.
    Number(&'a str),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Sign {
    pub(super) fn of(function: &str) -> Option<Self> {
        Some(match function {
            "Equal" => Self::Equal,
            "NotEqual" => Self::NotEqual,
            "LessThan" => Self::Less,
            "LessThanOrEqualTo" => Self::LessOrEqual,
            "GreaterThan" => Self::Greater,
            "GreaterThanOrEqualTo" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The sign if both sides are exchanged.
    pub(super) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// The operator of an attribute, and the sign of an expression.
    fn order(self) -> (&'static str, &'static str) {
        match self {
            Self::Equal | Self::NotEqual => ("equals", "=="),
            Self::Less => ("less", "<"),
            Self::LessOrEqual => ("less_or_equal", "<="),
            Self::Greater => ("greater", ">"),
            Self::GreaterOrEqual => ("greater_or_equal", ">="),
        }
    }
}

/// A comparison of a property with a constant. What Ruby rejects as an error is not met.
pub(super) fn compared(sign: Sign, operand: &Operand<'_>, constant: &Tree) -> Result<Tree, String> {
    if sign == Sign::NotEqual {
        return compared(Sign::Equal, operand, constant).map(not);
    }
    let (operator, symbol) = sign.order();
    match (operand, constant) {
        (Operand::Property(name), Tree::Number(_)) => Ok(attribute(name, operator, constant.clone())),
        (Operand::Property(name), _) if sign == Sign::Equal => {
            Ok(attribute(name, "equals", constant.clone()))
        }
        // Strings have an order, and booleans do not.
        (Operand::Property(name), Tree::String(limit)) => {
            Ok(expression(format!("context[{}] {symbol} {}", quoted(name), quoted(limit))))
        }
        (Operand::Property(_), _) => Ok(always(false)),
        (Operand::String(name), Tree::String(value)) if sign == Sign::Equal => Ok(as_string(name, value)),
        (Operand::String(name), Tree::String(limit)) => {
            let compared =
                expression(format!("string(context[{}]) {symbol} {}", quoted(name), quoted(limit)));
            let holds_for_nil = match sign {
                Sign::Less => !limit.is_empty(),
                Sign::LessOrEqual => true,
                Sign::GreaterOrEqual => limit.is_empty(),
                _ => false,
            };
            // nil is the empty string.
            let missing =
                if holds_for_nil { attribute(name, "exists", Tree::Bool(false)) } else { always(false) };
            Ok(or([compared, missing]))
        }
        (Operand::Number(name), Tree::Number(limit)) => {
            let limit = limit.as_f64().unwrap_or_default();
            Ok(expression(format!("double(context[{}]) {symbol} {limit:?}", quoted(name))))
        }
        (Operand::String(_) | Operand::Number(_), _) => {
            Err("a string is compared with a number, which is an error in Ruby".to_owned())
        }
    }
}

/// A property whose text is a string.
fn as_string(name: &str, value: &str) -> Tree {
    let mut values = vec![Tree::String(value.to_owned())];
    match serde_json::from_str(value) {
        Ok(Tree::Number(number)) if number.to_string() == value => values.push(Tree::Number(number)),
        Ok(Tree::Bool(found)) => values.push(Tree::Bool(found)),
        _ => (),
    }
    let equal = attribute(name, "in", Tree::List(values));
    // nil is the empty string.
    if value.is_empty() { or([equal, attribute(name, "exists", Tree::Bool(false))]) } else { equal }
}

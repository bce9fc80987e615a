//! Builds the configs of activations.

use novi_files::Tree;
use serde_json::Number;

/// The attribute that identifies callers if a config does not name one.
pub(crate) const DEFAULT_KEY: &str = "targetingKey";

pub(crate) fn text(value: impl Into<String>) -> Tree {
    Tree::String(value.into())
}

pub(crate) fn texts<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Tree {
    Tree::List(values.into_iter().map(text).collect())
}

/// A number; an integer, if it has no fraction.
pub(crate) fn number(value: f64) -> Tree {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "an integer of less than 54 bits")]
        return Tree::Number((value as i64).into());
    }
    Number::from_f64(value).map_or(Tree::Null, Tree::Number)
}

pub(crate) fn fields<N: Into<String>>(fields: impl IntoIterator<Item = (N, Tree)>) -> Tree {
    Tree::Fields(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// An activation within a config, or one of a flag.
pub(crate) fn inline(class_name: &str, config: Tree) -> Tree {
    fields([("class_name", text(class_name)), ("config", config)])
}

/// Always on: all of no conditions. Always off: one of no conditions.
pub(crate) fn always(is_on: bool) -> Tree {
    inline(if is_on { "novi.and" } else { "novi.or" }, Tree::List(Vec::new()))
}

/// Whether a condition is [`always`] on or off.
pub(crate) fn constant(condition: &Tree) -> Option<bool> {
    [true, false].into_iter().find(|is_on| *condition == always(*is_on))
}

pub(crate) fn and(conditions: impl IntoIterator<Item = Tree>) -> Tree {
    joined("novi.and", true, conditions)
}

pub(crate) fn or(conditions: impl IntoIterator<Item = Tree>) -> Tree {
    joined("novi.or", false, conditions)
}

/// Conditions joined by a type, without those that are always `neutral`.
fn joined(class_name: &str, neutral: bool, conditions: impl IntoIterator<Item = Tree>) -> Tree {
    let mut left = Vec::new();
    for condition in conditions {
        match constant(&condition) {
            Some(is_on) if is_on == neutral => (),
            Some(is_on) => return always(is_on),
            None => left.push(condition),
        }
    }
    match left.len() {
        0 => always(neutral),
        1 => left.remove(0),
        _ => inline(class_name, Tree::List(left)),
    }
}

pub(crate) fn not(condition: Tree) -> Tree {
    match constant(&condition) {
        Some(is_on) => always(!is_on),
        None => inline("novi.not", Tree::List(vec![condition])),
    }
}

pub(crate) fn attribute(name: &str, operator: &str, operand: Tree) -> Tree {
    inline("novi.attribute", fields([("attribute", text(name)), (operator, operand)]))
}

pub(crate) fn expression(expression: impl Into<String>) -> Tree {
    inline("novi.expression", fields([("expression", text(expression))]))
}

/// A string of the expression language.
pub(crate) fn quoted(text: &str) -> String {
    // JSON's escapes are among those of CEL.
    Tree::String(text.to_owned()).to_json()
}

/// What a rule assigns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    Off,
    On,
    Variant(String),
    /// An activation.
    Then(Tree),
}

impl Given {
    fn field(self) -> (&'static str, Tree) {
        match self {
            Self::Off => ("on", Tree::Bool(false)),
            Self::On => ("on", Tree::Bool(true)),
            Self::Variant(name) => ("variant", text(name)),
            Self::Then(activation) => ("then", activation),
        }
    }

    /// As an activation.
    pub(crate) fn activation(self) -> Tree {
        match self {
            Self::Off => always(false),
            Self::On => always(true),
            Self::Variant(name) => inline("novi.static", fields([("variant", text(name))])),
            Self::Then(activation) => activation,
        }
    }

    /// As the result of a rule or a case.
    pub(crate) fn result(self) -> Tree {
        fields([self.field()])
    }
}

/// What the first rule assigns whose condition is on, or else what falls through.
pub(crate) fn rules(rules: Vec<(Tree, Given)>, fallthrough: Given) -> Given {
    let mut left = Vec::new();
    let mut fallthrough = fallthrough;
    for (when, given) in rules {
        match constant(&when) {
            Some(false) => (),
            Some(true) => {
                fallthrough = given;
                break;
            }
            None => left.push((when, given)),
        }
    }
    // Rules at the end that assign what falls through anyway.
    while left.last().is_some_and(|(_, given)| *given == fallthrough) {
        left.pop();
    }
    match left.as_slice() {
        [] => return fallthrough,
        [(when, Given::On)] if fallthrough == Given::Off => return Given::Then(when.clone()),
        [(when, Given::Off)] if fallthrough == Given::On => return Given::Then(not(when.clone())),
        _ => (),
    }
    let rule = |(when, given): (Tree, Given)| {
        // A condition with variants of its own, such as a split, assigns them.
        let result = (given != Given::Then(when.clone())).then(|| given.field());
        fields([("when", when)].into_iter().chain(result))
    };
    let list = Tree::List(left.into_iter().map(rule).collect());
    let mut config = vec![("rules", list)];
    if fallthrough != Given::Off {
        config.push(("fallthrough", fallthrough.result()));
    }
    Given::Then(inline("novi.rules", fields(config)))
}

//! The types of columns that are not declared, by what their attributes are compared with.

use std::collections::BTreeMap;

use novi::{
    activation::sql::{Expression, Node, Test, VariantExpression, VariantNode},
    context::Value,
};

use crate::columns::ColumnType;

/// What an attribute is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "an attribute can be compared with several types")]
pub(crate) struct Uses {
    text: bool,
    number: bool,
    boolean: bool,
    time: bool,
    key: bool,
}

impl Uses {
    /// The only type that the column can have, or what it is compared with.
    pub(crate) fn column_type(self) -> Result<ColumnType, String> {
        let Self { text, number, boolean, time, key } = self;
        match (text, number, boolean, time, key) {
            (false, false, false, false, false) => Ok(ColumnType::Any),
            (false, false, false, false, true) => Ok(ColumnType::Key),
            (true, false, false, false, _) => Ok(ColumnType::Text),
            (false, true, false, false, false) => Ok(ColumnType::Number),
            (false, false, true, false, false) => Ok(ColumnType::Boolean),
            _ => Err(self.words()),
        }
    }

    fn words(self) -> String {
        let Self { text, number, boolean, time, key } = self;
        let words =
            [(text, "strings"), (number, "numbers"), (boolean, "booleans"), (time, "times"), (key, "keys")];
        let words: Vec<&str> = words.iter().filter(|(is_used, _)| *is_used).map(|(_, word)| *word).collect();
        words.join(" and ")
    }
}

/// The uses of each attribute.
#[derive(Debug, Default)]
pub(crate) struct Attributes(pub(crate) BTreeMap<String, Uses>);

impl Attributes {
    /// Adds those of a condition.
    pub(crate) fn add(&mut self, expression: &Expression) {
        match expression.node() {
            Node::Constant(_) | Node::Clock(..) | Node::Week(_) => {}
            Node::All(list) | Node::Any(list) | Node::AtLeast(_, list) => {
                for one in list {
                    self.add(one);
                }
            }
            Node::Not(inner) | Node::Of(_, inner) => self.add(inner),
            Node::Choose(cases, otherwise) => {
                for (when, then) in cases {
                    self.add(when);
                    self.add(then);
                }
                self.add(otherwise);
            }
            Node::Attribute(name, test) => self.add_test(name, test),
            Node::Member(key, _) | Node::Remembered(key, ..) => self.add_key(&key.0),
            Node::Draw(draw, _) | Node::Rising(draw, _) => self.add_key(&draw.key.0),
        }
    }

    /// Adds those of a variant.
    pub(crate) fn add_variant(&mut self, variant: &VariantExpression) {
        match variant.node() {
            VariantNode::Constant(_) => {}
            VariantNode::Case(cases) => {
                for (when, then) in cases {
                    self.add(when);
                    self.add_variant(then);
                }
            }
            VariantNode::First(list) => {
                for one in list {
                    self.add_variant(one);
                }
            }
        }
    }

    fn uses(&mut self, name: &str) -> &mut Uses {
        self.0.entry(name.to_owned()).or_default()
    }

    fn add_key(&mut self, names: &[String]) {
        for name in names {
            self.uses(name).key = true;
        }
    }

    fn add_test(&mut self, name: &str, test: &Test) {
        let uses = self.uses(name);
        match test {
            Test::Exists | Test::NotEmpty => {}
            Test::OneOf(values, _) | Test::NoneOf(values, _) => {
                for value in values {
                    match value {
                        Value::Str(_) => uses.text = true,
                        Value::Bool(_) => uses.boolean = true,
                        _ => uses.number = true,
                    }
                }
            }
            Test::Part(..) => uses.text = true,
            Test::Number(..) => uses.number = true,
            Test::Before(_) | Test::After(_) => uses.time = true,
        }
    }
}

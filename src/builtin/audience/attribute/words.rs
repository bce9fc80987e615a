//! The config of a row in words.

use crate::{
    activation::{phrase::alternatives, value_text},
    builtin::audience::{
        attribute::{config::Config, operand_kind::Operand},
        phrasing::value_words,
    },
    context::value::Value,
};

impl Config {
    /// What the row requires: "age is at least 18 and less than 120".
    pub(super) fn words(&self) -> String {
        let name = self.attribute.0.as_ref().map_or_else(|| "an attribute".to_owned(), value_words);
        let case = matches!(self.ignore_case.0, Some(Value::Bool(true)));
        let mut tests: Vec<String> = self.operators().into_iter().filter_map(Operator::words).collect();
        match &self.exists.0 {
            Some(Value::Bool(false)) => tests.push("is missing".to_owned()),
            Some(_) => tests.push("is present".to_owned()),
            None => {}
        }
        if tests.is_empty() {
            tests.push("matches".to_owned());
        }
        let case = if case { " (ignoring case)" } else { "" };
        format!("{name} {}{case}", tests.join(" and "))
    }

    fn operators(&self) -> [Operator<'_>; 18] {
        let operator = |before, noun, operand| Operator { before, noun, operand };
        [
            operator("is ", "values", &self.equals),
            operator("is not ", "values", &self.not_equals),
            operator("is ", "values", &self.one_of),
            operator("is not ", "values", &self.not_in),
            operator("contains ", "parts", &self.contains),
            operator("starts with ", "parts", &self.starts_with),
            operator("ends with ", "parts", &self.ends_with),
            operator("matches ", "patterns", &self.regex),
            operator("is greater than ", "numbers", &self.greater),
            operator("is at least ", "numbers", &self.greater_or_equal),
            operator("is less than ", "numbers", &self.less),
            operator("is at most ", "numbers", &self.less_or_equal),
            operator("is after ", "times", &self.after),
            operator("is before ", "times", &self.before),
            operator("is a version ", "versions", &self.semver),
            operator("is a semver version ", "versions", &self.semver_strict),
            operator("is a version in GrowthBook's order ", "versions", &self.growthbook_version),
            operator("is in the network ", "networks", &self.in_cidr),
        ]
    }
}

/// An operator with the words before its operand.
struct Operator<'a> {
    before: &'static str,
    /// What the items of a long list are called.
    noun: &'static str,
    operand: &'a Operand,
}

impl Operator<'_> {
    fn words(self) -> Option<String> {
        let text = match self.operand.0.as_ref()? {
            Value::List(list) => alternatives(self.noun, list.iter().map(value_words)),
            Value::Str(text) if self.noun == "versions" => text.chars().take(40).collect(),
            Value::Str(text) if self.noun == "patterns" => {
                format!("`{}`", value_text(text).trim_matches('"'))
            }
            value => value_words(value),
        };
        Some(format!("{}{text}", self.before))
    }
}

//! Reads operands, and reports their problems.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use novi_match::{
    network::parse as parse_network,
    padded_version::PaddedRequirement,
    pattern::Pattern,
    version::{Requirement, is_strict},
};

use crate::{
    activation::{CompileContext, Problem},
    builtin::audience::{
        attribute::{instant, number::Number, operand_kind::Operand, path::Path, values::Values},
        case_fold::Case,
        network::{self, Networks},
        phrasing,
    },
    context::value::Value,
    error::suggest::most_similar,
};

/// The operators.
pub(super) const OPERATORS: [&str; 19] = [
    "equals",
    "not_equals",
    "in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "regex",
    "less",
    "less_or_equal",
    "greater",
    "greater_or_equal",
    "before",
    "after",
    "semver",
    "semver_strict",
    "growthbook_version",
    "in_cidr",
    "exists",
];

/// The most invalid values of a list, and the most unknown fields, that are reported.
const MAX_REPORTED: usize = 8;

const STRING: &str = "a string";
const SCALAR: &str = "a string, a number or a boolean";

/// Reads the fields of one row.
pub(super) struct Reader<'r, 'c> {
    row: &'r mut CompileContext<'c>,
    /// The number of operators, valid or not.
    operators: usize,
    /// Whether there are unknown fields that are not ignored, one of which may be a misspelled operator.
    has_unknown: bool,
}

impl<'r, 'c> Reader<'r, 'c> {
    pub(super) fn new(row: &'r mut CompileContext<'c>) -> Self {
        Self { row, operators: 0, has_unknown: false }
    }

    /// Reports unknown fields.
    pub(super) fn unknown<'f>(&mut self, fields: impl ExactSizeIterator<Item = &'f String>) {
        let known = || ["attribute", "ignore_case"].into_iter().chain(OPERATORS);
        let left_out = fields.len().saturating_sub(MAX_REPORTED);
        for field in fields.take(MAX_REPORTED) {
            let similar = most_similar(field, known());
            let similar = similar.map_or_else(|| ",".to_owned(), |name| format!("; did you mean `{name}`?"));
            let known = known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("unknown field{similar} expected one of {known}");
            self.has_unknown |= !self.row.unknown_field(Problem { path: format!("config.{field}"), message });
        }
        if left_out > 0 {
            let message = format!("{left_out} more unknown fields");
            self.row.unknown_field(Problem { path: "config".to_owned(), message });
        }
    }

    /// The name of the attribute.
    pub(super) fn name(&mut self, field: &str, operand: Operand) -> Path {
        match operand.0 {
            Some(Value::Str(name)) if !name.is_empty() => Path::new(&name),
            Some(value) => self.problem(field, "the name of an attribute", phrasing::found(&value)),
            None => self.problem(field, "the name of an attribute", "found nothing"),
        }
    }

    /// Whether case matters.
    pub(super) fn case(&mut self, field: &str, operand: Operand, has_strings: bool) -> Case {
        match operand.0 {
            None | Some(Value::Bool(false)) => Case::Exact,
            Some(Value::Bool(true)) if has_strings => Case::Ignored,
            Some(Value::Bool(true)) => {
                self.problem(field, "an operator for strings in the same row", "found none")
            }
            Some(value) => self.problem(field, "true or false", phrasing::found(&value)),
        }
    }

    /// One value to equal.
    pub(super) fn value(&mut self, field: &str, operand: Operand, case: Case) -> Option<Values> {
        let value = self.operator(operand)?;
        if is_scalar(&value) {
            // A single string is below the limit for lists.
            return Values::new(&[value], case).ok();
        }
        let hint = if matches!(value, Value::List(_)) { " (`in` and `not_in` take lists)" } else { "" };
        self.problem(field, SCALAR, phrasing::found(&value) + hint)
    }

    /// A list of values to equal.
    pub(super) fn values(&mut self, field: &str, operand: Operand, case: Case) -> Option<Values> {
        let list = match self.operator(operand)? {
            Value::List(list) => list,
            value => return self.problem(field, "a list", phrasing::found(&value)),
        };
        self.each(field, &list, SCALAR, |value| is_scalar(value).then_some(()))?;
        match Values::new(&list, case) {
            Ok(values) => Some(values),
            Err(_) => self.problem(field, "strings of at most 4 GiB in total", "found more"),
        }
    }

    /// One string or several.
    pub(super) fn strings(&mut self, field: &str, operand: Operand) -> Option<Vec<Box<str>>> {
        match self.operator(operand)? {
            Value::Str(text) => Some(vec![text.into()]),
            Value::List(list) => self.each(field, &list, STRING, |value| value.as_str().map(Box::from)),
            value => self.problem(field, "a string or a list of strings", phrasing::found(&value)),
        }
    }

    pub(super) fn pattern(&mut self, field: &str, operand: Operand, case: Case) -> Option<Pattern> {
        let source = self.string(field, operand, "a regular expression")?;
        let pattern = Pattern::new(&source, case == Case::Ignored);
        pattern.map_err(|message| self.row.problem(&format!(".{field}"), message)).ok()
    }

    pub(super) fn number(&mut self, field: &str, operand: Operand) -> Option<Number> {
        let value = self.operator(operand)?;
        Number::from_value(&value).or_else(|| self.problem(field, "a number", phrasing::found(&value)))
    }

    pub(super) fn instant(&mut self, field: &str, operand: Operand) -> Option<DateTime<Utc>> {
        let expected = "a date like \"2026-11-20\" or a time like \"2026-11-20T09:30:00Z\"";
        let text = self.string(field, operand, expected)?;
        instant::parse(&text).or_else(|| self.problem(field, expected, phrasing::found(&Value::from(text))))
    }

    pub(super) fn version(&mut self, field: &str, operand: Operand) -> Option<Requirement> {
        let expected = "a version like \">=1.2.3\", with = > < >= <= ~ ^ or nothing before it, or several \
                        separated by commas";
        let text = self.string(field, operand, expected)?;
        Requirement::parse(&text)
            .or_else(|| self.problem(field, expected, phrasing::found(&Value::from(text))))
    }

    pub(super) fn strict_version(&mut self, field: &str, operand: Operand) -> Option<Requirement> {
        let expected = "a version like \">=1.2.3\", with three numbers as in semver 2.0, or several separated by \
                        commas";
        let text = self.string(field, operand, expected)?;
        Requirement::parse(&text)
            .filter(|requirement| requirement.versions().all(is_strict))
            .or_else(|| self.problem(field, expected, phrasing::found(&Value::from(text))))
    }

    /// Any text is a version.
    pub(super) fn padded_version(&mut self, field: &str, operand: Operand) -> Option<PaddedRequirement> {
        let expected = "a version like \">=1.2.3\", with = > < >= <= or nothing before it";
        self.string(field, operand, expected).map(|text| PaddedRequirement::parse(&text))
    }

    pub(super) fn networks(&mut self, field: &str, operand: Operand) -> Option<Networks> {
        let parse = |value: &Value<'_>| {
            let text = value.as_str()?;
            Some((Box::from(text), parse_network(text)?))
        };
        let read = match self.operator(operand)? {
            Value::List(list) => self.each(field, &list, network::EXPECTED, parse)?,
            value => match parse(&value) {
                Some(one) => vec![one],
                None => return self.problem(field, network::EXPECTED, phrasing::found(&value)),
            },
        };
        let (texts, networks): (_, Vec<_>) = read.into_iter().unzip();
        Some(Networks::new(texts, &networks))
    }

    pub(super) fn exists(&mut self, field: &str, operand: Operand) -> Option<bool> {
        match self.operator(operand)? {
            Value::Bool(false) if self.operators > 1 => {
                self.problem(field, "true, or no other operator", "found false and other operators")
            }
            Value::Bool(wanted) => Some(wanted),
            value => self.problem(field, "true or false", phrasing::found(&value)),
        }
    }

    /// Reports a row without operators.
    pub(super) fn finish(self) {
        if self.operators == 0 && !self.has_unknown {
            let message = format!("expected at least one operator of {}", OPERATORS.join(", "));
            self.row.problem("", message);
        }
    }

    /// The value of an operator, if the row has it.
    fn operator(&mut self, operand: Operand) -> Option<Value<'static>> {
        self.operators += usize::from(operand.0.is_some());
        operand.0
    }

    fn string(&mut self, field: &str, operand: Operand, expected: &str) -> Option<String> {
        match self.operator(operand)? {
            Value::Str(text) => Some(text.into_owned()),
            value => self.problem(field, expected, phrasing::found(&value)),
        }
    }

    /// Reads each value of a list. Returns `None` after reporting invalid values.
    fn each<T>(
        &mut self,
        field: &str,
        list: &[Value<'_>],
        expected: &str,
        read: impl Fn(&Value<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let valid: Vec<T> = list.iter().filter_map(&read).collect();
        let invalid = list.len() - valid.len();
        if invalid == 0 {
            return Some(valid);
        }
        let those = list.iter().enumerate().filter(|(_, value)| read(value).is_none());
        for (index, value) in those.take(MAX_REPORTED) {
            self.problem::<()>(&format!("{field}[{index}]"), expected, phrasing::found(value));
        }
        if invalid > MAX_REPORTED {
            self.problem::<()>(
                field,
                expected,
                format!("found {} more that are not", invalid - MAX_REPORTED),
            );
        }
        None
    }

    /// Reports a problem of a field, and returns a default.
    fn problem<T: Default>(&mut self, field: &str, expected: &str, found: impl Display) -> T {
        self.row.problem(&format!(".{field}"), format!("expected {expected}, {found}"));
        T::default()
    }
}

fn is_scalar(value: &Value<'_>) -> bool {
    value.as_str().is_some() || matches!(value, Value::Bool(_)) || Number::from_value(value).is_some()
}

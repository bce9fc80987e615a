//! Reads operands, and notes what is wrong with them.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use novi_match::{network::parse as parse_network, pattern::Pattern, version::Requirement};

use crate::{
    activation::Compile,
    builtin::audience::{
        attribute::{config::Operand, instant, number::Number, path::Path, values::Values},
        case_fold::Case,
        network::{self, Networks},
        phrasing as words,
    },
    context::value::Value,
    error::suggest::most_similar,
};

/// The fields that ask something of the attribute.
pub(super) const OPERATORS: [&str; 17] = [
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
    "in_cidr",
    "exists",
];

/// Of the values of a list, and of unknown fields, so many are told if they are wrong. A list may have a million, and
/// whoever mistook its type need not be told of each.
const MOST: usize = 8;

const TEXT: &str = "a text";
const SCALAR: &str = "a text, a number or a truth value";

/// Reads the fields of one row.
pub(super) struct Reader<'r, 'c> {
    row: &'r mut Compile<'c>,
    /// How many operators there were, sound or not.
    operators: usize,
    /// Whether there were fields that mean nothing, one of which may have been meant for an operator.
    has_unknown: bool,
}

impl<'r, 'c> Reader<'r, 'c> {
    pub(super) fn new(row: &'r mut Compile<'c>) -> Self {
        Self { row, operators: 0, has_unknown: false }
    }

    /// Notes fields that mean nothing.
    pub(super) fn unknown<'f>(&mut self, fields: impl ExactSizeIterator<Item = &'f String>) {
        let known = || ["attribute", "ignore_case"].into_iter().chain(OPERATORS);
        self.has_unknown = fields.len() > 0;
        let left_out = fields.len().saturating_sub(MOST);
        for field in fields.take(MOST) {
            let similar = most_similar(field, known());
            let similar = similar.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
            let known = known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            self.row
                .problem(&format!(".{field}"), format!("unknown field{similar}, expected one of {known}"));
        }
        if left_out > 0 {
            self.row.problem("", format!("{left_out} more unknown fields"));
        }
    }

    /// The name of the attribute.
    pub(super) fn name(&mut self, field: &str, operand: Operand) -> Path {
        match operand.0 {
            Some(Value::Str(name)) if !name.is_empty() => Path::new(&name),
            Some(value) => self.wrong(field, "the name of an attribute", words::found(&value)),
            None => self.wrong(field, "the name of an attribute", "found nothing"),
        }
    }

    /// Whether case counts.
    pub(super) fn case(&mut self, field: &str, operand: Operand, has_texts: bool) -> Case {
        match operand.0 {
            None | Some(Value::Bool(false)) => Case::Exact,
            Some(Value::Bool(true)) if has_texts => Case::Ignored,
            Some(Value::Bool(true)) => {
                self.wrong(field, "an operator that compares texts beside it", "found none")
            }
            Some(value) => self.wrong(field, "true or false", words::found(&value)),
        }
    }

    /// One value to equal.
    pub(super) fn value(&mut self, field: &str, operand: Operand, case: Case) -> Option<Values> {
        let value = self.operator(operand)?;
        if is_scalar(&value) {
            // One text of 4 GiB is not too large: the limit is for lists.
            return Values::new(&[value], case).ok();
        }
        let hint = if matches!(value, Value::List(_)) { " (`in` and `not_in` take lists)" } else { "" };
        self.wrong(field, SCALAR, words::found(&value) + hint)
    }

    /// A list of values to equal.
    pub(super) fn values(&mut self, field: &str, operand: Operand, case: Case) -> Option<Values> {
        let list = match self.operator(operand)? {
            Value::List(list) => list,
            value => return self.wrong(field, "a list", words::found(&value)),
        };
        self.each(field, &list, SCALAR, |value| is_scalar(value).then_some(()))?;
        match Values::new(&list, case) {
            Ok(values) => Some(values),
            Err(_) => self.wrong(field, "texts of at most 4 GiB together", "found more"),
        }
    }

    /// One text or several.
    pub(super) fn texts(&mut self, field: &str, operand: Operand) -> Option<Vec<Box<str>>> {
        match self.operator(operand)? {
            Value::Str(text) => Some(vec![text.into()]),
            Value::List(list) => self.each(field, &list, TEXT, |value| value.as_str().map(Box::from)),
            value => self.wrong(field, "a text or a list of texts", words::found(&value)),
        }
    }

    pub(super) fn pattern(&mut self, field: &str, operand: Operand, case: Case) -> Option<Pattern> {
        let source = self.text(field, operand, "a regular expression")?;
        let pattern = Pattern::new(&source, case == Case::Ignored);
        pattern.map_err(|message| self.row.problem(&format!(".{field}"), message)).ok()
    }

    pub(super) fn number(&mut self, field: &str, operand: Operand) -> Option<Number> {
        let value = self.operator(operand)?;
        Number::of(&value).or_else(|| self.wrong(field, "a number", words::found(&value)))
    }

    pub(super) fn instant(&mut self, field: &str, operand: Operand) -> Option<DateTime<Utc>> {
        let expected = "a date like \"2026-11-20\" or a time like \"2026-11-20T09:30:00Z\"";
        let text = self.text(field, operand, expected)?;
        instant::read(&text).or_else(|| self.wrong(field, expected, words::found(&Value::from(text))))
    }

    pub(super) fn version(&mut self, field: &str, operand: Operand) -> Option<Requirement> {
        let expected = "a version like \">=1.2.3\", with = > < >= <= ~ ^ or nothing before it, or several with \
                        commas between them";
        let text = self.text(field, operand, expected)?;
        Requirement::parse(&text).or_else(|| self.wrong(field, expected, words::found(&Value::from(text))))
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
                None => return self.wrong(field, network::EXPECTED, words::found(&value)),
            },
        };
        let (texts, networks): (_, Vec<_>) = read.into_iter().unzip();
        Some(Networks::new(texts, &networks))
    }

    pub(super) fn exists(&mut self, field: &str, operand: Operand) -> Option<bool> {
        match self.operator(operand)? {
            Value::Bool(false) if self.operators > 1 => {
                self.wrong(field, "true, or no other operator", "found false beside others")
            }
            Value::Bool(wanted) => Some(wanted),
            value => self.wrong(field, "true or false", words::found(&value)),
        }
    }

    /// Notes what is wrong with the row as a whole.
    pub(super) fn finish(self) {
        if self.operators == 0 && !self.has_unknown {
            let message = format!("expected at least one operator, which are: {}", OPERATORS.join(", "));
            self.row.problem("", message);
        }
    }

    /// What an operator holds, if the row has it.
    fn operator(&mut self, operand: Operand) -> Option<Value<'static>> {
        self.operators += usize::from(operand.0.is_some());
        operand.0
    }

    fn text(&mut self, field: &str, operand: Operand, expected: &str) -> Option<String> {
        match self.operator(operand)? {
            Value::Str(text) => Some(text.into_owned()),
            value => self.wrong(field, expected, words::found(&value)),
        }
    }

    /// Reads each value of a list; nothing if one is wrong.
    fn each<T>(
        &mut self,
        field: &str,
        list: &[Value<'_>],
        expected: &str,
        read: impl Fn(&Value<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let sound: Vec<T> = list.iter().filter_map(&read).collect();
        let wrong = list.len() - sound.len();
        if wrong == 0 {
            return Some(sound);
        }
        let those = list.iter().enumerate().filter(|(_, value)| read(value).is_none());
        for (index, value) in those.take(MOST) {
            self.wrong::<()>(&format!("{field}[{index}]"), expected, words::found(value));
        }
        if wrong > MOST {
            self.wrong::<()>(field, expected, format!("found {} more that are none", wrong - MOST));
        }
        None
    }

    /// Notes what is wrong with a field, and gives what stands in for it.
    fn wrong<T: Default>(&mut self, field: &str, expected: &str, found: impl Display) -> T {
        self.row.problem(&format!(".{field}"), format!("expected {expected}, {found}"));
        T::default()
    }
}

fn is_scalar(value: &Value<'_>) -> bool {
    value.as_str().is_some() || matches!(value, Value::Bool(_)) || Number::of(value).is_some()
}

//! The config of a row as SQL.

use crate::{
    activation::sql::{Bound, Condition, Expression, SqlContext, Test, TextPlace},
    builtin::audience::attribute::{config::Config, instant, operand_kind::Operand},
    context::value::Value,
};

impl Config {
    /// The condition of a valid row.
    pub(super) fn to_sql(&self, sql: &mut SqlContext<'_>) -> Condition {
        let Some(name) = self.attribute.0.as_ref().and_then(Value::as_str) else {
            return sql.refuse(".attribute", "the name is invalid");
        };
        let (mut tests, ignores_case) = (Vec::new(), matches!(self.ignore_case.0, Some(Value::Bool(true))));
        tests.extend(self.texts_to_sql(ignores_case, sql));
        for (bound, operand) in [
            (Bound::Less, &self.less),
            (Bound::LessOrEqual, &self.less_or_equal),
            (Bound::Greater, &self.greater),
            (Bound::GreaterOrEqual, &self.greater_or_equal),
        ] {
            tests.extend(operand.0.clone().map(|number| Test::Number(bound, number)));
        }
        let time = |operand: &Operand| operand.0.as_ref().and_then(Value::as_str).and_then(instant::parse);
        tests.extend(time(&self.before).map(Test::Before));
        tests.extend(time(&self.after).map(Test::After));
        for (field, what, operand) in [
            (
                "regex",
                "regular expressions differ between databases; use `starts_with`, `contains` or `in`",
                &self.regex,
            ),
            ("semver", "databases do not order versions", &self.semver),
            ("semver_strict", "databases do not order versions", &self.semver_strict),
            ("growthbook_version", "databases do not order versions", &self.growthbook_version),
            ("in_cidr", "databases do not compare networks alike", &self.in_cidr),
        ] {
            if operand.is_present() {
                sql.refuse(
                    &format!(".{field}"),
                    format!("{what}; or evaluate the flag with `novi audience`"),
                );
            }
        }
        let exists = match &self.exists.0 {
            None => Expression::always(true),
            Some(Value::Bool(false)) => return Expression::attribute(name, Test::Exists).negated().into(),
            Some(_) => Expression::attribute(name, Test::Exists),
        };
        let tests = tests.into_iter().map(|test| Expression::attribute(name, test));
        Expression::all(tests.chain([exists])).into()
    }

    /// The tests of strings and of equality.
    fn texts_to_sql(&self, ignores_case: bool, sql: &mut SqlContext<'_>) -> Vec<Test> {
        let mut tests = Vec::new();
        for (field, operand, is_in) in [
            ("equals", &self.equals, true),
            ("in", &self.one_of, true),
            ("not_equals", &self.not_equals, false),
            ("not_in", &self.not_in, false),
        ] {
            let Some(values) = values(operand) else { continue };
            if ignores_case {
                refuse_letters(field, &values, sql);
            }
            let new = if is_in { Test::OneOf } else { Test::NoneOf };
            tests.push(new(values, ignores_case));
        }
        for (field, operand, place) in [
            ("contains", &self.contains, TextPlace::Anywhere),
            ("starts_with", &self.starts_with, TextPlace::Start),
            ("ends_with", &self.ends_with, TextPlace::End),
        ] {
            let Some(values) = values(operand) else { continue };
            if ignores_case {
                refuse_letters(field, &values, sql);
            }
            let parts = values.iter().filter_map(|value| value.as_str().map(str::to_owned));
            tests.push(Test::Part(place, parts.collect(), ignores_case));
        }
        tests
    }
}

/// One value, or those of a list.
fn values(operand: &Operand) -> Option<Vec<Value<'static>>> {
    match operand.0.clone()? {
        Value::List(list) => Some(list),
        value => Some(vec![value]),
    }
}

/// Refuses letters whose case databases ignore in different ways.
fn refuse_letters(field: &str, values: &[Value<'static>], sql: &mut SqlContext<'_>) {
    if let Some(text) = values.iter().filter_map(Value::as_str).find(|text| !text.is_ascii()) {
        let message = format!(
            "with `ignore_case`, databases agree on the letters A to Z only, found {text:?}; list each spelling instead"
        );
        sql.refuse(&format!(".{field}"), message);
    }
}

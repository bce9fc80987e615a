//! Numbers, compared by value.

use novi::{activation::sql::Bound, builtin::Number, context::Value};

use super::{Operand, Writer};
use crate::{columns::ColumnType, dialect::Dialect};

/// Up to this number, all whole numbers are exact as a double.
const EXACT: u128 = 1 << 53;

fn sql(number: Number) -> String {
    match number {
        Number::Whole(number) => number.to_string(),
        // With an exponent it is a double where decimals are another type.
        Number::Float(number) => format!("{number:e}"),
    }
}

/// A number of the static context.
pub(super) fn literal(value: &Value<'_>) -> Option<String> {
    Number::from_value(value).map(sql)
}

impl Writer<'_> {
    /// The number as it is compared with a column of fractions. `None` after refusing one that doubles do not
    /// have.
    fn exact(&mut self, number: Number) -> Option<String> {
        if let Number::Whole(whole) = number
            && whole.unsigned_abs() > EXACT
        {
            self.refuse(
                "",
                format!("{whole} is not exact as a double; declare the column as an integer, with --columns"),
            );
            return None;
        }
        Some(sql(number))
    }

    /// Whether a number is in a list, or is not. The list has numbers.
    pub(super) fn numbers(&mut self, operand: &Operand, numbers: &[Number], is_in: bool) -> String {
        let is_whole = operand.kind == ColumnType::Integer;
        let mut list = Vec::new();
        for number in numbers {
            match number {
                Number::Float(_) if is_whole => {}
                number if is_whole => list.push(sql(*number)),
                number => list.extend(self.exact(*number)),
            }
        }
        let sql = &operand.sql;
        if list.is_empty() {
            return if is_in { "false".to_owned() } else { self.is_number(operand) };
        }
        let list = list.join(", ");
        let word = if is_in { "in" } else { "not in" };
        self.guarded(&["integer", "real"], sql, &format!("{sql} {word} ({list})"))
    }

    fn is_number(&self, operand: &Operand) -> String {
        let sql = &operand.sql;
        match self.dialect() {
            Dialect::Sqlite => format!("typeof({sql}) in ('integer', 'real')"),
            _ => format!("{sql} is not null"),
        }
    }

    /// Whether a number is within a bound.
    pub(super) fn bound(&mut self, operand: &Operand, bound: Bound, number: Number) -> String {
        let (bound, limit) = match number {
            Number::Float(fraction) if operand.kind == ColumnType::Integer => match whole(bound, fraction) {
                Ok(whole) => whole,
                Err(true) => return self.is_number(operand),
                Err(false) => return "false".to_owned(),
            },
            Number::Whole(whole) if operand.kind == ColumnType::Integer => (bound, whole.to_string()),
            number => match self.exact(number) {
                Some(limit) => (bound, limit),
                None => return String::new(),
            },
        };
        let word = match bound {
            Bound::Less => "<",
            Bound::LessOrEqual => "<=",
            Bound::Greater => ">",
            Bound::GreaterOrEqual => ">=",
        };
        let sql = &operand.sql;
        let mut test = format!("{sql} {word} {limit}");
        let is_above = matches!(bound, Bound::Greater | Bound::GreaterOrEqual);
        // NaN, which is above all numbers in these databases, and nowhere in an evaluation.
        if is_above
            && operand.kind == ColumnType::Number
            && matches!(self.dialect(), Dialect::Postgres | Dialect::DuckDb)
        {
            test = format!("{test} and cast({sql} as double precision) <> 'NaN'");
        }
        self.guarded(&["integer", "real"], sql, &test)
    }
}

/// The bound of whole numbers that is as good as one at a fraction; or whether all are within it, or none is.
#[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
fn whole(bound: Bound, fraction: f64) -> Result<(Bound, String), bool> {
    let is_below = matches!(bound, Bound::Less | Bound::LessOrEqual);
    // Numbers without a fraction are outside of `i128`.
    if fraction.fract() == 0.0 || !fraction.is_finite() {
        return Err((fraction > 0.0) == is_below);
    }
    let limit = if is_below { fraction.floor() } else { fraction.ceil() };
    let bound = if is_below { Bound::LessOrEqual } else { Bound::GreaterOrEqual };
    Ok((bound, (limit as i128).to_string()))
}

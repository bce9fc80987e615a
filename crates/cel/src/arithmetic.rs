//! The operators `+`, `-`, `*`, `/` and `%`.

use crate::{ast::Arithmetic, convert::instant, duration, error::ErrorKind, value::Value};

/// Applies an operator to two values of a fixed size; strings and lists are handled by the evaluation, which
/// limits them.
pub(crate) fn apply(
    operator: Arithmetic,
    one: &Value<'_>,
    other: &Value<'_>,
) -> Result<Value<'static>, ErrorKind> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => int(operator, *one, *other).map(Value::Int),
        (Value::UInt(one), Value::UInt(other)) => uint(operator, *one, *other).map(Value::UInt),
        (Value::Double(one), Value::Double(other)) => float(operator, *one, *other).map(Value::Double),
        _ => time(operator, one, other),
    }
}

macro_rules! integer {
    ($name:ident, $number:ty) => {
        fn $name(operator: Arithmetic, one: $number, other: $number) -> Result<$number, ErrorKind> {
            let result = match operator {
                Arithmetic::Add => one.checked_add(other),
                Arithmetic::Subtract => one.checked_sub(other),
                Arithmetic::Multiply => one.checked_mul(other),
                Arithmetic::Divide | Arithmetic::Remainder if other == 0 => {
                    return Err(ErrorKind::DivisionByZero)
                }
                Arithmetic::Divide => one.checked_div(other),
                Arithmetic::Remainder => one.checked_rem(other),
            };
            result.ok_or(ErrorKind::Range)
        }
    };
}
integer!(int, i64);
integer!(uint, u64);

fn float(operator: Arithmetic, one: f64, other: f64) -> Result<f64, ErrorKind> {
    Ok(match operator {
        Arithmetic::Add => one + other,
        Arithmetic::Subtract => one - other,
        Arithmetic::Multiply => one * other,
        Arithmetic::Divide => one / other,
        Arithmetic::Remainder => return Err(ErrorKind::Type),
    })
}

fn time(operator: Arithmetic, one: &Value<'_>, other: &Value<'_>) -> Result<Value<'static>, ErrorKind> {
    let result = match (operator, one, other) {
        (Arithmetic::Add, Value::Timestamp(at), Value::Duration(by))
        | (Arithmetic::Add, Value::Duration(by), Value::Timestamp(at)) => {
            at.checked_add_signed(*by).and_then(instant).map(Value::Timestamp)
        }
        (Arithmetic::Subtract, Value::Timestamp(at), Value::Duration(by)) => {
            at.checked_sub_signed(*by).and_then(instant).map(Value::Timestamp)
        }
        (Arithmetic::Subtract, Value::Timestamp(one), Value::Timestamp(other)) => {
            duration::in_range(one.signed_duration_since(*other)).map(Value::Duration)
        }
        (Arithmetic::Add, Value::Duration(one), Value::Duration(other)) => {
            one.checked_add(other).and_then(duration::in_range).map(Value::Duration)
        }
        (Arithmetic::Subtract, Value::Duration(one), Value::Duration(other)) => {
            one.checked_sub(other).and_then(duration::in_range).map(Value::Duration)
        }
        _ => return Err(ErrorKind::Type),
    };
    result.ok_or(ErrorKind::Range)
}

pub(crate) fn negate(value: &Value<'_>) -> Result<Value<'static>, ErrorKind> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(ErrorKind::Range),
        Value::Double(number) => Ok(Value::Double(-number)),
        _ => Err(ErrorKind::Type),
    }
}

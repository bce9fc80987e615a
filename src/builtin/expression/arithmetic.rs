//! What `+`, `-`, `*`, `/` and `%` do.

use crate::builtin::expression::{
    convert::{duration, instant},
    error::FaultKind,
    syntax::Arithmetic,
    value::Val,
};

/// The result for two values of a size that is bounded by their kind: all but texts and lists.
pub(super) fn apply(operator: Arithmetic, one: &Val<'_>, other: &Val<'_>) -> Result<Val<'static>, FaultKind> {
    match (one, other) {
        (Val::Int(one), Val::Int(other)) => int(operator, *one, *other).map(Val::Int),
        (Val::UInt(one), Val::UInt(other)) => uint(operator, *one, *other).map(Val::UInt),
        (Val::Float(one), Val::Float(other)) => float(operator, *one, *other).map(Val::Float),
        _ => time(operator, one, other),
    }
}

macro_rules! whole {
    ($name:ident, $number:ty) => {
        fn $name(operator: Arithmetic, one: $number, other: $number) -> Result<$number, FaultKind> {
            let result = match operator {
                Arithmetic::Add => one.checked_add(other),
                Arithmetic::Subtract => one.checked_sub(other),
                Arithmetic::Multiply => one.checked_mul(other),
                Arithmetic::Divide | Arithmetic::Remainder if other == 0 => return Err(FaultKind::Zero),
                Arithmetic::Divide => one.checked_div(other),
                Arithmetic::Remainder => one.checked_rem(other),
            };
            result.ok_or(FaultKind::Range)
        }
    };
}
whole!(int, i64);
whole!(uint, u64);

fn float(operator: Arithmetic, one: f64, other: f64) -> Result<f64, FaultKind> {
    Ok(match operator {
        Arithmetic::Add => one + other,
        Arithmetic::Subtract => one - other,
        Arithmetic::Multiply => one * other,
        Arithmetic::Divide => one / other,
        Arithmetic::Remainder => return Err(FaultKind::Kind),
    })
}

fn time(operator: Arithmetic, one: &Val<'_>, other: &Val<'_>) -> Result<Val<'static>, FaultKind> {
    let result = match (operator, one, other) {
        (Arithmetic::Add, Val::Instant(at), Val::Duration(by))
        | (Arithmetic::Add, Val::Duration(by), Val::Instant(at)) => {
            at.checked_add_signed(*by).and_then(instant).map(Val::Instant)
        }
        (Arithmetic::Subtract, Val::Instant(at), Val::Duration(by)) => {
            at.checked_sub_signed(*by).and_then(instant).map(Val::Instant)
        }
        (Arithmetic::Subtract, Val::Instant(one), Val::Instant(other)) => {
            duration(one.signed_duration_since(*other)).map(Val::Duration)
        }
        (Arithmetic::Add, Val::Duration(one), Val::Duration(other)) => {
            one.checked_add(other).and_then(duration).map(Val::Duration)
        }
        (Arithmetic::Subtract, Val::Duration(one), Val::Duration(other)) => {
            one.checked_sub(other).and_then(duration).map(Val::Duration)
        }
        _ => return Err(FaultKind::Kind),
    };
    result.ok_or(FaultKind::Range)
}

pub(super) fn negate(value: &Val<'_>) -> Result<Val<'static>, FaultKind> {
    match value {
        Val::Int(number) => number.checked_neg().map(Val::Int).ok_or(FaultKind::Range),
        Val::Float(number) => Ok(Val::Float(-number)),
        _ => Err(FaultKind::Kind),
    }
}

//! CEL's extension `math`.

use std::cmp::Ordering;

use crate::{
    error::ErrorKind,
    evaluate::{Evaluation, Result, fail},
    ir::Node,
    number,
    span::Span,
    value::Value,
    variables::Variables,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MathFunction {
    Greatest,
    Least,
    Abs,
    Ceil,
    Floor,
    Round,
    Trunc,
    Sign,
    Sqrt,
    IsNan,
    IsInf,
    IsFinite,
    BitAnd,
    BitOr,
    BitXor,
    BitNot,
    BitShiftLeft,
    BitShiftRight,
}

impl<'v, V: Variables + ?Sized> Evaluation<'v, V> {
    #[inline(never)]
    pub(crate) fn math_function(
        &mut self,
        function: MathFunction,
        arguments: &'v [Node],
        span: Span,
    ) -> Result<Value<'v>> {
        let Some((first, rest)) = arguments.split_first() else { return fail(span, ErrorKind::Type) };
        let first = self.value(first)?;
        let wanted = match function {
            MathFunction::Greatest => Ordering::Greater,
            MathFunction::Least => Ordering::Less,
            _ => {
                let second = match rest.first() {
                    Some(node) => Some(self.value(node)?),
                    None => None,
                };
                return apply(function, &first, second.as_ref()).or_else(|kind| fail(span, kind));
            }
        };
        let (mut best, mut others) = match &first {
            Value::List(list) if rest.is_empty() => (list.get(0), list.iter().skip(1)),
            _ => return self.extreme(first, rest, wanted, span),
        };
        // An empty list has no extreme.
        let Some(first) = best.take() else { return fail(span, ErrorKind::Index) };
        self.spend(1, span)?;
        others.try_fold(first, |best, next| {
            self.spend(1, span)?;
            better(best, next, wanted, span)
        })
    }

    fn extreme(
        &mut self,
        first: Value<'v>,
        rest: &'v [Node],
        wanted: Ordering,
        span: Span,
    ) -> Result<Value<'v>> {
        // Also checks the type of a single argument.
        let mut best = better(first.clone(), first, wanted, span)?;
        for node in rest {
            let next = self.value(node)?;
            best = better(best, next, wanted, span)?;
        }
        Ok(best)
    }
}

/// The greater or the lesser of two numbers; the first if they are equal.
fn better<'v>(best: Value<'v>, next: Value<'v>, wanted: Ordering, span: Span) -> Result<Value<'v>> {
    match number::compare(&next, &best) {
        None => fail(span, ErrorKind::Type),
        Some(order) => Ok(if order == Some(wanted) { next } else { best }),
    }
}

fn apply(
    function: MathFunction,
    one: &Value<'_>,
    other: Option<&Value<'_>>,
) -> std::result::Result<Value<'static>, ErrorKind> {
    use MathFunction as F;
    Ok(match (function, one, other) {
        (F::Abs, Value::Int(number), None) => Value::Int(number.checked_abs().ok_or(ErrorKind::Range)?),
        (F::Abs, Value::Double(number), None) => Value::Double(number.abs()),
        (F::Ceil, Value::Double(number), None) => Value::Double(number.ceil()),
        (F::Floor, Value::Double(number), None) => Value::Double(number.floor()),
        // Halves away from zero.
        (F::Round, Value::Double(number), None) => Value::Double(number.round()),
        (F::Trunc, Value::Double(number), None) => Value::Double(number.trunc()),
        // JSON writes 7.0 as 7, so integers are allowed here, unlike in CEL.
        (F::Ceil | F::Floor | F::Round | F::Trunc, Value::Int(number), None) => Value::Int(*number),
        (F::Abs | F::Ceil | F::Floor | F::Round | F::Trunc, Value::UInt(number), None) => {
            Value::UInt(*number)
        }
        (F::Sign, Value::Int(number), None) => Value::Int(number.signum()),
        (F::Sign, Value::UInt(number), None) => Value::UInt((*number).min(1)),
        // Zero and NaN keep their value.
        (F::Sign, Value::Double(number), None) => {
            Value::Double(if *number == 0.0 { 0.0 } else { number.signum() })
        }
        #[expect(clippy::cast_precision_loss, reason = "the result is a double")]
        (F::Sqrt, Value::Int(number), None) => Value::Double((*number as f64).sqrt()),
        #[expect(clippy::cast_precision_loss, reason = "the result is a double")]
        (F::Sqrt, Value::UInt(number), None) => Value::Double((*number as f64).sqrt()),
        (F::Sqrt, Value::Double(number), None) => Value::Double(number.sqrt()),
        (F::IsNan, Value::Double(number), None) => Value::Bool(number.is_nan()),
        (F::IsInf, Value::Double(number), None) => Value::Bool(number.is_infinite()),
        (F::IsFinite, Value::Double(number), None) => Value::Bool(number.is_finite()),
        (F::IsNan | F::IsInf, Value::Int(_) | Value::UInt(_), None) => Value::Bool(false),
        (F::IsFinite, Value::Int(_) | Value::UInt(_), None) => Value::Bool(true),
        (F::BitNot, Value::Int(number), None) => Value::Int(!number),
        (F::BitNot, Value::UInt(number), None) => Value::UInt(!number),
        (F::BitShiftLeft | F::BitShiftRight, _, Some(Value::Int(by))) => shift(function, one, *by)?,
        (_, Value::Int(one), Some(Value::Int(other))) => {
            Value::Int(bits(function, one.cast_unsigned(), other.cast_unsigned())?.cast_signed())
        }
        (_, Value::UInt(one), Some(Value::UInt(other))) => Value::UInt(bits(function, *one, *other)?),
        _ => return Err(ErrorKind::Type),
    })
}

fn bits(function: MathFunction, one: u64, other: u64) -> std::result::Result<u64, ErrorKind> {
    match function {
        MathFunction::BitAnd => Ok(one & other),
        MathFunction::BitOr => Ok(one | other),
        MathFunction::BitXor => Ok(one ^ other),
        _ => Err(ErrorKind::Type),
    }
}

/// Shifts bits in as zeros, also those of a negative number. By 64 and more, no bit is left.
fn shift(
    function: MathFunction,
    value: &Value<'_>,
    by: i64,
) -> std::result::Result<Value<'static>, ErrorKind> {
    let by = u32::try_from(by.min(64)).map_err(|_| ErrorKind::Range)?;
    let shifted = |bits: u64| {
        let shifted =
            if function == MathFunction::BitShiftLeft { bits.checked_shl(by) } else { bits.checked_shr(by) };
        shifted.unwrap_or(0)
    };
    match value {
        Value::Int(number) => Ok(Value::Int(shifted(number.cast_unsigned()).cast_signed())),
        Value::UInt(number) => Ok(Value::UInt(shifted(*number))),
        _ => Err(ErrorKind::Type),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, Program, Value};

    /// The examples of <https://github.com/google/cel-go/tree/master/ext>, and their limits.
    const TRUE: &[&str] = &[
        "math.greatest(1) == 1 && math.greatest(i, 2u, 3.5, -1) == 7 && math.greatest([-42.0, -21, i]) == 7",
        "math.least(1) == 1 && math.least(i, 2u, 3.5, -1) == -1 && math.least([i, 7.0]) == 7",
        "math.ceil(d) == 2.0 && math.floor(d) == 1.0 && math.round(d) == 2.0 && math.trunc(-d) == -1.0",
        "math.round(-d) == -2.0 && math.floor(i) == 7 && math.ceil(2u) == 2u && type(math.floor(d)) == double",
        "math.abs(-i) == 7 && math.abs(-d) == 1.5 && math.abs(i) == 7",
        "math.sign(-i) == -1 && math.sign(-d) == -1.0 && math.sign(0.0 * d) == 0.0 && math.sign(7u) == 1u",
        "math.isNaN(0.0 / (d - d)) && !math.isNaN(d) && math.isInf(d / 0.0) && !math.isFinite(d / 0.0)",
        "math.isFinite(d) && math.isFinite(i) && math.sqrt(49) == 7.0 && math.isNaN(math.sqrt(-d))",
        "math.bitAnd(i, 5) == 5 && math.bitOr(1u, 2u) == 3u && math.bitXor(i, 1) == 6 && math.bitNot(0) == -1",
        "math.bitShiftLeft(i, 1) == 14 && math.bitShiftRight(-1024, 3) == 2305843009213693824",
        "math.bitShiftLeft(1, 200) == 0 && math.bitShiftRight(1u, 64) == 0u",
        "d - math.floor(d / 1.0) * 1.0 == 0.5",
        "context.math == 'x' && has(context.math)",
    ];

    const ERRORS: &[(&str, &str)] = &[
        ("math.greatest('a', i) == 1", "not defined for values of these types"),
        ("math.greatest(context.l) == 1", "index out of range"),
        ("math.least('a') == 1", "`math.least` is not defined for a string"),
        ("math.abs(i - 9223372036854775807 - 8) == 1", "result out of range"),
        ("math.bitShiftLeft(i, -1) == 1", "result out of range"),
        ("math.bitAnd(i, 1u) == 1", "not defined for values of these types"),
        ("math.floor('1') == 1", "`math.floor` is not defined for a string"),
    ];

    #[test]
    fn math_functions_follow_the_extension() {
        let variables = [
            ("i", Value::Int(7)),
            ("d", Value::Double(1.5)),
            ("l", Value::list(Vec::new())),
            ("math", Value::borrowed_str("x")),
        ];
        for source in TRUE {
            let program = Program::compile(source, &Options::new()).unwrap();
            assert_eq!(program.test(&variables[..]), Ok(true), "{source}");
        }
        for (source, message) in ERRORS {
            let program = Program::compile(source, &Options::new());
            let found = match program {
                Ok(program) => program.test(&variables[..]).map_err(|error| error.message().to_owned()),
                Err(errors) => Err(errors[0].message().to_owned()),
            };
            assert_eq!(found, Err((*message).to_owned()), "{source}");
        }
        let errors = Program::compile("math.flor(d) == 1.0", &Options::new()).unwrap_err();
        assert_eq!(errors[0].message(), "unknown function `math.flor`; did you mean `math.floor`?");
        let errors = Program::compile("math.greatest() == 1", &Options::new()).unwrap_err();
        assert_eq!(errors[0].message(), "`math.greatest` takes 1 argument or more, found 0");
    }
}

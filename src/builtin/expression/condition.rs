//! The activation type of expressions.

use novi_cel::{CompileError, Expression, Options, Program, Span, Type, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Variant, Verdict,
        evaluation::Evaluation,
        phrase::{shortened, shown},
        value_text,
    },
    builtin::{
        expression::{CLASS, values},
        register::register,
    },
};

/// See [`Config`].
pub(super) struct Condition {
    program: Program,
    variants: Box<[(Box<str>, Variant)]>,
}

/// On if an expression over the attributes of the caller is true.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (160, 'Bulk export', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (160, 'Pro, on a new app', 'novi.expression', '{"expression": "plan == ''pro'' && semver(app) >= semver(''2.1'')"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (160, 160);
/// ```
///
/// The language is [CEL](https://cel.dev), the Common Expression Language. Strings may have single quotes,
/// which are doubled in SQL. Attributes are variables, and the map `context` has all of them, for names that
/// are not identifiers: `context["user-id"]`. `has(context.plan)` tests whether an attribute is present,
/// `config` is the field `config` of the row, and `now` is the current time. Besides the functions and macros
/// of CEL there are:
///
/// - its extension `strings`, without `format` and `quote`: `charAt`, `indexOf`, `lastIndexOf`, `substring`,
///   `replace`, `split`, `join`, `trim`, `reverse`, `lowerAscii` and `upperAscii`;
/// - its extension `math`: `math.greatest`, `least`, `abs`, `ceil`, `floor`, `round`, `trunc`, `sign`, `sqrt`,
///   `isNaN`, `isInf`, `isFinite`, and the functions of bits such as `math.bitAnd`;
/// - the digests `md5(text)`, `sha1(text)` and `sha256(text)`, in hexadecimal digits;
/// - `semver(text)`, `inCidr(address, network)`, `lower(text)` and `upper(text)`.
///
/// An expression that has no result is off, for example because the caller does not have an attribute, or
/// because it compares a string with a number, divides by zero, or takes more than 100,000 steps. As in CEL,
/// `a || b` is true if `b` is, even if `a` has no result. The explanation says what is missing. If the result
/// is a string, it is the variant of the caller, which must be one of `variants`.
///
/// `bytes` and messages are not supported, and expressions have at most 32 levels of nesting. Regular
/// expressions take linear time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The expression, of at most 64 KiB, whose result is true, false or the name of a variant
    #[schemars(extend("x-novi-input" = "cel"))]
    expression: String,
    /// The variants that the expression may return
    #[serde(default)]
    variants: Vec<String>,
    /// The variable `config` of the expression, any JSON
    #[serde(default, rename = "config")]
    constant: serde_json::Value,
}

register!(Condition, CLASS, [], "On if an expression over the caller's attributes is true");

impl Activation for Condition {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        if evaluation.is_traced() {
            return self.explain(evaluation);
        }
        if self.variants.is_empty() {
            return self.program.test(evaluation).unwrap_or(false).into();
        }
        match self.program.evaluate(evaluation) {
            Ok(value) => self.verdict(&value).unwrap_or(Verdict::Off),
            Err(_) => Verdict::Off,
        }
    }
}

impl Configured for Condition {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let expression = match Expression::parse(&config.expression) {
            Ok(expression) => expression,
            Err(error) => {
                row.problem(".expression", locate(error.span(), error.message(), &config.expression));
                return None;
            }
        };
        let (program, problems) = compile(&expression, &config.constant, &config.variants);
        for problem in &problems {
            row.problem(".expression", problem);
        }
        let condition = Self::new(program, &config.variants, row);
        problems.is_empty().then_some(condition)
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let expression = shortened(config.expression.split_whitespace().collect::<Vec<_>>().join(" "), 200);
        if config.variants.is_empty() {
            return Phrase::condition(format!("`{expression}`"));
        }
        let variants: Vec<String> = config.variants.iter().map(|name| value_text(name)).collect();
        Phrase::variant(format!("the variant of `{expression}`, one of {}", shown(&variants, ", ")))
    }
}

impl Condition {
    pub(super) fn new(program: Program, variants: &[String], row: &mut CompileContext<'_>) -> Self {
        let variants = variants.iter().map(|name| (name.as_str().into(), row.variant(name))).collect();
        Self { program, variants }
    }

    /// The verdict of a result, or `None` if the result is neither a boolean nor a variant.
    fn verdict(&self, value: &Value<'_>) -> Option<Verdict> {
        match value {
            Value::Bool(value) => Some((*value).into()),
            Value::String(text) => {
                let variant = self.variants.iter().find(|(name, _)| **name == **text);
                variant.map(|(_, variant)| Verdict::Variant(*variant))
            }
            _ => None,
        }
    }

    #[cold]
    fn explain(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let verdict = match self.program.evaluate(evaluation) {
            Ok(value) => {
                let verdict = self.verdict(&value);
                evaluation.note(|| match (&value, verdict) {
                    (Value::Bool(false), _) => {
                        format!("{} is false", quote(self.program.first_false(evaluation)))
                    }
                    (_, Some(_)) => format!("the expression is {value}"),
                    (Value::String(_), None) if self.variants.is_empty() => {
                        format!("expected true or false, found {value}; a variant must be one of `variants`")
                    }
                    (Value::String(_), None) => {
                        let names: Vec<_> = self.variants.iter().map(|(name, _)| &**name).collect();
                        format!("expected one of {}, found {value}", names.join(", "))
                    }
                    _ => format!("expected true, false or a variant, found {value}"),
                });
                verdict
            }
            Err(error) => {
                evaluation.note(|| {
                    let message = self.program.describe(error, evaluation);
                    format!("{}: {message}", quote(error.span().text(self.program.source())))
                });
                None
            }
        };
        verdict.unwrap_or(Verdict::Off)
    }
}

/// Compiles an expression with the config and the variants of a row, and returns all problems.
pub(super) fn compile(
    expression: &Expression,
    config: &serde_json::Value,
    variants: &[String],
) -> (Program, Vec<String>) {
    let options = Options::new().constant("config", values::from_json(config));
    let (program, errors) = expression.check(&options);
    let source = program.source();
    let mut problems: Vec<_> =
        errors.iter().map(|error| locate(error.span(), error.message(), source)).collect();
    let invalid = invalid_outcomes(&program, Some(variants));
    problems.extend(invalid.iter().map(|(span, message)| locate(*span, message, source)));
    (program, problems)
}

/// Checks an expression before any row uses it.
pub(super) fn check(expression: &Expression) -> Vec<(Span, String)> {
    let (program, errors) = expression.check(&Options::new().unknown_constant("config"));
    let errors = errors.iter().map(|error: &CompileError| (error.span(), error.message().to_owned()));
    errors.chain(invalid_outcomes(&program, None)).collect()
}

/// Results that are neither booleans nor variants, as far as they are known. `variants` is `None` if there is
/// no row.
fn invalid_outcomes(program: &Program, variants: Option<&[String]>) -> Vec<(Span, String)> {
    let mut invalid = Vec::new();
    for outcome in program.outcomes() {
        let Some(kind) = outcome.kind else { continue };
        let message = match (kind, outcome.constant, variants) {
            (Type::String, _, Some([])) => {
                "expected a boolean, found a string; for it to be a variant, name it in `variants`".to_owned()
            }
            (Type::String, Some(Value::String(text)), Some(variants))
                if !variants.iter().any(|name| **name == **text) =>
            {
                format!("expected one of {}, found {:?}", variants.join(", "), &**text)
            }
            (Type::Bool | Type::String, ..) => continue,
            (kind, ..) => format!("expected a boolean, found {}", kind.with_article()),
        };
        invalid.push((outcome.span, message));
    }
    invalid
}

/// A message with its position.
fn locate(span: Span, message: &str, source: &str) -> String {
    let (line, column) = span.line_column(source);
    format!("line {line}, column {column}: {message}")
}

/// A part of an expression in one line, shortened.
fn quote(part: &str) -> String {
    const LONGEST: usize = 80;
    let line = part.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}...`", line.get(..end).unwrap_or_default()),
        None => format!("`{line}`"),
    }
}

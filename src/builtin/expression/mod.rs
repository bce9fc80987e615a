//! An expression over the attributes of the caller.

pub(crate) mod arithmetic;
pub(crate) mod calendar;
pub(crate) mod calls;
pub(crate) mod convert;
pub(crate) mod error;
pub(crate) mod evaluate;
pub(crate) mod file_type;
pub(crate) mod functions;
pub(crate) mod ir;
pub(crate) mod lexer;
pub(crate) mod parser;
pub(crate) mod resolve;
pub(crate) mod stack;
pub(crate) mod syntax;
pub(crate) mod value;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Variant, Verdict, evaluation::Check},
    builtin::register,
};
use evaluate::{Evaluation, STEPS};
use ir::{Node, NodeKind};
use syntax::Wrong;
use value::{Type, Val};

/// [`Config`] tells all of it.
struct Expression {
    root: Node,
    /// For explanations.
    source: Arc<str>,
    variants: Box<[(Box<str>, Variant)]>,
}

/// On when an expression over the attributes of the caller is true.
///
/// ```sql
/// INSERT INTO activations VALUES (7, 'Pro, on a new app', 'novi.expression',
///     '{"expression": "plan == \"pro\" && semver(app) >= semver(\"2.1\")"}');
/// ```
///
/// The language is [CEL](https://cel.dev), the Common Expression Language. Attributes are variables by name, and all of them are
/// the map `context`, for names that are no identifiers: `context["user-id"]`. `has(context.plan)` asks whether there is one,
/// `config` is the row's field `config`, and `now` is the time of the clock. Beside CEL's own functions and macros there are
/// `semver(text)`, `inCidr(address, network)`, `lower(text)` and `upper(text)`. Regular expressions of `matches` take linear time.
///
/// What has no answer is not met: an attribute that the caller does not have, a comparison of a text with a number, a division by
/// zero, and what takes more than 100,000 steps. As in CEL, `a || b` is true when `b` is, whether or not `a` has an answer.
/// The explanation tells why. A result that is a text is the variant that the caller gets, if `variants` has it.
///
/// Of CEL there are no bytes and no messages, and at most 32 levels inside one another.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The expression, of at most 64 KiB; true or false, or the name of a variant
    expression: String,
    /// The variants that the expression can give
    #[serde(default)]
    variants: Vec<String>,
    /// What the expression finds in its variable config; any JSON
    #[serde(default, rename = "config")]
    given: serde_json::Value,
}

register!(Expression, "novi.expression", [], "On when an expression over the caller's attributes is true");

impl Activation for Expression {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        if check.is_traced() {
            return self.explained(check);
        }
        let mut evaluation = Evaluation::new(Some(check), STEPS);
        if self.variants.is_empty() {
            return evaluation.test(&self.root).unwrap_or(false).into();
        }
        match evaluation.value(&self.root) {
            Ok(value) => self.verdict(&value).unwrap_or(Verdict::Off),
            Err(_) => Verdict::Off,
        }
    }
}

impl Configured for Expression {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let expr = match parser::parse(&config.expression) {
            Ok(expr) => expr,
            Err(wrong) => {
                row.problem(".expression", told(&wrong, &config.expression));
                return None;
            }
        };
        let (root, mut wrong) = resolve::link(&expr, Some(&resolve::of_json(&config.given)));
        wrong.extend(wrong_outcomes(&root, Some(&config.variants)));
        for wrong in &wrong {
            row.problem(".expression", told(wrong, &config.expression));
        }
        let built = Self::new(root, config.expression.into(), &config.variants, row);
        wrong.is_empty().then_some(built)
    }
}

impl Expression {
    fn new(root: Node, source: Arc<str>, variants: &[String], row: &mut Compile<'_>) -> Self {
        let variants = variants.iter().map(|name| (name.as_str().into(), row.variant(name))).collect();
        Self { root, source, variants }
    }

    /// What a result means; nothing if it means nothing.
    fn verdict(&self, value: &Val<'_>) -> Option<Verdict> {
        match value {
            Val::Bool(value) => Some((*value).into()),
            Val::Text(text) => {
                let variant = self.variants.iter().find(|(name, _)| **name == **text);
                variant.map(|(_, variant)| Verdict::Variant(*variant))
            }
            _ => None,
        }
    }

    #[cold]
    fn explained(&self, check: &Check<'_>) -> Verdict {
        let mut evaluation = Evaluation::new(Some(check), STEPS);
        let result = evaluation.value(&self.root);
        let quoted = |node: &Node| quote(node.at.of(&self.source));
        let verdict = match &result {
            Ok(value) => {
                let verdict = self.verdict(value);
                check.note(|| match (value, verdict) {
                    (Val::Bool(false), _) => format!("{} is false", quoted(self.decisive(check))),
                    (_, Some(_)) => format!("the expression is {value}"),
                    (Val::Text(_), None) if self.variants.is_empty() => {
                        format!("expected true or false, found {value}; a variant must be one of `variants`")
                    }
                    (Val::Text(_), None) => {
                        let names: Vec<_> = self.variants.iter().map(|(name, _)| &**name).collect();
                        format!("expected one of {}, found {value}", names.join(", "))
                    }
                    _ => format!("expected true, false or a variant, found {value}"),
                });
                verdict
            }
            Err(fault) => {
                check.note(|| format!("{}: {}", quote(fault.at.of(&self.source)), fault.message()));
                None
            }
        };
        verdict.unwrap_or(Verdict::Off)
    }

    /// The part that made the whole false: the first operand of the outermost `&&` that is.
    fn decisive(&self, check: &Check<'_>) -> &Node {
        let mut node = &self.root;
        while let NodeKind::All(operands) = &node.kind {
            let is_false = |node: &&Node| Evaluation::new(Some(check), STEPS).test(node) == Ok(false);
            let Some(operand) = operands.iter().find(is_false) else { break };
            node = operand;
        }
        node
    }
}

/// What is wrong with what an expression gives, as far as that is known. The variants are, once there is a row.
fn wrong_outcomes(root: &Node, variants: Option<&[String]>) -> Vec<Wrong> {
    let mut outcomes = Vec::new();
    root.outcomes(&mut outcomes);
    let wrong = |node: &Node| {
        let message = match (node.value_kind()?, node.constant(), variants) {
            (Type::String, _, Some([])) => {
                "expected a boolean, found a string; for it to be a variant, name it in `variants`".to_owned()
            }
            (Type::String, Some(Val::Text(text)), Some(variants)) => {
                if variants.iter().any(|name| **name == **text) {
                    return None;
                }
                format!("expected one of {}, found {:?}", variants.join(", "), &**text)
            }
            (Type::Bool | Type::String, ..) => return None,
            (kind, ..) => format!("expected a boolean, found {}", kind.name()),
        };
        Some(Wrong::new(node.at, message))
    };
    outcomes.into_iter().filter_map(wrong).collect()
}

/// What is wrong, with its place.
fn told(wrong: &Wrong, source: &str) -> String {
    let (line, column) = wrong.at.place(source);
    format!("line {line}, column {column}: {}", wrong.message)
}

/// A part of an expression, as a line that is not too long.
fn quote(part: &str) -> String {
    const LONGEST: usize = 80;
    let line = part.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}...`", line.get(..end).unwrap_or_default()),
        None => format!("`{line}`"),
    }
}

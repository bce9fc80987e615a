//! Compiled expressions.

use std::sync::Arc;

use crate::{
    MAX_STEPS,
    ast::Expr,
    describe,
    error::{CompileError, EvaluationError},
    evaluate::Evaluation,
    ir::{Node, NodeKind},
    options::Options,
    parser,
    resolve::resolve,
    span::Span,
    types::Type,
    value::Value,
    variables::Variables,
};

/// An expression that is parsed but not compiled, to compile it several times with other constants.
#[derive(Debug)]
pub struct Expression {
    expr: Expr,
    source: Arc<str>,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// The first error of syntax. A source of more than [`MAX_SOURCE`](crate::MAX_SOURCE) bytes or
    /// [`MAX_DEPTH`](crate::MAX_DEPTH) levels is one.
    pub fn parse(source: &str) -> Result<Self, CompileError> {
        Ok(Self { expr: parser::parse(source)?, source: source.into() })
    }

    /// Compiles the expression, and returns all errors next to the program. A part with an error fails when it
    /// is evaluated.
    #[must_use]
    pub fn check(&self, options: &Options) -> (Program, Vec<CompileError>) {
        let (root, errors) = resolve(&self.expr, options);
        (Program { root, source: Arc::clone(&self.source) }, errors)
    }
}

/// A compiled expression. Programs are immutable and can be shared by threads.
#[derive(Debug)]
pub struct Program {
    root: Node,
    source: Arc<str>,
}

/// A part of an expression whose value can be the result: the whole, or a branch of `?` and `:`.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'p> {
    /// The position of the part.
    pub span: Span,
    /// The type of its value, if it is known.
    pub kind: Option<Type>,
    /// The value, if it is a constant.
    pub constant: Option<&'p Value<'static>>,
}

impl Program {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// All errors, with their positions: the first error of syntax, or each part that can never be evaluated,
    /// such as a comparison of a string with a number or an invalid regular expression.
    pub fn compile(source: &str, options: &Options) -> Result<Self, Vec<CompileError>> {
        let expression = Expression::parse(source).map_err(|error| vec![error])?;
        let (program, errors) = expression.check(options);
        if errors.is_empty() { Ok(program) } else { Err(errors) }
    }

    /// Evaluates the expression.
    ///
    /// # Errors
    ///
    /// The error of the first part that has no value, unless another operand of `&&` or `||` decides.
    #[inline]
    pub fn evaluate<'v, V: Variables + ?Sized>(
        &'v self,
        variables: &'v V,
    ) -> Result<Value<'v>, EvaluationError> {
        Evaluation::new(variables, MAX_STEPS).value(&self.root)
    }

    /// Evaluates a condition.
    ///
    /// # Errors
    ///
    /// As of [`evaluate`](Self::evaluate), or if the value is not a boolean.
    #[inline]
    pub fn test<V: Variables + ?Sized>(&self, variables: &V) -> Result<bool, EvaluationError> {
        Evaluation::new(variables, MAX_STEPS).test(&self.root)
    }

    /// The message of an error of an evaluation with these variables: an error of types names the operator or the
    /// function and the types of its operands.
    #[must_use]
    pub fn describe<V: Variables + ?Sized>(&self, error: EvaluationError, variables: &V) -> String {
        describe::message(&self.root, error, variables)
    }

    /// The part that makes a condition false: the first operand of the outermost `&&` that is false.
    #[must_use]
    pub fn first_false<V: Variables + ?Sized>(&self, variables: &V) -> &str {
        let mut node = &self.root;
        while let NodeKind::All(operands) = &node.kind {
            let is_false = |node: &&Node| Evaluation::new(variables, MAX_STEPS).test(node) == Ok(false);
            let Some(operand) = operands.iter().find(is_false) else { break };
            node = operand;
        }
        node.span.text(&self.source)
    }

    /// The parts whose value can be the result.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Outcome<'_>> {
        fn outcome(node: &Node) -> Outcome<'_> {
            Outcome { span: node.span, kind: node.result_type(), constant: node.constant() }
        }
        let mut nodes = Vec::new();
        self.root.outcomes(&mut nodes);
        nodes.into_iter().map(outcome).collect()
    }

    /// The source that the program was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

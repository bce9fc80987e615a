//! The abstract syntax tree.

use crate::{functions::Function, span::Span, value::Value};

#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    /// The number of levels below this one.
    pub(crate) depth: u32,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Literal(Value<'static>),
    /// A variable, a constant, `context`, `now`, or a type.
    Name(Box<str>),
    /// The variable of a macro, by its index on the stack.
    Local(u32),
    /// `operand.field`, and `has(operand.field)`.
    Select {
        operand: Box<Expr>,
        field: Box<str>,
        has: bool,
    },
    Index {
        operand: Box<Expr>,
        index: Box<Expr>,
    },
    Call(Function, Vec<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    /// `a && b && c`.
    All(Vec<Expr>),
    /// `a || b || c`.
    Any(Vec<Expr>),
    /// `condition ? value : condition ? value : otherwise`.
    Cases(Vec<(Expr, Expr)>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `a + b - c`, from the left.
    Sum(Box<Expr>, Vec<(Arithmetic, Expr)>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Macro(Box<Macro<Expr>>),
}

impl ExprKind {
    /// The operands.
    pub(crate) fn operands(&self) -> Vec<&Expr> {
        match self {
            Self::Literal(_) | Self::Name(_) | Self::Local(_) => Vec::new(),
            Self::Select { operand, .. } | Self::Not(operand) | Self::Negate(operand) => vec![operand],
            Self::Index { operand, index } => vec![operand, index],
            Self::Call(_, list) | Self::All(list) | Self::Any(list) | Self::List(list) => {
                list.iter().collect()
            }
            Self::Cases(cases, otherwise) => {
                cases.iter().flat_map(|(when, then)| [when, then]).chain([&**otherwise]).collect()
            }
            Self::Compare(_, one, other) => vec![one, other],
            Self::Sum(first, rest) => {
                std::iter::once(&**first).chain(rest.iter().map(|(_, part)| part)).collect()
            }
            Self::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Self::Macro(walk) => {
                std::iter::once(&walk.range).chain(walk.filter.as_ref()).chain([&walk.body]).collect()
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A macro over the items of a list or the keys of a map.
#[derive(Debug)]
pub(crate) struct Macro<E> {
    pub(crate) kind: MacroKind,
    pub(crate) range: E,
    /// The index of its variable on the stack.
    pub(crate) local: u32,
    /// The second argument of `map` with three.
    pub(crate) filter: Option<E>,
    pub(crate) body: E,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MacroKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

impl MacroKind {
    /// Finds the macro of this name and number of arguments.
    pub(crate) fn find(name: &str, arguments: usize) -> Option<Self> {
        Some(match (name, arguments) {
            ("all", 2) => Self::All,
            ("exists", 2) => Self::Exists,
            ("exists_one" | "existsOne", 2) => Self::ExistsOne,
            ("map", 2 | 3) => Self::Map,
            ("filter", 2) => Self::Filter,
            _ => return None,
        })
    }
}

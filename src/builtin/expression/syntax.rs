//! An expression as it is written.

use crate::builtin::expression::{functions::Function, value::Val};

/// From which byte of the source to which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        // Sources are far shorter than that.
        let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: place(start), end: place(end) }
    }

    pub(super) fn to(self, last: Self) -> Self {
        Self { start: self.start, end: last.end }
    }

    pub(super) fn of(self, source: &str) -> &str {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The line and the column where it starts, both from 1.
    pub(super) fn place(self, source: &str) -> (usize, usize) {
        let before = source.get(..self.start as usize).unwrap_or(source);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1)
    }
}

/// What is wrong with an expression, and where.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: Span,
    pub(super) message: String,
}

impl Wrong {
    pub(super) fn new(at: Span, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

#[derive(Debug)]
pub(super) struct Expr {
    pub(super) at: Span,
    /// How many levels are below this one.
    pub(super) depth: u32,
    pub(super) kind: ExprKind,
}

#[derive(Debug)]
pub(super) enum ExprKind {
    Literal(Val<'static>),
    /// An attribute, `context`, `config`, `now`, or a type.
    Name(Box<str>),
    /// A variable of a macro, by its place on the stack.
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
    Walk(Box<Walk<Expr>>),
}

impl ExprKind {
    /// The parts, for what all of them have in common.
    pub(super) fn parts(&self) -> Vec<&Expr> {
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
            Self::Walk(walk) => {
                std::iter::once(&walk.range).chain(walk.filter.as_ref()).chain([&walk.body]).collect()
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A macro that goes through a list, or through the keys of a map.
#[derive(Debug)]
pub(super) struct Walk<E> {
    pub(super) kind: WalkKind,
    pub(super) range: E,
    /// The place of its variable on the stack.
    pub(super) local: u32,
    /// Of `map` with three arguments.
    pub(super) filter: Option<E>,
    pub(super) body: E,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WalkKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

impl WalkKind {
    /// The macro of this name, with so many arguments.
    pub(super) fn find(name: &str, arguments: usize) -> Option<Self> {
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

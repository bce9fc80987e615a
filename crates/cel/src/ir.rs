//! The intermediate representation, which is evaluated.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use novi_match::{network::Network, pattern::Pattern, short_str::same};

use crate::{
    ast::{Arithmetic, Comparison, Macro, MacroKind},
    functions::Function,
    math::MathFunction,
    span::Span,
    strings::StringFunction,
    types::Type,
    value::Value,
};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: NodeKind,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    Constant(Value<'static>),
    /// A part of a constant whose value is not known yet.
    Unknown,
    Now,
    Context,
    Variable(Box<str>),
    /// A variable, or else a type.
    VariableOrType(Box<str>, Type),
    Path(Box<Path>),
    HasVariable(Box<str>),
    /// `context[name]`.
    VariableAt(Box<Node>),
    Local(u32),
    Field {
        operand: Box<Node>,
        field: Box<str>,
        has: bool,
    },
    Index(Box<(Node, Node)>),
    Call(Function, Box<[Node]>),
    Matches(Box<Node>, Box<Pattern>),
    InNetwork(Box<Node>, Network),
    /// `name == "text"` or `!=`, the most frequent condition.
    IsString {
        name: Box<str>,
        text: Box<str>,
        equal: bool,
    },
    /// `in` a list of strings.
    InStrings(Box<(Node, Strings)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    All(Box<[Node]>),
    Any(Box<[Node]>),
    Cases(Box<[(Node, Node)]>, Box<Node>),
    Compare(Comparison, Box<(Node, Node)>),
    Sum(Box<Node>, Box<[(Arithmetic, Node)]>),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Macro(Box<Macro<Node>>),
}

/// A set of strings.
#[derive(Debug)]
pub(crate) enum Strings {
    Few(Box<[Box<str>]>),
    Many(HashSet<Box<str>, RandomState>),
}

impl Strings {
    /// Up to this size a linear scan is faster than hashing.
    const FEW: usize = 8;

    pub(crate) fn new(list: Vec<Box<str>>) -> Self {
        if list.len() > Self::FEW { Self::Many(list.into_iter().collect()) } else { Self::Few(list.into()) }
    }

    #[inline]
    pub(crate) fn contains(&self, text: &str) -> bool {
        match self {
            Self::Few(list) => list.iter().any(|known| same(known.as_bytes(), text.as_bytes())),
            Self::Many(set) => set.contains(text),
        }
    }
}

/// A name with dots: the variable of the whole name, or else of a shorter name, and fields of its value. As
/// in CEL, the longest name that has a value wins.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) full: Box<str>,
    /// Whether the path is the argument of `has(..)`.
    pub(crate) has: bool,
}

impl Node {
    pub(crate) const fn constant(&self) -> Option<&Value<'static>> {
        match &self.kind {
            NodeKind::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The type of the result, as far as it is known.
    pub(crate) fn result_type(&self) -> Option<Type> {
        match &self.kind {
            NodeKind::Constant(value) => Some(value.kind()),
            NodeKind::Now => Some(Type::Timestamp),
            NodeKind::Context | NodeKind::Map(_) => Some(Type::Map),
            NodeKind::HasVariable(_)
            | NodeKind::Matches(..)
            | NodeKind::InNetwork(..)
            | NodeKind::IsString { .. }
            | NodeKind::InStrings(..)
            | NodeKind::Not(_)
            | NodeKind::All(_)
            | NodeKind::Any(_)
            | NodeKind::Compare(..)
            | NodeKind::Field { has: true, .. } => Some(Type::Bool),
            NodeKind::Path(path) => path.has.then_some(Type::Bool),
            NodeKind::List(_) => Some(Type::List),
            NodeKind::Call(function, _) => function.result_type(),
            NodeKind::Cases(cases, otherwise) => {
                let kind = otherwise.result_type()?;
                cases.iter().all(|(_, then)| then.result_type() == Some(kind)).then_some(kind)
            }
            NodeKind::Macro(walk) => Some(match walk.kind {
                MacroKind::All | MacroKind::Exists | MacroKind::ExistsOne => Type::Bool,
                MacroKind::Map | MacroKind::Filter => Type::List,
            }),
            NodeKind::Unknown
            | NodeKind::Variable(_)
            | NodeKind::VariableOrType(..)
            | NodeKind::VariableAt(_)
            | NodeKind::Local(_)
            | NodeKind::Field { .. }
            | NodeKind::Index(_)
            | NodeKind::Negate(_)
            | NodeKind::Sum(..) => None,
        }
    }

    /// The nodes whose value can be the result: the node itself, or the branches of `?` and `:`.
    pub(crate) fn outcomes<'n>(&'n self, found: &mut Vec<&'n Self>) {
        match &self.kind {
            NodeKind::Cases(cases, otherwise) => {
                cases.iter().for_each(|(_, then)| then.outcomes(found));
                otherwise.outcomes(found);
            }
            _ => found.push(self),
        }
    }
}

impl Function {
    /// The type of the result, if it does not depend on the arguments.
    const fn result_type(self) -> Option<Type> {
        Some(match self {
            Self::Size | Self::Int | Self::Part(_) => Type::Int,
            Self::Contains
            | Self::StartsWith
            | Self::EndsWith
            | Self::Matches
            | Self::Bool
            | Self::InCidr
            | Self::Math(MathFunction::IsNan | MathFunction::IsInf | MathFunction::IsFinite) => Type::Bool,
            Self::UInt => Type::UInt,
            Self::Double | Self::Math(MathFunction::Sqrt) => Type::Double,
            Self::String | Self::Lower | Self::Upper => Type::String,
            Self::Timestamp => Type::Timestamp,
            Self::Duration => Type::Duration,
            Self::Type => Type::Type,
            Self::Semver => Type::Version,
            Self::OfString(function) => match function {
                StringFunction::IndexOf | StringFunction::LastIndexOf => Type::Int,
                StringFunction::Split => Type::List,
                _ => Type::String,
            },
            Self::Math(_) | Self::Dyn => return None,
        })
    }
}

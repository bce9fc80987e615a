//! An expression as it is evaluated.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use crate::{
    builtin::{
        audience::{attribute::pattern::Pattern, network::Network},
        expression::{
            functions::Function,
            syntax::{Arithmetic, Comparison, Span, Walk, WalkKind},
            value::{Type, Val},
        },
    },
    context::short_str::same,
};

#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Span,
    pub(super) kind: NodeKind,
}

#[derive(Debug)]
pub(super) enum NodeKind {
    Constant(Val<'static>),
    /// A part of a config that is not known yet.
    Unknown,
    Now,
    Context,
    Attribute(Box<str>),
    /// An attribute, or else a type.
    AttributeOrType(Box<str>, Type),
    Path(Box<Path>),
    HasAttribute(Box<str>),
    /// `context[name]`.
    AttributeAt(Box<Node>),
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
    /// `name == "text"`, or `!=`; what most expressions are made of.
    IsText {
        name: Box<str>,
        text: Box<str>,
        equal: bool,
    },
    /// `in` a list of texts.
    InTexts(Box<(Node, Texts)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    All(Box<[Node]>),
    Any(Box<[Node]>),
    Cases(Box<[(Node, Node)]>, Box<Node>),
    Compare(Comparison, Box<(Node, Node)>),
    Sum(Box<Node>, Box<[(Arithmetic, Node)]>),
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Walk(Box<Walk<Node>>),
}

/// A list of texts to find one in.
#[derive(Debug)]
pub(super) enum Texts {
    Few(Box<[Box<str>]>),
    Many(HashSet<Box<str>, RandomState>),
}

impl Texts {
    /// Up to so many are gone through, which is faster than hashing.
    const FEW: usize = 8;

    pub(super) fn new(list: Vec<Box<str>>) -> Self {
        if list.len() > Self::FEW { Self::Many(list.into_iter().collect()) } else { Self::Few(list.into()) }
    }

    #[inline]
    pub(super) fn contains(&self, text: &str) -> bool {
        match self {
            Self::Few(list) => list.iter().any(|known| same(known.as_bytes(), text.as_bytes())),
            Self::Many(set) => set.contains(text),
        }
    }
}

/// A name with dots: an attribute of the whole name, else one of a part of it and the fields behind. The longest name that the
/// caller has counts, as CEL says.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) full: Box<str>,
    /// `has(..)` of it.
    pub(super) has: bool,
}

impl Node {
    pub(super) const fn constant(&self) -> Option<&Val<'static>> {
        match &self.kind {
            NodeKind::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The kind of value that it has whenever it has one, as far as that is known.
    pub(super) fn value_kind(&self) -> Option<Type> {
        match &self.kind {
            NodeKind::Constant(value) => Some(value.kind()),
            NodeKind::Now => Some(Type::Timestamp),
            NodeKind::Context | NodeKind::Map(_) => Some(Type::Map),
            NodeKind::HasAttribute(_)
            | NodeKind::Matches(..)
            | NodeKind::InNetwork(..)
            | NodeKind::IsText { .. }
            | NodeKind::InTexts(..)
            | NodeKind::Not(_)
            | NodeKind::All(_)
            | NodeKind::Any(_)
            | NodeKind::Compare(..)
            | NodeKind::Field { has: true, .. } => Some(Type::Bool),
            NodeKind::Path(path) => path.has.then_some(Type::Bool),
            NodeKind::List(_) => Some(Type::List),
            NodeKind::Call(function, _) => function.gives(),
            NodeKind::Cases(cases, otherwise) => {
                let kind = otherwise.value_kind()?;
                cases.iter().all(|(_, then)| then.value_kind() == Some(kind)).then_some(kind)
            }
            NodeKind::Walk(walk) => Some(match walk.kind {
                WalkKind::All | WalkKind::Exists | WalkKind::ExistsOne => Type::Bool,
                WalkKind::Map | WalkKind::Filter => Type::List,
            }),
            NodeKind::Unknown
            | NodeKind::Attribute(_)
            | NodeKind::AttributeOrType(..)
            | NodeKind::AttributeAt(_)
            | NodeKind::Local(_)
            | NodeKind::Field { .. }
            | NodeKind::Index(_)
            | NodeKind::Negate(_)
            | NodeKind::Sum(..) => None,
        }
    }

    /// The nodes that give the value of this one: itself, or what stands behind `?` and `:`.
    pub(super) fn outcomes<'n>(&'n self, found: &mut Vec<&'n Self>) {
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
    /// The kind of value that the function gives, as far as that does not depend on its arguments.
    const fn gives(self) -> Option<Type> {
        Some(match self {
            Self::Size | Self::Int | Self::Part(_) => Type::Int,
            Self::Contains
            | Self::StartsWith
            | Self::EndsWith
            | Self::Matches
            | Self::Bool
            | Self::InCidr => Type::Bool,
            Self::UInt => Type::UInt,
            Self::Double => Type::Double,
            Self::String | Self::Lower | Self::Upper => Type::String,
            Self::Timestamp => Type::Timestamp,
            Self::Duration => Type::Duration,
            Self::Type => Type::Type,
            Self::Semver => Type::Version,
            Self::Dyn => return None,
        })
    }
}

//! Conditions over the attributes of callers, as SQL can state them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{activation::sql::place::Place, context::value::Value};

/// A point in time of a condition.
pub type Time = DateTime<Utc>;

/// A condition that is true or false for every caller, and never null: a missing attribute does not meet a
/// [`Test`].
///
/// Clones are cheap. An expression that occurs several times is shared, and written several times.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Arc<Inner>);

#[derive(Debug, PartialEq)]
struct Inner {
    node: Node,
    size: usize,
}

/// What an [`Expression`] is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// The same for every caller.
    Constant(bool),
    /// All of these.
    All(Vec<Expression>),
    /// One of these.
    Any(Vec<Expression>),
    /// The opposite.
    Not(Expression),
    /// A number of these.
    AtLeast(usize, Vec<Expression>),
    /// The result of the first of these conditions that is met, or else another one.
    Choose(Vec<(Expression, Expression)>, Expression),
    /// A test of an attribute.
    Attribute(String, Test),
    /// The time, which is the attribute `currentDateTime` or else the clock, is from the first time,
    /// inclusive, to the second, exclusive.
    Clock(Option<Time>, Option<Time>),
    /// The time, likewise, is in one of these parts of a week: seconds since Monday 00:00 in UTC, with exclusive
    /// ends.
    Week(Vec<(u32, u32)>),
    /// The key of the caller is one of these.
    Member(Key, Vec<String>),
    /// The position of the caller in a draw is in one of these ranges, whose ends are exclusive.
    Draw(Draw, Vec<(u32, u32)>),
    /// The position of the caller in a draw is below a limit that rises with the time.
    Rising(Draw, Rise),
    /// The key of the caller is that of a unit whose remembered variant in an experiment is one of these.
    Remembered(Key, Arc<str>, Vec<String>),
    /// The condition of an activation, for messages.
    Of(Arc<Place>, Expression),
}

/// A test of the value of an attribute. A missing value, and a value of another type, do not pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is present.
    Exists,
    /// It is present, and not an empty string.
    NotEmpty,
    /// It equals one of these strings, numbers and booleans. The flag ignores the case of strings.
    OneOf(Vec<Value<'static>>, bool),
    /// It has the type of one of these, and equals none. If there are none, it is present.
    NoneOf(Vec<Value<'static>>, bool),
    /// It is a string with one of these parts. The flag ignores their case.
    Part(TextPlace, Vec<String>, bool),
    /// It is a number within a bound.
    Number(Bound, Value<'static>),
    /// It is a time before this one.
    Before(Time),
    /// It is a time after this one.
    After(Time),
}

/// The position of a part of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPlace {
    /// Anywhere.
    Anywhere,
    /// At the start.
    Start,
    /// At the end.
    End,
}

/// A bound of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Below it.
    Less,
    /// It, or below it.
    LessOrEqual,
    /// Above it.
    Greater,
    /// It, or above it.
    GreaterOrEqual,
}

/// The attributes that identify a caller: the first with a value counts. A value is a string that is not
/// empty, or a whole number, which stands for its digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(pub Arc<[String]>);

/// A draw: the first four bytes of a digest after `skip` others, as a number, modulo `divisor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The digest.
    pub digest: Digest,
    /// What is hashed before the key.
    pub before: Arc<str>,
    /// Whom the draw is for.
    pub key: Key,
    /// What is hashed after the key.
    pub after: Arc<str>,
    /// How many bytes of the digest are left out.
    pub skip: u32,
    /// The number of positions, unless the whole number is the position.
    pub divisor: Option<u32>,
}

/// A percentage that rises evenly, and the positions that it includes. All operations are those of doubles, in the
/// order in which they are written here, so that a database has the same limit as an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rise {
    /// When it begins to rise.
    pub from: Time,
    /// When it has risen.
    pub to: Time,
    /// The percentages of these times. The one in between is `low + (high - low) * (since / all)`, and at most `high`:
    /// `since` is in seconds from the start, and `all` those to the end.
    pub percentages: (f64, f64),
    /// How positions follow from a percentage.
    pub scale: Scale,
}

/// How positions follow from a percentage: those below `percentage / divisor * factor` are in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What a percentage is divided by.
    pub divisor: f64,
    /// What the quotient is multiplied by.
    pub factor: f64,
    /// Whether the product is rounded to the nearest position, and not up.
    pub to_nearest: bool,
}

impl Scale {
    /// The first position that is out. Rust's conversion to an integer saturates.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating")]
    pub(crate) fn limit(self, percentage: f64) -> u32 {
        let limit = percentage / self.divisor * self.factor;
        if self.to_nearest { limit.round() as u32 } else { limit.ceil() as u32 }
    }
}

/// A digest that a database may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// MD5.
    Md5,
    /// CRC-32, whose four bytes are the digest.
    Crc32,
}

impl Digest {
    /// The name in configs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
            Self::Crc32 => "crc32",
        }
    }
}

/// What a condition without text takes in SQL, in bytes; an estimate.
const LEAF: usize = 60;

fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(LEAF, usize::saturating_add)
}

impl Node {
    fn size(&self) -> usize {
        let of = |list: &[Expression]| sum(list.iter().map(Expression::size));
        match self {
            Self::Constant(_) | Self::Clock(..) => LEAF,
            Self::All(list) | Self::Any(list) | Self::AtLeast(_, list) => of(list),
            Self::Not(inner) | Self::Of(_, inner) => inner.size(),
            Self::Choose(cases, otherwise) => {
                let cases = cases.iter().map(|(when, then)| when.size().saturating_add(then.size()));
                sum(cases).saturating_add(otherwise.size())
            }
            Self::Attribute(name, test) => test.size().saturating_add(name.len()),
            Self::Week(ranges) => sum(ranges.iter().map(|_| LEAF)),
            Self::Rising(draw, _) => draw.size().saturating_add(8 * LEAF),
            Self::Remembered(key, experiment, variants) => {
                sum(key.0.iter().chain(variants).map(|text| text.len() + 4))
                    .saturating_add(experiment.len() + LEAF)
            }
            Self::Member(key, members) => sum(key.0.iter().chain(members).map(|text| text.len() + 4)),
            Self::Draw(draw, ranges) => draw.size().saturating_mul(ranges.len().max(1)),
        }
    }
}

impl Draw {
    fn size(&self) -> usize {
        let salt = self.before.len() + self.after.len();
        sum(self.key.0.iter().map(String::len)).saturating_add(salt)
    }
}

impl Test {
    fn size(&self) -> usize {
        match self {
            Self::OneOf(values, _) | Self::NoneOf(values, _) => {
                sum(values.iter().map(|value| value.as_str().map_or(20, str::len) + 4))
            }
            Self::Part(_, parts, _) => sum(parts.iter().map(|part| part.len() + LEAF)),
            _ => LEAF,
        }
    }
}

impl Expression {
    fn new(node: Node) -> Self {
        let size = node.size();
        Self(Arc::new(Inner { node, size }))
    }

    /// What it is made of.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.0.node
    }

    /// How long it is about in SQL, in bytes. Shared parts count each time.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// The value if it is the same for every caller.
    #[must_use]
    pub fn constant(&self) -> Option<bool> {
        match self.node() {
            Node::Constant(value) => Some(*value),
            _ => None,
        }
    }

    /// The same for every caller.
    #[must_use]
    pub fn always(value: bool) -> Self {
        Self::new(Node::Constant(value))
    }

    /// All of these conditions; true if there are none.
    #[must_use]
    pub fn all(list: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(list, true, Node::All)
    }

    /// One of these conditions; false if there are none.
    #[must_use]
    pub fn any(list: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(list, false, Node::Any)
    }

    /// `neutral` changes nothing, and the opposite decides.
    fn joined(list: impl IntoIterator<Item = Self>, neutral: bool, node: fn(Vec<Self>) -> Node) -> Self {
        let mut left = Vec::new();
        for one in list {
            match one.constant() {
                Some(value) if value == neutral => {}
                Some(_) => return one,
                None => left.push(one),
            }
        }
        match left.len() {
            0 => Self::always(neutral),
            1 => left.remove(0),
            _ => Self::new(node(left)),
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negated(&self) -> Self {
        match self.node() {
            Node::Constant(value) => Self::always(!value),
            Node::Not(inner) => inner.clone(),
            _ => Self::new(Node::Not(self.clone())),
        }
    }

    /// At least `count` of these conditions.
    #[must_use]
    pub fn at_least(count: usize, list: Vec<Self>) -> Self {
        match count {
            0 => Self::always(true),
            1 => Self::any(list),
            _ if count > list.len() => Self::always(false),
            _ if count == list.len() => Self::all(list),
            _ => Self::new(Node::AtLeast(count, list)),
        }
    }

    /// The result of the first of these conditions that is met, or else `otherwise`.
    #[must_use]
    pub fn choose(cases: impl IntoIterator<Item = (Self, Self)>, otherwise: Self) -> Self {
        let (mut left, mut otherwise) = (Vec::new(), otherwise);
        for (when, then) in cases {
            match when.constant() {
                Some(false) => {}
                Some(true) => {
                    otherwise = then;
                    break;
                }
                None => left.push((when, then)),
            }
        }
        let fixed = otherwise.constant();
        while fixed.is_some() && left.last().is_some_and(|(_, then)| then.constant() == fixed) {
            left.pop();
        }
        let are_on = left.iter().all(|(_, then)| then.constant() == Some(true));
        match otherwise.constant() {
            _ if left.is_empty() => otherwise,
            Some(false) if are_on => Self::any(left.into_iter().map(|(when, _)| when)),
            _ => Self::new(Node::Choose(left, otherwise)),
        }
    }

    /// A test of an attribute.
    #[must_use]
    pub fn attribute(name: impl Into<String>, test: Test) -> Self {
        match test {
            Test::OneOf(values, _) if values.is_empty() => Self::always(false),
            Test::NoneOf(values, _) if values.is_empty() => {
                Self::new(Node::Attribute(name.into(), Test::Exists))
            }
            Test::Part(_, parts, _) if parts.is_empty() => Self::always(false),
            test => Self::new(Node::Attribute(name.into(), test)),
        }
    }

    /// The time is in a window: from its start, inclusive, to its end, exclusive.
    #[must_use]
    pub fn clock(from: Option<Time>, to: Option<Time>) -> Self {
        Self::new(Node::Clock(from, to))
    }

    /// The key of the caller is one of these members.
    #[must_use]
    pub fn member(key: Key, members: Vec<String>) -> Self {
        if members.is_empty() { Self::always(false) } else { Self::new(Node::Member(key, members)) }
    }

    /// The position of the caller in a draw is in one of these ranges, whose ends are exclusive.
    #[must_use]
    pub fn draw(draw: Draw, ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let ranges: Vec<_> = ranges.into_iter().filter(|(start, end)| start < end).collect();
        if ranges.is_empty() { Self::always(false) } else { Self::new(Node::Draw(draw, ranges)) }
    }

    /// The time is in one of these parts of a week: seconds since Monday 00:00 in UTC, whose ends are exclusive.
    #[must_use]
    pub fn week(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let ranges: Vec<_> = ranges.into_iter().filter(|(start, end)| start < end).collect();
        if ranges.is_empty() { Self::always(false) } else { Self::new(Node::Week(ranges)) }
    }

    /// The position of the caller in a draw is below a limit that rises. It has no meaning before and after the
    /// rise.
    #[must_use]
    pub fn rising(draw: Draw, rise: Rise) -> Self {
        Self::new(Node::Rising(draw, rise))
    }

    /// The key of the caller is that of a unit whose remembered variant in an experiment is one of these.
    #[must_use]
    pub fn remembered(key: Key, experiment: impl Into<Arc<str>>, variants: Vec<String>) -> Self {
        if variants.is_empty() {
            return Self::always(false);
        }
        Self::new(Node::Remembered(key, experiment.into(), variants))
    }

    /// The condition of the activation at a place.
    pub(crate) fn of(self, place: Arc<Place>) -> Self {
        if self.constant().is_some() { self } else { Self::new(Node::Of(place, self)) }
    }
}

/// The variant of a caller, or null.
#[derive(Clone, Debug, PartialEq)]
pub struct VariantExpression(Arc<(VariantNode, usize)>);

/// What a [`VariantExpression`] is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum VariantNode {
    /// The same for every caller.
    Constant(Option<String>),
    /// The result of the first of these conditions that is met, or else null.
    Case(Vec<(Expression, VariantExpression)>),
    /// The first that is not null.
    First(Vec<VariantExpression>),
}

impl VariantExpression {
    fn new(node: VariantNode) -> Self {
        let size = match &node {
            VariantNode::Constant(name) => name.as_ref().map_or(4, |name| name.len() + 2),
            VariantNode::Case(cases) => {
                sum(cases.iter().map(|(when, then)| when.size().saturating_add(then.size())))
            }
            VariantNode::First(list) => sum(list.iter().map(Self::size)),
        };
        Self(Arc::new((node, size)))
    }

    /// What it is made of.
    #[must_use]
    pub fn node(&self) -> &VariantNode {
        &self.0.0
    }

    /// How long it is about in SQL, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.1
    }

    /// No variant.
    #[must_use]
    pub fn none() -> Self {
        Self::new(VariantNode::Constant(None))
    }

    /// This variant for every caller.
    #[must_use]
    pub fn name(name: impl Into<String>) -> Self {
        Self::new(VariantNode::Constant(Some(name.into())))
    }

    /// Whether no caller gets one.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self.node(), VariantNode::Constant(None))
    }

    /// The result of the first of these conditions that is met.
    #[must_use]
    pub fn case(cases: impl IntoIterator<Item = (Expression, Self)>) -> Self {
        let (mut left, mut ends) = (Vec::new(), false);
        for (when, then) in cases {
            if ends || when.constant() == Some(false) {
                continue;
            }
            ends = when.constant() == Some(true);
            left.push((when, then));
        }
        while left.last().is_some_and(|(_, then)| then.is_none()) {
            left.pop();
        }
        match left.first() {
            None => Self::none(),
            Some((when, then)) if when.constant() == Some(true) => then.clone(),
            Some(_) => Self::new(VariantNode::Case(left)),
        }
    }

    /// The first that is not null.
    #[must_use]
    pub fn first(list: impl IntoIterator<Item = Self>) -> Self {
        let mut left: Vec<Self> = Vec::new();
        for one in list {
            if one.is_none() {
                continue;
            }
            let is_last = matches!(one.node(), VariantNode::Constant(Some(_)));
            left.push(one);
            if is_last {
                break;
            }
        }
        match left.len() {
            0 => Self::none(),
            1 => left.remove(0),
            _ => Self::new(VariantNode::First(left)),
        }
    }

    /// Whether the variant is one of these; with `None`, whether there is one.
    #[must_use]
    pub fn is_one_of(&self, names: Option<&[String]>) -> Expression {
        match self.node() {
            VariantNode::Constant(None) => Expression::always(false),
            VariantNode::Constant(Some(name)) => {
                Expression::always(names.is_none_or(|names| names.contains(name)))
            }
            VariantNode::Case(cases) => {
                let cases = cases.iter().map(|(when, then)| (when.clone(), then.is_one_of(names)));
                Expression::choose(cases, Expression::always(false))
            }
            VariantNode::First(list) => {
                let case = |one: &Self| (one.is_one_of(None), one.is_one_of(names));
                Expression::choose(list.iter().map(case), Expression::always(false))
            }
        }
    }
}

//! What a flag does, without the types of novi's activations: what other systems are written from.

use chrono::{DateTime, Utc};
use novi_files::Tree;

/// Whether something is on for a caller.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Const(bool),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// The result of the first case whose condition is on, or else the last.
    Choose(Vec<(Condition, Condition)>, Box<Condition>),
    /// An activation of the document, by its name.
    Shared(String),
    Test(Test),
}

/// A condition on the caller or the time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// The attribute is one of these strings, numbers and booleans.
    In(String, Vec<Tree>),
    /// The attribute has a value.
    Exists(String),
    /// The attribute is a value of this kind.
    Is(String, Kind),
    /// A string with one of some parts.
    Parts { attribute: String, place: Place, parts: Vec<String>, ignore_case: bool },
    /// A number in an order with a limit.
    Order(String, Sign, f64),
    /// A version, in an order with a complete one; strict if it must be written as in semver 2.0.
    Version { attribute: String, sign: Sign, version: String, is_strict: bool },
    /// An IP address in one of these networks.
    Network(String, Vec<String>),
    /// A string with a match of a regular expression.
    Regex { attribute: String, pattern: String, ignore_case: bool },
    /// A time before or after an instant.
    Moment { attribute: String, is_after: bool, limit: DateTime<Utc> },
    /// The time of the evaluation, from the first instant to before the second.
    Clock(Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    /// A share of the callers.
    Share(Draw),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Number,
    Boolean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    Start,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Buckets of callers by a hash.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draw {
    pub(super) hash: String,
    /// `None` is the name of the evaluated flag.
    pub(super) salt: Option<String>,
    /// The attributes, of which the first with a value counts.
    pub(super) by: Vec<String>,
    pub(super) purpose: Purpose,
    /// Whether callers keep the variant that was recorded first.
    pub(super) is_remembered: bool,
    /// Numbers of buckets in their order, and the variant of each. Without one, callers are off.
    pub(super) buckets: Vec<(Option<String>, u64)>,
}

/// What a draw is for: some hashes depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Share,
    /// Numbered buckets.
    Ranges,
    Variants,
}

/// How a draw differs elsewhere if novi remembers its variants.
pub(super) const DRAWN_AGAIN: &str = "callers whose variant novi remembers are drawn again";

/// The name of the only variant of a share, which is not one of the flag.
pub(super) const IN: &str = "in";

/// What a flag gives to a caller.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Give {
    Off,
    /// On, without a variant.
    On,
    Variant(String),
    /// The variant of a bucket.
    Draw(Draw),
}

/// A decision: what the first case gives whose condition is on, or else the last.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Give(Give),
    Choose(Vec<(Condition, Node)>, Box<Node>),
}

impl Condition {
    pub(super) fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(true, conditions, Self::All)
    }

    pub(super) fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(false, conditions, Self::Any)
    }

    fn joined(
        neutral: bool,
        conditions: impl IntoIterator<Item = Self>,
        join: fn(Vec<Self>) -> Self,
    ) -> Self {
        let mut left = Vec::new();
        for condition in conditions {
            match condition {
                Self::Const(value) if value == neutral => (),
                Self::Const(value) => return Self::Const(value),
                condition => left.push(condition),
            }
        }
        match left.len() {
            0 => Self::Const(neutral),
            1 => left.remove(0),
            _ => join(left),
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Const(value) => Self::Const(!value),
            Self::Not(inner) => *inner,
            condition => Self::Not(Box::new(condition)),
        }
    }
}

impl Node {
    /// On where a condition is.
    pub(super) fn of(condition: Condition) -> Self {
        match condition {
            Condition::Const(true) => Self::Give(Give::On),
            Condition::Const(false) => Self::Give(Give::Off),
            condition => {
                Self::Choose(vec![(condition, Self::Give(Give::On))], Box::new(Self::Give(Give::Off)))
            }
        }
    }

    /// What the first case gives, without those that never apply.
    pub(super) fn choose(cases: Vec<(Condition, Self)>, otherwise: Self) -> Self {
        let mut left = Vec::new();
        let mut otherwise = otherwise;
        for (when, node) in cases {
            match when {
                Condition::Const(false) => (),
                Condition::Const(true) => {
                    otherwise = node;
                    break;
                }
                when => left.push((when, node)),
            }
        }
        while left.last().is_some_and(|(_, node)| *node == otherwise) {
            left.pop();
        }
        if left.is_empty() { otherwise } else { Self::Choose(left, Box::new(otherwise)) }
    }

    /// Everything that is given to anybody.
    pub(super) fn gives(&self) -> Vec<&Give> {
        let (mut found, mut left) = (Vec::new(), vec![self]);
        while let Some(node) = left.pop() {
            match node {
                Self::Give(give) => found.push(give),
                Self::Choose(cases, otherwise) => {
                    left.extend(cases.iter().map(|(_, node)| node));
                    left.push(otherwise);
                }
            }
        }
        found
    }

    /// Whether some callers get a variant.
    pub(super) fn assigns(&self) -> bool {
        self.gives().iter().any(|give| matches!(give, Give::Variant(_) | Give::Draw(_)))
    }

    /// Whether some callers are on without a variant.
    pub(super) fn is_on_without_variant(&self) -> bool {
        self.gives().contains(&&Give::On)
    }

    /// Whether the caller is on.
    pub(super) fn condition(self) -> Condition {
        match self {
            Self::Give(Give::Off) => Condition::Const(false),
            Self::Give(Give::On | Give::Variant(_)) => Condition::Const(true),
            Self::Give(Give::Draw(draw)) => draw.share(),
            Self::Choose(cases, otherwise) => {
                let otherwise = otherwise.condition();
                let cases: Vec<_> = cases.into_iter().map(|(when, node)| (when, node.condition())).collect();
                if otherwise == Condition::Const(false)
                    && cases.iter().all(|(_, on)| *on == Condition::Const(true))
                {
                    return Condition::any(cases.into_iter().map(|(when, _)| when));
                }
                match <[_; 1]>::try_from(cases) {
                    Ok([(when, on)]) if otherwise == Condition::Const(false) => Condition::all([when, on]),
                    Ok([(when, Condition::Const(false))]) => Condition::all([when.not(), otherwise]),
                    Ok(cases) => Condition::Choose(cases.into(), Box::new(otherwise)),
                    Err(cases) => Condition::Choose(cases, Box::new(otherwise)),
                }
            }
        }
    }
}

impl Draw {
    /// Whether the caller is in a bucket with a variant.
    pub(super) fn share(self) -> Condition {
        if self.buckets.iter().all(|(name, size)| name.is_none() || *size == 0) {
            return Condition::Const(false);
        }
        let mut buckets: Vec<(Option<String>, u64)> = Vec::new();
        for (name, size) in self.buckets {
            let name = name.map(|_| IN.to_owned());
            match buckets.last_mut() {
                Some((last, sum)) if *last == name => *sum = sum.saturating_add(size),
                _ => buckets.push((name, size)),
            }
        }
        Condition::Test(Test::Share(Self { buckets, ..self }))
    }

    /// The number of buckets.
    pub(super) fn total(&self) -> u64 {
        self.buckets.iter().map(|(_, size)| *size).fold(0, u64::saturating_add)
    }
}

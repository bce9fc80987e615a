//! A decision as a list of alternatives, each a list of conditions that must all be met.

use chrono::{DateTime, Utc};

use super::is_constraint;
use crate::export::{
    condition::{Condition, Draw, Give, Node, Test},
    source::Source,
};

/// More alternatives than this are too many strategies: Unleash has at most 30 by default.
const MOST: usize = 30;

/// A condition of an alternative.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Test {
        test: Test,
        is_inverted: bool,
    },
    /// The time of the evaluation is not before an instant, or before it.
    Time {
        limit: DateTime<Utc>,
        is_after: bool,
    },
    Draw(Draw),
    /// An activation for several flags, and its conditions.
    Segment(String, Vec<Literal>),
}

type Conjunction = Vec<Literal>;

/// What a flag gives: the first alternative that is met counts.
pub(super) struct Alternatives(pub(super) Vec<(Conjunction, Give)>);

impl Alternatives {
    pub(super) fn of(node: &Node, source: &Source) -> Result<Self, String> {
        let mut found = Vec::new();
        Reader { source }.node(node, &[Vec::new()], &mut found)?;
        Ok(Self(found))
    }
}

struct Reader<'a> {
    source: &'a Source,
}

impl Reader<'_> {
    fn node(
        &self,
        node: &Node,
        within: &[Conjunction],
        found: &mut Vec<(Conjunction, Give)>,
    ) -> Result<(), String> {
        match node {
            Node::Give(Give::Off) => Ok(()),
            Node::Give(give) => {
                found.extend(within.iter().map(|all| (all.clone(), give.clone())));
                checked(found.len())
            }
            Node::Choose(cases, otherwise) => {
                let mut left = within.to_vec();
                for (when, node) in cases {
                    self.node(node, &both(&left, &self.condition(when, false)?)?, found)?;
                    // A later alternative would turn on who is off here.
                    if node.gives().iter().any(|give| matches!(give, Give::Off | Give::Draw(_))) {
                        left = both(&left, &self.condition(when, true)?)?;
                    }
                }
                self.node(otherwise, &left, found)
            }
        }
    }

    /// The alternatives in which a condition is met, or not.
    fn condition(&self, condition: &Condition, is_negated: bool) -> Result<Vec<Conjunction>, String> {
        match condition {
            Condition::Const(value) => Ok(if *value == is_negated { Vec::new() } else { vec![Vec::new()] }),
            Condition::Not(inner) => self.condition(inner, !is_negated),
            Condition::All(list) if !is_negated => self.all(list, false),
            Condition::Any(list) if is_negated => self.all(list, true),
            Condition::All(list) | Condition::Any(list) => self.any(list, is_negated),
            Condition::Choose(cases, otherwise) => {
                let mut left = vec![Vec::new()];
                let mut found = Vec::new();
                for (when, is_on) in cases {
                    let met = both(&left, &self.condition(when, false)?)?;
                    found.extend(both(&met, &self.condition(is_on, is_negated)?)?);
                    left = both(&left, &self.condition(when, true)?)?;
                }
                found.extend(both(&left, &self.condition(otherwise, is_negated)?)?);
                checked(found.len())?;
                Ok(found)
            }
            Condition::Shared(name) => {
                let found = self.condition(&self.source.shared(name)?.condition(), is_negated)?;
                match found.as_slice() {
                    [all] if !is_negated && all.iter().all(is_constraint) => {
                        Ok(vec![vec![Literal::Segment(name.clone(), all.clone())]])
                    }
                    _ => Ok(found),
                }
            }
            Condition::Test(test) => literals(test, is_negated),
        }
    }

    fn all(&self, list: &[Condition], is_negated: bool) -> Result<Vec<Conjunction>, String> {
        list.iter().try_fold(vec![Vec::new()], |before, condition| {
            both(&before, &self.condition(condition, is_negated)?)
        })
    }

    fn any(&self, list: &[Condition], is_negated: bool) -> Result<Vec<Conjunction>, String> {
        let mut found = Vec::new();
        for condition in list {
            found.extend(self.condition(condition, is_negated)?);
            checked(found.len())?;
        }
        Ok(found)
    }
}

/// The alternatives of a test.
fn literals(test: &Test, is_negated: bool) -> Result<Vec<Conjunction>, String> {
    let one = |literal: Literal| Ok(vec![vec![literal]]);
    match test {
        Test::Share(_) if is_negated => {
            Err("Unleash cannot turn a share of the callers off, without which others are on".to_owned())
        }
        Test::Share(draw) => one(Literal::Draw(draw.clone())),
        Test::Clock(start, end) => {
            let start = start.map(|limit| Literal::Time { limit, is_after: !is_negated });
            let end = end.map(|limit| Literal::Time { limit, is_after: is_negated });
            let both = start.into_iter().chain(end);
            Ok(if is_negated { both.map(|literal| vec![literal]).collect() } else { vec![both.collect()] })
        }
        test => one(Literal::Test { test: test.clone(), is_inverted: is_negated }),
    }
}

/// The alternatives in which both are met.
fn both(one: &[Conjunction], other: &[Conjunction]) -> Result<Vec<Conjunction>, String> {
    checked(one.len().saturating_mul(other.len()))?;
    let mut found: Vec<Conjunction> = Vec::new();
    for first in one {
        for second in other {
            let mut all = first.clone();
            for literal in second {
                if !all.contains(literal) {
                    all.push(literal.clone());
                }
            }
            if !is_never(&all) && !found.contains(&all) {
                found.push(all);
            }
        }
    }
    Ok(found)
}

/// Whether a condition and its opposite are among these.
fn is_never(all: &[Literal]) -> bool {
    all.iter().any(|literal| match literal {
        Literal::Test { test, is_inverted } => {
            all.contains(&Literal::Test { test: test.clone(), is_inverted: !is_inverted })
        }
        _ => false,
    })
}

fn checked(count: usize) -> Result<(), String> {
    if count <= MOST { Ok(()) } else { Err(format!("it would have more than {MOST} strategies in Unleash")) }
}

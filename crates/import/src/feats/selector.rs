//! What chooses an implementation.

use std::collections::BTreeMap;

use novi_files::Tree;

use crate::{
    config::{DEFAULT_KEY, fields, inline, text, texts},
    error::parse_json,
    feats::attributes::Attributes,
    options::Options,
};

/// What is known beside a state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) attributes: &'a Attributes,
    pub(super) options: &'a Options,
    /// The groups of experiments that callers have.
    pub(super) groups: Option<&'a BTreeMap<String, String>>,
}

/// The largest sum of weights that the hash has.
const MAX_TOTAL: u64 = 4_095;

#[derive(Clone, Debug)]
pub(super) enum Selector {
    /// The same implementation for all.
    Static(String),
    /// Shares of callers, by a hash.
    Rollout { segment: String, weights: Tree },
    /// Shares of callers, drawn at random and remembered.
    Experiment { persister: String, weights: Tree },
}

impl Selector {
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let selector = parse_json(json).map_err(|error| error.to_string())?;
        let kind = selector.get("type").and_then(Tree::as_str).ok_or("expected a `type`")?;
        let data = selector.get("data").ok_or("expected `data`")?;
        let string = |name: &str| {
            let found = data.get(name).and_then(Tree::as_str).map(str::to_owned);
            found.ok_or_else(|| format!("data.{name}: expected a string"))
        };
        Ok(match kind {
            "feats.selector.Static" => Self::Static(string("value")?),
            "feats.selector.Rollout" => {
                let weights = data.get("weights").ok_or("expected data.weights")?.clone();
                check_integers(&weights)?;
                Self::Rollout { segment: string("segment")?, weights }
            }
            "feats.selector.Experiment" => {
                let weights = data.get("weights").ok_or("expected data.weights")?.clone();
                if weights.as_fields().is_none() {
                    return Err(format!("data.weights: expected an object, found {}", weights.to_json()));
                }
                Self::Experiment { persister: string("persister")?, weights }
            }
            other => return Err(format!("the selector {other:?} is the program's own")),
        })
    }

    /// The segment of a rollout.
    pub(super) fn segment_of(json: &str) -> Option<String> {
        match Self::parse(json) {
            Ok(Self::Rollout { segment, .. }) => Some(segment),
            _ => None,
        }
    }

    /// As an activation.
    pub(super) fn activation(self, scope: &Scope<'_>, differences: &mut Vec<String>) -> Result<Tree, String> {
        Ok(match self {
            Self::Static(variant) => inline("novi.static", fields([("variant", text(variant))])),
            Self::Rollout { .. } => inline("novi.split", self.split(scope)?),
            Self::Experiment { ref persister, .. } => {
                let by = &scope.options.by;
                differences.push(format!(
                    "an experiment draws at random, and {persister} remembers the groups, which are not in Redis: \
                     callers {}are divided by a hash of `{by}`",
                    if scope.groups.is_some() { "without one of the groups that were given " } else { "" },
                ));
                let by_hash = self.split(scope)?;
                match scope.groups {
                    None => inline("novi.split", by_hash),
                    Some(groups) => remembered(groups, by, by_hash),
                }
            }
        })
    }

    /// As the result of a case.
    pub(super) fn result(self, scope: &Scope<'_>, differences: &mut Vec<String>) -> Result<Tree, String> {
        if let Self::Static(variant) = self {
            return Ok(fields([("variant", text(variant))]));
        }
        if matches!(self, Self::Rollout { .. }) {
            return Ok(fields([("split", self.split(scope)?)]));
        }
        Ok(fields([("then", self.activation(scope, differences)?)]))
    }

    /// The config of a split.
    fn split(self, scope: &Scope<'_>) -> Result<Tree, String> {
        Ok(fields(match self {
            Self::Static(variant) => vec![("variants", fields([(variant, Tree::Number(1.into()))]))],
            Self::Rollout { segment, weights } => {
                let by = scope.attributes.get(&segment)?;
                vec![("variants", weights), ("by", text(by)), ("hash", text("blake2s"))]
            }
            Self::Experiment { weights, .. } => {
                let mut config = vec![("variants", weights)];
                if scope.options.by != DEFAULT_KEY {
                    config.push(("by", text(scope.options.by.as_str())));
                }
                config
            }
        }))
    }
}

/// The groups that callers have, and a split for the others.
fn remembered(groups: &BTreeMap<String, String>, by: &str, by_hash: Tree) -> Tree {
    let mut callers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (caller, group) in groups {
        callers.entry(group).or_default().push(caller);
    }
    let rule = |(group, callers): (&str, Vec<&str>)| {
        let list = fields([("allow", texts(callers)), ("by", text(by))]);
        fields([("when", inline("novi.members", list)), ("variant", text(group))])
    };
    let rules = callers.into_iter().map(rule).collect();
    inline(
        "novi.rules",
        fields([("rules", Tree::List(rules)), ("fallthrough", fields([("split", by_hash)]))]),
    )
}

/// The hash is taken modulo the sum.
fn check_integers(weights: &Tree) -> Result<(), String> {
    let expected = || {
        format!(
            "data.weights: expected whole numbers with a sum from 1 to {MAX_TOTAL}, found {}",
            weights.to_json()
        )
    };
    let mut total = 0_u64;
    for (_, weight) in weights.as_fields().ok_or_else(expected)? {
        let Tree::Number(number) = weight else { return Err(expected()) };
        total = total.saturating_add(number.as_u64().ok_or_else(expected)?);
    }
    if (1..=MAX_TOTAL).contains(&total) { Ok(()) } else { Err(expected()) }
}

//! What chooses an implementation.

use novi_files::Tree;

use crate::{
    config::{DEFAULT_KEY, fields, inline, text},
    error::parse_json,
    feats::attributes::Attributes,
    options::Options,
};

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
    pub(super) fn activation(
        self,
        attributes: &Attributes,
        options: &Options,
        differences: &mut Vec<String>,
    ) -> Result<Tree, String> {
        if let Self::Static(variant) = self {
            return Ok(inline("novi.static", fields([("variant", text(variant))])));
        }
        Ok(inline("novi.split", self.split(attributes, options, differences)?))
    }

    /// As the result of a case.
    pub(super) fn result(
        self,
        attributes: &Attributes,
        options: &Options,
        differences: &mut Vec<String>,
    ) -> Result<Tree, String> {
        if let Self::Static(variant) = self {
            return Ok(fields([("variant", text(variant))]));
        }
        Ok(fields([("split", self.split(attributes, options, differences)?)]))
    }

    /// The config of a split.
    fn split(
        self,
        attributes: &Attributes,
        options: &Options,
        differences: &mut Vec<String>,
    ) -> Result<Tree, String> {
        let mut config = Vec::new();
        match self {
            Self::Static(variant) => config.push(("variants", fields([(variant, Tree::Number(1.into()))]))),
            Self::Rollout { segment, weights } => {
                config.push(("variants", weights));
                config.push(("by", text(attributes.get(&segment)?)));
                config.push(("hash", text("blake2s")));
            }
            Self::Experiment { persister, weights } => {
                config.push(("variants", weights));
                if options.by != DEFAULT_KEY {
                    config.push(("by", text(options.by.as_str())));
                }
                differences.push(format!(
                    "an experiment draws at random, and {persister} remembers the groups, which are not in Redis: here \
                     callers are divided by a hash of `{}`",
                    options.by
                ));
            }
        }
        Ok(fields(config))
    }
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

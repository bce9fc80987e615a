//! Alternatives as strategies.

use std::collections::BTreeSet;

use novi_files::Tree;

use super::{
    PROJECT, Segments,
    alternatives::{Alternatives, Literal},
    attribute, constraint,
};
use crate::{
    config::{fields, text},
    export::condition::{DRAWN_AGAIN, Draw, Give, Purpose},
};

/// The sum of the weights of variants.
const WEIGHTS: u64 = 1_000;

/// Writes the strategies of one flag.
pub(super) struct Strategies<'s> {
    pub(super) flag: &'s str,
    pub(super) environment: &'s str,
    /// The variants that have values.
    pub(super) variants: &'s [(String, Option<Tree>)],
    pub(super) segments: &'s mut Segments,
    pub(super) contexts: &'s mut BTreeSet<String>,
    pub(super) differences: &'s mut BTreeSet<String>,
}

/// Who is in a strategy.
struct Rollout {
    percentage: u64,
    stickiness: String,
    group: String,
}

impl Strategies<'_> {
    pub(super) fn write(&mut self, Alternatives(alternatives): &Alternatives) -> Result<Vec<Tree>, String> {
        // A feature without strategies is on.
        if alternatives.is_empty() {
            let nobody = Rollout { percentage: 0, ..self.everybody() };
            return Ok(vec![self.strategy(0, nobody, [Vec::new(), Vec::new(), Vec::new()])]);
        }
        let strategy =
            |(index, (all, give)): (usize, &(Vec<Literal>, Give))| self.alternative(index, all, give);
        alternatives.iter().enumerate().map(strategy).collect()
    }

    fn everybody(&self) -> Rollout {
        Rollout { percentage: 100, stickiness: "default".to_owned(), group: self.flag.to_owned() }
    }

    fn alternative(&mut self, index: usize, all: &[Literal], give: &Give) -> Result<Tree, String> {
        let (mut constraints, mut segments, mut draws) = (Vec::new(), Vec::new(), Vec::new());
        for literal in all {
            match literal {
                Literal::Draw(draw) => draws.push(draw),
                Literal::Segment(name, literals) => {
                    let mut list = Vec::new();
                    for literal in literals {
                        list.extend(self.constraint(literal)?);
                    }
                    let id = self.segments.id(name, || Ok(list))?;
                    segments.push(Tree::Number(id.into()));
                }
                literal => constraints.extend(self.constraint(literal)?),
            }
        }
        let rollout = match draws.as_slice() {
            [] => None,
            [draw] => Some(self.rollout(draw)?),
            _ => return Err("Unleash has one share of the callers in a strategy".to_owned()),
        };
        let (rollout, variants) = match give {
            Give::Variant(name) => {
                let rollout = rollout.unwrap_or_else(|| self.everybody());
                let variants = vec![self.variant(name, WEIGHTS, &rollout.stickiness)];
                (rollout, variants)
            }
            Give::Draw(draw) => self.split(draw, rollout)?,
            Give::On | Give::Off => (rollout.unwrap_or_else(|| self.everybody()), Vec::new()),
        };
        Ok(self.strategy(index, rollout, [constraints, segments, variants]))
    }

    fn constraint(&mut self, literal: &Literal) -> Result<Option<Tree>, String> {
        let found = match literal {
            Literal::Test { test, is_inverted } => {
                constraint::constraint(test, *is_inverted, self.differences)?
            }
            Literal::Time { limit, is_after } => Some(constraint::time(*limit, *is_after)?),
            Literal::Draw(_) | Literal::Segment(..) => None,
        };
        let name = found.as_ref().and_then(|found| found.get("contextName")).and_then(Tree::as_str);
        self.contexts.extend(name.map(str::to_owned));
        Ok(found)
    }

    /// The attribute of a draw, and the group that is hashed with it.
    fn key(&mut self, draw: &Draw) -> Result<(String, String), String> {
        if draw.is_remembered {
            self.differences.insert(DRAWN_AGAIN.to_owned());
        }
        let by: Vec<&str> = draw.by.iter().map(|name| attribute(name)).collect();
        let stickiness = match by.as_slice() {
            ["default" | "random"] => return Err("Unleash has no attribute with such a name".to_owned()),
            [name] => (*name).to_owned(),
            ["userId", "sessionId"] => {
                self.differences.insert(
                    "callers without `userId` and `sessionId` are off; Unleash draws them at random"
                        .to_owned(),
                );
                "default".to_owned()
            }
            _ => return Err("a draw by several attributes has no equivalent".to_owned()),
        };
        if draw.hash == "unleash" {
            return Ok((stickiness, draw.salt.clone().unwrap_or_else(|| self.flag.to_owned())));
        }
        self.differences
            .insert(format!("Unleash draws other callers than `{}`, in the same shares", draw.hash));
        Ok((stickiness, self.flag.to_owned()))
    }

    /// A share of the callers, from the first bucket on.
    fn rollout(&mut self, draw: &Draw) -> Result<Rollout, String> {
        let (size, total) = match draw.buckets.as_slice() {
            [(Some(_), size)] => (*size, *size),
            [(Some(_), size), (None, _)] => (*size, draw.total()),
            _ => return Err("Unleash has no ranges of buckets".to_owned()),
        };
        let scaled = size.saturating_mul(100);
        let is_exact = draw.hash == "unleash" && draw.purpose == Purpose::Share;
        let percentage = match total {
            0 => 0,
            // Its own hash has a hundred places.
            _ if is_exact => scaled / total,
            _ => (scaled + total / 2) / total,
        };
        if !is_exact && percentage < 100 {
            if percentage.saturating_mul(total) != scaled {
                self.differences.insert("Unleash's percentages are whole numbers".to_owned());
            }
            if draw.hash == "unleash" {
                self.differences
                    .insert("Unleash draws other callers than the buckets, in the same share".to_owned());
            }
        }
        let (stickiness, group) = self.key(draw)?;
        Ok(Rollout { percentage, stickiness, group })
    }

    /// Who gets which variant.
    fn split(&mut self, draw: &Draw, rollout: Option<Rollout>) -> Result<(Rollout, Vec<Tree>), String> {
        let mut weights: Vec<(&str, u64)> = Vec::new();
        for (name, size) in &draw.buckets {
            let Some(name) = name else {
                if *size == 0 {
                    continue;
                }
                return Err("Unleash cannot divide a part of the callers among variants".to_owned());
            };
            if weights.iter().any(|(known, _)| known == name) {
                return Err("Unleash has one range of callers for each variant".to_owned());
            }
            weights.push((name, *size));
        }
        let (stickiness, group) = self.key(draw)?;
        let total = draw.total();
        if draw.hash == "unleash"
            && (total != WEIGHTS || draw.purpose != Purpose::Variants)
            && weights.len() > 1
        {
            self.differences
                .insert(format!("Unleash's weights have the sum {WEIGHTS}: callers change their variant"));
        }
        let rollout = match rollout {
            Some(rollout) => {
                if rollout.stickiness != stickiness {
                    self.differences.insert(format!(
                        "callers without `{stickiness}` are off; Unleash draws them at random"
                    ));
                }
                if rollout.group != group {
                    self.differences.insert(
                        "Unleash draws share and variant by one group: other callers get the variants"
                            .to_owned(),
                    );
                }
                rollout
            }
            // Callers without the attribute are in no rollout, also in none of all callers.
            None => Rollout { percentage: 100, stickiness: stickiness.clone(), group },
        };
        let mut before = 0;
        let mut variants = Vec::new();
        let mut sum = 0_u64;
        for (name, size) in weights {
            sum = sum.saturating_add(size);
            let end = sum.saturating_mul(WEIGHTS).checked_div(total).unwrap_or_default();
            variants.push(self.variant(name, end.saturating_sub(before), &stickiness));
            before = end;
        }
        Ok((rollout, variants))
    }

    fn variant(&mut self, name: &str, weight: u64, stickiness: &str) -> Tree {
        let mut variant = vec![
            ("name", text(name)),
            ("weight", Tree::Number(weight.into())),
            ("weightType", text("fix")),
            ("stickiness", text(stickiness)),
        ];
        let value = self.variants.iter().find(|(known, _)| known == name);
        if let Some((_, Some(value))) = value {
            let (kind, value) = match value {
                Tree::String(value) => ("string", value.clone()),
                value => {
                    self.differences.insert("payloads of Unleash are strings".to_owned());
                    (if value.as_f64().is_some() { "number" } else { "json" }, value.to_json())
                }
            };
            variant.push(("payload", fields([("type", text(kind)), ("value", text(value))])));
        }
        fields(variant)
    }

    fn strategy(&mut self, index: usize, rollout: Rollout, lists: [Vec<Tree>; 3]) -> Tree {
        let Rollout { percentage, stickiness, group } = rollout;
        if stickiness != "default" {
            self.contexts.insert(stickiness.clone());
        }
        let parameters = fields([
            ("rollout", text(percentage.to_string())),
            ("stickiness", text(stickiness)),
            ("groupId", text(group)),
        ]);
        let [constraints, segments, variants] = lists.map(Tree::List);
        fields([
            ("id", text(format!("{}-{index}", self.flag))),
            ("name", text("flexibleRollout")),
            ("featureName", text(self.flag)),
            ("projectId", text(PROJECT)),
            ("environment", text(self.environment)),
            ("parameters", parameters),
            ("constraints", constraints),
            ("segments", segments),
            ("variants", variants),
            ("sortOrder", Tree::Number(index.into())),
            ("disabled", Tree::Bool(false)),
        ])
    }
}

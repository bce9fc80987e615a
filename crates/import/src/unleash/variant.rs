//! Variants: a share of the callers for each, and overrides.

use std::collections::BTreeSet;

use novi_files::Tree;

use super::{feature::Translation, list, strategy::is_in};
use crate::config::{Given, always, fields, inline, or, rules, text, texts};

impl Translation<'_> {
    /// The variants of the feature itself, for callers whose strategy has none.
    pub(super) fn variants(&mut self) -> Result<Option<Tree>, String> {
        let feature = self.feature;
        if feature.variants.is_empty() {
            return Ok(None);
        }
        self.variant_of(feature.variants, feature.name, None)
    }

    /// The variant of a caller; `None` if all weights are 0, when Unleash assigns none.
    pub(super) fn variant_of(
        &mut self,
        variants: &[Tree],
        salt: &str,
        inherited: Option<&str>,
    ) -> Result<Option<Tree>, String> {
        let mut weights: Vec<(String, Tree)> = Vec::new();
        let mut names = BTreeSet::new();
        let mut total = 0;
        for variant in variants {
            let name = name_of(variant)?;
            let weight =
                if let Some(Tree::Number(weight)) = variant.get("weight") { weight.as_u64() } else { None };
            let weight = weight.ok_or_else(|| format!("the variant {name:?} has no weight"))?;
            if !names.insert(name) {
                return Err(format!("two variants are named {name:?}"));
            }
            total += u128::from(weight);
            weights.push((name.to_owned(), Tree::Number(weight.into())));
        }
        if total == 0 {
            return Ok(None);
        }
        let stickiness = variants.first().and_then(|first| first.get("stickiness")).and_then(Tree::as_str);
        let stickiness = stickiness.filter(|text| !text.is_empty()).or(inherited).unwrap_or("default");
        let by = match stickiness {
            "" | "default" => texts(["userId", "sessionId", "remoteAddress"]),
            "random" => texts(["userId", "sessionId"]),
            name => text(name),
        };
        if weights.len() > 1 {
            self.differs(match stickiness {
                "random" => "variants are drawn once, where Unleash draws at each evaluation".to_owned(),
                "" | "default" => {
                    "callers without `userId`, `sessionId` and `remoteAddress` get the first variant, where Unleash \
                     draws at random"
                        .to_owned()
                }
                name => format!("callers without `{name}` get the first variant, where Unleash draws at random"),
            });
        }
        let first = weights.iter().find(|(_, weight)| *weight != Tree::Number(0.into()));
        let first = first.map(|(name, _)| name.clone()).unwrap_or_default();
        let all = Given::Variant(first).activation();
        let split = if weights.len() > 1 {
            let config =
                [("variants", fields(weights)), ("hash", text("unleash")), ("salt", text(salt)), ("by", by)];
            or([inline("novi.split", fields(config)), all])
        } else {
            all
        };
        let mut overrides = Vec::new();
        for variant in variants {
            let name = name_of(variant)?;
            for over in list(variant, "overrides") {
                let attribute = over.get("contextName").and_then(Tree::as_str).unwrap_or_default();
                let values =
                    list(over, "values").iter().filter_map(Tree::as_str).map(str::to_owned).collect();
                overrides.push((is_in(attribute, values), Given::Variant(name.to_owned())));
            }
        }
        overrides.push((always(true), Given::Then(split)));
        Ok(Some(rules(overrides, Given::Off).activation()))
    }
}

fn name_of(variant: &Tree) -> Result<&str, String> {
    variant.get("name").and_then(Tree::as_str).ok_or_else(|| "a variant has no name".to_owned())
}

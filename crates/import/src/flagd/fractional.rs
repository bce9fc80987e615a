//! `fractional`: a share of the callers for each variant.

use novi_files::Tree;

use super::{
    condition::attribute_name,
    targeting::{Targeting, list},
};
use crate::{config::Given, shares::Hashed};

/// What flagd accepts for the sum of the weights.
const MAX_WEIGHT: u64 = 2_147_483_647;

/// Which attribute is hashed with which salt.
struct Key {
    by: String,
    salt: String,
}

/// Variants with their weights.
type Weighted<'t> = Vec<(&'t Tree, u64)>;

impl Targeting<'_> {
    pub(super) fn fractional(&mut self, arguments: &[Tree]) -> Result<Given, String> {
        if arguments.is_empty() {
            return Ok(self.default_variant());
        }
        let (key, buckets) = self.buckets(arguments)?;
        let mut shares = Vec::new();
        for (variant, weight) in buckets {
            shares.push((self.result(variant)?, weight));
        }
        self.drawn(key, shares, self.default_variant())
    }

    /// Whether the result of `fractional` is a string.
    pub(super) fn is_drawn(&mut self, arguments: &[Tree], wanted: &Tree) -> Result<Tree, String> {
        let (key, buckets) = self.buckets(arguments)?;
        let given = |variant| if variant == wanted { Given::On } else { Given::Off };
        let shares = buckets.into_iter().map(|(variant, weight)| (given(variant), weight)).collect();
        self.drawn(key, shares, Given::Off).map(Given::activation)
    }

    /// Gives each share of the callers to what it is for.
    fn drawn(&self, key: Key, shares: Vec<(Given, u64)>, otherwise: Given) -> Result<Given, String> {
        let total: u64 = shares.iter().map(|(_, weight)| *weight).fold(0, u64::saturating_add);
        if total > MAX_WEIGHT {
            return Err(format!(
                "the weights of `fractional` exceed {MAX_WEIGHT}, which is an error in flagd"
            ));
        }
        let hashed = Hashed {
            hash: "flagd",
            salt: (key.salt != self.flag).then_some(key.salt),
            by: (key.by != "targetingKey").then_some(key.by),
        };
        Ok(hashed.given(shares, total, otherwise))
    }

    /// What is hashed, and the variants with their weights.
    fn buckets<'t>(&mut self, arguments: &'t [Tree]) -> Result<(Key, Weighted<'t>), String> {
        let (key, buckets) = match arguments.split_first() {
            Some((key @ Tree::Fields(_), buckets)) => (self.key(key)?, buckets),
            _ => (Key { by: "targetingKey".to_owned(), salt: self.flag.to_owned() }, arguments),
        };
        let bucket = |bucket: &'t Tree| {
            let [variant, weight @ ..] = list(bucket) else { return Err(expected_bucket()) };
            if matches!(variant, Tree::Fields(_) | Tree::List(_)) {
                return Err("`fractional` with a computed variant has no equivalent".to_owned());
            }
            let weight = match weight {
                [] => 1,
                [Tree::Number(weight)] => {
                    weight.as_i64().map(|weight| weight.max(0)).ok_or_else(expected_bucket)?
                }
                [_] => return Err("`fractional` with a computed weight has no equivalent".to_owned()),
                _ => return Err(expected_bucket()),
            };
            Ok((variant, weight.unsigned_abs()))
        };
        Ok((key, buckets.iter().map(bucket).collect::<Result<_, _>>()?))
    }

    /// What is hashed: an attribute, or the flag's key and an attribute.
    fn key(&mut self, key: &Tree) -> Result<Key, String> {
        let unknown = || "`fractional` by what is no attribute has no equivalent".to_owned();
        match key.as_fields() {
            Some([(operation, name)]) if operation == "var" => {
                Ok(Key { by: attribute_name(name)?.to_owned(), salt: String::new() })
            }
            Some([(operation, Tree::List(parts))]) if operation == "cat" => {
                let [salt @ .., last] = parts.as_slice() else { return Err(unknown()) };
                let name = last.get("var").ok_or_else(unknown)?;
                let by = attribute_name(name)?.to_owned();
                let mut joined = String::new();
                for part in salt {
                    match part {
                        Tree::String(text) => joined.push_str(text),
                        part if part.get("var").and_then(Tree::as_str) == Some("$flagd.flagKey") => {
                            joined.push_str(self.flag);
                        }
                        _ => return Err(unknown()),
                    }
                }
                if by != "targetingKey" {
                    self.differences.push(format!(
                        "callers without `{by}` get the default; in flagd they all share one bucket"
                    ));
                }
                Ok(Key { by, salt: joined })
            }
            _ => Err(unknown()),
        }
    }
}

fn expected_bucket() -> String {
    "`fractional`: expected buckets of a variant and a weight, such as [\"on\", 25]".to_owned()
}

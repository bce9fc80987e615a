//! `fractional`: a share of the callers for each variant.

use std::collections::{BTreeSet, HashMap};

use novi_files::Tree;

use super::{
    condition::attribute_name,
    targeting::{Targeting, list},
};
use crate::config::{Given, fields, inline, rules, text};

/// What flagd accepts for the sum of the weights.
const MAX_WEIGHT: u64 = 2_147_483_647;

/// Which attribute is hashed with which salt.
struct Key {
    by: String,
    salt: String,
}

impl Targeting<'_> {
    pub(super) fn fractional(&mut self, arguments: &[Tree]) -> Result<Given, String> {
        let (key, buckets) = match arguments.split_first() {
            None => return Ok(self.default_variant()),
            Some((Tree::List(_), _)) => {
                (Key { by: "targetingKey".to_owned(), salt: self.flag.to_owned() }, arguments)
            }
            Some((key, buckets)) => (self.key(key)?, buckets),
        };
        let mut shares: Vec<(Given, u64)> = Vec::new();
        for bucket in buckets {
            let [variant, weight @ ..] = list(bucket) else { return Err(expected_bucket()) };
            let given = match variant {
                Tree::Fields(_) | Tree::List(_) => {
                    return Err("`fractional` with a computed variant has no equivalent".to_owned());
                }
                name => self.result(name)?,
            };
            let weight = match weight {
                [] => 1,
                [Tree::Number(weight)] => {
                    weight.as_i64().map(|weight| weight.max(0)).ok_or_else(expected_bucket)?
                }
                [_] => return Err("`fractional` with a computed weight has no equivalent".to_owned()),
                _ => return Err(expected_bucket()),
            };
            shares.push((given, weight.unsigned_abs()));
        }
        let total: u64 = shares.iter().map(|(_, weight)| *weight).fold(0, u64::saturating_add);
        if total > MAX_WEIGHT {
            return Err(format!(
                "the weights of `fractional` exceed {MAX_WEIGHT}, which is an error in flagd"
            ));
        }
        Ok(self.shares(&key, shares, total))
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

    fn shares(&self, key: &Key, shares: Vec<(Given, u64)>, total: u64) -> Given {
        let default = self.default_variant();
        let names: BTreeSet<_> = shares
            .iter()
            .filter_map(|(given, _)| if let Given::Variant(name) = given { Some(name) } else { None })
            .collect();
        if names.len() == shares.len() && total > 0 {
            let weights = shares.iter().filter_map(|(given, weight)| match given {
                Given::Variant(name) => Some((name.clone(), Tree::Number((*weight).into()))),
                _ => None,
            });
            let split = self.hashed(key, "novi.split", [("variants", fields(weights))]);
            // Callers without the attribute have no variant of it.
            return match default {
                Given::Off => Given::Then(split),
                default => rules(vec![(split.clone(), Given::Then(split))], default),
            };
        }
        let mut list: Vec<(Given, Vec<Tree>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut start = 0;
        for (given, weight) in shares {
            let end = start + weight;
            if weight > 0 {
                let range = Tree::List(vec![Tree::Number(start.into()), Tree::Number(end.into())]);
                let place = *places.entry(given.clone().result().to_json()).or_insert(list.len());
                match list.get_mut(place) {
                    Some((_, ranges)) => ranges.push(range),
                    None => list.push((given, vec![range])),
                }
            }
            start = end;
        }
        let condition = |ranges| {
            let total = ("total", Tree::Number(total.into()));
            self.hashed(key, "novi.bucket", [("ranges", Tree::List(ranges)), total])
        };
        rules(list.into_iter().map(|(given, ranges)| (condition(ranges), given)).collect(), default)
    }

    fn hashed<const N: usize>(&self, key: &Key, class_name: &str, config: [(&str, Tree); N]) -> Tree {
        let mut config = Vec::from(config);
        config.push(("hash", text("flagd")));
        if key.salt != self.flag {
            config.push(("salt", text(&key.salt)));
        }
        if key.by != "targetingKey" {
            config.push(("by", text(&key.by)));
        }
        inline(class_name, fields(config))
    }
}

fn expected_bucket() -> String {
    "`fractional`: expected buckets of a variant and a weight, such as [\"on\", 25]".to_owned()
}

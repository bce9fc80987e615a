//! Shares of the callers by a hash, for what each of them is given.

use std::collections::{BTreeSet, HashMap};

use novi_files::Tree;

use crate::config::{Given, fields, inline, rules, text};

/// What is hashed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Hashed {
    /// The hash of the other system.
    pub(crate) hash: &'static str,
    /// The salt, unless it is the name of the flag.
    pub(crate) salt: Option<String>,
    /// The attribute, unless it is `targetingKey`.
    pub(crate) by: Option<String>,
}

impl Hashed {
    /// An activation of a type that hashes.
    pub(crate) fn activation<const N: usize>(&self, class_name: &str, config: [(&str, Tree); N]) -> Tree {
        let mut config = Vec::from(config);
        config.push(("hash", text(self.hash)));
        config.extend(self.salt.as_ref().map(|salt| ("salt", text(salt))));
        config.extend(self.by.as_ref().map(|by| ("by", text(by))));
        inline(class_name, fields(config))
    }

    /// Gives each share of `total` buckets to what it is for. Callers without the attribute, and those in no share, get
    /// what is left.
    pub(crate) fn given(&self, shares: Vec<(Given, u64)>, total: u64, otherwise: Given) -> Given {
        let variant =
            |given: &Given| if let Given::Variant(name) = given { Some(name.clone()) } else { None };
        let names: BTreeSet<String> = shares.iter().filter_map(|(given, _)| variant(given)).collect();
        let sum = shares.iter().map(|(_, weight)| *weight).fold(0, u64::saturating_add);
        if names.len() == shares.len() && total > 0 && sum == total {
            let weights = shares
                .iter()
                .filter_map(|(given, weight)| Some((variant(given)?, Tree::Number((*weight).into()))));
            let split = self.activation("novi.split", [("variants", fields(weights))]);
            return match otherwise {
                Given::Off => Given::Then(split),
                otherwise => rules(vec![(split.clone(), Given::Then(split))], otherwise),
            };
        }
        let mut list: Vec<(Given, Vec<Tree>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut start: u64 = 0;
        for (given, weight) in shares {
            let end = total.min(start.saturating_add(weight));
            if start < end {
                let range = Tree::List(vec![Tree::Number(start.into()), Tree::Number(end.into())]);
                let place = *places.entry(given.clone().result().to_json()).or_insert(list.len());
                match list.get_mut(place) {
                    Some((_, ranges)) => ranges.push(range),
                    None => list.push((given, vec![range])),
                }
            }
            start = end;
        }
        let condition = |ranges: Vec<Tree>| {
            // The first of a hundred places are a percentage, which people change more easily.
            if total == 100
                && let [range] = ranges.as_slice()
                && let Some([Tree::Number(start), end]) = range.as_list()
                && start.as_u64() == Some(0)
            {
                return self.activation("novi.percentage", [("percentage", end.clone())]);
            }
            let total = ("total", Tree::Number(total.into()));
            self.activation("novi.bucket", [("ranges", Tree::List(ranges)), total])
        };
        rules(list.into_iter().map(|(given, ranges)| (condition(ranges), given)).collect(), otherwise)
    }
}

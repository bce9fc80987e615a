//! The values of a feature, as variants. A feature without values is on or off.

use std::collections::{BTreeMap, HashMap, HashSet};

use novi_files::{Flag, Tree};

use super::{IDENTITY_KEY, list};
use crate::{
    config::{Given, fields, inline, number, rules, text},
    switch::is_true,
    variations::{Variations, type_of},
};

/// All values of a feature.
#[derive(Debug)]
pub(super) struct Values {
    /// The name of the variant of each value, by its JSON. Empty if there are only nulls.
    names: HashMap<String, String>,
    by_name: BTreeMap<String, Tree>,
    /// Whether some state divides callers.
    pub(super) is_divided: bool,
}

impl Values {
    pub(super) fn new<'a>(states: impl Iterator<Item = &'a Tree>) -> Self {
        let (mut known, mut all) = (HashSet::new(), Vec::new());
        for state in states {
            let options = list(state, "multivariate_feature_state_values").iter().map(value_of_option);
            for value in [value_of(state)].into_iter().chain(options) {
                if known.insert(value.to_json()) {
                    all.push(value.clone());
                }
            }
        }
        let mut found = Self { names: HashMap::new(), by_name: BTreeMap::new(), is_divided: false };
        if all.iter().all(|value| *value == Tree::Null) {
            return found;
        }
        let variations = Variations::new(all.iter().map(|value| (None, value)));
        for (index, value) in all.into_iter().enumerate() {
            let name = variations.name(index).unwrap_or_default().to_owned();
            found.names.insert(value.to_json(), name.clone());
            found.by_name.insert(name, value);
        }
        found
    }

    /// What a state gives: off while it is disabled, else its value, or one by the share of the caller.
    pub(super) fn given(&mut self, state: &Tree) -> Result<Given, String> {
        if !is_true(state, "enabled")? {
            return Ok(Given::Off);
        }
        let control = self.named(value_of(state));
        let mut options: Vec<&Tree> = list(state, "multivariate_feature_state_values").iter().collect();
        if options.is_empty() {
            return Ok(control);
        }
        let id = |option: &Tree| option.get("id").and_then(Tree::as_f64).unwrap_or(f64::INFINITY);
        options.sort_by(|a, b| id(a).total_cmp(&id(b)));
        let (mut shares, mut total, mut known) = (Vec::new(), 0.0, HashSet::new());
        for option in options {
            let share = option.get("percentage_allocation").and_then(Tree::as_f64).unwrap_or_default();
            total += share;
            shares.push((self.named(value_of_option(option)), share));
        }
        if total > 100.0 + 1e-9 {
            return Err(format!("multivariate values share {total} % of the callers, more than 100 %"));
        }
        shares.push((control.clone(), (100.0 - total).max(0.0)));
        let mut weights = Vec::new();
        for (given, share) in shares {
            let Given::Variant(name) = given else {
                return Err("a multivariate value has no name".to_owned());
            };
            if !known.insert(name.clone()) {
                return Err(format!("two multivariate values are {name:?}"));
            }
            weights.push((name, number(share)));
        }
        self.is_divided = true;
        let salt = state.get("django_id").filter(|id| **id != Tree::Null).or(state.get("featurestate_uuid"));
        let salt = salt.map(|id| id.as_str().map_or_else(|| id.to_json(), str::to_owned));
        let config = [
            ("variants", fields(weights)),
            ("hash", text("flagsmith")),
            ("salt", text(salt.unwrap_or_default())),
            ("by", text(IDENTITY_KEY)),
        ];
        let split = inline("novi.split", fields(config));
        // Without an identity, there is only the control.
        Ok(rules(vec![(split.clone(), Given::Then(split))], control))
    }

    fn named(&self, value: &Tree) -> Given {
        self.names.get(&value.to_json()).map_or(Given::On, |name| Given::Variant(name.clone()))
    }

    pub(super) fn write(self, flag: &mut Flag) {
        if !self.by_name.is_empty() {
            let values: Vec<Tree> = self.by_name.values().cloned().collect();
            flag.value_type = Some(type_of(&values));
            flag.variants = Some(Tree::Fields(self.by_name.into_iter().collect()));
        }
    }
}

fn value_of(state: &Tree) -> &Tree {
    state.get("feature_state_value").unwrap_or(&Tree::Null)
}

fn value_of_option(option: &Tree) -> &Tree {
    option.get("multivariate_feature_option").and_then(|option| option.get("value")).unwrap_or(&Tree::Null)
}

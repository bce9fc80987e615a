//! Variations: which of them turn a flag on, and the values of its variables.

use std::collections::BTreeMap;

use novi::rows::ValueType;
use novi_files::{Flag, Tree};

use super::{list, string};
use crate::config::Given;

/// The variations that turn a flag on, as variants with the values of the variables.
#[derive(Debug)]
pub(super) struct Variations<'a> {
    variables: &'a [Tree],
    /// The name of the variant of each key and value.
    names: BTreeMap<(String, String), String>,
    values: BTreeMap<String, Tree>,
    pub(super) has_variables: bool,
}

impl<'a> Variations<'a> {
    pub(super) fn new(flag: &'a Tree) -> Self {
        let variables = list(flag, "variables");
        Self {
            variables,
            names: BTreeMap::new(),
            values: BTreeMap::new(),
            has_variables: !variables.is_empty(),
        }
    }

    /// What a variation gives. Variations of one key with other values get names of their own.
    pub(super) fn given(&mut self, variation: &Tree) -> Given {
        if variation.get("featureEnabled") != Some(&Tree::Bool(true)) {
            return Given::Off;
        }
        let key = string(variation, "key").unwrap_or_default();
        let value = self.value(variation);
        let json = value.to_json();
        let place = (key.to_owned(), json);
        if let Some(name) = self.names.get(&place) {
            return Given::Variant(name.clone());
        }
        let mut name = key.to_owned();
        if self.values.contains_key(&name) {
            name = format!("{key} ({})", self.values.len());
        }
        self.names.insert(place, name.clone());
        self.values.insert(name.clone(), value);
        Given::Variant(name)
    }

    /// The variables of a variation, and the defaults of others.
    fn value(&self, variation: &Tree) -> Tree {
        let own: BTreeMap<&str, &str> = list(variation, "variables")
            .iter()
            .filter_map(|variable| Some((string(variable, "id")?, string(variable, "value")?)))
            .collect();
        let fields = self.variables.iter().filter_map(|variable| {
            let default = string(variable, "defaultValue").unwrap_or_default();
            let text = own.get(string(variable, "id")?).copied().unwrap_or(default);
            let is_json = string(variable, "subType") == Some("json");
            let kind = if is_json { "json" } else { string(variable, "type")? };
            let value = match kind {
                "boolean" => Tree::Bool(text == "true"),
                "integer" | "double" | "json" => serde_json::from_str(text).unwrap_or(Tree::Null),
                _ => Tree::String(text.to_owned()),
            };
            Some((string(variable, "key")?.to_owned(), value))
        });
        Tree::Fields(fields.collect())
    }

    /// Whether a flag needs variants: it has variables, or several variations turn it on.
    pub(super) fn has_names(&self) -> bool {
        self.has_variables || self.values.len() > 1
    }

    pub(super) fn write(self, flag: &mut Flag) {
        if self.has_variables {
            flag.value_type = Some(ValueType::Object);
            flag.variants = Some(Tree::Fields(self.values.into_iter().collect()));
        }
    }
}

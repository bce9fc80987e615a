//! Variations that are known by their numbers, as variants with names.

use std::collections::HashSet;

use novi::rows::ValueType;
use novi_files::{Flag, Tree};

use crate::config::Given;

/// A longer value is not the name of its variant.
const MAX_NAME: usize = 60;

/// The variations of a flag. Those of a boolean flag are on and off.
#[derive(Debug)]
pub(crate) struct Variations {
    names: Vec<String>,
    values: Vec<Tree>,
    /// One variation is `true`, and all others are `false`.
    pub(crate) is_boolean: bool,
}

impl Variations {
    /// Variations with their names, if they have any, and their values.
    pub(crate) fn new<'a>(list: impl IntoIterator<Item = (Option<&'a str>, &'a Tree)>) -> Self {
        let (mut names, mut values, mut known) = (Vec::new(), Vec::new(), HashSet::new());
        for (index, (name, value)) in list.into_iter().enumerate() {
            let shown = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
            let is_name =
                |text: &String| !text.is_empty() && text.trim() == text && text.chars().count() <= MAX_NAME;
            let name = name.map(str::to_owned).filter(is_name).or_else(|| Some(shown).filter(is_name));
            let mut name = name.unwrap_or_else(|| format!("variation {index}"));
            while !known.insert(name.clone()) {
                name = format!("{name} ({index})");
            }
            names.push(name);
            values.push(value.clone());
        }
        let on = values.iter().filter(|value| **value == Tree::Bool(true)).count();
        let is_boolean =
            on <= 1 && !values.is_empty() && values.iter().all(|value| value.as_bool().is_some());
        Self { names, values, is_boolean }
    }

    /// What a variation gives; one that does not exist leaves the value to the program.
    pub(crate) fn given(&self, index: usize) -> Given {
        match (self.names.get(index), self.values.get(index)) {
            (Some(_), Some(value)) if self.is_boolean => {
                if *value == Tree::Bool(true) {
                    Given::On
                } else {
                    Given::Off
                }
            }
            (Some(name), _) => Given::Variant(name.clone()),
            (None, _) => Given::Off,
        }
    }

    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }

    /// The variants of a flag, with their values.
    pub(crate) fn write(self, flag: &mut Flag) {
        if !self.is_boolean && !self.values.is_empty() {
            flag.value_type = Some(type_of(&self.values));
            flag.variants = Some(Tree::Fields(self.names.into_iter().zip(self.values).collect()));
        }
    }
}

/// The narrowest type of some values.
pub(crate) fn type_of(values: &[Tree]) -> ValueType {
    let of_all = |is: fn(&Tree) -> bool| values.iter().all(is);
    if of_all(|value| value.as_bool().is_some()) {
        ValueType::Boolean
    } else if of_all(|value| value.as_str().is_some()) {
        ValueType::String
    } else if of_all(|value| matches!(value, Tree::Number(number) if !number.is_f64())) {
        ValueType::Integer
    } else if of_all(|value| value.as_f64().is_some()) {
        ValueType::Number
    } else if of_all(|value| matches!(value, Tree::Fields(_) | Tree::List(_))) {
        ValueType::Object
    } else {
        ValueType::Any
    }
}

/// Gives a flag what it is for all callers who no rule is about.
pub(crate) fn assign(
    given: Given,
    name: &str,
    what: &str,
    collector: &mut crate::collector::Collector,
    flag: &mut Flag,
) {
    match given {
        Given::On => (),
        Given::Off => flag.status = Some(false),
        Given::Variant(variant) => flag.default_variant = Some(variant),
        Given::Then(activation) => flag.activations.push(collector.activation(name, what, activation)),
    }
}

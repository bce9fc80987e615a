//! Callers by the values of their attributes, counted one caller at a time: memory does not grow with the callers.

use std::cmp::Reverse;

use serde_json::Value as Json;

use crate::{
    context::{Context, TARGETING_KEY, value::Value},
    snapshot::impact::{AttributeImpact, ValueImpact},
};

/// The most attributes, and the most values of one, that are counted. Attributes with more values, such as keys, say
/// nothing about groups of callers.
const MAX_ATTRIBUTES: usize = 64;
const MAX_VALUES: usize = 64;

/// The most attributes, and the most values of one, that are reported.
const MAX_REPORTED: usize = 5;
const MAX_REPORTED_VALUES: usize = 10;

/// The longest value of an attribute that is counted, in bytes.
const MAX_VALUE_BYTES: usize = 128;

/// How many callers have each value of each attribute.
#[derive(Debug, Default)]
pub(in crate::snapshot) struct Groups {
    callers: usize,
    attributes: Vec<Attribute>,
    /// The values of the last caller: numbers of an attribute and its value.
    last: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Attribute {
    name: String,
    /// The values, and how many callers have each; `None` if they are too many, or not all are scalars.
    values: Option<Vec<(Value<'static>, usize)>>,
}

/// How many of some callers have each value of each attribute.
#[derive(Debug, Default)]
pub(in crate::snapshot) struct Marked {
    callers: usize,
    /// By the number of an attribute, and that of its value.
    counts: Vec<Vec<usize>>,
}

impl Groups {
    /// Counts a caller.
    pub(in crate::snapshot) fn add(&mut self, context: &Context<'_>) {
        self.callers += 1;
        self.last.clear();
        // A key is of one caller.
        for (name, value) in context.iter().filter(|(name, _)| *name != TARGETING_KEY) {
            let known = self.attributes.iter().position(|attribute| attribute.name == name);
            let attribute = match known {
                Some(known) => known,
                None if self.attributes.len() < MAX_ATTRIBUTES => {
                    self.attributes.push(Attribute { name: name.to_owned(), values: Some(Vec::new()) });
                    self.attributes.len() - 1
                }
                None => continue,
            };
            let value = self.attributes.get_mut(attribute).and_then(|attribute| attribute.add(value));
            self.last.extend(value.map(|value| (attribute, value)));
        }
    }

    /// Counts the last caller among those that are marked.
    pub(in crate::snapshot) fn mark(&self, marked: &mut Marked) {
        marked.callers += 1;
        marked.counts.resize_with(marked.counts.len().max(self.attributes.len()), Vec::new);
        for (attribute, value) in &self.last {
            let Some(values) = marked.counts.get_mut(*attribute) else { continue };
            values.resize(values.len().max(value + 1), 0);
            if let Some(count) = values.get_mut(*value) {
                *count += 1;
            }
        }
    }

    /// Whether a caller has an attribute, or the object that has it as a member.
    pub(in crate::snapshot) fn has(&self, name: &str) -> bool {
        let outer = name.split('.').next().unwrap_or(name);
        self.attributes.iter().any(|attribute| attribute.name == name || attribute.name == outer)
    }

    /// The attributes whose values differ most between the marked callers and all.
    pub(in crate::snapshot) fn differing(&self, marked: &Marked) -> Vec<AttributeImpact> {
        if marked.callers == 0 {
            return Vec::new();
        }
        let mut found: Vec<(f64, AttributeImpact)> = Vec::new();
        for (number, attribute) in self.attributes.iter().enumerate() {
            let mut values = attribute.counts(number, self.callers, marked);
            if values.len() < 2 {
                continue;
            }
            let differences = values.iter().map(|value| {
                (share(value.changed, marked.callers) - share(value.contexts, self.callers)).abs()
            });
            let distance: f64 = differences.sum();
            values.sort_by_key(|value| Reverse((value.changed, value.contexts)));
            values.truncate(MAX_REPORTED_VALUES);
            found.push((distance, AttributeImpact { attribute: attribute.name.clone(), values }));
        }
        found.sort_by(|(one, by_name), (other, by_other_name)| {
            other.total_cmp(one).then_with(|| by_name.attribute.cmp(&by_other_name.attribute))
        });
        found.into_iter().map(|(_, attribute)| attribute).take(MAX_REPORTED).collect()
    }
}

impl Marked {
    fn count(&self, attribute: usize, value: usize) -> usize {
        self.counts.get(attribute).and_then(|values| values.get(value)).copied().unwrap_or_default()
    }
}

impl Attribute {
    /// Counts a value, and returns its number. `None` if it is missing, or if the attribute is not counted.
    fn add(&mut self, value: &Value<'_>) -> Option<usize> {
        if value.is_null() {
            return None;
        }
        let values = self.values.as_mut()?;
        if let Some(number) = values.iter().position(|(known, _)| known == value) {
            values.get_mut(number)?.1 += 1;
            return Some(number);
        }
        if values.len() == MAX_VALUES || !is_counted(value) {
            self.values = None;
            return None;
        }
        values.push((value.clone().into_owned(), 1));
        Some(values.len() - 1)
    }

    /// The counts of each value, and of callers without one.
    fn counts(&self, number: usize, callers: usize, marked: &Marked) -> Vec<ValueImpact> {
        let Some(values) = &self.values else { return Vec::new() };
        let mut counts: Vec<ValueImpact> = (values.iter().enumerate())
            .map(|(place, (value, contexts))| ValueImpact {
                value: serde_json::to_value(value).ok(),
                changed: marked.count(number, place),
                contexts: *contexts,
            })
            .collect();
        let sum = |part: fn(&ValueImpact) -> usize| counts.iter().map(part).sum::<usize>();
        let missing = callers - sum(|value| value.contexts);
        let missing_and_marked = marked.callers - sum(|value| value.changed);
        if missing > 0 {
            counts.push(ValueImpact { value: None::<Json>, changed: missing_and_marked, contexts: missing });
        }
        counts
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

/// Whether callers are grouped by such a value.
fn is_counted(value: &Value<'_>) -> bool {
    match value {
        Value::Str(text) => text.len() <= MAX_VALUE_BYTES,
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) => true,
        _ => false,
    }
}

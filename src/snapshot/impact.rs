//! Whom a change of rows affects: decisions before and after it, for given callers.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    fmt,
    time::Instant,
};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    activation::Variant,
    context::{Context, value::Value},
    snapshot::{Snapshot, decision::Decision},
};

/// The most examples of each transition.
const MAX_EXAMPLES: usize = 10;

/// The most attributes, and the most values of one, that are counted. Attributes with more values, such as keys, say
/// nothing about groups of callers.
const MAX_ATTRIBUTES: usize = 64;
const MAX_VALUES: usize = 64;

/// The most attributes, and the most values of one, that are reported.
const MAX_REPORTED: usize = 5;
const MAX_REPORTED_VALUES: usize = 10;

/// The longest value of an attribute that is counted, in bytes.
const MAX_VALUE_BYTES: usize = 128;

/// Whom a change of rows affects, among given callers. See
/// [`Flags::impact`](crate::flags::Flags::impact).
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Impact {
    /// How many contexts were evaluated.
    pub contexts: usize,
    /// The flags whose decision may change, in the order of their ids.
    pub flags: Vec<FlagImpact>,
}

/// Whom a change affects, of one flag.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FlagImpact {
    /// The flag's name after the change; the one before it if the flag is deleted.
    pub flag: String,
    /// For how many contexts it turns on.
    pub on: usize,
    /// For how many contexts it turns off.
    pub off: usize,
    /// For how many contexts it stays on or off with another variant or value.
    pub other: usize,
    /// For how many contexts the decision stays the same. Reasons are not compared.
    pub same: usize,
    /// The decisions before and after, with the most frequent first.
    pub transitions: Vec<Transition>,
    /// The attributes whose values differ most between the contexts with another decision and all contexts, at most
    /// five.
    pub attributes: Vec<AttributeImpact>,
}

/// Contexts with the same decisions before and after.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Transition {
    /// The decision before; `None` if there is no such flag.
    pub before: Option<ImpactState>,
    /// The decision after; `None` if there is no such flag.
    pub after: Option<ImpactState>,
    /// How many contexts.
    pub count: usize,
    /// The first of them: at most ten, and none if the decision stays the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<ImpactExample>,
}

/// A context with another decision.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImpactExample {
    /// Its index in the given contexts.
    pub context: usize,
    /// Why the decision before was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Why the decision after is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A decision, without its reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct ImpactState {
    /// Whether the flag is on.
    pub enabled: bool,
    /// The variant, if one is assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The value, if the flag's metadata have values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
}

/// How the contexts with another decision are distributed over the values of an attribute.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AttributeImpact {
    /// The attribute's name.
    pub attribute: String,
    /// Its values, at most ten, those with the most changes first.
    pub values: Vec<ValueImpact>,
}

/// How many contexts with a value of an attribute have another decision.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ValueImpact {
    /// The value; `None` for contexts without the attribute.
    pub value: Option<Json>,
    /// How many contexts with this value have another decision.
    pub changed: usize,
    /// How many contexts have this value.
    pub contexts: usize,
}

impl FlagImpact {
    /// For how many contexts the decision changes.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.on + self.off + self.other
    }
}

/// A flag before and after a change.
pub(crate) struct Compared<'a> {
    pub(crate) before: Option<&'a str>,
    pub(crate) after: Option<&'a str>,
}

impl Impact {
    /// Compares the decisions of flags in two snapshots; `None` if it takes longer than until the deadline.
    pub(crate) fn measure(
        (before, after): (&Snapshot, &Snapshot),
        flags: &[Compared<'_>],
        contexts: &[Context<'_>],
        deadline: Option<Instant>,
    ) -> Option<Self> {
        let groups = Groups::new(contexts);
        let flags =
            flags.iter().map(|compared| flag((before, after), compared, (contexts, deadline), &groups));
        Some(Self { contexts: contexts.len(), flags: flags.collect::<Option<_>>()? })
    }
}

/// Whether a flag is on, and its variant; `None` if there is no such flag.
type Seen = Option<(bool, Option<Variant>)>;

fn flag(
    (before, after): (&Snapshot, &Snapshot),
    compared: &Compared<'_>,
    (contexts, deadline): (&[Context<'_>], Option<Instant>),
    groups: &Groups,
) -> Option<FlagImpact> {
    /// The clock is read once for so many contexts.
    const STEP: usize = 64;
    let mut transitions: Vec<Transition> = Vec::new();
    let mut places: HashMap<[Seen; 2], usize> = HashMap::new();
    let mut changed = Vec::new();
    for (index, context) in contexts.iter().enumerate() {
        if index % STEP == 0 && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return None;
        }
        let was = compared.before.and_then(|name| before.decision(name, context));
        let is = compared.after.and_then(|name| after.decision(name, context));
        let seen = [&was, &is].map(|decision| decision.as_ref().map(Decision::outcome));
        let place = *places.entry(seen).or_insert_with(|| {
            let [before, after] = [was, is].map(|decision| decision.as_ref().map(ImpactState::of));
            transitions.push(Transition { before, after, count: 0, examples: Vec::new() });
            transitions.len() - 1
        });
        let Some(transition) = transitions.get_mut(place) else { continue };
        transition.count += 1;
        if transition.is_change() {
            changed.push(index);
            if transition.examples.len() < MAX_EXAMPLES {
                let because = |snapshot: &Snapshot, name: Option<&str>| {
                    Some(snapshot.explain(name?, context).ok()?.because)
                };
                transition.examples.push(ImpactExample {
                    context: index,
                    before: because(before, compared.before),
                    after: because(after, compared.after),
                });
            }
        }
    }
    let (mut on, mut off, mut other) = (0, 0, 0);
    for transition in transitions.iter().filter(|transition| transition.is_change()) {
        let is_on = |state: &Option<ImpactState>| state.as_ref().is_some_and(|state| state.enabled);
        *match (is_on(&transition.before), is_on(&transition.after)) {
            (false, true) => &mut on,
            (true, false) => &mut off,
            _ => &mut other,
        } += transition.count;
    }
    transitions.sort_by_key(|transition| Reverse(transition.count));
    Some(FlagImpact {
        flag: compared.after.or(compared.before).unwrap_or_default().to_owned(),
        on,
        off,
        other,
        same: contexts.len() - changed.len(),
        transitions,
        attributes: groups.of_changed(&changed),
    })
}

impl Transition {
    /// Whether callers notice it. To them, a flag that does not exist is off.
    fn is_change(&self) -> bool {
        let is_plain_off =
            |state: &ImpactState| !state.enabled && state.variant.is_none() && state.value.is_none();
        match (&self.before, &self.after) {
            (None, Some(state)) | (Some(state), None) => !is_plain_off(state),
            (before, after) => before != after,
        }
    }
}

impl ImpactState {
    fn of(decision: &Decision<&Snapshot>) -> Self {
        let value = decision.value().filter(|_| decision.has_values()).cloned();
        Self { enabled: decision.enabled(), variant: decision.variant().map(str::to_owned), value }
    }
}

/// The contexts by the values of their attributes.
struct Groups {
    contexts: usize,
    attributes: Vec<Attribute>,
}

struct Attribute {
    name: String,
    /// The values, and how many contexts have each.
    values: Vec<(Option<Json>, usize)>,
    /// The number of each context's value.
    of_contexts: Vec<u8>,
}

impl Groups {
    fn new(contexts: &[Context<'_>]) -> Self {
        let mut names = BTreeMap::new();
        for (name, value) in contexts.iter().flat_map(Context::iter) {
            // An attribute that is sometimes no scalar is not counted.
            let all_scalars = names.get(name).copied().unwrap_or(names.len() < MAX_ATTRIBUTES);
            let all_scalars = all_scalars && scalar(value).is_some();
            match names.get_mut(name) {
                Some(known) => *known = all_scalars,
                None if all_scalars => drop(names.insert(name, true)),
                None => {}
            }
        }
        let names = names.into_iter().filter(|(_, all_scalars)| *all_scalars);
        let attributes = names.filter_map(|(name, _)| Attribute::new(name, contexts)).collect();
        Self { contexts: contexts.len(), attributes }
    }

    /// The attributes whose values differ most between these contexts and all.
    fn of_changed(&self, changed: &[usize]) -> Vec<AttributeImpact> {
        if changed.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<(f64, AttributeImpact)> = Vec::new();
        for attribute in &self.attributes {
            let mut counts = vec![0_usize; attribute.values.len()];
            for index in changed {
                let value = attribute.of_contexts.get(*index).copied().unwrap_or_default();
                if let Some(count) = counts.get_mut(usize::from(value)) {
                    *count += 1;
                }
            }
            let distance = counts
                .iter()
                .zip(&attribute.values)
                .map(|(count, (_, all))| (share(*count, changed.len()) - share(*all, self.contexts)).abs());
            let distance: f64 = distance.sum();
            let values = counts.iter().zip(&attribute.values);
            let mut values: Vec<ValueImpact> = values
                .map(|(count, (value, all))| ValueImpact {
                    value: value.clone(),
                    changed: *count,
                    contexts: *all,
                })
                .collect();
            values.sort_by_key(|value| Reverse((value.changed, value.contexts)));
            values.truncate(MAX_REPORTED_VALUES);
            found.push((distance, AttributeImpact { attribute: attribute.name.clone(), values }));
        }
        found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        found.into_iter().map(|(_, attribute)| attribute).take(MAX_REPORTED).collect()
    }
}

impl Attribute {
    /// `None` if there are too many values, or only one.
    fn new(name: &str, contexts: &[Context<'_>]) -> Option<Self> {
        let mut numbers: HashMap<String, u8> = HashMap::new();
        let mut values: Vec<(Option<Json>, usize)> = Vec::new();
        let mut of_contexts = Vec::with_capacity(contexts.len());
        for context in contexts {
            let value = context.get(name).and_then(scalar);
            let key = value.as_ref().map(ToString::to_string).unwrap_or_default();
            let next = u8::try_from(values.len()).ok()?;
            let number = *numbers.entry(key).or_insert(next);
            if number == next {
                if values.len() == MAX_VALUES {
                    return None;
                }
                values.push((value, 0));
            }
            values.get_mut(usize::from(number))?.1 += 1;
            of_contexts.push(number);
        }
        (values.len() > 1).then(|| Self { name: name.to_owned(), values, of_contexts })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

/// A value that contexts are grouped by.
fn scalar(value: &Value<'_>) -> Option<Json> {
    match value {
        Value::Str(text) if text.len() > MAX_VALUE_BYTES => None,
        Value::Str(_) | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Null => {
            serde_json::to_value(value).ok()
        }
        _ => None,
    }
}

/// For people.
impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.flags.is_empty() {
            return writeln!(f, "no flag decides otherwise");
        }
        self.flags.iter().try_for_each(|flag| {
            let FlagImpact { flag: name, on, off, other, same, .. } = flag;
            writeln!(
                f,
                "{name}: of {} contexts {on} turn on, {off} turn off, {other} change variant or value, {same} stay the \
                 same",
                self.contexts
            )?;
            for transition in flag.transitions.iter().filter(|transition| transition.is_change()) {
                let state = |state: &Option<ImpactState>| {
                    state.as_ref().map_or_else(|| "no flag".to_owned(), ToString::to_string)
                };
                let (before, after) = (state(&transition.before), state(&transition.after));
                writeln!(f, "  {before} -> {after}: {}", transition.count)?;
            }
            flag.attributes.iter().try_for_each(|attribute| {
                let values = attribute.values.iter().filter(|value| value.changed > 0).map(|value| {
                    let name = value.value.as_ref().map_or_else(|| "missing".to_owned(), ToString::to_string);
                    format!("{name} {} of {}", value.changed, value.contexts)
                });
                writeln!(f, "  by {}: {}", attribute.attribute, values.collect::<Vec<_>>().join(", "))
            })
        })
    }
}

impl fmt::Display for ImpactState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.enabled { "on" } else { "off" })?;
        if let Some(variant) = &self.variant {
            write!(f, " {variant}")?;
        }
        match &self.value {
            Some(value) => write!(f, " ({value})"),
            None => Ok(()),
        }
    }
}

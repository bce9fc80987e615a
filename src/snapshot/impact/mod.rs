//! Whom a change of rows affects: decisions before and after it, for given callers.

pub(crate) mod comparison;
pub(crate) mod groups;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

pub use comparison::Comparison;

use crate::snapshot::{Snapshot, decision::Decision};

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
    /// Why the counts may not be those of real callers: attributes that the flag reads, and no caller has.
    pub warnings: Vec<String>,
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
    /// Its targeting key, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
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
    pub(super) fn of(decision: &Decision<&Snapshot>) -> Self {
        let value = decision.value().filter(|_| decision.has_values()).cloned();
        Self { enabled: decision.enabled(), variant: decision.variant().map(str::to_owned), value }
    }
}

/// For people.
impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.flags.is_empty() {
            return writeln!(f, "no flag decides otherwise");
        }
        self.flags.iter().try_for_each(|flag| flag.fmt(f))
    }
}

/// For people.
impl fmt::Display for FlagImpact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flag, on, off, other, same, .. } = self;
        let contexts = self.changed() + same;
        writeln!(
            f,
            "{flag}: of {contexts} contexts {on} turn on, {off} turn off, {other} change variant or value, {same} stay the \
             same"
        )?;
        for transition in self.transitions.iter().filter(|transition| transition.is_change()) {
            let state = |state: &Option<ImpactState>| {
                state.as_ref().map_or_else(|| "no flag".to_owned(), ToString::to_string)
            };
            let (before, after) = (state(&transition.before), state(&transition.after));
            writeln!(f, "  {before} -> {after}: {}", transition.count)?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "  warning: {warning}"))?;
        self.attributes.iter().try_for_each(|attribute| {
            let values = attribute.values.iter().filter(|value| value.changed > 0).map(|value| {
                let name = value.value.as_ref().map_or_else(|| "missing".to_owned(), ToString::to_string);
                format!("{name} {} of {}", value.changed, value.contexts)
            });
            writeln!(f, "  by {}: {}", attribute.attribute, values.collect::<Vec<_>>().join(", "))
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

//! A flag's answer.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{activation::Variant, layers::Layered, overrides::Override, rows::Revision, snapshot::Snapshot};

/// Why a flag answers as it does, in OpenFeature's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The flag's status is off (R1).
    Disabled,
    /// The flag is on for everybody: it has no activations (R2), or an override says so (R13).
    Static,
    /// All of the flag's activations are on (R3).
    TargetingMatch,
    /// All are on, and one of them divides callers by chance.
    Split,
    /// An activation is off, so the flag is.
    Default,
    /// A row that the flag needs does not compile; the flag answers by its fail mode (R6).
    Error,
}

impl Reason {
    /// The word that OpenFeature has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "DISABLED",
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Default => "DEFAULT",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a flag came to, before it is tied to a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) enabled: bool,
    pub(crate) variant: Option<Variant>,
    pub(crate) reason: Reason,
}

/// A flag's answer, with the snapshot that it was made against: `S` is a [`Guard`](crate::Guard) that keeps the snapshot
/// alive, or a reference to one that the caller holds.
#[derive(Clone)]
pub struct Decision<S = crate::Guard> {
    snapshot: S,
    flag: u32,
    outcome: Outcome,
    /// The override that answered in place of the snapshot.
    layered: Option<Arc<Layered>>,
}

/// The index of a flag that only an override has.
const NO_FLAG: u32 = u32::MAX;

impl<S: AsRef<Snapshot>> Decision<S> {
    pub(crate) const fn new(snapshot: S, flag: u32, outcome: Outcome) -> Self {
        Self { snapshot, flag, outcome, layered: None }
    }

    /// The answer of an override, for the flag with this index.
    pub(crate) fn overlaid(snapshot: S, flag: Option<u32>, layered: Arc<Layered>) -> Self {
        let enabled = layered.answer != Override::Off;
        let outcome = Outcome { enabled, variant: None, reason: Reason::Static };
        Self { snapshot, flag: flag.unwrap_or(NO_FLAG), outcome, layered: Some(layered) }
    }

    /// The flag's name.
    #[must_use]
    pub fn flag(&self) -> &str {
        match &self.layered {
            Some(layered) => &layered.flag,
            None => self.snapshot.as_ref().name_of(self.flag),
        }
    }

    /// Whether the feature is on.
    #[must_use]
    pub const fn enabled(&self) -> bool {
        self.outcome.enabled
    }

    /// The variant that the caller gets, if the flag assigns one.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        match self.layered.as_deref() {
            Some(Layered { answer: Override::Variant(name), .. }) => Some(name),
            Some(_) => None,
            None => self.outcome.variant.map(|variant| self.snapshot.as_ref().variant_name(variant)),
        }
    }

    /// Whether the feature is on with this variant.
    pub(crate) fn has_variant(&self, name: &str) -> bool {
        self.enabled() && self.variant() == Some(name)
    }

    /// The version that the caller gets, from 1 on, if the flag's metadata say that it has versions; its variant is the
    /// version's number.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        self.snapshot.as_ref().version_of(self.flag, self.outcome.variant)
    }

    /// The value that the caller gets: that of the variant, if the flag's metadata give its variants values; else whether
    /// the feature is on. Nothing for a flag with values that is off: then the value is the caller's own default.
    #[must_use]
    pub fn value(&self) -> Option<&serde_json::Value> {
        static ON: serde_json::Value = serde_json::Value::Bool(true);
        static OFF: serde_json::Value = serde_json::Value::Bool(false);
        if self.snapshot.as_ref().has_values(self.flag) {
            return self.variant_value();
        }
        Some(if self.outcome.enabled { &ON } else { &OFF })
    }

    /// The value that the flag's metadata give the variant.
    pub(crate) fn variant_value(&self) -> Option<&serde_json::Value> {
        let snapshot = self.snapshot.as_ref();
        let overridden = || snapshot.same_variant(self.variant()?);
        let variant = if self.layered.is_some() { overridden() } else { self.outcome.variant };
        snapshot.value_of(self.flag, variant)
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.snapshot.as_ref()
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.outcome.reason
    }

    /// The revision of the rows that the answer was made from (R11).
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.snapshot.as_ref().revision()
    }
}

impl<S: AsRef<Snapshot>> fmt::Debug for Decision<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("flag", &self.flag())
            .field("enabled", &self.enabled())
            .field("variant", &self.variant())
            .field("value", &self.value())
            .field("reason", &self.reason())
            .field("revision", &self.revision())
            .finish()
    }
}

impl<S: AsRef<Snapshot>> Serialize for Decision<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut json = serializer.serialize_struct("Decision", 6)?;
        json.serialize_field("flag", self.flag())?;
        json.serialize_field("enabled", &self.enabled())?;
        json.serialize_field("variant", &self.variant())?;
        json.serialize_field("value", &self.value())?;
        json.serialize_field("reason", &self.reason())?;
        json.serialize_field("revision", &self.revision())?;
        json.end()
    }
}

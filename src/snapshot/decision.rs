//! A flag's answer.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    activation::Variant,
    context::{override_scope::ActiveOverride, overrides::Override},
    rows::Revision,
    snapshot::Snapshot,
};

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

/// A flag's answer, with the snapshot that it was made against: `S` is a [`Guard`](crate::runtime::current::Guard) that keeps the snapshot
/// alive, or a reference to one that the caller holds.
#[derive(Clone)]
pub struct Decision<S = crate::runtime::current::Guard> {
    snapshot: S,
    answer: Answer,
}

/// Answers of all flags are made by the thousand, so they are kept small.
#[derive(Clone)]
enum Answer {
    /// The flag's index in the snapshot, and what it came to.
    Flag(u32, Outcome),
    /// The override that answered in place of the snapshot.
    Override(Arc<ActiveOverride>),
}

impl<S: AsRef<Snapshot>> Decision<S> {
    pub(crate) const fn new(snapshot: S, flag: u32, outcome: Outcome) -> Self {
        Self { snapshot, answer: Answer::Flag(flag, outcome) }
    }

    /// The answer of an override.
    pub(crate) const fn overlaid(snapshot: S, active: Arc<ActiveOverride>) -> Self {
        Self { snapshot, answer: Answer::Override(active) }
    }

    /// The flag's name.
    #[must_use]
    pub fn flag(&self) -> &str {
        match &self.answer {
            Answer::Flag(flag, _) => self.snapshot.as_ref().name_of(*flag),
            Answer::Override(active) => &active.flag,
        }
    }

    /// Whether the feature is on.
    #[must_use]
    pub fn enabled(&self) -> bool {
        match &self.answer {
            Answer::Flag(_, outcome) => outcome.enabled,
            Answer::Override(active) => active.answer != Override::Off,
        }
    }

    /// The variant that the caller gets, if the flag assigns one.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        match &self.answer {
            Answer::Flag(flag, outcome) => {
                outcome.variant.map(|variant| self.snapshot.as_ref().variant_name(*flag, variant))
            }
            Answer::Override(active) => match &active.answer {
                Override::Variant(name) => Some(name),
                Override::On | Override::Off => None,
            },
        }
    }

    /// Whether the feature is on with this variant.
    pub(crate) fn has_variant(&self, name: &str) -> bool {
        self.enabled() && self.variant() == Some(name)
    }

    /// Whether callers with a client token may know of the flag, as its metadata say; whatever answers in the flag's place.
    #[must_use]
    pub fn exposed(&self) -> bool {
        let snapshot = self.snapshot.as_ref();
        match &self.answer {
            Answer::Flag(flag, _) => snapshot.is_exposed(*flag),
            Answer::Override(active) => snapshot.exposes(&active.flag),
        }
    }

    /// The version that the caller gets, from 1 on, if the flag's metadata say that it has versions; its variant is the
    /// version's number.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        let (flag, variant) = self.place()?;
        self.snapshot.as_ref().version_of(flag, variant)
    }

    /// The value that the caller gets: that of the variant, if the flag's metadata give its variants values; else whether
    /// the feature is on. Nothing for a flag with values that is off: then the value is the caller's own default.
    #[must_use]
    pub fn value(&self) -> Option<&serde_json::Value> {
        static ON: serde_json::Value = serde_json::Value::Bool(true);
        static OFF: serde_json::Value = serde_json::Value::Bool(false);
        if self.has_values() {
            return self.variant_value();
        }
        Some(if self.enabled() { &ON } else { &OFF })
    }

    /// Whether the flag's metadata give its variants values, so that [`value`](Self::value) is one of them, and not whether the
    /// feature is on.
    #[must_use]
    pub fn has_values(&self) -> bool {
        self.place().is_some_and(|(flag, _)| self.snapshot.as_ref().has_values(flag))
    }

    /// The value that the flag's metadata give the variant.
    pub(crate) fn variant_value(&self) -> Option<&serde_json::Value> {
        let (flag, variant) = self.place()?;
        self.snapshot.as_ref().value_of(flag, variant)
    }

    /// The flag's index in the snapshot and the variant's number, if the flag has a row.
    fn place(&self) -> Option<(u32, Option<Variant>)> {
        match &self.answer {
            Answer::Flag(flag, outcome) => Some((*flag, outcome.variant)),
            Answer::Override(active) => {
                let snapshot = self.snapshot.as_ref();
                let flag = snapshot.find_index(&active.flag)?;
                Some((flag, self.variant().and_then(|name| snapshot.variant_of(flag, name))))
            }
        }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.snapshot.as_ref()
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match &self.answer {
            Answer::Flag(_, outcome) => outcome.reason,
            Answer::Override(_) => Reason::Static,
        }
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

//! Decisions: the results of evaluations.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    activation::{Variant, cause::Cause},
    context::{Context, override_scope::ActiveOverride, overrides::Override},
    rows::{Revision, metadata::ClientMetadata},
    snapshot::{Snapshot, guard::SnapshotGuard},
};

/// Why a decision was made, in OpenFeature's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The flag's status is off.
    Disabled,
    /// The flag is on without a condition: it has no activations, or unconditional ones, or is overridden.
    Static,
    /// All of the flag's activations are on, because conditions are met.
    TargetingMatch,
    /// All are on, and a draw decided.
    Split,
    /// An activation is off, or on because no rule matched.
    Default,
    /// A row that the flag depends on is invalid; the flag's `fail_mode` decides.
    Error,
}

impl Reason {
    /// The reason of a decision that a flag is on.
    pub(super) const fn of(cause: Cause) -> Self {
        match cause {
            Cause::Nothing => Self::Static,
            Cause::Condition => Self::TargetingMatch,
            Cause::Fallthrough => Self::Default,
            Cause::Draw => Self::Split,
        }
    }

    /// OpenFeature's name of the reason.
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

/// The outcome for a flag of a known snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) enabled: bool,
    pub(crate) variant: Option<Variant>,
    pub(super) reason: OutcomeReason,
}

impl Outcome {
    pub(super) const fn new(enabled: bool, variant: Option<Variant>, reason: Reason) -> Self {
        Self { enabled, variant, reason: OutcomeReason::of(reason) }
    }

    pub(super) const fn reason(self) -> Reason {
        self.reason.reason()
    }
}

/// A reason, and whether the flag has several if it is on. In one byte, in the order that makes
/// [`is_rare`](Self::is_rare) a single comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutcomeReason(u8);

impl OutcomeReason {
    /// The number of reasons.
    const COUNT: u8 = Reason::Error as u8 + 1;

    pub(super) const fn of(reason: Reason) -> Self {
        Self(reason as u8)
    }

    /// The reason of a flag that has several.
    pub(super) const fn one_of_several(reason: Reason) -> Self {
        Self(reason as u8 + Self::COUNT)
    }

    pub(super) const fn reason(self) -> Reason {
        match self.0 % Self::COUNT {
            0 => Reason::Disabled,
            1 => Reason::Static,
            2 => Reason::TargetingMatch,
            3 => Reason::Split,
            4 => Reason::Default,
            _ => Reason::Error,
        }
    }

    /// Whether the result of the activations is counted apart.
    #[inline(always)]
    pub(super) const fn is_rare(self) -> bool {
        self.0 >= Reason::Error as u8
    }
}

/// The result of an evaluation, with its snapshot: `S` is a [`SnapshotGuard`] that keeps the snapshot alive,
/// or a reference to a snapshot that the caller holds.
#[derive(Clone)]
pub struct Decision<S = SnapshotGuard> {
    pub(super) snapshot: S,
    pub(super) evaluated: Evaluated,
}

/// The result of an evaluation, before it is tied to a snapshot. Small, since bulk evaluation creates
/// thousands.
#[derive(Clone)]
pub(crate) enum Evaluated {
    /// The flag's index in the snapshot, and its outcome.
    Flag(u32, Outcome),
    /// An override took precedence over the snapshot.
    Override(Arc<ActiveOverride>),
}

impl Evaluated {
    #[inline]
    pub(crate) fn enabled(&self) -> bool {
        match self {
            Self::Flag(_, outcome) => outcome.enabled,
            Self::Override(found) => found.answer != Override::Off,
        }
    }
}

impl<S: AsRef<Snapshot>> Decision<S> {
    pub(crate) const fn new(snapshot: S, evaluated: Evaluated) -> Self {
        Self { snapshot, evaluated }
    }

    /// The flag's name.
    #[must_use]
    pub fn flag(&self) -> &str {
        match &self.evaluated {
            Evaluated::Flag(flag, _) => self.snapshot.as_ref().name_of(*flag),
            Evaluated::Override(found) => &found.flag,
        }
    }

    /// Whether the flag is on for this caller.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.evaluated.enabled()
    }

    /// The variant of this caller, if the flag assigns one.
    #[must_use]
    pub fn variant(&self) -> Option<&str> {
        match &self.evaluated {
            Evaluated::Flag(flag, outcome) => {
                outcome.variant.map(|variant| self.snapshot.as_ref().variant_name(*flag, variant))
            }
            Evaluated::Override(found) => match &found.answer {
                Override::Variant(name) => Some(name),
                Override::On | Override::Off => None,
            },
        }
    }

    /// Whether the flag is on, and the variant.
    pub(crate) fn outcome(&self) -> (bool, Option<Variant>) {
        (self.enabled(), self.place().and_then(|(_, variant)| variant))
    }

    /// Whether the flag is on with this variant.
    pub(crate) fn has_variant(&self, name: &str) -> bool {
        self.enabled() && self.variant() == Some(name)
    }

    /// Whether callers with a client token may evaluate the flag, by its metadata; also if the flag is
    /// overridden.
    #[must_use]
    pub fn exposed(&self) -> bool {
        let snapshot = self.snapshot.as_ref();
        match &self.evaluated {
            Evaluated::Flag(flag, _) => snapshot.is_exposed(*flag),
            Evaluated::Override(found) => snapshot.exposes(&found.flag),
        }
    }

    /// The version of this caller, counted from 1, if the flag's metadata define versions. The variant is the
    /// version's number.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        let (flag, variant) = self.place()?;
        self.snapshot.as_ref().version_of(flag, variant)
    }

    /// The value of this caller: that of the variant if the flag's metadata define values, else whether the
    /// flag is on. `None` for a flag with values that is off: then the caller's own default applies.
    #[must_use]
    pub fn value(&self) -> Option<&serde_json::Value> {
        static ON: serde_json::Value = serde_json::Value::Bool(true);
        static OFF: serde_json::Value = serde_json::Value::Bool(false);
        if self.has_values() {
            return self.variant_value();
        }
        Some(if self.enabled() { &ON } else { &OFF })
    }

    /// Whether the flag's metadata define values for its variants, so that [`value`](Self::value) is one of
    /// them.
    #[must_use]
    pub fn has_values(&self) -> bool {
        self.place().is_some_and(|(flag, _)| self.snapshot.as_ref().has_values(flag))
    }

    /// The value of the variant in the flag's metadata.
    pub(crate) fn variant_value(&self) -> Option<&serde_json::Value> {
        let (flag, variant) = self.place()?;
        self.snapshot.as_ref().value_of(flag, variant)
    }

    /// The flag's index in the snapshot and the variant's number, if the flag has a row.
    fn place(&self) -> Option<(u32, Option<Variant>)> {
        match &self.evaluated {
            Evaluated::Flag(flag, outcome) => Some((*flag, outcome.variant)),
            Evaluated::Override(found) => {
                let snapshot = self.snapshot.as_ref();
                let flag = snapshot.find_index(&found.flag)?;
                Some((flag, self.variant().and_then(|name| snapshot.variant_of(flag, name))))
            }
        }
    }

    /// What the team notes for clients, by name: the flag's own metadata, then those of all flags
    /// ([`FlagsBuilder::metadata`](crate::flags::FlagsBuilder::metadata)) which the flag does not have
    /// itself.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &serde_json::Value)> {
        let snapshot = self.snapshot.as_ref();
        let own = self.place().and_then(|(flag, _)| snapshot.metadata_of(flag));
        let common = snapshot.metadata().iter();
        let common = common.filter(move |(name, _)| own.is_none_or(|own| own.get(name).is_none()));
        own.into_iter().flat_map(ClientMetadata::iter).chain(common)
    }

    /// Whether the answer depends on a targeting key that the caller does not have: the flag draws by
    /// `targetingKey`, for example with `novi.percentage`, and would have another answer if the draw were won.
    /// `context` is the one of the decision. Callers of the whole flag are not asked for a key that it does not
    /// need: a rule that matches before the draw decides without one.
    ///
    /// The decision itself treats the caller as not drawn. OFREP and OpenFeature respond with the error
    /// `TARGETING_KEY_MISSING` instead. If the caller has no key, this takes twice as long as the evaluation.
    #[must_use]
    pub fn needs_targeting_key(&self, context: &Context<'_>) -> bool {
        match &self.evaluated {
            Evaluated::Flag(flag, _) => self.snapshot.as_ref().needs_targeting_key(*flag, context),
            Evaluated::Override(_) => false,
        }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        self.snapshot.as_ref()
    }

    /// Why the decision was made.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match &self.evaluated {
            Evaluated::Flag(_, outcome) => outcome.reason.reason(),
            Evaluated::Override(_) => Reason::Static,
        }
    }

    /// The revision of the rows that were evaluated.
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
        let metadata: BTreeMap<_, _> = self.metadata().collect();
        let mut json = serializer.serialize_struct("Decision", 6 + usize::from(!metadata.is_empty()))?;
        json.serialize_field("flag", self.flag())?;
        json.serialize_field("enabled", &self.enabled())?;
        json.serialize_field("variant", &self.variant())?;
        json.serialize_field("value", &self.value())?;
        json.serialize_field("reason", &self.reason())?;
        json.serialize_field("revision", &self.revision())?;
        if metadata.is_empty() {
            json.skip_field("metadata")?;
        } else {
            json.serialize_field("metadata", &metadata)?;
        }
        json.end()
    }
}

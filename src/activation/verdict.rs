//! Verdicts of activations.

use std::num::NonZeroU32;

/// The result of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The condition is not met.
    Off,
    /// The condition is met.
    On,
    /// The condition is met, and the caller gets this variant.
    Variant(Variant),
}

impl Verdict {
    /// Returns `true` if the condition is met, with or without a variant.
    #[must_use]
    pub const fn is_on(self) -> bool {
        !matches!(self, Self::Off)
    }

    /// The variant, if the activation assigned one.
    #[must_use]
    pub const fn variant(self) -> Option<Variant> {
        match self {
            Self::Variant(variant) => Some(variant),
            Self::Off | Self::On => None,
        }
    }
}

impl From<bool> for Verdict {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

/// The number of a variant, from [`CompileContext::variant`](crate::activation::CompileContext::variant).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant(pub(crate) NonZeroU32);

impl Variant {
    /// A variant that a draw would assign, whichever it is. Only in evaluations that assume draws.
    pub(crate) const DRAWN: Self = match NonZeroU32::new(u32::MAX - 1) {
        Some(number) => Self(number),
        None => Self(NonZeroU32::MIN),
    };

    /// The variant at an index of the list of names.
    pub(crate) fn from_index(index: usize) -> Self {
        // No list of names in memory is that long.
        let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        Self(NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX))
    }

    /// The index in the list of names.
    pub(crate) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

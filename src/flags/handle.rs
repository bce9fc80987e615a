//! A handle on one flag.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    context::{Context, override_scope},
    error::Result,
    flags::Flags,
    snapshot::{
        Snapshot,
        decision::{Decision, Outcome},
        evaluate::Lookup,
    },
};

/// A handle on one flag, which is looked up once and not at every evaluation. It stays valid when the rows
/// change: it uses the new ones. A flag that is deleted or does not exist yet is off.
///
/// ```
/// # use novi::{Context, Flags, rows::{FlagRow, Rows}};
/// # let flags = Flags::from_rows(Rows { flags: vec![FlagRow::new(1, "Winter sale", true)], ..Rows::default() })?;
/// let sale = flags.flag("Winter sale");
/// assert!(sale.is_enabled(&Context::new()));
/// # Ok::<(), novi::Error>(())
/// ```
pub struct FlagHandle {
    flags: Flags,
    name: Box<str>,
    /// The result of the last look-up; see [`Found`].
    found: AtomicU64,
}

/// The result of a look-up. Packed into a word, with the serial number of the snapshot in the upper half, so
/// that both change at once and a result is never used with another snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The decision is the same for every caller, so that no snapshot is needed; with the number of its
    /// counter.
    Fixed(bool, u32),
    /// The flag's index.
    Index(u32),
    /// No flag has the name.
    Missing,
}

impl Found {
    const OFF: u32 = 0;
    const ON: u32 = 1;
    const INDEX: u32 = 2;
    const MISSING: u32 = 3;

    /// Two bits hold the kind, the other thirty the number.
    const BITS: u32 = 30;

    /// `None` if the number does not fit, which needs a billion flags.
    fn pack(self, serial: u32) -> Option<u64> {
        let (which, number) = match self {
            Self::Fixed(false, number) => (Self::OFF, number),
            Self::Fixed(true, number) => (Self::ON, number),
            Self::Index(index) => (Self::INDEX, index),
            Self::Missing => (Self::MISSING, 0),
        };
        let packed = u64::from(serial) << 32 | u64::from(which << Self::BITS | number);
        (number >> Self::BITS == 0).then_some(packed)
    }

    /// `None` if the look-up was in another snapshot.
    #[inline]
    fn unpack(packed: u64, serial: u32) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let code = packed as u32;
        let number = code & ((1 << Self::BITS) - 1);
        (packed >> 32 == u64::from(serial)).then_some(match code >> Self::BITS {
            Self::OFF => Self::Fixed(false, number),
            Self::ON => Self::Fixed(true, number),
            Self::INDEX => Self::Index(number),
            _ => Self::Missing,
        })
    }
}

impl FlagHandle {
    pub(crate) fn new(flags: Flags, name: &str) -> Self {
        // No snapshot has the serial number 0.
        Self { flags, name: name.into(), found: AtomicU64::new(0) }
    }

    /// The flag's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the flag is enabled for this caller; see [`Flags::is_enabled`].
    #[must_use]
    #[inline]
    pub fn is_enabled(&self, context: &Context<'_>) -> bool {
        // A decision that is the same for everybody needs no snapshot, unless it is overridden.
        if !override_scope::any_override_active()
            && let Some(Found::Fixed(on, number)) = self.found(self.flags.current().serial())
        {
            self.flags.counts().count(number);
            return on;
        }
        self.resolve(context)
    }

    fn resolve(&self, context: &Context<'_>) -> bool {
        let enabled =
            |_: &Snapshot, found: Option<(u32, Outcome)>| found.is_some_and(|(_, outcome)| outcome.enabled);
        self.flags.resolve(&self.name, self, context, enabled, crate::flags::enabled)
    }

    /// Whether the flag is enabled with this variant.
    pub(crate) fn has_variant(&self, variant: &str, context: &Context<'_>) -> bool {
        self.flags.has_variant(&self.name, self, variant, context)
    }

    /// What the last look-up found, if that was in the snapshot with this serial number.
    #[inline]
    fn found(&self, serial: u32) -> Option<Found> {
        Found::unpack(self.found.load(Ordering::Relaxed), serial)
    }

    /// The flag's index in this snapshot, looked up unless the handle knows it.
    fn index_in(&self, snapshot: &Snapshot) -> Option<u32> {
        let serial = snapshot.serial();
        if let Some(Found::Index(index)) = self.found(serial) {
            return Some(index);
        }
        let index = snapshot.find_index(&self.name);
        let found = index.map_or(Found::Missing, |index| {
            snapshot.fixed_at(index).map_or(Found::Index(index), |(on, number)| Found::Fixed(on, number))
        });
        if let Some(packed) = found.pack(serial) {
            self.found.store(packed, Ordering::Relaxed);
        }
        index
    }

    /// Evaluates the flag for this caller; see [`Flags::evaluate`].
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) while no flag has this name.
    pub fn evaluate(&self, context: &Context<'_>) -> Result<Decision> {
        self.flags.evaluate_found(&self.name, self, context)
    }

    /// Evaluates the flag for a caller who now sees the result, and records that; see [`Flags::expose`].
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) while no flag has this name.
    pub fn expose(&self, context: &Context<'_>) -> Result<Decision> {
        let decision = self.evaluate(context)?;
        self.flags.record_exposure(&decision, context);
        Ok(decision)
    }
}

impl Lookup for &FlagHandle {
    #[inline]
    fn find(self, snapshot: &Snapshot) -> Option<u32> {
        self.index_in(snapshot)
    }
}

impl fmt::Debug for FlagHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlagHandle").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_look_ups_unpack_for_their_snapshot_only() {
        for found in [
            Found::Fixed(true, 0),
            Found::Fixed(false, (1 << 30) - 1),
            Found::Missing,
            Found::Index(0),
            Found::Index(7_000_000),
        ] {
            let packed = found.pack(9).unwrap();
            assert_eq!(Found::unpack(packed, 9), Some(found));
            assert_eq!(Found::unpack(packed, 8), None);
        }
        assert_eq!(Found::unpack(0, 1), None);
        assert_eq!(Found::Index(1 << 30).pack(9), None);
    }
}

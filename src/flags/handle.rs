//! A flag that is looked up once.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    context::{Context, override_scope},
    error::Result,
    flags::Flags,
    snapshot::{Snapshot, decision::Decision},
};

/// A flag of some [`Flags`], looked up once and not on every question. It stays valid when the rows change: it then
/// answers by the new ones, and a flag that is deleted or does not exist yet is off (R5).
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
    /// What was found in the last snapshot that was asked; see [`Found`].
    found: AtomicU64,
}

/// What a handle remembers: the serial number of a snapshot in the upper half, and in the lower what it says of the flag.
/// The two are written as one, so that an answer never is another snapshot's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The same answer for everybody, so that not even the snapshot is needed, and the number under which it is counted.
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

    /// Two bits tell which, the other thirty hold the number.
    const BITS: u32 = 30;

    /// Nothing if the number is too large for that, which no flag in memory has.
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

    /// Nothing if it is another snapshot's.
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

    /// Whether the flag is on for this caller; see [`Flags::is_enabled`].
    #[must_use]
    #[inline]
    pub fn is_enabled(&self, context: &Context<'_>) -> bool {
        if override_scope::any_override_active() {
            return self.flags.is_enabled(&self.name, context);
        }
        match Found::unpack(self.found.load(Ordering::Relaxed), self.flags.present().serial()) {
            Some(Found::Fixed(on, number)) => {
                self.flags.counts().count(number);
                on
            }
            _ => self.ask(context),
        }
    }

    fn ask(&self, context: &Context<'_>) -> bool {
        self.flags.present().with(|snapshot, shard| match self.index_in(snapshot) {
            Some(index) => snapshot.counted_at(index, context, shard).enabled,
            None => self.flags.is_enabled(&self.name, context),
        })
    }

    /// Whether the flag is on with this variant.
    pub(crate) fn has_variant(&self, variant: &str, context: &Context<'_>) -> bool {
        let asked = self.flags.present().with(|snapshot, _| {
            let decision = snapshot.decide(self.index_in(snapshot), &self.name, context);
            decision.map(|decision| decision.has_variant(variant))
        });
        // By name, an unknown flag is counted as such.
        asked.unwrap_or_else(|| self.flags.has_variant(&self.name, variant, context))
    }

    /// The flag's index in the present snapshot, looked up if the handle does not have it.
    fn index_in(&self, snapshot: &Snapshot) -> Option<u32> {
        let serial = snapshot.serial();
        if let Some(Found::Index(index)) = Found::unpack(self.found.load(Ordering::Relaxed), serial) {
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

    /// What the flag answers this caller, and why; see [`Flags::evaluate`].
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::error::Error::FlagNotFound) as long as no flag has the name.
    pub fn evaluate(&self, context: &Context<'_>) -> Result<Decision> {
        if override_scope::any_override_active() {
            return self.flags.evaluate(&self.name, context);
        }
        let snapshot = self.flags.snapshot();
        match self.index_in(&snapshot) {
            Some(index) => {
                let outcome = snapshot.counted_at(index, context, snapshot.counts().shard());
                Ok(Decision::new(snapshot, index, outcome))
            }
            None => self.flags.evaluate(&self.name, context),
        }
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
    fn what_is_found_survives_packing() {
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

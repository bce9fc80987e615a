//! A flag that is looked up once.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{Context, Decision, Flags, Result};

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
    /// The same answer for everybody, so that not even the snapshot is needed.
    Fixed(bool),
    /// The flag's index.
    Index(u32),
    /// No flag has the name.
    Missing,
}

impl Found {
    const OFF: u32 = u32::MAX;
    const ON: u32 = u32::MAX - 1;
    const MISSING: u32 = u32::MAX - 2;

    fn pack(self, serial: u32) -> u64 {
        let code = match self {
            Self::Fixed(false) => Self::OFF,
            Self::Fixed(true) => Self::ON,
            Self::Missing => Self::MISSING,
            Self::Index(index) => index,
        };
        u64::from(serial) << 32 | u64::from(code)
    }

    /// Nothing if it is another snapshot's.
    #[inline]
    fn unpack(packed: u64, serial: u32) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        let code = packed as u32;
        (packed >> 32 == u64::from(serial)).then_some(match code {
            Self::OFF => Self::Fixed(false),
            Self::ON => Self::Fixed(true),
            Self::MISSING => Self::Missing,
            index => Self::Index(index),
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
        match Found::unpack(self.found.load(Ordering::Relaxed), self.flags.serial()) {
            Some(Found::Fixed(on)) => on,
            _ => self.ask(context),
        }
    }

    fn ask(&self, context: &Context<'_>) -> bool {
        let snapshot = self.flags.snapshot();
        let serial = snapshot.serial();
        let found = Found::unpack(self.found.load(Ordering::Relaxed), serial).unwrap_or_else(|| {
            let found = match snapshot.find_index(&self.name) {
                None => Found::Missing,
                Some(index) => snapshot.fixed_at(index).map_or(Found::Index(index), Found::Fixed),
            };
            self.found.store(found.pack(serial), Ordering::Relaxed);
            found
        });
        match found {
            Found::Fixed(on) => on,
            Found::Index(index) => snapshot.enabled_at(index, context),
            Found::Missing => self.flags.is_enabled(&self.name, context),
        }
    }

    /// What the flag answers this caller, and why; see [`Flags::evaluate`], which this is: it looks the name up.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) as long as no flag has the name.
    pub fn evaluate(&self, context: &Context<'_>) -> Result<Decision> {
        self.flags.evaluate(&self.name, context)
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
            Found::Fixed(true),
            Found::Fixed(false),
            Found::Missing,
            Found::Index(0),
            Found::Index(7_000_000),
        ] {
            assert_eq!(Found::unpack(found.pack(9), 9), Some(found));
            assert_eq!(Found::unpack(found.pack(9), 8), None);
        }
        assert_eq!(Found::unpack(0, 1), None);
    }
}

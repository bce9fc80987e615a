//! The variants that units of experiments keep, whatever the rows say later.

#[cfg(feature = "sql")]
use std::sync::{Mutex, PoisonError};
use std::{
    fmt,
    hash::{BuildHasher as _, DefaultHasher, Hash as _, Hasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;

/// The variants that units of experiments keep: a table that any thread reads at any time, without a lock, and one
/// thread at a time fills.
///
/// It is empty until a task fills it from the database; see [`FlagsBuilder`](crate::FlagsBuilder).
#[derive(Clone, Default)]
pub struct Remembered(Arc<Table>);

#[derive(Default)]
struct Table {
    slots: ArcSwap<Slots>,
    /// Secret, so that nobody can construct units whose keys are equal: of ten million, two are with a probability
    /// of 1 to 400,000.
    keys: RandomState,
    /// The number of units, held while the table is filled.
    #[cfg(feature = "sql")]
    len: Mutex<usize>,
}

/// A hash table with open addressing, in which slots are never freed. Its size is a power of two, or zero.
#[derive(Default)]
struct Slots(Box<[Slot]>);

/// A unit, in 24 bytes.
#[derive(Default)]
struct Slot {
    /// The hash of the experiment and the unit; zero if the slot is free. Written last.
    key: AtomicU64,
    /// The hash of the variant's name.
    variant: AtomicU64,
    revision: AtomicU64,
}

/// What a unit keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The [hash](variant_hash) of the variant.
    pub(crate) variant: u64,
    /// The revision that assigned it.
    pub(crate) revision: u64,
}

/// A row of the table.
#[cfg(feature = "sql")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) experiment: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) variant: &'a str,
    pub(crate) revision: i64,
}

/// The size of the first table.
#[cfg(feature = "sql")]
const FIRST_SIZE: usize = 1024;

/// The hash of a variant's name. Rows are written by those who change flags, so it needs no secret.
pub(crate) fn variant_hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Remembered {
    /// The variant that a unit keeps, if it has one.
    pub(crate) fn find(&self, experiment: &str, unit: &str) -> Option<Kept> {
        let slots = self.0.slots.load();
        if slots.0.is_empty() {
            return None;
        }
        let slot = slots.find(self.key(experiment, unit)).ok()?;
        let (variant, revision) =
            (slot.variant.load(Ordering::Relaxed), slot.revision.load(Ordering::Relaxed));
        Some(Kept { variant, revision })
    }

    fn key(&self, experiment: &str, unit: &str) -> u64 {
        self.0.keys.hash_one((experiment, unit)).max(1)
    }
}

#[cfg(feature = "sql")]
impl Remembered {
    /// How many units it has.
    pub(crate) fn len(&self) -> usize {
        *self.0.len.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a unit into the table, unless it has one and `replaces` is false. Returns `false` if the table has
    /// `most` units already.
    pub(crate) fn put(&self, entry: &Entry<'_>, replaces: bool, most: usize) -> bool {
        let key = self.key(entry.experiment, entry.unit);
        let mut len = self.0.len.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = self.0.slots.load();
        match slots.find(key) {
            Ok(slot) if replaces => slot.set(entry),
            Ok(_) => (),
            Err(_) if *len >= most => return false,
            Err(free) => {
                // A quarter stays free, so that searches are short.
                let free = free.filter(|_| (*len + 1) * 4 <= slots.0.len() * 3);
                if let Some(slot) = free {
                    slot.add(key, entry);
                } else {
                    let grown = slots.grown();
                    if let Err(Some(slot)) = grown.find(key) {
                        slot.add(key, entry);
                    }
                    self.0.slots.store(Arc::new(grown));
                }
                *len += 1;
            }
        }
        true
    }

    /// Forgets all units.
    pub(crate) fn clear(&self) {
        let mut len = self.0.len.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.slots.store(Arc::default());
        *len = 0;
    }

    /// Takes what another table, with the same keys, has.
    pub(crate) fn take(&self, other: &Self) {
        let others = *other.0.len.lock().unwrap_or_else(PoisonError::into_inner);
        let mut len = self.0.len.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.slots.store(other.0.slots.load_full());
        *len = others;
    }

    /// An empty table with the same keys.
    pub(crate) fn fresh(&self) -> Self {
        Self(Arc::new(Table { keys: self.0.keys.clone(), ..Table::default() }))
    }
}

impl Slots {
    /// The slot with a key, or a free one for it if there is any.
    fn find(&self, key: u64) -> Result<&Slot, Option<&Slot>> {
        let Some(mask) = self.0.len().checked_sub(1) else { return Err(None) };
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash")]
        let mut index = key as usize & mask;
        for _ in 0..self.0.len() {
            let Some(slot) = self.0.get(index) else { return Err(None) };
            // What was written before the key is visible with it.
            match slot.key.load(Ordering::Acquire) {
                0 => return Err(Some(slot)),
                found if found == key => return Ok(slot),
                _ => index = (index + 1) & mask,
            }
        }
        Err(None)
    }

    #[cfg(feature = "sql")]
    fn grown(&self) -> Self {
        let size = (self.0.len() * 2).max(FIRST_SIZE);
        let grown = Self((0..size).map(|_| Slot::default()).collect());
        for slot in &self.0 {
            let key = slot.key.load(Ordering::Relaxed);
            if key != 0
                && let Err(Some(free)) = grown.find(key)
            {
                free.variant.store(slot.variant.load(Ordering::Relaxed), Ordering::Relaxed);
                free.revision.store(slot.revision.load(Ordering::Relaxed), Ordering::Relaxed);
                free.key.store(key, Ordering::Release);
            }
        }
        grown
    }
}

#[cfg(feature = "sql")]
impl Slot {
    fn set(&self, entry: &Entry<'_>) {
        self.variant.store(variant_hash(entry.variant), Ordering::Relaxed);
        self.revision.store(entry.revision.unsigned_abs(), Ordering::Relaxed);
    }

    fn add(&self, key: u64, entry: &Entry<'_>) {
        self.set(entry);
        self.key.store(key, Ordering::Release);
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Units may be personal data.
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "sql"))]
mod tests {
    use super::*;

    fn entry<'a>(unit: &'a str, variant: &'a str) -> Entry<'a> {
        Entry { experiment: "e", unit, variant, revision: 7 }
    }

    #[test]
    fn units_are_found_with_what_was_put_last() {
        let table = Remembered::default();
        assert_eq!(table.find("e", "u"), None);
        for number in 0..5000 {
            assert!(table.put(&entry(&number.to_string(), "a"), false, usize::MAX));
        }
        assert!(table.put(&entry("17", "b"), false, usize::MAX) && table.put(&entry("18", "b"), true, 1));
        let variant = |unit: &str| table.find("e", unit).map(|kept| kept.variant);
        for (unit, expected) in [("0", "a"), ("4999", "a"), ("17", "a"), ("18", "b")] {
            assert_eq!(variant(unit), Some(variant_hash(expected)), "{unit}");
        }
        assert_eq!((table.find("e", "5000"), table.find("f", "1"), table.len()), (None, None, 5000));
        assert_eq!(table.find("e", "1").map(|kept| kept.revision), Some(7));
    }

    #[test]
    fn full_tables_take_no_more() {
        let table = Remembered::default();
        assert!(table.put(&entry("a", "x"), false, 2) && table.put(&entry("b", "x"), false, 2));
        assert!(!table.put(&entry("c", "x"), false, 2) && table.put(&entry("b", "y"), true, 2));
        let other = table.fresh();
        other.put(&entry("c", "x"), false, 2);
        table.take(&other);
        assert!(table.find("e", "a").is_none() && table.find("e", "c").is_some() && table.len() == 1);
        table.clear();
        assert!(table.find("e", "c").is_none() && table.len() == 0);
    }
}

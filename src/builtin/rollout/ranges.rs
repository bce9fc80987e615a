//! The buckets of variants, and changes that move as few callers as possible.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{
    activation::{CompileContext, bucket::Hash},
    builtin::rollout::sticky::HashName,
};

/// Ranges of buckets, with an exclusive end.
type BucketRanges = Vec<(u32, u32)>;

/// The ranges of each variant among the 100,000 buckets, in the order of the config.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ranges(pub(crate) Vec<(String, BucketRanges)>);

/// The number of buckets that a config has ranges of, or `None` after reporting an invalid one.
pub(in crate::builtin) fn valid_total(
    total: Option<u32>,
    hash: HashName,
    row: &mut CompileContext<'_>,
) -> Option<u32> {
    let Some(total) = total else { return Some(Hash::BUCKETS.min(hash.max_total())) };
    // More buckets than places would leave some empty.
    let most = hash.max_total().min(hash.places());
    if !(1..=most).contains(&total) {
        row.problem(".total", format!("expected 1 to {most} with this hash, found {total}"));
        return None;
    }
    Some(total)
}

/// What is wrong with a range of buckets.
pub(in crate::builtin) fn problem_of_range(start: u32, end: u32, total: u32) -> Option<String> {
    let is_valid = start < end && end <= total;
    (!is_valid).then(|| format!("expected two rising buckets from 0 to {total}, found {start} and {end}"))
}

/// The numbers of buckets for some weights. Their sum is exact.
pub(crate) fn sizes(weights: impl IntoIterator<Item = f64> + Clone, buckets: u32) -> Vec<u32> {
    let total: f64 = weights.clone().into_iter().sum();
    let (mut sum, mut before) = (0.0, 0);
    let size = |weight: f64| {
        sum += weight;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to the number of buckets"
        )]
        let end = (sum / total * f64::from(buckets)).round() as u32;
        // Rounding the cumulative sum, and not each weight, keeps the total exact.
        let size = end.saturating_sub(before);
        before = before.max(end);
        size
    };
    weights.into_iter().map(size).collect()
}

impl Ranges {
    /// One range per variant, in a row.
    pub(crate) fn from_sizes(sizes: impl IntoIterator<Item = (String, u32)>) -> Self {
        let mut end = 0_u32;
        let range = |(name, size): (String, u32)| {
            let start = end;
            end = start.saturating_add(size);
            (name, if size == 0 { Vec::new() } else { vec![(start, end)] })
        };
        Self(sizes.into_iter().map(range).collect())
    }

    /// The number of buckets with a variant.
    pub(crate) fn covered(&self) -> u32 {
        self.0.iter().map(|(_, ranges)| size(ranges)).fold(0, u32::saturating_add)
    }

    /// The number of buckets that have the same variant in `other`, which has one range of each variant.
    pub(crate) fn shared_with(&self, other: &Self) -> u32 {
        let others: HashMap<&str, &BucketRanges> =
            other.0.iter().map(|(name, ranges)| (name.as_str(), ranges)).collect();
        let of_one = |(name, ranges): &(String, BucketRanges)| {
            let theirs = others.get(name.as_str()).map_or(&[][..], |ranges| ranges.as_slice());
            let pairs = ranges.iter().flat_map(|mine| theirs.iter().map(move |theirs| (mine, theirs)));
            let common = pairs.map(|(mine, theirs)| (mine.0.max(theirs.0), mine.1.min(theirs.1)));
            common.map(|(start, end)| end.saturating_sub(start)).fold(0, u32::saturating_add)
        };
        self.0.iter().map(of_one).fold(0, u32::saturating_add)
    }

    /// The ranges for new weights, and the number of buckets that move, which is minimal. Buckets without a
    /// variant stay so. Weights are finite, not negative, and not all 0.
    pub(crate) fn reweighted(&self, weights: &[(String, f64)]) -> (Self, u32) {
        let covered = if self.covered() == 0 { Hash::BUCKETS } else { self.covered() };
        let wanted = sizes(weights.iter().map(|(_, weight)| *weight), covered);
        let mut next: Vec<(String, BucketRanges)> =
            weights.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
        let mut free = Vec::new();
        if self.covered() == 0 {
            free.push((0, covered));
        }
        for (name, ranges) in &self.0 {
            let place = weights.iter().position(|(known, _)| known == name);
            let wanted = place.and_then(|place| wanted.get(place)).copied().unwrap_or_default();
            let (kept, given) = split_off(ranges, wanted);
            free.extend(given);
            if let Some((_, mine)) = place.and_then(|place| next.get_mut(place)) {
                *mine = kept;
            }
        }
        let moved = size(&free);
        free.sort_unstable();
        for ((_, mine), wanted) in next.iter_mut().zip(wanted) {
            let missing = wanted.saturating_sub(size(mine));
            let (taken, left) = split_off(&free, missing);
            free = left;
            mine.extend(taken);
            join(mine);
        }
        (Self(next), moved)
    }
}

fn size(ranges: &[(u32, u32)]) -> u32 {
    ranges.iter().map(|(start, end)| end.saturating_sub(*start)).fold(0, u32::saturating_add)
}

/// Splits ranges after a number of buckets.
fn split_off(ranges: &[(u32, u32)], mut count: u32) -> (BucketRanges, BucketRanges) {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for (start, end) in ranges {
        let middle = start.saturating_add(count).min(*end);
        count -= middle.saturating_sub(*start).min(count);
        first.extend((*start < middle).then_some((*start, middle)));
        rest.extend((middle < *end).then_some((middle, *end)));
    }
    (first, rest)
}

/// Sorts ranges and joins adjacent ones.
fn join(ranges: &mut BucketRanges) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, before| {
        let touch = before.1 == next.0;
        if touch {
            before.1 = next.1;
        }
        touch
    });
}

/// The entries of an object in their original order, which a map would not keep.
pub(crate) struct InOrder<T>(pub(crate) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> InOrder<T> {
    pub(crate) fn deserialize_with<D: Deserializer<'de>>(
        deserializer: D,
        expectation: &'static str,
    ) -> Result<Self, D::Error> {
        struct EntriesVisitor<T>(&'static str, std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = InOrder<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder<T>, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                let mut known = HashSet::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if !known.insert(name.clone()) {
                        return Err(serde::de::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    entries.push((name, value));
                }
                Ok(InOrder(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor(expectation, std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Ranges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTATION: &str =
            r#"variants with their ranges of buckets, like {"A": [[0, 50000]], "B": [[50000, 100000]]}"#;
        let InOrder(entries) = InOrder::<Vec<Range>>::deserialize_with(deserializer, EXPECTATION)?;
        let pairs = |ranges: Vec<Range>| ranges.into_iter().map(|Range(start, end)| (start, end)).collect();
        Ok(Self(entries.into_iter().map(|(name, ranges)| (name, pairs(ranges))).collect()))
    }
}

/// A range as it is written: `[start, end]`. The error of serde's tuples does not say how many values a list
/// should have.
struct Range(u32, u32);

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RangeVisitor;

        impl<'de> Visitor<'de> for RangeVisitor {
            type Value = Range;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of two buckets, like [0, 50000]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Range, A::Error> {
                let start = list.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let end = list.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                let mut count = 2;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                if count > 2 { Err(A::Error::invalid_length(count, &self)) } else { Ok(Range(start, end)) }
            }
        }

        deserializer.deserialize_seq(RangeVisitor)
    }
}

impl Serialize for Ranges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, ranges)| (name, ranges)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The variant of each bucket.
    fn owners(ranges: &Ranges) -> Vec<Option<&str>> {
        let mut owners = vec![None; 100_000];
        for (name, ranges) in &ranges.0 {
            for (start, end) in ranges {
                for bucket in &mut owners[*start as usize..*end as usize] {
                    assert_eq!(bucket.replace(name.as_str()), None, "a bucket has two owners");
                }
            }
        }
        owners
    }

    fn of(weights: &[u32]) -> Vec<(String, f64)> {
        ('A'..).zip(weights).map(|(name, weight)| (name.to_string(), f64::from(*weight))).collect()
    }

    fn sizes_of(weights: &[(String, f64)]) -> BTreeMap<&str, u32> {
        let sizes = sizes(weights.iter().map(|(_, weight)| *weight), Hash::BUCKETS);
        weights.iter().map(|(name, _)| name.as_str()).zip(sizes).collect()
    }

    fn weights() -> impl Strategy<Value = Vec<u32>> {
        proptest::collection::vec(0..100_u32, 1..6)
            .prop_filter("some weight", |list| list.iter().sum::<u32>() > 0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn reweighting_moves_as_few_buckets_as_possible(first in weights(), steps in proptest::collection::vec(weights(), 1..5)) {
            let mut before = of(&first);
            let named = before.iter().map(|(name, _)| name.clone()).zip(sizes_of(&before).into_values());
            let mut ranges = Ranges::from_sizes(named);
            for step in steps {
                let after = of(&step);
                let (next, moved) = ranges.reweighted(&after);
                let (old, new) = (sizes_of(&before), sizes_of(&after));
                let size = |sizes: &BTreeMap<&str, u32>, name: &str| sizes.get(name).copied().unwrap_or_default();
                let names = old.keys().chain(new.keys());
                let names: std::collections::BTreeSet<&str> = names.copied().collect();
                // The total variation distance, in buckets.
                let distance: u32 = names.iter().map(|name| size(&old, name).abs_diff(size(&new, name))).sum();
                prop_assert_eq!(2 * moved, distance);
                let (owners_before, owners_after) = (owners(&ranges), owners(&next));
                let mut found = 0;
                for (owner, now) in owners_before.iter().zip(&owners_after).filter(|(owner, now)| owner != now) {
                    let (owner, now) = (owner.unwrap(), now.unwrap());
                    found += 1;
                    prop_assert!(size(&new, owner) < size(&old, owner), "{owner} did not shrink");
                    prop_assert!(size(&new, now) > size(&old, now), "{now} did not grow");
                }
                prop_assert_eq!(found, moved);
                for (name, count) in &new {
                    let have = owners_after.iter().filter(|owner| **owner == Some(name)).count();
                    prop_assert_eq!(u32::try_from(have).unwrap(), *count);
                }
                (ranges, before) = (next, after);
            }
        }
    }

    #[test]
    fn gaps_stay_free() {
        let half =
            Ranges(vec![("A".to_owned(), vec![(0, 25_000)]), ("B".to_owned(), vec![(50_000, 75_000)])]);
        let (next, moved) = half.reweighted(&of(&[3, 1]));
        assert_eq!(moved, 12_500);
        assert_eq!(next.0[0].1, [(0, 25_000), (62_500, 75_000)]);
        assert_eq!(next.0[1].1, [(50_000, 62_500)]);
    }
}

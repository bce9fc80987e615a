//! Places of users: thousandths, or with version 2 ten-thousandths.

use novi_files::Tree;

use super::attribute_name;
use crate::{
    config::{always, text},
    options::Options,
    shares::Hashed,
};

/// A hash of a seed and an attribute.
#[derive(Debug)]
pub(super) struct Places {
    hashed: Hashed,
    total: u32,
}

impl Places {
    /// `None` for a version that SDKs do not know, which includes nobody.
    pub(super) fn new(
        version: Option<&Tree>,
        seed: &str,
        by: Option<&str>,
        options: &Options,
    ) -> Option<Self> {
        let (hash, total) = match version.and_then(Tree::as_f64) {
            None => ("growthbook_v1", 1_000),
            Some(version) if version.to_bits() == 1.0_f64.to_bits() => ("growthbook_v1", 1_000),
            Some(version) if version.to_bits() == 2.0_f64.to_bits() => ("fnv1a", 10_000),
            Some(_) => return None,
        };
        let by = attribute_name(by.filter(|by| !by.is_empty()).unwrap_or("id"), options);
        let by = Some(by.to_owned()).filter(|by| *by != Options::default().by);
        Some(Self { hashed: Hashed { hash, salt: Some(seed.to_owned()), by }, total })
    }

    /// Users from a start to an end, which is excluded.
    pub(super) fn within(&self, ranges: &[(f64, f64)]) -> Tree {
        let first = |limit: f64| self.first(|place| place >= limit);
        self.buckets(ranges.iter().map(|(start, end)| (first(*start), first(*end))))
    }

    /// Users up to a limit, which is included.
    pub(super) fn up_to(&self, limit: f64) -> Tree {
        self.buckets([(0, self.first(|place| place > limit))])
    }

    /// The first place that meets a condition, as SDKs compute it.
    fn first(&self, is_met: impl Fn(f64) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.total);
        while low < high {
            let middle = u32::midpoint(low, high);
            if is_met(f64::from(middle) / f64::from(self.total)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    fn buckets(&self, ranges: impl IntoIterator<Item = (u32, u32)>) -> Tree {
        let ranges = ranges.into_iter().filter(|(start, end)| start < end);
        let pair =
            |(start, end): (u32, u32)| Tree::List(vec![Tree::Number(start.into()), Tree::Number(end.into())]);
        let ranges: Vec<Tree> = ranges.map(pair).collect();
        if ranges.is_empty() {
            return always(false);
        }
        let total = ("total", Tree::Number(self.total.into()));
        self.hashed.activation("novi.bucket", [("ranges", Tree::List(ranges)), total])
    }
}

/// Ranges of places, each a pair of numbers.
pub(super) fn pairs(ranges: &Tree) -> Result<Vec<(f64, f64)>, String> {
    let ranges = ranges.as_list().ok_or("expected a list of ranges")?;
    ranges.iter().map(pair).collect()
}

pub(super) fn pair(range: &Tree) -> Result<(f64, f64), String> {
    match range.as_list() {
        Some([start, end]) => start.as_f64().zip(end.as_f64()),
        _ => None,
    }
    .ok_or_else(|| format!("expected a range of two numbers, found {}", text(range.to_json()).to_json()))
}

//! New weights for a split that move as few callers as possible.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value as Json, value::RawValue};

use crate::{
    activation::bucket::Hash,
    builtin::rollout::{
        ranges::{Ranges, sizes},
        split::{Config, HashName, Weights, total},
    },
    error::json_terms,
};

/// A split with new weights.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reweighted {
    /// The new config of the row.
    pub config: String,
    /// The share of all callers that get another variant, from 0 to 1.
    pub moved: f64,
}

/// Why the weights of a split cannot be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReweightError {
    /// The config is not a config of `novi.split`.
    #[error("expected the config of a novi.split: {}", json_terms::translate(&.0.to_string()))]
    Config(#[from] serde_json::Error),
    /// The new weights are invalid.
    #[error("weights: {0}")]
    Weights(String),
    /// The hash moves all callers when weights change, or has another precision than ranges.
    #[error("{0}")]
    Hash(&'static str),
}

/// Changes the weights of a `novi.split`. In the new config, `{"ranges": ...}`, as few callers as possible
/// have another variant. Other fields stay.
///
/// The share of callers that move is half the sum of the differences of the weights, each taken as a share of
/// its sum (their total variation distance). No caller moves between two variants that both kept or increased
/// their share.
///
/// ```
/// let split = r#"{"variants": {"grid": 50, "list": 50}}"#;
/// let new = novi::builtin::reweighted(split, &[("grid", 40.0), ("list", 40.0), ("map", 20.0)])?;
/// assert_eq!(new.config, r#"{"ranges":{"grid":[[0,40000]],"list":[[50000,90000]],"map":[[40000,50000],[90000,100000]]}}"#);
/// assert_eq!(new.moved, 0.2);
/// # Ok::<(), novi::builtin::ReweightError>(())
/// ```
///
/// # Errors
/// [`ReweightError`] if the config is not that of a split, the weights are negative or all 0, or the hash
/// moves all callers when weights change (`crc32`, `unleash`, `ufc`, `blake2s`).
pub fn reweighted(config: &str, weights: &[(&str, f64)]) -> Result<Reweighted, ReweightError> {
    let parsed: Config = serde_json::from_str(config)?;
    let mut fields: serde_json::Map<String, Json> = serde_json::from_str(config)?;
    let weights: Vec<(String, f64)> =
        weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
    let mut problem = None;
    // Weights become buckets, so they need not be integers, whatever the hash.
    let sum = total(&weights, HashName::Murmur3, |path, message| {
        let variant = path.strip_prefix(".variants.").map(|name| format!("{name}: ")).unwrap_or_default();
        problem = Some(format!("{variant}{message}"));
    });
    if sum.is_none() {
        return Err(ReweightError::Weights(problem.unwrap_or_default()));
    }
    let before = match (parsed.variants, parsed.ranges) {
        (_, Some(_)) if parsed.total.is_some_and(|total| total != Hash::BUCKETS) => {
            return Err(ReweightError::Hash(
                "expected ranges of 100000 buckets; change those of another `total` by hand",
            ));
        }
        (_, Some(ranges)) => ranges,
        (Some(Weights(variants)), None) => {
            ranges_of(&variants, parsed.coverage.unwrap_or(100.0), parsed.hash)?
        }
        (None, None) => return Err(ReweightError::Config(serde::de::Error::custom("it has no variants"))),
    };
    let (after, moved) = before.reweighted(&weights);
    fields.remove("variants");
    fields.remove("coverage");
    fields.insert("ranges".to_owned(), serde_json::to_value(&after)?);
    Ok(Reweighted {
        config: Json::Object(fields).to_string(),
        moved: f64::from(moved) / f64::from(Hash::BUCKETS),
    })
}

/// Changes the weights of a `novi.split` to these, so that a person can read them again. Variants stay in their
/// order, or in that of their first ranges, and new ones come last. `moved` is the share of all callers that lose their variant or get another one;
/// [`reweighted`] moves fewer. It is 1 if the hash divides by the sum of the weights.
///
/// ```
/// let split = r#"{"variants": {"list": 50, "grid": 50}}"#;
/// let new = novi::builtin::with_weights(split, &[("grid", 40.0), ("list", 60.0)])?;
/// assert_eq!(new.config, r#"{"variants":{"list":60,"grid":40}}"#);
/// assert_eq!(new.moved, 0.1);
/// # Ok::<(), novi::builtin::ReweightError>(())
/// ```
///
/// # Errors
/// [`ReweightError`] if the config is not that of a split, or the weights are negative or all 0.
pub fn with_weights(config: &str, weights: &[(&str, f64)]) -> Result<Reweighted, ReweightError> {
    let parsed: Config = serde_json::from_str(config)?;
    let known: Vec<&String> = match (&parsed.variants, &parsed.ranges) {
        (Some(Weights(variants)), _) => variants.iter().map(|(name, _)| name).collect(),
        (None, Some(Ranges(ranges))) => {
            let first = |ranges: &[(u32, u32)]| ranges.iter().map(|(start, _)| *start).min();
            let mut named: Vec<_> =
                ranges.iter().map(|(name, ranges)| (first(ranges).unwrap_or(u32::MAX), name)).collect();
            named.sort_by_key(|(first, _)| *first);
            named.into_iter().map(|(_, name)| name).collect()
        }
        (None, None) => Vec::new(),
    };
    let places: HashMap<&str, usize> = (0..).zip(known).map(|(place, name)| (name.as_str(), place)).collect();
    let mut ordered: Vec<(String, f64)> =
        weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
    // The sort is stable: new variants stay in their order, after the others.
    ordered.sort_by_key(|(name, _)| places.get(name.as_str()).copied().unwrap_or(usize::MAX));
    let mut problem = None;
    let sum = total(&ordered, parsed.hash, |path, message| {
        let variant = path.strip_prefix(".variants.").map(|name| format!("{name}: ")).unwrap_or_default();
        problem = Some(format!("{variant}{message}"));
    });
    if sum.is_none() {
        return Err(ReweightError::Weights(problem.unwrap_or_default()));
    }
    let coverage = parsed.coverage.unwrap_or(100.0);
    let before = match (&parsed.variants, parsed.ranges) {
        (Some(Weights(variants)), _) => ranges_of(variants, coverage, parsed.hash).ok(),
        (None, ranges) => ranges.filter(|_| parsed.total.is_none_or(|total| total == Hash::BUCKETS)),
    };
    let after = ranges_of(&ordered, coverage, parsed.hash).ok();
    let moved = match (before, after) {
        (Some(before), Some(after)) => before.covered().saturating_sub(before.shared_with(&after)),
        _ => Hash::BUCKETS,
    };
    // The order of a map is not that of the variants.
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(config)?;
    for replaced in ["variants", "ranges", "total"] {
        fields.remove(replaced);
    }
    let entry = |(name, weight): &(String, f64)| format!("{}:{weight}", Json::from(name.as_str()));
    let entries: Vec<String> = ordered.iter().map(entry).collect();
    fields.insert("variants".to_owned(), RawValue::from_string(format!("{{{}}}", entries.join(",")))?);
    Ok(Reweighted {
        config: serde_json::to_string(&fields)?,
        moved: f64::from(moved) / f64::from(Hash::BUCKETS),
    })
}

/// The ranges of buckets of some weights.
fn ranges_of(weights: &[(String, f64)], coverage: f64, hash: HashName) -> Result<Ranges, ReweightError> {
    if hash.divides_by_weights() {
        return Err(ReweightError::Hash(
            "expected a hash that does not depend on the weights; with crc32, unleash, ufc and blake2s, new weights move all callers",
        ));
    }
    let sum = total(weights, hash, |_, _| ())
        .ok_or_else(|| ReweightError::Weights("expected a sum above 0".to_owned()))?;
    let is_own = matches!(hash, HashName::Murmur3 | HashName::Md5 | HashName::Sha256);
    let mut reached = 0.0;
    let all_whole = weights.iter().all(|(_, weight)| {
        reached += weight;
        (reached / sum * f64::from(Hash::BUCKETS)).fract() == 0.0
    });
    let is_exact = is_own || all_whole && coverage >= 100.0;
    if !is_exact {
        return Err(ReweightError::Hash(
            "expected weights that are multiples of a hundred-thousandth of their sum, and no coverage; with this hash, \
             ranges would not be exact",
        ));
    }
    let whole = sizes(weights.iter().map(|(_, weight)| *weight), Hash::BUCKETS);
    let mut ranges = Ranges::from_sizes(weights.iter().map(|(name, _)| name.clone()).zip(whole));
    if coverage < 100.0 {
        let mut reached = 0.0;
        for ((_, mine), (_, weight)) in ranges.0.iter_mut().zip(weights) {
            let end = hash.end(reached + coverage / 100.0 * weight, sum);
            reached += weight;
            for range in mine.iter_mut() {
                range.1 = range.1.min(end);
            }
            mine.retain(|(start, end)| start < end);
        }
    }
    Ok(ranges)
}

//! Other weights for a split, with as few callers moved as can be.

use serde_json::Value as Json;

use crate::{
    activation::bucket::Hash,
    builtin::rollout::{
        ranges::{Ranges, sizes},
        split::{Config, HashName, Weights, total},
    },
};

/// A split with other weights.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reweighted {
    /// The config, to be written into the row.
    pub config: String,
    /// The share of all callers that get another variant than before, from 0 to 1.
    pub moved: f64,
}

/// Why a split can not be given other weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReweightError {
    /// The config is none of `novi.split`.
    #[error("expected the config of a novi.split: {0}")]
    Config(#[from] serde_json::Error),
    /// The new weights make no sense.
    #[error("weights: {0}")]
    Weights(String),
    /// The hash places everybody anew when weights change, or counts in other steps than ranges do.
    #[error("{0}")]
    Hash(&'static str),
}

/// The config of a `novi.split` with other weights: `{"ranges": ...}`, in which as few callers as can be have another variant
/// than before. All else in it stays.
///
/// The share of callers that move is half the sum of the differences of the weights, each taken as a share of its sum (their
/// total variation distance), and none moves between two variants that both kept or grew their share.
///
/// ```
/// let split = r#"{"variants": {"grid": 50, "list": 50}}"#;
/// let new = novi::reweighted(split, &[("grid", 40.0), ("list", 40.0), ("map", 20.0)])?;
/// assert_eq!(new.config, r#"{"ranges":{"grid":[[0,40000]],"list":[[50000,90000]],"map":[[40000,50000],[90000,100000]]}}"#);
/// assert_eq!(new.moved, 0.2);
/// # Ok::<(), novi::ReweightError>(())
/// ```
///
/// # Errors
/// [`ReweightError`] when the config is no split's, the weights are negative or all 0, or the hash is one that places
/// everybody anew (`crc32`, `unleash`).
pub fn reweighted(config: &str, weights: &[(&str, f64)]) -> Result<Reweighted, ReweightError> {
    let read: Config = serde_json::from_str(config)?;
    let mut fields: serde_json::Map<String, Json> = serde_json::from_str(config)?;
    let weights: Vec<(String, f64)> =
        weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
    let mut wrong = None;
    // Weights become buckets, so they need not be whole, whatever the hash.
    let sound = total(&weights, HashName::Murmur3, |path, message| {
        let variant = path.strip_prefix(".variants.").map(|name| format!("{name}: ")).unwrap_or_default();
        wrong = Some(format!("{variant}{message}"));
    });
    if sound.is_none() {
        return Err(ReweightError::Weights(wrong.unwrap_or_default()));
    }
    let before = match (read.variants, read.ranges) {
        (_, Some(ranges)) => ranges,
        (Some(Weights(variants)), None) => ranges_of(&variants, read.coverage.unwrap_or(100.0), read.hash)?,
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

/// The buckets that weights come to.
fn ranges_of(weights: &[(String, f64)], coverage: f64, hash: HashName) -> Result<Ranges, ReweightError> {
    if hash.divides_by_weights() {
        return Err(ReweightError::Hash(
            "expected a hash whose places do not depend on the weights: with crc32 and unleash other weights place \
             everybody anew",
        ));
    }
    let sum =
        total(weights, hash, |_, _| ()).ok_or_else(|| ReweightError::Weights("none above 0".to_owned()))?;
    let is_own = matches!(hash, HashName::Murmur3 | HashName::Md5 | HashName::Sha256);
    let mut reached = 0.0;
    let all_whole = weights.iter().all(|(_, weight)| {
        reached += weight;
        (reached / sum * f64::from(Hash::BUCKETS)).fract() == 0.0
    });
    let is_exact = is_own || all_whole && coverage >= 100.0;
    if !is_exact {
        return Err(ReweightError::Hash(
            "expected weights that are whole hundred-thousandths of their sum, and no coverage: with this hash ranges \
             in hundred-thousandths would not be quite the same",
        ));
    }
    let whole = sizes(weights.iter().map(|(_, weight)| *weight), Hash::BUCKETS);
    let mut ranges = Ranges::of_sizes(weights.iter().map(|(name, _)| name.clone()).zip(whole));
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

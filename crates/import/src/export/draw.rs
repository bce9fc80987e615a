//! Shares and splits as numbers of buckets.

use novi_files::Tree;

use super::{
    condition::{Condition, Draw, IN, Purpose},
    reader::names,
};
use crate::config::DEFAULT_KEY;

/// The buckets that a percentage of novi's own hashes distinguishes.
const FINE: u32 = 100_000;

/// The hash of a config, and its salt: of another flag, that is the name of that flag.
fn draw(config: &Tree, other: Option<&str>, purpose: Purpose, buckets: Vec<(Option<String>, u64)>) -> Draw {
    let string = |field: &str| config.get(field).and_then(Tree::as_str).map(str::to_owned);
    let mut by = names(config.get("by"));
    if by.is_empty() {
        by.push(DEFAULT_KEY.to_owned());
    }
    let hash = string("hash").unwrap_or_else(|| "murmur3".to_owned());
    let salt = string("salt").or_else(|| other.map(str::to_owned));
    let is_remembered = config.get("remember") == Some(&Tree::Bool(true));
    Draw { hash, salt, by, purpose, is_remembered, buckets }
}

pub(super) fn percentage(config: &Tree, other: Option<&str>) -> Result<Condition, String> {
    let share = config.get("percentage").and_then(Tree::as_f64).ok_or("expected a number as `percentage`")?;
    let [size, total] = whole([share, 100.0])?;
    let buckets = vec![(Some(IN.to_owned()), size), (None, total.saturating_sub(size))];
    Ok(draw(config, other, Purpose::Share, buckets).share())
}

pub(super) fn bucket(config: &Tree, other: Option<&str>) -> Result<Condition, String> {
    let ranges = config.get("ranges").map(|ranges| pairs(IN, ranges)).transpose()?;
    Ok(draw(config, other, Purpose::Ranges, laid_out(config, ranges.unwrap_or_default())?).share())
}

pub(super) fn split(config: &Tree, other: Option<&str>) -> Result<Draw, String> {
    if let Some(ranges) = config.get("ranges").and_then(Tree::as_fields) {
        let mut all = Vec::new();
        for (name, ranges) in ranges {
            all.extend(pairs(name, ranges)?);
        }
        return Ok(draw(config, other, Purpose::Ranges, laid_out(config, all)?));
    }
    let weights = config.get("variants").and_then(Tree::as_fields).unwrap_or_default();
    let coverage = config.get("coverage").and_then(Tree::as_f64).unwrap_or(100.0);
    let mut sizes = Vec::new();
    for (name, weight) in weights {
        let weight = weight.as_f64().ok_or_else(|| format!("the variant {name:?} has no weight"))?;
        sizes.push(weight);
    }
    if coverage < 100.0 {
        sizes = sizes.iter().flat_map(|size| [size * coverage, size * (100.0 - coverage)]).collect();
    }
    let mut sizes = whole_list(&sizes)?.into_iter();
    let mut buckets = Vec::new();
    for (name, _) in weights {
        buckets.extend(sizes.next().map(|size| (Some(name.clone()), size)));
        if coverage < 100.0 {
            buckets.extend(sizes.next().map(|size| (None, size)));
        }
    }
    Ok(draw(config, other, Purpose::Variants, buckets))
}

/// A name with each of some ranges.
fn pairs(name: &str, ranges: &Tree) -> Result<Vec<(String, u64, u64)>, String> {
    let number = |tree: &Tree| if let Tree::Number(number) = tree { number.as_u64() } else { None };
    let pair = |range: &Tree| match range.as_list() {
        Some([start, end]) => Some((name.to_owned(), number(start)?, number(end)?)),
        _ => None,
    };
    let found: Option<Vec<_>> = ranges.as_list().unwrap_or_default().iter().map(pair).collect();
    found.ok_or_else(|| "expected ranges of two numbers".to_owned())
}

/// Buckets in a row, with those between the ranges.
fn laid_out(
    config: &Tree,
    mut ranges: Vec<(String, u64, u64)>,
) -> Result<Vec<(Option<String>, u64)>, String> {
    let total = match config.get("total") {
        Some(Tree::Number(total)) => total.as_u64().ok_or("expected a number as `total`")?,
        _ if config
            .get("hash")
            .is_none_or(|hash| matches!(hash.as_str(), Some("murmur3" | "md5" | "sha256"))) =>
        {
            FINE.into()
        }
        _ => return Err("ranges of another system's hash need a `total`".to_owned()),
    };
    ranges.sort_by_key(|(_, start, _)| *start);
    let (mut buckets, mut at) = (Vec::new(), 0);
    for (name, start, end) in ranges {
        // Ranges of one share may overlap.
        let start = start.max(at);
        if start > at {
            buckets.push((None, start - at));
        }
        if end > start {
            buckets.push((Some(name), end - start));
            at = end;
        } else {
            at = start;
        }
    }
    if total > at {
        buckets.push((None, total - at));
    }
    Ok(buckets)
}

fn whole<const N: usize>(sizes: [f64; N]) -> Result<[u64; N], String> {
    let list = whole_list(&sizes)?;
    <[u64; N]>::try_from(list).map_err(|_| "expected as many sizes".to_owned())
}

/// Integers in the same proportion.
fn whole_list(sizes: &[f64]) -> Result<Vec<u64>, String> {
    const MOST: f64 = 2_147_483_647.0;
    for factor in [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0] {
        let scaled = || sizes.iter().map(|size| size * factor);
        let is_whole = |size: f64| (size - size.round()).abs() < 1e-6;
        if scaled().all(is_whole) && scaled().sum::<f64>() <= MOST {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 2^31")]
            return Ok(scaled().map(|size| size.round() as u64).collect());
        }
    }
    Err("its weights have more digits than the other system can have".to_owned())
}

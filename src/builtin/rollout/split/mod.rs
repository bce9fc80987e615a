//! Variants by weight.

pub(crate) mod reweight;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::{
    activation::{Activation, Compile, Configured, Variant, Verdict, bucket::Hash, evaluation::Check},
    builtin::{
        audience::attribute_names::By,
        register,
        rollout::{
            ranges::{InOrder, Ranges},
            sticky::{HashName, Purpose, Sticky},
        },
    },
};

pub use reweight::{ReweightError, Reweighted, reweighted};

/// [`Config`] tells all of it.
struct Split {
    sticky: Sticky,
    /// What some hashes divide by: the sum of the weights.
    sum: u32,
    /// The place that each variant ends before, which rise; without a variant: a gap.
    ends: Box<[(u32, Option<Variant>)]>,
}

/// Divides the callers among variants by weight; a caller keeps its variant.
///
/// The variants share the 100,000 buckets in the order of the config, each as many as its weight of the sum. The bucket is
/// that of `novi.percentage`, mixed once more, so that a rollout and a split of one flag divide callers independently.
/// A caller without the attribute `by` gets none: off.
///
/// ```sql
/// INSERT INTO activations VALUES (8, 'Layouts', 'novi.split', '{"variants": {"grid": 50, "list": 25, "map": 25}}');
/// INSERT INTO activations VALUES (9, 'Half of them', 'novi.split', '{"variants": {"A": 1, "B": 1}, "coverage": 50}');
/// ```
///
/// **Changing weights.** New weights in the same place move every boundary, and with it many callers. `novi reweight` moves
/// as few as can be: it writes `ranges` in place of `variants`, in which a variant that shrinks gives up buckets to those
/// that grow. The share of callers that move is half the sum of the differences of the weights, and none moves
/// between two variants that both kept or grew their share.
///
/// **Coverage.** Each variant keeps this share of its range; the callers in the rest are off. Raising it gives no
/// caller another variant.
///
/// **Hashes** of other systems give the variants that those give, where the weights are the same and in the same order. With
/// `crc32` (hanoi) and `unleash` weights are whole numbers: places are counted modulo their sum, so that
/// `{"foo": 1, "bar": 1}` is hanoi's `crc32(id) % 2`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The variants, each with its weight: 0 or more, of any scale
    #[serde(default)]
    variants: Option<Weights>,
    /// In place of weights: the buckets of each variant, as ranges from a first bucket to the first one behind
    #[serde(default)]
    #[schemars(with = "Option<std::collections::BTreeMap<String, Vec<(u32, u32)>>>")]
    ranges: Option<Ranges>,
    /// The share of each variant's range that is in, from 0 to 100; 100 if not given
    #[serde(default)]
    #[schemars(range(min = 0, max = 100))]
    coverage: Option<f64>,
    /// The attribute that callers are told apart by, or several of which the first counts; the targeting key if not given
    #[serde(default)]
    by: Option<By>,
    /// What is hashed with it; the flag's name if not given
    #[serde(default)]
    salt: Option<String>,
    /// How: murmur3, or as another system does it
    #[serde(default)]
    hash: HashName,
}

register!(Split, CLASS, [], "Divides the callers among variants by weight; a caller keeps its variant");

/// The name of the type, whose config other types take as a part of theirs.
pub(in crate::builtin) const CLASS: &str = "novi.split";

/// Up to so many ranges are gone through, which is faster than halving them.
const FEW: usize = 8;

impl Activation for Split {
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let Some(place) = self.sticky.place(check, Purpose::Variant(self.sum)) else { return Verdict::Off };
        let found = if self.ends.len() <= FEW {
            self.ends.iter().find(|(end, _)| place < *end)
        } else {
            // The ends rise, so that a thousand variants take ten looks.
            self.ends.get(self.ends.partition_point(|(end, _)| *end <= place))
        };
        check.note(|| self.told(place));
        match found {
            Some((_, Some(variant))) => Verdict::Variant(*variant),
            _ => Verdict::Off,
        }
    }

    fn is_split(&self) -> bool {
        true
    }
}

impl Split {
    fn told(&self, place: u32) -> String {
        let hash = self.sticky.hash();
        let found = self.ends.partition_point(|(end, _)| *end <= place);
        let end = |at: Option<usize>| Some(hash.told(self.ends.get(at?)?.0));
        match (end(found.checked_sub(1)), end(Some(found))) {
            (Some(start), Some(end)) => format!("bucket {}, from {start} to before {end}", hash.told(place)),
            (None, Some(end)) => format!("bucket {}, before {end}", hash.told(place)),
            _ => format!("bucket {}, behind all ranges", hash.told(place)),
        }
    }
}

impl Configured for Split {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let hash = config.hash;
        if !hash.has_variants() {
            row.problem(".hash", "expected a hash that has variants; this one only has percentages");
            return None;
        }
        let coverage = config.coverage.unwrap_or(100.0);
        if !(0.0..=100.0).contains(&coverage) {
            row.problem(".coverage", format!("expected 0 to 100, found {coverage}"));
            return None;
        }
        let (sum, ends) = match (config.variants, config.ranges) {
            (Some(Weights(weights)), None) => ends_of_weights(&weights, coverage / 100.0, hash, row)?,
            (None, Some(_)) if config.coverage.is_some() => {
                row.problem(".coverage", "expected none beside `ranges`, which say what is covered");
                return None;
            }
            (None, Some(ranges)) => ends_of_ranges(&ranges, hash, row)?,
            _ => {
                row.problem("", "expected either `variants` or `ranges`");
                return None;
            }
        };
        let sticky = Sticky::compile(config.by, config.salt, hash, row)?;
        Some(Self { sticky, sum, ends: ends.into() })
    }
}

type Ends = Vec<(u32, Option<Variant>)>;

fn ends_of_weights(
    weights: &[(String, f64)],
    coverage: f64,
    hash: HashName,
    row: &mut Compile<'_>,
) -> Option<(u32, Ends)> {
    let total = total(weights, hash, |path, message| row.problem(path, message))?;
    let (mut sum, mut ends) = (0.0, Ends::new());
    for (name, weight) in weights {
        let variant = row.variant(name);
        ends.push((hash.end(sum + coverage * weight, total), Some(variant)));
        sum += weight;
        ends.extend((coverage < 1.0).then(|| (hash.end(sum, total), None)));
    }
    // Only hashes that divide by it need it, and for those it fits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating")]
    Some((total as u32, ends))
}

/// The sum of the weights; nothing if they make no sense, which is told to `problem` with the path.
fn total(weights: &[(String, f64)], hash: HashName, mut problem: impl FnMut(&str, String)) -> Option<f64> {
    let mut total = 0.0;
    for (name, weight) in weights {
        let path = || format!(".variants.{name}");
        if !weight.is_finite() || *weight < 0.0 {
            problem(&path(), format!("expected 0 or more, found {weight}"));
            return None;
        }
        if hash.divides_by_weights() && weight.fract() != 0.0 {
            problem(
                &path(),
                format!("expected a whole number, by whose sum this hash divides, found {weight}"),
            );
            return None;
        }
        total += weight;
    }
    if hash.divides_by_weights() && total > f64::from(u32::MAX) {
        problem(".variants", format!("expected weights with a sum of at most {}, found {total}", u32::MAX));
        return None;
    }
    if !total.is_finite() || total <= 0.0 {
        problem(".variants", format!("expected weights with a sum above 0, found {total}"));
        return None;
    }
    Some(total)
}

fn ends_of_ranges(Ranges(named): &Ranges, hash: HashName, row: &mut Compile<'_>) -> Option<(u32, Ends)> {
    let mut all = Vec::new();
    for (name, ranges) in named {
        let variant = row.variant(name);
        for (index, (start, end)) in ranges.iter().enumerate() {
            if start >= end || *end > Hash::BUCKETS {
                row.problem(
                    &format!(".ranges.{name}[{index}]"),
                    format!(
                        "expected two buckets that rise, from 0 to {}, found {start} and {end}",
                        Hash::BUCKETS
                    ),
                );
                return None;
            }
            all.push((*start, *end, variant, name, index));
        }
    }
    all.sort_unstable_by_key(|(start, ..)| *start);
    let place = |bucket: u32| hash.end(bucket.into(), Hash::BUCKETS.into());
    let (mut ends, mut before) = (Ends::new(), 0);
    for (start, end, variant, name, index) in all {
        if start < before {
            row.problem(
                &format!(".ranges.{name}[{index}]"),
                format!(
                    "expected a start at {before} or later, where the range before it ends, found {start}"
                ),
            );
            return None;
        }
        ends.extend((before < start).then(|| (place(start), None)));
        ends.push((place(end), Some(variant)));
        before = end;
    }
    Some((Hash::BUCKETS, ends))
}

/// Names and weights, in the order in which they were written: sorted, a later name that comes first would move everybody.
struct Weights(Vec<(String, f64)>);

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = InOrder::read(deserializer, r#"variants with their weights, like {"A": 50, "B": 50}"#);
        entries.map(|InOrder(entries)| Self(entries))
    }
}

impl JsonSchema for Weights {
    fn schema_name() -> Cow<'static, str> {
        "Weights".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": {"type": "number", "minimum": 0}})
    }
}

//! Variants by weight.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{
    register,
    sticky::{HashName, Sticky},
};
use crate::{Activation, Check, Compile, Variant, Verdict, activation::Configured, bucket::Hash};

/// [`Config`] tells all of it.
struct Split {
    sticky: Sticky,
    /// The bucket that each variant ends before.
    ends: Box<[(u32, Variant)]>,
}

/// Divides the callers among variants by weight; a caller keeps its variant.
///
/// The variants share the 100,000 buckets in the order of the config, each as many as its weight of the sum. The bucket is
/// that of `novi.percentage`, mixed once more, so that a rollout and a split of one flag divide callers independently.
/// A caller without the attribute `by` gets none: off.
///
/// ```sql
/// INSERT INTO activations VALUES (8, 'Layouts', 'novi.split', '{"variants": {"grid": 50, "list": 25, "map": 25}}');
/// ```
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The variants, each with its weight: 0 or more, of any scale
    variants: Weights,
    /// The attribute that callers are told apart by; the targeting key if not given
    #[serde(default)]
    by: Option<String>,
    /// What is hashed before it; the flag's name if not given
    #[serde(default)]
    salt: Option<String>,
    /// How: murmur3 is MurmurHash3 x86 32 with seed 0, mixed once more, modulo 100,000
    #[serde(default)]
    hash: HashName,
}

register!(
    Split,
    "novi.split",
    [],
    "Divides the callers among variants by weight; a caller keeps its variant"
);

/// Up to so many ranges are gone through, which is faster than halving them.
const FEW: usize = 8;

impl Activation for Split {
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let Some(hash) = self.sticky.hash(check) else { return Verdict::Off };
        let bucket = hash.variant_bucket();
        check.note(|| format!("bucket {bucket} of {}", Hash::BUCKETS));
        let found = if self.ends.len() <= FEW {
            self.ends.iter().find(|(end, _)| bucket < *end)
        } else {
            // The ends rise, so that a thousand variants take ten looks.
            self.ends.get(self.ends.partition_point(|(end, _)| *end <= bucket))
        };
        found.map_or(Verdict::Off, |(_, variant)| Verdict::Variant(*variant))
    }

    fn is_split(&self) -> bool {
        true
    }
}

impl Configured for Split {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let Weights(weights) = config.variants;
        let mut total = 0.0;
        for (name, weight) in &weights {
            if !weight.is_finite() || *weight < 0.0 {
                row.problem(&format!(".variants.{name}"), format!("expected 0 or more, found {weight}"));
                return None;
            }
            total += weight;
        }
        if !total.is_finite() || total <= 0.0 {
            row.problem(".variants", format!("expected weights with a sum above 0, found {total}"));
            return None;
        }
        let mut sum = 0.0;
        let ends = weights.iter().map(|(name, weight)| {
            sum += weight;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100,000")]
            let end = (sum / total * f64::from(Hash::BUCKETS)).round() as u32;
            (end, row.variant(name))
        });
        let ends = ends.collect();
        Some(Self { sticky: Sticky::compile(config.by, config.salt.as_deref(), config.hash, row), ends })
    }
}

/// Names and weights, in the order in which they were written: a map of Rust would sort them, and a later name that
/// sorts first would move everybody.
struct Weights(Vec<(String, f64)>);

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WeightsVisitor;

        impl<'de> Visitor<'de> for WeightsVisitor {
            type Value = Weights;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"variants with their weights, like {"A": 50, "B": 50}"#)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weights, A::Error> {
                let mut weights = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    weights.push(entry);
                }
                Ok(Weights(weights))
            }
        }

        deserializer.deserialize_map(WeightsVisitor)
    }
}

impl JsonSchema for Weights {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Weights".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": {"type": "number", "minimum": 0}})
    }
}

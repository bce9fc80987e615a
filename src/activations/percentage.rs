//! A share of the callers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    register,
    sticky::{HashName, Sticky},
};
use crate::{Activation, Check, Compile, Verdict, activation::Configured, bucket::Hash};

/// [`Config`] tells all of it.
struct Percentage {
    sticky: Sticky,
    /// The first bucket that is out.
    below: u32,
}

/// On for a share of the callers, always the same ones (R10).
///
/// A caller is in if its bucket, from 0 to 99,999, is below `percentage` times 1,000. So raising the percentage never
/// turns anyone off. The bucket is the hash of `salt:key`, where the key is the attribute `by` (text or a whole number);
/// a caller without it is out.
///
/// ```sql
/// INSERT INTO activations VALUES (7, 'A quarter of the users', 'novi.percentage', '{"percentage": 25}');
/// ```
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// From 0 to 100, counted in thousandths
    #[serde(rename = "percentage")]
    share: f64,
    /// The attribute that callers are told apart by; the targeting key if not given
    #[serde(default)]
    by: Option<String>,
    /// What is hashed before it; the flag's name if not given, so that each flag has other callers first
    #[serde(default)]
    salt: Option<String>,
    /// How: murmur3 is MurmurHash3 x86 32 with seed 0, modulo 100,000
    #[serde(default)]
    hash: HashName,
}

register!(Percentage, "novi.percentage", [], "On for a share of the callers, always the same ones");

impl Activation for Percentage {
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let Some(hash) = self.sticky.hash(check) else { return Verdict::Off };
        let bucket = hash.bucket();
        check.note(|| format!("bucket {bucket}, in if below {}", self.below));
        (bucket < self.below).into()
    }

    fn is_split(&self) -> bool {
        true
    }
}

impl Configured for Percentage {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        if !(0.0..=100.0).contains(&config.share) {
            row.problem(".percentage", format!("expected 0 to 100, found {}", config.share));
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100,000")]
        let below = (config.share / 100.0 * f64::from(Hash::BUCKETS)).round() as u32;
        let sticky = Sticky::compile(config.by, config.salt.as_deref(), config.hash, row);
        Some(Self { sticky, below })
    }
}

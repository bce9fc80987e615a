//! A share of the callers.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        audience::attribute_names::By,
        register,
        rollout::sticky::{HashName, Purpose, Sticky},
    },
};

/// [`Config`] tells all of it.
struct Percentage {
    sticky: Sticky,
    /// The first place that is out.
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
/// INSERT INTO activations VALUES (8, 'As hanoi had it', 'novi.percentage', '{"percentage": 80, "hash": "crc32"}');
/// ```
///
/// `hash` may be that of another system, and then those are in who are in there. Each one's source, and what to give as the
/// salt, are in [docs/hashes.md](../hashes.md).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// From 0 to 100, counted in thousandths by novi's own hashes
    #[serde(rename = "percentage")]
    #[schemars(range(min = 0, max = 100))]
    share: f64,
    /// The attribute that callers are told apart by, or several of which the first counts; the targeting key if not given
    #[serde(default)]
    by: Option<By>,
    /// What is hashed with it; the flag's name if not given, so that each flag has other callers first
    #[serde(default)]
    salt: Option<String>,
    /// How: murmur3, or as another system does it
    #[serde(default)]
    hash: HashName,
}

register!(Percentage, "novi.percentage", [], "On for a share of the callers, always the same ones");

impl Activation for Percentage {
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let Some(place) = self.sticky.place(check, Purpose::Share) else { return Verdict::Off };
        check.note(|| {
            let hash = self.sticky.hash();
            format!("bucket {}, in if below {}", hash.told(place), hash.told(self.below))
        });
        (place < self.below).into()
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
        let sticky = Sticky::compile(config.by, config.salt, config.hash, row)?;
        Some(Self { sticky, below: config.hash.share(config.share) })
    }
}

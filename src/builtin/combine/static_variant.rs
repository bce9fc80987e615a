//! The same variant for everybody.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Variant, Verdict, evaluation::Check},
    builtin::register,
};

/// [`Config`] tells all of it.
struct Static {
    variant: Variant,
}

/// On for everybody, with the same variant.
///
/// ```sql
/// INSERT INTO activations VALUES (12, 'All get the grid', 'novi.static', '{"variant": "grid"}');
/// ```
///
/// Of a flag's activations the first that assigns a variant settles it (R3): a row with a lower id than a split's gives
/// everybody its own variant, as long as it is linked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The variant
    variant: String,
}

register!(Static, "novi.static", [], "On for everybody, with the same variant");

impl Activation for Static {
    #[inline]
    fn evaluate(&self, _: &Check<'_>) -> Verdict {
        Verdict::Variant(self.variant)
    }
}

impl Configured for Static {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        Some(Self { variant: row.variant(&config.variant) })
    }
}

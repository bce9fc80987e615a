//! One variant for everybody.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Share, Variant, Verdict, cause::CauseRule,
        evaluation::Evaluation, sql, value_text,
    },
    builtin::register::register,
};

/// See [`Config`].
struct Static {
    variant: Variant,
}

/// On for everybody, with the same variant.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (280, 'Layout', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (280, 'Grid for all', 'novi.static', '{"variant": "grid"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (280, 280);
/// ```
///
/// If several activations of a flag assign a variant, the one with the lowest id wins. A row with a lower id
/// than a split therefore gives everybody its variant, as long as it is linked.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The variant
    variant: String,
}

register!(Static, "novi.static", [], "On for everybody, with the same variant");

impl Activation for Static {
    #[inline]
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::Variant(self.variant)
    }

    fn cause_rule(&self) -> CauseRule {
        CauseRule::Unconditional
    }
}

impl Configured for Static {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        Some(Self { variant: row.variant(&config.variant) })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        Phrase::variant(format!("variant {}", value_text(&config.variant)))
            .with_shares([Share { variant: Some(config.variant.clone()), percent: 100.0 }])
    }

    fn config_to_sql(config: &Config, _: &mut sql::SqlContext<'_>) -> sql::Condition {
        sql::Condition::variant(&config.variant)
    }
}

//! A share of the callers.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Draws, Phrase, Phrasing, Share, Verdict,
        evaluation::Evaluation, sql,
    },
    builtin::{
        audience::attribute_names::{AttributeNames, by_words},
        register::register,
        rollout::sticky::{self, HashName, Purpose, Sticky},
    },
};

/// See [`Config`].
struct Percentage {
    sticky: Sticky,
    /// The first position that is out.
    below: u32,
}

/// On for a share of the callers, always the same ones.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (230, 'New search', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (230, 'A quarter of the users', 'novi.percentage', '{"percentage": 25}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (230, 230);
/// ```
///
/// A caller is in if its bucket, from 0 to 99,999, is below `percentage` times 1,000, so raising the
/// percentage never turns the flag off for anybody. The bucket is the hash of `salt:key`, where the key is
/// the attribute `by`: a string, or a whole number, of which 7, 7.0 and "7" are the same key. A caller whose
/// attribute is missing, empty or of another type is out.
///
/// `hash` can be that of another system, with which the same callers are in as there.
/// [docs/hashes.md](../hashes.md) has the source of each hash, and the salt to use.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// From 0 to 100, with a precision of a thousandth for novi's own hashes
    #[serde(rename = "percentage")]
    #[schemars(range(min = 0, max = 100), extend("x-novi-input" = "percentage"))]
    share: f64,
    /// Attribute to bucket by. A list is tried in order. Default: `targetingKey`
    #[serde(default)]
    by: Option<AttributeNames>,
    /// Hash salt. Default: the name of the flag, so that each flag rolls out to a different set of callers
    /// first
    #[serde(default)]
    salt: Option<String>,
    /// The hash: murmur3, or that of another system
    #[serde(default)]
    hash: HashName,
}

register!(Percentage, "novi.percentage", [], "On for a share of the callers, always the same ones");

impl Activation for Percentage {
    #[inline]
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let Some(place) = self.sticky.place(evaluation, Purpose::Share) else {
            return self.sticky.without_place((self.below > 0).into(), evaluation);
        };
        evaluation.note(|| {
            evaluation.note_draw(|| self.sticky.draw(place, (Some(0), Some(self.below)), evaluation));
            let hash = self.sticky.hash();
            format!("bucket {}, in if below {}", hash.format(place), hash.format(self.below))
        });
        (place < self.below).into()
    }

    fn is_split(&self) -> bool {
        true
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(&self.sticky)
    }
}

impl Configured for Percentage {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        if !(0.0..=100.0).contains(&config.share) {
            row.problem(".percentage", format!("expected 0 to 100, found {}", config.share));
            return None;
        }
        let sticky = Sticky::compile(config.by, config.salt, config.hash, row)?;
        Some(Self { sticky, below: config.hash.share(config.share) })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        Phrase::callers(format!("{} % of callers {}", config.share, by_words(config.by.as_ref())))
            .with_shares([Share { variant: None, percent: config.share }])
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let (by, salt) = (config.by.as_ref(), config.salt.as_deref());
        let draw = sticky::sql::draw(by, salt, config.hash, Purpose::Share, sql);
        sticky::sql::within(draw, [(0, config.hash.share(config.share))])
    }
}

//! A random choice among weighted variations.

use chacha20::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Number;
use sha2::{Digest, Sha256};

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Variant, Verdict,
        bucket::{Hash, Salted},
        evaluation::Evaluation,
        trace::Draw,
    },
    builtin::{
        audience::scalar::{same, with_key},
        register::register,
        rollout::{
            python_random::first_random,
            shares::{variant_shares, variants_words},
        },
    },
    context::value::Value,
};

/// See [`Config`].
struct WeightedRandom {
    choices: Box<[(Value<'static>, Variant)]>,
    /// The sum of the weights up to and including each choice.
    cumulative: Box<[f64]>,
    salted: Salted,
    /// The salt, for explanations.
    salt: Box<str>,
    python: bool,
}

/// Chooses one of `variations`, each with its weight in `splits`.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (300, 'Random variant', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (300, 'Random split', 'novi.weighted_random', '{"splits": [60, 30, 10], "variations": ["A", "B", "C"]}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (300, 300);
/// ```
///
/// If the caller has the attribute `variant`, the flag is on if that is the chosen one. Otherwise it is on,
/// with the chosen variant. The choice depends only on the context:
/// - With the attribute `seed` (a number, a string or a boolean), it is drawn by ChaCha8 from that seed. Rows
///   with the class path of Python novi draw like Python: `random.seed(seed)`, then
///   `random.choices(variations, splits)`.
/// - Otherwise by the bucket of `targetingKey` with `salt`, of 100,000 buckets, so that a caller keeps its
///   variant.
/// - Without both the flag is off.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The weights of the variations, which are relative and not negative
    splits: Vec<f64>,
    /// The variations: strings, numbers or booleans
    variations: Vec<serde_json::Value>,
    /// Hash salt. Default: the name of the row
    #[serde(default)]
    salt: Option<String>,
}

/// Rows with this class name draw like Python.
const PYTHON_CLASS: &str = "novi.client.activations.weighted_random_activation.WeightedRandomActivation";

register!(
    WeightedRandom,
    "novi.weighted_random",
    [PYTHON_CLASS],
    "Chooses one of several variations by weight"
);

impl Activation for WeightedRandom {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let Some(place) = self.place(evaluation) else {
            let drawn = Verdict::Variant(Variant::DRAWN);
            return evaluation.without_key(evaluation.get("seed").is_none().then_some(drawn));
        };
        let Some((chosen, variant)) = self.choices.get(self.choice(place)) else {
            return Verdict::Off;
        };
        evaluation.note(|| {
            evaluation.note_draw(|| self.draw(place, evaluation));
            format!("drew {place:.5}, which is {chosen}")
        });
        match evaluation.get("variant") {
            Some(wanted) if !same(wanted, chosen) => Verdict::Off,
            _ => Verdict::Variant(*variant),
        }
    }

    fn is_split(&self) -> bool {
        true
    }
}

impl Configured for WeightedRandom {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let Config { splits, variations, salt } = config;
        if splits.len() != variations.len() {
            let (weights, variations) = (splits.len(), variations.len());
            row.problem(".splits", format!("expected {variations}, one for each variation, found {weights}"));
        }
        let cumulative = cumulative(&splits, row);
        let choices = variations.into_iter().enumerate().filter_map(|(index, variation)| {
            let value = Value::from(variation);
            let name = match &value {
                Value::Str(text) => text.to_string(),
                Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) => value.to_string(),
                other => {
                    let expected = "expected a string, a number or a boolean";
                    row.problem(
                        &format!(".variations[{index}]"),
                        format!("{expected}, found {}", other.kind()),
                    );
                    return None;
                }
            };
            Some((value, row.variant(&name)))
        });
        let choices = choices.collect();
        let salt: Box<str> = salt.map_or_else(|| row.name().into(), Into::into);
        let (salted, python) = (Salted::new(&salt), row.class_name() == PYTHON_CLASS);
        Some(Self { choices, cumulative, salted, salt, python })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let names: Vec<String> = config.variations.iter().map(name_of).collect();
        let shares: Vec<_> = names.iter().map(String::as_str).zip(config.splits.iter().copied()).collect();
        let total = config.splits.iter().sum();
        let by = "drawn by `seed`, else by `targetingKey`";
        let drawn = variant_shares(&shares, total, 100.0);
        Phrase::variant(format!("{} {by}", variants_words(shares.into_iter(), total))).with_shares(drawn)
    }
}

/// The name of a variation.
fn name_of(variation: &serde_json::Value) -> String {
    variation.as_str().map_or_else(|| variation.to_string(), str::to_owned)
}

/// The sum of the weights up to and including each.
fn cumulative(weights: &[f64], row: &mut CompileContext<'_>) -> Box<[f64]> {
    let (mut total, mut is_valid) = (0.0, true);
    let mut sum = |(index, weight): (usize, &f64)| {
        if !weight.is_finite() || *weight < 0.0 {
            row.problem(&format!(".splits[{index}]"), format!("expected 0 or more, found {weight}"));
        }
        is_valid &= *weight >= 0.0;
        total += weight;
        total
    };
    let sums = weights.iter().enumerate().map(&mut sum).collect();
    if is_valid && (!total.is_finite() || total <= 0.0) {
        row.problem(".splits", format!("expected a sum above 0, found {total}"));
    }
    sums
}

impl WeightedRandom {
    /// The position of the caller, from 0 to below 1.
    fn place(&self, evaluation: &Evaluation<'_>) -> Option<f64> {
        match evaluation.get("seed") {
            Some(seed) if self.python => first_random(seed),
            Some(seed) => chacha(seed),
            None => {
                let key = evaluation.identity()?;
                let bucket = with_key(key, |key| self.salted.hash(key.as_bytes()).bucket())?;
                Some(f64::from(bucket) / f64::from(Hash::BUCKETS))
            }
        }
    }

    /// The draw, for explanations. Positions are from 0 to below 1.
    fn draw(&self, place: f64, evaluation: &Evaluation<'_>) -> Draw {
        let seed = evaluation.get("seed");
        let (hash, salt) = match seed {
            Some(_) if self.python => ("python", None),
            Some(_) => ("chacha8", None),
            None => ("murmur3", Some(self.salt.to_string())),
        };
        let key = if let Some(seed) = seed {
            seed.to_string()
        } else {
            evaluation.identity().and_then(|key| with_key(key, str::to_owned)).unwrap_or_default()
        };
        let (choice, total) = (self.choice(place), self.cumulative.last().copied().unwrap_or_default());
        let end = |at: Option<usize>| Some(self.cumulative.get(at?)? / total);
        let number = |place: f64| Number::from_f64(place);
        Draw {
            hash: hash.into(),
            salt,
            key,
            bucket: number(place).unwrap_or_else(|| 0.into()),
            from: number(end(choice.checked_sub(1)).unwrap_or_default()),
            to: end(Some(choice)).and_then(number),
        }
    }

    /// The choice at a position: the first with a greater cumulative weight, like `bisect` in Python's
    /// `random.choices`. Rounding may lead past the end, which means the last choice.
    fn choice(&self, place: f64) -> usize {
        let cumulative = &self.cumulative;
        let target = place * cumulative.last().copied().unwrap_or_default();
        let before = cumulative.partition_point(|sum| *sum <= target);
        before.min(cumulative.len().saturating_sub(1))
    }
}

/// The first number of ChaCha8 with a seed, from 0 to below 1.
fn chacha(seed: &Value<'_>) -> Option<f64> {
    let mut generator = match seed {
        Value::Bool(value) => ChaCha8Rng::seed_from_u64((*value).into()),
        Value::Int(number) => ChaCha8Rng::seed_from_u64(number.cast_unsigned()),
        Value::UInt(number) => ChaCha8Rng::seed_from_u64(*number),
        Value::Float(number) => ChaCha8Rng::seed_from_u64(number.to_bits()),
        Value::Str(text) | Value::BigInt(text) => {
            ChaCha8Rng::from_seed(Sha256::digest(text.as_bytes()).into())
        }
        Value::Null | Value::Instant(_) | Value::List(_) | Value::Object(_) => return None,
    };
    // The upper 53 bits, the precision of a float. Written out, since the result must never change.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    Some((generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64)
}

//! Variants by weight.

pub(in crate::builtin::rollout) mod recording;
pub(crate) mod reweight;

use std::{borrow::Cow, iter};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::{
    activation::{
        Activation, CompileContext, Configured, Draws, Phrase, Phrasing, Variant, Verdict, bucket::Hash,
        evaluation::Evaluation, sql,
    },
    builtin::{
        audience::attribute_names::{AttributeNames, by_words},
        register::register,
        rollout::{
            ranges::{InOrder, Ranges, problem_of_range, valid_total},
            shares::{variant_shares, variants_words},
            sticky::{self, HashName, Purpose, Sticky},
        },
    },
};
use recording::Recording;

/// See [`Config`].
pub(in crate::builtin::rollout) struct Split {
    sticky: Sticky,
    /// The sum of the weights, for hashes that divide by it.
    sum: u32,
    /// The end of each variant's range, rising. `None` is a gap.
    ends: Box<[(u32, Option<Variant>)]>,
    /// What exposures record, unless all of it is the default.
    recording: Option<Box<Recording>>,
}

/// Divides the callers among variants by weight. A caller keeps its variant.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (270, 'Start page', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (270, 'Layouts', 'novi.split', '{"variants": {"grid": 50, "list": 25, "map": 25}}'),
///     (271, 'Half of them', 'novi.split', '{"variants": {"A": 1, "B": 1}, "coverage": 50}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (270, 270);
/// ```
///
/// The variants share 100,000 buckets in the order of the config, in proportion to their weights. The bucket
/// is that of `novi.percentage`, mixed again, so that a rollout and a split of one flag divide callers
/// independently. A caller without the attribute `by` gets no variant, and the flag is off.
///
/// **Changing weights.** New weights in the same row move every boundary, and with it many callers. `novi
/// reweight` moves as few as possible: it writes `ranges` in place of `variants`, in which a variant that
/// shrinks gives buckets to those that grow. The share of callers that move is half the sum of the
/// differences of the weights, and no caller moves between two variants that both kept or increased their
/// share.
///
/// **Coverage.** `coverage` is the share of each variant's range that is on; the callers in the rest are off. Raising it
/// changes no caller's variant.
///
/// **Experiments.** `Flags::expose` records which variant a caller had, under the name `experiment`; see
/// [docs/experiments.md](../experiments.md). With `"remember": true` a caller keeps the variant that was recorded
/// first when weights, salt, coverage or hash change. A caller whose variant was removed is drawn again.
///
/// **Hashes** of other systems assign the same variants as there, if the weights and their order are the
/// same. With `crc32` (hanoi), `unleash`, `ufc` and `blake2s` (feats.py) weights are integers, since
/// positions are taken modulo their sum: `{"foo": 1, "bar": 1}` is hanoi's `crc32(id) % 2`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Split")]
pub(in crate::builtin::rollout) struct Config {
    /// The variants with their weights, which are relative and not negative
    #[serde(default)]
    variants: Option<Weights>,
    /// The buckets of each variant instead of weights, as ranges with an exclusive end
    #[serde(default)]
    #[schemars(with = "Option<std::collections::BTreeMap<String, Vec<(u32, u32)>>>")]
    ranges: Option<Ranges>,
    /// The number of buckets that `ranges` divides. Default: 100000
    #[serde(default)]
    #[schemars(range(min = 1))]
    total: Option<u32>,
    /// The share of each variant's range that is in, from 0 to 100. Default: 100
    #[serde(default)]
    #[schemars(range(min = 0, max = 100), extend("x-novi-input" = "percentage"))]
    coverage: Option<f64>,
    /// Attribute to bucket by. A list is tried in order. Default: `targetingKey`
    #[serde(default)]
    by: Option<AttributeNames>,
    /// Hash salt. Default: the name of the flag
    #[serde(default)]
    salt: Option<String>,
    /// The hash: murmur3, or that of another system
    #[serde(default)]
    hash: HashName,
    /// The name of the experiment in records of exposures. Default: the name of the flag
    #[serde(default)]
    experiment: Option<String>,
    /// Whether callers keep the variant that was recorded first. Default: false
    #[serde(default)]
    remember: bool,
}

register!(Split, CLASS, [], "Divides the callers among variants by weight");

/// The class name. Configs of other types can contain a split.
pub(in crate::builtin) const CLASS: &str = "novi.split";

/// The schema of its config, for those configs.
pub(in crate::builtin) fn schema(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Config>()
}

/// The problem of a hash that only decides between in and out.
pub(in crate::builtin::rollout) const NO_VARIANTS: &str = "this hash has no variants; use another one";

/// Up to this size a linear scan is faster than a binary search.
const FEW: usize = 8;

impl Activation for Split {
    #[inline]
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        if let Some(kept) = self.kept(evaluation) {
            return kept;
        }
        match self.drawn(evaluation) {
            Some(verdict) => verdict,
            None => self.without_place(evaluation),
        }
    }

    fn is_split(&self) -> bool {
        true
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
}

impl Draws for Split {
    fn with_unit(&self, evaluation: &Evaluation<'_>, read: &mut dyn FnMut(&str)) {
        self.sticky.with_unit(evaluation, read);
    }

    fn is_plain(&self) -> bool {
        self.recording.is_none() && self.sticky.is_plain()
    }

    fn experiment(&self) -> Option<&str> {
        self.recording.as_ref()?.experiment.as_deref()
    }

    fn remembers(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.remembers())
    }
}

impl Split {
    /// The draw of an experiment: variants by weight of units that keep theirs.
    pub(in crate::builtin::rollout) fn of_experiment(
        experiment: &str,
        weights: &Weights,
        by: Option<AttributeNames>,
        (hash, salt): (HashName, String),
        row: &mut CompileContext<'_>,
    ) -> Option<Self> {
        let names: Vec<&str> = weights.0.iter().map(|(name, _)| &**name).collect();
        let recording = Recording::compile(Some(experiment.to_owned()), true, &names, row);
        let (sum, ends) = ends_of_weights(&weights.0, 1.0, hash, row)?;
        let sticky = Sticky::compile(by, Some(salt), hash, row)?;
        Some(Self { sticky, sum, ends: ends.into(), recording })
    }

    /// The verdict for a unit that keeps a variant.
    #[inline]
    pub(in crate::builtin::rollout) fn kept(&self, evaluation: &Evaluation<'_>) -> Option<Verdict> {
        self.recording.as_ref()?.kept(&self.sticky, evaluation)
    }

    /// The verdict for a unit that is drawn; `None` for a caller without a unit.
    #[inline]
    pub(in crate::builtin::rollout) fn drawn(&self, evaluation: &Evaluation<'_>) -> Option<Verdict> {
        let place = self.sticky.place(evaluation, Purpose::Variant(self.sum))?;
        let found = if self.ends.len() <= FEW {
            self.ends.iter().find(|(end, _)| place < *end)
        } else {
            self.ends.get(self.ends.partition_point(|(end, _)| *end <= place))
        };
        evaluation.note(|| {
            evaluation.note_draw(|| self.sticky.draw(place, self.range_of(place), evaluation));
            self.describe(place)
        });
        Some(match found {
            Some((_, Some(variant))) => Verdict::Variant(*variant),
            _ => Verdict::Off,
        })
    }

    #[cold]
    fn without_place(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let starts = iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        let may_assign =
            starts.zip(&self.ends).any(|(start, (end, variant))| start < *end && variant.is_some());
        let drawn = if may_assign { Verdict::Variant(Variant::DRAWN) } else { Verdict::Off };
        self.sticky.without_place(drawn, evaluation)
    }

    /// The ends of the ranges before and around a position, if there are any.
    fn range_of(&self, place: u32) -> (Option<u32>, Option<u32>) {
        let found = self.ends.partition_point(|(end, _)| *end <= place);
        let end = |at: usize| self.ends.get(at).map(|(end, _)| *end);
        let start = found.checked_sub(1).map_or(Some(0), end);
        end(found).map_or((None, None), |end| (start, Some(end)))
    }

    fn describe(&self, place: u32) -> String {
        let hash = self.sticky.hash();
        let found = self.ends.partition_point(|(end, _)| *end <= place);
        let end = |at: Option<usize>| Some(hash.format(self.ends.get(at?)?.0));
        match (end(found.checked_sub(1)), end(Some(found))) {
            (Some(start), Some(end)) => {
                format!("bucket {}, from {start} to before {end}", hash.format(place))
            }
            (None, Some(end)) => format!("bucket {}, before {end}", hash.format(place)),
            _ => format!("bucket {}, after all ranges", hash.format(place)),
        }
    }
}

impl Configured for Split {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let hash = config.hash;
        if !hash.has_variants() {
            row.problem(".hash", NO_VARIANTS);
            return None;
        }
        let coverage = config.coverage.unwrap_or(100.0);
        if !(0.0..=100.0).contains(&coverage) {
            row.problem(".coverage", format!("expected 0 to 100, found {coverage}"));
            return None;
        }
        let total = valid_total(config.total, hash, row)?;
        let names: Vec<&str> = match (&config.variants, &config.ranges) {
            (Some(Weights(weights)), _) => weights.iter().map(|(name, _)| &**name).collect(),
            (None, Some(Ranges(ranges))) => ranges.iter().map(|(name, _)| &**name).collect(),
            (None, None) => Vec::new(),
        };
        let recording = Recording::compile(config.experiment, config.remember, &names, row);
        let (sum, ends) = match (config.variants, config.ranges) {
            (Some(_), None) if config.total.is_some() => {
                row.problem(".total", "`total` needs `ranges`; the sum of the weights stands for it");
                return None;
            }
            (Some(Weights(weights)), None) => ends_of_weights(&weights, coverage / 100.0, hash, row)?,
            (None, Some(_)) if config.coverage.is_some() => {
                row.problem(".coverage", "`coverage` cannot be combined with `ranges`");
                return None;
            }
            (None, Some(ranges)) => ends_of_ranges(&ranges, total, hash, row)?,
            _ => {
                row.problem("", "expected either `variants` or `ranges`");
                return None;
            }
        };
        let sticky = Sticky::compile(config.by, config.salt, hash, row)?;
        Some(Self { sticky, sum, ends: ends.into(), recording })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let shares: Vec<(&str, f64)> = match (&config.variants, &config.ranges) {
            (Some(Weights(weights)), _) => weights.iter().map(|(name, weight)| (&**name, *weight)).collect(),
            (None, Some(Ranges(ranges))) => {
                let size = |(start, end): &(u32, u32)| f64::from(end.saturating_sub(*start));
                ranges.iter().map(|(name, ranges)| (&**name, ranges.iter().map(size).sum())).collect()
            }
            (None, None) => Vec::new(),
        };
        let total = match config.ranges {
            Some(_) => f64::from(config.total.unwrap_or(Hash::BUCKETS)),
            None => shares.iter().map(|(_, weight)| weight).sum(),
        };
        let covered = variant_shares(&shares, total, config.coverage.unwrap_or(100.0));
        let coverage = config.coverage.filter(|coverage| *coverage < 100.0);
        let coverage = coverage.map_or_else(String::new, |coverage| format!(" of {coverage} % of callers"));
        let by = by_words(config.by.as_ref());
        let remembers = if config.remember { "; remembers each caller's variant" } else { "" };
        Phrase::variant(format!("{}{coverage} {by}{remembers}", variants_words(shares.into_iter(), total)))
            .with_shares(covered)
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let (sum, named) = ranges_by_name(config);
        let (by, salt) = (config.by.as_ref(), config.salt.as_deref());
        let Some(draw) = sticky::sql::draw(by, salt, config.hash, Purpose::Variant(sum), sql) else {
            return sql::Condition::always(false);
        };
        let drawn = DrawSql { draw, named };
        let condition = drawn.condition();
        if !config.remember {
            return condition;
        }
        drawn.kept_or(config.experiment.as_deref().unwrap_or_else(|| sql.flag_name()), &condition)
    }
}

/// The draw of a split as SQL.
pub(in crate::builtin::rollout) struct DrawSql<'c> {
    draw: sql::Draw,
    named: Vec<NamedRanges<'c>>,
}

impl DrawSql<'_> {
    fn on(&self, ranges: &[(u32, u32)]) -> sql::Expression {
        sql::Expression::draw(self.draw.clone(), ranges.iter().copied())
    }

    /// On for the callers that are drawn.
    fn condition(&self) -> sql::Condition {
        let mut all: Vec<(u32, u32)> =
            self.named.iter().flat_map(|(_, ranges)| ranges.iter().copied()).collect();
        all.sort_unstable();
        all.dedup_by(|next, before| {
            let touch = next.0 <= before.1;
            if touch {
                before.1 = before.1.max(next.1);
            }
            touch
        });
        let cases =
            self.named.iter().map(|(name, ranges)| (self.on(ranges), sql::VariantExpression::name(*name)));
        sql::Condition { on: self.on(&all), variant: sql::VariantExpression::case(cases) }
    }

    /// The variant of the callers that are drawn, or else another condition.
    pub(in crate::builtin::rollout) fn otherwise(&self, otherwise: &sql::Condition) -> sql::Condition {
        let cases = self.named.iter().map(|(name, ranges)| (self.on(ranges), sql::Condition::variant(*name)));
        sql::Condition::choose(&cases.collect::<Vec<_>>(), otherwise)
    }

    /// The variant of the callers that keep theirs, or else another condition.
    pub(in crate::builtin::rollout) fn kept_or(
        &self,
        experiment: &str,
        otherwise: &sql::Condition,
    ) -> sql::Condition {
        let keeps = |name: &str| {
            sql::Expression::remembered(self.draw.key.clone(), experiment, vec![name.to_owned()])
        };
        let kept = self.named.iter().map(|(name, _)| (keeps(name), sql::Condition::variant(*name)));
        sql::Condition::choose(&kept.collect::<Vec<_>>(), otherwise)
    }
}

/// The draw of an experiment as SQL; `None` if databases cannot compute its hash.
pub(in crate::builtin::rollout) fn experiment_to_sql<'c>(
    weights: &'c Weights,
    by: Option<&AttributeNames>,
    (hash, salt): (HashName, &str),
    sql: &sql::SqlContext<'_>,
) -> Option<DrawSql<'c>> {
    let (sum, named) = ranges_of_weights(weights, 1.0, hash);
    let draw = sticky::sql::known_draw(by, Some(salt), hash, Purpose::Variant(sum), sql)?;
    Some(DrawSql { draw, named })
}

/// The positions of a variant, as ranges with an exclusive end.
type NamedRanges<'c> = (&'c str, Vec<(u32, u32)>);

/// The sum of the weights, and the positions of each variant, of a valid config.
fn ranges_by_name(config: &Config) -> (u32, Vec<NamedRanges<'_>>) {
    let hash = config.hash;
    if let Some(weights) = &config.variants {
        return ranges_of_weights(weights, config.coverage.unwrap_or(100.0) / 100.0, hash);
    }
    let total = config.total.unwrap_or(Hash::BUCKETS.min(hash.max_total()));
    let place = |bucket: u32| hash.end(bucket.into(), total.into());
    let mut named: Vec<NamedRanges<'_>> = Vec::new();
    for (name, ranges) in config.ranges.iter().flat_map(|Ranges(named)| named) {
        named.push((name, ranges.iter().map(|(start, end)| (place(*start), place(*end))).collect()));
    }
    (total, named)
}

fn ranges_of_weights(weights: &Weights, coverage: f64, hash: HashName) -> (u32, Vec<NamedRanges<'_>>) {
    let total = total(&weights.0, hash, |_, _| {}).unwrap_or(1.0);
    let (mut named, mut sum, mut start) = (Vec::new(), 0.0, 0);
    for (name, weight) in &weights.0 {
        named.push((&**name, vec![(start, hash.covered_end(sum, *weight, coverage, total))]));
        sum += weight;
        start = hash.end(sum, total);
    }
    (whole(total), named)
}

/// The sum of weights that a hash divides by, for which it is at most `u32::MAX`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating")]
fn whole(total: f64) -> u32 {
    total as u32
}

type Ends = Vec<(u32, Option<Variant>)>;

fn ends_of_weights(
    weights: &[(String, f64)],
    coverage: f64,
    hash: HashName,
    row: &mut CompileContext<'_>,
) -> Option<(u32, Ends)> {
    let total = total(weights, hash, |path, message| row.problem(path, message))?;
    let (mut sum, mut ends) = (0.0, Ends::new());
    for (name, weight) in weights {
        let variant = row.variant(name);
        ends.push((hash.covered_end(sum, *weight, coverage, total), Some(variant)));
        sum += weight;
        ends.extend((coverage < 1.0).then(|| (hash.end(sum, total), None)));
    }
    Some((whole(total), ends))
}

/// The sum of the weights of an experiment; `None` after reporting that it has none.
pub(in crate::builtin::rollout) fn sum_of_weights(
    weights: &Weights,
    hash: HashName,
    row: &mut CompileContext<'_>,
) -> Option<f64> {
    total(&weights.0, hash, |path, message| row.problem(path, message))
}

/// The sum of the weights. If one is invalid, calls `problem` with path and message and returns `None`.
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
                format!("expected an integer, since this hash divides by the sum, found {weight}"),
            );
            return None;
        }
        total += weight;
    }
    if hash.divides_by_weights() && total > f64::from(hash.max_total()) {
        let most = hash.max_total();
        problem(".variants", format!("expected weights with a sum of at most {most}, found {total}"));
        return None;
    }
    if !total.is_finite() || total <= 0.0 {
        problem(".variants", format!("expected weights with a sum above 0, found {total}"));
        return None;
    }
    Some(total)
}

fn ends_of_ranges(
    Ranges(named): &Ranges,
    total: u32,
    hash: HashName,
    row: &mut CompileContext<'_>,
) -> Option<(u32, Ends)> {
    let mut all = Vec::new();
    for (name, ranges) in named {
        let variant = row.variant(name);
        for (index, (start, end)) in ranges.iter().enumerate() {
            if let Some(problem) = problem_of_range(*start, *end, total) {
                row.problem(&format!(".ranges.{name}[{index}]"), problem);
                return None;
            }
            all.push((*start, *end, variant, name, index));
        }
    }
    all.sort_unstable_by_key(|(start, ..)| *start);
    let place = |bucket: u32| hash.end(bucket.into(), total.into());
    let (mut ends, mut before) = (Ends::new(), 0);
    for (start, end, variant, name, index) in all {
        if start < before {
            row.problem(
                &format!(".ranges.{name}[{index}]"),
                format!("expected a start of {before} or more, the end of the previous range, found {start}"),
            );
            return None;
        }
        ends.extend((before < start).then(|| (place(start), None)));
        ends.push((place(end), Some(variant)));
        before = end;
    }
    Some((total, ends))
}

/// Names and weights in the order of the config. If they were sorted, a new name at the front would move
/// every caller.
#[derive(Clone, Debug)]
pub(in crate::builtin::rollout) struct Weights(pub(in crate::builtin::rollout) Vec<(String, f64)>);

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = InOrder::deserialize_with(
            deserializer,
            r#"variants with their weights, like {"A": 50, "B": 50}"#,
        );
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
        json_schema!({
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0},
            "x-novi-input": "weights"
        })
    }
}

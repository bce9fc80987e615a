//! Ranges of buckets.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Draws, Phrase, Phrasing, Verdict,
        bucket::Hash,
        evaluation::Evaluation,
        phrase::{grouped_digits, shown},
        sql,
    },
    builtin::{
        audience::attribute_names::{AttributeNames, by_words},
        register::register,
        rollout::{
            ranges::{problem_of_range, valid_total},
            sticky::{self, HashName, Purpose, Sticky},
        },
    },
};

/// See [`Config`].
struct Bucket {
    sticky: Sticky,
    /// The number of buckets, for hashes that divide by it.
    total: u32,
    /// The first position that is in, and the first after it that is out; rising.
    ranges: Box<[(u32, u32)]>,
}

/// On for the callers in ranges of buckets.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (310, 'New prices', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (310, 'Allocation of the shop', 'novi.bucket',
///      '{"ranges": [[0, 2500], [7500, 10000]], "total": 10000, "salt": "traffic-of-shop", "hash": "ufc"}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (310, 310);
/// ```
///
/// For allocations, namespaces and shards of other systems, and to give experiments callers of their own: two
/// flags with the same salt and ranges that do not overlap have no caller in common.
///
/// Buckets are counted from 0, and a range ends before its second number. With the same salt and hash,
/// `novi.percentage` of 25 is the range from 0 to a quarter of `total`. A caller whose attribute is missing,
/// empty or of another type is out. See [docs/hashes.md](../hashes.md).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The buckets that are in, as ranges with an exclusive end. They may overlap
    ranges: Vec<(u32, u32)>,
    /// The number of buckets. Default: 100000
    #[serde(default)]
    #[schemars(range(min = 1))]
    total: Option<u32>,
    /// Attribute to bucket by. A list is tried in order. Default: `targetingKey`
    #[serde(default)]
    by: Option<AttributeNames>,
    /// Hash salt. Default: the name of the flag
    #[serde(default)]
    salt: Option<String>,
    /// The hash: murmur3, or that of another system
    #[serde(default)]
    hash: HashName,
}

register!(Bucket, "novi.bucket", [], "On for the callers in ranges of buckets");

impl Activation for Bucket {
    #[inline]
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let Some(place) = self.sticky.place(evaluation, Purpose::Bucket(self.total)) else {
            return self.sticky.without_place((!self.ranges.is_empty()).into(), evaluation);
        };
        let next = self.ranges.get(self.ranges.partition_point(|(_, end)| *end <= place));
        evaluation.note(|| {
            let range = next.map(|(start, out)| (*start, *out)).unzip();
            evaluation.note_draw(|| self.sticky.draw(place, range, evaluation));
            let hash = self.sticky.hash();
            let end = |end: u32| hash.format(end);
            match next {
                Some((start, out)) if *start <= place => {
                    format!("bucket {}, in from {} to before {}", hash.format(place), end(*start), end(*out))
                }
                Some((start, _)) => format!("bucket {}, in from {}", hash.format(place), end(*start)),
                None => format!("bucket {}, after all ranges", hash.format(place)),
            }
        });
        next.is_some_and(|(start, _)| *start <= place).into()
    }

    fn is_split(&self) -> bool {
        true
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(&self.sticky)
    }
}

impl Configured for Bucket {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let hash = config.hash;
        let total = valid_total(config.total, hash, row)?;
        let mut ranges = Vec::new();
        for (index, (start, end)) in config.ranges.into_iter().enumerate() {
            if let Some(problem) = problem_of_range(start, end, total) {
                row.problem(&format!(".ranges[{index}]"), problem);
                return None;
            }
            let place = |bucket: u32| hash.end(bucket.into(), total.into());
            ranges.push((place(start), place(end)));
        }
        ranges.sort_unstable();
        // Ranges that touch or overlap become one, so that their ends rise.
        ranges.dedup_by(|next, before| {
            let touch = next.0 <= before.1;
            if touch {
                before.1 = before.1.max(next.1);
            }
            touch
        });
        let sticky = Sticky::compile(config.by, config.salt, hash, row)?;
        Some(Self { sticky, total, ranges: ranges.into() })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let range = |(start, end): &(u32, u32)| {
            format!("{} to {}", grouped_digits(start), grouped_digits(end.saturating_sub(1)))
        };
        let ranges: Vec<String> = config.ranges.iter().map(range).collect();
        let total = grouped_digits(config.total.unwrap_or(Hash::BUCKETS));
        let by = by_words(config.by.as_ref());
        Phrase::callers(format!("callers {by} in the buckets {} of {total}", shown(&ranges, ", ")))
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let (by, salt, hash) = (config.by.as_ref(), config.salt.as_deref(), config.hash);
        let total = config.total.unwrap_or(Hash::BUCKETS.min(hash.max_total()));
        let draw = sticky::sql::draw(by, salt, hash, Purpose::Bucket(total), sql);
        let place = |bucket: u32| hash.end(bucket.into(), total.into());
        let ranges = config.ranges.iter().map(|(start, end)| (place(*start), place(*end)));
        sticky::sql::within(draw, ranges)
    }
}

//! A share of the callers that rises over time.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Draws, Phrase, Phrasing, Share, Spans, Verdict,
        evaluation::Evaluation, sql, value_text,
    },
    builtin::{
        audience::attribute_names::{AttributeNames, by_words},
        register::register,
        rollout::sticky::{self, HashName, Purpose, Sticky},
        time::{
            clock::{INSTANT, Pass, instant, next_of, now_in_rfc3339, zone},
            words,
        },
    },
    context::timestamp::Timestamp,
};

/// See [`Config`].
struct Ramp {
    sticky: Sticky,
    /// Rising in time and in percentage.
    steps: Box<[Point]>,
    linear: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) at: Timestamp,
    pub(super) percentage: f64,
    /// The first position that is out.
    below: u32,
}

/// On for a share of the callers that rises by a schedule: `novi.percentage` with steps in time.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (240, 'New editor', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (240, 'Five careful days', 'novi.ramp', '{"steps": [
///         {"at": "2026-12-01T08:00:00Z", "percentage": 1}, {"at": "2026-12-02T08:00:00Z", "percentage": 10},
///         {"at": "2026-12-06T08:00:00Z", "percentage": 100}]}'),
///     (241, 'A little more each minute', 'novi.ramp', '{"linear": true, "timezone": "Europe/Berlin",
///         "steps": [{"at": "2026-12-01", "percentage": 0}, {"at": "2026-12-15", "percentage": 100}]}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (240, 240);
/// ```
///
/// Before the first step nobody is in. The percentage of a step holds until the next step; with `"linear":
/// true` it rises evenly between steps. The last percentage stays. A caller who is in stays in, since
/// percentages may only rise. No job is needed: the share depends on the clock, or on the attribute
/// `currentDateTime` (an instant, or a string in RFC 3339).
///
/// Callers, salts and hashes work as in `novi.percentage`: with the same salt and hash, the same callers come
/// first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Times and their percentages, both rising
    #[schemars(length(min = 1))]
    pub(super) steps: Vec<Step>,
    /// Whether the percentage rises evenly between steps
    #[serde(default)]
    pub(super) linear: bool,
    /// The IANA time zone of dates and of times without an offset, such as Europe/Berlin. Default: UTC
    #[serde(default)]
    #[schemars(extend("x-novi-input" = "timezone"))]
    timezone: Option<String>,
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

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Step {
    /// A date, which means its first instant, or a time like 2026-12-01T08:00 or in RFC 3339
    #[schemars(extend("x-novi-input" = "time"))]
    at: String,
    /// From 0 to 100
    #[schemars(range(min = 0, max = 100), extend("x-novi-input" = "percentage"))]
    pub(super) percentage: f64,
}

register!(Ramp, "novi.ramp", [], "On for a share of the callers that rises by a schedule");

impl Activation for Ramp {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let Some(now) = now_in_rfc3339(evaluation) else { return Verdict::Off };
        let below = self.below(now.at);
        let Some(place) = self.sticky.place(evaluation, Purpose::Share) else {
            return self.sticky.without_place((below > 0).into(), evaluation);
        };
        evaluation.note(|| {
            evaluation.note_draw(|| self.sticky.draw(place, (Some(0), Some(below)), evaluation));
            let hash = self.sticky.hash();
            let at = now.at.date().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            format!("bucket {}, in if below {} at {at}", hash.format(place), hash.format(below))
        });
        (place < below).into()
    }

    fn is_split(&self) -> bool {
        true
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(&self.sticky)
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let step = next_of(self.steps.iter().map(|step| step.at), after)?;
        Some(if self.linear { self.next_rise(after, step) } else { step })
    }

    fn spans(&self, spans: &mut Spans) {
        let next = self.steps.iter().skip(1).map(Some).chain([None]);
        for (step, next) in self.steps.iter().zip(next) {
            let until = next.map_or(DateTime::<Utc>::MAX_UTC, |next| next.at.date());
            let reached = next.filter(|_| self.linear).map_or(step.percentage, |next| next.percentage);
            if !spans.rise(step.at.date(), until, (step.percentage, reached)) {
                return;
            }
        }
    }
}

impl Ramp {
    /// The first position that is out at a time.
    fn below(&self, now: Timestamp) -> u32 {
        let share = share(&self.steps, self.linear, now);
        // Rounding must not leave the range between the steps.
        share.map_or(0, |(percentage, last)| self.sticky.hash().share(percentage).max(last.below))
    }

    /// The next time at which the share rises, found by bisection up to the next step.
    fn next_rise(&self, after: DateTime<Utc>, step: DateTime<Utc>) -> DateTime<Utc> {
        let below = |at: DateTime<Utc>| self.below(at.into());
        let (current, mut before, mut by) = (below(after), after, step);
        while by - before > TimeDelta::milliseconds(1) {
            let middle = before + (by - before) / 2;
            if below(middle) > current {
                by = middle;
            } else {
                before = middle;
            }
        }
        by
    }
}

impl Config {
    /// The steps, if their times can be read. Their buckets are not known without the hash.
    pub(super) fn points(&self) -> Option<Vec<Point>> {
        let zone = self.timezone.as_deref().map_or(Some(Tz::UTC), |name| name.parse().ok())?;
        let point = |step: &Step| {
            let at = instant(&step.at, zone, Pass::First)?;
            Some(Point { at: at.into(), percentage: step.percentage, below: 0 })
        };
        self.steps.iter().map(point).collect()
    }
}

/// The percentage at a time, and the last step. `None` before the first step.
pub(super) fn share(steps: &[Point], linear: bool, now: Timestamp) -> Option<(f64, &Point)> {
    let passed = steps.partition_point(|step| step.at <= now);
    let last = steps.get(passed.checked_sub(1)?)?;
    let percentage = match steps.get(passed) {
        Some(next) if linear => {
            let (since, all) = (now.since(last.at), next.at.since(last.at));
            (last.percentage + (next.percentage - last.percentage) * (since / all)).min(next.percentage)
        }
        _ => last.percentage,
    };
    Some((percentage, last))
}

impl Configured for Ramp {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let zone = zone(config.timezone.as_deref(), row)?;
        let mut steps: Vec<Point> = Vec::with_capacity(config.steps.len());
        for (index, Step { at, percentage }) in config.steps.into_iter().enumerate() {
            let problem = |row: &mut CompileContext<'_>, field: &str, message: String| {
                row.problem(&format!(".steps[{index}].{field}"), message);
            };
            if !(0.0..=100.0).contains(&percentage) {
                problem(row, "percentage", format!("expected 0 to 100, found {percentage}"));
                return None;
            }
            let Some(instant) = instant(&at, zone, Pass::First).map(Timestamp::from) else {
                problem(row, "at", format!("expected {INSTANT}, found {at:?}"));
                return None;
            };
            if let Some(before) = steps.last() {
                if instant <= before.at {
                    problem(
                        row,
                        "at",
                        format!("expected a time after that of the previous step, found {at:?}"),
                    );
                    return None;
                }
                if percentage < before.percentage {
                    let message = format!(
                        "expected {} or more, as in the previous step, found {percentage}",
                        before.percentage
                    );
                    problem(row, "percentage", message);
                    return None;
                }
            }
            steps.push(Point { at: instant, percentage, below: config.hash.share(percentage) });
        }
        if steps.is_empty() {
            row.problem(".steps", "expected at least one step, found none");
            return None;
        }
        let sticky = Sticky::compile(config.by, config.salt, config.hash, row)?;
        Some(Self { sticky, steps: steps.into(), linear: config.linear })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let by = by_words(config.by.as_ref());
        let zone = config.timezone.as_deref().map_or(Some(Tz::UTC), |name| name.parse().ok());
        let parsed = |step: &Step| zone.and_then(|zone| instant(&step.at, zone, Pass::First));
        let at = |step: &Step| match zone.zip(parsed(step)) {
            Some((zone, at)) => words::instant(at, zone),
            None => value_text(&step.at),
        };
        let zone_name = zone.map_or_else(|| "unknown zone".to_owned(), |zone| zone.to_string());
        let text = match config.steps.as_slice() {
            [] => format!("0 % of callers {by}"),
            [only] => format!("{} % of callers {by} from {} ({zone_name})", only.percentage, at(only)),
            [first, between @ .., last] => {
                let how = match between.len() {
                    _ if config.linear => "evenly".to_owned(),
                    steps => format!("in {} steps", steps + 2),
                };
                format!(
                    "a share of callers {by} that rises {how} from {} % on {} to {} % on {} ({zone_name})",
                    first.percentage,
                    at(first),
                    last.percentage,
                    at(last)
                )
            }
        };
        let Some(points) = config.points() else { return Phrase::callers(text) };
        // The share of the moment, which the words leave out.
        let now = share(&points, config.linear, Utc::now().into()).map_or(0.0, |(percentage, _)| percentage);
        Phrase::callers(text).with_shares([Share { variant: None, percent: now }])
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let (by, salt) = (config.by.as_ref(), config.salt.as_deref());
        let Some(draw) = sticky::sql::draw(by, salt, config.hash, Purpose::Share, sql) else {
            return sql::Condition::always(false);
        };
        let Some(points) = config.points() else { return sql.refuse(".steps", "a time is invalid") };
        let scale = config.hash.scale();
        if config.linear && scale.is_none() {
            let hash = config.hash.name();
            return sql
                .refuse(".linear", format!("with the hash {hash:?}, SQL knows only steps; use \"sha256\""));
        }
        let scale = scale.filter(|_| config.linear);
        let step = |(index, point): (usize, &Point)| {
            let next = points.get(index + 1);
            let has_reached = sql::Expression::draw(draw.clone(), [(0, config.hash.share(point.percentage))]);
            let rises =
                next.filter(|next| next.percentage > point.percentage).zip(scale).map(|(next, scale)| {
                    let percentages = (point.percentage, next.percentage);
                    let rise = sql::Rise { from: point.at.date(), to: next.at.date(), percentages, scale };
                    sql::Expression::rising(draw.clone(), rise)
                });
            sql::Expression::all([
                sql::Expression::clock(Some(point.at.date()), next.map(|next| next.at.date())),
                sql::Expression::any([has_reached].into_iter().chain(rises)),
            ])
        };
        sql::Expression::any(points.iter().enumerate().map(step)).into()
    }
}

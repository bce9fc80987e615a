//! Experiments as rows.

mod config;
mod gate;
mod words;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Draws, Phrase, Phrasing, Variant, Verdict, cause::CauseRule,
        evaluation::Evaluation, sql,
    },
    builtin::{
        register::register,
        rollout::split::{self, Split, recording::LONGEST_EXPERIMENT, sum_of_weights},
        time::clock::{INSTANT, Pass, instant, next_of, now_in_rfc3339, zone},
    },
    context::timestamp::Timestamp,
};
use config::Config;
pub use config::{ExperimentConfig, ExperimentDecision, ExperimentMetrics, ExperimentState, Holdout, Layer};
use gate::{Gate, note_no_unit};

/// See [`Config`].
enum Experiment {
    Running(Running),
    /// All callers get the same: it does not run.
    Settled {
        verdict: Verdict,
        state: ExperimentState,
    },
}

/// An experiment that enrolls units.
struct Running {
    /// The draw of those that are enrolled.
    split: Split,
    control: Variant,
    /// `None` is at any time.
    window: Option<(Timestamp, Timestamp)>,
    /// `None` enrolls all units.
    gate: Option<Box<Gate>>,
}

register!(Experiment, CLASS, [], "Compares the variants of a flag, for units that keep theirs");

/// The class name.
pub(crate) const CLASS: &str = "novi.experiment";

impl Activation for Experiment {
    #[inline]
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        match self {
            Self::Running(running) => {
                running.assigned(evaluation).unwrap_or(Verdict::Variant(running.control))
            }
            Self::Settled { verdict, state } => {
                evaluation.note(|| match state {
                    ExperimentState::Draft => "a draft, so all callers get the control".to_owned(),
                    ExperimentState::Decided => "decided".to_owned(),
                    _ => "stopped, so all callers get the control".to_owned(),
                });
                *verdict
            }
        }
    }

    fn is_split(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    fn cause_rule(&self) -> CauseRule {
        match self {
            Self::Running(Running { window: Some(_), .. }) => CauseRule::TimedDraw,
            Self::Running(_) => CauseRule::Draw,
            Self::Settled { .. } => CauseRule::Unconditional,
        }
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Self::Running(Running { window: Some((start, end)), .. }) = self else { return None };
        next_of([*start, *end], after)
    }
}

impl Draws for Experiment {
    fn with_unit(&self, evaluation: &Evaluation<'_>, read: &mut dyn FnMut(&str)) {
        if let Self::Running(running) = self {
            running.split.with_unit(evaluation, read);
        }
    }

    fn is_plain(&self) -> bool {
        false
    }

    fn experiment(&self) -> Option<&str> {
        match self {
            Self::Running(running) => running.split.experiment(),
            Self::Settled { .. } => None,
        }
    }

    fn remembers(&self) -> bool {
        self.is_split()
    }

    fn is_settled(&self) -> bool {
        matches!(self, Self::Settled { .. })
    }

    fn enrolls(&self, evaluation: &Evaluation<'_>, variant: Option<Variant>) -> bool {
        // A caller with the variant of the control may be one that is not enrolled.
        let Self::Running(running) = self else { return false };
        running
            .assigned(evaluation)
            .and_then(Verdict::variant)
            .is_some_and(|assigned| Some(assigned) == variant)
    }
}

impl Running {
    /// Whether the time is in the window.
    #[inline]
    fn is_open(&self, evaluation: &Evaluation<'_>) -> bool {
        let Some((start, end)) = self.window else { return true };
        let Some(now) = now_in_rfc3339(evaluation) else { return false };
        evaluation.note(|| {
            let text = |at: Timestamp| at.date().to_rfc3339_opts(SecondsFormat::AutoSi, true);
            match (start == Timestamp::MIN, end == Timestamp::MAX) {
                (true, _) => format!("enrolls before {}", text(end)),
                (_, true) => format!("enrolls from {}", text(start)),
                _ => format!("enrolls from {} to before {}", text(start), text(end)),
            }
        });
        start <= now.at && now.at < end
    }

    /// The variant of a caller that is enrolled.
    #[inline]
    fn assigned(&self, evaluation: &Evaluation<'_>) -> Option<Verdict> {
        if !self.is_open(evaluation) {
            evaluation.without_draw();
            evaluation.note(|| "not enrolled at this time".to_owned());
            return None;
        }
        let kept = self.split.kept(evaluation);
        if kept.is_some() {
            return kept;
        }
        if let Some(gate) = &self.gate
            && !gate.admits(&self.split, evaluation)
        {
            return None;
        }
        let drawn = self.split.drawn(evaluation).filter(|verdict| verdict.is_on());
        if drawn.is_none() {
            note_no_unit(evaluation);
        }
        drawn
    }
}

impl Configured for Experiment {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let name = row.name().to_owned();
        let is_named = is_recordable(&name);
        if !is_named {
            row.problem(
                "",
                "expected a row with a name of 1 to 255 characters, which is that of the experiment",
            );
        }
        // All parts are compiled in every state, so that a draft has no problems when it starts.
        let window = window(&config, row);
        let gate = Gate::compile(&config, &name, row);
        let control = variant(&config, ".control", &config.control, row);
        let decided = decided(&config, row);
        let unit = match config.unit.clone() {
            Some(unit) => unit.validate(".unit", row).map(Some),
            None => Some(None),
        };
        let hash = config.hash;
        let has_variants = hash.has_variants();
        if !has_variants {
            row.problem(".hash", split::NO_VARIANTS);
        }
        let weights = sum_of_weights(&config.variants, hash, row);
        let (window, gate, control, decided, unit) = (window?, gate?, control?, decided?, unit?);
        weights.filter(|_| is_named && has_variants)?;
        let salt = config.salt_of_draw(&name).to_owned();
        let split = Split::of_experiment(&name, &config.variants, unit, (hash, salt), row)?;
        Some(match (config.state, decided) {
            (ExperimentState::Running, _) => Self::Running(Running { split, control, window, gate }),
            (state, None) => Self::Settled { verdict: Verdict::Variant(control), state },
            (state, Some(verdict)) => Self::Settled { verdict, state },
        })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        words::phrase(config)
    }

    fn config_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
        let variant = match (config.state, &config.decision) {
            (ExperimentState::Running, _) => return running_to_sql(config, sql),
            (_, Some(ExperimentDecision { off: true, .. })) => return sql::Condition::always(false),
            (_, Some(ExperimentDecision { variant: Some(winner), .. })) => winner,
            _ => &config.control,
        };
        sql::Condition::variant(variant)
    }
}

/// The steps of [`Running::assigned`].
fn running_to_sql(config: &Config, sql: &mut sql::SqlContext<'_>) -> sql::Condition {
    let name = sql.row_name().to_owned();
    let salt = config.salt_of_draw(&name);
    let Some(drawn) =
        split::experiment_to_sql(&config.variants, config.unit.as_ref(), (config.hash, salt), sql)
    else {
        return sql.refuse(
            ".hash",
            format!(
                "databases cannot compute the hash {:?}; create the next experiment with `\"hash\": \"sha256\"` \
                 (`novi experiment create --hash sha256`). For this one, whose units would change their variants, join \
                 novi_exposures, which has the variants of those that were exposed, or use `novi audience`",
                config.hash.name()
            ),
        );
    };
    let control = sql::Condition::variant(&config.control);
    let enrolled = gate::to_sql(config, &name, sql);
    let admitted = sql::Condition::choose(&[(enrolled, drawn.otherwise(&control))], &control);
    let assigned = drawn.kept_or(&name, &admitted);
    match config.window() {
        Some((None, None, _)) => assigned,
        Some((start, end, _)) => {
            sql::Condition::choose(&[(sql::Expression::clock(start, end), assigned)], &control)
        }
        // An invalid row, whose condition has no meaning.
        None => control,
    }
}

/// Whether a name can be that of an experiment in records of exposures.
fn is_recordable(name: &str) -> bool {
    !name.is_empty() && !name.contains('\0') && name.chars().count() <= LONGEST_EXPERIMENT
}

/// The number of a variant, which must have a weight.
fn variant(config: &Config, path: &str, name: &str, row: &mut CompileContext<'_>) -> Option<Variant> {
    if config.variants.0.iter().any(|(known, _)| known == name) {
        return Some(row.variant(name));
    }
    if config.variants.0.is_empty() {
        // The weights are the problem.
        return None;
    }
    // Long lists are not repeated in messages.
    let known: Vec<&str> = config.variants.0.iter().map(|(name, _)| &**name).take(8).collect();
    row.problem(path, format!("expected one of the variants {}, found {name:?}", known.join(", ")));
    None
}

/// The verdict that was decided; the inner `None` is that of a state without a decision.
#[expect(clippy::option_option, reason = "invalid, undecided or decided")]
fn decided(config: &Config, row: &mut CompileContext<'_>) -> Option<Option<Verdict>> {
    let Some(decision) = &config.decision else {
        if config.state != ExperimentState::Decided {
            return Some(None);
        }
        row.problem(
            ".decision",
            "expected the decision of an experiment with the state \"decided\", found none",
        );
        return None;
    };
    if config.state != ExperimentState::Decided {
        let state = config.state.name();
        row.problem(".decision", format!("expected none in the state {state:?}; only \"decided\" has one"));
        return None;
    }
    match (&decision.variant, decision.off) {
        (Some(name), false) => {
            variant(config, ".decision.variant", name, row).map(|variant| Some(Verdict::Variant(variant)))
        }
        (None, true) => Some(Some(Verdict::Off)),
        _ => {
            row.problem(".decision", "expected either `variant` or `\"off\": true`");
            None
        }
    }
}

/// The window in which units are enrolled; the inner `None` is at any time.
#[expect(clippy::option_option, reason = "invalid, missing or valid")]
fn window(config: &Config, row: &mut CompileContext<'_>) -> Option<Option<(Timestamp, Timestamp)>> {
    let zone = zone(config.timezone.as_deref(), row);
    let mut is_valid = zone.is_some();
    let mut parse = |path: &str, text: Option<&str>, pass| {
        let text = text?;
        // If the zone is invalid, that is reported already; any zone serves to find more problems.
        let parsed = instant(text, zone.unwrap_or(Tz::UTC), pass);
        if parsed.is_none() {
            row.problem(path, format!("expected {INSTANT}, found {text:?}"));
            is_valid = false;
        }
        parsed.map(Timestamp::from)
    };
    let start = parse(".start", config.start.as_deref(), Pass::First);
    let end = parse(".end", config.end.as_deref(), Pass::Last);
    parse(".stopped", config.stopped.as_deref(), Pass::Last);
    parse(".decision.at", config.decision.as_ref().and_then(|decision| decision.at.as_deref()), Pass::Last);
    if !is_valid {
        return None;
    }
    if let Some((start, end)) = start.zip(end)
        && end <= start
    {
        let start = start.date().to_rfc3339_opts(SecondsFormat::AutoSi, true);
        row.problem(".end", format!("expected a time after the start, which is {start}"));
        return None;
    }
    let is_bounded = start.is_some() || end.is_some();
    Some(is_bounded.then(|| (start.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX))))
}

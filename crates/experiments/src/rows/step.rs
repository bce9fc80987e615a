//! The lifecycle of an experiment.

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use novi::{
    builtin::{ExperimentConfig, ExperimentDecision, ExperimentState},
    rows::{ActivationRow, Rows},
};

use super::{
    error::PlanError,
    fields::Fields,
    layer::{drawn_otherwise, overlapping},
    list::{ExperimentRow, the_experiment},
};

/// A step in the life of an experiment: draft, running, stopped, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExperimentStep {
    /// Starts a draft, or an experiment that was stopped.
    Start,
    /// Stops a running experiment: all callers get the control.
    Stop,
    /// Ends an experiment that runs or was stopped.
    Decide {
        /// The variant for all callers; `None` turns the activation off.
        variant: Option<String>,
        /// Why, which a decision must state.
        reason: Option<String>,
    },
}

impl ExperimentStep {
    /// A decision as people state it: either a variant, or off.
    ///
    /// # Errors
    /// [`PlanError::Decision`] if it is neither or both.
    pub fn decide(variant: Option<String>, off: bool, reason: Option<String>) -> Result<Self, PlanError> {
        if variant.is_some() == off {
            return Err(PlanError::Decision);
        }
        Ok(Self::Decide { variant, reason })
    }

    /// The row of the experiment, and its config after this step.
    ///
    /// # Errors
    /// [`PlanError`] if no experiment has the name, or its state does not allow the step.
    pub fn plan<'r>(
        &self,
        rows: &'r Rows,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<(&'r ActivationRow, String), PlanError> {
        let found = the_experiment(rows, name)?;
        let invalid = |message: String| PlanError::Config { name: name.to_owned(), message };
        let config = found.config.clone().map_err(invalid)?;
        let text = found.row.config.as_deref().unwrap_or_default();
        let mut fields: Fields = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        match self {
            Self::Start => start(&mut fields, rows, &found, &config, now)?,
            Self::Stop => stop(&mut fields, name, &config, now)?,
            Self::Decide { variant, reason } => {
                decide(&mut fields, name, &config, variant.as_ref(), reason.as_ref(), now)?;
            }
        }
        Ok((found.row, fields.to_json()))
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The end of this second, so that no exposure before it is left out of a report.
fn end_of_second(at: DateTime<Utc>) -> DateTime<Utc> {
    if at.timestamp_subsec_nanos() > 0 { at.trunc_subsecs(0) + TimeDelta::seconds(1) } else { at }
}

fn refused(name: &str, state: ExperimentState, hint: &'static str) -> PlanError {
    PlanError::State { name: name.to_owned(), state, hint }
}

const ENDED: &str = "create another experiment to go on";

fn start(
    fields: &mut Fields,
    rows: &Rows,
    found: &ExperimentRow<'_>,
    config: &ExperimentConfig,
    now: DateTime<Utc>,
) -> Result<(), PlanError> {
    let name = &found.row.name;
    match config.state() {
        ExperimentState::Draft | ExperimentState::Stopped => (),
        state @ ExperimentState::Running => return Err(refused(name, state, "it needs no start")),
        state @ ExperimentState::Decided => return Err(refused(name, state, ENDED)),
    }
    if let Some(end) = config.end().filter(|end| *end <= now) {
        return Err(PlanError::Over { name: name.clone(), end });
    }
    if let Some(layer) = config.layer()
        && let Some(other) = overlapping(rows, found.row.id, layer)
    {
        return Err(PlanError::Overlap { layer: layer.name.clone(), other });
    }
    if let Some(error) = drawn_otherwise(rows, Some(found.row.id), config) {
        return Err(error);
    }
    // A start that was planned stays: the experiment enrolls units from then on.
    if config.start().is_none() {
        fields.set("start", &time(now));
    }
    fields.remove("stopped");
    fields.set("state", &"running");
    Ok(())
}

fn stop(
    fields: &mut Fields,
    name: &str,
    config: &ExperimentConfig,
    now: DateTime<Utc>,
) -> Result<(), PlanError> {
    match config.state() {
        ExperimentState::Running => (),
        state @ ExperimentState::Draft => return Err(refused(name, state, "it enrolls no units yet")),
        state @ ExperimentState::Stopped => return Err(refused(name, state, "it needs no stop")),
        state @ ExperimentState::Decided => return Err(refused(name, state, "it has ended")),
    }
    fields.set("state", &"stopped");
    fields.set("stopped", &time(end_of_second(now)));
    Ok(())
}

fn decide(
    fields: &mut Fields,
    name: &str,
    config: &ExperimentConfig,
    variant: Option<&String>,
    reason: Option<&String>,
    now: DateTime<Utc>,
) -> Result<(), PlanError> {
    match config.state() {
        ExperimentState::Running => fields.set("stopped", &time(end_of_second(now))),
        ExperimentState::Stopped => (),
        state @ ExperimentState::Draft => {
            return Err(refused(name, state, "start it first, or delete its row"));
        }
        state @ ExperimentState::Decided => return Err(refused(name, state, ENDED)),
    }
    if let Some(variant) = variant
        && !config.variants().iter().any(|(known, _)| known == variant)
    {
        let variants = config.variants().iter().map(|(known, _)| known.clone()).collect();
        return Err(PlanError::Variant { variant: variant.clone(), variants });
    }
    let reason = reason.filter(|reason| !reason.trim().is_empty()).ok_or(PlanError::Reason)?;
    fields.set("state", &"decided");
    // Not before the end of the same second, at which it is stopped.
    let at = end_of_second(now);
    fields.set("decision", &ExperimentDecision::new(variant.cloned(), Some(reason.clone()), at));
    Ok(())
}

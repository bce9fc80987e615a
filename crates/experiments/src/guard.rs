//! Guardrails that stop a ramp.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use novi::{
    builtin::{RampError, RampStatus, held_ramp, ramp_status, rolled_back_ramp},
    config::OnHarm,
    flags::Writer,
    rows::{ActivationRow, FlagRow, Rows},
    store::{WriteStore, history::HistoryStore},
};
use serde::Serialize;

use crate::{
    change::{commit_once, last_change},
    database::Database,
    error::ExperimentError,
    experiment::Experiment,
    harm::{Harm, doubts, harms, is_compared, too_few},
    metric::Metric,
    periods::weight_periods,
    ramps::{Ramp, Ramps},
    weights::{experiment_of, planned_weights},
};

/// How long a query may take by default.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Whom the history names.
const ACTOR: &str = "novi guard";

/// Guardrails that hold or roll back the `novi.ramp` of a flag if they show harm.
#[derive(Clone, Debug)]
pub struct Guard {
    database: Database,
    metrics: Vec<Metric>,
    on_harm: OnHarm,
}

/// What guardrails say of a ramp, and the change that they ask for.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Guarded {
    /// The flag.
    pub flag: String,
    /// The row of the ramp, or the one that has it inside: `activations.id`.
    pub activation: i64,
    /// The share of the callers that are in, from 0 to 100.
    pub percentage: f64,
    /// Exposures since this moment are compared.
    pub since: Option<DateTime<Utc>>,
    /// Guardrails whose interval at any time excludes that there is no harm.
    pub harms: Vec<Harm>,
    /// Whether any guardrail was compared, with enough units of both sides.
    pub is_compared: bool,
    /// Why guardrails were not read, or are not trusted.
    pub doubts: Vec<String>,
    /// The reason of the change; `None` if nothing is to be changed.
    pub reason: Option<String>,
    #[serde(skip)]
    change: Option<ActivationRow>,
}

/// Why a ramp cannot be guarded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// There is no flag with this name.
    #[error("no flag is named {0:?}")]
    Flag(String),
    /// The flag does not have exactly one ramp.
    #[error(
        "expected one activation of the type novi.ramp that is linked to the flag {flag:?}, or inside of its novi.and and \
         novi.rules, found {found}"
    )]
    Ramps {
        /// The flag.
        flag: String,
        /// How many ramps it has.
        found: usize,
    },
    /// There is nothing to compare.
    #[error("no metric is a guardrail: write `-- guardrail: true` into one")]
    NoGuardrails,
    /// Callers change sides at all times.
    #[error(
        "the ramp of {0:?} is linear: callers go from off to on at all times, so that both cannot be compared; use steps, \
         or a novi.split next to the ramp"
    )]
    Linear(String),
    /// The config of the ramp is invalid.
    #[error("the ramp of {flag:?}: {source}")]
    Config {
        /// The flag.
        flag: String,
        /// Why.
        source: RampError,
    },
    /// The assignments could not be read.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The history could not be read, or the change was rejected.
    #[error(transparent)]
    Store(#[from] novi::Error),
}

impl Guard {
    /// A guard with these metrics, of which those with `guardrail: true` count, in this database: an address is enough.
    ///
    /// # Errors
    /// [`GuardError::NoGuardrails`] if there are none.
    pub fn new(
        database: impl Into<Database>,
        metrics: Vec<Metric>,
        on_harm: OnHarm,
    ) -> Result<Self, GuardError> {
        // One that could not be read may be a guardrail: it is a doubt.
        let counts = |metric: &Metric| metric.guardrail || metric.problem.is_some();
        let metrics: Vec<Metric> = metrics.into_iter().filter(counts).collect();
        if metrics.is_empty() {
            return Err(GuardError::NoGuardrails);
        }
        Ok(Self { database: database.into().within(TIMEOUT), metrics, on_harm })
    }

    /// The flags whose ramps this guard could change at this moment.
    #[must_use]
    pub fn flags(&self, rows: &Rows, now: DateTime<Utc>) -> Vec<String> {
        let ramps = Ramps::new(rows);
        let is_open = |flag: &&FlagRow| {
            let change = ramp_of(&ramps, flag).map(|ramp| self.changed(&ramp, now));
            matches!(change, Ok(Ok(Some(_))))
        };
        let on = rows.flags.iter().filter(|flag| flag.status);
        on.filter(is_open).map(|flag| flag.name.clone()).collect()
    }

    /// Compares the callers who are in with those who are not, or the variants of a split next to the ramp.
    ///
    /// On and off of a ramp are compared since its current step began, as callers change sides between steps; and both
    /// since the row was changed, so that a person who goes on in spite of the guard starts again.
    ///
    /// # Errors
    /// [`GuardError`]. A guardrail that fails, or takes too long, is a doubt.
    pub async fn check(
        &self,
        store: &dyn HistoryStore,
        rows: &Rows,
        flag: &str,
        now: DateTime<Utc>,
    ) -> Result<Guarded, GuardError> {
        let row = rows.flags.iter().find(|row| row.name == flag);
        let row = row.ok_or_else(|| GuardError::Flag(flag.to_owned()))?;
        let ramp = ramp_of(&Ramps::new(rows), row)?;
        let config = |source| GuardError::Config { flag: flag.to_owned(), source };
        let status = ramp_status(&ramp.config, now).map_err(config)?;
        let mut guarded = Guarded {
            flag: flag.to_owned(),
            activation: ramp.row.id,
            percentage: status.map(|status| status.percentage).unwrap_or_default(),
            since: None,
            harms: Vec::new(),
            is_compared: false,
            doubts: Vec::new(),
            reason: None,
            change: None,
        };
        let Some(status) = status else { return Ok(guarded) };
        guarded.since = last_change(store, flag, ramp.row.id).await?;
        self.compare((store, rows), flag, status, now, &mut guarded).await?;
        let change = self.changed(&ramp, now).map_err(config)?;
        if let (Some(harm), Some(config)) = (guarded.harms.first(), change) {
            let what = match self.on_harm {
                OnHarm::Hold => format!("held at {} %", status.percentage),
                OnHarm::RollBack => format!("rolled back from {} %", status.percentage),
            };
            guarded.reason = Some(format!("{harm}; {what}"));
            guarded.change = Some(ramp.replaced(config));
        }
        Ok(guarded)
    }

    async fn compare(
        &self,
        (store, rows): (&dyn HistoryStore, &Rows),
        flag: &str,
        status: RampStatus,
        now: DateTime<Utc>,
        guarded: &mut Guarded,
    ) -> Result<(), GuardError> {
        let name = experiment_of(rows, flag);
        let experiment = |start| Experiment::new(self.database.clone(), &name).start(start).end(Some(now));
        let since_step = guarded.since.max(Some(status.since));
        // Which variants there are decides what is compared.
        let units = match experiment(guarded.since).report(&[]).await {
            Ok(report) => report.units,
            Err(ExperimentError::NoUnits(_)) => {
                guarded.doubts = too_few(&BTreeMap::new(), guarded.since).into_iter().collect();
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let is_on_or_off = units.keys().all(|variant| variant == "on" || variant == "off");
        let (start, weights, periods) = if is_on_or_off {
            if status.linear && status.rises {
                return Err(GuardError::Linear(flag.to_owned()));
            }
            let (on, off) = (status.percentage, 100.0 - status.percentage);
            (since_step, [("on".to_owned(), on), ("off".to_owned(), off)].into(), Vec::new())
        } else {
            (guarded.since, planned_weights(rows, &name), weight_periods(store, rows, &name).await?)
        };
        guarded.since = start;
        let report = match experiment(start).weights(weights).periods(periods).report(&self.metrics).await {
            Ok(report) => report,
            Err(ExperimentError::NoUnits(_)) => {
                guarded.doubts = too_few(&BTreeMap::new(), start).into_iter().collect();
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        guarded.doubts = doubts(&report, start);
        guarded.is_compared = is_compared(&report);
        guarded.harms = harms(&report);
        Ok(())
    }

    /// The config of the ramp after the change; `None` if there is nothing to change.
    fn changed(&self, ramp: &Ramp<'_>, now: DateTime<Utc>) -> Result<Option<String>, RampError> {
        let config = &ramp.config;
        match self.on_harm {
            OnHarm::Hold => held_ramp(config, now),
            OnHarm::RollBack => match ramp_status(config, now)? {
                Some(status) if status.percentage > 0.0 => rolled_back_ramp(config),
                _ => Ok(None),
            },
        }
    }
}

impl Guarded {
    /// Makes the change, unless there is none, or the ramp has changed since it was read. Returns whether it was made.
    ///
    /// # Errors
    /// Those of [`WriteStore::commit`].
    pub async fn apply(&self, writer: &Writer, store: &dyn WriteStore) -> Result<bool, novi::Error> {
        let (Some(row), Some(reason)) = (&self.change, &self.reason) else { return Ok(false) };
        commit_once(writer, store, row, (ACTOR, reason)).await
    }
}

/// The only ramp of a flag.
fn ramp_of<'r>(ramps: &Ramps<'r>, flag: &FlagRow) -> Result<Ramp<'r>, GuardError> {
    let mut found = ramps.of(flag.id);
    match (found.len(), found.pop()) {
        (1, Some(ramp)) => Ok(ramp),
        (found, _) => Err(GuardError::Ramps { flag: flag.name.clone(), found }),
    }
}

//! The experiments among the rows.

use novi::{
    builtin::{ExperimentConfig, ExperimentDecision, ExperimentMetrics, ExperimentState, Holdout, Layer},
    rows::{ActivationRow, Rows},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::PlanError;

/// The class of the rows.
pub(crate) const CLASS: &str = "novi.experiment";

/// An experiment: a row of `novi.experiment`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExperimentRow<'r> {
    /// The row.
    pub row: &'r ActivationRow,
    /// Its config, which compiling the row may find invalid.
    pub config: Result<ExperimentConfig, String>,
    /// The names of the flags that are linked to it.
    pub flags: Vec<&'r str>,
}

/// All experiments, by id.
#[must_use]
pub fn experiments(rows: &Rows) -> Vec<ExperimentRow<'_>> {
    rows.activations.iter().filter(|row| row.class_name == CLASS).map(|row| of_row(rows, row)).collect()
}

/// The experiment of this name; `None` if no row, or several rows, have it.
#[must_use]
pub fn find_experiment<'r>(rows: &'r Rows, name: &str) -> Option<ExperimentRow<'r>> {
    the_experiment(rows, name).ok()
}

/// The experiment of this name.
pub(super) fn the_experiment<'r>(rows: &'r Rows, name: &str) -> Result<ExperimentRow<'r>, PlanError> {
    let is_experiment = |row: &&ActivationRow| row.class_name == CLASS;
    let mut found = rows.activations.iter().filter(is_experiment).filter(|row| row.name == name);
    match (found.next(), found.next()) {
        (Some(row), None) => Ok(of_row(rows, row)),
        (Some(_), Some(_)) => Err(PlanError::Ambiguous(name.to_owned())),
        (None, _) => {
            let folded = name.to_lowercase();
            let mut names = rows.activations.iter().filter(is_experiment).map(|row| &row.name);
            let similar = names.find(|known| known.to_lowercase().contains(&folded)).cloned();
            Err(PlanError::NotFound { name: name.to_owned(), similar })
        }
    }
}

fn of_row<'r>(rows: &'r Rows, row: &'r ActivationRow) -> ExperimentRow<'r> {
    let links = rows.links.iter().filter(|link| link.activation_id == Some(row.id));
    let flags = links.filter_map(|link| {
        let id = link.flag_id?;
        // Rows of a database are sorted by id; others may not be.
        let flag = rows.flags.iter().find(|flag| flag.id == id)?;
        Some(flag.name.as_str())
    });
    let config = ExperimentConfig::parse(row.config.as_deref().unwrap_or_default());
    ExperimentRow { row, config: config.map_err(|error| error.to_string()), flags: flags.collect() }
}

/// A variant of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ExperimentVariant {
    /// The variant.
    pub variant: String,
    /// Its weight, which is relative.
    pub weight: f64,
    /// How many units were exposed to it; null if that is unknown.
    pub units: Option<i64>,
}

/// An experiment, as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ExperimentSummary {
    /// The name of the row, which is that of the experiment in records of exposures.
    pub name: String,
    /// The id of the row, in `activations`.
    pub id: i64,
    /// The version of the row, for changes.
    pub version: i64,
    /// The names of the flags that are linked to it.
    pub flags: Vec<String>,
    /// The state; null if the config is invalid.
    pub state: Option<ExperimentState>,
    /// What is invalid in the config.
    pub problem: Option<String>,
    /// What the experiment is expected to show.
    pub hypothesis: Option<String>,
    /// Who answers questions about it.
    pub owner: Option<String>,
    /// The attributes that identify the units.
    pub unit: Vec<String>,
    /// The variants, in the order of the config.
    pub variants: Vec<ExperimentVariant>,
    /// The variant that the others are compared with.
    pub control: Option<String>,
    /// How many units were exposed to any variant; null if that is unknown.
    pub units: Option<i64>,
    /// The percentage of units that are enrolled.
    pub traffic: Option<f64>,
    /// The range of a layer.
    pub layer: Option<Layer>,
    /// Units that are never enrolled.
    pub holdout: Option<Holdout>,
    /// The names of the metrics.
    pub metrics: ExperimentMetrics,
    /// The start, in RFC 3339.
    pub start: Option<String>,
    /// The planned end, in RFC 3339.
    pub end: Option<String>,
    /// When it was stopped, or decided while it ran, in RFC 3339.
    pub stopped: Option<String>,
    /// The decision.
    pub decision: Option<ExperimentDecision>,
}

impl ExperimentRow<'_> {
    /// What lists show. `units` are the numbers of units of variants, if they are known.
    #[must_use]
    pub fn summary(&self, units: Option<&[(String, i64)]>) -> ExperimentSummary {
        let config = self.config.as_ref().ok();
        let text = |time: Option<chrono::DateTime<chrono::Utc>>| {
            time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
        };
        let of = |variant: &str| {
            let found = units?.iter().find(|(known, _)| known == variant);
            Some(found.map_or(0, |(_, units)| *units))
        };
        let variant = |(variant, weight): &(String, f64)| ExperimentVariant {
            variant: variant.clone(),
            weight: *weight,
            units: of(variant),
        };
        ExperimentSummary {
            name: self.row.name.clone(),
            id: self.row.id,
            version: self.row.row_version,
            flags: self.flags.iter().map(|&name| name.to_owned()).collect(),
            state: config.map(ExperimentConfig::state),
            problem: self.config.as_ref().err().cloned(),
            hypothesis: config.and_then(|config| config.hypothesis().map(str::to_owned)),
            owner: config.and_then(|config| config.owner().map(str::to_owned)),
            unit: config
                .map(|config| config.unit().into_iter().map(str::to_owned).collect())
                .unwrap_or_default(),
            variants: config
                .map(|config| config.variants().iter().map(variant).collect())
                .unwrap_or_default(),
            control: config.map(|config| config.control().to_owned()),
            units: units.map(|units| units.iter().map(|(_, units)| units).sum()),
            traffic: config.map(ExperimentConfig::traffic),
            layer: config.and_then(|config| config.layer().cloned()),
            holdout: config.and_then(|config| config.holdout().cloned()),
            metrics: config.map(ExperimentConfig::metrics).unwrap_or_default(),
            start: text(config.and_then(ExperimentConfig::start)),
            end: text(config.and_then(ExperimentConfig::end)),
            stopped: text(config.and_then(ExperimentConfig::stopped)),
            decision: config.and_then(|config| config.decision().cloned()),
        }
    }
}

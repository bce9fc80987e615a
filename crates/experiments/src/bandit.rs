//! Weights of a split by how good its variants are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use novi::{
    builtin::{ExperimentConfig, ExperimentState, ReweightError, reweighted},
    flags::Writer,
    rows::{ActivationRow, Rows},
    store::{WriteStore, history::HistoryStore},
};
use novi_stats::{
    Problem,
    bandit::{Arm, Thompson},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    change::{commit_once, last_change, linked},
    database::Database,
    error::ExperimentError,
    experiment::Experiment,
    measure::Measured,
    metric::{Better, Kind, Metric},
    rows::{NewExperiment, reweighted_experiment},
    text::value_of,
    weights::experiment_of,
};

/// The class names of activations whose weights are changed.
const SPLIT: &str = "novi.split";
const EXPERIMENT: &str = NewExperiment::CLASS;

/// Whom the history names.
const ACTOR: &str = "novi reweigh";

/// Gives variants of a `novi.split`, or of a `novi.experiment` that runs, weights by Thompson sampling: the probability that
/// each is the best one, by a metric.
#[derive(Clone, Debug)]
pub struct Bandit {
    database: Database,
    metric: Metric,
    start: Option<DateTime<Utc>>,
    seed: u64,
    floor: f64,
}

/// The new weights of a split.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Reweighing {
    /// The flag.
    pub flag: String,
    /// The split: `activations.id`.
    pub activation: i64,
    /// The metric.
    pub metric: String,
    /// The seed of the draws: with the same sums, equal seeds give equal weights.
    pub seed: u64,
    /// The least weight of a variant, from 0 to 1.
    pub floor: f64,
    /// The variants of the split.
    pub arms: Vec<ArmReport>,
    /// The share of all callers that get another variant, from 0 to 1.
    pub moved: f64,
    /// Whether units keep the variant that they had first.
    pub remembers: bool,
    /// What the history says about it.
    pub reason: String,
    #[serde(skip)]
    change: Option<ActivationRow>,
}

/// A variant of a split.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ArmReport {
    /// The variant.
    pub variant: String,
    /// How many units have it.
    pub units: u64,
    /// Its value of the metric.
    pub value: f64,
    /// Its new weight, from 0 to 1.
    pub weight: f64,
}

/// Why weights cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BanditError {
    /// There is no flag with this name.
    #[error("no flag is named {0:?}")]
    Flag(String),
    /// The flag does not have exactly one split.
    #[error(
        "expected one activation of the type novi.split or novi.experiment that is linked to the flag {flag:?}, found {found}"
    )]
    Splits {
        /// The flag.
        flag: String,
        /// How many splits it has.
        found: usize,
    },
    /// The metric has no mean per unit.
    #[error("{0}: expected a metric of the kind mean, proportion, retention or funnel")]
    Kind(String),
    /// The metric has no numbers.
    #[error("{metric}: {problem}")]
    Metric {
        /// The metric.
        metric: String,
        /// Why.
        problem: String,
    },
    /// Nothing is known of a variant, so that no weight can be given to it.
    #[error(
        "{variant:?} has {units} units, whose values do not differ: all variants keep their weights until they do"
    )]
    Unknown {
        /// The variant.
        variant: String,
        /// How many units have it.
        units: u64,
    },
    /// The floor is too high.
    #[error(transparent)]
    Floor(#[from] Problem),
    /// The experiment does not run, so that nobody is drawn.
    #[error("the experiment {0:?} does not run, so that its weights have no effect")]
    NotRunning(String),
    /// The weights of the split cannot be changed.
    #[error(transparent)]
    Reweight(#[from] ReweightError),
    /// The assignments could not be read.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The change was rejected, or the history could not be read.
    #[error(transparent)]
    Store(#[from] novi::Error),
}

impl Bandit {
    /// A bandit over a metric, in this database: an address is enough.
    pub fn new(database: impl Into<Database>, metric: Metric) -> Self {
        Self { database: database.into(), metric, start: None, seed: 0, floor: 0.05 }
    }

    /// The seed of the draws: 0 by default.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The least weight of a variant: 0.05 by default.
    #[must_use]
    pub const fn floor(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }

    /// Only exposures from this moment on.
    #[must_use]
    pub const fn start(mut self, start: Option<DateTime<Utc>>) -> Self {
        self.start = start;
        self
    }

    /// When the split of a flag was changed last, as far as the history has it.
    ///
    /// # Errors
    /// [`BanditError`] if the flag has no split, or the history cannot be read.
    pub async fn last_change(
        store: &dyn HistoryStore,
        rows: &Rows,
        flag: &str,
    ) -> Result<Option<DateTime<Utc>>, BanditError> {
        Ok(last_change(store, flag, split_of(rows, flag)?.id).await?)
    }

    /// The weights that variants should have, and the change of the split that moves as few callers as possible.
    ///
    /// # Errors
    /// [`BanditError`].
    pub async fn check(
        &self,
        rows: &Rows,
        flag: &str,
        now: DateTime<Utc>,
    ) -> Result<Reweighing, BanditError> {
        let split = split_of(rows, flag)?;
        let config = split.config.as_deref().unwrap_or_default();
        let parsed: Value = serde_json::from_str(config).map_err(ReweightError::from)?;
        let variants = variants_of(&parsed);
        let experiment = Experiment::new(self.database.clone(), experiment_of(rows, flag))
            .start(self.start)
            .end(Some(now));
        let measured = experiment
            .measure(&self.metric)
            .await?
            .map_err(|problem| BanditError::Metric { metric: self.metric.name.clone(), problem })?;
        let known = self.arms(&measured)?;
        let mut arms = Vec::new();
        for variant in &variants {
            let (units, arm) = known.get(variant).copied().unwrap_or_default();
            arms.push(arm.ok_or_else(|| BanditError::Unknown { variant: variant.clone(), units })?);
        }
        let thompson = Thompson {
            seed: self.seed,
            floor: self.floor,
            less_is_better: self.metric.better == Better::Less,
            ..Thompson::default()
        };
        let weights: Vec<f64> = thompson.weights(&arms)?.into_iter().map(rounded).collect();
        let named: Vec<(&str, f64)> =
            variants.iter().map(String::as_str).zip(weights.iter().copied()).collect();
        let (new, moved) = new_weights(split, config, &named)?;
        let values = measured.values(&self.metric);
        let arms: Vec<ArmReport> = named
            .iter()
            .map(|(variant, weight)| ArmReport {
                variant: (*variant).to_owned(),
                units: known.get(*variant).map(|(units, _)| *units).unwrap_or_default(),
                value: values.get(*variant).copied().unwrap_or_default(),
                weight: *weight,
            })
            .collect();
        let row = ActivationRow { config: Some(new), ..split.clone() };
        Ok(Reweighing {
            flag: flag.to_owned(),
            activation: split.id,
            metric: self.metric.name.clone(),
            seed: self.seed,
            floor: self.floor,
            reason: self.reason(&arms),
            arms,
            moved,
            remembers: split.class_name == EXPERIMENT
                || parsed.get("remember").and_then(Value::as_bool) == Some(true),
            change: (moved > 0.0).then_some(row),
        })
    }

    /// How many units each variant has, and what is known of its mean.
    fn arms(&self, measured: &Measured) -> Result<BTreeMap<String, (u64, Option<Arm>)>, BanditError> {
        let arms: Vec<(String, Option<Arm>)> = match self.metric.kind {
            Kind::Mean => measured
                .means()
                .into_iter()
                .map(|(variant, mean)| (variant, mean.ok().and_then(|mean| Arm::of(&mean))))
                .collect(),
            Kind::Proportion | Kind::Retention { .. } | Kind::Funnel => {
                let values = measured.values(&self.metric);
                let units = measured.units();
                let arm = |(variant, share): (String, f64)| {
                    let count = units.get(&variant).copied().unwrap_or_default();
                    (variant, Arm::new(share, deviation(share, count)).ok())
                };
                values.into_iter().map(arm).collect()
            }
            _ => return Err(BanditError::Kind(self.metric.name.clone())),
        };
        let units = measured.units();
        let with_units = arms.into_iter().map(|(variant, arm)| {
            let count = units.get(&variant).copied().unwrap_or_default();
            (variant, (count, arm))
        });
        Ok(with_units.collect())
    }

    fn reason(&self, arms: &[ArmReport]) -> String {
        let arms = arms.iter().map(|arm| {
            let value = value_of(&self.metric, arm.value);
            format!("{} {:.1} % ({value}, {} units)", arm.variant, 100.0 * arm.weight, arm.units)
        });
        format!(
            "Thompson sampling by {}, seed {}, floor {:.1} %: {}",
            self.metric.name,
            self.seed,
            100.0 * self.floor,
            arms.collect::<Vec<_>>().join(", ")
        )
    }
}

impl Reweighing {
    /// Makes the change, unless nobody would move, or the split has changed since it was read. Returns whether it was
    /// made.
    ///
    /// # Errors
    /// Those of [`WriteStore::commit`].
    pub async fn apply(&self, writer: &Writer, store: &dyn WriteStore) -> Result<bool, novi::Error> {
        let Some(row) = &self.change else { return Ok(false) };
        commit_once(writer, store, row, (ACTOR, &self.reason)).await
    }
}

/// The config with new weights, and the share of callers that get another variant. An experiment keeps them as weights: its units keep their variants, so that nobody moves
/// who was exposed.
fn new_weights(
    split: &ActivationRow,
    config: &str,
    weights: &[(&str, f64)],
) -> Result<(String, f64), BanditError> {
    if split.class_name != EXPERIMENT {
        let new = reweighted(config, weights)?;
        return Ok((new.config, new.moved));
    }
    let experiment = ExperimentConfig::parse(config).map_err(ReweightError::from)?;
    if experiment.state() != ExperimentState::Running {
        return Err(BanditError::NotRunning(split.name.clone()));
    }
    Ok(reweighted_experiment(config, weights)?)
}

/// The only split, or experiment, that is linked to a flag.
fn split_of<'r>(rows: &'r Rows, flag: &str) -> Result<&'r ActivationRow, BanditError> {
    let row = rows.flags.iter().find(|row| row.name == flag);
    let id = row.ok_or_else(|| BanditError::Flag(flag.to_owned()))?.id;
    let splits = [linked(rows, id, SPLIT), linked(rows, id, EXPERIMENT)].concat();
    match splits[..] {
        [split] => Ok(split),
        _ => Err(BanditError::Splits { flag: flag.to_owned(), found: splits.len() }),
    }
}

/// The variants of a split, in the order of their names.
fn variants_of(config: &Value) -> Vec<String> {
    let lists = ["variants", "ranges"].into_iter().filter_map(|field| config.get(field)?.as_object());
    let mut variants: Vec<String> = lists.flat_map(|variants| variants.keys().cloned()).collect();
    variants.sort_unstable();
    variants.dedup();
    variants
}

/// The standard error of a share.
#[expect(clippy::cast_precision_loss, reason = "counts of units")]
fn deviation(share: f64, units: u64) -> f64 {
    (share * (1.0 - share) / units.max(1) as f64).sqrt()
}

/// Weights of a tenth of a percent: probabilities by ten thousand draws are not more exact.
fn rounded(weight: f64) -> f64 {
    (weight * 1000.0).round() / 1000.0
}

//! New experiments.

use std::borrow::Cow;

use novi::{
    builtin::{ExperimentConfig, ExperimentMetrics, Holdout, Layer},
    rows::{ActivationRow, FlagRow, Rows},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    error::PlanError,
    fields::{Fields, entries},
    layer::{drawn_otherwise, free_range},
    list::CLASS,
};

/// A new experiment.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExperiment {
    /// The name, in records of exposures as well. No activation may have it.
    pub name: String,
    /// The name of the flag.
    pub flag: String,
    /// The variants with their weights, which are relative and not negative.
    pub variants: Weights,
    /// The variant that the others are compared with.
    pub control: String,
    /// What the experiment is expected to show.
    #[serde(default)]
    pub hypothesis: Option<String>,
    /// Who answers questions about it.
    #[serde(default)]
    pub owner: Option<String>,
    /// The attribute that identifies the units. Default: `targetingKey`.
    #[serde(default)]
    pub unit: Option<String>,
    /// The hash that variants are drawn by. Default: `murmur3`.
    #[serde(default)]
    pub hash: Option<String>,
    /// The percentage of units that are enrolled. Default: 100.
    #[serde(default)]
    pub traffic: Option<f64>,
    /// A layer, of which the experiment takes a free range.
    #[serde(default)]
    pub layer: Option<LayerShare>,
    /// Units that are never enrolled.
    #[serde(default)]
    pub holdout: Option<Holdout>,
    /// The names of the metrics that decide.
    #[serde(default)]
    pub metrics: Option<ExperimentMetrics>,
    /// The start: a date, or a time. Default: when it is started.
    #[serde(default)]
    pub start: Option<String>,
    /// The end. Default: when it is stopped.
    #[serde(default)]
    pub end: Option<String>,
    /// The IANA time zone of times without an offset. Default: UTC.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// A part of a layer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerShare {
    /// The name, which the experiments of a layer share.
    pub name: String,
    /// The percentage of the layer's units.
    pub percentage: f64,
}

/// Variants with their weights, in the order of the config.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(pub Vec<(String, f64)>);

impl Serialize for Weights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(variant, weight)| (variant, Number(*weight))))
    }
}

/// A number without a fraction that is 0, as a person writes it.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
        if self.0.fract() == 0.0 && self.0.abs() < 1e15 {
            return serializer.serialize_i64(self.0 as i64);
        }
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        entries(deserializer, r#"variants with their weights, like {"A": 50, "B": 50}"#).map(Self)
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
        json_schema!({"type": "object", "additionalProperties": {"type": "number", "minimum": 0}})
    }
}

/// Classes of activations that assign variants by themselves.
const ASSIGN: [&str; 4] = [CLASS, "novi.split", "novi.static", "novi.weighted_random"];

impl NewExperiment {
    /// The class of the row of an experiment.
    pub const CLASS: &'static str = CLASS;

    /// The flag to link and the config of the row, which is a draft. What is invalid in the config, such as a time, is
    /// found when the row is compiled.
    ///
    /// # Errors
    /// [`PlanError`] if the name is taken, the flag does not exist or has variants, its layer has no free range, or
    /// experiments of its layer or holdout are drawn by another hash.
    pub fn plan<'r>(&self, rows: &'r Rows) -> Result<(&'r FlagRow, String), PlanError> {
        if self.name.trim().is_empty() || self.name.chars().count() > 255 {
            return Err(PlanError::Name);
        }
        if rows.activations.iter().any(|row| row.name == self.name) {
            return Err(PlanError::NameTaken(self.name.clone()));
        }
        let flag = rows.flags.iter().find(|row| row.name == self.flag);
        let flag = flag.ok_or_else(|| PlanError::Flag(self.flag.clone()))?;
        if let Some(row) = assigning(rows, flag) {
            return Err(PlanError::HasVariants {
                flag: flag.name.clone(),
                id: row.id,
                name: row.name.clone(),
                class: row.class_name.clone(),
            });
        }
        if self.variants.0.len() < 2 {
            return Err(PlanError::OneVariant(self.variants.0.len()));
        }
        if !self.variants.0.iter().any(|(variant, _)| *variant == self.control) {
            let variants = self.variants.0.iter().map(|(variant, _)| variant.clone()).collect();
            return Err(PlanError::Control { control: self.control.clone(), variants });
        }
        if let Some(found) = self.traffic.filter(|traffic| !(*traffic > 0.0 && *traffic <= 100.0)) {
            return Err(PlanError::Percentage { field: "traffic", found });
        }
        let layer = self.layer.as_ref().map(|layer| free_range(rows, &layer.name, layer.percentage));
        let layer = layer.transpose()?;
        let metrics = self.metrics.as_ref().filter(|metrics| **metrics != ExperimentMetrics::default());
        let mut fields = Fields::default();
        // First, since reports of changes may shorten the config.
        fields.set("state", &"draft");
        fields.set_some("hypothesis", self.hypothesis.as_ref());
        fields.set_some("owner", self.owner.as_ref());
        fields.set("variants", &self.variants);
        fields.set("control", &self.control);
        fields.set_some("unit", self.unit.as_ref());
        fields.set_some("hash", self.hash.as_ref());
        fields.set_some("traffic", self.traffic.map(Number).as_ref());
        fields.set_some("layer", layer.as_ref().map(layer_fields).as_ref());
        fields.set_some("holdout", self.holdout.as_ref().map(holdout_fields).as_ref());
        fields.set_some("start", self.start.as_ref());
        fields.set_some("end", self.end.as_ref());
        fields.set_some("timezone", self.timezone.as_ref());
        fields.set_some("metrics", metrics);
        let config = fields.to_json();
        // An unknown hash is found when the row is compiled.
        if let Some(error) =
            ExperimentConfig::parse(&config).ok().and_then(|it| drawn_otherwise(rows, None, &it))
        {
            return Err(error);
        }
        Ok((flag, config))
    }
}

fn layer_fields(layer: &Layer) -> Fields {
    let mut fields = Fields::default();
    fields.set("name", &layer.name);
    fields.set("from", &Number(layer.from));
    fields.set("to", &Number(layer.to));
    fields
}

fn holdout_fields(holdout: &Holdout) -> Fields {
    let mut fields = Fields::default();
    fields.set("name", &holdout.name);
    fields.set("percentage", &Number(holdout.percentage));
    fields
}

/// The activation of a flag that assigns its variants already: a new one, whose id is higher, would have no effect.
fn assigning<'r>(rows: &'r Rows, flag: &FlagRow) -> Option<&'r ActivationRow> {
    let links = rows.links.iter().filter(|link| link.flag_id == Some(flag.id));
    let mut linked =
        links.filter_map(|link| rows.activations.iter().find(|row| Some(row.id) == link.activation_id));
    linked.find(|row| ASSIGN.contains(&&*row.class_name))
}

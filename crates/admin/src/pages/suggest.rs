//! Names that inputs suggest.

use std::collections::BTreeSet;

use askama::Template;
use novi::{
    builtin::{ExperimentConfig, ExperimentMetrics, MetricConfig},
    rows::Rows,
};
use serde_json::Value;

use crate::words::Markup;

/// The most names of each kind, and the most configs that are read for names of attributes.
const MOST: usize = 300;
const MOST_CONFIGS: usize = 2000;

/// Time zones that many rows have. Others can be typed.
const ZONES: [&str; 25] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/Madrid",
    "Europe/Rome",
    "Europe/Warsaw",
    "Europe/Athens",
    "Europe/Istanbul",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Toronto",
    "America/Mexico_City",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
];

/// Attributes that every context can have.
const KNOWN: [&str; 2] = ["targetingKey", "currentDateTime"];

#[derive(Template)]
#[template(path = "suggestions.html")]
struct Suggestions<'a> {
    attributes: BTreeSet<String>,
    zones: [&'static str; 25],
    flags: Vec<&'a str>,
    activations: Vec<(i64, &'a str)>,
    metrics: BTreeSet<String>,
}

/// The lists of suggestions, once for each page with forms of configs.
pub(super) fn suggestions(rows: &Rows) -> Markup {
    let mut attributes: BTreeSet<String> = KNOWN.map(str::to_owned).into();
    for row in rows.activations.iter().take(MOST_CONFIGS) {
        let config = row
            .config
            .as_deref()
            .filter(|config| config.contains("\"attribute\"") || config.contains("\"by\""));
        if let Some(config) = config.and_then(|config| serde_json::from_str(config).ok()) {
            collect(&config, &mut attributes);
        }
    }
    Markup::rendered(&Suggestions {
        attributes,
        zones: ZONES,
        flags: rows.flags.iter().take(MOST).map(|row| row.name.as_str()).collect(),
        activations: rows.activations.iter().take(MOST).map(|row| (row.id, row.name.as_str())).collect(),
        metrics: metrics(rows),
    })
}

/// The metrics that are rows, and those that other experiments name, which may be files.
fn metrics(rows: &Rows) -> BTreeSet<String> {
    let of_class = |class: &'static str| rows.activations.iter().filter(move |row| row.class_name == class);
    let own = of_class(MetricConfig::CLASS).map(|row| row.name.clone());
    let experiments = of_class("novi.experiment").take(MOST);
    let configs = experiments.filter_map(|row| ExperimentConfig::parse(row.config.as_deref()?).ok());
    let named = configs.flat_map(|config| {
        let ExperimentMetrics { primary, guardrails, .. } = config.metrics();
        primary.into_iter().chain(guardrails)
    });
    own.chain(named).take(MOST).collect()
}

/// The attributes that a config names. The parser limits its depth.
fn collect(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    _ if found.len() >= MOST => return,
                    ("attribute" | "by", Value::String(name)) => {
                        found.insert(name.clone());
                    }
                    ("by", Value::Array(names)) => {
                        found.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => collect(value, found),
                }
            }
        }
        _ => {}
    }
}

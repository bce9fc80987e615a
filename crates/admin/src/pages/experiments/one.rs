//! One experiment: its settings in words, and what it says so far.

use askama::Template;
use axum::extract::{Path, Query};
use novi_experiments::{charts::number, experiment_warnings, find_experiment};
use serde::Deserialize;

use super::{
    data::Experiment,
    flags_of, path_of,
    report::{Over, section},
};
use crate::{
    api::with_query,
    pages::flags::{Done, Notice},
    visit::{Layout, Page, Section, Visit},
    words::{Markup, bar, time},
};
use novi::activation::Share;

#[derive(Template)]
#[template(path = "experiment.html")]
struct ExperimentPage {
    layout: Layout,
    notice: Option<Notice>,
    name: String,
    /// `None` if no row has the name: then only records of exposures have it.
    row: Option<Settings>,
    report: Markup,
}

/// What the row says.
struct Settings {
    found: Experiment,
    path: String,
    flags: Vec<(String, Option<i64>)>,
    bar: Markup,
    /// Each variant with its share and its units.
    variants: Vec<(String, String, String)>,
    unit: String,
    traffic: String,
    layer: Option<String>,
    holdout: Option<String>,
    start: Option<Markup>,
    end: Option<Markup>,
    stopped: Option<Markup>,
    decided: Option<Markup>,
    warnings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    over: Over,
}

/// The experiment among the rows with a name.
pub(super) async fn find(visit: &Visit, name: &str) -> Result<Option<Experiment>, axum::response::Response> {
    let path = with_query("/api/experiments", &[("limit", "1"), ("name", name)]);
    let mut page = visit.api().get(&path).await.map_err(|failure| visit.fail(&failure))?;
    let found: Vec<Experiment> = serde_json::from_value(page["items"].take()).unwrap_or_default();
    Ok(found.into_iter().next())
}

/// What was probably not meant in an experiment; nothing for visitors who may not see the metrics.
pub(super) async fn warnings(visit: &Visit, name: &str) -> Result<Vec<String>, axum::response::Response> {
    let Ok(known) = visit.api().get("/api/metrics").await else { return Ok(Vec::new()) };
    let items = known["items"].as_array().into_iter().flatten();
    let names: Vec<&str> = items.filter_map(|item| item["name"].as_str()).collect();
    let config = find_experiment(visit.rows()?, name).and_then(|found| found.config.ok());
    Ok(config.map(|config| experiment_warnings(&config, &names)).unwrap_or_default())
}

pub(crate) async fn one(
    visit: Visit,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    Query(done): Query<Done>,
) -> Page {
    let found = find(&visit, &name).await?;
    let order: Vec<String> =
        found.iter().flat_map(|found| &found.variants).map(|variant| variant.variant.clone()).collect();
    let report = section(&visit, &name, &order, asked.over).await;
    let report = report.map_err(|failure| visit.fail(&failure))?;
    let Some(report) = report.or_else(|| found.is_some().then(Markup::default)) else {
        return Err(visit.not_found(&format!("experiment {name:?} was not found")));
    };
    let warnings = warnings(&visit, &name).await?;
    let settings = |found: Experiment| Settings { warnings, ..Settings::of(&visit, found) };
    Ok(visit.page(&ExperimentPage {
        layout: visit.layout(&name, Section::Experiments),
        notice: done.notice(visit.rows()?),
        row: found.map(settings),
        report,
        name,
    }))
}

impl Settings {
    fn of(visit: &Visit, found: Experiment) -> Self {
        let sum: f64 = found.variants.iter().map(|variant| variant.weight).sum();
        let share = |weight: f64| if sum > 0.0 { 100.0 * weight / sum } else { 0.0 };
        let variants: Vec<_> = (found.variants.iter())
            .map(|variant| {
                let units = variant.units.map_or_else(|| "unknown".to_owned(), number);
                (variant.variant.clone(), percentage(share(variant.weight)), units)
            })
            .collect();
        let of_variant = |variant: &super::data::Variant| Share {
            variant: Some(variant.variant.clone()),
            percent: share(variant.weight),
        };
        let shares: Vec<Share> = found.variants.iter().map(of_variant).collect();
        let range = |layer: &super::data::Layer| {
            format!(
                "{} of layer {}, from {} to {}",
                percentage(layer.to - layer.from),
                layer.name,
                percentage(layer.from),
                percentage(layer.to)
            )
        };
        let held = |holdout: &super::data::Holdout| {
            format!(
                "{} of units, those of {}, are never enrolled",
                percentage(holdout.percentage),
                holdout.name
            )
        };
        Self {
            path: path_of(&found.name),
            flags: flags_of(visit, &found),
            bar: bar(&shares),
            variants,
            unit: found.unit.join(", else "),
            traffic: percentage(found.traffic.unwrap_or(100.0)),
            layer: found.layer.as_ref().map(range),
            holdout: found.holdout.as_ref().map(held),
            start: found.start.map(time),
            end: found.end.map(time),
            stopped: found.stopped.map(time),
            decided: found.decision.as_ref().and_then(|_| found.since()).map(time),
            warnings: Vec::new(),
            found,
        }
    }
}

fn percentage(share: f64) -> String {
    format!("{} %", (share * 100.0).round() / 100.0)
}

//! `novi experiment list` and `novi experiment show`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use novi::{builtin::ExperimentState, store::AssignmentStore};
use novi_experiments::{ExperimentSummary, experiments, find_experiment};

use super::failure::no_experiment;
use crate::{
    output::{Failure, print, print_json, print_table},
    session::Session,
};

/// List experiments with their states, flags and numbers of units, newest first
#[derive(Debug, Args)]
pub(crate) struct List {
    /// List only experiments in this state
    #[arg(long, value_enum)]
    state: Option<State>,

    /// List only experiments of this flag
    #[arg(long)]
    flag: Option<String>,
}

/// Show an experiment
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Experiment
    name: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    Draft,
    Running,
    Stopped,
    Decided,
}

impl From<State> for ExperimentState {
    fn from(state: State) -> Self {
        match state {
            State::Draft => Self::Draft,
            State::Running => Self::Running,
            State::Stopped => Self::Stopped,
            State::Decided => Self::Decided,
        }
    }
}

impl List {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let rows = store.load().await?;
        let wanted = self.state.map(ExperimentState::from);
        let mut found = experiments(&rows);
        found.reverse();
        let mut summaries = Vec::new();
        for found in found {
            let state = found.config.as_ref().ok().map(novi::builtin::ExperimentConfig::state);
            let is_of_flag = self.flag.as_deref().is_none_or(|flag| found.flags.contains(&flag));
            if is_of_flag && wanted.is_none_or(|wanted| state == Some(wanted)) {
                let units = units(store.assignment_store(), &found.row.name).await?;
                summaries.push(found.summary(units.as_deref()));
            }
        }
        if session.json {
            print_json(&summaries)?;
        } else if summaries.is_empty() {
            print("No experiments. `novi experiment create` makes one.")?;
        } else {
            let header = ["name", "state", "flag", "variants", "units", "start", "end"];
            print_table(&header, summaries.iter().map(line))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    pub(super) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let store = session.store().await?;
        let rows = store.load().await?;
        let found = find_experiment(&rows, &self.name).ok_or_else(|| no_experiment(&rows, &self.name))?;
        let units = units(store.assignment_store(), &found.row.name).await?;
        let summary = found.summary(units.as_deref());
        if session.json {
            print_json(&summary)?;
        } else {
            print(text(&summary))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The number of units of each variant; `None` for a database without the table.
async fn units(
    store: Option<&dyn AssignmentStore>,
    experiment: &str,
) -> Result<Option<Vec<(String, i64)>>, Failure> {
    let Some(store) = store else { return Ok(None) };
    let counts = store.assignment_counts(experiment).await?;
    Ok(Some(counts.into_iter().map(|count| (count.variant, count.units)).collect()))
}

fn state(summary: &ExperimentSummary) -> &'static str {
    let start = summary.start.as_ref().and_then(|start| start.parse::<DateTime<Utc>>().ok());
    match summary.state {
        Some(ExperimentState::Running) if start.is_some_and(|start| start > Utc::now()) => "scheduled",
        state => state.map_or("invalid", ExperimentState::name),
    }
}

fn line(summary: &ExperimentSummary) -> Vec<String> {
    let variants: Vec<_> = summary.variants.iter().map(|variant| variant.variant.clone()).collect();
    let end = summary.stopped.as_ref().or(summary.end.as_ref());
    vec![
        summary.name.clone(),
        state(summary).to_owned(),
        summary.flags.join(", "),
        variants.join(", "),
        summary.units.map(|units| units.to_string()).unwrap_or_default(),
        summary.start.clone().unwrap_or_default(),
        end.cloned().unwrap_or_default(),
    ]
}

fn text(summary: &ExperimentSummary) -> String {
    let mut lines = vec![format!("{} ({})", summary.name, state(summary))];
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            lines.push(format!("  {name}: {value}"));
        }
    };
    add("problem", summary.problem.clone());
    add("flag", Some(summary.flags.join(", ")));
    add("hypothesis", summary.hypothesis.clone());
    add("owner", summary.owner.clone());
    add("unit", Some(summary.unit.join(", else ")));
    for variant in &summary.variants {
        let control = if summary.control.as_ref() == Some(&variant.variant) { ", the control" } else { "" };
        let units = variant.units.map(|units| format!(", {units} units")).unwrap_or_default();
        add("variant", Some(format!("{}, weight {}{units}{control}", variant.variant, variant.weight)));
    }
    add("traffic", summary.traffic.filter(|traffic| *traffic < 100.0).map(|traffic| format!("{traffic} %")));
    add(
        "layer",
        summary.layer.as_ref().map(|layer| format!("{} from {} to {} %", layer.name, layer.from, layer.to)),
    );
    add(
        "holdout",
        summary.holdout.as_ref().map(|holdout| format!("{}, {} %", holdout.name, holdout.percentage)),
    );
    add("primary metrics", Some(summary.metrics.primary.join(", ")));
    add("guardrails", Some(summary.metrics.guardrails.join(", ")));
    add("start", summary.start.clone());
    add("end", summary.end.clone());
    add("stopped", summary.stopped.clone());
    if let Some(decision) = &summary.decision {
        let what = decision.variant.clone().unwrap_or_else(|| "off".to_owned());
        let at = decision.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
        let reason = decision.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        add("decision", Some(format!("{what}{at}{reason}")));
    }
    add("row", Some(format!("activation {}, version {}", summary.id, summary.version)));
    lines.join("\n")
}

//! Experiments: their list.

mod data;
pub(crate) mod one;
mod report;
pub(crate) mod step;

use askama::Template;
use axum::extract::Query;
use novi_experiments::charts::number;
use serde::Deserialize;

use self::data::Experiment;
use crate::{
    api::{escape, with_query},
    pages::flag::id_of,
    visit::{Layout, Page, Section, Visit},
    words::{Markup, time},
};

/// The states, with the names that people see.
const STATES: [(&str, &str); 5] = [
    ("", "All"),
    ("running", "Running"),
    ("draft", "Drafts"),
    ("stopped", "Stopped"),
    ("decided", "Decided"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    state: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "experiments.html")]
struct ListPage {
    layout: Layout,
    /// The address of each state, its name, and whether it is the one that is shown.
    states: Vec<(String, &'static str, bool)>,
    lines: Vec<Line>,
    next: Option<String>,
}

struct Line {
    found: Experiment,
    path: String,
    flags: Vec<(String, Option<i64>)>,
    since: Option<Markup>,
    units: String,
}

/// The path of an experiment's page, below the prefix.
fn path_of(name: &str) -> String {
    format!("/experiments/{}", escape(name))
}

/// The flags that are linked to an experiment, with their ids.
fn flags_of(visit: &Visit, found: &Experiment) -> Vec<(String, Option<i64>)> {
    found.flags.iter().map(|name| (name.clone(), id_of(visit, name))).collect()
}

pub(crate) async fn list(visit: Visit, Query(search): Query<Search>) -> Page {
    let path = with_query(
        "/api/experiments",
        &[("limit", "50"), ("state", &search.state), ("cursor", &search.cursor)],
    );
    let mut page = visit.api().get(&path).await.map_err(|failure| visit.fail(&failure))?;
    let items: Vec<Experiment> = serde_json::from_value(page["items"].take()).unwrap_or_default();
    let line = |found: Experiment| Line {
        path: format!("{}{}", visit.prefix(), path_of(&found.name)),
        flags: flags_of(&visit, &found),
        since: found.since().map(time),
        units: found.units.map_or_else(|| "unknown".to_owned(), number),
        found,
    };
    let address = |state: &str| with_query(&format!("{}/experiments", visit.prefix()), &[("state", state)]);
    let states = STATES.map(|(state, name)| (address(state), name, state == search.state));
    let next = page["next"].as_str();
    Ok(visit.page(&ListPage {
        layout: visit.layout("Experiments", Section::Experiments),
        states: states.into(),
        lines: items.into_iter().map(line).collect(),
        next: next.map(|cursor| with_query("", &[("state", &search.state), ("cursor", cursor)])),
    }))
}

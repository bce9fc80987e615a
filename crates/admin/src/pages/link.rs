//! Adding activations to a flag, and removing them.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::{Method, StatusCode},
};
use novi::rows::{FlagRow, Rows};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{Failure, Problem},
    pages::{
        flags::{Done, find},
        form::{Problems, checked_json},
        templates::{TEMPLATES, Template as Start},
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
};

/// The most existing activations that are offered.
const MOST: usize = 500;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice {
    from: String,
}

#[derive(Template)]
#[template(path = "add.html")]
struct AddPage {
    layout: Layout,
    id: i64,
    flag: String,
    version: i64,
    templates: Vec<&'static Start>,
    chosen: String,
    name: String,
    config: String,
    /// Activations that the flag is not linked to, by id and name.
    existing: Vec<(i64, String)>,
    problems: Problems,
    error: Option<String>,
}

fn page(visit: &Visit, rows: &Rows, flag: &FlagRow, chosen: &str) -> AddPage {
    let start = start(chosen);
    let is_linked = |id: i64| {
        rows.links.iter().any(|link| (link.flag_id, link.activation_id) == (Some(flag.id), Some(id)))
    };
    let others = rows.activations.iter().filter(|row| !is_linked(row.id)).take(MOST);
    AddPage {
        layout: visit.layout("Add an activation", Section::Flags),
        id: flag.id,
        flag: flag.name.clone(),
        version: flag.metadata.row_version,
        templates: TEMPLATES.iter().filter(|start| start.class.is_some()).collect(),
        chosen: chosen.to_owned(),
        name: start.map(|start| start.title.to_owned()).unwrap_or_default(),
        config: start.map(Start::config).unwrap_or_default(),
        existing: others.map(|row| (row.id, row.name.clone())).collect(),
        problems: Problems(Vec::new()),
        error: None,
    }
}

fn start(slug: &str) -> Option<&'static Start> {
    TEMPLATES.iter().find(|start| start.slug == slug && start.class.is_some())
}

pub(crate) async fn ask(Editor(visit): Editor, Path(id): Path<i64>, Query(choice): Query<Choice>) -> Page {
    let rows = visit.rows()?;
    let flag = find(rows, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    Ok(visit.page(&page(&visit, rows, flag, &choice.from)))
}

/// Links an existing activation, or creates one.
pub(crate) async fn add(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let rows = visit.rows()?;
    let flag = find(rows, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    let chosen = sent.text("from");
    let again = |failure: Failure| {
        let error = Some(failure.message).filter(|_| failure.problems.is_empty());
        let page = AddPage {
            name: sent.text("name").to_owned(),
            config: sent.text("config").to_owned(),
            problems: Problems(failure.problems),
            error,
            ..page(visit, rows, flag, chosen)
        };
        visit.page_with(failure.status, &page)
    };
    let changes = match changes(&sent, rows, id) {
        Ok(changes) => changes,
        Err(problem) => {
            let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "the form has a problem");
            return Err(again(Failure { problems: vec![problem], ..failure }));
        }
    };
    change(visit, &sent, id, changes).await.map_err(|mut failure| {
        for problem in &mut failure.problems {
            if let Some(field) = problem.pointer.strip_prefix("/changes/0/create_activation") {
                problem.pointer = field.to_owned();
            }
        }
        again(failure)
    })
}

/// The changes as JSON text, so that configs are stored as they were typed.
fn changes(sent: &Sent, rows: &Rows, flag: i64) -> Result<String, Problem> {
    let version: Option<i64> = sent.text("version").parse().ok();
    let link =
        |activation: i64| json!({"link": {"flag": flag, "activation": activation, "version": version}});
    if let Ok(activation) = sent.text("activation").parse() {
        return Ok(format!("[{}]", link(activation)));
    }
    let class = start(sent.text("from")).and_then(|start| start.class).unwrap_or_default();
    let config = checked_json("/config", sent.text("config"))?;
    // The id is chosen here, since the link refers to it; a duplicate is reported.
    let id = rows.activations.last().map_or(1, |last| last.id + 1);
    let (name, class) = (Value::from(sent.text("name")), Value::from(class));
    Ok(format!(
        r#"[{{"create_activation":{{"id":{id},"name":{name},"class_name":{class},"config":{config}}}}},{}]"#,
        link(id)
    ))
}

/// Removes the link to an activation. The activation stays: other rows may refer to it.
pub(crate) async fn remove(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let activation: i64 =
        sent.text("activation").parse().map_err(|_| visit.not_found("the form names no activation"))?;
    let version: Option<i64> = sent.text("version").parse().ok();
    let changes = json!([{"unlink": {"flag": id, "activation": activation, "version": version}}]);
    change(visit, &sent, id, changes.to_string()).await.map_err(|failure| visit.fail(&failure))
}

/// Makes the changes, and leads to the page of the flag, where they can be undone.
async fn change(
    visit: &Visit,
    sent: &Sent,
    flag: i64,
    changes: String,
) -> Result<axum::response::Response, Failure> {
    let before = visit.snapshot.revision().number();
    let body = format!(r#"{{"changes":{changes}}}"#);
    let saved = visit.api().call(Method::POST, "/api/edits", &sent.authorship(), Some(body)).await?;
    Ok(visit.redirect(&format!("/flags/{flag}?{}", Done::query("saved", flag, before, &saved))))
}

//! Adding activations to a flag, and removing them.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::{Method, StatusCode},
};
use novi::{
    activation::Words,
    rows::{FlagRow, Rows},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    api::{Failure, Problem},
    body::ChosenCallers,
    forms::{
        draft::{CONFIG, Draft},
        draw::Around,
        json,
        types::Types,
    },
    pages::{
        flags::{Done, find},
        form::Problems,
        preview::{planned, with_fields},
        suggest::suggestions,
        templates::{TEMPLATES, Template as Start},
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
    words::Markup,
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
    config: Markup,
    suggestions: Markup,
    /// Activations that the flag is not linked to, by id and name.
    existing: Vec<(i64, String)>,
    preview: Markup,
    callers: ChosenCallers,
    problems: Problems,
    error: Option<String>,
    actor: String,
    reason: String,
}

fn page(
    visit: &Visit,
    rows: &Rows,
    flag: &FlagRow,
    chosen: &str,
    sent: Option<&Draft>,
    problems: Vec<Problem>,
) -> AddPage {
    let start = start(chosen);
    let config = start.map(|start| draw_config(visit, rows, start, sent, &problems)).unwrap_or_default();
    let is_linked = |id: i64| {
        rows.links.iter().any(|link| (link.flag_id, link.activation_id) == (Some(flag.id), Some(id)))
    };
    let others = rows.activations.iter().filter(|row| !is_linked(row.id)).take(MOST);
    let layout = visit.layout("Add an activation", Section::Flags);
    AddPage {
        actor: layout.actor.clone(),
        reason: String::new(),
        layout,
        id: flag.id,
        flag: flag.name.clone(),
        version: flag.metadata.row_version,
        templates: TEMPLATES.iter().filter(|start| start.class.is_some()).collect(),
        chosen: chosen.to_owned(),
        name: start.map(|start| start.title.to_owned()).unwrap_or_default(),
        config,
        suggestions: suggestions(rows),
        existing: others.map(|row| (row.id, row.name.clone())).collect(),
        preview: Markup::default(),
        callers: ChosenCallers::default(),
        problems: Problems(problems),
        error: None,
    }
}

/// The form of the config of a template, or of what was sent.
pub(crate) fn draw_config(
    visit: &Visit,
    rows: &Rows,
    start: &Start,
    sent: Option<&Draft>,
    problems: &[Problem],
) -> Markup {
    let registry = visit.guest.site.flags().registry();
    let (types, phrased) = (Types::new(&registry), Words::new(&registry, rows));
    let around = Around { prefix: visit.prefix(), types: &types, phrased: &phrased };
    match sent {
        Some(draft) => draft.draw(&around, problems),
        None => Draft::of(CONFIG, &types, start.class.unwrap_or_default(), &start.config())
            .draw(&around, problems),
    }
}

fn start(slug: &str) -> Option<&'static Start> {
    TEMPLATES.iter().find(|start| start.slug == slug && start.class.is_some())
}

pub(crate) async fn ask(Editor(visit): Editor, Path(id): Path<i64>, Query(choice): Query<Choice>) -> Page {
    let rows = visit.rows()?;
    let flag = find(rows, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    Ok(visit.page(&page(&visit, rows, flag, &choice.from, None, Vec::new())))
}

/// Links an existing activation, or creates one.
pub(crate) async fn add(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let rows = visit.rows()?;
    let flag = find(rows, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    let chosen = sent.text("from");
    let class = start(chosen).and_then(|start| start.class).unwrap_or_default();
    let registry = visit.guest.site.flags().registry();
    let types = Types::new(&registry);
    let draft = Draft::sent(CONFIG, sent.all(), class);
    let shown = |draft: &Draft, problems: Vec<Problem>| AddPage {
        name: sent.text("name").to_owned(),
        callers: sent.chosen_callers(),
        actor: sent.text("actor").to_owned(),
        reason: sent.text("reason").to_owned(),
        ..page(visit, rows, flag, chosen, Some(draft), problems)
    };
    if let Some(action) = sent.optional("do") {
        let (draft, problems) = draft.step(&types, action, class);
        return Ok(visit.page(&shown(&draft, problems)));
    }
    let again = |failure: Failure| {
        let error = Some(failure.message).filter(|_| failure.problems.is_empty());
        visit.page_with(failure.status, &AddPage { error, ..shown(&draft, failure.problems) })
    };
    let changes = match changes(&sent, rows, id, class, || draft.config(&types)) {
        Ok(changes) => changes,
        Err(problems) => {
            let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "the form has a problem");
            return Err(again(Failure { problems, ..failure }));
        }
    };
    if sent.is_checked("preview") {
        let linked = rows.links.iter().filter(|link| link.flag_id == Some(id));
        let linked: Vec<_> = linked.filter_map(|link| link.activation_id).collect();
        let (preview, problems) = planned(visit, rows, &sent, &changes, &linked).await.map_err(again)?;
        return Ok(visit.page(&AddPage { preview: preview.markup(), ..shown(&draft, problems) }));
    }
    change(visit, &sent, id, changes).await.map_err(|failure| again(with_fields(failure)))
}

/// The changes as JSON text, so that configs are stored as they were typed.
fn changes(
    sent: &Sent,
    rows: &Rows,
    flag: i64,
    class: &str,
    config: impl FnOnce() -> Result<String, Vec<Problem>>,
) -> Result<String, Vec<Problem>> {
    let version: Option<i64> = sent.text("version").parse().ok();
    let link = |activation: i64| serde_json::json!({"link": {"flag": flag, "activation": activation, "version": version}});
    if let Ok(activation) = sent.text("activation").parse() {
        return Ok(format!("[{}]", link(activation)));
    }
    let config = json::one_line(&config()?);
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
    let changes = serde_json::json!([{"unlink": {"flag": id, "activation": activation, "version": version}}]);
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

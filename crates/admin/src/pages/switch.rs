//! Turning a flag on and off, and undoing a change.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::{Method, StatusCode},
    response::Response,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{Failure, with_query},
    body::{ChosenCallers, Entered},
    pages::{
        effect::{generated, planned_effect},
        flags::{Done, find, text_of},
        form::object,
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
    words::{Markup, words},
};

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    to: String,
}

#[derive(Template)]
#[template(path = "switch.html")]
struct SwitchPage {
    layout: Layout,
    id: i64,
    name: String,
    version: i64,
    on: bool,
    rule: Markup,
    affected: Vec<String>,
    problems: Vec<String>,
    effect: Markup,
    callers: ChosenCallers,
    actor: String,
    reason: String,
}

/// Asks for a reason, and says which other flags may change.
pub(crate) async fn ask(Editor(visit): Editor, Path(id): Path<i64>, Query(wanted): Query<Wanted>) -> Page {
    page(&visit, id, wanted.to == "on", Entered::NONE).await.map(|page| visit.page(&page))
}

/// The page that asks, with the effect over callers.
async fn page(visit: &Visit, id: i64, on: bool, callers: Entered<'_>) -> Result<SwitchPage, Response> {
    let rows = visit.rows()?;
    let row = find(rows, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    let changes = json!([{"update_flag": {"row": id, "set": {"status": on}}}]).to_string();
    let linked = rows.links.iter().filter(|link| link.flag_id == Some(id));
    let linked: Vec<_> = linked.filter_map(|link| link.activation_id).collect();
    let planned = planned_effect(visit.api(), &changes, callers, generated(rows, &linked, &[])).await;
    let (effect, planned) = planned.map_err(|failure| visit.fail(&failure))?;
    let registry = visit.guest.site.flags().registry();
    Ok(SwitchPage {
        layout: visit.layout(if on { "Turn on" } else { "Turn off" }, Section::Flags),
        id,
        name: row.name.clone(),
        version: row.metadata.row_version,
        on,
        rule: words(&novi::activation::Words::new(&registry, rows).rule(id)),
        affected: affected(&planned, &row.name),
        problems: problems(&planned),
        effect,
        callers: ChosenCallers::default(),
        actor: String::new(),
        reason: String::new(),
    })
}

/// The names of the other flags that a plan changes.
pub(crate) fn affected(planned: &Value, name: &str) -> Vec<String> {
    let flags = planned["plan"]["flags"].as_array().into_iter().flatten();
    flags.map(|flag| text_of(flag, "name")).filter(|other| other != name).collect()
}

/// Why a plan would be rejected.
pub(crate) fn problems(planned: &Value) -> Vec<String> {
    let problems = planned["problems"].as_array().into_iter().flatten();
    problems.map(|problem| text_of(problem, "message")).collect()
}

pub(crate) async fn switch(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let on = sent.text("to") == "on";
    if sent.is_checked("preview") {
        let page = page(visit, id, on, sent.callers()).await?;
        let [actor, reason] = ["actor", "reason"].map(|name| sent.text(name).to_owned());
        let version = sent.text("version").parse().unwrap_or(page.version);
        let callers = sent.chosen_callers();
        return Ok(visit.page(&SwitchPage { version, callers, actor, reason, ..page }));
    }
    let before = visit.snapshot.revision().number();
    let mut fields = vec![("status", on.to_string())];
    if let Ok(version) = sent.text("version").parse::<i64>() {
        fields.push(("version", version.to_string()));
    }
    let body = object(&fields);
    let changed =
        visit.api().call(Method::PATCH, &format!("/api/flags/{id}"), &sent.authorship(), Some(body)).await;
    let changed = changed.map_err(|failure| visit.fail(&failure))?;
    let done = Done::query(if on { "on" } else { "off" }, id, before, &changed);
    Ok(visit.redirect(&format!("/flags/{id}?{done}")))
}

/// Rolls a flag back to before a change, unless somebody has changed it since.
pub(crate) async fn undo(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let row = find(visit.rows()?, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    // Changes of its activations count as well.
    let path =
        with_query("/api/history", &[("flag", &row.name), ("after", sent.text("after")), ("limit", "1")]);
    let later = visit.api().get(&path).await.map_err(|failure| visit.fail(&failure))?;
    if later["items"].as_array().is_none_or(|items| !items.is_empty()) {
        let message = format!(
            "flag {:?} has changed since; its history shows every change and can roll back to each revision",
            row.name
        );
        return Err(visit.fail(&Failure::new(StatusCode::CONFLICT, message)));
    }
    let body = json!({"to": sent.text("before"), "flag": row.name}).to_string();
    let mut headers = sent.authorship();
    headers.push(("x-novi-reason", "undo"));
    let undone = visit.api().call(Method::POST, "/api/rollback", &headers, Some(body)).await;
    undone.map_err(|failure| visit.fail(&failure))?;
    Ok(visit.redirect(&format!("/flags/{id}?done=undone&of={id}")))
}

//! Creating a flag.

use askama::Template;
use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    api::{Failure, Problem},
    body::ChosenCallers,
    forms::{
        draft::{CONFIG, Draft},
        json::one_line,
        types::Types,
    },
    pages::{
        form::Problems,
        link::draw_config,
        preview::{planned, with_fields},
        suggest::suggestions,
        templates::{TEMPLATES, Template as Start},
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
    words::Markup,
};

#[derive(Template)]
#[template(path = "new.html")]
struct NewPage {
    layout: Layout,
    templates: &'static [Start],
    chosen: String,
    name: String,
    description: String,
    config: Markup,
    suggestions: Markup,
    on: bool,
    preview: Markup,
    callers: ChosenCallers,
    problems: Problems,
    error: Option<String>,
    actor: String,
    reason: String,
}

pub(crate) async fn new(
    Editor(visit): Editor,
    axum::extract::Query(query): axum::extract::Query<std::collections::HashMap<String, String>>,
) -> Page {
    let chosen = query.get("from").cloned().unwrap_or_default();
    let (start, rows) = (TEMPLATES.iter().find(|start| start.slug == chosen), visit.rows()?);
    let with_config = start.filter(|start| start.class.is_some());
    let layout = visit.layout("New flag", Section::Flags);
    Ok(visit.page(&NewPage {
        actor: layout.actor.clone(),
        reason: String::new(),
        layout,
        templates: TEMPLATES,
        config: with_config.map(|start| draw_config(&visit, rows, start, None, &[])).unwrap_or_default(),
        suggestions: with_config.map(|_| suggestions(rows)).unwrap_or_default(),
        chosen,
        name: String::new(),
        description: String::new(),
        on: false,
        preview: Markup::default(),
        callers: ChosenCallers::default(),
        problems: Problems(Vec::new()),
        error: None,
    }))
}

pub(crate) async fn create(sent: Sent) -> Page {
    let visit = &sent.visit;
    let chosen = sent.text("from").to_owned();
    let start = TEMPLATES.iter().find(|start| start.slug == chosen);
    let (name, rows) = (sent.text("name"), visit.rows()?);
    let with_config = start.filter(|start| start.class.is_some());
    let class = with_config.and_then(|start| start.class).unwrap_or_default();
    let registry = visit.guest.site.flags().registry();
    let types = Types::new(&registry);
    let draft = Draft::sent(CONFIG, sent.all(), class);
    let shown = |draft: &Draft, problems: Vec<Problem>| NewPage {
        layout: visit.layout("New flag", Section::Flags),
        templates: TEMPLATES,
        chosen: chosen.clone(),
        name: name.to_owned(),
        description: sent.text("description").to_owned(),
        config: with_config
            .map(|start| draw_config(visit, rows, start, Some(draft), &problems))
            .unwrap_or_default(),
        suggestions: with_config.map(|_| suggestions(rows)).unwrap_or_default(),
        on: sent.is_checked("on"),
        preview: Markup::default(),
        callers: sent.chosen_callers(),
        actor: sent.text("actor").to_owned(),
        reason: sent.text("reason").to_owned(),
        problems: Problems(problems),
        error: None,
    };
    if let Some(action) = sent.optional("do") {
        let (draft, problems) = draft.step(&types, action, class);
        return Ok(visit.page(&shown(&draft, problems)));
    }
    let again = |failure: Failure| {
        let error = Some(failure.message).filter(|_| failure.problems.is_empty());
        visit.page_with(failure.status, &NewPage { error, ..shown(&draft, failure.problems) })
    };
    let changes = match creation(&sent, class, visit, || draft.config(&types)) {
        Ok(changes) => changes,
        Err(problems) => {
            let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "the form has a problem");
            return Err(again(Failure { problems, ..failure }));
        }
    };
    if sent.is_checked("preview") {
        let (preview, problems) = planned(visit, rows, &sent, &changes, &[]).await.map_err(again)?;
        return Ok(visit.page(&NewPage { preview: preview.markup(), ..shown(&draft, problems) }));
    }
    let body = format!(r#"{{"changes":{changes}}}"#);
    match visit.api().call(Method::POST, "/api/edits", &sent.authorship(), Some(body)).await {
        Ok(created) => {
            let id = created["rows"].as_array().into_iter().flatten();
            let id = id.filter(|row| row["table"] == "flags").find_map(|row| row["id"].as_i64());
            let id = id.unwrap_or_default();
            Ok(visit.redirect(&format!("/flags/{id}?done=created&of={id}")))
        }
        Err(failure) => Err(again(with_fields(failure))),
    }
}

/// The changes, as a list in JSON, that create a flag, and its activation if the template has one.
fn creation(
    sent: &Sent,
    class: &str,
    visit: &Visit,
    config: impl FnOnce() -> Result<String, Vec<Problem>>,
) -> Result<String, Vec<Problem>> {
    let (name, description) = (sent.text("name"), sent.optional("description"));
    let mut flag = Map::new();
    flag.insert("name".to_owned(), name.into());
    flag.insert("status".to_owned(), sent.is_checked("on").into());
    flag.insert("description".to_owned(), description.map_or(Value::Null, Value::from));
    if class.is_empty() {
        return Ok(json!([{"create_flag": flag}]).to_string());
    }
    let config = one_line(&config()?);
    // Ids are chosen here, since the flag refers to the activation; a duplicate is reported.
    let id = visit.snapshot.rows().and_then(|rows| rows.activations.last()).map_or(1, |last| last.id + 1);
    flag.insert("activations".to_owned(), json!([id]));
    let activation = format!(
        r#"{{"create_activation":{{"id":{id},"name":{},"class_name":{},"config":{config}}}}}"#,
        Value::from(name),
        Value::from(class)
    );
    Ok(format!("[{activation},{}]", json!({"create_flag": flag})))
}

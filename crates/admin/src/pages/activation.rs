//! Editing an activation.

use askama::Template;
use axum::{
    extract::Path,
    http::{Method, StatusCode},
    response::Response,
};
use novi::{
    activation::{ActivationType, Words},
    rows::{ActivationRow, FlagRow, Rows},
};
use serde_json::Value;

use crate::{
    api::{Failure, Problem},
    body::{ChosenCallers, Entered},
    forms::{
        draft::{CONFIG, Draft},
        draw::Around,
        json,
        types::Types,
    },
    pages::{
        effect::{effect, generated},
        flags::{Done, find as find_flag, find_activation},
        form::{Problems, object},
        members::linked_beside,
        merge::{self, Edited, Values},
        preview::Preview,
        suggest::suggestions,
        switch::affected,
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
    words::{Markup, words},
};

/// The longest config that the form shows, in bytes.
const LONGEST: usize = 256 * 1024;

#[derive(Template)]
#[template(path = "activation.html")]
struct ActivationPage {
    layout: Layout,
    id: i64,
    version: i64,
    name: String,
    class_name: String,
    config: Markup,
    suggestions: Markup,
    words: Markup,
    /// The flags that are linked to it.
    flags: Vec<(String, i64)>,
    members: usize,
    takes_members: bool,
    types: Vec<String>,
    preview: Markup,
    callers: ChosenCallers,
    /// The values that the form was drawn with.
    was: Values,
    problems: Problems,
    error: Option<String>,
    /// What the reader should know before saving.
    note: Option<String>,
    actor: String,
    reason: String,
}

impl ActivationPage {
    fn other_problems(&self) -> Vec<String> {
        self.problems.elsewhere(&["/name", "/class_name", "/config"])
    }
}

fn page(
    visit: &Visit,
    rows: &Rows,
    row: &ActivationRow,
    draft: &Draft,
    problems: Vec<Problem>,
) -> ActivationPage {
    let registry = visit.guest.site.flags().registry();
    let (types, phrased) = (Types::new(&registry), Words::new(&registry, rows));
    let around = Around { prefix: visit.prefix(), types: &types, phrased: &phrased };
    let flags = rows.links.iter().filter(|link| link.activation_id == Some(row.id));
    let flags = flags.filter_map(|link| link.flag_id);
    let layout = visit.layout("Edit an activation", Section::Flags);
    ActivationPage {
        was: values(&row.name, &row.class_name, row.config.as_deref().unwrap_or("null")),
        actor: layout.actor.clone(),
        reason: String::new(),
        layout,
        id: row.id,
        version: row.row_version,
        name: row.name.clone(),
        class_name: row.class_name.clone(),
        config: draft.draw(&around, &problems),
        suggestions: suggestions(rows),
        words: words(&phrased.activation(row).words),
        flags: flags.filter_map(|id| Some((find_flag(rows, id)?.name.clone(), id))).collect(),
        members: rows.members_of(row.id).len(),
        takes_members: registry.find(&row.class_name).is_some_and(ActivationType::takes_members),
        types: registry.iter().map(|kind| kind.class().to_owned()).collect(),
        preview: Markup::default(),
        callers: ChosenCallers::default(),
        problems: Problems(problems),
        error: None,
        note: None,
    }
}

pub(crate) async fn edit(Editor(visit): Editor, Path(id): Path<i64>) -> Page {
    let rows = visit.rows()?;
    let row = find_activation(rows, id)
        .ok_or_else(|| visit.not_found(&format!("activation {id} was not found")))?;
    if row.config.as_ref().is_some_and(|config| config.len() > LONGEST) {
        let message = format!(
            "the config of activation {id} has more than {} KiB: change it over the API or with SQL",
            LONGEST / 1024
        );
        return Err(visit.fail(&Failure::new(StatusCode::PAYLOAD_TOO_LARGE, message)));
    }
    let registry = visit.guest.site.flags().registry();
    let config = row.config.as_deref().unwrap_or_default();
    let draft = Draft::of(CONFIG, &Types::new(&registry), &row.class_name, config);
    Ok(visit.page(&page(&visit, rows, row, &draft, Vec::new())))
}

pub(crate) async fn update(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let rows = visit.rows()?;
    let row = find_activation(rows, id)
        .ok_or_else(|| visit.not_found(&format!("activation {id} was not found")))?;
    let picked = merge::picked(&sent);
    let get = |field: &str| match &picked {
        Some(values) => merge::get(values, field),
        None => sent.text(field),
    };
    let (name, class_name) = (get("name"), get("class_name"));
    let (version, was) = (sent.text("version").parse().unwrap_or(row.row_version), merge::was(&sent));
    let registry = visit.guest.site.flags().registry();
    let types = Types::new(&registry);
    let shown = |draft: &Draft, problems: Vec<Problem>| {
        let page = page(visit, rows, row, draft, problems);
        ActivationPage {
            version,
            name: name.to_owned(),
            class_name: class_name.to_owned(),
            callers: sent.chosen_callers(),
            was: if was.is_empty() { page.was } else { was.clone() },
            actor: sent.text("actor").to_owned(),
            reason: sent.text("reason").to_owned(),
            ..page
        }
    };
    let draft = match &picked {
        Some(values) => Draft::of(CONFIG, &types, class_name, &merge::config(values)),
        None => Draft::sent(CONFIG, sent.all(), class_name),
    };
    let is_retyped = draft.is_of_other_type(class_name) && registry.find(class_name).is_some();
    if let Some(action) = sent.optional("do").filter(|action| *action != "form" || !is_retyped) {
        let (draft, problems) = draft.step(&types, action, class_name);
        return Ok(visit.page(&shown(&draft, problems)));
    }
    let again = |draft: &Draft, failure: Failure| -> Response {
        let error = Some(failure.message).filter(|_| failure.problems.is_empty());
        visit.page_with(failure.status, &ActivationPage { error, ..shown(draft, failure.problems) })
    };
    if is_retyped {
        let (draft, left_out) = match draft.retyped(&types, class_name) {
            Ok(retyped) => retyped,
            Err(problems) => return Ok(visit.page(&shown(&draft, problems))),
        };
        let note = Some(retyped(class_name, &left_out));
        return Ok(visit.page(&ActivationPage { note, ..shown(&draft, Vec::new()) }));
    }
    let config = match draft.config(&types) {
        Ok(config) => json::stored(&config, row.config.as_deref().unwrap_or("null")),
        Err(problems) => {
            let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "the config has a problem");
            return Err(again(&draft, Failure { problems, ..failure }));
        }
    };
    if version != row.row_version
        && let Some(page) = merged(visit, &sent, row, &was, &values(name, class_name, &config))
    {
        return Err(page);
    }
    let version = if was.is_empty() { version } else { row.row_version };
    let fields = [
        ("name", Value::from(name).to_string()),
        ("class_name", Value::from(class_name).to_string()),
        ("config", config.clone()),
        ("version", version.to_string()),
    ];
    let before = visit.snapshot.revision().number();
    let (path, body) = (format!("/api/activations/{id}"), object(&fields));
    let is_same = (name, class_name, config.as_str())
        == (&*row.name, &*row.class_name, row.config.as_deref().unwrap_or("null"));
    if is_same && !sent.is_checked("preview") {
        return Ok(visit.redirect(
            &linked_flag(rows, id).map_or("/flags".to_owned(), |flag| format!("/flags/{}", flag.id)),
        ));
    }
    if sent.is_checked("preview") {
        let path = format!("{path}?dry_run=true");
        let planned = visit.api().call(Method::PATCH, &path, &[], Some(body)).await;
        let planned = planned.map_err(|failure| again(&draft, failure))?;
        let problems = serde_json::from_value(planned["problems"].clone()).unwrap_or_default();
        let changed =
            ActivationRow { config: Some(config.clone()), ..ActivationRow::new(id, name, class_name, "") };
        let written = object(&fields[..3]);
        let preview = preview(visit, rows, (row, &changed), &written, &planned, sent.callers()).await;
        return Ok(visit.page(&ActivationPage { preview: preview.markup(), ..shown(&draft, problems) }));
    }
    match visit.api().call(Method::PATCH, &path, &sent.authorship(), Some(body)).await {
        Ok(response) => Ok(saved(visit, rows, id, before, &response)),
        Err(failure) => Err(again(&draft, failure)),
    }
}

/// What is said after the type was changed.
fn retyped(class: &str, left_out: &[String]) -> String {
    let text = format!("Nothing is saved yet: these are the settings of {class}.");
    match left_out {
        [] => text,
        names => format!("{text} It has no {}, which is left out.", names.join(", ")),
    }
}

/// What a change of an activation would do. `written` has its new fields, and `planned` what the API says of it.
async fn preview(
    visit: &Visit,
    rows: &Rows,
    (before, after): (&ActivationRow, &ActivationRow),
    written: &str,
    planned: &Value,
    callers: Entered<'_>,
) -> Preview {
    let registry = visit.guest.site.flags().registry();
    let update = object(&[("row", before.id.to_string()), ("set", written.to_owned())]);
    let edit = format!("[{}]", object(&[("update_activation", update)]));
    let configs = [before, after].map(|row| row.config.as_deref().unwrap_or_default());
    let made_up = generated(rows, &linked_beside(rows, before.id), &configs);
    let phrased = Words::new(&registry, rows);
    Preview {
        words: Some([before, after].map(|row| words(&phrased.activation(row).words)).into()),
        affected: affected(planned, ""),
        effect: effect(visit.api(), &edit, callers, made_up).await,
        ..Preview::default()
    }
}

/// The fields of an activation.
fn values(name: &str, class_name: &str, config: &str) -> Values {
    [("name", name), ("class_name", class_name), ("config", config)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The page on which both sides are merged, if others have changed a field. Configs are merged by their members.
fn merged(visit: &Visit, sent: &Sent, row: &ActivationRow, was: &Values, mine: &Values) -> Option<Response> {
    let theirs = values(&row.name, &row.class_name, row.config.as_deref().unwrap_or("null"));
    let mut sides = [was.clone(), theirs, mine.clone()];
    if was.is_empty() {
        return None;
    }
    // The form of a merge has the members already.
    let configs = sides.each_ref().map(merge::config);
    let members = merge::by_member(configs.each_ref().map(String::as_str));
    for (side, members) in sides.iter_mut().zip(members) {
        side.retain(|(name, _)| name != "config" && !name.starts_with("config/"));
        side.extend(members);
    }
    let action = format!("/activations/{}/edit", row.id);
    let edited = Edited { what: &row.name, action: &action, back: &action, version: row.row_version };
    let [base, theirs, mine] = &sides;
    merge::page(visit, sent, &edited, (base, theirs, mine))
}

/// A flag that is linked to an activation.
fn linked_flag(rows: &Rows, activation: i64) -> Option<&FlagRow> {
    let link = rows.links.iter().find(|link| link.activation_id == Some(activation))?;
    find_flag(rows, link.flag_id?)
}

/// The page of a flag that is linked to the activation, where the change can be undone.
fn saved(visit: &Visit, rows: &Rows, id: i64, before: i64, response: &Value) -> Response {
    match linked_flag(rows, id) {
        Some(flag) => {
            let done = Done::query("saved", flag.id, before, response);
            visit.redirect(&format!("/flags/{}?{done}", flag.id))
        }
        None => visit.redirect("/flags"),
    }
}

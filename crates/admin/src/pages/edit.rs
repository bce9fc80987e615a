//! Editing a flag.

use askama::Template;
use axum::{
    extract::Path,
    http::{Method, StatusCode},
    response::Response,
};
use novi::{
    activation::Words,
    rows::{FlagRow, Rows},
};
use serde_json::{Value, json};

use crate::{
    api::{Failure, Problem},
    body::ChosenCallers,
    forms::{
        draft::{Draft, VARIANTS},
        draw::Around,
        json as text,
        types::{self, Types},
    },
    pages::{
        effect::{effect, generated},
        flag::{Names, dependents},
        flags::{Done, find},
        form::{Problems, object},
        merge::{self, Edited, Values},
        preview::Preview,
        switch::affected,
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
    words::Markup,
};

/// The fields, as forms and the API name them.
const NAMES: [&str; 12] = [
    "name",
    "description",
    "owner",
    "tags",
    "expires_at",
    "value_type",
    "variants",
    "default_variant",
    "off_variant",
    "fail_mode",
    "exposed",
    "override_allowed",
];

/// The fields of a flag as texts, in the order of the names. One that is on is `1`.
#[derive(Clone, Debug, PartialEq)]
struct Fields(Values);

impl Fields {
    fn of(row: &FlagRow) -> Self {
        let metadata = &row.metadata;
        let check = |on: bool| if on { "1" } else { "" }.to_owned();
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let value = |name: &str| match name {
            "name" => row.name.clone(),
            "description" => text(&metadata.description),
            "owner" => text(&metadata.owner),
            "tags" => metadata.tags.join(", "),
            "expires_at" => metadata.expires_at.map(|at| at.to_rfc3339()).unwrap_or_default(),
            "value_type" => metadata.value_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
            "variants" => text(&metadata.variants),
            "default_variant" => text(&metadata.default_variant),
            "off_variant" => text(&metadata.off_variant),
            "fail_mode" => metadata.fail_mode.as_str().to_owned(),
            "exposed" => check(metadata.exposed),
            _ => check(metadata.override_allowed),
        };
        Self(NAMES.map(|name| (name.to_owned(), value(name))).into())
    }

    /// What was typed. Variants are read by their draft.
    fn sent(get: impl Fn(&str) -> String, variants: &str) -> Self {
        let value = |name: &str| if name == "variants" { variants.to_owned() } else { get(name) };
        Self(NAMES.map(|name| (name.to_owned(), value(name))).into())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn is_on(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// The fields for the API that differ from the row, as JSON text: numbers keep all their digits.
    fn changed(&self, before: &Self) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        for name in NAMES.into_iter().filter(|name| self.get(name) != before.get(name)) {
            let value = self.get(name);
            let json = match name {
                "tags" => {
                    json!(value.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect::<Vec<_>>())
                }
                "exposed" | "override_allowed" => self.is_on(name).into(),
                "name" | "fail_mode" => value.into(),
                _ if value.is_empty() => Value::Null,
                "variants" => {
                    fields.push((name, value.to_owned()));
                    continue;
                }
                _ => value.into(),
            };
            fields.push((name, json.to_string()));
        }
        fields
    }
}

#[derive(Template)]
#[template(path = "edit.html")]
struct EditPage {
    layout: Layout,
    id: i64,
    version: i64,
    /// The name that is saved.
    name: String,
    fields: Fields,
    variants: Markup,
    /// The names of variants that have values.
    names: Vec<String>,
    dependents: Names,
    was: Values,
    preview: Markup,
    callers: ChosenCallers,
    problems: Problems,
    error: Option<String>,
    actor: String,
    reason: String,
}

impl EditPage {
    fn other_problems(&self) -> Vec<String> {
        self.problems.elsewhere(&NAMES.map(|name| format!("/{name}")).each_ref().map(String::as_str))
    }
}

/// What stands for the type of the values of variants.
fn class_of(value_type: &str) -> &'static str {
    if value_type == "string" { types::TEXT_VARIANTS } else { types::VARIANTS }
}

fn page(
    visit: &Visit,
    rows: &Rows,
    row: &FlagRow,
    fields: Fields,
    draft: &Draft,
    problems: Vec<Problem>,
) -> EditPage {
    let registry = visit.guest.site.flags().registry();
    let (types, phrased) = (Types::new(&registry), Words::new(&registry, rows));
    let around = Around { prefix: visit.prefix(), types: &types, phrased: &phrased };
    let variants = row.metadata.variants.as_deref().and_then(text::members).unwrap_or_default();
    let layout = visit.layout("Edit", Section::Flags);
    EditPage {
        id: row.id,
        version: row.metadata.row_version,
        name: row.name.clone(),
        variants: draft.draw(&around, &problems),
        names: variants.into_iter().map(|(name, _)| name).collect(),
        dependents: Names::of(dependents(visit, rows, row)),
        was: Fields::of(row).0,
        preview: Markup::default(),
        callers: ChosenCallers::default(),
        problems: Problems(problems),
        error: None,
        actor: layout.actor.clone(),
        reason: String::new(),
        layout,
        fields,
    }
}

pub(crate) async fn edit(Editor(visit): Editor, Path(id): Path<i64>) -> Page {
    let rows = visit.rows()?;
    let row = find(rows, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    let registry = visit.guest.site.flags().registry();
    let (types, fields) = (Types::new(&registry), Fields::of(row));
    let draft = Draft::of(VARIANTS, &types, class_of(fields.get("value_type")), fields.get("variants"));
    Ok(visit.page(&page(&visit, rows, row, fields, &draft, Vec::new())))
}

pub(crate) async fn update(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let rows = visit.rows()?;
    let row = find(rows, id).ok_or_else(|| visit.not_found(&format!("flag {id} was not found")))?;
    let (current, before) = (Fields::of(row), visit.snapshot.revision().number());
    let registry = visit.guest.site.flags().registry();
    let types = Types::new(&registry);
    let picked = merge::picked(&sent);
    let get = |name: &str| match &picked {
        Some(values) => {
            values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value).to_owned()
        }
        None => sent.text(name).to_owned(),
    };
    let class = class_of(&get("value_type"));
    let draft = match &picked {
        Some(_) => Draft::of(VARIANTS, &types, class, &get("variants")),
        None => Draft::sent(VARIANTS, sent.all(), class),
    };
    let version = sent.text("version").parse().unwrap_or(row.metadata.row_version);
    let was = merge::was(&sent);
    let shown = |fields: Fields, draft: &Draft, problems: Vec<Problem>| {
        let page = page(visit, rows, row, fields, draft, problems);
        EditPage {
            version,
            was: if was.is_empty() { page.was } else { was.clone() },
            callers: sent.chosen_callers(),
            actor: sent.text("actor").to_owned(),
            reason: sent.text("reason").to_owned(),
            ..page
        }
    };
    if let Some(action) = sent.optional("do") {
        let (draft, problems) = draft.step(&types, action, class);
        return Ok(visit.page(&shown(Fields::sent(get, ""), &draft, problems)));
    }
    let again = |fields: Fields, failure: Failure| -> Response {
        let error = Some(failure.message).filter(|_| failure.problems.is_empty());
        visit.page_with(failure.status, &EditPage { error, ..shown(fields, &draft, failure.problems) })
    };
    let variants = match draft.config(&types) {
        Ok(variants) if variants == "null" => String::new(),
        Ok(variants) => text::stored(&variants, current.get("variants")),
        Err(problems) => {
            let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "the form has a problem");
            return Err(again(Fields::sent(get, ""), Failure { problems, ..failure }));
        }
    };
    let fields = Fields::sent(get, &variants);
    if version != row.metadata.row_version {
        let (action, back) = (format!("/flags/{id}/edit"), format!("/flags/{id}"));
        let edited =
            Edited { what: &row.name, action: &action, back: &back, version: row.metadata.row_version };
        if let Some(page) = merge::page(visit, &sent, &edited, (&was, &current.0, &fields.0)) {
            return Err(page);
        }
    }
    let mut changed = fields.changed(&current);
    if changed.is_empty() && !sent.is_checked("preview") {
        return Ok(visit.redirect(&format!("/flags/{id}")));
    }
    let new = object(&changed);
    // Another change than of these fields, such as of the status, is no conflict.
    let version = if was.is_empty() { version } else { row.metadata.row_version };
    changed.push(("version", version.to_string()));
    let (path, body) = (format!("/api/flags/{id}"), object(&changed));
    if sent.is_checked("preview") {
        let planned = visit.api().call(Method::PATCH, &format!("{path}?dry_run=true"), &[], Some(body)).await;
        let planned = planned.map_err(|failure| again(fields.clone(), failure))?;
        let problems = serde_json::from_value(planned["problems"].clone()).unwrap_or_default();
        let edit = object(&[("update_flag", object(&[("row", id.to_string()), ("set", new)]))]);
        let linked = rows.links.iter().filter(|link| link.flag_id == Some(id));
        let linked: Vec<_> = linked.filter_map(|link| link.activation_id).collect();
        let callers = generated(rows, &linked, &[]);
        let effect = effect(visit.api(), &format!("[{edit}]"), sent.callers(), callers).await;
        let preview = Preview { affected: affected(&planned, ""), effect, ..Preview::default() };
        return Ok(visit.page(&EditPage { preview: preview.markup(), ..shown(fields, &draft, problems) }));
    }
    match visit.api().call(Method::PATCH, &path, &sent.authorship(), Some(body)).await {
        Ok(saved) => Ok(visit.redirect(&format!("/flags/{id}?{}", Done::query("saved", id, before, &saved)))),
        Err(failure) => Err(again(fields, failure)),
    }
}

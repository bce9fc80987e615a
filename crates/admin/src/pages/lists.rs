//! Issues, findings, stale flags and activation types.

use askama::Template;
use axum::extract::{Path, Query};
use novi::activation::{ActivationType, Words};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    api::with_query,
    evaluations::why,
    pages::{flag::id_of, flags::text_of},
    visit::{Layout, Page, Section, Visit},
    words::{Markup, markdown, time_of},
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    cursor: String,
    days: String,
}

impl Place {
    /// A path of the API with this place in its list.
    fn of(&self, path: &str) -> String {
        with_query(path, &[("limit", "100"), ("cursor", &self.cursor), ("days", &self.days)])
    }
}

/// The address of the next page of a list.
fn next_of(page: &Value) -> Option<String> {
    page["next"].as_str().map(|cursor| with_query("", &[("cursor", cursor)]))
}

#[derive(Template)]
#[template(path = "issues.html")]
struct IssuesPage {
    layout: Layout,
    issues: Vec<IssueLine>,
    next: Option<String>,
    /// Rows that are valid, and probably not meant so.
    findings: Vec<FindingLine>,
    /// How many are not shown.
    more: u64,
}

struct FindingLine {
    subject: String,
    message: String,
    link: String,
}

impl FindingLine {
    fn of(found: &Value) -> Self {
        let (table, id) = (text_of(found, "table"), found["id"].as_i64().unwrap_or_default());
        let link = if table == "flags" { format!("/flags/{id}") } else { format!("/activations/{id}/edit") };
        let subject = format!("{table}#{id} {}", text_of(found, "name"));
        Self { subject, message: text_of(found, "message"), link }
    }
}

struct IssueLine {
    warning: bool,
    subject: String,
    path: String,
    message: String,
    edit: Option<String>,
    flags: Vec<(String, Option<i64>)>,
}

pub(crate) async fn issues(visit: Visit, Query(place): Query<Place>) -> Page {
    let page = visit.api().get(&place.of("/api/issues")).await.map_err(|failure| visit.fail(&failure))?;
    let line = |issue: &Value| {
        let (table, id) = (text_of(issue, "table"), issue["id"].as_i64());
        let number = id.map(|id| format!("#{id}")).unwrap_or_default();
        let flags = issue["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).take(20);
        IssueLine {
            warning: issue["warning"].as_bool().unwrap_or_default(),
            subject: format!("{table}{number} {}", text_of(issue, "name")),
            path: text_of(issue, "path"),
            message: text_of(issue, "message"),
            edit: id.and_then(|id| match table.as_str() {
                "flags" | "flag_metadata" => Some(format!("/flags/{id}")),
                "activations" | "activation_members" => Some(format!("/activations/{id}/edit")),
                _ => None,
            }),
            flags: flags.map(|name| (name.to_owned(), id_of(&visit, name))).collect(),
        }
    };
    let issues = page["items"].as_array().into_iter().flatten().map(line).collect();
    let noticed = visit.api().get("/api/lint?limit=100").await.map_err(|failure| visit.fail(&failure))?;
    let findings: Vec<_> = noticed["items"].as_array().into_iter().flatten().map(FindingLine::of).collect();
    let total = noticed["total"].as_u64().unwrap_or_default();
    Ok(visit.page(&IssuesPage {
        layout: visit.layout("Issues", Section::Issues),
        issues,
        more: total.saturating_sub(findings.len().try_into().unwrap_or(u64::MAX)),
        findings,
        next: next_of(&page),
    }))
}

#[derive(Template)]
#[template(path = "stale.html")]
struct StalePage {
    layout: Layout,
    flags: Vec<StaleLine>,
    days: i64,
    since: Markup,
    has_since: bool,
    next: Option<String>,
}

struct StaleLine {
    id: Option<i64>,
    name: String,
    why: &'static str,
    since: Markup,
    owner: String,
}

pub(crate) async fn stale(visit: Visit, Query(place): Query<Place>) -> Page {
    let page = visit.api().get(&place.of("/api/stale")).await.map_err(|failure| visit.fail(&failure))?;
    let line = |flag: &Value| {
        let name = text_of(flag, "flag");
        let id = id_of(&visit, &name);
        StaleLine { id, why: why(flag), since: time_of(&flag["since"]), owner: text_of(flag, "owner"), name }
    };
    Ok(visit.page(&StalePage {
        layout: visit.layout("Stale flags", Section::Stale),
        flags: page["items"].as_array().into_iter().flatten().map(line).collect(),
        days: page["days"].as_i64().unwrap_or_default(),
        since: time_of(&page["recorded_since"]),
        has_since: page["recorded_since"].is_string(),
        next: next_of(&page),
    }))
}

#[derive(Template)]
#[template(path = "types.html")]
struct TypesPage<'a> {
    layout: Layout,
    types: Vec<&'a ActivationType>,
}

pub(crate) async fn types(visit: Visit) -> Page {
    let registry = visit.guest.site.flags().registry();
    let types = registry.iter().collect();
    Ok(visit.page(&TypesPage { layout: visit.layout("Types", Section::Types), types }))
}

#[derive(Template)]
#[template(path = "type.html")]
struct TypePage<'a> {
    layout: Layout,
    kind: &'a ActivationType,
    fields: Vec<FieldLine>,
    docs: Vec<Markup>,
    example: Option<String>,
    schema: String,
    uses: Vec<(i64, String, Markup)>,
    more: usize,
}

struct FieldLine {
    name: String,
    required: bool,
    about: Markup,
}

pub(crate) async fn one_type(visit: Visit, Path(class): Path<String>) -> Page {
    const MOST_USES: usize = 20;
    let registry = visit.guest.site.flags().registry();
    let missing = || visit.not_found(&format!("there is no activation type {class:?}"));
    let kind = registry.find(&class).ok_or_else(missing)?;
    let rows = visit.rows()?;
    let schema = Value::from(kind.schema());
    let words = Words::new(&registry, rows);
    let mut of_type = rows
        .activations
        .iter()
        .filter(|row| registry.find(&row.class_name).is_some_and(|other| other.class() == kind.class()));
    let uses = of_type.by_ref().take(MOST_USES);
    let uses: Vec<_> = uses
        .map(|row| (row.id, row.name.clone(), crate::words::words(&words.activation(row).words)))
        .collect();
    let (docs, example) = docs(&schema);
    Ok(visit.page(&TypePage {
        layout: visit.layout(kind.class(), Section::Types),
        fields: fields(&schema),
        docs,
        example,
        schema: serde_json::to_string_pretty(&schema).unwrap_or_default(),
        uses,
        more: of_type.count(),
        kind,
    }))
}

/// The fields of a config.
fn fields(schema: &Value) -> Vec<FieldLine> {
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
    };
    let field = |(name, field): (&String, &Value)| FieldLine {
        name: name.clone(),
        required: required(name),
        about: markdown(&text_of(field, "description")),
    };
    schema["properties"].as_object().into_iter().flatten().map(field).collect()
}

/// The paragraphs of the docs, and the example in them.
fn docs(schema: &Value) -> (Vec<Markup>, Option<String>) {
    let text = text_of(schema, "description");
    let (before, rest) = text.split_once("```sql\n").unwrap_or((&text, ""));
    let (example, after) = rest.split_once("```").unwrap_or(("", rest));
    let paragraphs = before.split("\n\n").chain(after.split("\n\n")).map(str::trim);
    let example = Some(example.trim().to_owned()).filter(|example| !example.is_empty());
    (paragraphs.filter(|text| !text.is_empty() && !text.starts_with('|')).map(markdown).collect(), example)
}

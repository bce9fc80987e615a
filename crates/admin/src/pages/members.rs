//! The members of an activation, in the table `activation_members`.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::{Method, StatusCode},
    response::Response,
};
use novi::rows::{ActivationRow, Rows};
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{Failure, with_query},
    pages::{
        flags::{find as find_flag, find_activation, text_of},
        form::Problems,
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
};

/// Members on one page.
const PER_PAGE: &str = "100";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    prefix: String,
    cursor: String,
    done: String,
}

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    layout: Layout,
    id: i64,
    version: i64,
    name: String,
    /// The flags that are linked to the activation.
    flags: Vec<(String, i64)>,
    prefix: String,
    total: u64,
    members: Vec<(String, bool)>,
    next: Option<String>,
    /// Members that were typed and are not saved.
    typed: String,
    denied: bool,
    done: bool,
    problems: Problems,
    error: Option<String>,
}

async fn page(
    visit: &Visit,
    rows: &Rows,
    row: &ActivationRow,
    search: &Search,
) -> Result<MembersPage, Response> {
    let prefix = search.prefix.trim();
    let fields = [("limit", PER_PAGE), ("prefix", prefix), ("cursor", &search.cursor)];
    let path = with_query(&format!("/api/activations/{}/members", row.id), &fields);
    let found = visit.api().get(&path).await.map_err(|failure| visit.fail(&failure))?;
    let members = found["items"].as_array().into_iter().flatten();
    let members = members.map(|item| (text_of(item, "member"), item["denied"].as_bool().unwrap_or_default()));
    let flags = rows.links.iter().filter(|link| link.activation_id == Some(row.id));
    let flags = flags.filter_map(|link| find_flag(rows, link.flag_id?));
    let next = found["next"].as_str();
    Ok(MembersPage {
        layout: visit.layout("Members", Section::Flags),
        id: row.id,
        version: row.row_version,
        name: row.name.clone(),
        flags: flags.map(|flag| (flag.name.clone(), flag.id)).collect(),
        total: found["total"].as_u64().unwrap_or_default(),
        members: members.collect(),
        next: next.map(|cursor| with_query("", &[("prefix", prefix), ("cursor", cursor)])),
        prefix: prefix.to_owned(),
        typed: String::new(),
        denied: false,
        done: !search.done.is_empty(),
        problems: Problems(Vec::new()),
        error: None,
    })
}

pub(crate) async fn list(Editor(visit): Editor, Path(id): Path<i64>, Query(search): Query<Search>) -> Page {
    let rows = visit.rows()?;
    let row = find_activation(rows, id)
        .ok_or_else(|| visit.not_found(&format!("activation {id} was not found")))?;
    let page = page(&visit, rows, row, &search).await?;
    Ok(visit.page(&page))
}

/// Adds the members that were typed, one on each line, and removes those that were checked.
pub(crate) async fn change(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let rows = visit.rows()?;
    let row = find_activation(rows, id)
        .ok_or_else(|| visit.not_found(&format!("activation {id} was not found")))?;
    let denied = sent.text("denied") == "true";
    let added: Vec<&str> =
        sent.text("members").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let removed = sent.all().iter().filter(|(name, _)| name == "remove").map(|(_, member)| member);
    let body = json!({
        "members": added,
        "denied": denied,
        "remove": removed.collect::<Vec<_>>(),
        "version": sent.text("version").parse::<i64>().ok(),
    });
    let path = format!("/api/activations/{id}/members");
    match visit.api().call(Method::POST, &path, &sent.authorship(), Some(body.to_string())).await {
        Ok(_) => Ok(visit.redirect(&format!("/activations/{id}/members?done=saved"))),
        Err(failure) if failure.status == StatusCode::UNAUTHORIZED => Err(visit.fail(&failure)),
        Err(failure) => Err(again(visit, rows, row, &sent, failure).await?),
    }
}

async fn again(
    visit: &Visit,
    rows: &Rows,
    row: &ActivationRow,
    sent: &Sent,
    failure: Failure,
) -> Result<Response, Response> {
    let page = page(visit, rows, row, &Search::default()).await?;
    let error = Some(failure.message).filter(|_| failure.problems.is_empty());
    let page = MembersPage {
        typed: sent.text("members").to_owned(),
        denied: sent.text("denied") == "true",
        problems: Problems(failure.problems),
        error,
        ..page
    };
    Ok(visit.page_with(failure.status, &page))
}

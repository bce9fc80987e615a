//! The members of an activation, in the table `activation_members`.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::{Method, StatusCode},
    response::Response,
};
use novi::rows::{ActivationRow, Rows};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{Failure, Problem, with_query},
    body::{ChosenCallers, Entered},
    pages::{
        effect::{effect, generated, keyed},
        flags::{find as find_flag, find_activation, text_of},
        form::Problems,
        preview::Preview,
        switch::affected,
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
    words::Markup,
};

/// Members on one page.
const PER_PAGE: &str = "100";

/// The most members that a message names.
const MOST_NAMES: usize = 5;

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
    name: String,
    /// The flags that are linked to the activation.
    flags: Vec<(String, i64)>,
    prefix: String,
    cursor: String,
    total: u64,
    members: Vec<Listed>,
    next: Option<String>,
    /// Members that were typed and are not saved.
    typed: String,
    denied: bool,
    /// Typed members that are on the other side now, in words.
    moved: String,
    may_move: bool,
    done: bool,
    preview: Markup,
    callers: ChosenCallers,
    problems: Problems,
    error: Option<String>,
    actor: String,
    reason: String,
}

struct Listed {
    member: String,
    denied: bool,
    /// Whether it is to be removed.
    is_checked: bool,
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
    let members = found["items"].as_array().into_iter().flatten().map(|item| Listed {
        member: text_of(item, "member"),
        denied: item["denied"].as_bool().unwrap_or_default(),
        is_checked: false,
    });
    let flags = rows.links.iter().filter(|link| link.activation_id == Some(row.id));
    let flags = flags.filter_map(|link| find_flag(rows, link.flag_id?));
    let next = found["next"].as_str();
    let layout = visit.layout("Members", Section::Flags);
    Ok(MembersPage {
        actor: layout.actor.clone(),
        reason: String::new(),
        layout,
        id: row.id,
        name: row.name.clone(),
        flags: flags.map(|flag| (flag.name.clone(), flag.id)).collect(),
        total: found["total"].as_u64().unwrap_or_default(),
        members: members.collect(),
        next: next.map(|cursor| with_query("", &[("prefix", prefix), ("cursor", cursor)])),
        prefix: prefix.to_owned(),
        cursor: search.cursor.clone(),
        typed: String::new(),
        denied: false,
        moved: String::new(),
        may_move: false,
        done: !search.done.is_empty(),
        preview: Markup::default(),
        callers: ChosenCallers::default(),
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

/// Adds the members that were typed, one on each line, and removes those that were checked. It needs no version: what
/// others added or removed meanwhile stays.
pub(crate) async fn change(Path(id): Path<i64>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let rows = visit.rows()?;
    let row = find_activation(rows, id)
        .ok_or_else(|| visit.not_found(&format!("activation {id} was not found")))?;
    let change = Change::of(rows, row, &sent);
    if sent.is_checked("preview") {
        let page = match change.preview(visit, rows, row, sent.callers()).await {
            Ok((preview, problems)) => {
                let page = again(visit, rows, row, &sent, &change).await?;
                MembersPage { preview: preview.markup(), problems: Problems(problems), ..page }
            }
            Err(failure) => return Err(failed(visit, rows, row, &sent, &change, failure).await?),
        };
        return Ok(visit.page(&page));
    }
    if !change.moved.is_empty() && !sent.is_checked("move") {
        let message = format!("nothing is saved: {}", change.moved_words());
        let problem = Problem { pointer: "/members".to_owned(), message, ..Problem::default() };
        let failure = Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "the form has a problem");
        let failure = Failure { problems: vec![problem], ..failure };
        return Err(failed(visit, rows, row, &sent, &change, failure).await?);
    }
    let (path, body) = (format!("/api/activations/{id}/members"), change.body().to_string());
    match visit.api().call(Method::POST, &path, &sent.authorship(), Some(body)).await {
        Ok(_) => Ok(visit.redirect(&format!("/activations/{id}/members?done=saved"))),
        Err(failure) if failure.status == StatusCode::UNAUTHORIZED => Err(visit.fail(&failure)),
        Err(failure) => Err(failed(visit, rows, row, &sent, &change, failure).await?),
    }
}

/// What the form says.
struct Change {
    added: Vec<String>,
    denied: bool,
    removed: Vec<String>,
    /// Members to be added that are on the other side now: denied rather than allowed, or the reverse.
    moved: Vec<String>,
}

impl Change {
    fn of(rows: &Rows, row: &ActivationRow, sent: &Sent) -> Self {
        let lines = sent.text("members").lines().map(str::trim).filter(|line| !line.is_empty());
        let (added, denied): (Vec<String>, _) =
            (lines.map(str::to_owned).collect(), sent.text("denied") == "true");
        let removed = sent.all().iter().filter(|(name, _)| name == "remove");
        let removed: Vec<String> = removed.map(|(_, member)| member.clone()).collect();
        let moved = rows.members_of(row.id).iter().filter(|row| {
            row.denied != denied && added.contains(&row.member) && !removed.contains(&row.member)
        });
        Self { moved: moved.map(|row| row.member.clone()).collect(), added, denied, removed }
    }

    fn body(&self) -> Value {
        json!({"members": self.added, "denied": self.denied, "remove": self.removed})
    }

    /// Empty if there are none.
    fn moved_words(&self) -> String {
        if self.moved.is_empty() {
            return String::new();
        }
        let (now, then) = if self.denied { ("allowed", "denied") } else { ("denied", "allowed") };
        let (is_now, pronoun) = if self.moved.len() == 1 { ("is", "it") } else { ("are", "they") };
        let names: Vec<String> = self.moved.iter().take(MOST_NAMES).map(|name| format!("{name:?}")).collect();
        let more = self.moved.len().saturating_sub(MOST_NAMES);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more} {is_now} {now} now, and {pronoun} would be {then}", names.join(", "))
    }

    async fn preview(
        &self,
        visit: &Visit,
        rows: &Rows,
        row: &ActivationRow,
        callers: Entered<'_>,
    ) -> Result<(Preview, Vec<Problem>), Failure> {
        let path = format!("/api/activations/{}/members?dry_run=true", row.id);
        let planned = visit.api().call(Method::POST, &path, &[], Some(self.body().to_string())).await?;
        let mut edit = self.body();
        edit["activation"] = row.id.into();
        let edit = json!([{"change_members": edit}]).to_string();
        let keys: Vec<&str> = self.added.iter().chain(&self.removed).map(String::as_str).collect();
        let made_up = keyed(generated(rows, &linked_beside(rows, row.id), &[]), row, &keys);
        let effect = effect(visit.api(), &edit, callers, made_up).await;
        let problems = serde_json::from_value(planned["problems"].clone()).unwrap_or_default();
        let notes = Some(self.moved_words()).filter(|words| !words.is_empty()).into_iter().collect();
        let preview = Preview { notes, affected: affected(&planned, ""), effect, ..Preview::default() };
        Ok((preview, problems))
    }
}

/// The activations of all flags that are linked to this one.
pub(crate) fn linked_beside(rows: &Rows, activation: i64) -> Vec<i64> {
    let flags = rows.links.iter().filter(|link| link.activation_id == Some(activation));
    let flags: Vec<_> = flags.filter_map(|link| link.flag_id).collect();
    let linked = rows.links.iter().filter(|link| link.flag_id.is_some_and(|flag| flags.contains(&flag)));
    linked.filter_map(|link| link.activation_id).chain([activation]).collect()
}

/// The page with all that was typed and checked.
async fn again(
    visit: &Visit,
    rows: &Rows,
    row: &ActivationRow,
    sent: &Sent,
    change: &Change,
) -> Result<MembersPage, Response> {
    let search = Search {
        prefix: sent.text("prefix").to_owned(),
        cursor: sent.text("cursor").to_owned(),
        done: String::new(),
    };
    let mut page = page(visit, rows, row, &search).await?;
    for listed in &mut page.members {
        listed.is_checked = change.removed.contains(&listed.member);
    }
    // Others may have changed what the page lists.
    let missing = |member: &String| !page.members.iter().any(|listed| listed.member == *member);
    let missing: Vec<&String> = change.removed.iter().filter(|member| missing(member)).collect();
    let missing = rows.members_of(row.id).iter().filter(|row| missing.contains(&&row.member));
    let missing: Vec<Listed> = missing
        .map(|row| Listed { member: row.member.clone(), denied: row.denied, is_checked: true })
        .collect();
    page.members.splice(0..0, missing);
    Ok(MembersPage {
        typed: sent.text("members").to_owned(),
        denied: change.denied,
        moved: change.moved_words(),
        may_move: sent.is_checked("move"),
        callers: sent.chosen_callers(),
        actor: sent.text("actor").to_owned(),
        reason: sent.text("reason").to_owned(),
        ..page
    })
}

async fn failed(
    visit: &Visit,
    rows: &Rows,
    row: &ActivationRow,
    sent: &Sent,
    change: &Change,
    failure: Failure,
) -> Result<Response, Response> {
    let error = Some(failure.message).filter(|_| failure.problems.is_empty());
    let page = again(visit, rows, row, sent, change).await?;
    let page = MembersPage { problems: Problems(failure.problems), error, ..page };
    Ok(visit.page_with(failure.status, &page))
}

//! The list of flags.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use axum::{extract::Query, http::StatusCode, response::Response};
use chrono::Utc;
use novi::{
    activation::{Registry, Words},
    rows::{ActivationRow, FlagRow, Rows},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    api::with_query,
    charts::sparkline,
    evaluations::{Evaluations, of_flags, why},
    visit::{Guest, Layout, Page, Section, Visit},
    words::{Markup, bar, rule, shares, since, time},
};

/// Flags on one page.
const PER_PAGE: &str = "50";

/// The most owners and tags that are suggested.
const MOST_SUGGESTED: usize = 100;

/// The search and the filters, as they stand in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    pub(crate) q: String,
    pub(crate) status: String,
    pub(crate) owner: String,
    pub(crate) tag: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) broken: String,
    pub(crate) stale: String,
    pub(crate) sort: String,
    cursor: String,
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

impl Search {
    /// The status has the names that people see, and those of the API.
    fn normalized(mut self) -> Self {
        match self.status.to_ascii_lowercase().as_str() {
            "on" => "true".clone_into(&mut self.status),
            "off" => "false".clone_into(&mut self.status),
            _ => {}
        }
        self
    }

    /// The query for the API.
    fn for_api(&self) -> String {
        // A box that is not checked is no filter.
        let checked = |field: &str| if field.is_empty() { "" } else { "true" };
        with_query(
            "/api/flags",
            &[
                ("limit", PER_PAGE),
                ("sort", or(&self.sort, "name")),
                ("q", self.q.trim()),
                ("status", &self.status),
                ("owner", self.owner.trim()),
                ("tag", self.tag.trim()),
                ("class_name", &self.kind),
                ("broken", checked(&self.broken)),
                ("stale", checked(&self.stale)),
                ("cursor", &self.cursor),
            ],
        )
    }

    /// The query of the page after this one.
    fn next(&self, cursor: &str) -> String {
        with_query(
            "",
            &[
                ("q", &self.q),
                ("status", &self.status),
                ("owner", &self.owner),
                ("tag", &self.tag),
                ("type", &self.kind),
                ("broken", &self.broken),
                ("stale", &self.stale),
                ("sort", &self.sort),
                ("cursor", cursor),
            ],
        )
    }

    fn is_narrowed(&self) -> bool {
        [&self.q, &self.status, &self.owner, &self.tag, &self.kind, &self.broken, &self.stale]
            .iter()
            .any(|field| !field.is_empty())
    }

    fn is_first(&self) -> bool {
        self.cursor.is_empty()
    }
}

#[derive(Template)]
#[template(path = "flags.html")]
struct FlagsPage {
    layout: Layout,
    search: Search,
    flags: Vec<Line>,
    total: u64,
    next: Option<String>,
    owners: Vec<String>,
    tags: Vec<String>,
    types: Vec<String>,
    notice: Option<Notice>,
    /// Why the filters of the address are not used.
    error: Option<String>,
}

/// A flag in the list.
struct Line {
    id: i64,
    name: String,
    description: Option<String>,
    on: bool,
    overridden: bool,
    rule: Markup,
    bar: Markup,
    owner: Option<String>,
    tags: Vec<String>,
    expiry: Option<Markup>,
    expired: bool,
    issues: usize,
    /// The evaluations of the last 24 hours.
    spark: Markup,
    last_evaluated: Option<Markup>,
    /// Why it is stale, other than that it has expired.
    stale: Option<&'static str>,
}

/// What was done, with a way to undo it.
pub(crate) struct Notice {
    pub(crate) text: String,
    pub(crate) undo: Option<Undo>,
}

/// How a change can be undone, as long as nobody changes the flag again.
pub(crate) struct Undo {
    pub(crate) id: i64,
    /// The revision before the change, and a revision with it.
    pub(crate) before: i64,
    pub(crate) after: i64,
}

/// What was done, as the address says after a change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Done {
    #[serde(rename = "done")]
    what: String,
    #[serde(rename = "of")]
    flag: Option<i64>,
    before: Option<i64>,
    after: Option<i64>,
}

impl Done {
    /// The address with what was done, according to the response of the API.
    pub(crate) fn query(done: &str, id: i64, before: i64, response: &Value) -> String {
        let after = response["revision"].as_i64().unwrap_or(before);
        format!("done={done}&of={id}&before={before}&after={after}")
    }

    /// The notice, with the name of the flag as it is now.
    pub(crate) fn notice(&self, rows: &Rows) -> Option<Notice> {
        let flag = self.flag.and_then(|id| find(rows, id));
        let name = flag.map(|flag| flag.name.as_str()).unwrap_or_default();
        let text = match (&*self.what, flag) {
            ("on", Some(_)) => format!("Turned on {name}."),
            ("off", Some(_)) => format!("Turned off {name}."),
            ("saved", Some(_)) => format!("Saved {name}."),
            ("created", Some(_)) => format!("Created {name}."),
            ("undone", Some(_)) => format!("Undid the change of {name}."),
            ("deleted", _) => "Deleted the flag. Its history is kept.".to_owned(),
            ("start", _) => "Started.".to_owned(),
            ("stop", _) => "Stopped: all callers get the control.".to_owned(),
            ("decide", _) => "Decided.".to_owned(),
            ("rolled-back", _) => "Rolled back.".to_owned(),
            ("token-revoked", _) => "Revoked the token. Servers reject it within a second.".to_owned(),
            _ => return None,
        };
        let can_undo =
            matches!(&*self.what, "on" | "off" | "saved" | "start" | "stop" | "decide" | "rolled-back");
        let undo = match (self.flag, self.before, self.after) {
            (Some(id), Some(before), Some(after)) if can_undo => Some(Undo { id, before, after }),
            _ => None,
        };
        Some(Notice { text, undo })
    }
}

/// The activation with an id.
pub(crate) fn find_activation(rows: &Rows, id: i64) -> Option<&ActivationRow> {
    rows.activations
        .binary_search_by_key(&id, |row| row.id)
        .ok()
        .and_then(|place| rows.activations.get(place))
}

/// The flag with an id.
pub(crate) fn find(rows: &Rows, id: i64) -> Option<&FlagRow> {
    rows.flags.binary_search_by_key(&id, |row| row.id).ok().and_then(|place| rows.flags.get(place))
}

pub(crate) async fn home(guest: Guest) -> Response {
    guest.redirect("/flags")
}

pub(crate) async fn list(visit: Visit, Query(search): Query<Search>, Query(done): Query<Done>) -> Page {
    let mut search = search.normalized();
    let (found, error) = match visit.api().get(&search.for_api()).await {
        // Without a database, evaluations are not recorded, and no flag is known to be stale.
        Err(failure) if matches!(failure.status, StatusCode::BAD_REQUEST | StatusCode::NOT_IMPLEMENTED) => {
            search = Search::default();
            (visit.api().get(&search.for_api()).await, Some(failure.to_string()))
        }
        found => (found, None),
    };
    let found = found.map_err(|failure| visit.fail(&failure))?;
    let rows = visit.rows()?;
    let registry = visit.guest.site.flags().registry();
    let issues = issues_by_flag(&visit);
    let ids = found["items"].as_array().into_iter().flatten().filter_map(|flag| flag["id"].as_i64());
    let ids: Vec<i64> = ids.collect();
    // Only those of the flags on this page.
    let evaluations = of_flags(&visit, &ids).await;
    let line = |id: &i64| {
        let line = line(&visit, rows, &registry, find(rows, *id)?, &issues);
        Some(match evaluations.get(id) {
            Some(found) => line.with_evaluations(found),
            None => line,
        })
    };
    let flags = ids.iter().filter_map(line).collect();
    let next = found["next"].as_str().map(|cursor| search.next(cursor));
    let (owners, tags) = suggestions(rows);
    Ok(visit.page(&FlagsPage {
        layout: visit.layout("Flags", Section::Flags),
        flags,
        total: found["total"].as_u64().unwrap_or_default(),
        next,
        owners,
        tags,
        types: registry.iter().map(|kind| kind.class().to_owned()).collect(),
        notice: done.notice(rows),
        error,
        search,
    }))
}

/// How many issues break each flag.
pub(crate) fn issues_by_flag(visit: &Visit) -> HashMap<&str, usize> {
    let mut issues = HashMap::new();
    for issue in visit.snapshot.issues().iter().filter(|issue| !issue.warning) {
        for flag in &issue.flags {
            *issues.entry(flag.as_str()).or_default() += 1;
        }
    }
    issues
}

fn line(
    visit: &Visit,
    rows: &Rows,
    registry: &Registry,
    row: &FlagRow,
    issues: &HashMap<&str, usize>,
) -> Line {
    let phrased = Words::new(registry, rows);
    let metadata = &row.metadata;
    let (sentence, activations) = phrased.flag(row.id);
    let broken = issues.get(row.name.as_str()).copied().unwrap_or_default();
    Line {
        id: row.id,
        name: row.name.clone(),
        description: metadata.description.clone(),
        on: row.status,
        overridden: visit.snapshot.is_overridden(&row.name),
        rule: rule(row, broken > 0, &short(&sentence)),
        // The shares of an invalid row are not those of callers.
        bar: if broken > 0 { Markup::default() } else { bar(shares(&activations)) },
        owner: metadata.owner.clone(),
        tags: metadata.tags.clone(),
        expiry: metadata.expires_at.map(time),
        expired: metadata.expires_at.is_some_and(|at| at <= Utc::now()),
        issues: broken,
        spark: Markup::default(),
        last_evaluated: None,
        stale: None,
    }
}

impl Line {
    fn with_evaluations(mut self, found: &Evaluations) -> Self {
        self.spark = sparkline(found);
        self.last_evaluated = found.last_evaluated.map(since);
        // That it has expired is shown already.
        let stale = found.stale.iter().find(|stale| stale["why"] != "expired");
        self.stale = stale.map(why);
        self
    }
}

/// A rule that is short enough for a list.
fn short(rule: &str) -> String {
    const LONGEST: usize = 220;
    match rule.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", rule.get(..end).unwrap_or_default()),
        None => rule.to_owned(),
    }
}

/// The most frequent owners and tags, by name.
fn suggestions(rows: &Rows) -> (Vec<String>, Vec<String>) {
    let (mut owners, mut tags): (BTreeMap<&str, usize>, BTreeMap<&str, usize>) = Default::default();
    for flag in &rows.flags {
        if let Some(owner) = &flag.metadata.owner {
            *owners.entry(owner).or_default() += 1;
        }
        for tag in &flag.metadata.tags {
            *tags.entry(tag).or_default() += 1;
        }
    }
    (most_frequent(owners), most_frequent(tags))
}

fn most_frequent(counts: BTreeMap<&str, usize>) -> Vec<String> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(MOST_SUGGESTED);
    let mut names: Vec<String> = counts.into_iter().map(|(name, _)| name.to_owned()).collect();
    names.sort_unstable();
    names
}

/// The field of a JSON object as text; empty if it is missing or null.
pub(crate) fn text_of(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

//! The history of all rows, and rolling back.

use std::collections::{BTreeSet, HashMap};

use askama::Template;
use axum::{
    extract::Query,
    http::{Method, StatusCode},
    response::Response,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use novi::{
    activation::Words,
    rows::{ActivationRow, FlagRow, Rows},
    store::FieldChange,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::with_query,
    body::{ChosenCallers, Entered},
    pages::{
        effect::{effect, generated},
        flags::{Done, Notice, find, find_activation, text_of},
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
    words::{Markup, plain, text, time_of, words as markup},
};

/// The longest value that is shown.
const LONGEST: usize = 400;

/// The rule of a flag without conditions.
const EVERYBODY: &str = "on for every caller";

/// The most differences of a rollback that are shown.
const MOST_DIFFERENCES: usize = 200;

/// A revision, and what changed in it.
pub(crate) struct Change {
    pub(crate) revision: i64,
    pub(crate) before: i64,
    pub(crate) at: Markup,
    pub(crate) actor: String,
    pub(crate) reason: String,
    pub(crate) rows: Vec<Row>,
    /// The flag that all rows belong to, if it is one: only that is rolled back.
    pub(crate) flag: String,
}

/// A row that changed.
pub(crate) struct Row {
    pub(crate) operation: String,
    pub(crate) subject: String,
    pub(crate) link: Option<String>,
    pub(crate) fields: Vec<Field>,
    /// The name of the only flag that the row belongs to.
    flag: Option<String>,
    is_metadata: bool,
    is_new: bool,
}

/// A field that changed.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) before: Markup,
    pub(crate) after: Markup,
}

/// The changes of a page of the history, by revision.
pub(crate) fn changes(page: &Value, visit: &Visit, words: &Words<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let deleted = activation_names(page);
    for item in page["items"].as_array().into_iter().flatten() {
        let revision = item["revision"].as_i64().unwrap_or_default();
        let row = row(item, visit, words, &deleted);
        let (actor, reason) = (text_of(item, "actor"), text_of(item, "reason"));
        // Some databases count each row of a transaction as a revision: a new flag is one change all the same.
        let continues = |last: &Change| {
            let is_same =
                |other: &Row| other.is_new && row.is_new && row.flag.is_some() && other.flag == row.flag;
            last.before == revision
                && (&last.actor, &last.reason) == (&actor, &reason)
                && last.rows.iter().all(is_same)
        };
        match changes.last_mut() {
            Some(last) if last.before + 1 == revision => last.rows.push(row),
            Some(last) if continues(last) => {
                last.before = revision - 1;
                last.rows.push(row);
            }
            _ => changes.push(Change {
                revision,
                before: revision - 1,
                at: time_of(&item["changed_at"]),
                actor,
                reason,
                rows: vec![row],
                flag: String::new(),
            }),
        }
    }
    for change in &mut changes {
        let first = change.rows.first().and_then(|row| row.flag.clone());
        let is_same = change.rows.iter().all(|row| row.flag == first);
        change.flag = first.filter(|_| is_same).unwrap_or_default();
        // A flag comes and goes with its metadata.
        let is_whole = |row: &Row| matches!(&*row.operation, "Created flag" | "Deleted flag");
        let whole: Vec<_> =
            change.rows.iter().filter(|row| is_whole(row)).map(|row| row.flag.clone()).collect();
        change.rows.retain(|row| !row.is_metadata || !row.fields.is_empty() || !whole.contains(&row.flag));
    }
    changes
}

/// The names of the activations that were changed on a page of the history: those that no longer exist have no other.
fn activation_names(page: &Value) -> HashMap<i64, String> {
    let items = page["items"].as_array().into_iter().flatten();
    let activations = items.filter(|item| item["entity"] == "activations");
    let rows = activations.flat_map(|item| [&item["before"], &item["after"]]);
    // The newest come first.
    rows.rev().filter_map(|row| Some((row["id"].as_i64()?, text_of(row, "name")))).collect()
}

/// The flag that is linked to an activation, if it is only one.
fn only_flag(rows: &Rows, activation: i64) -> Option<&FlagRow> {
    let mut flags = rows.links.iter().filter(|link| link.activation_id == Some(activation));
    let first = flags.next()?.flag_id?;
    flags.next().is_none().then(|| find(rows, first)).flatten()
}

/// What happened to a row, in words.
fn row(item: &Value, visit: &Visit, words: &Words<'_>, deleted: &HashMap<i64, String>) -> Row {
    let (entity, operation) = (text_of(item, "entity"), text_of(item, "operation"));
    let (before, after) = (&item["before"], &item["after"]);
    let row = if after.is_null() { before } else { after };
    let done = done(&entity, &operation, (status(before), status(after)));
    let flag = match entity.as_str() {
        "flags" => row["id"].as_i64(),
        "flag_metadata" | "flags_activations" => row["flag_id"].as_i64(),
        _ => None,
    };
    let rows = visit.snapshot.rows();
    let known = flag.and_then(|id| find(rows?, id));
    let activation = match entity.as_str() {
        "activations" => row["id"].as_i64(),
        "activation_members" => row["activation_id"].as_i64(),
        _ => None,
    };
    let owner = known.or_else(|| only_flag(rows?, activation?)).map(|flag| flag.name.clone());
    // A deleted flag is rolled back by its name.
    let owner = owner.or_else(|| (entity == "flags").then(|| text_of(row, "name")));
    let name_of = |id: i64| match rows.and_then(|rows| find_activation(rows, id)) {
        Some(activation) => activation.name.clone(),
        None => deleted.get(&id).cloned().unwrap_or_else(|| format!("activation {id}, now deleted")),
    };
    let subject = match (entity.as_str(), known, activation) {
        ("flag_metadata" | "flags_activations", Some(flag), _) => flag.name.clone(),
        ("flags" | "activations", ..) => text_of(row, "name"),
        ("activation_members", _, Some(id)) => name_of(id),
        _ => text_of(item, "subject"),
    };
    let mut fields = if operation == "update" { fields(item) } else { Vec::new() };
    if entity == "activations" && operation == "update" {
        fields.insert(0, in_words(words, before, after));
    }
    if matches!(done, "Turned on" | "Turned off") {
        fields.retain(|field| field.name != "status");
    }
    let link = known.map(|flag| format!("{}/flags/{}", visit.prefix(), flag.id));
    let linked = row["activation_id"].as_i64().filter(|_| entity == "flags_activations");
    let linked = linked.map(name_of);
    let is_new = operation == "insert" || entity == "flag_metadata" && is_first(item);
    let operation = match linked {
        None if entity == "activation_members" => member(row, &operation),
        Some(name) if operation == "delete" => format!("Unlinked “{name}” from"),
        Some(name) => format!("Linked “{name}” to"),
        None => done.to_owned(),
    };
    Row { operation, subject, link, fields, flag: owner, is_metadata: entity == "flag_metadata", is_new }
}

/// Whether a change of metadata belongs to the creation of the flag: a new flag gets its row first.
fn is_first(item: &Value) -> bool {
    let time = |value: &Value| {
        let text = value.as_str()?;
        let plain = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok();
        DateTime::parse_from_rfc3339(text).map(|time| time.naive_utc()).ok().or_else(plain)
    };
    let (created, changed) = (time(&item["before"]["created_at"]), time(&item["changed_at"]));
    created.zip(changed).is_some_and(|(created, changed)| (changed - created).num_milliseconds().abs() < 500)
}

/// What was done to a member of an activation.
fn member(row: &Value, operation: &str) -> String {
    let (name, denied) = (text_of(row, "member"), boolean(row, "denied").unwrap_or_default());
    let denied = if denied { "denied " } else { "" };
    match operation {
        "insert" => format!("Added {denied}member “{name}” to"),
        "delete" => format!("Removed {denied}member “{name}” from"),
        _ => format!("Changed {denied}member “{name}” of"),
    }
}

/// What was done to a row of a table.
fn done(entity: &str, operation: &str, status: (Option<bool>, Option<bool>)) -> &'static str {
    match (entity, operation) {
        ("flags", "insert") => "Created flag",
        ("flags", "delete") => "Deleted flag",
        ("flags", _) => match status {
            (Some(false), Some(true)) => "Turned on",
            (Some(true), Some(false)) => "Turned off",
            _ => "Renamed flag",
        },
        ("flag_metadata", "delete") => "Deleted metadata of",
        ("flag_metadata", _) => "Metadata of",
        ("activations", "insert") => "Created activation",
        ("activations", "delete") => "Deleted activation",
        _ => "Changed activation",
    }
}

/// The status in a row of `flags`.
fn status(row: &Value) -> Option<bool> {
    boolean(row, "status")
}

/// A boolean in a row, which is a number on some databases.
fn boolean(row: &Value, column: &str) -> Option<bool> {
    row[column].as_bool().or_else(|| row[column].as_i64().map(|number| number != 0))
}

/// What an activation required before and after a change.
fn in_words(words: &Words<'_>, before: &Value, after: &Value) -> Field {
    let phrase = |row: &Value| {
        let config = match &row["config"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            config => Some(config.to_string()),
        };
        let class = text_of(row, "class_name");
        words.activation(&ActivationRow { config, ..ActivationRow::new(0, "", class, "") }).words
    };
    Field { name: "in words".to_owned(), before: markup(&phrase(before)), after: markup(&phrase(after)) }
}

/// A list of strings, such as tags, with commas. On some databases it is the text of a column.
fn listed(value: &Value) -> Option<String> {
    let parsed =
        value.as_str().filter(|text| text.starts_with('[')).and_then(|text| serde_json::from_str(text).ok());
    let items = parsed.as_ref().unwrap_or(value).as_array().filter(|items| !items.is_empty())?;
    let names: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    Some(names?.join(", "))
}

/// The fields of a change or of a difference.
pub(crate) fn fields(item: &Value) -> Vec<Field> {
    let short = |value: &Value| {
        let shown = listed(value).unwrap_or_else(|| plain(value));
        text(&match shown.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
            None => shown,
        })
    };
    // What differs in a long config is shown, and not its start.
    let narrowed = |field: &Value| {
        let change =
            FieldChange::new(text_of(field, "field"), field["before"].clone(), field["after"].clone());
        change.narrowed(LONGEST)
    };
    let field = |change: FieldChange| Field {
        before: short(&change.before),
        after: short(&change.after),
        name: change.field,
    };
    let is_bookkeeping = |field: &Field| matches!(field.name.as_str(), "row_version" | "updated_at");
    let all = item["fields"].as_array().into_iter().flatten().flat_map(narrowed).map(field);
    all.filter(|field| !is_bookkeeping(field)).collect()
}

/// The filters, as they stand in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Search {
    q: String,
    flag: String,
    actor: String,
    entity: String,
    since: String,
    until: String,
    cursor: String,
}

/// The tables with a history, and what people call their rows.
const ENTITIES: [(&str, &str); 5] = [
    ("flags", "Flags"),
    ("flag_metadata", "Metadata"),
    ("activations", "Activations"),
    ("flags_activations", "Links"),
    ("activation_members", "Members"),
];

impl Search {
    fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("q", self.q.trim()),
            ("flag", self.flag.trim()),
            ("actor", self.actor.trim()),
            ("entity", self.entity.trim()),
            ("since", self.since.trim()),
            ("until", self.until.trim()),
        ]
    }

    fn is_narrowed(&self) -> bool {
        self.fields().iter().any(|(_, value)| !value.is_empty())
    }

    /// The query for the API. A day counts until its end.
    fn for_api(&self) -> String {
        let end_of_day = is_date(&self.until).then(|| format!("{}T23:59:59.999999Z", self.until.trim()));
        let mut fields = self.fields();
        if let (Some(until), Some(field)) = (&end_of_day, fields.last_mut()) {
            field.1 = until;
        }
        with_query("/api/history", &[&fields[..], &[("limit", "60"), ("cursor", &self.cursor)]].concat())
    }

    /// The query of the page after this one.
    fn next(&self, cursor: &str) -> String {
        with_query("", &[&self.fields()[..], &[("cursor", cursor)]].concat())
    }
}

/// The type of the input for a moment: days are chosen, and an address may have a revision or a time.
pub(crate) fn input_type(moment: &str) -> &'static str {
    if moment.trim().is_empty() || is_date(moment) { "date" } else { "text" }
}

fn is_date(text: &str) -> bool {
    text.trim().parse::<NaiveDate>().is_ok()
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    layout: Layout,
    notice: Option<Notice>,
    search: Search,
    entities: &'static [(&'static str, &'static str)],
    /// Those who made the changes of the page.
    actors: BTreeSet<String>,
    changes: Vec<Change>,
    next: Option<String>,
    /// Why the filters find nothing.
    error: Option<String>,
}

pub(crate) async fn list(visit: Visit, Query(search): Query<Search>, Query(done): Query<Done>) -> Page {
    let (page, error) = match visit.api().get(&search.for_api()).await {
        Ok(page) => (page, None),
        Err(failure) if matches!(failure.status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) => {
            (Value::Null, Some(failure.message))
        }
        Err(failure) => return Err(visit.fail(&failure)),
    };
    let registry = visit.guest.site.flags().registry();
    let changes = changes(&page, &visit, &Words::new(&registry, visit.rows()?));
    Ok(visit.page(&HistoryPage {
        layout: visit.layout("History", Section::History),
        notice: done.notice(visit.rows()?),
        entities: &ENTITIES,
        actors: changes.iter().map(|change| change.actor.clone()).filter(|actor| !actor.is_empty()).collect(),
        changes,
        next: page["next"].as_str().map(|cursor| search.next(cursor)),
        error,
        search,
    }))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    to: i64,
    #[serde(default)]
    flag: String,
}

#[derive(Template)]
#[template(path = "rollback.html")]
struct RollbackPage {
    layout: Layout,
    to: i64,
    flag: String,
    differences: Vec<Row>,
    /// How many differences are not shown.
    more: usize,
    /// When the flag is on, now and then; `None` for all flags.
    words: Option<(Markup, Markup)>,
    /// Whether the flag becomes on for every caller.
    opens: bool,
    /// Where the page leads to without a rollback.
    back: String,
    effect: Markup,
    callers: ChosenCallers,
    actor: String,
    reason: String,
}

impl Target {
    fn body(&self) -> String {
        let flag = Some(&self.flag).filter(|flag| !flag.is_empty());
        json!({"to": self.to.to_string(), "flag": flag}).to_string()
    }
}

/// What a rollback would change.
pub(crate) async fn plan(Editor(visit): Editor, Query(target): Query<Target>) -> Page {
    page(&visit, target, Entered::NONE).await.map(|page| visit.page(&page))
}

async fn page(visit: &Visit, target: Target, entered: Entered<'_>) -> Result<RollbackPage, Response> {
    let planned =
        visit.api().call(Method::POST, "/api/rollback?dry_run=true", &[], Some(target.body())).await;
    let planned = planned.map_err(|failure| visit.fail(&failure))?;
    let difference = |item: &Value| Row {
        operation: text_of(item, "operation"),
        subject: text_of(item, "subject"),
        link: None,
        fields: fields(item),
        flag: None,
        is_metadata: false,
        is_new: false,
    };
    let differences = planned["differences"].as_array().map(Vec::as_slice).unwrap_or_default();
    let phrase = |rule: &Value| match rule.as_str() {
        Some(rule) => markup(rule),
        None => text("does not exist"),
    };
    let words = planned["rule"].as_object().map(|_| &planned["rule"]);
    let rows = visit.rows()?;
    let current = rows.flags.iter().find(|row| row.name == target.flag).map(|row| row.id);
    let linked = rows.links.iter().filter(|link| current.is_some() && link.flag_id == current);
    let linked: Vec<i64> = linked.filter_map(|link| link.activation_id).collect();
    let callers = generated(rows, &linked, &[]);
    Ok(RollbackPage {
        layout: visit.layout("Roll back", Section::History),
        opens: planned["rule"]["after"] == EVERYBODY && planned["rule"]["before"] != EVERYBODY,
        words: words.map(|rule| (phrase(&rule["before"]), phrase(&rule["after"]))),
        back: current.map_or_else(|| "/history".to_owned(), |id| format!("/flags/{id}")),
        effect: effect(visit.api(), &target.body(), entered, callers).await,
        callers: ChosenCallers::default(),
        actor: String::new(),
        reason: String::new(),
        to: target.to,
        flag: target.flag,
        more: differences.len().saturating_sub(MOST_DIFFERENCES),
        differences: differences.iter().take(MOST_DIFFERENCES).map(difference).collect(),
    })
}

pub(crate) async fn rollback(sent: Sent) -> Page {
    let visit = &sent.visit;
    let to = sent.text("to").parse().map_err(|_| visit.not_found("the form names no revision"))?;
    let target = Target { to, flag: sent.text("flag").to_owned() };
    if sent.is_checked("preview") {
        let page = page(visit, target, sent.callers()).await?;
        let [actor, reason] = ["actor", "reason"].map(|name| sent.text(name).to_owned());
        return Ok(visit.page(&RollbackPage { callers: sent.chosen_callers(), actor, reason, ..page }));
    }
    let before = visit.snapshot.revision().number();
    let done = visit.api().call(Method::POST, "/api/rollback", &sent.authorship(), Some(target.body())).await;
    let done = done.map_err(|failure| visit.fail(&failure))?;
    // A flag that the rollback has deleted has no page.
    let snapshot = visit.guest.site.flags().snapshot();
    let flags = snapshot.rows().map(|rows| &rows.flags[..]).unwrap_or_default();
    Ok(match flags.iter().find(|row| row.name == target.flag) {
        Some(row) => {
            let done = Done::query("rolled-back", row.id, before, &done);
            visit.redirect(&format!("/flags/{}?{done}", row.id))
        }
        None => visit.redirect("/history?done=rolled-back"),
    })
}

//! Evaluating flags for a context.

mod snippets;

use askama::Template;
use axum::{
    extract::Query,
    http::{HeaderMap, Method, header},
};
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use novi::{
    activation::Words,
    rows::{ActivationRow, Rows},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{Problem, escape, with_query},
    forms::{
        draft::{Column, Draft},
        draw::Around,
        types::{Types, VARIANTS},
    },
    pages::{
        flag::id_of,
        flags::{find_activation, text_of},
    },
    visit::{Layout, Page, Section, Visit},
    words::{Markup, plain, words},
};
use snippets::{Snippet, curl, snippets};

/// The most flags that are listed.
const MOST: usize = 500;

/// The most activations of a flag that are shown though they were not evaluated.
const MOST_OTHERS: usize = 100;

/// The context as a form: names with values, in rows.
const CONTEXT: Column = Column { name: "context", title: "Attributes of the caller" };

/// The context that a new question starts with.
const EXAMPLE: &str = r#"{"targetingKey": "user-7"}"#;

/// The attribute that stands for the clock.
const CLOCK: &str = "currentDateTime";

/// What is evaluated, as the address has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Question {
    flag: String,
    context: String,
    at: String,
    clock: String,
    /// `json` if the context is edited as JSON.
    #[serde(rename = "as")]
    mode: String,
}

impl Question {
    fn of(sent: &[(String, String)]) -> Self {
        let get = |name: &str| {
            sent.iter().find(|(field, _)| field == name).map(|(_, value)| value.trim().to_owned())
        };
        let text = |name: &str| get(name).unwrap_or_default();
        Self {
            flag: text("flag"),
            context: text("context"),
            at: text("at"),
            clock: text("clock"),
            mode: text("as"),
        }
    }

    /// The address of the same question, which can be shared.
    fn path(&self) -> String {
        let Self { flag, context, at, clock, mode } = self;
        with_query(
            "/playground",
            &[("flag", flag), ("context", context), ("at", at), ("clock", clock), ("as", mode)],
        )
    }

    fn context(&self) -> Result<Value, String> {
        let mut context = match serde_json::from_str(&self.context) {
            Ok(context @ Value::Object(_)) => context,
            Ok(_) => return Err("The context must be a JSON object.".to_owned()),
            Err(error) => return Err(format!("The context is not JSON: {error}.")),
        };
        if !self.clock.is_empty() {
            context[CLOCK] = moment(&self.clock)?.into();
        }
        Ok(context)
    }
}

/// A date, or a time with its zone, as the API takes it.
fn moment(text: &str) -> Result<String, String> {
    let midnight = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    let time = text.parse::<DateTime<Utc>>().ok().or_else(midnight);
    let time = time.ok_or_else(|| {
        format!("The clock: expected a date or a time like 2026-12-24T18:00:00Z, found {text:?}.")
    })?;
    Ok(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

#[derive(Template)]
#[template(path = "playground.html")]
struct PlaygroundPage {
    layout: Layout,
    question: Question,
    /// The inputs of the context.
    form: Markup,
    names: Vec<String>,
    answer: Option<Answer>,
    all: Vec<Line>,
    /// The revision that all flags were evaluated at.
    revision: i64,
    more: usize,
    error: Option<String>,
    snippets: Vec<Snippet>,
    recent: Vec<Recent>,
}

/// The context of a recent evaluation, to pick.
struct Recent {
    /// Its first attributes.
    title: String,
    json: String,
}

/// The decision of one flag, with its explanation.
struct Answer {
    id: Option<i64>,
    on: bool,
    variant: Option<String>,
    value: String,
    reason: String,
    because: String,
    revision: i64,
    tree: Vec<Markup>,
}

/// The decision of one of all flags.
struct Line {
    id: Option<i64>,
    name: String,
    on: bool,
    variant: String,
    value: String,
    reason: String,
}

/// An activation that was evaluated.
#[derive(Template)]
#[template(path = "trace_node.html")]
struct Node {
    words: Markup,
    state: &'static str,
    title: String,
    class_name: String,
    variant: String,
    inputs: Vec<(String, String)>,
    notes: Vec<String>,
    children: Vec<Markup>,
}

pub(crate) async fn playground(
    visit: Visit,
    headers: HeaderMap,
    Query(sent): Query<Vec<(String, String)>>,
) -> Page {
    let mut question = Question::of(&sent);
    let is_asked = !question.context.is_empty() || !question.flag.is_empty();
    let registry = visit.guest.site.flags().registry();
    let types = Types::new(&registry);
    let get = |name: &str| sent.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    let mut problems: Vec<Problem> = Vec::new();
    let draft = match (get("do"), get("drawn")) {
        (None, None) => {
            if question.context.is_empty() {
                if is_asked { "{}" } else { EXAMPLE }.clone_into(&mut question.context);
            }
            if question.mode == "json" || question.context().is_err() {
                Draft::sent(CONTEXT, &[("context".to_owned(), question.context.clone())], VARIANTS)
            } else {
                Draft::of(CONTEXT, &types, VARIANTS, &question.context)
            }
        }
        (step, _) => {
            let draft = Draft::sent(CONTEXT, &sent, VARIANTS);
            match (step, draft.config(&types)) {
                // The address of the answer has the context as JSON.
                (None, Ok(context)) => {
                    question.context = if context == "null" { "{}".to_owned() } else { context };
                    return Ok(visit.redirect(&question.path()));
                }
                (None, Err(found)) => {
                    problems = found;
                    draft
                }
                (Some(step), _) => {
                    if step == "json" { "json" } else { "" }.clone_into(&mut question.mode);
                    let (draft, found) = draft.step(&types, step, VARIANTS);
                    problems = found;
                    draft
                }
            }
        }
    };
    let is_edited = get("do").is_some() || !problems.is_empty();
    let rows = visit.rows()?;
    let around = Around { prefix: visit.prefix(), types: &types, phrased: &Words::new(&registry, rows) };
    let mut page = PlaygroundPage {
        layout: visit.layout("Playground", Section::Playground),
        form: draft.draw(&around, &problems),
        names: visit.snapshot.flag_names().take(MOST).map(str::to_owned).collect(),
        answer: None,
        all: Vec::new(),
        revision: 0,
        more: 0,
        error: None,
        snippets: Vec::new(),
        recent: recent(&visit).await,
        question,
    };
    if is_asked && !is_edited {
        page.ask(&visit, &headers).await;
    }
    Ok(visit.page(&page))
}

/// Contexts of the server's sample, which only holders of admin tokens can read.
async fn recent(visit: &Visit) -> Vec<Recent> {
    const MOST: &str = "12";
    if !visit.caller.may_write() {
        return Vec::new();
    }
    let found = visit.api().get(&with_query("/api/contexts", &[("limit", MOST)])).await;
    let found = found.inspect_err(|failure| tracing::debug!("{failure}")).unwrap_or_default();
    let context = |context: &Value| {
        let is_plain = |(_, value): &(&String, &Value)| !matches!(value, Value::Object(_) | Value::Array(_));
        let mut plain_ones: Vec<_> = context.as_object().into_iter().flatten().filter(is_plain).collect();
        // Whom it is about comes first.
        plain_ones.sort_by_key(|(name, _)| *name != "targetingKey");
        let attribute = |(name, value): (&String, &Value)| match name.as_str() {
            "targetingKey" => plain(value),
            name => format!("{name} {}", plain(value)),
        };
        let first: Vec<String> = plain_ones.into_iter().take(4).map(attribute).collect();
        let title: String = first.join(", ").chars().take(120).collect();
        Recent {
            title: if title.is_empty() { "no attributes".to_owned() } else { title },
            json: context.to_string(),
        }
    };
    found["items"].as_array().into_iter().flatten().map(context).collect()
}

impl PlaygroundPage {
    async fn ask(&mut self, visit: &Visit, headers: &HeaderMap) {
        let context = match self.question.context() {
            Ok(context) => context,
            Err(error) => return self.error = Some(error),
        };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let Question { flag, at, .. } = &self.question;
        let (name, explain) =
            if flag.is_empty() { ("", "") } else { (&*format!("/{}", escape(flag)), "true") };
        let path = with_query(&format!("/api/evaluate{name}"), &[("explain", explain), ("at", at)]);
        self.snippets = snippets(host, flag, &context);
        if !at.is_empty() {
            // Only the API has earlier revisions.
            self.snippets.truncate(1);
            self.snippets
                .iter_mut()
                .for_each(|snippet| snippet.text = curl(&format!("http://{host}{path}"), &context));
        }
        match visit.api().call(Method::POST, &path, &[], Some(context.to_string())).await {
            Ok(found) if flag.is_empty() => self.list(visit, &found),
            Ok(found) => {
                self.answer = Some(Answer::of(&found, visit, id_of(visit, flag), at.is_empty()));
            }
            Err(failure) => self.error = Some(failure.message),
        }
    }

    /// Lists the decisions of all flags.
    fn list(&mut self, visit: &Visit, found: &Value) {
        let flags = found["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.revision = found["revision"].as_i64().unwrap_or_default();
        self.more = flags.len().saturating_sub(MOST);
        let line = |flag: &Value| {
            let name = text_of(flag, "flag");
            Line {
                id: id_of(visit, &name),
                on: flag["enabled"].as_bool().unwrap_or_default(),
                variant: text_of(flag, "variant"),
                value: plain(&flag["value"]),
                reason: text_of(flag, "reason"),
                name,
            }
        };
        self.all = flags.iter().take(MOST).map(line).collect();
    }
}

impl Answer {
    fn of(found: &Value, visit: &Visit, id: Option<i64>, is_now: bool) -> Self {
        let explanation = &found["explanation"];
        let registry = visit.guest.site.flags().registry();
        let rows = visit.snapshot.rows();
        let phrased = rows.map(|rows| Words::new(&registry, rows));
        let node = |found: &Value| node(found, phrased);
        let evaluated = explanation["activations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut tree: Vec<Markup> = evaluated.iter().map(node).collect();
        // The first that is off decides; the others are shown as well.
        for row in rows.filter(|_| is_now).zip(id).map(|(rows, id)| linked(rows, id)).into_iter().flatten() {
            if !evaluated.iter().any(|found| found["id"] == row.id) {
                tree.push(node(&json!({"id": row.id, "name": row.name, "class_name": row.class_name})));
            }
        }
        Self {
            id,
            on: found["enabled"].as_bool().unwrap_or_default(),
            variant: found["variant"].as_str().map(str::to_owned),
            value: plain(&found["value"]),
            reason: text_of(found, "reason"),
            because: text_of(explanation, "because"),
            revision: found["revision"].as_i64().unwrap_or_default(),
            tree,
        }
    }
}

/// The activations of a flag.
fn linked(rows: &Rows, flag: i64) -> impl Iterator<Item = &ActivationRow> {
    let links = rows.links.iter().filter(move |link| link.flag_id == Some(flag));
    links.filter_map(|link| find_activation(rows, link.activation_id?)).take(MOST_OTHERS)
}

fn node(node: &Value, phrased: Option<Words<'_>>) -> Markup {
    let state = match node["on"].as_bool() {
        Some(true) => "on",
        Some(false) => "off",
        None => "not evaluated",
    };
    let title = match node["path"].as_str() {
        Some(path) => format!("{} {path}", text_of(node, "name")),
        None => text_of(node, "name"),
    };
    let input = |input: &Value| {
        let value = if input["value"].is_null() { "missing".to_owned() } else { plain(&input["value"]) };
        (text_of(input, "attribute"), value)
    };
    let list = |field: &str| node[field].as_array().map(Vec::as_slice).unwrap_or_default();
    // The explanation of an earlier revision may have other rows with the same ids: the class must be the same.
    let is_row = node["path"].is_null() && node["class_name"] != "flag";
    let row = phrased.zip(node["id"].as_i64().filter(|_| is_row)).and_then(|(words, id)| words.of(id));
    Markup::rendered(&Node {
        words: row
            .filter(|row| node["class_name"] == *row.class_name)
            .map(|row| words(&row.words))
            .unwrap_or_default(),
        state,
        title,
        class_name: text_of(node, "class_name"),
        variant: text_of(node, "variant"),
        inputs: list("inputs").iter().map(input).collect(),
        notes: list("notes").iter().filter_map(|note| note.as_str().map(str::to_owned)).collect(),
        children: list("activations").iter().map(|child| self::node(child, phrased)).collect(),
    })
}

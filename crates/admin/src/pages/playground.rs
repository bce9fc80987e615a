//! Evaluating flags for a context.

use askama::Template;
use axum::{
    extract::Query,
    http::{HeaderMap, Method, header},
};
use novi::{
    activation::Words,
    rows::{ActivationRow, Rows},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{escape, with_query},
    pages::{
        flag::id_of,
        flags::{find_activation, text_of},
    },
    visit::{Layout, Page, Section, Visit},
    words::{Markup, plain, words},
};

/// The most flags that are listed.
const MOST: usize = 500;

/// The most activations of a flag that are shown though they were not evaluated.
const MOST_OTHERS: usize = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Question {
    flag: String,
    context: String,
    at: String,
}

#[derive(Template)]
#[template(path = "playground.html")]
struct PlaygroundPage {
    layout: Layout,
    flag: String,
    context: String,
    at: String,
    names: Vec<String>,
    answer: Option<Answer>,
    all: Vec<Line>,
    more: usize,
    error: Option<String>,
    curl: Option<String>,
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

pub(crate) async fn playground(visit: Visit, headers: HeaderMap, Query(question): Query<Question>) -> Page {
    let Question { flag, context, at } = question;
    let asked = !context.is_empty() || !flag.is_empty();
    let context = if context.trim().is_empty() { "{}".to_owned() } else { context };
    let mut page = PlaygroundPage {
        layout: visit.layout("Playground", Section::Playground),
        names: visit.snapshot.flag_names().take(MOST).map(str::to_owned).collect(),
        answer: None,
        all: Vec::new(),
        more: 0,
        error: None,
        curl: None,
        recent: recent(&visit).await,
        flag,
        context,
        at,
    };
    if asked {
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
        let context: Value = match serde_json::from_str(&self.context) {
            Ok(context @ Value::Object(_)) => context,
            Ok(_) => return self.error = Some("The context must be a JSON object.".to_owned()),
            Err(error) => return self.error = Some(format!("The context is not JSON: {error}.")),
        };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        if self.flag.is_empty() {
            self.curl = Some(curl(host, "/ofrep/v1/evaluate/flags", &context));
            return self.ask_all(visit, &context).await;
        }
        let at =
            if self.at.trim().is_empty() { String::new() } else { format!("&at={}", escape(self.at.trim())) };
        let path = format!("/api/evaluate/{}?explain=true{at}", escape(&self.flag));
        self.curl = Some(curl(host, &path, &context));
        match visit.api().call(Method::POST, &path, &[], Some(context.to_string())).await {
            Ok(found) => {
                self.answer =
                    Some(Answer::of(&found, visit, id_of(visit, &self.flag), self.at.trim().is_empty()));
            }
            Err(failure) => self.error = Some(failure.message),
        }
    }

    async fn ask_all(&mut self, visit: &Visit, context: &Value) {
        let body = json!({"context": context}).to_string();
        let found = visit.api().call(Method::POST, "/ofrep/v1/evaluate/flags", &[], Some(body)).await;
        let found = match found {
            Ok(found) => found,
            Err(failure) => return self.error = Some(failure.message),
        };
        let flags = found["flags"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.more = flags.len().saturating_sub(MOST);
        let line = |flag: &Value| {
            let name = text_of(flag, "key");
            // A flag that is off has the value false, or none.
            let has_value = !flag["value"].is_null() && flag["value"] != Value::Bool(false);
            Line {
                id: id_of(visit, &name),
                on: has_value && flag["reason"] != "DISABLED",
                variant: text_of(flag, "variant"),
                value: plain(&flag["value"]),
                reason: text_of(flag, if flag["reason"].is_string() { "reason" } else { "errorCode" }),
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

/// The same question for a shell.
fn curl(host: &str, path: &str, context: &Value) -> String {
    let body = if path.starts_with("/api/") { context.clone() } else { json!({"context": context}) };
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let address = quoted(&format!("http://{host}{path}"));
    format!("curl -s {address} -H 'content-type: application/json' \\\n  -d {}", quoted(&body.to_string()))
}

//! Who has a flag, among the callers of a saved query: a section of the flag's page.

use askama::Template;
use axum::http::Method;
use novi::{activation::Share, rows::FlagRow};
use novi_experiments::charts::{number, part};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    charts::Colors,
    pages::effect::State,
    visit::Visit,
    words::{Markup, bar_of, plain},
};

/// The most decisions that are shown.
const MOST_DECISIONS: usize = 20;

/// The saved query, as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    query: String,
}

#[derive(Template)]
#[template(path = "audience.html")]
struct Section<'a> {
    path: String,
    queries: &'a [String],
    chosen: &'a str,
    found: Option<Found>,
    error: Option<String>,
}

/// Who has the flag, in words.
struct Found {
    on: String,
    callers: String,
    share: String,
    revision: i64,
    bar: Markup,
    /// The decisions, each with its number and share of callers.
    decisions: Vec<(String, String, String)>,
    /// How many decisions are not shown.
    more: usize,
    /// The attributes, each with its values: how many callers have the flag, and of how many.
    attributes: Vec<(String, Vec<Group>)>,
}

/// A value, with how many callers have the flag, and of how many.
type Group = (String, String, String);

/// The response of `POST /api/audience`.
#[derive(Deserialize)]
struct Audience {
    revision: i64,
    callers: i64,
    on: i64,
    decisions: Vec<Count>,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Count {
    #[serde(flatten)]
    state: State,
    callers: i64,
}

#[derive(Deserialize)]
struct Attribute {
    attribute: String,
    values: Vec<ValueCount>,
}

#[derive(Deserialize)]
struct ValueCount {
    value: Option<Value>,
    on: i64,
    callers: i64,
}

/// The section, with the counts if a query was chosen; empty if there are no saved queries, or the visitor may not run
/// them.
pub(crate) async fn who_has_it(visit: &Visit, row: &FlagRow, asked: &Asked, shares: &[Share]) -> Markup {
    let queries = visit.saved_queries().await;
    if queries.is_empty() {
        return Markup::default();
    }
    let (found, error) = match count(visit, &row.name, &asked.query).await {
        Ok(found) => (found, None),
        Err(message) => (None, Some(message)),
    };
    let order: Vec<String> = shares.iter().filter_map(|share| share.variant.clone()).collect();
    Markup::rendered(&Section {
        path: format!("{}/flags/{}", visit.prefix(), row.id),
        queries: &queries,
        chosen: &asked.query,
        found: found.map(|found| Found::of(found, &order)),
        error,
    })
}

/// The counts; `None` if no query was chosen.
async fn count(visit: &Visit, flag: &str, query: &str) -> Result<Option<Audience>, String> {
    if query.is_empty() {
        return Ok(None);
    }
    let body = json!({"flag": flag, "query": query}).to_string();
    let found = visit.api().call(Method::POST, "/api/audience", &[], Some(body)).await;
    let found = found.map_err(|failure| failure.at("/query"))?;
    serde_json::from_value(found).map(Some).map_err(|error| error.to_string())
}

impl Found {
    fn of(found: Audience, order: &[String]) -> Self {
        let share = |callers| part(callers, found.callers);
        let mut colors = Colors::new(order);
        let all = found.decisions.len();
        let shown: Vec<(String, &Count)> =
            found.decisions.iter().take(MOST_DECISIONS).map(|count| (count.state.words(), count)).collect();
        let parts = shown.iter().map(|(words, count)| {
            let State { enabled, variant, .. } = &count.state;
            (colors.class_of(*enabled, variant.as_deref()), words.as_str(), share(count.callers))
        });
        let bar = bar_of(parts);
        let decisions = shown
            .into_iter()
            .map(|(words, count)| (words, number(count.callers), format!("{:.1} %", share(count.callers))));
        let decisions: Vec<_> = decisions.collect();
        let values = |attribute: Attribute| {
            let value = |found: ValueCount| {
                let name = found.value.as_ref().map_or_else(|| "missing".to_owned(), plain);
                (name, number(found.on), number(found.callers))
            };
            (attribute.attribute, attribute.values.into_iter().map(value).collect())
        };
        Self {
            on: number(found.on),
            callers: number(found.callers),
            share: format!("{:.1} %", share(found.on)),
            revision: found.revision,
            bar,
            more: all - decisions.len(),
            decisions,
            attributes: found.attributes.into_iter().map(values).collect(),
        }
    }
}

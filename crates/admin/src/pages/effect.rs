//! The effect of a change before it is saved: for which callers flags would decide otherwise.

mod callers;

use askama::Template;
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    api::{Api, Failure},
    body::Entered,
    pages::form::object,
    words::{Markup, plain},
};

pub(crate) use callers::{generated, keyed};

/// The most flags that are shown.
const MOST_FLAGS: usize = 20;

/// The most examples of each flag.
const MOST_EXAMPLES: usize = 10;

/// For which callers flags would decide otherwise.
#[derive(Default, Template)]
#[template(path = "effect.html")]
struct Effect {
    /// The callers, in words.
    callers: String,
    flags: Vec<FlagEffect>,
    /// How many flags are not shown.
    more: usize,
    /// The flags that change for more callers than the team wants without a warning.
    large: Vec<String>,
    /// The share of callers, in percent, that is not large.
    warn_above: u8,
    error: Option<String>,
    /// The plan of the changes and its problems, as the API has them; `None` if there is an error.
    planned: Option<Value>,
}

struct FlagEffect {
    name: String,
    changed: usize,
    /// The share of the callers that change, in percent.
    share: String,
    /// What happens, each with the number of callers.
    counts: Vec<(&'static str, usize)>,
    transitions: Vec<(String, String, usize)>,
    /// The attributes, each with its values: how many callers are affected, and of how many.
    attributes: Vec<(String, Vec<Group>)>,
    examples: Vec<Example>,
    /// Why the counts may not be those of real callers.
    warnings: Vec<String>,
}

type Group = (String, usize, usize);

/// A caller for which a flag would decide otherwise.
struct Example {
    context: String,
    before: String,
    after: String,
}

/// The response of `POST /api/impact`, as far as it is shown.
#[derive(Deserialize)]
struct Measured {
    impact: Impact,
    warn_above: u8,
    plan: Value,
    problems: Value,
}

#[derive(Deserialize)]
struct Impact {
    contexts: usize,
    flags: Vec<Flag>,
}

#[derive(Deserialize)]
struct Flag {
    #[serde(rename = "flag")]
    name: String,
    on: usize,
    off: usize,
    other: usize,
    transitions: Vec<Transition>,
    attributes: Vec<Attribute>,
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Transition {
    before: Option<State>,
    after: Option<State>,
    count: usize,
    #[serde(default)]
    examples: Vec<ExampleOf>,
}

/// A decision.
#[derive(PartialEq, Deserialize)]
pub(crate) struct State {
    pub(crate) enabled: bool,
    pub(crate) variant: Option<String>,
    value: Option<Value>,
}

#[derive(Deserialize)]
struct ExampleOf {
    context: usize,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Deserialize)]
struct Attribute {
    attribute: String,
    values: Vec<ValueCount>,
}

#[derive(Deserialize)]
struct ValueCount {
    value: Option<Value>,
    changed: usize,
    contexts: usize,
}

/// Measures changes, a JSON list as in `POST /api/edits` or the object of a rollback, as a part of a page. The callers are those of the saved query, or
/// else those that were entered, or else a sample of recent ones, or else the generated ones.
pub(crate) async fn effect(api: &Api, changes: &str, entered: Entered<'_>, generated: Vec<Value>) -> Markup {
    Markup::rendered(&Effect::measure(api, changes, entered, generated).await)
}

/// Like [`effect`], with the plan of the changes and its problems, unless measuring failed: then they are planned alone.
pub(crate) async fn planned_effect(
    api: &Api,
    changes: &str,
    entered: Entered<'_>,
    generated: Vec<Value>,
) -> Result<(Markup, Value), Failure> {
    let mut effect = Effect::measure(api, changes, entered, generated).await;
    let planned = if let Some(planned) = effect.planned.take() {
        planned
    } else {
        let body = object(&[("changes", changes.to_owned())]);
        api.call(Method::POST, "/api/edits?dry_run=true", &[], Some(body)).await?
    };
    Ok((Markup::rendered(&effect), planned))
}

impl Effect {
    async fn measure(api: &Api, changes: &str, entered: Entered<'_>, generated: Vec<Value>) -> Self {
        if let Some(query) = entered.query {
            return match impact(api, changes, &json!({"query": query}).to_string()).await {
                Ok(found) => {
                    let callers = format!("the {} of the saved query {query}", found.impact.contexts);
                    Self::shown(found, callers, &[])
                }
                Err(failure) => Self { error: Some(failure.at("/contexts/query")), ..Self::default() },
            };
        }
        if entered.file.is_some() || entered.text.is_some_and(|text| !text.trim_ascii().is_empty()) {
            let words = |count| match entered.file {
                Some(file) => format!("the {count} of {file}"),
                None => format!("the {count} that you entered"),
            };
            return match callers::entered(entered) {
                Ok(callers) => Self::of(api, changes, callers, words).await,
                Err(error) => Self { error: Some(error), ..Self::default() },
            };
        }
        // Measuring over no callers would compile the rows in vain.
        let sample = api.get("/api/contexts?limit=1").await.unwrap_or_default();
        if sample["items"].as_array().is_some_and(|items| !items.is_empty()) {
            return match impact(api, changes, "\"sample\"").await {
                Ok(found) => {
                    let callers = format!("{} recent ones", found.impact.contexts);
                    Self::shown(found, callers, &[])
                }
                Err(failure) => Self { error: Some(failure.message), ..Self::default() },
            };
        }
        let callers = |count| format!("{count} made-up ones, with the values that the rules name");
        Self::of(api, changes, generated, callers).await
    }

    async fn of(api: &Api, changes: &str, contexts: Vec<Value>, callers: impl Fn(usize) -> String) -> Self {
        let list = Value::Array(contexts);
        match impact(api, changes, &list.to_string()).await {
            Ok(found) => {
                let callers = callers(found.impact.contexts);
                Self::shown(found, callers, list.as_array().map(Vec::as_slice).unwrap_or_default())
            }
            Err(failure) => Self { error: Some(failure.message), ..Self::default() },
        }
    }

    fn shown(found: Measured, callers: String, contexts: &[Value]) -> Self {
        let Measured { impact, warn_above, plan, problems } = found;
        let planned = Some(json!({"plan": plan, "problems": problems}));
        let is_large = |flag: &&Flag| 100 * flag.changed() > usize::from(warn_above) * impact.contexts;
        let large = impact.flags.iter().filter(is_large).map(|flag| flag.name.clone()).collect();
        let (all, count) = (impact.contexts, impact.flags.len());
        let flags = impact.flags.into_iter().take(MOST_FLAGS).map(|flag| FlagEffect::of(flag, all, contexts));
        let flags: Vec<_> = flags.collect();
        Self { callers, more: count - flags.len(), flags, large, warn_above, error: None, planned }
    }
}

async fn impact(api: &Api, changes: &str, contexts: &str) -> Result<Measured, Failure> {
    let field = if changes.starts_with('{') { "rollback" } else { "changes" };
    let body = object(&[(field, changes.to_owned()), ("contexts", contexts.to_owned())]);
    let found = api.call(Method::POST, "/api/impact", &[], Some(body)).await?;
    serde_json::from_value(found)
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

impl Flag {
    /// For how many callers it decides otherwise.
    fn changed(&self) -> usize {
        self.on + self.off + self.other
    }
}

impl FlagEffect {
    fn of(flag: Flag, all: usize, contexts: &[Value]) -> Self {
        let changed = flag.changed();
        let counts =
            [("turn on", flag.on), ("turn off", flag.off), ("get another variant or value", flag.other)];
        let mut examples = Vec::new();
        let mut transitions = Vec::new();
        for transition in flag.transitions {
            let (before, after) = (state(transition.before.as_ref()), state(transition.after.as_ref()));
            if transition.before == transition.after {
                continue;
            }
            let example = |found: ExampleOf| Example {
                context: contexts.get(found.context).map(ToString::to_string).unwrap_or_default(),
                before: found.before.unwrap_or_default(),
                after: found.after.unwrap_or_default(),
            };
            examples.extend(transition.examples.into_iter().map(example));
            transitions.push((before, after, transition.count));
        }
        examples.truncate(MOST_EXAMPLES);
        let values = |attribute: Attribute| {
            let value = |found: ValueCount| {
                let name = found.value.as_ref().map_or_else(|| "missing".to_owned(), plain);
                (name, found.changed, found.contexts)
            };
            (attribute.attribute, attribute.values.into_iter().map(value).collect())
        };
        Self {
            name: flag.name,
            changed,
            share: percent(changed, all),
            counts: counts.into_iter().filter(|(_, count)| *count > 0).collect(),
            transitions,
            attributes: flag.attributes.into_iter().map(values).collect(),
            warnings: flag.warnings,
            examples: if contexts.is_empty() { Vec::new() } else { examples },
        }
    }
}

fn state(state: Option<&State>) -> String {
    state.map_or_else(|| "no flag".to_owned(), State::words)
}

impl State {
    pub(crate) fn words(&self) -> String {
        let mut text = if self.enabled { "on" } else { "off" }.to_owned();
        let value = self.value.as_ref().map(|value| format!("({})", plain(value)));
        for part in self.variant.clone().into_iter().chain(value) {
            text = format!("{text} {part}");
        }
        text
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn percent(part: usize, all: usize) -> String {
    let percent = 100.0 * part as f64 / all.max(1) as f64;
    format!("{} %", (percent * 10.0).round() / 10.0)
}

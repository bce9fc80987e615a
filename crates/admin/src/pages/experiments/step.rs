//! The steps of an experiment: start, stop, and decide, each of which is a change of its row.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::{Method, StatusCode},
};
use chrono::Utc;
use novi::{activation::Words, rows::ActivationRow};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    data::Experiment,
    one::{find, warnings},
    path_of,
};
use crate::{
    api::{Failure, escape},
    body::{ChosenCallers, Entered},
    forms::json::checked,
    pages::{
        effect::{effect, generated},
        flag::id_of,
        flags::{Done, text_of},
        form::object,
        switch::{affected, problems},
    },
    visit::{Editor, Layout, Page, Section, Sent, Visit},
    words::{Markup, time, words},
};

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(rename = "do")]
    step: String,
}

#[derive(Template)]
#[template(path = "experiment_step.html")]
struct StepPage {
    layout: Layout,
    path: String,
    name: String,
    version: i64,
    step: String,
    /// What the button says.
    verb: &'static str,
    /// What the step does, in words.
    meaning: &'static str,
    /// From when on it enrolls units, if that is later than now.
    scheduled: Option<Markup>,
    /// What was probably not meant.
    warnings: Vec<String>,
    /// The variants to decide for, and whether one is chosen.
    variants: Vec<(String, bool)>,
    is_off: bool,
    error: Option<String>,
    /// What callers get before and after it; empty as long as nothing is decided.
    words: Option<(Markup, Markup)>,
    affected: Vec<String>,
    problems: Vec<String>,
    effect: Markup,
    callers: ChosenCallers,
    actor: String,
    reason: String,
}

/// A step with what was chosen for it.
#[derive(Clone, Copy)]
struct Step<'a> {
    name: &'a str,
    /// `variant:` and its name, or `off`; empty if nothing is chosen.
    decision: &'a str,
    reason: &'a str,
}

/// The choice of a variant in a form, so that none is called off.
const VARIANT: &str = "variant:";

/// Takes the place of a reason in a preview, which needs none.
const NO_REASON_YET: &str = "not stated yet";

impl Step<'_> {
    fn meaning(self) -> Option<(&'static str, &'static str)> {
        Some(match self.name {
            "start" => ("Start", "It enrolls units from now on: they get their variant, and keep it."),
            "stop" => {
                ("Stop", "All callers get the control, and no more units are enrolled. It can start again.")
            }
            "decide" => {
                ("Decide", "It ends: all callers get the same, and the decision stays with its reason.")
            }
            _ => return None,
        })
    }

    /// Whether it is known what to do.
    fn is_chosen(self) -> bool {
        self.name != "decide" || !self.decision.is_empty()
    }

    fn body(self) -> String {
        let reason = Some(self.reason).filter(|reason| !reason.is_empty());
        match (self.name, self.decision.strip_prefix(VARIANT)) {
            ("decide", Some(variant)) => json!({"variant": variant, "reason": reason}).to_string(),
            ("decide", None) => json!({"off": true, "reason": reason}).to_string(),
            _ => "{}".to_owned(),
        }
    }

    async fn call(
        self,
        visit: &Visit,
        experiment: &str,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Value, Failure> {
        let path = format!("/api/experiments/{}/{}{query}", escape(experiment), self.name);
        visit.api().call(Method::POST, &path, headers, Some(self.body())).await
    }
}

pub(crate) async fn ask(
    Editor(visit): Editor,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Page {
    let step = Step { name: &wanted.step, decision: "", reason: "" };
    let page = page(&visit, &name, step, Entered::NONE).await?;
    Ok(visit.page(&page))
}

/// The page of a step, with its effect if it is known what to do.
async fn page(
    visit: &Visit,
    name: &str,
    step: Step<'_>,
    callers: Entered<'_>,
) -> Result<StepPage, axum::response::Response> {
    let not_found = || visit.not_found(&format!("experiment {name:?} was not found"));
    let found = find(visit, name).await?.ok_or_else(not_found)?;
    let (verb, meaning) = step.meaning().ok_or_else(|| visit.not_found("experiments have no such step"))?;
    let is_start = step.name == "start";
    let is_chosen = |variant: &str| step.decision.strip_prefix(VARIANT) == Some(variant);
    let variants =
        found.variants.iter().map(|variant| (variant.variant.clone(), is_chosen(&variant.variant)));
    let mut page = StepPage {
        layout: visit.layout(&format!("{verb} {name}"), Section::Experiments),
        path: path_of(name),
        name: name.to_owned(),
        version: found.version,
        step: step.name.to_owned(),
        verb,
        meaning,
        scheduled: is_start.then_some(found.start).flatten().filter(|start| *start > Utc::now()).map(time),
        warnings: if is_start { warnings(visit, name).await? } else { Vec::new() },
        variants: variants.collect(),
        is_off: step.decision == "off",
        error: None,
        words: None,
        affected: Vec::new(),
        problems: Vec::new(),
        effect: Markup::default(),
        callers: ChosenCallers::default(),
        actor: String::new(),
        reason: step.reason.to_owned(),
    };
    if step.is_chosen() {
        let is_stated = !step.reason.trim().is_empty();
        let drafted = Step { reason: if is_stated { step.reason } else { NO_REASON_YET }, ..step };
        match drafted.call(visit, name, "?dry_run=true", &[]).await {
            Ok(planned) => page.show(visit, &found, &planned, callers).await?,
            Err(failure) if failure.status == StatusCode::UNAUTHORIZED => return Err(visit.fail(&failure)),
            Err(failure) => page.error = Some(message(&failure)),
        }
    }
    Ok(page)
}

/// The message of a failure with those of its problems.
fn message(failure: &Failure) -> String {
    let problems: Vec<&str> = failure.problems.iter().map(|problem| problem.message.as_str()).collect();
    if problems.is_empty() { failure.message.clone() } else { problems.join("; ") }
}

impl StepPage {
    /// Shows a plan.
    async fn show(
        &mut self,
        visit: &Visit,
        found: &Experiment,
        planned: &Value,
        callers: Entered<'_>,
    ) -> Result<(), axum::response::Response> {
        let rows = visit.rows()?;
        self.affected =
            affected(planned, "").into_iter().filter(|flag| !found.flags.contains(flag)).collect();
        self.problems = problems(planned);
        let activations = planned["plan"]["activations"].as_array().into_iter().flatten();
        let fields = activations.flat_map(|row| row["fields"].as_array().into_iter().flatten());
        let Some(config) = fields.into_iter().find(|field| field["field"] == "config") else { return Ok(()) };
        let [before, after] = ["before", "after"].map(|side| text_of(config, side));
        let registry = visit.guest.site.flags().registry();
        let phrased = Words::new(&registry, rows);
        let phrase = |config: &str| {
            let row = ActivationRow::new(found.id, found.name.as_str(), "novi.experiment", config);
            words(&phrased.activation(&row).words)
        };
        self.words = Some((phrase(&before), phrase(&after)));
        // What was planned as a row is measured as the same change.
        let Ok(config) = checked("/config", &after) else { return Ok(()) };
        let set = object(&[("config", config)]);
        let changes = format!(r#"[{{"update_activation":{{"row":{},"set":{set}}}}}]"#, found.id);
        let generated = generated(rows, &[found.id], &[&after]);
        self.effect = effect(visit.api(), &changes, callers, generated).await;
        Ok(())
    }
}

/// What was done, with the flag by which it can be undone.
fn done(visit: &Visit, step: Step<'_>, changed: &Value) -> String {
    let flags = changed["flags"].as_array().into_iter().flatten();
    let flag = flags.filter_map(Value::as_str).find_map(|name| id_of(visit, name));
    let before = visit.snapshot.revision().number();
    flag.map_or_else(|| format!("done={}", step.name), |flag| Done::query(step.name, flag, before, changed))
}

pub(crate) async fn step(Path(name): Path<String>, sent: Sent) -> Page {
    let visit = &sent.visit;
    let step = Step { name: sent.text("do"), decision: sent.text("decision"), reason: sent.text("reason") };
    if step.meaning().is_none() {
        return Err(visit.not_found("experiments have no such step"));
    }
    let mut error = None;
    if !step.is_chosen() {
        error = Some("Choose what to decide for.".to_owned());
    } else if !sent.is_checked("preview") {
        let version = format!("\"{}\"", sent.text("version"));
        let mut headers = sent.authorship();
        headers.push(("if-match", &version));
        match step.call(visit, &name, "", &headers).await {
            Ok(changed) => {
                return Ok(visit.redirect(&format!("{}?{}", path_of(&name), done(visit, step, &changed))));
            }
            Err(failure) if failure.status == StatusCode::UNAUTHORIZED => return Err(visit.fail(&failure)),
            Err(failure) => error = Some(message(&failure)),
        }
    }
    let page = page(visit, &name, step, sent.callers()).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let (actor, error) = (sent.text("actor").to_owned(), error.or_else(|| page.error.clone()));
    Ok(visit.page_with(status, &StepPage { callers: sent.chosen_callers(), actor, error, ..page }))
}

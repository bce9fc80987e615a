//! What a change would do, before it is saved.

use askama::Template;
use axum::http::Method;
use novi::{
    activation::Words,
    rows::{ActivationRow, Rows},
};
use serde_json::Value;

use crate::{
    api::{Failure, Problem},
    pages::{
        effect::{effect, generated},
        flags::find_activation,
        switch::affected,
    },
    visit::{Sent, Visit},
    words::{Markup, words},
};

/// A part of a page with a form.
#[derive(Default, Template)]
#[template(path = "preview.html")]
pub(crate) struct Preview {
    /// What the change means besides its effect.
    pub(crate) notes: Vec<String>,
    /// The condition before and after, in words.
    pub(crate) words: Option<(Markup, Markup)>,
    /// The names of the flags that may decide differently.
    pub(crate) affected: Vec<String>,
    pub(crate) effect: Markup,
}

impl Preview {
    pub(crate) fn markup(&self) -> Markup {
        Markup::rendered(self)
    }
}

/// A failure whose problems are at the fields of the form.
pub(crate) fn with_fields(mut failure: Failure) -> Failure {
    to_fields(&mut failure.problems);
    failure
}

fn to_fields(problems: &mut [Problem]) {
    let changes = ["/changes/0/create_activation", "/changes/1/create_flag", "/changes/0/create_flag"];
    for problem in problems {
        let field = changes.iter().find_map(|change| problem.pointer.strip_prefix(change));
        if let Some(field) = field.map(str::to_owned) {
            problem.pointer = field;
        }
    }
}

/// The preview of changes that create or link an activation, and what is wrong with them. Callers are made up for these
/// activations, and for the one that is created or chosen.
pub(crate) async fn planned(
    visit: &Visit,
    rows: &Rows,
    sent: &Sent,
    changes: &str,
    linked: &[i64],
) -> Result<(Preview, Vec<Problem>), Failure> {
    let body = format!(r#"{{"changes":{changes}}}"#);
    let planned = visit.api().call(Method::POST, "/api/edits?dry_run=true", &[], Some(body)).await;
    let planned = planned.map_err(with_fields)?;
    let mut problems: Vec<Problem> = serde_json::from_value(planned["problems"].clone()).unwrap_or_default();
    to_fields(&mut problems);
    let created: Value = serde_json::from_str(changes).unwrap_or_default();
    let created = &created[0]["create_activation"];
    let config = created.get("config").map(Value::to_string);
    let chosen = sent.text("activation").parse::<i64>().ok();
    let linked: Vec<i64> = linked.iter().copied().chain(chosen).collect();
    let registry = visit.guest.site.flags().registry();
    let phrased = Words::new(&registry, rows);
    let class = created["class_name"].as_str().unwrap_or_default();
    let new = config.as_ref().map(|config| ActivationRow::new(0, "", class, config.as_str()));
    let row = new.as_ref().or_else(|| chosen.and_then(|id| find_activation(rows, id)));
    let words = row.map(|row| (Markup::default(), words(&phrased.activation(row).words)));
    let callers = generated(rows, &linked, config.as_deref().as_slice());
    let effect = effect(visit.api(), changes, sent.callers(), callers).await;
    Ok((Preview { words, affected: affected(&planned, ""), effect, ..Preview::default() }, problems))
}

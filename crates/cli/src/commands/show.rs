//! `novi show`.

use std::process::ExitCode;

use clap::Args;
use novi::{
    Context, Error,
    activation::{ActivationWords, Words},
    rows::{FailMode, ValueType},
};
use serde::Serialize;
use serde_json::Value;

use super::{
    change::flag_name,
    evaluations::{Recent, recent},
    flag_view::{ActivationView, FlagView, issues_by_flag},
};
use crate::{
    output::{Failure, print, print_json, print_table, timestamp},
    session::Session,
};

/// Show a flag with its activations and metadata
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Flag by name or #ID
    flag: String,
}

impl Show {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let flags = session.flags().await?;
        let snapshot = flags.snapshot();
        let issues = issues_by_flag(&snapshot);
        let flag = flag_name(snapshot.rows(), self.flag)?;
        let row = snapshot.row_of(&flag);
        let Some(view) = row.and_then(|row| FlagView::new(&snapshot, row, &issues)) else {
            // This error suggests a similar name. A flag that exists only in [overrides] evaluates, but has
            // no row.
            snapshot.evaluate(&flag, &Context::new())?;
            return Err(Error::FlagNotFound { name: flag, similar: None }.into());
        };
        let recent = recent(session, &[flag]).await.into_iter().next().unwrap_or_default();
        let registry = flags.registry();
        let words = snapshot.rows().map(|rows| Words::new(&registry, rows));
        if session.json {
            #[derive(Serialize)]
            struct WithWords<'a> {
                #[serde(flatten)]
                view: FlagView<'a>,
                rule: Option<String>,
                words: Vec<ActivationWords>,
                #[serde(flatten)]
                recent: Recent,
            }
            let rule = words.map(|words| words.rule(view.id));
            let words = words.map(|words| words.activations(view.id)).unwrap_or_default();
            print_json(&WithWords { view, rule, words, recent })?;
            return Ok(ExitCode::SUCCESS);
        }
        let FlagView { id, name, version, .. } = &view;
        print(format_args!("{name} (flag {id}), status {}, version {version}", view.state()))?;
        if let Some(words) = words {
            print(format_args!("  rule: {}", words.rule(*id)))?;
        }
        print_details(session, &view)?;
        print_recent(&recent)?;
        if view.activations.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let row = |activation: ActivationView<'_>| {
            let ActivationView { id, name, class_name, text, version, .. } = activation;
            let config = text.unwrap_or("null").to_owned();
            [id.to_string(), name.to_owned(), class_name.to_owned(), version.to_string(), config]
        };
        let headings = ["id", "activation", "class", "version", "config"];
        print_table(&headings, view.activations.into_iter().map(row))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints when a flag was last evaluated, and how often, if that is recorded.
fn print_recent(recent: &Recent) -> Result<(), Failure> {
    let Some(at) = recent.last_evaluated else { return Ok(()) };
    let (day, hours) = (recent.in_a_day.unwrap_or_default(), recent.in_two_hours.unwrap_or_default());
    let counts = format!("{day} times in 24 hours, {hours} times in the current hour and the one before");
    print(format_args!("  evaluated: last at {}; {counts}", timestamp(at)))
}

/// Prints metadata that differs from the defaults.
fn print_details(session: &Session, view: &FlagView<'_>) -> Result<(), Failure> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    };
    let (variants, metadata) = (text(&view.variants), text(&view.metadata));
    let details = [
        ("description", view.description),
        ("owner", view.owner),
        ("expires", view.expires_at.as_deref()),
        ("variants", variants.as_deref()),
        ("type of values", view.value_type.map(ValueType::as_str)),
        ("default variant", view.default_variant),
        ("off variant", view.off_variant),
        ("metadata", metadata.as_deref()),
        ("exposed", view.exposed.then_some("yes")),
        ("override allowed", (!view.override_allowed).then_some("no")),
        ("fail mode", (view.fail_mode != FailMode::Off).then(|| view.fail_mode.as_str())),
    ];
    for (what, text) in details {
        if let Some(text) = text {
            print(format_args!("  {what}: {text}"))?;
        }
    }
    if !view.tags.is_empty() {
        print(format_args!("  tags: {}", view.tags.join(", ")))?;
    }
    for issue in &view.issues {
        print(format_args!("  broken: {issue}"))?;
    }
    if session.config.overrides.contains_key(view.name) {
        print("  overridden by the configuration ([overrides])")?;
    }
    Ok(())
}

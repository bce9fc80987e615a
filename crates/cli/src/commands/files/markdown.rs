//! A plan as Markdown, for a comment on a pull request.

use std::fmt::Write as _;

use novi::snapshot::{Effect, Impact, PlannedRow};
use serde_json::Value;

use super::{compare::Comparison, overwritten::Overwritten};
use crate::output::field;

pub(super) fn markdown(
    comparison: &Comparison,
    overwritten: &[Overwritten],
    impact: Option<&Impact>,
) -> String {
    let plan = &comparison.plan;
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, comparison, overwritten, impact);
    if plan.flags.is_empty() && plan.activations.is_empty() && plan.problems.is_empty() {
        text.push_str("The rows are as the files describe them.\n");
    }
    text
}

fn write(
    text: &mut String,
    comparison: &Comparison,
    overwritten: &[Overwritten],
    impact: Option<&Impact>,
) -> std::fmt::Result {
    let plan = &comparison.plan;
    writeln!(text, "### Flags\n")?;
    if !plan.flags.is_empty() || !plan.activations.is_empty() {
        writeln!(text, "| | row | change |\n|---|---|---|")?;
        let rules = serde_json::to_value(comparison.report().rules()).unwrap_or_default();
        for row in &plan.flags {
            let rule = rules.as_array().into_iter().flatten().find(|rule| rule["id"] == row.id);
            writeln!(text, "| {} | `{}` | {} |", sign(row.effect), cell(&row.name), changes(row, rule))?;
        }
        for row in &plan.activations {
            writeln!(
                text,
                "| {} | activation `{}` | {} |",
                sign(row.effect),
                cell(&row.name),
                changes(row, None)
            )?;
        }
        writeln!(text)?;
    }
    for problem in &plan.problems {
        writeln!(text, "- **Problem**: {}", cell(&problem.to_string()))?;
    }
    for row in overwritten {
        writeln!(text, "- **Changed by others** since the last apply: {}", cell(&row.to_string()))?;
    }
    if let Some(impact) = impact {
        writeln!(text, "#### Whom it affects\n\n```text\n{}```", impact.to_string().replace("```", "` ` `"))?;
    }
    Ok(())
}

fn sign(effect: Effect) -> &'static str {
    match effect {
        Effect::Added => "added",
        Effect::Removed => "deleted",
        Effect::Changed => "changed",
        Effect::Affected => "affected",
    }
}

fn changes(row: &PlannedRow, rule: Option<&Value>) -> String {
    let mut parts: Vec<String> =
        row.fields.iter().map(|change| format!("`{}`", cell(&field(change)))).collect();
    if !row.through.is_empty() {
        parts.push(format!("through {}", cell(&row.through.join(", "))));
    }
    let words = |side: &str| rule.and_then(|rule| rule[side].as_str()).map(cell);
    match (words("before"), words("after")) {
        (Some(before), Some(after)) => parts.push(format!("{before} → **{after}**")),
        (None, Some(after)) => parts.push(format!("**{after}**")),
        _ => (),
    }
    if !row.answer_may_change {
        parts.push("its decision stays the same".to_owned());
    }
    parts.join("<br>")
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('`', "'").replace(['\n', '\r'], " ").replace('<', "&lt;")
}

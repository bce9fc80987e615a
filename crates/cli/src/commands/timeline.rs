//! `novi timeline`.

use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use novi::{activation::Span, snapshot::FlagTimeline};
use serde_json::json;

use crate::{
    commands::value_parser::up_to,
    output::{Failure, print, print_json, print_table, timestamp},
    session::Session,
};

/// List what the time will do to flags: windows, ramps, schedules and expiries
#[derive(Debug, Args)]
#[command(after_help = "Flags that are off are left out.")]
pub(crate) struct Timeline {
    /// Number of days from now
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = up_to::<u32, 366>)]
    days: u32,
}

/// The most spans of an activation in a text.
const MOST: usize = 5;

impl Timeline {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let from = Utc::now();
        let to = from + TimeDelta::days(self.days.into());
        let found = session.flags().await?.snapshot().timeline(from, to);
        if session.json {
            print_json(&json!({"from": from, "to": to, "flags": found}))?;
        } else if found.is_empty() {
            print(format_args!("The time changes no flag within {} days.", self.days))?;
        } else {
            let rows = found.iter().flat_map(|flag| lines(flag, from, to));
            print_table(&["flag", "from", "to", "on for", "activation"], rows)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The lines of a flag, of five cells each.
fn lines(flag: &FlagTimeline, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<[String; 5]> {
    let name = || flag.flag.clone();
    let mut lines = Vec::new();
    if let Some(at) = flag.expires_at {
        lines.push([name(), timestamp(at), String::new(), "expires".to_owned(), String::new()]);
    }
    for activation in &flag.activations {
        let whose = activation.name.as_deref().unwrap_or_default();
        let id = activation.id.map(|id| format!("#{id} ")).unwrap_or_default();
        let activation_text = format!("{id}{whose} ({})", activation.class_name);
        for span in activation.spans.iter().take(MOST) {
            let start = if from < span.from { timestamp(span.from) } else { "now".to_owned() };
            let end = if span.to < to { timestamp(span.to) } else { "later".to_owned() };
            lines.push([name(), start, end, share(span), activation_text.clone()]);
        }
        let more = activation.spans.len().saturating_sub(MOST);
        if more > 0 || activation.truncated {
            let more = if activation.truncated { "more".to_owned() } else { format!("{more} more") };
            lines.push([name(), more, String::new(), String::new(), activation_text]);
        }
    }
    lines
}

fn share(span: &Span) -> String {
    let rounded = |percentage: f64| (percentage * 100.0).round() / 100.0;
    let (first, last) = (rounded(span.from_percentage), rounded(span.to_percentage));
    if (first - last).abs() < f64::EPSILON { format!("{first} %") } else { format!("{first} to {last} %") }
}

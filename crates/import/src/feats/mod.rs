//! feats.py, a library for Python: a stream in Redis for each feature, with all of its states.
//!
//! The default implementation of a feature, and what its segments compute of a caller, are in the program alone. A
//! caller without a selector is off here, and the program takes its default.

mod attributes;
mod selector;
mod state;

use chrono::{DateTime, Utc};
use novi_files::{Document, Flag};

use crate::{
    collector::{Collector, Draft, Imported},
    options::Options,
    redis::{Keys, StreamEntry},
    report::{Outcome, Report},
};
use attributes::Attributes;
use selector::Scope;
use state::{State, segments};

/// The keys to read, as patterns.
pub const KEYS: [&str; 2] = ["feature:*", "*:feature:*"];

/// Between the prefix of an application, if any, and the name of the feature.
const FEATURE: &str = "feature:";

/// The flags with their last states, and all states.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// The flags with their last states. The report has no earlier ones.
    pub now: Imported,
    /// All states of these flags, oldest first.
    pub states: Vec<Past>,
    /// What became of the earlier states.
    pub report: Report,
}

/// A state that a flag had, or has.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Past {
    /// When it was stored.
    pub at: DateTime<Utc>,
    /// Who stored it, and the entry of the stream.
    pub origin: String,
    /// The flag alone.
    pub document: Document,
}

/// Reads the streams of all features.
#[must_use]
pub fn read(keys: &Keys, options: &Options) -> History {
    let entries = keys.streams().filter(|(key, _)| name(key).is_some()).flat_map(|(_, entries)| entries);
    let attributes = Attributes::of(entries.flat_map(segments));
    let mut collector = Collector::default();
    attributes.note(&mut collector);
    let (mut states, mut report) = (Vec::new(), Report::default());
    for (key, entries) in keys.streams() {
        let Some((last, before)) = entries.split_last() else { continue };
        let Some(name) = name(key) else { continue };
        let scope = Scope { attributes: &attributes, options, groups: options.groups.get(name) };
        let draft = flag(&mut collector, name, last, &scope);
        let is_new = draft.is_ok() && !collector.has_flag(name);
        collector.add(source(key, last), name, draft);
        if !is_new {
            continue;
        }
        for entry in before {
            let (past, outcome) = past(name, entry, &scope);
            report.push(source(key, entry), Some(name), outcome);
            states.extend(past);
        }
        states.extend(past(name, last, &scope).0);
    }
    for (key, _) in keys.unreadable("").filter(|(key, _)| name(key).is_some()) {
        let why = "expected a stream of text".to_owned();
        collector.note(key, None, Outcome::NotMapped { why });
    }
    let now = collector.finish();
    states.retain(|past: &Past| past.document.flags.keys().all(|name| now.document.flags.contains_key(name)));
    // By time alone: the states of one stream are in their order.
    states.sort_by_key(|past| past.at);
    History { now, states, report }
}

/// The name of a feature: the module and the class.
fn name(key: &str) -> Option<&str> {
    key.strip_prefix(FEATURE).or_else(|| key.split_once(":feature:").map(|(_, name)| name))
}

fn source(key: &str, entry: &StreamEntry) -> String {
    format!("{key}#{}", entry.id)
}

/// The flag of a state.
fn flag(
    collector: &mut Collector,
    name: &str,
    entry: &StreamEntry,
    scope: &Scope<'_>,
) -> Result<Draft, String> {
    let state = State::parse(entry)?;
    let mut differences = Vec::new();
    let activation = state.activation(scope, &mut differences)?;
    // Without a selector, every caller has the default.
    let mut flag = Flag { status: Some(activation.is_some()), ..Flag::default() };
    if let Some(activation) = activation {
        flag.activations.push(collector.activation(name, "implementations", activation));
    }
    Ok(Draft { flag, differences })
}

/// A flag as it was; off while its state cannot be expressed.
fn past(name: &str, entry: &StreamEntry, scope: &Scope<'_>) -> (Option<Past>, Outcome) {
    let Some(at) = time(&entry.id) else {
        let why =
            format!("expected an entry whose id begins with a time in milliseconds, found {:?}", entry.id);
        return (None, Outcome::NotMapped { why });
    };
    let mut collector = Collector::default();
    let draft = flag(&mut collector, name, entry, scope);
    collector.add(entry.id.as_str(), name, draft);
    let Imported { mut document, report, .. } = collector.finish();
    let off = || Flag { status: Some(false), ..Flag::default() };
    document.flags.entry(name.to_owned()).or_insert_with(off);
    let by = entry.field("created_by").map(|by| format!(" by {by}")).unwrap_or_default();
    let outcome = report.items.into_iter().next().map_or(Outcome::Mapped, |item| item.outcome);
    (Some(Past { at, origin: format!("state {}{by}", entry.id), document }), outcome)
}

/// The time of an entry's id.
fn time(id: &str) -> Option<DateTime<Utc>> {
    let milliseconds = id.split_once('-').map_or(id, |(milliseconds, _)| milliseconds);
    DateTime::from_timestamp_millis(milliseconds.parse().ok()?)
}

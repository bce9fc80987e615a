//! `novi watch`.

use std::{collections::HashMap, mem, process::ExitCode, time::Duration};

use chrono::Utc;
use clap::Args;
use novi::{
    Context, Flags,
    rows::Revision,
    snapshot::SnapshotGuard,
    store::{
        SchemaStore,
        history::{HistoryQuery, HistoryRecord},
    },
};
use serde::Serialize;
use serde_json::json;

use super::{
    change::{find_flag, flag_name},
    eval::parse_context,
    history::line,
    serve::Signals,
};
use crate::{
    output::{Failure, print_note, sanitize, timestamp, write_until_closed},
    session::{Config, Session},
};

/// The most records of one change that are printed.
const MOST: u32 = 1000;

/// A window that opens is noticed this late at most, if the clock of the computer is changed.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

const EXAMPLES: &str = "\
Examples:
  novi watch
  novi watch checkout --context '{\"targetingKey\": \"user-7\"}'
  novi watch --json | jq -c 'select(.type == \"change\")'

With --context a line says when the decision of a flag changes for this caller, also when a window of time opens or closes. \
Ctrl-C ends it, and so does a reader that closes the pipe, at the next line.";

/// Print changes of rows and decisions as they happen
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Watch {
    /// Print only changes of these flags, by name or #ID, and of their activations
    #[arg(value_name = "FLAG")]
    flags: Vec<String>,

    /// Attributes of a caller, whose decisions are printed when they change
    #[arg(long, value_name = "JSON|@FILE|-")]
    context: Option<String>,
}

/// What decides for a caller.
#[derive(Clone, PartialEq, Serialize)]
struct Answer {
    enabled: bool,
    variant: Option<String>,
    reason: novi::Reason,
}

struct Watching {
    json: bool,
    /// Empty for all flags.
    names: Vec<String>,
    context: Option<Context<'static>>,
    seen: Revision,
    /// By flag, in the order of their ids.
    answers: Vec<(String, Answer)>,
}

impl Watch {
    pub(crate) async fn run(self, session: &Session) -> Result<ExitCode, Failure> {
        let context = self.context.as_deref().map(parse_context).transpose()?;
        let mut signals =
            Signals::new().map_err(|error| Failure::system(format!("could not handle signals: {error}")))?;
        let store = session.store().await?;
        // Watching leaves no traces: it writes no snapshot file, and its evaluations are nobody's.
        let mut config = session.config.clone();
        let defaults = Config::default();
        (config.snapshot, config.flags) = (defaults.snapshot, defaults.flags);
        let builder = Flags::builder().config(&config).usage_interval(Duration::ZERO).keep_rows();
        let flags = builder.from_store(store.clone()).await?;
        let mut changes = flags.subscribe();
        let snapshot = flags.snapshot();
        let mut names = Vec::new();
        for wanted in self.flags {
            if let Some(rows) = snapshot.rows() {
                find_flag(rows, &wanted)?;
            }
            names.push(flag_name(snapshot.rows(), wanted)?);
        }
        let mut watching =
            Watching { json: session.json, names, context, seen: snapshot.revision(), answers: Vec::new() };
        watching.answers = watching.answers_of(&snapshot);
        if !session.json {
            let what = count_of(watching.names.len());
            print_note(format_args!("watching {what} at revision {}; Ctrl-C ends it", watching.seen))?;
        }
        loop {
            let snapshot = flags.snapshot();
            let is_open = tokio::select! {
                () = signals.next() => false,
                change = changes.next() => match change {
                    Some(_) => watching.changed(&*store, &flags.snapshot()).await?,
                    None => false,
                },
                () = tokio::time::sleep(watching.until_next(&snapshot)) => watching.decided(&snapshot)?,
            };
            if !is_open {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

fn count_of(names: usize) -> String {
    match names {
        0 => "all flags".to_owned(),
        1 => "1 flag".to_owned(),
        names => format!("{names} flags"),
    }
}

impl Watching {
    /// Prints the changes since the last ones. Returns `false` if nobody reads them.
    async fn changed(&mut self, store: &dyn SchemaStore, snapshot: &SnapshotGuard) -> Result<bool, Failure> {
        let now = snapshot.revision();
        let before = mem::replace(&mut self.seen, now);
        // After a restore of the database, numbers can be lower.
        let records =
            if before.number() < now.number() { self.records(store, before, now).await? } else { Vec::new() };
        for record in &records {
            let is_open = if self.json {
                let mut line = json!({"type": "change"});
                if let (Some(line), Ok(serde_json::Value::Object(fields))) =
                    (line.as_object_mut(), serde_json::to_value(record))
                {
                    line.extend(fields);
                }
                write_until_closed(&format!("{line}\n"))?
            } else {
                write_until_closed(&format!("{}\n", sanitize(&line(record))))?
            };
            if !is_open {
                return Ok(false);
            }
        }
        self.decided(snapshot)
    }

    /// The records of these revisions, oldest first.
    async fn records(
        &self,
        store: &dyn SchemaStore,
        before: Revision,
        now: Revision,
    ) -> Result<Vec<HistoryRecord>, Failure> {
        let query = || HistoryQuery::oldest_first().between(before, now).limit(MOST);
        if self.names.is_empty() {
            return Ok(store.history(&query()).await?);
        }
        let mut of_flags = Vec::new();
        for name in &self.names {
            of_flags.extend(store.history(&query().flag(name)).await?);
        }
        // In their order, and each once.
        let mut records = store.history(&query()).await?;
        records.retain(|record| of_flags.contains(record));
        Ok(records)
    }

    /// Prints the decisions that have changed. Returns `false` if nobody reads them.
    fn decided(&mut self, snapshot: &SnapshotGuard) -> Result<bool, Failure> {
        let now = self.answers_of(snapshot);
        let before = mem::replace(&mut self.answers, now);
        let known: HashMap<&str, &Answer> =
            before.iter().map(|(flag, answer)| (flag.as_str(), answer)).collect();
        for (flag, after) in &self.answers {
            let before = known.get(flag.as_str()).copied();
            if before == Some(after) {
                continue;
            }
            let text = if self.json {
                let time = timestamp(Utc::now());
                json!({"type": "decision", "time": time, "flag": flag, "before": before, "after": after})
                    .to_string()
            } else {
                let was = before.map(|before| format!(", was {}", said(before))).unwrap_or_default();
                sanitize(&format!("        {}  {flag} is {}{was}", timestamp(Utc::now()), said(after)))
                    .into_owned()
            };
            if !write_until_closed(&format!("{text}\n"))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn answers_of(&self, snapshot: &SnapshotGuard) -> Vec<(String, Answer)> {
        let Some(context) = &self.context else { return Vec::new() };
        let decisions = snapshot.evaluate_all(context);
        let decisions = decisions.iter().filter(|decision| {
            self.names.is_empty() || self.names.iter().any(|name| name == decision.flag())
        });
        decisions
            .map(|decision| {
                let variant = decision.variant().map(str::to_owned);
                let answer = Answer { enabled: decision.enabled(), variant, reason: decision.reason() };
                (decision.flag().to_owned(), answer)
            })
            .collect()
    }

    /// How long no window of time opens or closes.
    fn until_next(&self, snapshot: &SnapshotGuard) -> Duration {
        let now = Utc::now();
        let next = self.context.as_ref().and_then(|_| snapshot.next_change_of_all(now));
        let wait = next.and_then(|next| (next - now).to_std().ok());
        wait.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
    }
}

/// `on, variant A (SPLIT)`
fn said(answer: &Answer) -> String {
    let state = if answer.enabled { "on" } else { "off" };
    let variant = answer.variant.as_ref().map(|variant| format!(", variant {variant}")).unwrap_or_default();
    format!("{state}{variant} ({})", answer.reason)
}

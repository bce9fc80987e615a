//! Explanations of decisions: every activation that was evaluated, as a tree.

use std::{
    collections::HashSet,
    fmt,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    activation::{
        Verdict, Words,
        cause::Cause,
        evaluation::Evaluation,
        memo::Memo,
        trace::{Draw, Records, Tracer},
    },
    context::{Context, override_scope, value::Value},
    error::Result,
    rows::Revision,
    rows::issue::{Issue, short_path},
    snapshot::{
        Flag, Logic, Snapshot,
        decision::{Outcome, Reason},
    },
};

/// Deeper levels are omitted from an explanation: printing them would need as deep a stack.
const MAX_DEPTH: usize = 64;

/// The explanation of a decision.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Trace {
    /// The flag's name.
    pub flag: String,
    /// Whether the flag is on for this caller.
    pub enabled: bool,
    /// The variant, if one was assigned.
    pub variant: Option<String>,
    /// Why the decision was made, in OpenFeature's vocabulary.
    #[schemars(with = "&str")]
    pub reason: Reason,
    /// The revision of the rows.
    pub revision: Revision,
    /// Why the decision was made, in a sentence.
    pub because: String,
    /// Why the decision was made, for programs.
    pub cause: TraceCause,
    /// The duration of the evaluation in nanoseconds, including the tracing, which takes most of it.
    pub nanoseconds: u64,
    /// The flag's activations, in the order of evaluation.
    pub activations: Vec<TraceNode>,
}

/// Why a decision was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TraceCause {
    /// What decided.
    pub kind: CauseKind,
    /// The id of the activation of the flag that decided, if one did: the first that is off, or that has this
    /// cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<i64>,
}

/// What decided a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CauseKind {
    /// The status is off.
    Status,
    /// An override.
    Override,
    /// An invalid row: the flag is broken.
    InvalidRow,
    /// The flag has no activations, or only unconditional ones.
    Unconditional,
    /// Conditions, which are met.
    Condition,
    /// No rule or case matched, and the result for this case is on.
    Fallthrough,
    /// A draw: the bucket of the caller.
    Draw,
    /// An activation is off.
    ActivationOff,
}

/// An activation in an explanation, or a flag that an activation depends on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TraceNode {
    /// The id of the row: of the activation, of the row with the inline activation, or of the flag.
    pub id: i64,
    /// The name of that row.
    pub name: String,
    /// The path of an inline activation in that row's config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The class name in the row; `flag` for a flag.
    pub class_name: String,
    /// Whether it was on; `None` if it was not evaluated, since the result was certain without it.
    pub on: Option<bool>,
    /// The variant that it assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The attributes that it read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// The duration of its evaluation in nanoseconds, including its children; `None` if it was not evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nanoseconds: Option<u64>,
    /// What decided that it is on or off; `None` if it was not evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The bucket of the caller, if it draws and the caller has a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw: Option<Draw>,
    /// The values that the caller matched: a member of the list, the values of a case, or the value of an
    /// attribute that meets the condition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub matched: Vec<Value<'static>>,
    /// Remarks of the activation on its verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The activations that it depends on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub activations: Vec<TraceNode>,
}

/// An attribute that an activation read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Input {
    /// The attribute's name.
    pub attribute: String,
    /// Its value; `None` if neither the caller's context nor the static one has it.
    #[schemars(with = "serde_json::Value")]
    pub value: Option<Value<'static>>,
}

impl Snapshot {
    /// Evaluates a flag for this caller and explains the decision.
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) if no flag has this name.
    pub fn explain(&self, name: &str, context: &Context<'_>) -> Result<Trace> {
        if override_scope::any_override_active()
            && let Some(trace) = self.explain_overlaid(name)
        {
            return Ok(trace);
        }
        let index = self.index(name)?;
        let mut trace = match self.locate(index) {
            Some((home, _)) if !std::ptr::eq(home, self) => home.explain_at(home.index(name)?, name, context),
            _ => self.explain_at(index, name, context),
        };
        trace.revision = self.revision();
        if override_scope::any_override_active() {
            trace.because.extend(self.refused(name, Some(index)));
        }
        Ok(trace)
    }

    /// Explains a flag of this snapshot itself, and not of its patch.
    fn explain_at(&self, index: u32, name: &str, context: &Context<'_>) -> Trace {
        let start = Instant::now();
        let (outcome, records) = self.traced(index, context);
        let took = nanoseconds(start.elapsed());
        let roots = match self.flags.get(index as usize) {
            Some(Flag { logic: Logic::Activations(_), .. }) => self.links.targets(index),
            _ => &[],
        };
        let mut tree = Tree { snapshot: self, records: &records, shown: HashSet::new() };
        let activations: Vec<TraceNode> = roots.iter().filter_map(|root| tree.node(*root, None, 1)).collect();
        let because = self.because(index, outcome, &activations);
        let cause = self.cause(index, outcome, &activations);
        Trace {
            flag: name.to_owned(),
            enabled: outcome.enabled,
            variant: outcome.variant.map(|variant| self.name_of_variant(variant).to_owned()),
            reason: outcome.reason.reason(),
            revision: self.revision(),
            because,
            cause,
            nanoseconds: took,
            activations,
        }
    }

    fn traced(&self, index: u32, context: &Context<'_>) -> (Outcome, Records) {
        let Some(flag @ Flag { logic: Logic::Activations(_), .. }) = self.flags.get(index as usize) else {
            return (self.outcome_of(index, context), Records::new());
        };
        let tracer = Tracer::default();
        // Not every plan needs a memo, but none is harmed by it.
        let outcome = Memo::lend(self.memo_size(1), |memo| {
            let evaluation =
                Evaluation::new(&self.around, context, &flag.named).with_tracer(&tracer).with_memo(memo);
            self.asked(flag, &evaluation)
        });
        (outcome, tracer.into_records())
    }

    fn cause(&self, index: u32, outcome: Outcome, activations: &[TraceNode]) -> TraceCause {
        let first_with = |cause| activations.iter().find(|node| node.cause == Some(cause));
        let (kind, decider) = match outcome.reason.reason() {
            _ if self.flags.get(index as usize).is_some_and(|flag| flag.overridden) => {
                (CauseKind::Override, None)
            }
            Reason::Disabled => (CauseKind::Status, None),
            Reason::Error => (CauseKind::InvalidRow, None),
            Reason::Static => (CauseKind::Unconditional, None),
            Reason::TargetingMatch => (CauseKind::Condition, first_with(Cause::Condition)),
            Reason::Split => (CauseKind::Draw, first_with(Cause::Draw)),
            Reason::Default if outcome.enabled => (CauseKind::Fallthrough, first_with(Cause::Fallthrough)),
            Reason::Default => {
                (CauseKind::ActivationOff, activations.iter().find(|node| node.on == Some(false)))
            }
        };
        TraceCause { kind, activation: decider.map(|node| node.id) }
    }

    fn because(&self, index: u32, outcome: Outcome, activations: &[TraceNode]) -> String {
        let flag = self.flags.get(index as usize);
        let name = self.name_of(index);
        if flag.is_some_and(|flag| flag.overridden) {
            return "the configuration overrides the flag ([overrides])".to_owned();
        }
        match outcome.reason.reason() {
            Reason::Disabled => "the flag's status is off".to_owned(),
            Reason::Static if activations.is_empty() => {
                "the flag's status is on and it has no activations".to_owned()
            }
            Reason::Static => "the flag's activations are on for every caller".to_owned(),
            Reason::Default if outcome.enabled => {
                "no rule matches, so the result for this case applies".to_owned()
            }
            Reason::TargetingMatch | Reason::Split => "all of the flag's activations are on".to_owned(),
            Reason::Default => match activations.iter().find(|node| node.on == Some(false)) {
                Some(off) => format!("activation {} {:?} is off", off.id, off.name),
                None => "an activation is off".to_owned(),
            },
            Reason::Error => {
                let hurts = |issue: &&Issue| issue.flags.iter().any(|hurt| hurt == name);
                let issues: Vec<String> = self.issues.iter().filter(hurts).map(ToString::to_string).collect();
                format!("the flag is broken, so its fail_mode decides: {}", issues.join("; "))
            }
        }
    }
}

struct Tree<'a> {
    snapshot: &'a Snapshot,
    records: &'a Records,
    /// Children of a shared activation are shown only the first time: the tree could grow exponentially
    /// otherwise.
    shown: HashSet<(Option<u32>, u32)>,
}

impl Tree<'_> {
    /// A node of the tree. `scope` is the number of the flag that it was evaluated for, below a flag that
    /// activations depend on.
    fn node(&mut self, node: u32, scope: Option<u32>, depth: usize) -> Option<TraceNode> {
        let node_info = &self.snapshot.node_info;
        let prerequisite = self.snapshot.prerequisite_at(node);
        let row = match prerequisite {
            Some(flag) => node_info.flags.get(flag as usize)?,
            None => node_info.row_of(node)?,
        };
        let by_flag = self.snapshot.around.nodes.get(node as usize).is_some_and(|node| node.by_flag);
        let key = (scope.filter(|_| by_flag), node);
        let record = self.records.get(&key);
        let verdict = record.and_then(|record| record.verdict);
        let mut asked = TraceNode {
            id: row.id,
            name: self.snapshot.around.texts.get(row.name).to_owned(),
            path: node_info.path_of(node).map(str::to_owned),
            class_name: node_info.class_of(node).to_owned(),
            on: verdict.map(Verdict::is_on),
            variant: verdict
                .and_then(Verdict::variant)
                .map(|variant| self.snapshot.name_of_variant(variant).to_owned()),
            inputs: Vec::new(),
            nanoseconds: verdict.and(record).map(|record| nanoseconds(record.took)),
            cause: None,
            draw: None,
            matched: Vec::new(),
            notes: Vec::new(),
            activations: Vec::new(),
        };
        if let Some(record) = record {
            let input = |(attribute, value): &(String, Option<Value<'static>>)| Input {
                attribute: attribute.clone(),
                value: value.clone(),
            };
            // An attribute with the name of a whole path is looked for first. It is not missing if the path
            // starts at another attribute.
            let is_path = |(name, value): &&(String, Option<Value<'static>>)| {
                let first = name.split_once('.').map(|(first, _)| first);
                let is_first =
                    |(other, value): &(String, _)| Some(&**other) == first && Option::is_some(value);
                value.is_none() && record.inputs.iter().any(is_first)
            };
            asked.inputs = record.inputs.iter().filter(|input| !is_path(input)).map(input).collect();
            asked.notes.clone_from(&record.notes);
            asked.matched.clone_from(&record.matched);
            asked.draw.clone_from(&record.draw);
            let node = self.snapshot.around.nodes.get(node as usize);
            asked.cause = node.and_then(|node| record.cause(node.cause_rule));
        }
        let children = self.snapshot.graph.targets(node);
        if children.is_empty() {
        } else if !self.shown.insert(key) {
            asked.notes.push("its children are shown above".to_owned());
        } else if depth == MAX_DEPTH {
            asked.notes.push("its children are omitted: more than 64 levels".to_owned());
        } else {
            let scope = prerequisite.or(scope);
            let children = children.iter().filter_map(|child| self.node(*child, scope, depth + 1));
            asked.activations = children.collect();
        }
        Some(asked)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Trace {
    /// The tree for people, with the words of each activation's row. The words are those of the rows, which must be
    /// those of the explained snapshot.
    #[must_use]
    pub fn with_words<'a>(&'a self, words: Words<'a>) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| self.write(f, Some(words)))
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, words: Option<Words<'_>>) -> fmt::Result {
        let state = if self.enabled { "on" } else { "off" };
        write!(f, "{} is {state}", self.flag)?;
        if let Some(variant) = &self.variant {
            write!(f, ", variant {variant}")?;
        }
        writeln!(
            f,
            " ({}): {}, at revision {}{}",
            self.reason,
            self.because,
            self.revision,
            Took(Some(self.nanoseconds).filter(|_| f.alternate()))
        )?;
        write_tree(f, &self.activations, "", words)
    }
}

/// A tree for people; `{:#}` includes durations.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

fn write_tree(
    f: &mut fmt::Formatter<'_>,
    level: &[TraceNode],
    indent: &str,
    words: Option<Words<'_>>,
) -> fmt::Result {
    for (position, asked) in level.iter().enumerate() {
        let last = position + 1 == level.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let took = Took(asked.nanoseconds.filter(|_| f.alternate()));
        // An inline activation is part of the words of its row.
        let row = words.filter(|_| asked.path.is_none()).and_then(|words| words.of(asked.id));
        let row = row.filter(|row| row.class_name == asked.class_name && !row.words.is_empty());
        let row = row.map_or_else(String::new, |row| format!(": {}", row.words));
        writeln!(f, "{indent}{branch}{asked}{row}{took}")?;
        let below = format!("{indent}{below}");
        let rest = if asked.activations.is_empty() { "   " } else { "│  " };
        for Input { attribute, value } in &asked.inputs {
            let value = value.as_ref().map_or_else(|| "missing".to_owned(), ToString::to_string);
            writeln!(f, "{below}{rest}{attribute}: {value}")?;
        }
        for note in &asked.notes {
            writeln!(f, "{below}{rest}{note}")?;
        }
        write_tree(f, &asked.activations, &below, words)?;
    }
    Ok(())
}

/// A duration, if there is one, in a unit that leaves few digits.
struct Took(Option<u64>);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(time @ ..1_000) => write!(f, " · {time} ns"),
            Some(time @ ..1_000_000) => write!(f, " · {}.{} µs", time / 1_000, time / 100 % 10),
            Some(time) => write!(f, " · {}.{} ms", time / 1_000_000, time / 100_000 % 10),
        }
    }
}

/// One line.
impl fmt::Display for TraceNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.on {
            Some(true) => "on ",
            Some(false) => "off",
            None => "not evaluated",
        };
        write!(f, "{state} {} {:?}", self.id, self.name)?;
        if let Some(path) = &self.path {
            write!(f, " {}", short_path(path))?;
        }
        write!(f, " ({})", self.class_name)?;
        match &self.variant {
            Some(variant) => write!(f, " -> {variant}"),
            None => Ok(()),
        }
    }
}

//! One evaluation: what an activation may ask while it answers.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
};

use chrono::{DateTime, Utc};

use crate::{
    activation::{Activation, Child, Variant, Verdict},
    context::{Context, TARGETING_KEY},
    value::Value,
};

/// A compiled activation.
pub(crate) struct Node {
    pub(crate) activation: Box<dyn Activation>,
    /// Where the answer is remembered, for a node that several others ask.
    pub(crate) memo: Option<u32>,
}

/// What an activation is given to answer: the caller's context, the time, and the other activations.
pub struct Check<'a> {
    nodes: &'a [Node],
    context: &'a Context<'a>,
    base: &'a Context<'static>,
    now: Cell<Option<DateTime<Utc>>>,
    memo: Option<&'a Memo>,
    tracer: Option<&'a Tracer>,
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The context may hold what should not be printed.
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

impl<'a> Check<'a> {
    pub(crate) fn new(nodes: &'a [Node], context: &'a Context<'a>, base: &'a Context<'static>) -> Self {
        Self { nodes, context, base, now: Cell::new(None), memo: None, tracer: None }
    }

    pub(crate) fn with_memo(mut self, memo: &'a Memo) -> Self {
        self.memo = Some(memo);
        self
    }

    pub(crate) fn with_tracer(mut self, tracer: &'a Tracer) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// The attribute of this name: the caller's, else the static context's. One that is null counts as missing, and
    /// a missing attribute is no error: the condition is not met (R4).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let value = self.context.get(name).or_else(|| self.base.get(name));
        if let Some(tracer) = self.tracer {
            tracer.read(name, value);
        }
        value
    }

    /// The sticky identity of the caller, if it is known.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.get(TARGETING_KEY).and_then(Value::as_str)
    }

    /// The time of this evaluation. The clock is read when first asked for, and stands still from then on.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let now = self.now.get().unwrap_or_else(|| {
            let now = Utc::now();
            self.now.set(Some(now));
            now
        });
        if let Some(tracer) = self.tracer {
            tracer.note(format!("clock: {}", now.to_rfc3339()));
        }
        now
    }

    /// Asks another activation. One that several activations share is asked once; the others get the same answer.
    #[must_use]
    pub fn ask(&self, child: &Child) -> Verdict {
        self.ask_node(child.node)
    }

    /// Adds a line to the explanation of this activation's answer. The text is made only when somebody asked why.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if let Some(tracer) = self.tracer {
            tracer.note(line());
        }
    }

    pub(crate) fn ask_node(&self, index: u32) -> Verdict {
        let Some(node) = self.nodes.get(index as usize) else { return Verdict::Off };
        let slot = self.memo.zip(node.memo);
        if let Some(known) = slot.and_then(|(memo, slot)| memo.get(slot)) {
            return known;
        }
        let verdict = match self.tracer {
            None => node.activation.evaluate(self),
            Some(tracer) => tracer.ask(index, || node.activation.evaluate(self)),
        };
        if let Some((memo, slot)) = slot {
            memo.set(slot, verdict);
        }
        verdict
    }
}

/// The answers of shared activations during one evaluation, by their number.
///
/// Kept by the thread from one evaluation to the next, so that no evaluation allocates: an entry counts only
/// if it carries the present evaluation's number.
#[derive(Default)]
pub(crate) struct Memo {
    evaluation: u32,
    answers: Vec<Cell<(u32, u32)>>,
}

impl Memo {
    const OFF: u32 = 0;
    const ON: u32 = 1;
    /// Variants are numbered from here.
    const VARIANT: u32 = 2;

    /// Calls `ask` with an empty memo for `slots` answers.
    pub(crate) fn lend<T>(slots: usize, ask: impl FnOnce(&Self) -> T) -> T {
        thread_local! {
            static MEMO: Cell<Memo> = Cell::default();
        }
        // Taken, not borrowed: an activation that evaluates another flag gets a memo of its own.
        let mut memo = MEMO.take();
        memo.clear(slots);
        let answer = ask(&memo);
        MEMO.set(memo);
        answer
    }

    fn clear(&mut self, slots: usize) {
        self.evaluation = self.evaluation.wrapping_add(1);
        if self.evaluation == 0 {
            // After 2^32 evaluations old entries would seem new again.
            self.answers.clear();
            self.evaluation = 1;
        }
        if self.answers.len() < slots {
            self.answers.resize(slots, Cell::new((0, 0)));
        }
    }

    fn get(&self, slot: u32) -> Option<Verdict> {
        let (evaluation, code) = self.answers.get(slot as usize)?.get();
        (evaluation == self.evaluation).then(|| match code {
            Self::OFF => Verdict::Off,
            Self::ON => Verdict::On,
            variant => Verdict::Variant(Variant(variant - Self::VARIANT)),
        })
    }

    fn set(&self, slot: u32, verdict: Verdict) {
        let code = match verdict {
            Verdict::Off => Self::OFF,
            Verdict::On => Self::ON,
            Verdict::Variant(Variant(number)) => number.saturating_add(Self::VARIANT),
        };
        if let Some(answer) = self.answers.get(slot as usize) {
            answer.set((self.evaluation, code));
        }
    }
}

/// What an activation read and said while it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) verdict: Option<Verdict>,
    pub(crate) inputs: Vec<(String, Option<Value<'static>>)>,
    pub(crate) notes: Vec<String>,
}

/// Writes down an evaluation, by node.
#[derive(Default)]
pub(crate) struct Tracer {
    records: RefCell<HashMap<u32, Record>>,
    asking: RefCell<Vec<u32>>,
}

impl Tracer {
    pub(crate) fn into_records(self) -> HashMap<u32, Record> {
        self.records.into_inner()
    }

    fn ask(&self, node: u32, evaluate: impl FnOnce() -> Verdict) -> Verdict {
        if let Some(verdict) = self.records.borrow().get(&node).and_then(|record| record.verdict) {
            return verdict;
        }
        self.asking.borrow_mut().push(node);
        self.record(|_| ());
        let verdict = evaluate();
        self.record(|record| record.verdict = Some(verdict));
        self.asking.borrow_mut().pop();
        verdict
    }

    fn read(&self, name: &str, value: Option<&Value<'_>>) {
        self.record(|record| {
            if record.inputs.iter().all(|(known, _)| known != name) {
                record.inputs.push((name.to_owned(), value.cloned().map(Value::into_owned)));
            }
        });
    }

    fn note(&self, line: String) {
        self.record(|record| record.notes.push(line));
    }

    fn record(&self, write: impl FnOnce(&mut Record)) {
        if let Some(node) = self.asking.borrow().last() {
            let empty = || Record { verdict: None, inputs: Vec::new(), notes: Vec::new() };
            write(self.records.borrow_mut().entry(*node).or_insert_with(empty));
        }
    }
}

//! Evaluations that are watched: for explanations, and to find out whether a key is needed.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::HashMap,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Number;

use crate::{
    activation::{
        cause::{Cause, CauseRule, Causes},
        verdict::Verdict,
    },
    context::value::Value,
};

/// The position of a caller in a draw.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Draw {
    /// The hash, by its name in configs; `chacha8` or `python` if a seed was drawn from.
    pub hash: Cow<'static, str>,
    /// The salt, if the hash has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The key that was hashed, or the seed.
    pub key: String,
    /// The bucket, as the system that the hash is from shows it.
    pub bucket: Number,
    /// The start of the range that is in: of the assigned variant, or of the next range after the bucket. `None`
    /// if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Number>,
    /// The end of that range, which is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Number>,
}

/// One evaluation of an activation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) verdict: Option<Verdict>,
    /// The duration, including children.
    pub(crate) took: Duration,
    pub(crate) inputs: Vec<(String, Option<Value<'static>>)>,
    pub(crate) notes: Vec<String>,
    pub(crate) draw: Option<Draw>,
    /// The values of the row that the caller matched.
    pub(crate) matched: Vec<Value<'static>>,
    causes: Causes,
}

impl Record {
    /// What decided the verdict of an activation with this rule.
    pub(crate) fn cause(&self, rule: CauseRule) -> Option<Cause> {
        Some(rule.cause(self.verdict?.is_on(), self.causes))
    }
}

/// Records an evaluation, by node. Or records nothing, and decides draws that lack a key.
#[derive(Default)]
pub(crate) struct Tracer {
    records: RefCell<Records>,
    stack: RefCell<Vec<(Option<u32>, u32)>>,
    /// The prerequisite that is evaluated.
    pub(super) scope: Cell<Option<u32>>,
    /// Whether draws that lack a key are won, if it only decides those.
    assumed: Option<Cell<bool>>,
}

/// Records by node, and by prerequisite if the verdict depends on the flag.
pub(crate) type Records = HashMap<(Option<u32>, u32), Record>;

impl Tracer {
    pub(crate) fn into_records(self) -> Records {
        self.records.into_inner()
    }

    /// Assumes that draws which lack a key are won, or lost. Below a negation it is the other way round, so
    /// that the flag gets the most, or the least, that the draws can give.
    pub(crate) fn assuming(won: bool) -> Self {
        Self { assumed: Some(Cell::new(won)), ..Self::default() }
    }

    /// Whether draws that lack a key are won.
    pub(super) fn assumes_won(&self) -> bool {
        self.assumed.as_ref().is_some_and(Cell::get)
    }

    /// Whether it records.
    pub(super) fn records(&self) -> bool {
        self.assumed.is_none()
    }

    pub(super) fn evaluate(
        &self,
        (node, by_flag, rule): (u32, bool, CauseRule),
        causes: &Cell<Causes>,
        evaluate: impl FnOnce() -> Option<Verdict>,
    ) -> Option<Verdict> {
        if let Some(won) = &self.assumed {
            let before = won.get();
            won.set(before ^ (rule == CauseRule::Negation));
            let verdict = evaluate();
            won.set(before);
            return verdict;
        }
        let key = (self.scope.get().filter(|_| by_flag), node);
        if let Some(known) = self.records.borrow().get(&key).filter(|record| record.verdict.is_some()) {
            causes.set(known.causes);
            return known.verdict;
        }
        self.stack.borrow_mut().push(key);
        self.record(|_| ());
        let start = Instant::now();
        let verdict = evaluate();
        let took = start.elapsed();
        self.record(|record| {
            record.took = took;
            record.causes = causes.get();
            match verdict {
                Some(verdict) => record.verdict = Some(verdict),
                None => record.notes.push("panicked".to_owned()),
            }
        });
        self.stack.borrow_mut().pop();
        verdict
    }

    #[cold]
    pub(super) fn record_input(&self, name: &str, value: Option<&Value<'_>>) {
        if !self.records() {
            return;
        }
        self.record(|record| {
            if record.inputs.iter().all(|(known, _)| known != name) {
                record.inputs.push((name.to_owned(), value.cloned().map(Value::into_owned)));
            }
        });
    }

    #[cold]
    pub(super) fn record_draw(&self, draw: impl FnOnce() -> Draw) {
        if self.records() {
            let draw = draw();
            self.record(|record| record.draw = Some(draw));
        }
    }

    #[cold]
    pub(super) fn record_match(&self, values: impl FnOnce() -> Vec<Value<'static>>) {
        if self.records() {
            let values = values();
            self.record(|record| record.matched = values);
        }
    }

    #[cold]
    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        if !self.records() {
            return;
        }
        let line = line();
        self.record(|record| record.notes.push(line));
    }

    fn record(&self, write: impl FnOnce(&mut Record)) {
        if let Some(key) = self.stack.borrow().last() {
            write(self.records.borrow_mut().entry(*key).or_default());
        }
    }
}

//! One evaluation: what an activation may ask while it answers.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fmt,
    num::NonZeroU32,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use crate::{
    activation::{
        Activation, Child, Variant, Verdict,
        bucket::Salted,
        strings::{Text, Texts},
    },
    context::{Context, TARGETING_KEY, timestamp::Timestamp, value::Value},
};

/// A compiled activation.
#[derive(Clone)]
pub(crate) struct Node {
    /// Rows whose type and config are the same share one.
    pub(crate) activation: Arc<dyn Activation>,
    /// Where the answer is remembered, for a node that several others ask; else [`Node::FORGOTTEN`].
    pub(crate) slot: u32,
    /// Whether the answer is another one for another flag, so that flags do not share it.
    pub(crate) by_flag: bool,
    /// Whether the activation or one below it may assign a variant.
    pub(crate) assigns: bool,
    pub(crate) conduct: Conduct,
}

impl Node {
    /// When the activation says that its answer may change. One that panics says nothing.
    pub(crate) fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let ask = || self.activation.next_change(after);
        match self.conduct {
            Conduct::Trusted => ask(),
            Conduct::MayPanic(_) => panic::catch_unwind(AssertUnwindSafe(ask)).unwrap_or_default(),
        }
    }
}

/// Whether a type may panic. Those of novi do not.
pub(crate) enum Conduct {
    Trusted,
    /// With whether it has.
    MayPanic(AtomicBool),
}

impl Clone for Conduct {
    fn clone(&self) -> Self {
        match self {
            Self::Trusted => Self::Trusted,
            Self::MayPanic(before) => Self::MayPanic(AtomicBool::new(before.load(Ordering::Relaxed))),
        }
    }
}

impl Node {
    pub(crate) const FORGOTTEN: u32 = u32::MAX;

    /// Asks the activation. A panic is the type's own: it counts as no answer, and goes no further.
    #[inline]
    fn evaluate(&self, check: &Check<'_>) -> Option<Verdict> {
        match &self.conduct {
            Conduct::Trusted => Some(self.activation.evaluate(check)),
            Conduct::MayPanic(before) => self.caught(check, before),
        }
    }

    fn caught(&self, check: &Check<'_>, before: &AtomicBool) -> Option<Verdict> {
        // What the activation may have left half done is its own.
        let answer = panic::catch_unwind(AssertUnwindSafe(|| self.activation.evaluate(check)));
        if answer.is_err() && !before.swap(true, Ordering::Relaxed) {
            tracing::error!("an activation panicked; flags that need it answer by their fail mode");
        }
        answer.ok()
    }
}

/// What all evaluations of a snapshot have in common. A clone is cheap.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) nodes: Arc<[Node]>,
    /// The static context, which lies under every caller's.
    pub(crate) base: Context<'static>,
    /// Other names of the targeting key.
    pub(crate) identity: Arc<[Box<str>]>,
    /// The flags that activations ask.
    pub(crate) prerequisites: Arc<[Named]>,
    /// The names of flags and activations.
    pub(crate) texts: Texts,
}

/// A flag, as far as activations hear of it.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) name: Text,
    /// The name, as the salt of rollouts whose row gives none (R10).
    pub(crate) salt: Salted,
}

/// What an activation is given to answer: the caller's context, the time, and the other activations.
pub struct Check<'a> {
    around: &'a Surroundings,
    context: &'a Context<'a>,
    /// The flag that is evaluated.
    flag: Cell<&'a Named>,
    memo: Option<&'a Memo>,
    tracer: Option<&'a Tracer>,
    now: Cell<Option<Timestamp>>,
    /// The text of the context that was read as a number last, by its address and length, and the number.
    number: Cell<(usize, usize, Option<u64>)>,
    /// Whether an activation that this flag asked has panicked.
    failed: Cell<bool>,
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The context may hold what should not be printed.
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

impl<'a> Check<'a> {
    #[inline(always)]
    pub(crate) fn new(around: &'a Surroundings, context: &'a Context<'a>, flag: &'a Named) -> Self {
        let (flag, now, failed) = (Cell::new(flag), Cell::new(None), Cell::new(false));
        let number = Cell::new((0, 0, None));
        Self { around, context, flag, memo: None, tracer: None, now, number, failed }
    }

    /// Turns to the next flag, of the same context.
    #[inline]
    pub(crate) fn turn_to(&self, flag: &'a Named) {
        self.flag.set(flag);
        self.failed.set(false);
        if let Some(memo) = self.memo {
            memo.turn_to_next_flag();
        }
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
    #[inline(always)]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let value = self.context.get(name).or_else(|| self.around.base.get(name));
        if let Some(tracer) = self.tracer {
            tracer.read(name, value);
        }
        value
    }

    /// The attribute of this name in the static context, whatever the caller says: what a process is, is not the caller's
    /// to claim.
    #[must_use]
    pub(crate) fn get_static(&self, name: &str) -> Option<&Value<'static>> {
        let value = self.around.base.get(name);
        if let Some(tracer) = self.tracer {
            tracer.read(name, value);
        }
        value
    }

    /// All attributes that [`get`](Self::get) finds: the caller's, then those of the static context that the caller has not.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        let base = self.around.base.iter().filter(|(name, _)| self.context.get(name).is_none());
        self.context.iter().chain(base).filter(|(_, value)| !value.is_null())
    }

    /// The sticky identity of the caller, if it is known and text: the attribute `targetingKey`, or one that the settings
    /// name for it.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.targeting_value().and_then(Value::as_str)
    }

    /// The sticky identity of the caller, whatever it is.
    #[must_use]
    #[inline(always)]
    pub fn targeting_value(&self) -> Option<&Value<'a>> {
        let other = || self.around.identity.iter().find_map(|name| self.get(name));
        self.get(TARGETING_KEY).or_else(other)
    }

    /// The name of a flag that an activation asks.
    pub(crate) fn prerequisite_name(&self, prerequisite: u32) -> &'a str {
        let flag = self.around.prerequisites.get(prerequisite as usize);
        flag.map_or("", |flag| self.around.texts.get(flag.name))
    }

    /// Turns to a flag that an activation asks, until [`leave`](Self::leave).
    pub(crate) fn enter(&self, prerequisite: u32) -> Scope<'a> {
        let flag = self.around.prerequisites.get(prerequisite as usize).unwrap_or(self.flag.get());
        let number = self.memo.map(|memo| memo.enter(prerequisite));
        let traced = self.tracer.and_then(|tracer| tracer.scope.replace(Some(prerequisite)));
        Scope { flag: self.flag.replace(flag), number, traced }
    }

    /// Turns back.
    pub(crate) fn leave(&self, scope: &Scope<'a>) {
        self.flag.set(scope.flag);
        if let (Some(memo), Some(number)) = (self.memo, scope.number) {
            memo.flag.set(number);
        }
        if let Some(tracer) = self.tracer {
            tracer.scope.set(scope.traced);
        }
    }

    /// Whether a node's answer is remembered but not known yet.
    pub(crate) fn waits(&self, index: u32) -> bool {
        let node = self.around.nodes.get(index as usize).filter(|node| node.slot != Node::FORGOTTEN);
        let known = |node: &Node| self.memo.is_none_or(|memo| memo.get(node.slot, node.by_flag).is_some());
        node.is_some_and(|node| !known(node))
    }

    /// Whether an activation has panicked, so that the flag's answer is not to be trusted.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// The salt of a rollout whose row gives none.
    #[inline]
    pub(crate) fn flag_salt(&self) -> Salted {
        self.flag.get().salt
    }

    /// The name of the flag that is evaluated.
    pub(crate) fn flag_name(&self) -> &'a str {
        self.around.texts.get(self.flag.get().name)
    }

    /// The time of this evaluation. The clock is read when first asked for, and stands still from then on.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.timestamp().date()
    }

    /// [`now`](Self::now), in the form that takes no arithmetic.
    #[inline]
    pub(crate) fn timestamp(&self) -> Timestamp {
        let now = self.now.get().unwrap_or_else(|| {
            let now = Timestamp::now();
            self.now.set(Some(now));
            now
        });
        self.note(|| format!("clock: {}", now.date().to_rfc3339()));
        now
    }

    /// Asks another activation. One that several activations share is asked once; the others get the same answer.
    #[must_use]
    #[inline]
    pub fn ask(&self, child: &Child) -> Verdict {
        self.ask_node(child.node)
    }

    /// Adds a line to the explanation of this activation's answer. The text is made only when somebody asked why.
    #[inline]
    pub fn note(&self, line: impl FnOnce() -> String) {
        if let Some(tracer) = self.tracer {
            tracer.note_with(line);
        }
    }

    /// What `read` makes of a text of the context. Several conditions in turn may ask for the same one, which is read once.
    #[inline]
    pub(crate) fn number_of<'t>(
        &self,
        text: &'t str,
        read: impl FnOnce(&'t str) -> Option<u64>,
    ) -> Option<u64>
    where
        'a: 't,
    {
        // The context outlives the check, so there is no other text at the same place meanwhile.
        let (address, length) = (text.as_ptr().addr(), text.len());
        let (known_address, known_length, number) = self.number.get();
        if (known_address, known_length) == (address, length) {
            return number;
        }
        let number = read(text);
        self.number.set((address, length, number));
        number
    }

    /// Whether somebody asked why.
    #[inline]
    pub(crate) fn is_traced(&self) -> bool {
        self.tracer.is_some()
    }

    #[inline(always)]
    pub(crate) fn ask_node(&self, index: u32) -> Verdict {
        let Some(node) = self.around.nodes.get(index as usize) else { return Verdict::Off };
        let forgets = self.memo.is_none() || node.slot == Node::FORGOTTEN;
        if forgets && self.tracer.is_none() && matches!(node.conduct, Conduct::Trusted) {
            return node.activation.evaluate(self);
        }
        self.ask_with_care(index, node)
    }

    /// Asks a node whose answer may be known, or must be written down, or which may panic.
    #[inline(never)]
    fn ask_with_care(&self, index: u32, node: &Node) -> Verdict {
        let memo = self.memo.filter(|_| node.slot != Node::FORGOTTEN);
        if let Some(known) = memo.and_then(|memo| memo.get(node.slot, node.by_flag)) {
            return known;
        }
        let answer = match self.tracer {
            None => node.evaluate(self),
            Some(tracer) => tracer.ask(index, node.by_flag, || node.evaluate(self)),
        };
        let verdict = answer.unwrap_or_else(|| {
            self.failed.set(true);
            Verdict::Off
        });
        // What came after a panic is no answer to remember for the next flag.
        if let Some(memo) = memo.filter(|_| !self.has_failed()) {
            memo.set(node.slot, node.by_flag, verdict);
        }
        verdict
    }
}

/// What was evaluated before a prerequisite was turned to.
pub(crate) struct Scope<'a> {
    flag: &'a Named,
    number: Option<u32>,
    traced: Option<u32>,
}

/// The answers of shared activations during one evaluation, by their number.
///
/// Kept by the thread from one evaluation to the next, so that no evaluation allocates: an entry counts only
/// if it carries the present evaluation's number.
#[derive(Default)]
pub(crate) struct Memo {
    /// The number of the present context.
    evaluation: u32,
    /// The number of the present flag, for answers that differ by flag; from the same count.
    flag: Cell<u32>,
    /// The number of the first flag that is asked by activations, behind those of the flags that are evaluated.
    prerequisites: u32,
    /// The last number of this evaluation.
    last: u32,
    answers: Vec<Cell<(u32, u32)>>,
}

impl Memo {
    const OFF: u32 = 0;
    const ON: u32 = u32::MAX;

    /// Calls `ask` with an empty memo.
    #[inline]
    pub(crate) fn lend<T>(room: Room, ask: impl FnOnce(&Self) -> T) -> T {
        thread_local! {
            static MEMO: Cell<Option<Box<Memo>>> = const { Cell::new(None) };
        }
        // Taken, not borrowed: an activation that evaluates another flag gets a memo of its own.
        let mut memo = MEMO.take().unwrap_or_default();
        memo.clear(room);
        let answer = ask(&memo);
        MEMO.set(Some(memo));
        answer
    }

    #[inline]
    fn clear(&mut self, room: Room) {
        let numbers = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let (flags, prerequisites) = (numbers(room.flags), numbers(room.prerequisites));
        let needed = flags.saturating_add(prerequisites).saturating_add(1);
        if u32::MAX - self.last <= needed {
            // Numbers would begin anew, and old entries seem to be of this evaluation.
            self.answers.clear();
            self.last = 0;
        }
        self.evaluation = self.last + 1;
        self.flag.set(self.evaluation);
        self.prerequisites = self.evaluation.saturating_add(flags).saturating_add(1);
        self.last = self.last.saturating_add(needed).saturating_add(1);
        if self.answers.len() < room.slots {
            self.answers.resize(room.slots, Cell::new((0, 0)));
        }
    }

    /// Turns to a flag that activations ask, and gives the number of the one before.
    fn enter(&self, prerequisite: u32) -> u32 {
        self.flag.replace(self.prerequisites.saturating_add(prerequisite))
    }

    fn turn_to_next_flag(&self) {
        self.flag.set(self.flag.get().saturating_add(1));
    }

    fn number(&self, by_flag: bool) -> u32 {
        if by_flag { self.flag.get() } else { self.evaluation }
    }

    #[inline]
    fn get(&self, slot: u32, by_flag: bool) -> Option<Verdict> {
        let (number, code) = self.answers.get(slot as usize)?.get();
        (number == self.number(by_flag)).then(|| match NonZeroU32::new(code) {
            None => Verdict::Off,
            Some(NonZeroU32::MAX) => Verdict::On,
            Some(variant) => Verdict::Variant(Variant(variant)),
        })
    }

    #[inline]
    fn set(&self, slot: u32, by_flag: bool, verdict: Verdict) {
        let code = match verdict {
            Verdict::Off => Self::OFF,
            Verdict::On => Self::ON,
            Verdict::Variant(Variant(number)) => number.get(),
        };
        if let Some(answer) = self.answers.get(slot as usize) {
            answer.set((self.number(by_flag), code));
        }
    }
}

/// What an evaluation has to remember.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// How many answers.
    pub(crate) slots: usize,
    /// How many flags are evaluated.
    pub(crate) flags: usize,
    /// How many flags activations ask.
    pub(crate) prerequisites: usize,
}

/// What an activation read and said while it was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) verdict: Option<Verdict>,
    /// How long it took, with all that it asked.
    pub(crate) took: Duration,
    pub(crate) inputs: Vec<(String, Option<Value<'static>>)>,
    pub(crate) notes: Vec<String>,
}

/// Writes down an evaluation, by node.
#[derive(Default)]
pub(crate) struct Tracer {
    records: RefCell<Records>,
    asking: RefCell<Vec<(Option<u32>, u32)>>,
    /// The prerequisite that is evaluated.
    scope: Cell<Option<u32>>,
}

/// By node; with the prerequisite for which it was asked, if the answer is another one for another flag.
pub(crate) type Records = HashMap<(Option<u32>, u32), Record>;

impl Tracer {
    pub(crate) fn into_records(self) -> Records {
        self.records.into_inner()
    }

    fn ask(&self, node: u32, by_flag: bool, evaluate: impl FnOnce() -> Option<Verdict>) -> Option<Verdict> {
        let asked = (self.scope.get().filter(|_| by_flag), node);
        if let Some(verdict) = self.records.borrow().get(&asked).and_then(|record| record.verdict) {
            return Some(verdict);
        }
        self.asking.borrow_mut().push(asked);
        self.record(|_| ());
        let start = Instant::now();
        let verdict = evaluate();
        let took = start.elapsed();
        self.record(|record| {
            record.took = took;
            match verdict {
                Some(verdict) => record.verdict = Some(verdict),
                None => record.notes.push("panicked".to_owned()),
            }
        });
        self.asking.borrow_mut().pop();
        verdict
    }

    #[cold]
    fn read(&self, name: &str, value: Option<&Value<'_>>) {
        self.record(|record| {
            if record.inputs.iter().all(|(known, _)| known != name) {
                record.inputs.push((name.to_owned(), value.cloned().map(Value::into_owned)));
            }
        });
    }

    #[cold]
    fn note_with(&self, line: impl FnOnce() -> String) {
        let line = line();
        self.record(|record| record.notes.push(line));
    }

    fn record(&self, write: impl FnOnce(&mut Record)) {
        if let Some(asked) = self.asking.borrow().last() {
            write(self.records.borrow_mut().entry(*asked).or_default());
        }
    }
}

//! The evaluation of activations for one caller.

use std::{
    cell::Cell,
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, Utc};

use crate::{
    activation::{
        Activation,
        bucket::Salted,
        cause::{CauseRule, Causes},
        compile::Child,
        memo::Memo,
        remembered::{Kept, Remembered},
        strings::{Text, Texts},
        trace::{Draw, Tracer},
        verdict::Verdict,
    },
    context::{Context, TARGETING_KEY, timestamp::Timestamp, value::Value},
};

/// A compiled activation.
#[derive(Clone)]
pub(crate) struct Node {
    /// Rows whose type and config are the same share one.
    pub(crate) activation: Arc<dyn Activation>,
    /// The slot of the memo for a node that several others use, with [`Node::TRACKED_SLOT`] if it is tracked;
    /// otherwise [`Node::NO_SLOT`].
    pub(crate) slot: u32,
    /// Whether the verdict depends on the flag that is evaluated.
    pub(crate) by_flag: bool,
    pub(crate) properties: NodeProperties,
    pub(crate) cause_rule: CauseRule,
    pub(crate) entry: Entry,
}

/// Properties of a node in one byte, to keep nodes small.
#[derive(Clone, Copy, Default)]
pub(crate) struct NodeProperties(u8);

impl NodeProperties {
    const ASSIGNS: u8 = 1;
    const TRACKED: u8 = 2;

    pub(crate) fn new(assigns: bool, tracked: bool) -> Self {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        Self(bit(assigns, Self::ASSIGNS) | bit(tracked, Self::TRACKED))
    }

    /// Whether the activation or one of its children may assign a variant.
    pub(crate) const fn assigns(self) -> bool {
        self.0 & Self::ASSIGNS != 0
    }

    /// Whether evaluations note what decides the verdict.
    pub(crate) const fn tracked(self) -> bool {
        self.0 & Self::TRACKED != 0
    }
}

impl Node {
    /// [`Activation::next_change`], or `None` if it panics.
    pub(crate) fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = || self.activation.next_change(after);
        match self.entry {
            Entry::Direct | Entry::Tracked => next(),
            Entry::MayPanic(_) => panic::catch_unwind(AssertUnwindSafe(next)).unwrap_or_default(),
        }
    }
}

/// How a node is evaluated if it has no slot.
pub(crate) enum Entry {
    /// By a call of the activation alone.
    Direct,
    /// What decides the verdict is noted.
    Tracked,
    /// The type may panic, which built-in types do not. Whether it has panicked before, so that only the
    /// first panic is logged.
    MayPanic(AtomicBool),
}

impl Clone for Entry {
    fn clone(&self) -> Self {
        match self {
            Self::Direct => Self::Direct,
            Self::Tracked => Self::Tracked,
            Self::MayPanic(before) => Self::MayPanic(AtomicBool::new(before.load(Ordering::Relaxed))),
        }
    }
}

impl Node {
    pub(crate) const NO_SLOT: u32 = u32::MAX;

    /// Added to the slot of a tracked node, so that the fast path does not find its verdict, whose cause has
    /// to be noted.
    pub(crate) const TRACKED_SLOT: u32 = 1 << 31;

    /// The slot in the memo.
    fn memo_slot(&self) -> u32 {
        if self.properties.tracked() { self.slot & !Self::TRACKED_SLOT } else { self.slot }
    }

    /// Evaluates the activation. Returns `None` if it panics.
    #[inline]
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Option<Verdict> {
        match &self.entry {
            Entry::Direct | Entry::Tracked => Some(self.activation.evaluate(evaluation)),
            Entry::MayPanic(before) => self.catch_panic(evaluation, before),
        }
    }

    fn catch_panic(&self, evaluation: &Evaluation<'_>, before: &AtomicBool) -> Option<Verdict> {
        // Only the state of the activation itself can be inconsistent after a panic.
        let verdict = panic::catch_unwind(AssertUnwindSafe(|| self.activation.evaluate(evaluation)));
        if verdict.is_err() && !before.swap(true, Ordering::Relaxed) {
            tracing::error!("an activation panicked; flags that depend on it use their fail_mode");
        }
        verdict.ok()
    }
}

/// The state that all evaluations of a snapshot share. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) nodes: Arc<[Node]>,
    /// The static context, which every caller's context extends.
    pub(crate) base: Context<'static>,
    /// Other names of the targeting key.
    pub(crate) identity: Arc<[Box<str>]>,
    /// The prerequisites: flags that activations depend on.
    pub(crate) prerequisites: Arc<[FlagRef]>,
    /// The names of flags and activations.
    pub(crate) texts: Texts,
    /// The variants that units of experiments keep.
    pub(crate) remembered: Remembered,
}

/// The flag of an evaluation.
#[derive(Clone, Copy)]
pub(crate) struct FlagRef {
    pub(crate) name: Text,
    /// The name as the default salt of rollouts.
    pub(crate) salt: Salted,
}

/// The evaluation of a flag for one caller: the context, the time, and the other activations.
pub struct Evaluation<'a> {
    around: &'a Surroundings,
    context: &'a Context<'a>,
    /// The flag that is evaluated.
    flag: Cell<&'a FlagRef>,
    memo: Option<&'a Memo>,
    tracer: Option<&'a Tracer>,
    now: Cell<Option<Timestamp>>,
    /// The last string of the context that was parsed, by address and length, and its number.
    number: Cell<(usize, usize, Option<u64>)>,
    /// Whether an activation of this flag has panicked.
    failed: Cell<bool>,
    /// What has decided so far, among the nodes that are tracked.
    causes: Cell<Causes>,
}

impl fmt::Debug for Evaluation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The context may contain personal data.
        f.debug_struct("Evaluation").finish_non_exhaustive()
    }
}

impl<'a> Evaluation<'a> {
    #[inline(always)]
    pub(crate) fn new(around: &'a Surroundings, context: &'a Context<'a>, flag: &'a FlagRef) -> Self {
        let (flag, now, failed) = (Cell::new(flag), Cell::new(None), Cell::new(false));
        let (number, causes) = (Cell::new((0, 0, None)), Cell::default());
        Self { around, context, flag, memo: None, tracer: None, now, number, failed, causes }
    }

    /// Switches to the next flag of the same context.
    #[inline]
    pub(crate) fn turn_to(&self, flag: &'a FlagRef) {
        self.flag.set(flag);
        self.failed.set(false);
        self.causes.take();
        if let Some(memo) = self.memo {
            memo.next_flag();
        }
    }

    pub(crate) fn with_memo(mut self, memo: &'a Memo) -> Self {
        self.memo = Some(memo);
        self
    }

    /// Uses this time instead of the clock.
    pub(crate) fn at(self, now: Timestamp) -> Self {
        self.now.set(Some(now));
        self
    }

    pub(crate) fn with_tracer(mut self, tracer: &'a Tracer) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// The value of an attribute, from the caller's context or else from the static context. `null` is the
    /// same as missing. A missing attribute is not an error; the condition is not met.
    #[must_use]
    #[inline(always)]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        let value = self.context.get(name).or_else(|| self.around.base.get(name));
        if let Some(tracer) = self.tracer {
            tracer.record_input(name, value);
        }
        value
    }

    /// The value of an attribute of the static context. The caller cannot override it.
    #[must_use]
    pub(crate) fn get_static(&self, name: &str) -> Option<&Value<'static>> {
        let value = self.around.base.get(name);
        if let Some(tracer) = self.tracer {
            tracer.record_input(name, value);
        }
        value
    }

    /// All attributes that [`get`](Self::get) finds.
    #[cfg(feature = "expression")]
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        let base = self.around.base.iter().filter(|(name, _)| self.context.get(name).is_none());
        self.context.iter().chain(base).filter(|(_, value)| !value.is_null())
    }

    /// The identity of the caller, if it is a string: the attribute `targetingKey`, or another one that the
    /// settings name. An empty string is the same as missing.
    #[must_use]
    pub fn targeting_key(&self) -> Option<&str> {
        self.identity().and_then(Value::as_str)
    }

    /// The identity of the caller, of any type.
    #[must_use]
    #[inline(always)]
    pub fn targeting_value(&self) -> Option<&Value<'a>> {
        self.get(TARGETING_KEY).or_else(|| self.around.identity.iter().find_map(|name| self.get(name)))
    }

    /// Like [`targeting_value`](Self::targeting_value), but an empty string is the same as missing.
    pub(crate) fn identity(&self) -> Option<&Value<'a>> {
        let names = std::iter::once(TARGETING_KEY).chain(self.around.identity.iter().map(|name| &**name));
        names.filter_map(|name| self.get(name)).find(|value| !value.is_empty_string())
    }

    /// The name of a prerequisite.
    pub(crate) fn prerequisite_name(&self, prerequisite: u32) -> &'a str {
        let flag = self.around.prerequisites.get(prerequisite as usize);
        flag.map_or("", |flag| self.around.texts.get(flag.name))
    }

    /// Switches to a prerequisite, until [`leave`](Self::leave).
    pub(crate) fn enter(&self, prerequisite: u32) -> Scope<'a> {
        let flag = self.around.prerequisites.get(prerequisite as usize).unwrap_or(self.flag.get());
        let number = self.memo.map(|memo| memo.enter(prerequisite));
        let traced = self.tracer.and_then(|tracer| tracer.scope.replace(Some(prerequisite)));
        Scope { flag: self.flag.replace(flag), number, traced }
    }

    /// Switches back.
    pub(crate) fn leave(&self, scope: &Scope<'a>) {
        self.flag.set(scope.flag);
        if let (Some(memo), Some(number)) = (self.memo, scope.number) {
            memo.flag.set(number);
        }
        if let Some(tracer) = self.tracer {
            tracer.scope.set(scope.traced);
        }
    }

    /// Returns `true` if the node has a slot in the memo, which is still empty.
    pub(crate) fn is_pending(&self, index: u32) -> bool {
        let node = self.around.nodes.get(index as usize).filter(|node| node.slot != Node::NO_SLOT);
        let is_known = |memo: &Memo, node: &Node| memo.get(node.memo_slot(), node.by_flag).is_some();
        let known = |node: &Node| self.memo.is_none_or(|memo| is_known(memo, node));
        node.is_some_and(|node| !known(node))
    }

    /// Returns `true` if an activation has panicked, so that the verdict is invalid.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// What has decided so far, if the flag's nodes are tracked.
    pub(crate) fn causes(&self) -> Causes {
        self.causes.get()
    }

    /// Forgets what has decided so far.
    pub(crate) fn forget_causes(&self) {
        self.causes.take();
    }

    /// Notes that the first rule or case matched of which the condition is on. Its result is evaluated next.
    #[inline]
    pub(crate) fn match_rule(&self) {
        self.change_causes(Causes::match_rule);
    }

    /// Notes that a value of the caller matched.
    #[inline]
    pub(crate) fn match_value(&self) {
        self.change_causes(Causes::add_condition);
    }

    /// Notes that no rule or case matched. The result for this case is evaluated next.
    #[inline]
    pub(crate) fn fall_through(&self) {
        self.change_causes(Causes::fall_through);
    }

    /// The verdict of a draw for which the caller has no key: off. `drawn` is that of a draw that is won; `None`
    /// if no key would win it, or if it is not drawn by the targeting key.
    #[cold]
    pub(crate) fn without_key(&self, drawn: Option<Verdict>) -> Verdict {
        self.change_causes(Causes::skip_draw);
        let drawn = drawn.filter(|_| self.tracer.is_some_and(Tracer::assumes_won));
        drawn.unwrap_or(Verdict::Off)
    }

    /// Notes that there is no draw at this time.
    pub(crate) fn without_draw(&self) {
        self.change_causes(Causes::skip_draw);
    }

    #[inline]
    fn change_causes(&self, change: impl FnOnce(&mut Causes)) {
        let mut causes = self.causes.get();
        change(&mut causes);
        self.causes.set(causes);
    }

    /// The default salt of a rollout.
    #[inline]
    pub(crate) fn flag_salt(&self) -> Salted {
        self.flag.get().salt
    }

    /// The name of the flag that is evaluated.
    pub(crate) fn flag_name(&self) -> &'a str {
        self.around.texts.get(self.flag.get().name)
    }

    /// The variant that a unit of an experiment keeps, if it has one. The experiment is named as the flag, unless it
    /// has a name.
    pub(crate) fn remembered(&self, experiment: Option<&str>, unit: &str) -> Option<Kept> {
        self.around.remembered.find(experiment.unwrap_or_else(|| self.flag_name()), unit)
    }

    /// The time of this evaluation. The clock is read once, at the first call.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.timestamp().date()
    }

    /// [`now`](Self::now) as a timestamp, which needs no conversion.
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

    /// Evaluates another activation. An activation that several others share is evaluated once.
    #[must_use]
    #[inline]
    pub fn ask(&self, child: &Child) -> Verdict {
        self.ask_node(child.node)
    }

    /// Adds a line to the explanation. The closure runs only if an explanation was requested.
    #[inline]
    pub fn note(&self, line: impl FnOnce() -> String) {
        if let Some(tracer) = self.tracer {
            tracer.note(line);
        }
    }

    /// Adds the position of the caller in a draw to the explanation.
    #[inline]
    pub(crate) fn note_draw(&self, draw: impl FnOnce() -> Draw) {
        if let Some(tracer) = self.tracer {
            tracer.record_draw(draw);
        }
    }

    /// Adds the values that the caller matched to the explanation.
    #[inline]
    pub(crate) fn note_match(&self, values: impl FnOnce() -> Vec<Value<'static>>) {
        if let Some(tracer) = self.tracer {
            tracer.record_match(values);
        }
    }

    /// Parses a string of the context. The last result is cached, since several conditions often parse the
    /// same string.
    #[inline]
    pub(crate) fn parse_cached<'t>(
        &self,
        text: &'t str,
        parse: impl FnOnce(&'t str) -> Option<u64>,
    ) -> Option<u64>
    where
        'a: 't,
    {
        // The context outlives the evaluation, so no other string has the same address.
        let (address, length) = (text.as_ptr().addr(), text.len());
        let (known_address, known_length, number) = self.number.get();
        if (known_address, known_length) == (address, length) {
            return number;
        }
        let number = parse(text);
        self.number.set((address, length, number));
        number
    }

    /// Returns `true` if an explanation was requested.
    #[inline]
    pub(crate) fn is_traced(&self) -> bool {
        self.tracer.is_some_and(Tracer::records)
    }

    #[inline(always)]
    pub(crate) fn ask_node(&self, index: u32) -> Verdict {
        let Some(node) = self.around.nodes.get(index as usize) else { return Verdict::Off };
        let has_no_slot = self.memo.is_none() || node.slot == Node::NO_SLOT;
        if has_no_slot && self.tracer.is_none() && matches!(node.entry, Entry::Direct) {
            return node.activation.evaluate(self);
        }
        self.ask_slow(index, node)
    }

    /// Evaluates a node that may have a slot in the memo, may be traced, may be tracked, or may panic.
    #[inline(never)]
    fn ask_slow(&self, index: u32, node: &Node) -> Verdict {
        let memo = self.memo.filter(|_| node.slot != Node::NO_SLOT);
        // A tracked node is never found here.
        if let Some(known) = memo.and_then(|memo| memo.get(node.slot, node.by_flag)) {
            return known;
        }
        if self.tracer.is_some() || !matches!(node.entry, Entry::Direct) {
            return self.ask_slowly(index, node);
        }
        let verdict = node.activation.evaluate(self);
        // A verdict after a panic is invalid, and must not be used for the next flag.
        if let Some(memo) = memo.filter(|_| !self.has_failed()) {
            memo.set(node.slot, node.by_flag, verdict);
        }
        verdict
    }

    /// Evaluates a node that is traced or tracked, or may panic.
    #[inline(never)]
    fn ask_slowly(&self, index: u32, node: &Node) -> Verdict {
        let tracked = node.properties.tracked() || self.is_traced();
        let slot = node.memo_slot();
        let memo = self.memo.filter(|_| node.slot != Node::NO_SLOT);
        if let Some((memo, known)) = memo.and_then(|memo| Some((memo, memo.get(slot, node.by_flag)?))) {
            if tracked {
                self.change_causes(|causes| causes.add(known.is_on(), memo.cause(slot)));
            }
            return known;
        }
        let before = self.causes.take();
        let verdict = match self.tracer {
            None => node.evaluate(self),
            Some(tracer) => {
                let place = (index, node.by_flag, node.cause_rule);
                tracer.evaluate(place, &self.causes, || node.evaluate(self))
            }
        };
        let verdict = verdict.unwrap_or_else(|| {
            self.failed.set(true);
            Verdict::Off
        });
        let memo = memo.filter(|_| !self.has_failed());
        if let Some(memo) = memo {
            memo.set(slot, node.by_flag, verdict);
        }
        let seen = self.causes.replace(before);
        if tracked {
            let cause = node.cause_rule.cause(verdict.is_on(), seen);
            self.change_causes(|causes| causes.add(verdict.is_on(), cause));
            if let Some(memo) = memo {
                memo.set_cause(slot, cause);
            }
        }
        verdict
    }
}

/// The flag that was evaluated before a prerequisite.
pub(crate) struct Scope<'a> {
    flag: &'a FlagRef,
    number: Option<u32>,
    traced: Option<u32>,
}

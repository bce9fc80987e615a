//! The contract that every activation type must fulfill.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::{
    activation::registry::{ActivationType, RegisteredActivation, Registry},
    context::{Context, TARGETING_KEY},
    rows::{ActivationRow, FlagRow, LinkRow, Rows, issue::Issue},
    snapshot::{Settings, Snapshot, TraceNode, decision::Reason},
    testing::{
        generate::Generator,
        schema::{flaw, mismatch},
    },
};

/// Returns the contract of an activation type, to be [checked](Contract::evaluation) in a test.
///
#[cfg_attr(feature = "macros", doc = "```standalone_crate")]
#[cfg_attr(not(feature = "macros"), doc = "```ignore")]
/// use novi::{Context, activation::{Activation, Evaluation, Verdict}, testing::contract};
/// use serde_json::json;
///
/// /// On while the office is open.
/// #[novi::activation("acme.office_hours")]
/// #[derive(serde::Deserialize)]
/// struct OfficeHours {
///     from: f64,
///     to: f64,
/// }
///
/// impl Activation for OfficeHours {
///     fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
///         let hour = evaluation.get("hour").and_then(|hour| hour.as_f64());
///         hour.is_some_and(|hour| (self.from..self.to).contains(&hour)).into()
///     }
/// }
///
/// // in a #[test]
/// contract::<OfficeHours>()
///     .example(json!({"from": 9, "to": 17}))
///     .context(Context::new().with("hour", 12))
///     .monotone("to") // closing later turns no caller off
///     .check();
/// ```
pub fn contract<T: RegisteredActivation>() -> Contract {
    contract_of(T::TYPE)
}

/// Returns the contract of a type from a registry; see [`contract`].
pub fn contract_of(kind: ActivationType) -> Contract {
    Contract {
        kind,
        examples: Vec::new(),
        contexts: Vec::new(),
        flags: Vec::new(),
        monotone: Vec::new(),
        seed: 0,
        cases: 500,
    }
}

/// The contract of an activation type; returned by [`contract`].
///
/// - The type is registered, has a namespaced class name without whitespace, distinct aliases, and a
///   description.
/// - Its schema is valid and accepts the examples, and each example builds without a problem.
/// - The same config and context give the same result every time: when evaluated again, built again, built
///   from a reformatted config, and explained.
/// - No config, no context and no time make it panic. Problems of a config have a path into it and a message.
/// - Raising a [monotone](Contract::monotone) number turns no caller off.
///
/// Configs and contexts are generated, partly from the examples, and are the same in every run.
#[derive(Clone, Debug)]
#[must_use = "a contract does nothing until `check` is called"]
pub struct Contract {
    kind: ActivationType,
    examples: Vec<Json>,
    contexts: Vec<Context<'static>>,
    flags: Vec<String>,
    monotone: Vec<String>,
    seed: u64,
    cases: usize,
}

impl Contract {
    /// Adds a valid config. At least one is required; further configs are generated from the examples.
    pub fn example(mut self, config: Json) -> Self {
        self.examples.push(config);
        self
    }

    /// Adds a caller, in addition to the generated ones.
    pub fn context(mut self, context: Context<'static>) -> Self {
        self.contexts.push(context);
        self
    }

    /// Adds a flag that is on, for types that evaluate [flags](crate::activation::Child::flag).
    pub fn flag(mut self, name: &str) -> Self {
        self.flags.push(name.to_owned());
        self
    }

    /// Declares that raising a number of the config turns no caller off. `field` is its path, such as
    /// `percentage` or `rollout.percentage`. The first example must have it.
    pub fn monotone(mut self, field: &str) -> Self {
        self.monotone.push(field.to_owned());
        self
    }

    /// Sets the seed of the generator, to try other configs and contexts. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the number of generated configs. Default: 500.
    pub fn cases(mut self, cases: usize) -> Self {
        self.cases = cases;
        self
    }

    /// Checks the contract.
    ///
    /// # Panics
    /// If the type breaks the contract. The message lists the breaches with their configs and contexts.
    #[track_caller]
    pub fn check(self) {
        let breaches = self.breaches();
        let class = self.kind.class();
        assert!(breaches.is_empty(), "{class} breaks its contract:\n- {}", breaches.join("\n- "));
    }

    /// Returns the breaches that [`check`](Self::evaluation) would panic with.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        let mut breaches = names(&self.kind);
        if self.examples.is_empty() {
            breaches.push("no example: add one with `.example(json!(..))`".to_owned());
            return breaches;
        }
        match Trial::new(self) {
            Err(error) => breaches.push(error),
            Ok(mut trial) => {
                trial.schema();
                trial.examples();
                if trial.breaches.is_empty() {
                    self.monotone.iter().for_each(|field| trial.monotone(field));
                }
                trial.generated();
                breaches.append(&mut trial.breaches);
            }
        }
        breaches
    }
}

/// Checks the names and the description of the type.
fn names(kind: &ActivationType) -> Vec<String> {
    let mut breaches = Vec::new();
    let names: Vec<_> = [kind.class()].into_iter().chain(kind.aliases().iter().copied()).collect();
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            breaches.push(format!("name {name:?}: expected no whitespace or control characters"));
        }
        if names.iter().take(at).any(|other| other == name) {
            breaches.push(format!("duplicate name {name:?}"));
        }
    }
    if !kind.class().contains('.') {
        let class = kind.class();
        breaches.push(format!("name {class:?}: expected a namespace, as in `acme.{class}`"));
    }
    if kind.description().trim().is_empty() {
        breaches.push("no description: add a doc comment to the type".to_owned());
    }
    breaches
}

/// One run of all checks.
struct Trial<'a> {
    contract: &'a Contract,
    registry: Registry,
    generator: Generator,
    /// The attributes that the type was seen to read.
    attributes: Vec<String>,
    breaches: Vec<String>,
}

/// The result of an evaluation, for comparison.
type Answer = (bool, Option<String>, Reason);

const FLAG: &str = "contract";

/// The maximum number of reported breaches of the same kind.
const MAX_REPORTED: usize = 3;

impl<'a> Trial<'a> {
    fn new(contract: &'a Contract) -> Result<Self, String> {
        let class = contract.kind.class();
        let mut registry = Registry::global().map_err(|error| error.to_string())?;
        if registry.find(class).is_none() {
            return Err(format!(
                "{class:?} is not registered: does the program link the crate that declares it?"
            ));
        }
        // Fails if another type has the same name.
        registry.add(contract.kind.clone()).map_err(|error| error.to_string())?;
        let mut generator = Generator::new(contract.seed, &contract.examples);
        // Configs may contain the name of any type.
        registry.iter().for_each(|kind| generator.learn(kind.class()));
        let attributes = vec![TARGETING_KEY.to_owned()];
        Ok(Self { contract, registry, generator, attributes, breaches: Vec::new() })
    }

    fn report(&mut self, breach: String) {
        self.breaches.push(breach);
    }

    fn schema(&mut self) {
        let schema = self.contract.kind.schema().to_value();
        if let Some(flaw) = flaw(&schema) {
            self.report(format!("invalid JSON schema: {flaw}"));
        }
        for example in &self.contract.examples {
            if let Some(mismatch) = mismatch(&schema, example) {
                self.report(format!("the schema rejects the example {example}: {mismatch}"));
            }
        }
    }

    fn examples(&mut self) {
        for example in &self.contract.examples {
            let built = self.build(&example.to_string());
            for issue in built.issues() {
                self.report(format!("the example {example} is invalid: {}: {}", issue.path, issue.message));
            }
            if !built.issues().is_empty() {
                continue;
            }
            self.learn(&built);
            self.next_change(&example.to_string(), &built);
            let contexts = self.contexts(50);
            let again = self.build(&example.to_string());
            // The same config with other whitespace, as written by hand.
            let printed = serde_json::to_string_pretty(example).unwrap_or_default();
            let rewritten = self.build(&printed);
            for context in &contexts {
                self.same(&example.to_string(), context, [&built, &built, &again, &rewritten]);
            }
        }
    }

    /// Collects the attributes that the type reads.
    fn learn(&mut self, built: &Snapshot) {
        let contexts: Vec<_> = [Context::new()].into_iter().chain(self.contract.contexts.clone()).collect();
        let mut found = Vec::new();
        for context in &contexts {
            found.extend(context.iter().map(|(name, _)| name.to_owned()));
            let traced = panic::catch_unwind(AssertUnwindSafe(|| built.explain(FLAG, context)));
            if let Ok(Ok(trace)) = traced {
                collect_inputs(&trace.activations, &mut found);
            }
        }
        for name in found {
            self.generator.learn(&name);
            if !self.attributes.contains(&name) {
                self.attributes.push(name);
            }
        }
    }

    /// An anonymous caller, the callers of the contract, and generated ones, some of them variations of the
    /// contract's.
    fn contexts(&mut self, count: usize) -> Vec<Context<'static>> {
        let mut contexts = vec![Context::new()];
        contexts.extend(self.contract.contexts.iter().cloned());
        for _ in 0..count {
            let mut context = self.generator.context(&self.attributes);
            if !self.contract.contexts.is_empty() && self.generator.below(2) == 0 {
                let at = self.generator.below(self.contract.contexts.len());
                for (name, value) in self.contract.contexts.get(at).into_iter().flat_map(Context::iter) {
                    if self.generator.below(4) > 0 {
                        context.insert(name.to_owned(), value.clone());
                    }
                }
            }
            contexts.push(context);
        }
        contexts
    }

    /// Checks that all builds of one config give the same result, and do not panic.
    fn same(&mut self, config: &str, context: &Context<'_>, builds: [&Snapshot; 4]) {
        if self.breaches.len() >= MAX_REPORTED {
            return;
        }
        let mut first: Option<Answer> = None;
        for (built, what) in builds.into_iter().zip([
            "at first",
            "when evaluated again",
            "when built again",
            "with reformatted config",
        ]) {
            let answered = panic::catch_unwind(AssertUnwindSafe(|| answers(built, context)));
            let Ok((answer, explained)) = answered else {
                return self.report(format!("evaluation panics: config {config}, context {}", json(context)));
            };
            if answer.2 == Reason::Error {
                return self.report(format!("evaluation panics: config {config}, context {}", json(context)));
            }
            if answer != explained {
                return self.report(format!(
                    "the decision is {}, but its explanation says {}: config {config}, context {}",
                    shown(&answer),
                    shown(&explained),
                    json(context)
                ));
            }
            match &first {
                Some(first) if *first != answer => {
                    let (first, answer) = (shown(first), shown(&answer));
                    return self.report(format!(
                        "the decision is {first} at first and {answer} {what}: config {config}, context {}",
                        json(context)
                    ));
                }
                _ => first = Some(answer),
            }
        }
    }

    /// Checks that raising a number of the first example turns no caller off.
    fn monotone(&mut self, field: &str) {
        let Some(example) = self.contract.examples.first() else { return };
        let pointer = format!("/{}", field.replace('.', "/"));
        let Some(number) = example.pointer(&pointer).and_then(Json::as_f64) else {
            return self.report(format!(
                "monotone field {field:?}: the first example has no such number: {example}"
            ));
        };
        let is_whole = example.pointer(&pointer).is_some_and(|number| !number.is_f64());
        let mut levels = vec![0.0, 1.0, number / 2.0, number, 2.0 * number, 10.0, 100.0];
        levels.extend((0..8).map(|_| self.generator.fraction() * 2.0 * number));
        if is_whole {
            for level in &mut levels {
                *level = level.round();
            }
        }
        levels.sort_by(f64::total_cmp);
        levels.dedup();
        let mut builds = Vec::new();
        for level in levels {
            let mut config = example.clone();
            #[expect(clippy::cast_possible_truncation, reason = "rounded, and of the size of the example")]
            let json = if is_whole { Json::from(level as i64) } else { Json::from(level) };
            config.pointer_mut(&pointer).into_iter().for_each(|place| *place = json.clone());
            let built = self.build(&config.to_string());
            if built.issues().is_empty() {
                builds.push((json, built));
            }
        }
        let mut ever = [false, false];
        for context in self.contexts(300) {
            let mut on_at: Option<&Json> = None;
            for (level, built) in &builds {
                let on = built.is_enabled(FLAG, &context);
                ever[usize::from(on)] = true;
                if let (Some(before), false) = (on_at, on) {
                    return self.report(format!(
                        "raising {field:?} from {before} to {level} turns a caller off: config {example}, context {}",
                        json(&context)
                    ));
                }
                on_at = on_at.or(on.then_some(level));
            }
        }
        if ever != [true, true] {
            self.report(format!(
                "monotone field {field:?}: changing it made no difference to any caller that was tried; add callers with \
                 `.context(..)`"
            ));
        }
    }

    /// Checks generated configs and contexts.
    fn generated(&mut self) {
        let before = self.breaches.len();
        for _ in 0..self.contract.cases {
            let config = self.generator.config(&self.contract.examples);
            let built = self.build(&config);
            self.issues(&config, built.issues());
            self.next_change(&config, &built);
            for context in self.contexts(3) {
                if self.breaches.len() < before + MAX_REPORTED && built.issues().is_empty() {
                    self.same(&config, &context, [&built; 4]);
                }
            }
            if self.breaches.len() >= before + MAX_REPORTED {
                return;
            }
        }
    }

    /// Checks that no time makes it panic, not even one that no time zone can show.
    fn next_change(&mut self, config: &str, built: &Snapshot) {
        let times = [DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC];
        for time in times {
            let next = || built.activations().filter_map(|activation| activation.next_change(time)).count();
            if panic::catch_unwind(AssertUnwindSafe(next)).is_err() {
                return self.report(format!("next_change panics after {time}: config {config}"));
            }
        }
    }

    fn issues(&mut self, config: &str, issues: &[Issue]) {
        for issue in issues {
            if issue.message.contains("panicked") {
                self.report(format!("building panics: config {config}"));
            } else if !issue.path.starts_with("config") {
                self.report(format!(
                    "a problem has the path {:?}, which is outside of the config {config}",
                    issue.path
                ));
            } else if issue.message.trim().is_empty() {
                self.report(format!("a problem at {} has no message: config {config}", issue.path));
            }
        }
    }

    /// Compiles a flag with a single activation of this config.
    fn build(&self, config: &str) -> Snapshot {
        let names = [FLAG].into_iter().chain(self.contract.flags.iter().map(String::as_str));
        let rows = Rows {
            flags: names.zip(1..).map(|(name, id)| FlagRow::new(id, name, true)).collect(),
            activations: vec![ActivationRow::new(1, FLAG, self.contract.kind.class(), config)],
            links: vec![LinkRow::new(1, 1)],
            ..Rows::default()
        };
        Snapshot::compile(Arc::new(rows), &self.registry, &Settings::default(), None)
    }
}

/// The decision, and the result according to its explanation.
fn answers(built: &Snapshot, context: &Context<'_>) -> (Answer, Answer) {
    let none = (false, None, Reason::Error);
    let decision = built
        .evaluate(FLAG, context)
        .map(|decision| (decision.enabled(), decision.variant().map(str::to_owned), decision.reason()));
    let trace = built.explain(FLAG, context).map(|trace| {
        // Printing the trace must not panic either.
        let _ = trace.to_string();
        (trace.enabled, trace.variant, trace.reason)
    });
    (decision.unwrap_or_else(|_| none.clone()), trace.unwrap_or(none))
}

fn collect_inputs(asked: &[TraceNode], found: &mut Vec<String>) {
    for asked in asked {
        found.extend(asked.inputs.iter().map(|input| input.attribute.clone()));
        collect_inputs(&asked.activations, found);
    }
}

fn shown((enabled, variant, reason): &Answer) -> String {
    let state = if *enabled { "on" } else { "off" };
    variant
        .as_ref()
        .map_or_else(|| format!("{state} ({reason})"), |name| format!("{state} with {name} ({reason})"))
}

fn json(context: &Context<'_>) -> String {
    serde_json::to_string(context).unwrap_or_default()
}

//! What every activation type is held to.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

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

/// The contract of an activation type, to be [checked](Contract::check) in a test of its own.
///
#[cfg_attr(feature = "macros", doc = "```standalone_crate")]
#[cfg_attr(not(feature = "macros"), doc = "```ignore")]
/// use novi::{Activation, Check, Context, Verdict, testing::contract};
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
///     fn evaluate(&self, check: &Check<'_>) -> Verdict {
///         let hour = check.get("hour").and_then(|hour| hour.as_f64());
///         hour.is_some_and(|hour| (self.from..self.to).contains(&hour)).into()
///     }
/// }
///
/// // in a #[test]
/// contract::<OfficeHours>()
///     .example(json!({"from": 9, "to": 17}))
///     .context(Context::new().with("hour", 12))
///     .monotone("to") // who works longer is open for whoever it was open for before
///     .check();
/// ```
pub fn contract<T: RegisteredActivation>() -> Contract {
    contract_of(T::TYPE)
}

/// The contract of a type that is at hand as the registry has it; see [`contract`].
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

/// What an activation type is held to; made by [`contract`].
///
/// - Its class name, aliases and description are such as rows and people can use, and it is registered.
/// - Its schema is one, and accepts the examples. Each of them builds without a problem.
/// - It answers a context the same each time, also when it is built anew, when its config is written in another way, and
///   when somebody asks why.
/// - No config and no context make it panic. What is wrong with a config is told with a path into it.
/// - Raising what is said to be [monotone](Contract::monotone) turns nobody off.
///
/// Configs and contexts are made up, of the examples and of anything else, the same ones each time.
#[derive(Clone, Debug)]
#[must_use = "nothing is tried before `check`"]
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
    /// A config that makes sense. At least one is needed; others are made of them.
    pub fn example(mut self, config: Json) -> Self {
        self.examples.push(config);
        self
    }

    /// A caller to ask for, beside those that are made up.
    pub fn context(mut self, context: Context<'static>) -> Self {
        self.contexts.push(context);
        self
    }

    /// A flag that is on, beside the one that asks the type; for types that ask [flags](crate::activation::Child::flag).
    pub fn flag(mut self, name: &str) -> Self {
        self.flags.push(name.to_owned());
        self
    }

    /// A number of the config, by its field's name (`percentage`, or `rollout.percentage`), that may be raised without
    /// turning anyone off. The first example must have it.
    pub fn monotone(mut self, field: &str) -> Self {
        self.monotone.push(field.to_owned());
        self
    }

    /// Has other configs and contexts made up.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many configs are made up: 500 unless it is said.
    pub fn cases(mut self, cases: usize) -> Self {
        self.cases = cases;
        self
    }

    /// Tries all of it.
    ///
    /// # Panics
    /// When the type breaks the contract; the message lists what was found, with the configs and contexts at fault.
    #[track_caller]
    pub fn check(self) {
        let breaches = self.breaches();
        let class = self.kind.class();
        assert!(breaches.is_empty(), "{class} breaks its contract:\n- {}", breaches.join("\n- "));
    }

    /// What [`check`](Self::check) would panic with.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        let mut breaches = names(&self.kind);
        if self.examples.is_empty() {
            breaches.push("there is no example: give one by `.example(json!(..))`".to_owned());
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
                trial.anything();
                breaches.append(&mut trial.breaches);
            }
        }
        breaches
    }
}

/// What is wrong with what rows and people call the type.
fn names(kind: &ActivationType) -> Vec<String> {
    let mut breaches = Vec::new();
    let names: Vec<_> = [kind.class()].into_iter().chain(kind.aliases().iter().copied()).collect();
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            breaches.push(format!("the name {name:?}: expected words without blanks, joined by `_` and `.`"));
        }
        if names.iter().take(at).any(|other| other == name) {
            breaches.push(format!("the name {name:?} is there twice"));
        }
    }
    if !kind.class().contains('.') {
        let class = kind.class();
        breaches.push(format!("the name {class:?}: expected whose it is before it, as in `acme.{class}`"));
    }
    if kind.description().trim().is_empty() {
        breaches.push("there is no description: open the type's doc comment with one".to_owned());
    }
    breaches
}

/// One try of everything.
struct Trial<'a> {
    contract: &'a Contract,
    registry: Registry,
    generator: Generator,
    /// What the type reads of a caller, as far as it was seen.
    attributes: Vec<String>,
    breaches: Vec<String>,
}

/// A flag's answer, for comparison.
type Answer = (bool, Option<String>, Reason);

const FLAG: &str = "contract";

/// Of the same kind of breach so many are told.
const MOST_TOLD: usize = 3;

impl<'a> Trial<'a> {
    fn new(contract: &'a Contract) -> Result<Self, String> {
        let class = contract.kind.class();
        let mut registry = Registry::global().map_err(|error| error.to_string())?;
        if registry.find(class).is_none() {
            return Err(format!(
                "{class:?} is not registered: is the crate that declares it named in the program?"
            ));
        }
        // Another type of the same name is told as such.
        registry.add(contract.kind.clone()).map_err(|error| error.to_string())?;
        let mut generator = Generator::new(contract.seed, &contract.examples);
        // Configs may name any of them.
        registry.iter().for_each(|kind| generator.learn(kind.class()));
        let attributes = vec![TARGETING_KEY.to_owned()];
        Ok(Self { contract, registry, generator, attributes, breaches: Vec::new() })
    }

    fn tell(&mut self, breach: String) {
        self.breaches.push(breach);
    }

    fn schema(&mut self) {
        let schema = self.contract.kind.schema().to_value();
        if let Some(flaw) = flaw(&schema) {
            self.tell(format!("the schema is none: {flaw}"));
        }
        for example in &self.contract.examples {
            if let Some(wrong) = mismatch(&schema, example) {
                self.tell(format!("the schema refuses the example {example}: {wrong}"));
            }
        }
    }

    fn examples(&mut self) {
        for example in &self.contract.examples {
            let built = self.build(&example.to_string());
            for issue in built.issues() {
                self.tell(format!("the example {example} has a problem: {}: {}", issue.path, issue.message));
            }
            if !built.issues().is_empty() {
                continue;
            }
            self.learn(&built);
            let contexts = self.contexts(50);
            let again = self.build(&example.to_string());
            // The same config in other words: with blanks, as somebody would write it by hand.
            let printed = serde_json::to_string_pretty(example).unwrap_or_default();
            let rewritten = self.build(&printed);
            for context in &contexts {
                self.same(&example.to_string(), context, [&built, &built, &again, &rewritten]);
            }
        }
    }

    /// Finds out which attributes the type reads.
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

    /// Callers: nobody, those of the contract, and made up ones, also such as differ from those of the contract in little.
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

    /// Asks builds of one config, which have to agree, and do not panic.
    fn same(&mut self, config: &str, context: &Context<'_>, builds: [&Snapshot; 4]) {
        if self.breaches.len() >= MOST_TOLD {
            return;
        }
        let mut first: Option<Answer> = None;
        for (built, what) in builds.into_iter().zip(["at first", "asked again", "built anew", "written anew"])
        {
            let answered = panic::catch_unwind(AssertUnwindSafe(|| answers(built, context)));
            let Ok((answer, explained)) = answered else {
                return self.tell(format!("it panics: config {config}, context {}", json(context)));
            };
            if answer.2 == Reason::Error {
                return self.tell(format!("it panics: config {config}, context {}", json(context)));
            }
            if answer != explained {
                return self.tell(format!(
                    "it answers {} and {} when somebody asks why: config {config}, context {}",
                    told(&answer),
                    told(&explained),
                    json(context)
                ));
            }
            match &first {
                Some(first) if *first != answer => {
                    let (first, answer) = (told(first), told(&answer));
                    return self.tell(format!(
                        "it answers {first} at first and {answer} {what}: config {config}, context {}",
                        json(context)
                    ));
                }
                _ => first = Some(answer),
            }
        }
    }

    /// Raises a number of the first example.
    fn monotone(&mut self, field: &str) {
        let Some(example) = self.contract.examples.first() else { return };
        let pointer = format!("/{}", field.replace('.', "/"));
        let Some(number) = example.pointer(&pointer).and_then(Json::as_f64) else {
            return self.tell(format!("monotone {field:?}: the first example has no such number: {example}"));
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
                    return self.tell(format!(
                        "raising {field:?} from {before} to {level} turns a caller off: config {example}, context {}",
                        json(&context)
                    ));
                }
                on_at = on_at.or(on.then_some(level));
            }
        }
        if ever != [true, true] {
            self.tell(format!(
                "monotone {field:?}: no value of it makes a difference to the callers that were tried: give some by \
                 `.context(..)`"
            ));
        }
    }

    /// Configs and contexts of any kind.
    fn anything(&mut self) {
        let before = self.breaches.len();
        for _ in 0..self.contract.cases {
            let config = self.generator.config(&self.contract.examples);
            let built = self.build(&config);
            self.issues(&config, built.issues());
            for context in self.contexts(3) {
                if self.breaches.len() < before + MOST_TOLD && built.issues().is_empty() {
                    self.same(&config, &context, [&built; 4]);
                }
            }
            if self.breaches.len() >= before + MOST_TOLD {
                return;
            }
        }
    }

    fn issues(&mut self, config: &str, issues: &[Issue]) {
        for issue in issues {
            if issue.message.contains("panicked") {
                self.tell(format!("it panics when it is built: config {config}"));
            } else if !issue.path.starts_with("config") {
                self.tell(format!(
                    "a problem has the path {:?}, which is not in the config {config}",
                    issue.path
                ));
            } else if issue.message.trim().is_empty() {
                self.tell(format!("a problem at {} says nothing: config {config}", issue.path));
            }
        }
    }

    /// A flag that asks an activation of this config, and nothing else.
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

/// What the flag answers, and what it says when it is asked why.
fn answers(built: &Snapshot, context: &Context<'_>) -> (Answer, Answer) {
    let none = (false, None, Reason::Error);
    let decision = built
        .evaluate(FLAG, context)
        .map(|decision| (decision.enabled(), decision.variant().map(str::to_owned), decision.reason()));
    let trace = built.explain(FLAG, context).map(|trace| {
        // People read it, so printing it is part of it.
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

fn told((enabled, variant, reason): &Answer) -> String {
    let state = if *enabled { "on" } else { "off" };
    variant
        .as_ref()
        .map_or_else(|| format!("{state} ({reason})"), |name| format!("{state} with {name} ({reason})"))
}

fn json(context: &Context<'_>) -> String {
    serde_json::to_string(context).unwrap_or_default()
}

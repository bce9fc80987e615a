//! The contract of activation types: built-in types keep it, and breaches are found.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use novi::{
    Context, Flags,
    activation::{Activation, CompileContext, Evaluation, Registry, Verdict},
    testing::{contract, contract_of},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::common::rows::one_flag;

/// Includes the test of the example.
#[allow(dead_code)]
#[path = "../../examples/custom_activation.rs"]
mod custom_activation;

/// Configs and contexts of one type in the vectors.
#[derive(Default)]
struct Known {
    configs: Vec<Json>,
    contexts: Vec<Context<'static>>,
}

/// Configs of the vectors that are valid on their own, by class name, with their contexts.
fn known() -> BTreeMap<String, Known> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    for file in files {
        let file: Json = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        for suite in file["suites"].as_array().unwrap() {
            let contexts =
                suite["cases"].as_array().into_iter().flatten().filter_map(|case| case.get("context"));
            let contexts: Vec<_> =
                contexts.filter_map(|context| Context::from_json(&context.to_string()).ok()).collect();
            for activation in suite["activations"].as_array().into_iter().flatten() {
                let class = activation["class_name"].as_str().unwrap();
                let config = &activation["config"];
                let makes_sense = !config.is_string() && !config.is_null() && is_sound(class, config);
                let known = known.entry(class.to_owned()).or_default();
                if makes_sense && !known.configs.contains(config) {
                    known.configs.push(config.clone());
                    known.contexts.extend(contexts.iter().take(3).cloned());
                }
            }
        }
    }
    known
}

fn is_sound(class: &str, config: &Json) -> bool {
    let rows = one_flag("flag", class, config.to_string());
    Flags::from_rows(rows).unwrap().issues().is_empty()
}

/// More examples find nothing new.
const MOST_EXAMPLES: usize = 12;

#[test]
fn builtin_types_keep_the_contract() {
    let known = known();
    let registry = Registry::global().unwrap();
    let own = registry.iter().filter(|kind| kind.class().starts_with("novi."));
    let mut tried = 0;
    for kind in own {
        let mut contract = contract_of(kind.clone()).cases(200);
        let inline = json!({"class_name": "novi.attribute", "config": {"attribute": "user", "exists": true}});
        // In the vectors, types with children refer to them by ids.
        match kind.class() {
            "novi.flag" => contract = contract.flag("asked").example(json!({"flag": "asked"})),
            "novi.and" | "novi.or" => contract = contract.example(json!([inline, inline])),
            "novi.not" => contract = contract.example(inline),
            "novi.at_least" => contract = contract.example(json!({"count": 1, "activations": [inline]})),
            class => {
                let known = known.get(class).unwrap_or_else(|| panic!("no vector has {class}"));
                assert!(!known.configs.is_empty(), "no vector has a config of {class} that stands alone");
                for config in known.configs.iter().take(MOST_EXAMPLES) {
                    contract = contract.example(config.clone());
                }
                for context in known.contexts.iter().take(MOST_EXAMPLES) {
                    contract = contract.context(context.clone());
                }
            }
        }
        contract.check();
        tried += 1;
    }
    assert!(tried >= 9, "{tried}");
}

#[test]
fn percentages_are_monotone() {
    let registry = Registry::global().unwrap();
    let percentage = registry.find("novi.percentage").unwrap();
    for by in ["targetingKey", "company"] {
        contract_of(percentage.clone())
            .example(json!({"percentage": 25, "by": by}))
            .monotone("percentage")
            .check();
    }
}

/// On while the office is open.
#[novi::activation("test.office_hours", alias = "test.opening_hours")]
#[derive(Deserialize)]
struct OfficeHours {
    from: f64,
    to: f64,
}

impl Activation for OfficeHours {
    fn evaluate(&self, check: &Evaluation<'_>) -> Verdict {
        let hour = check.get("hour").and_then(novi::Value::as_f64);
        hour.is_some_and(|hour| (self.from..self.to).contains(&hour)).into()
    }
}

#[test]
fn correct_type_keeps_the_contract() {
    let hours = || {
        contract::<OfficeHours>()
            .example(json!({"from": 9, "to": 17}))
            .context(Context::new().with("hour", 12))
    };
    hours().monotone("to").check();
    for seed in 1..5 {
        hours().seed(seed).cases(50).check();
    }
    let breaches = hours().monotone("from").breaches();
    assert_eq!(breaches.len(), 1, "{breaches:?}");
    let told = &breaches[0];
    assert!(
        told.starts_with("raising \"from\" from ") && told.contains(" turns a caller off: config "),
        "{told}"
    );
    let breaches = hours().monotone("until").breaches();
    assert_eq!(
        breaches,
        ["monotone field \"until\": the first example has no such number: {\"from\":9,\"to\":17}"]
    );
}

#[test]
fn contract_requires_valid_examples() {
    let breaches = contract::<OfficeHours>().breaches();
    assert_eq!(breaches, ["no example: add one with `.example(json!(..))`"]);
    let breaches = contract::<OfficeHours>().example(json!({"from": 9})).breaches();
    assert_eq!(
        breaches,
        [
            "the schema rejects the example {\"from\":9}: config: the field \"to\" is missing",
            "the example {\"from\":9} is invalid: config: missing field `to`"
        ]
    );
}

#[test]
#[should_panic(
    expected = "test.office_hours breaks its contract:\n- monotone field \"from\": changing it made no difference"
)]
fn attributes_without_effect_are_reported() {
    // An office cannot close before it opens.
    contract::<OfficeHours>().example(json!({"from": 9, "to": -1})).monotone("from").check();
}

macro_rules! bad {
    ($(#[$about:meta])* $name:ident, $class:literal, $fields:tt, |$this:ident, $check:ident| $answer:expr) => {
        $(#[$about])*
        #[novi::activation($class)]
        #[derive(Deserialize)]
        #[allow(dead_code)]
        struct $name $fields

        impl Activation for $name {
            fn evaluate(&self, $check: &Evaluation<'_>) -> Verdict {
                let $this = self;
                let on: bool = $answer;
                on.into()
            }
        }
    };
}

bad!(
    /// Panics on some callers.
    Panics, "bad.panics", { name: String }, |this, check| {
        check.get("user").is_some_and(|user| user.as_str().unwrap() == this.name)
    }
);
bad!(
    /// Decides differently each time.
    Fickle, "bad.fickle", { name: String }, |this, check| {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        check.get(&this.name).is_some() && COUNT.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    }
);
bad!(
    /// Panics on some configs.
    Indexes, "bad.indexes", { list: Vec<u8>, at: usize }, |this, _check| this.list[this.at] > 0
);
bad!(NoDescription, "nameless", { name: String }, |_this, _check| true);

/// Has a wrong schema.
#[novi::activation("bad.schema")]
#[derive(Deserialize, schemars::JsonSchema)]
struct WrongSchema {
    #[schemars(with = "String")]
    #[allow(dead_code)]
    size: u8,
}

impl Activation for WrongSchema {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }
}

/// Panics while it is built.
#[novi::activation("bad.building")]
#[derive(Deserialize)]
struct Building {
    total: u8,
    part: u8,
}

impl Activation for Building {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }

    fn compile(&mut self, row: &mut CompileContext<'_>) {
        if self.total / self.part > 100 {
            row.problem(".part", "");
        }
    }
}

/// Panics where a time zone shifts the last time.
#[novi::activation("bad.clock")]
#[derive(Deserialize)]
struct Clock {
    hours: i64,
}

impl Activation for Clock {
    fn evaluate(&self, _: &Evaluation<'_>) -> Verdict {
        Verdict::On
    }

    fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(after + TimeDelta::hours(self.hours.clamp(1, 24)))
    }
}

#[test]
fn breaches_of_the_contract_are_found() {
    let first = |breaches: Vec<String>| breaches.into_iter().next().unwrap_or_default();
    let user = || Context::new().with("user", "x");

    let told = first(contract::<Panics>().example(json!({"name": "x"})).context(user()).breaches());
    assert!(
        told.starts_with("evaluation panics: config {\"name\":\"x\"}, context {")
            && told.contains("\"user\""),
        "{told}"
    );

    let told = first(contract::<Fickle>().example(json!({"name": "user"})).context(user()).breaches());
    assert!(told.starts_with("the decision is o"), "{told}");

    let told = first(contract::<Indexes>().example(json!({"list": [1, 2], "at": 0})).breaches());
    assert!(told.starts_with("evaluation panics: config {"), "{told}");

    let told = first(contract::<Clock>().example(json!({"hours": 1})).breaches());
    assert!(
        told.starts_with("next_change panics after +262142-12-31") && told.contains("{\"hours\":1}"),
        "{told}"
    );

    let told = contract::<Building>().example(json!({"total": 10, "part": 2})).breaches().join("\n");
    assert!(told.contains("building panics: config {"), "{told}");

    let breaches = contract::<WrongSchema>().example(json!({"size": 5})).breaches();
    assert_eq!(
        breaches,
        ["the schema rejects the example {\"size\":5}: config.size: expected \"string\", found 5"]
    );

    let breaches = contract::<NoDescription>().example(json!({"name": "x"})).breaches();
    assert_eq!(
        breaches,
        [
            "name \"nameless\": expected a namespace, as in `acme.nameless`",
            "no description: add a doc comment to the type"
        ]
    );
}

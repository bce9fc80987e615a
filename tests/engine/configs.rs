//! Any config of a row becomes an activation or a problem with a path: for every type of novi.

use std::collections::BTreeSet;

use novi::{
    Context, Flags,
    activation::Registry,
    rows::{ActivationRow, FlagRow, LinkRow, MemberRow, Rows},
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

/// The row with the config under test. The rows before it are valid, so that configs can refer to them.
const ID: i64 = 100;

/// A type's class name and a valid config.
type Example = (String, String);

/// The configs of the rows in the docs of all types.
fn examples() -> Vec<Example> {
    let registry = Registry::global().unwrap();
    let mut examples = Vec::new();
    for kind in registry.iter().filter(|kind| kind.class().starts_with("novi.")) {
        let schema = kind.schema();
        let docs = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        let scripts = docs.split("```sql\n").skip(1).filter_map(|rest| rest.split_once("```"));
        let class = format!("'{}',", kind.class());
        let configs =
            scripts.flat_map(|(sql, _)| sql.split(&class).skip(1).map(sql_string).collect::<Vec<_>>());
        let before = examples.len();
        examples.extend(configs.map(|config| (kind.class().to_owned(), config)));
        assert!(examples.len() > before, "the docs of {} have no row to paste", kind.class());
    }
    examples
}

/// The string that a piece of SQL starts with.
fn sql_string(sql: &str) -> String {
    let text = sql.trim_start().strip_prefix('\'').unwrap();
    // Two quotes in a string are one.
    let mut parts = text.split('\'');
    let mut string = parts.next().unwrap().to_owned();
    while parts.next() == Some("") {
        string.push('\'');
        string.push_str(parts.next().unwrap_or_default());
    }
    string
}

fn flags(class: &str, config: &str) -> Flags {
    let mut activations: Vec<_> =
        (1..10).map(|id| ActivationRow::new(id, "sound", "novi.and", "[]")).collect();
    activations.push(ActivationRow::new(ID, "row", class, config));
    let member = Some(MemberRow::allowed(ID, "user-7")).filter(|_| class == "novi.members");
    Flags::from_rows(Rows {
        flags: vec![
            FlagRow::new(1, "flag", true),
            FlagRow::new(2, "New checkout", true),
            FlagRow::new(3, "Layout", true),
        ],
        activations,
        links: vec![LinkRow::new(1, ID)],
        members: member.into_iter().collect(),
        ..Rows::default()
    })
    .unwrap()
}

#[test]
fn rows_of_the_docs_are_valid() {
    for (class, config) in examples() {
        let _: Value =
            serde_json::from_str(&config).unwrap_or_else(|error| panic!("{class}: {config}: {error}"));
        assert_eq!(flags(&class, &config).issues(), [], "{class}: {config}");
    }
}

/// The field names and strings of configs.
fn words() -> Vec<String> {
    fn collect(value: &Value, words: &mut BTreeSet<String>) {
        match value {
            Value::String(text) if text.len() < 60 => drop(words.insert(text.clone())),
            Value::Array(values) => values.iter().for_each(|value| collect(value, words)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                words.insert(name.clone());
                collect(value, words);
            }),
            _ => {}
        }
    }
    let mut words = BTreeSet::new();
    for (_, config) in examples() {
        collect(&serde_json::from_str(&config).unwrap(), &mut words);
    }
    for kind in Registry::global().unwrap().iter().filter(|kind| kind.class().starts_with("novi.")) {
        let schema = kind.schema();
        let fields = schema.get("properties").and_then(Value::as_object);
        words.extend(fields.into_iter().flat_map(|fields| fields.keys().cloned()));
        words.insert(kind.class().to_owned());
    }
    words.into_iter().collect()
}

/// Arbitrary JSON with the words of configs.
fn any_json() -> impl Strategy<Value = Value> {
    let word = select(words());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..12_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,16}".prop_map(Value::from),
        "[-0-9a-zT:Z.+/* ,%]{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let fields = prop::collection::btree_map(word.clone(), inner.clone(), 0..5);
        prop_oneof![
            vec(inner, 0..5).prop_map(Value::from),
            fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// One change of a config.
#[derive(Clone, Debug)]
enum Mutation {
    Replace(Value),
    Remove,
    Add(String, Value),
    /// A character of a string.
    Spoil(char),
    Wrap,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        any_json().prop_map(Mutation::Replace),
        Just(Mutation::Remove),
        (select(words()), any_json()).prop_map(|(name, value)| Mutation::Add(name, value)),
        any::<char>().prop_map(Mutation::Spoil),
        Just(Mutation::Wrap),
    ]
}

/// Follows a path into a value and changes what it finds.
fn mutate(value: &mut Value, way: &[prop::sample::Index], mutation: &Mutation) {
    if let Some((step, rest)) = way.split_first() {
        let inner = match value {
            Value::Array(values) if !values.is_empty() => {
                let at = step.index(values.len());
                values.get_mut(at)
            }
            Value::Object(fields) if !fields.is_empty() => {
                let at = step.index(fields.len());
                fields.values_mut().nth(at)
            }
            _ => None,
        };
        if let Some(inner) = inner {
            return mutate(inner, rest, mutation);
        }
    }
    match (mutation, value) {
        (Mutation::Replace(new), value) => *value = new.clone(),
        (Mutation::Remove, Value::Array(values)) => drop(values.pop()),
        (Mutation::Remove, Value::Object(fields)) => {
            let first = fields.keys().next().cloned();
            first.and_then(|name| fields.remove(&name));
        }
        (Mutation::Add(name, new), Value::Object(fields)) => drop(fields.insert(name.clone(), new.clone())),
        (Mutation::Add(_, new), Value::Array(values)) => values.push(new.clone()),
        (Mutation::Spoil(c), Value::String(text)) => {
            text.insert(text.chars().next().map_or(0, char::len_utf8), *c);
        }
        (Mutation::Wrap, value) => *value = json!([value.take()]),
        _ => {}
    }
}

fn context() -> impl Strategy<Value = Context<'static>> {
    let names =
        ["currentDateTime", "targetingKey", "ip", "plan", "email", "age", "seed", "variant", "app.version"];
    let time = "[12][0-9]{3}-(03|10|11)-[0-2][0-9]T0[0-9]:30:00Z".prop_map(Value::from);
    prop::collection::btree_map(select(names.to_vec()), prop_oneof![any_json(), time], 0..6).prop_map(
        |attributes| {
            let attributes: serde_json::Map<_, _> =
                attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Context::from_json(&Value::Object(attributes).to_string()).unwrap_or_default()
        },
    )
}

/// The config is an activation that can be evaluated, or has problems with paths.
fn check(class: &str, config: &str, context: &Context<'_>) -> Result<(), TestCaseError> {
    let flags = flags(class, config);
    let decision = flags.evaluate("flag", context).unwrap();
    let is_broken = decision.reason().as_str() == "ERROR";
    let has_errors = flags.issues().iter().any(|issue| !issue.warning);
    prop_assert_eq!(is_broken, has_errors, "{} {}: {:?}", class, config, flags.issues());
    for issue in flags.issues() {
        prop_assert_eq!((issue.table, issue.id), ("activations", Some(ID)));
        prop_assert!(
            issue.path.split('.').any(|part| part.starts_with("config") || part == "class_name"),
            "{}",
            issue
        );
        prop_assert!(!issue.message.is_empty() && !issue.message.contains("panicked"), "{}", issue);
        prop_assert_eq!(issue.flags.is_empty(), issue.warning, "{}", issue);
    }
    let trace = flags.explain("flag", context).unwrap();
    prop_assert_eq!((trace.enabled, trace.variant.as_deref()), (decision.enabled(), decision.variant()));
    prop_assert_eq!(flags.is_enabled("flag", context), decision.enabled());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn mutated_configs_are_an_activation_or_a_problem(
        (class, config) in select(examples()),
        changes in vec((vec(any::<prop::sample::Index>(), 0..4), mutation()), 0..4),
        context in context(),
    ) {
        let mut config: Value = serde_json::from_str(&config).unwrap();
        for (way, mutation) in &changes {
            mutate(&mut config, way, mutation);
        }
        check(&class, &config.to_string(), &context)?;
    }

    #[test]
    fn arbitrary_json_is_an_activation_or_a_problem((class, _) in select(examples()), config in any_json(), context in context()) {
        check(&class, &config.to_string(), &context)?;
    }

    #[test]
    fn arbitrary_text_is_an_activation_or_a_problem((class, config) in select(examples()), text in ".{0,40}", at in any::<prop::sample::Index>(), context in context()) {
        check(&class, &text, &context)?;
        // A valid config that is cut off, or has something inserted.
        let at = config.char_indices().map(|(at, _)| at).nth(at.index(config.chars().count())).unwrap_or_default();
        check(&class, &config[..at], &context)?;
        check(&class, &format!("{}{text}{}", &config[..at], &config[at..]), &context)?;
    }
}

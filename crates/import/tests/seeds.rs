//! Flags of hanoi, rollout, feats.py, the features service and Knora, evaluated as there. The answers are recorded by
//! `oracles`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use novi::{Context, Flags, activation::Registry, rows::Rows};
use novi_files::Document;
use novi_import::{Imported, Options, Outcome, feats, features_service, hanoi, knora, redis::Keys, rollout};
use serde_json::Value as Json;

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn recorded(name: &str) -> Json {
    serde_json::from_str(&fixture(name)).unwrap()
}

fn keys(source: &Json) -> Keys {
    Keys::from_json(&source.to_string()).unwrap()
}

fn flags(document: &Document) -> Flags {
    let target = document.target(&Rows::default(), &Registry::global().unwrap(), false).unwrap();
    let flags = Flags::from_rows(target.rows).unwrap();
    assert_eq!(flags.issues(), []);
    flags
}

/// Compares novi's answers for all callers with the recorded ones: `0` is off, another digit the place of the variant,
/// where there are any. Returns how many were compared.
fn compare(flags: &Flags, flag: &str, contexts: &[Context<'_>], answers: &str, variants: &[&str]) -> usize {
    assert_eq!(contexts.len(), answers.len());
    let mut pairs = 0;
    // What the other program draws at random cannot be compared.
    for (context, expected) in contexts.iter().zip(answers.chars()).filter(|(_, answer)| *answer != '?') {
        pairs += 1;
        let decision = flags.evaluate(flag, context).unwrap();
        let variant =
            decision.variant().map(|name| variants.iter().position(|known| *known == name).unwrap());
        let found = match variant {
            _ if !decision.enabled() => 0,
            Some(place) => place + 1,
            None => 1,
        };
        let explained = || flags.explain(flag, context).unwrap().to_string();
        assert_eq!(found.to_string(), expected.to_string(), "{flag}, {context:?}\n{}", explained());
    }
    pairs
}

fn strings(list: &Json) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn contexts(recorded: &Json, attributes: &[&str]) -> Vec<Context<'static>> {
    let callers = strings(&recorded["callers"]).into_iter();
    let with = |key: &str| {
        attributes
            .iter()
            .fold(Context::new(), |context, name| context.with((*name).to_owned(), key.to_owned()))
    };
    callers.map(with).collect()
}

/// The parts that are not simply mapped, with their outcomes.
fn exceptions(imported: &Imported) -> Vec<String> {
    let items = imported.report.items.iter().filter(|item| item.outcome != Outcome::Mapped);
    items.map(|item| format!("{}: {}", item.source, item.outcome)).collect()
}

/// Compares all flags but those that differ knowingly.
fn compare_all(imported: &Imported, recorded: &Json, attributes: &[&str], except: &[&str]) -> usize {
    let (flags, contexts) = (flags(&imported.document), contexts(recorded, attributes));
    let mut pairs = 0;
    for (name, answers) in recorded["answers"].as_object().unwrap() {
        if except.contains(&name.as_str()) {
            continue;
        }
        let mut variants = recorded["variants"].get(name).map(strings).unwrap_or_default();
        // A variant that hanoi has twice.
        variants.dedup();
        pairs += compare(&flags, name, &contexts, answers.as_str().unwrap(), &variants);
    }
    pairs
}

#[test]
fn hanoi_functions_in_redis_are_on_for_the_same_users() {
    for version in ["0.0.4", "head"] {
        for layout in ["RedisBackEnd", "RedisHighPerfBackEnd"] {
            let recorded = recorded(&format!("hanoi/{version}-{layout}.json"));
            let imported = hanoi::read(&keys(&recorded["source"]), &Options::default());
            let pairs = compare_all(&imported, &recorded, &["targetingKey", "id"], &[]);
            assert_eq!(pairs, 12_000);
            let exceptions = exceptions(&imported);
            assert_eq!(exceptions.len(), 2, "{exceptions:#?}");
            assert!(exceptions[0].contains("the users of its list (1) are not kept"), "{exceptions:#?}");
            assert!(exceptions[1].starts_with("expressions: not mapped"), "{exceptions:#?}");
        }
    }
}

#[test]
fn hanoi_functions_in_memory_are_on_for_the_same_users() {
    for version in ["0.0.4", "head"] {
        let recorded = recorded(&format!("hanoi/{version}-MemoryBackEnd.json"));
        let imported = hanoi::read_memory(&recorded["source"].to_string(), &Options::default()).unwrap();
        assert_eq!(compare_all(&imported, &recorded, &["targetingKey", "id"], &[]), 12_000);
        assert_eq!(exceptions(&imported).len(), 1, "{:#?}", exceptions(&imported));
    }
}

#[test]
fn the_prefix_of_hanoi_keys_says_the_version_unless_it_is_given() {
    let keys = Keys::from_json(r#"{"h:a": "1|80|||", "rollout:b": "1|80|||"}"#).unwrap();
    let is_on = |options: &Options, flag: &str, key: &str| {
        flags(&hanoi::read(&keys, options).document)
            .is_enabled(flag, &Context::new().with("targetingKey", key.to_owned()))
    };
    // Places 85 and 46.
    let [above, below] = ["444401", "7"];
    let options = Options::default();
    assert!(!is_on(&options, "a", above) && is_on(&options, "a", below));
    assert!(is_on(&options, "b", above) && !is_on(&options, "b", below));
    let options = Options { hanoi_version: Some(hanoi::HanoiVersion::Head), ..options };
    assert!(!is_on(&options, "b", above) && is_on(&options, "b", below));
}

#[test]
fn hanoi_values_that_hanoi_cannot_read_are_reported() {
    let keys = Keys::from_json(
        r#"{"h:good": "1|10|||", "h:short": "1|10", "h:much": "1|101|||", "h:word": "1|x|||", "h:list": null,
            "h:users:gone": ["a"], "other": "1|10|||"}"#,
    )
    .unwrap();
    let imported = hanoi::read(&keys, &Options::default());
    assert_eq!(imported.document.flags.keys().collect::<Vec<_>>(), ["good"]);
    assert_eq!(imported.report.counts(), [1, 0, 6, 0]);
}

#[test]
fn rollout_features_are_active_for_the_same_users() {
    for (name, randomize_percentage) in [("plain", false), ("randomized", true)] {
        let recorded = recorded(&format!("rollout/{name}.json"));
        let options = Options { randomize_percentage, ..Options::default() };
        let imported = rollout::read(&keys(&recorded["source"]), &options);
        assert_eq!(compare_all(&imported, &recorded, &["targetingKey"], &["group"]), 11_000);
        let group = imported.report.items.iter().find(|item| item.flag.as_deref() == Some("group")).unwrap();
        assert!(group.outcome.to_string().contains("beta are blocks in the program"), "{}", group.outcome);
        let flags = flags(&imported.document);
        for (name, answer) in recorded["anonymous"].as_object().unwrap() {
            assert_eq!(flags.is_enabled(name, &Context::new()), answer == "1", "{name}");
        }
    }
}

#[test]
fn users_of_a_group_that_is_a_block_are_never_turned_on() {
    let recorded = recorded("rollout/plain.json");
    let flags = flags(&rollout::read(&keys(&recorded["source"]), &Options::default()).document);
    let answers = recorded["answers"]["group"].as_str().unwrap();
    for (context, answer) in contexts(&recorded, &["targetingKey"]).iter().zip(answers.chars()) {
        assert!(answer == '1' || !flags.is_enabled("group", context), "{context:?}");
    }
}

#[test]
fn features_are_on_for_the_same_users() {
    let recorded = recorded("features_service/answers.json");
    let imported = features_service::read(&keys(&recorded["source"]), &Options::default());
    assert_eq!(compare_all(&imported, &recorded, &["targetingKey"], &[]), 12_000);
    let flags = flags(&imported.document);
    for (name, answer) in recorded["anonymous"].as_object().unwrap() {
        assert_eq!(flags.is_enabled(name, &Context::new()), answer == "1", "{name}");
    }
}

#[test]
fn tokens_are_hashed_and_stand_for_their_users() {
    let recorded = recorded("features_service/answers.json");
    let (tokens, report) = features_service::read_tokens(&keys(&recorded["tokens"]));
    assert_eq!(tokens.len(), 20);
    assert_eq!(report.counts(), [19, 1, 0, 0]);
    for token in recorded["tokens"].as_object().unwrap() {
        let (secret, user) = (token.0.strip_prefix("token:").unwrap(), token.1.as_str().unwrap());
        let hash = novi::store::token::TokenHash::of(secret);
        assert!(tokens.iter().any(|token| token.hash == hash && token.user == user), "{user}");
        assert!(!report.to_string().contains(secret));
    }
}

/// The contexts of callers with a user, a country and a platform.
fn segmented(recorded: &Json) -> Vec<Context<'static>> {
    let callers = recorded["callers"].as_array().unwrap().iter().map(strings);
    let names = ["user_id", "country", "platform"];
    let with = |values: Vec<&str>| {
        names
            .iter()
            .zip(values)
            .fold(Context::new(), |context, (name, value)| context.with(*name, value.to_owned()))
    };
    callers.map(with).collect()
}

#[test]
fn every_state_of_feats_chooses_the_same_implementations() {
    let recorded = recorded("feats/states.json");
    let contexts = segmented(&recorded);
    let options = Options { by: "user_id".to_owned(), ..Options::default() };
    let groups = Options::groups_from_json(&recorded["groups"].to_string()).unwrap();
    let history = feats::read(&keys(&recorded["source"]), &Options { groups, ..options.clone() });
    let exceptions = exceptions(&history.now);
    assert_eq!(exceptions.len(), 1, "{exceptions:#?}");
    assert!(
        exceptions[0].contains("callers without one of the groups that were given are divided"),
        "{exceptions:#?}"
    );
    assert_eq!(history.report.counts(), [4, 0, 0, 0]);
    let mut by_entry = BTreeMap::new();
    for past in &history.states {
        let entry = format!("{}-0", past.at.timestamp_millis());
        by_entry.insert((past.document.flags.keys().next().unwrap().clone(), entry), flags(&past.document));
    }
    let mut pairs = 0;
    for state in recorded["states"].as_array().unwrap() {
        let (flag, entry) = (state["flag"].as_str().unwrap(), state["entry"].as_str().unwrap());
        let flags = &by_entry[&(flag.to_owned(), entry.to_owned())];
        pairs +=
            compare(flags, flag, &contexts, state["answers"].as_str().unwrap(), &strings(&state["variants"]));
    }
    assert_eq!(history.states.len(), 11);
    assert!(pairs > 10_300, "{pairs}");
    // Without the groups, the experiment is a split.
    let without = feats::read(&keys(&recorded["source"]), &options).now;
    let decision = |user: &str| {
        let context = Context::new().with("user_id", user.to_owned()).with("country", "US");
        flags(&without.document).evaluate("shop.todo.Colors", &context).unwrap()
    };
    assert!(decision("user-0").variant().is_some_and(|color| ["red", "blue"].contains(&color)));
    assert!(history.states.is_sorted_by_key(|past| past.at));
}

#[test]
fn knora_toggles_have_the_same_states() {
    let imported = knora::read(&fixture("knora/application.conf"), None).unwrap();
    assert_eq!(exceptions(&imported), Vec::<String>::new());
    let flags = flags(&imported.document);
    let toggles = recorded("knora/toggles.json");
    let toggles = toggles.as_object().unwrap();
    assert_eq!(imported.document.flags.len(), toggles.len());
    for (name, toggle) in toggles {
        let decision = flags.evaluate(name, &Context::new()).unwrap();
        assert_eq!(decision.enabled(), !toggle["version"].is_null(), "{name}");
        let version = decision.version().filter(|_| decision.enabled()).map(u64::from);
        assert_eq!(version, toggle["version"].as_u64(), "{name}");
        let flag = &imported.document.flags[name];
        assert_eq!(flag.override_allowed, toggle["override"].as_bool(), "{name}");
        assert_eq!(flag.description.as_deref(), toggle["description"].as_str(), "{name}");
        assert_eq!(
            flag.owner.as_deref().unwrap_or_default(),
            strings(&toggle["emails"]).join(", "),
            "{name}"
        );
        assert_eq!(flag.expires_at.is_some(), !toggle["expires"].is_null(), "{name}");
    }
}

#[test]
fn toggles_that_are_not_valid_are_reported_and_do_not_block_others() {
    let text = "app.feature-toggles { good { available-versions = [1], default-version = 1, enabled-by-default = on, \
                override-allowed = no }, gap = ${app.feature-toggles.good} { available-versions = [1, 3] }, \
                version = ${app.feature-toggles.good} { default-version = 2 }, none { }, draft = yes, list = [] }";
    let imported = knora::read(text, None).unwrap();
    assert_eq!(imported.document.flags.keys().collect::<Vec<_>>(), ["draft", "good"]);
    assert_eq!(imported.report.counts(), [2, 0, 4, 0]);
    let deep = format!("a = {}", "[".repeat(100_000));
    let dotted = format!("{}a = 1", "a.".repeat(100_000));
    for broken in ["a = [", "a = 1", &deep, &dotted, "a = ${b}", "include required(file(\"missing\"))"] {
        assert!(knora::read(broken, None).is_err(), "{broken:.20}");
    }
}

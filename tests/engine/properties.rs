//! Properties of arbitrary rows and contexts.

use novi::{
    Context, Flags,
    activation::Registry,
    rows::{ActivationRow, FailMode, FlagMetadata, FlagRow, LinkRow, Revision, Rows},
};
use proptest::{collection::vec, prelude::*};

use crate::common::rows::one_flag;

fn class() -> impl Strategy<Value = String> {
    let known: Vec<String> = Registry::global().map_or_else(
        |_| Vec::new(),
        |registry| {
            registry
                .iter()
                // Other tests of this program register types that break the contract.
                .filter(|kind| kind.class().starts_with("novi."))
                .flat_map(|kind| [kind.class()].into_iter().chain(kind.aliases().iter().copied()))
                .map(str::to_owned)
                .collect()
        },
    );
    prop_oneof![9 => prop::sample::select(known), 1 => ".{0,12}"]
}

/// Arbitrary JSON, with a preference for words of configs and contexts.
fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let word = prop::sample::select(vec![
        "startDateTime",
        "endDateTime",
        "format",
        "timezone",
        "splits",
        "variations",
        "salt",
        "count",
        "activations",
        "class_name",
        "config",
        "currentDateTime",
        "seed",
        "variant",
        "targetingKey",
        "attribute",
        "equals",
        "in",
        "not_in",
        "contains",
        "starts_with",
        "regex",
        "ignore_case",
        "greater",
        "less_or_equal",
        "before",
        "semver",
        "in_cidr",
        "exists",
        "seed.config",
        "A.A",
        ">=1.2",
        "v1.2.3-rc.1",
        "10.0.0.0/8",
        "::1",
        "(a|b)+$",
        "A",
        "%Y-%m-%d",
        "%H:%M",
        "%",
        "2026-03-29 02:30",
        "2026-01-01T00:00:00Z",
        "Europe/Berlin",
        "UTC",
        "novi.and",
        "novi.not",
        "novi.date_time",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..12).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,16}".prop_map(Value::from),
        (0_u8..9, 0_u8..9).prop_map(|(a, b)| json!([a, b])),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let key = word.clone().prop_map(str::to_owned);
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn config() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        8 => json().prop_map(|json| Some(json.to_string())),
        4 => vec(0_i64..9, 0..5).prop_map(|ids| Some(format!("{ids:?}"))),
        1 => ".{0,40}".prop_map(Some),
        1 => Just(None),
    ]
}

/// The fields in the schema of `novi.attribute`, and an unknown one.
fn operator() -> impl Strategy<Value = String> {
    let registry = Registry::global().unwrap();
    let schema = registry.find("novi.attribute").unwrap().schema();
    let fields = schema.get("properties").and_then(|fields| fields.as_object()).unwrap();
    let mut operators: Vec<_> = fields.keys().filter(|field| *field != "attribute").cloned().collect();
    assert!(operators.len() > 10, "{operators:?}");
    operators.push("no such operator".to_owned());
    prop::sample::select(operators)
}

/// Valid and invalid operands, alone and in lists.
fn operand() -> impl Strategy<Value = serde_json::Value> {
    let one = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-2_i64..3).prop_map(Into::into),
        "[<>=~^v]{0,2}[0-9]{1,3}(\\.[0-9]){0,3}(-[a-c0-9.]{0,3})?".prop_map(Into::into),
        "[0-9]{1,3}\\.0\\.0\\.[0-9](/[0-9]{1,2})?".prop_map(Into::into),
        "[0-9]{4}-[0-1][0-9]-[0-3][0-9](T[0-2][0-9]:00:00Z)?".prop_map(Into::into),
        "[a-cA-CßẞσςİıK(|)*+\\[\\]^$.]{0,6}".prop_map(Into::into),
    ];
    one.prop_recursive(2, 32, 12, |inner| vec(inner, 0..12).prop_map(Into::into))
}

fn rows() -> impl Strategy<Value = Rows> {
    let mode = prop::sample::select(vec![FailMode::Off, FailMode::On, FailMode::LastKnown]);
    let flag = (0_i64..6, ".{0,8}", any::<bool>(), mode).prop_map(|(id, name, status, fail_mode)| FlagRow {
        metadata: FlagMetadata { fail_mode, ..FlagMetadata::default() },
        ..FlagRow::new(id, name, status)
    });
    let activation = (0_i64..9, class(), config())
        .prop_map(|(id, class, config)| ActivationRow { config, ..ActivationRow::new(id, "row", class, "") });
    let end = || prop::option::weighted(0.95, 0_i64..9);
    let link = (end(), end()).prop_map(|(flag_id, activation_id)| LinkRow { flag_id, activation_id });
    (vec(flag, 0..5), vec(activation, 0..9), vec(link, 0..12)).prop_map(|(flags, activations, links)| Rows {
        revision: Revision::new(1),
        flags,
        activations,
        links,
        ..Rows::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// No rows and no context make the engine panic, and all kinds of evaluation agree.
    #[test]
    fn arbitrary_rows_evaluate_arbitrary_contexts(rows in rows(), next in rows(), context in json()) {
        let context = Context::from_json(&context.to_string()).unwrap_or_default();
        let flags = Flags::from_rows(rows).unwrap();
        for next in [None, Some(next)] {
            if let Some(next) = next {
                flags.replace_rows(next);
            }
            let snapshot = flags.snapshot();
            let all = snapshot.evaluate_all(&context);
            prop_assert_eq!(all.len(), snapshot.flag_names().count());
            for decision in all {
                // Of two flags with one name the first is evaluated, so only that one is compared.
                let alone = snapshot.evaluate(decision.flag(), &context).unwrap();
                let trace = snapshot.explain(decision.flag(), &context).unwrap();
                prop_assert_eq!(snapshot.is_enabled(decision.flag(), &context), alone.enabled());
                prop_assert_eq!((trace.enabled, trace.reason), (alone.enabled(), alone.reason()));
                prop_assert_eq!(trace.variant.as_deref(), alone.variant());
                prop_assert!(!trace.to_string().is_empty());
                let twins = snapshot.flag_names().filter(|name| *name == decision.flag()).count();
                if twins == 1 {
                    prop_assert_eq!((decision.enabled(), decision.variant()), (alone.enabled(), alone.variant()));
                }
            }
        }
    }

    /// Arbitrary formats and strings of a row are read without a panic.
    #[test]
    fn arbitrary_text_is_read_with_any_format(format in "[%a-zA-Z0-9 :./+-]{0,12}", text in "[0-9a-zA-Z :./+-]{0,24}", zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec())) {
        let config = serde_json::json!({"startDateTime": text, "format": format, "timezone": zone.name()});
        let flags = Flags::from_rows(one_flag("flag", "novi.date_time", config.to_string())).unwrap();
        let context = Context::new().with("currentDateTime", &*text);
        // A start equal to the end is a problem, except for an hour that occurs twice: then both mean its
        // start.
        let compiled = flags.issues().is_empty();
        prop_assert_eq!(flags.is_enabled("flag", &context), compiled);
    }

    /// Arbitrary operators and operands are read, evaluated and explained without a panic.
    #[test]
    fn arbitrary_attributes_meet_any_operator(conditions in vec((operator(), operand()), 0..4), value in operand(), nested: bool) {
        let mut config: serde_json::Map<_, _> =
            conditions.into_iter().collect();
        config.insert("attribute".to_owned(), "a.b".into());
        let flags = Flags::from_rows(one_flag("flag", "novi.attribute", serde_json::Value::from(config).to_string())).unwrap();
        let context = if nested { serde_json::json!({"a": {"b": value}}) } else { serde_json::json!({"a.b": value}) };
        let context = Context::from_json(&context.to_string()).unwrap_or_default();
        let trace = flags.explain("flag", &context).unwrap();
        prop_assert_eq!(flags.is_enabled("flag", &context), trace.enabled);
        prop_assert!(!trace.to_string().is_empty());
        let explains = |message: &str| message.contains("expected") || message.contains("invalid regular expression");
        prop_assert!(flags.issues().iter().all(|issue| issue.path.starts_with("config") && explains(&issue.message)));
    }

    /// Contexts survive JSON.
    #[test]
    fn contexts_survive_json(context in json()) {
        if let Ok(context) = Context::from_json(&context.to_string()) {
            let again = Context::from_json(&serde_json::to_string(&context).unwrap()).unwrap();
            prop_assert_eq!(again, context);
        }
    }
}

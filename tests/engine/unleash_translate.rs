//! Translates Unleash's features to rows.

use std::collections::BTreeMap;

use novi::{
    Context, Value,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Rows},
};
use serde_json::{Map, Value as Json, json};

/// Attributes that Unleash's clients send as strings and compare as numbers are also sent as numbers, under
/// this name.
fn as_number(name: &str) -> String {
    format!("{name} as number")
}

/// Unleash's context as a context of novi.
pub(crate) fn context(unleash: &Json) -> Context<'static> {
    let mut context = Context::new().with("currentTime", chrono_now());
    let fields = unleash.as_object().unwrap().iter().filter(|(name, _)| *name != "properties");
    let properties = unleash["properties"].as_object().into_iter().flatten();
    for (name, value) in fields.chain(properties) {
        if let Some(number) = value.as_str().and_then(|text| text.trim().parse::<f64>().ok()) {
            context = context.with(as_number(name), number);
        }
        context = context.with(name.clone(), Value::from(value.clone()).into_owned());
    }
    context
}

/// The current time.
fn chrono_now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    chrono::DateTime::from_timestamp(i64::try_from(since.as_secs()).unwrap(), 0).unwrap().to_rfc3339()
}

/// The features and segments of a specification's state, which has them as lists or as events.
fn features(state: &Json) -> (BTreeMap<String, Json>, BTreeMap<i64, Json>) {
    let (mut features, mut segments) = (BTreeMap::new(), BTreeMap::new());
    let events = state["events"].as_array().cloned().unwrap_or_else(|| vec![state.clone()]);
    for event in events {
        let list = |many: &str, one: &str| {
            let several = event[many].as_array().cloned().unwrap_or_default();
            several.into_iter().chain(event.get(one).cloned()).collect::<Vec<_>>()
        };
        for feature in list("features", "feature") {
            features.insert(feature["name"].as_str().unwrap().to_owned(), feature);
        }
        for segment in list("segments", "segment") {
            segments.insert(segment["id"].as_i64().unwrap(), segment);
        }
        match event["type"].as_str() {
            Some("feature-removed") => drop(features.remove(event["featureName"].as_str().unwrap())),
            Some("segment-removed") => drop(segments.remove(&event["segmentId"].as_i64().unwrap())),
            _ => {}
        }
    }
    (features, segments)
}

/// The rows of a specification's state.
pub(crate) fn rows(state: &Json) -> Rows {
    let (features, segments) = features(state);
    let mut rows = Rows::default();
    for (id, feature) in (1..).zip(features.values()) {
        let name = feature["name"].as_str().unwrap();
        let mut flag = FlagRow::new(id, name, feature["enabled"] == true);
        flag.metadata = FlagMetadata { variants: payloads(feature), ..FlagMetadata::default() };
        rows.flags.push(flag);
        let parts = [dependencies(feature, &features), strategies(feature, &segments), variants(feature)];
        for (class, config) in parts.into_iter().flatten().map(class_and_config) {
            let activation = i64::try_from(rows.activations.len()).unwrap() + 1;
            rows.activations.push(ActivationRow::new(activation, name, class, config));
            rows.links.push(LinkRow::new(id, activation));
        }
    }
    rows
}

fn class_and_config(inline: Json) -> (String, String) {
    (inline["class_name"].as_str().unwrap().to_owned(), text(&inline["config"]))
}

/// JSON that keeps the order of variants instead of sorting them by name.
fn text(json: &Json) -> String {
    match json {
        Json::Array(list) => format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(",")),
        Json::Object(fields) => {
            let field = |(name, value): (&String, &Json)| match value["in order"].as_array() {
                Some(weights) => {
                    let weight = |pair: &Json| format!("{}:{}", pair[0], pair[1]);
                    format!(
                        "{}:{{{}}}",
                        json!(name),
                        weights.iter().map(weight).collect::<Vec<_>>().join(",")
                    )
                }
                None => format!("{}:{}", json!(name), text(value)),
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

fn inline(class: &str, config: Json) -> Json {
    json!({"class_name": class, "config": config})
}

fn not(activation: Json) -> Json {
    inline("novi.not", activation)
}

/// Always on: all of no conditions. Always off: one of no conditions.
fn always(on: bool) -> Json {
    inline(if on { "novi.and" } else { "novi.or" }, json!([]))
}

fn attribute(name: &str, operator: &str, operand: Json) -> Json {
    inline("novi.attribute", json!({"attribute": name, operator: operand}))
}

/// All variants of a feature and of its strategies.
fn all_variants(feature: &Json) -> impl Iterator<Item = &Json> {
    let strategies = feature["strategies"].as_array().into_iter().flatten();
    let lists = strategies.map(|strategy| &strategy["variants"]).chain([&feature["variants"]]);
    lists.filter_map(Json::as_array).flatten()
}

fn variant_names(feature: &Json) -> Vec<Json> {
    all_variants(feature).map(|variant| variant["name"].clone()).collect()
}

/// The values of variants, if each name has one.
fn payloads(feature: &Json) -> Option<String> {
    let variants = all_variants(feature);
    let value =
        |variant: &Json| Some((variant["name"].as_str()?.to_owned(), variant["payload"]["value"].clone()));
    let values: Map<String, Json> = variants.filter_map(value).collect();
    (!values.is_empty() && values.values().all(Json::is_string)).then(|| Json::Object(values).to_string())
}

fn dependencies(feature: &Json, features: &BTreeMap<String, Json>) -> Option<Json> {
    let list = feature["dependencies"].as_array().filter(|list| !list.is_empty())?;
    let one = |dependency: &Json| {
        let parent = dependency["feature"].as_str().unwrap();
        let grandparents = features.get(parent).and_then(|parent| parent["dependencies"].as_array());
        if grandparents.is_some_and(|list| !list.is_empty()) {
            // Unleash supports one level: a dependency of a dependency is off.
            return always(false);
        }
        let asks = |variants: &[Json]| inline("novi.flag", json!({"flag": parent, "variant": variants}));
        let is_on = inline("novi.flag", json!({"flag": parent}));
        let asks = match dependency["variants"].as_array().filter(|variants| !variants.is_empty()) {
            // Unleash's variant `disabled` means no variant.
            Some(variants) if variants.contains(&json!("disabled")) => {
                let names = features.get(parent).map(variant_names).unwrap_or_default();
                let without = if names.is_empty() { always(true) } else { not(asks(&names)) };
                inline("novi.or", json!([asks(variants), inline("novi.and", json!([is_on, without]))]))
            }
            Some(variants) => asks(variants),
            None => is_on,
        };
        if dependency["enabled"] == false { not(asks) } else { asks }
    };
    Some(inline("novi.and", list.iter().map(one).collect()))
}

/// The strategies in order: the first that is on for the caller decides the variant.
fn strategies(feature: &Json, segments: &BTreeMap<i64, Json>) -> Option<Json> {
    let list = feature["strategies"].as_array().filter(|list| !list.is_empty())?;
    let rule = |strategy: &Json| {
        let mut all = vec![own_condition(strategy)];
        all.extend(strategy["constraints"].as_array().into_iter().flatten().map(constraint));
        for id in strategy["segments"].as_array().into_iter().flatten() {
            match segments.get(&id.as_i64().unwrap()) {
                Some(segment) => {
                    all.extend(segment["constraints"].as_array().unwrap().iter().map(constraint));
                }
                None => all.push(always(false)),
            }
        }
        let mut rule = json!({"when": inline("novi.and", Json::Array(all))});
        let variants = strategy["variants"].as_array().filter(|variants| !variants.is_empty());
        if let Some(variants) = variants {
            let salt = strategy["parameters"]["groupId"].as_str().or(feature["name"].as_str()).unwrap();
            rule["then"] = split(variants, salt, strategy["parameters"]["stickiness"].as_str());
        }
        rule
    };
    Some(inline("novi.rules", json!({"rules": list.iter().map(rule).collect::<Vec<_>>()})))
}

/// Unleash's stickiness.
fn by(stickiness: Option<&str>) -> Json {
    match stickiness {
        // For callers without the attribute, Unleash draws at random; here they all count as one.
        None | Some("default" | "random" | "") => json!(["userId", "sessionId", "currentTime"]),
        Some(attribute) => json!(attribute),
    }
}

/// A split by weights. Callers without the attribute get the first variant, where Unleash draws at random.
fn split(variants: &[Json], salt: &str, inherited: Option<&str>) -> Json {
    let weights = variants.iter().map(|variant| json!([variant["name"], variant["weight"]]));
    let weights = json!({"in order": weights.collect::<Vec<_>>()});
    let by = by(variants[0]["stickiness"].as_str().or(inherited));
    let split = inline("novi.split", json!({"variants": weights, "hash": "unleash", "salt": salt, "by": by}));
    inline("novi.or", json!([split, inline("novi.static", json!({"variant": variants[0]["name"]}))]))
}

/// The variants of the feature itself, for callers without a strategy that has variants.
fn variants(feature: &Json) -> Option<Json> {
    let variants = feature["variants"].as_array().filter(|variants| !variants.is_empty())?;
    let mut rules = Vec::new();
    for variant in variants {
        for over in variant["overrides"].as_array().into_iter().flatten() {
            let when = attribute(over["contextName"].as_str().unwrap(), "in", over["values"].clone());
            rules.push(json!({"when": when, "variant": variant["name"]}));
        }
    }
    rules.push(
        json!({"when": always(true), "then": split(variants, feature["name"].as_str().unwrap(), None)}),
    );
    Some(inline("novi.rules", json!({"rules": rules})))
}

/// In one of the networks. Unleash ignores invalid ones.
fn in_networks(name: &str, networks: &Json) -> Json {
    let is_network = |text: &&Json| {
        let text = text.as_str().unwrap_or_default();
        text.split('/').next().is_some_and(|address| address.parse::<std::net::IpAddr>().is_ok())
    };
    let networks: Vec<&Json> = networks.as_array().into_iter().flatten().filter(is_network).collect();
    if networks.is_empty() { always(false) } else { attribute(name, "in_cidr", json!(networks)) }
}

/// The conditions of a strategy without its constraints.
fn own_condition(strategy: &Json) -> Json {
    let parameters = &strategy["parameters"];
    let texts = |name: &str| -> Vec<String> {
        let list =
            parameters[name].as_str().unwrap_or_default().split(',').map(|text| text.trim().to_owned());
        list.filter(|text| !text.is_empty()).collect()
    };
    let percentage = |name: &str, by: Json| {
        let share = &parameters[name];
        let share = share.as_f64().or_else(|| share.as_str()?.trim().parse().ok()).unwrap_or_default();
        let salt = parameters["groupId"].as_str().unwrap_or_default();
        inline("novi.percentage", json!({"percentage": share, "hash": "unleash", "salt": salt, "by": by}))
    };
    match strategy["name"].as_str().unwrap() {
        "default" => always(true),
        "userWithId" => attribute("userId", "in", json!(texts("userIds"))),
        "gradualRolloutUserId" => percentage("percentage", json!("userId")),
        "gradualRolloutSessionId" => percentage("percentage", json!("sessionId")),
        "gradualRolloutRandom" => percentage("percentage", by(None)),
        "flexibleRollout" => percentage("rollout", by(parameters["stickiness"].as_str())),
        "remoteAddress" => in_networks("remoteAddress", &json!(texts("IPs"))),
        _ => always(false),
    }
}

fn constraint(constraint: &Json) -> Json {
    let name = constraint["contextName"].as_str().unwrap();
    let number = || {
        let value = &constraint["value"];
        value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
    };
    let ignore_case = |mut activation: Json| {
        if constraint["caseInsensitive"] == true {
            activation["config"]["ignore_case"] = json!(true);
        }
        activation
    };
    let version = |sign: &str| {
        // Unleash only accepts complete versions.
        let version = constraint["value"].as_str().unwrap_or_default();
        let whole = version.split(['-', '+']).next().unwrap_or_default().split('.').count() == 3;
        let digit = version.starts_with(|letter: char| letter.is_ascii_digit());
        let strict = attribute(name, "regex", json!(r"^\d+\.\d+\.\d+([-+].*)?$"));
        let met = attribute(name, "semver", json!(format!("{sign}{version}")));
        if whole && digit { inline("novi.and", json!([strict, met])) } else { always(false) }
    };
    let compared = |operator: &str| match number() {
        Some(number) => attribute(&as_number(name), operator, json!(number)),
        None => always(false),
    };
    let met = match constraint["operator"].as_str().unwrap() {
        "IN" => attribute(name, "in", constraint["values"].clone()),
        "NOT_IN" => not(attribute(name, "in", constraint["values"].clone())),
        "STR_CONTAINS" => ignore_case(attribute(name, "contains", constraint["values"].clone())),
        "STR_STARTS_WITH" => ignore_case(attribute(name, "starts_with", constraint["values"].clone())),
        "STR_ENDS_WITH" => ignore_case(attribute(name, "ends_with", constraint["values"].clone())),
        "REGEX" => ignore_case(attribute(name, "regex", constraint["value"].clone())),
        "IN_CIDR" => in_networks(name, &constraint["values"]),
        "NUM_EQ" => compared("equals"),
        "NUM_GT" => compared("greater"),
        "NUM_GTE" => compared("greater_or_equal"),
        "NUM_LT" => compared("less"),
        "NUM_LTE" => compared("less_or_equal"),
        "DATE_AFTER" => attribute(name, "after", constraint["value"].clone()),
        "DATE_BEFORE" => attribute(name, "before", constraint["value"].clone()),
        "SEMVER_EQ" => version("="),
        "SEMVER_GT" => version(">"),
        "SEMVER_GTE" => version(">="),
        "SEMVER_LT" => version("<"),
        "SEMVER_LTE" => version("<="),
        // An unknown operator is off, even if it is inverted.
        _ => return always(false),
    };
    if constraint["inverted"] == true { not(met) } else { met }
}

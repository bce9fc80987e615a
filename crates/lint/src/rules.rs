//! What is noticed, row by row.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{SecondsFormat, Utc};
use novi::{
    Flags,
    builtin::MetricConfig,
    rows::{ActivationRow, FlagRow, Rows},
    snapshot::Snapshot,
};
use serde_json::Value;

use crate::{
    certainty::{EMPTY, Finder, children, contradiction},
    experiments,
    finding::Finding,
    subject::Subject,
    switch::shadowed,
};

/// Everything that is noticed about the rows of a snapshot of these flags, by table and id. What depends on a
/// caller is not reported, nor are invalid rows, which are issues of the snapshot.
pub fn findings(flags: &Flags, snapshot: &Snapshot, rows: &Rows) -> Vec<Finding> {
    let subject = Subject { flags, snapshot, rows, registry: flags.registry(), now: Utc::now() };
    let mut findings = of_rows(&subject);
    findings.sort();
    findings
}

fn of_rows(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut finder = Finder::new(subject);
    // `novi check` reports these.
    let broken: HashSet<&str> =
        subject.snapshot.issues().iter().flat_map(|issue| &issue.flags).map(String::as_str).collect();
    let invalid: HashSet<i64> = subject
        .snapshot
        .issues()
        .iter()
        .filter(|issue| issue.table == "activations")
        .filter_map(|issue| issue.id)
        .collect();
    let expired = subject.snapshot.expired_flags(subject.now);
    let expired: HashMap<&str, _> =
        expired.iter().map(|flag| (flag.flag.as_str(), flag.expires_at)).collect();
    for row in &subject.rows.flags {
        let mut add = |code, message| findings.push(of_flag(row, code, message));
        if let Some(at) = expired.get(row.name.as_str()) {
            let at = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            add("expired", format!("expired on {at}: remove it from the code, then here"));
        }
        if broken.contains(row.name.as_str()) {
            continue;
        }
        let has_activations = subject.linked(row.id).next().is_some();
        match finder.of_flag(row).filter(|_| row.status && has_activations) {
            Some(found) if found.on => add("always_on", format!("always on: {}", found.why)),
            Some(found) => add("always_off", format!("always off: {}", found.why)),
            None => (),
        }
        for variant in unreachable(subject, row) {
            add("unreachable_variant", format!("nothing assigns the variant {variant:?}"));
        }
    }
    let used: BTreeSet<i64> =
        subject.rows.flags.iter().flat_map(|row| subject.snapshot.reached_by(&row.name)).collect();
    let mut contents = HashMap::new();
    for row in subject.rows.activations.iter().filter(|row| !invalid.contains(&row.id)) {
        let mut add = |code, message| findings.push(of_activation(row, code, message));
        // Reports read metrics, by their names.
        match (used.contains(&row.id), row.class_name == MetricConfig::CLASS) {
            (true, true) => {
                add(
                    "metric_as_condition",
                    "flags depend on it, and a metric is off for everybody".to_owned(),
                );
            }
            (false, false) => add("unused", "no flag depends on it".to_owned()),
            _ => (),
        }
        let config = serde_json::from_str(row.config.as_deref().unwrap_or("null")).unwrap_or_default();
        // Experiments whose configs are equal draw by their names.
        if row.class_name != experiments::CLASS
            && let Some(other) = equal_row(subject, row, &config, &mut contents)
        {
            add("duplicate", format!("has the type, config and members of activations#{other}"));
        }
        let mut open = vec![(String::new(), row.class_name.clone(), config)];
        while let Some((path, class, config)) = open.pop() {
            for (code, message) in of_config(&mut finder, subject, row, (&path, &class, &config)) {
                let at = if path.is_empty() { String::new() } else { format!("config{path}: ") };
                findings.push(of_activation(row, code, format!("{at}{message}")));
            }
            inline(&path, &config, &mut open);
        }
    }
    findings.extend(experiments::findings(subject.rows, &invalid, subject.now));
    findings
}

fn of_flag(row: &FlagRow, code: &'static str, message: String) -> Finding {
    Finding::new("flags", row.id, &row.name, code, message)
}

fn of_activation(row: &ActivationRow, code: &'static str, message: String) -> Finding {
    Finding::new("activations", row.id, &row.name, code, message)
}

/// The variants of a flag whose names occur nowhere in its activations.
fn unreachable(subject: &Subject<'_>, row: &FlagRow) -> Vec<String> {
    let FlagRow { name, metadata, .. } = row;
    let variants = metadata.variants.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(Value::Object(variants)) = variants else { return Vec::new() };
    let mut names: BTreeSet<String> = variants.keys().cloned().collect();
    for given in [&metadata.default_variant, &metadata.off_variant].into_iter().flatten() {
        names.remove(given);
    }
    let rows = &subject.rows.activations;
    let row = |id: i64| rows.get(rows.binary_search_by_key(&id, |row| row.id).ok()?);
    for activation in subject.snapshot.reached_by(name).into_iter().filter_map(row) {
        // A type of the service computes names in its own way.
        let is_built_in = subject.registry.find(&activation.class_name);
        if !is_built_in.is_some_and(|kind| kind.class().starts_with("novi.")) {
            return Vec::new();
        }
        let config = activation.config.as_deref().unwrap_or("null");
        let mut open: Vec<Value> = serde_json::from_str(config).into_iter().collect();
        while let Some(value) = open.pop() {
            match value {
                Value::String(text) => {
                    // An expression has its variants in quotes.
                    names.retain(|name| !text.contains(name.as_str()));
                }
                Value::Array(items) => open.extend(items),
                Value::Object(fields) => {
                    if fields
                        .get("class_name")
                        .and_then(Value::as_str)
                        .is_some_and(|name| !name.starts_with("novi."))
                    {
                        return Vec::new();
                    }
                    for (field, value) in fields {
                        names.remove(&field);
                        open.push(value);
                    }
                }
                _ => (),
            }
        }
    }
    names.into_iter().collect()
}

/// An earlier row that is the same but for its name.
fn equal_row(
    subject: &Subject<'_>,
    row: &ActivationRow,
    config: &Value,
    seen: &mut HashMap<String, i64>,
) -> Option<i64> {
    let class = subject.registry.find(&row.class_name).map_or(row.class_name.as_str(), |kind| kind.class());
    let members: BTreeSet<(&str, bool)> =
        subject.rows.members_of(row.id).iter().map(|row| (row.member.as_str(), row.denied)).collect();
    let content = format!("{class} {config} {members:?}");
    let other = seen.get(&content).copied();
    if other.is_none() {
        seen.insert(content, row.id);
    }
    other
}

/// What is noticed about a config, which is a row's own or inline.
fn of_config(
    finder: &mut Finder<'_>,
    subject: &Subject<'_>,
    row: &ActivationRow,
    (path, class, config): (&str, &str, &Value),
) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let Some(kind) = subject.registry.find(class) else { return found };
    let certain = |finder: &mut Finder<'_>| match path {
        "" => finder.of_row(row.id),
        _ => finder.of(class, config, (0, 0)),
    };
    match kind.class() {
        "novi.date_time" | "novi.expires"
            if certain(finder).is_some_and(|certain| !certain.on && !certain.why.ends_with(EMPTY)) =>
        {
            found.push(("past_window", "its window of time is over".to_owned()));
        }
        "novi.attribute" => {
            if let Some(why) = contradiction(config) {
                found.push(("contradiction", format!("never on: {why}")));
            }
        }
        "novi.flag" => {
            if let Some(certain) = certain(finder).filter(|certain| !certain.on) {
                let prefix = format!("activations#{} {:?}: ", row.id, row.name);
                let why = certain.why.strip_prefix(&prefix).unwrap_or(&certain.why).to_owned();
                found.push(("unmet_prerequisite", format!("never on: {why}")));
            }
        }
        "novi.or" => {
            let children = children(config);
            for (index, child) in children.iter().enumerate() {
                let Some(certain) = finder.of_child(child) else { continue };
                let number = index + 1;
                if certain.on && number < children.len() {
                    found.push((
                        "dead_branch",
                        format!("what follows item {number} is never evaluated: it is always on"),
                    ));
                    break;
                }
                if !certain.on {
                    found.push(("dead_branch", format!("item {number} is never on: {}", certain.why)));
                }
            }
        }
        "novi.and" => {
            let children = children(config);
            let negated = |child: &Value| {
                let is_not = child.get("class_name").and_then(Value::as_str) == Some("novi.not");
                let inner = child.get("config").filter(|_| is_not)?;
                self::children(inner).into_iter().next()
            };
            if let Some(at) =
                children.iter().position(|child| negated(child).is_some_and(|not| children.contains(&not)))
            {
                found
                    .push(("contradiction", format!("never on: item {} is the opposite of another", at + 1)));
            }
        }
        "novi.rules" => found.extend(of_rules(finder, config)),
        "novi.switch" => {
            found.extend(shadowed(config).into_iter().map(|(case, earlier)| {
                ("dead_branch", format!("case {case} is never reached: case {earlier} matches first"))
            }));
        }
        "novi.split" => {
            found
                .extend(odd_weights(config.get("variants").and_then(Value::as_object).map(|of| of.values())));
        }
        "novi.weighted_random" => {
            found.extend(odd_weights(config.get("splits").and_then(Value::as_array).map(|of| of.iter())));
        }
        _ => (),
    }
    found
}

fn of_rules(finder: &mut Finder<'_>, config: &Value) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let rules = config.get("rules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (index, rule) in rules.iter().enumerate() {
        let number = index + 1;
        match rule.get("when").and_then(|when| finder.of_child(when)) {
            Some(certain) if certain.on => {
                if number < rules.len() || config.get("fallthrough").is_some() {
                    found.push((
                        "dead_branch",
                        format!("what follows rule {number} is never reached: it always matches"),
                    ));
                }
                break;
            }
            Some(certain) => {
                found.push(("dead_branch", format!("rule {number} never matches: {}", certain.why)));
            }
            None => (),
        }
    }
    found
}

/// Weights that were probably meant to be percentages.
fn odd_weights<'v>(weights: Option<impl Iterator<Item = &'v Value>>) -> Option<(&'static str, String)> {
    let weights: Vec<f64> = weights?.filter_map(Value::as_f64).collect();
    let sum: f64 = weights.iter().sum();
    let is_odd = weights.len() > 1 && (90.0..110.0).contains(&sum) && (sum - 100.0).abs() > 1e-6;
    is_odd.then(|| ("odd_weights", format!("its weights sum to {sum}, not to 100")))
}

/// The activations that are inline in a config, one level down or deeper in other values.
fn inline(path: &str, config: &Value, found: &mut Vec<(String, String, Value)>) {
    let mut open = vec![(path.to_owned(), config)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(fields) => {
                for (field, value) in fields {
                    let inner = format!("{path}.{field}");
                    let class = value.get("class_name").and_then(Value::as_str);
                    match class {
                        Some(class) => {
                            let config = value.get("config").cloned().unwrap_or_default();
                            found.push((format!("{inner}.config"), class.to_owned(), config));
                        }
                        None => open.push((inner, value)),
                    }
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    let inner = format!("{path}[{index}]");
                    match value.get("class_name").and_then(Value::as_str) {
                        Some(class) => {
                            let config = value.get("config").cloned().unwrap_or_default();
                            found.push((format!("{inner}.config"), class.to_owned(), config));
                        }
                        None => open.push((inner, value)),
                    }
                }
            }
            _ => (),
        }
    }
}

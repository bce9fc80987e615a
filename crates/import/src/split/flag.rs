//! One flag: conditions in order, each with a share of the callers for each treatment.

use std::collections::BTreeSet;

use novi::rows::ValueType;
use novi_files::{Flag, Tree};

use super::{list, matcher::Matchers, string, strings};
use crate::{
    collector::{Collector, Draft},
    config::{Given, and, not, number, rules},
    shares::Hashed,
    switch::is_true,
    variations::assign,
};

/// The treatments of a flag. Those of a flag that has no others are on and off.
#[derive(Debug)]
pub(super) struct Treatments<'a> {
    names: BTreeSet<&'a str>,
    pub(super) is_boolean: bool,
}

impl<'a> Treatments<'a> {
    pub(super) fn of(flag: &'a Tree) -> Self {
        let partitions = list(flag, "conditions").iter().flat_map(|condition| list(condition, "partitions"));
        let names = partitions.filter_map(|partition| string(partition, "treatment"));
        let names: BTreeSet<&str> = names.chain(string(flag, "defaultTreatment")).collect();
        let is_boolean = names.iter().all(|name| matches!(*name, "on" | "off" | "control"));
        Self { names, is_boolean }
    }

    pub(super) fn given(&self, name: &str) -> Given {
        match name {
            "control" => Given::Off,
            "on" if self.is_boolean => Given::On,
            "off" if self.is_boolean => Given::Off,
            name => Given::Variant(name.to_owned()),
        }
    }
}

pub(super) fn draft(
    name: &str,
    source: &Tree,
    matchers: &mut Matchers<'_>,
    collector: &mut Collector,
) -> Result<Draft, String> {
    let mut flag = Flag { status: Some(true), tags: strings(source, "sets"), ..Flag::default() };
    let treatments = Treatments::of(source);
    let status =
        source.get("status").map(|status| status.as_str().ok_or_else(|| status.to_json())).transpose();
    let status = status.map_err(|found| format!("status: expected a string, found {found}"))?;
    if status.is_some_and(|status| status != "ACTIVE") {
        flag.status = Some(false);
        return Ok(Draft { flag, differences: Vec::new() });
    }
    let default = treatments.given(string(source, "defaultTreatment").unwrap_or("control"));
    let given = if is_true(source, "killed")? {
        default
    } else {
        given(source, &treatments, default, matchers, collector)?
    };
    assign(given, name, "conditions", collector, &mut flag);
    values(source, &treatments, &mut flag);
    Ok(Draft { flag, differences: Vec::new() })
}

fn given(
    source: &Tree,
    treatments: &Treatments<'_>,
    default: Given,
    matchers: &mut Matchers<'_>,
    collector: &mut Collector,
) -> Result<Given, String> {
    if source.get("algo").and_then(Tree::as_f64).is_none_or(|algo| algo < 2.0) {
        return Err("algo: the legacy hash has no equivalent".to_owned());
    }
    let seed =
        |field: &str| source.get(field).filter(|seed| matches!(seed, Tree::Number(_))).map(Tree::to_json);
    let by = matchers.by();
    let hashed = |seed: Option<String>| -> Result<Hashed, String> {
        let salt = Some(seed.ok_or("expected a seed")?);
        Ok(Hashed { hash: "splitio", salt, by: by.clone() })
    };
    let by_seed = hashed(seed("seed"))?;
    let mut found = Vec::new();
    for prerequisite in list(source, "prerequisites") {
        let name = string(prerequisite, "n").unwrap_or_default();
        found.push((not(matchers.treatment(name, &strings(prerequisite, "ts"))), default.clone()));
    }
    let allocation = source.get("trafficAllocation").and_then(Tree::as_f64).unwrap_or(100.0);
    let mut is_allocated = allocation >= 100.0;
    for (number_of, condition) in list(source, "conditions").iter().enumerate() {
        if !is_allocated && string(condition, "conditionType") == Some("ROLLOUT") {
            let hashed = hashed(seed("trafficAllocationSeed"))?;
            let is_in = hashed.activation("novi.percentage", [("percentage", number(allocation.max(0.0)))]);
            found.push((not(is_in), default.clone()));
            is_allocated = true;
        }
        let group = condition.get("matcherGroup").unwrap_or(&Tree::Null);
        let all: Result<Vec<Tree>, String> =
            list(group, "matchers").iter().map(|matcher| matchers.condition(matcher, collector)).collect();
        let when = and(all.map_err(|why| format!("conditions[{number_of}]: {why}"))?);
        let mut shares = Vec::new();
        for partition in list(condition, "partitions") {
            let size =
                if let Some(Tree::Number(size)) = partition.get("size") { size.as_u64() } else { None };
            let size = size.ok_or_else(|| format!("conditions[{number_of}]: expected a whole size"))?;
            if size > 0 {
                shares.push((treatments.given(string(partition, "treatment").unwrap_or("control")), size));
            }
        }
        let given = match shares.as_slice() {
            [(all, size)] if *size >= 100 => all.clone(),
            _ => by_seed.given(shares, 100, Given::Off),
        };
        found.push((when, given));
    }
    Ok(rules(found, default))
}

/// The configurations of treatments as values: JSON in strings.
fn values(source: &Tree, treatments: &Treatments<'_>, flag: &mut Flag) {
    let configurations = source.get("configurations");
    let value = |name: &str| {
        let text = configurations.and_then(|all| string(all, name));
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Tree::Null)
    };
    let names = treatments.names.iter().filter(|name| **name != "control");
    let values: Vec<(String, Tree)> = names.map(|name| ((*name).to_owned(), value(name))).collect();
    if !treatments.is_boolean && values.iter().any(|(_, value)| *value != Tree::Null) {
        flag.value_type = Some(ValueType::Any);
        flag.variants = Some(Tree::Fields(values));
    }
}

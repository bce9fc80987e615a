//! The flag of a function of hanoi.

use novi_files::{Flag, Tree};

use crate::{
    collector::{Collector, Draft},
    config::{DEFAULT_KEY, always, attribute, fields, inline, number, or, text},
    hanoi::expression,
    members::Members,
    options::HanoiVersion,
};

/// What hanoi knows of a function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) enabled: bool,
    pub(super) percentage: u8,
    /// The attribute of callers that identifies them.
    pub(super) field: Option<String>,
    pub(super) users: Vec<String>,
    pub(super) variants: Vec<String>,
    pub(super) rule: Option<String>,
    pub(super) version: HanoiVersion,
}

/// A flag that lets in the users, those that match the expression, and the share, and gives each its variant.
pub(super) fn draft(collector: &mut Collector, name: &str, function: Function, by: &str) -> Draft {
    let Function { enabled, percentage, field, users, variants, rule, version } = function;
    let by = field.as_deref().unwrap_or(by);
    let (mut differences, mut conditions) = (Vec::new(), Vec::new());
    let is_for_all = percentage == 100;
    if is_for_all && !users.is_empty() {
        differences.push(format!("on for everybody: the users of its list ({}) are not kept", users.len()));
    }
    if let Some(rule) = rule.filter(|_| !is_for_all) {
        match expression::translated(&rule) {
            Ok((regex, difference)) => {
                conditions.push(attribute(by, "regex", text(regex)));
                differences.extend(difference);
            }
            Err(why) => differences.push(format!("the users that {rule:?} lets in are out: {why}")),
        }
    }
    if percentage > 0 || (conditions.is_empty() && users.is_empty()) {
        conditions.push(share(version, percentage, by));
    }
    let mut flag = Flag { status: Some(enabled), ..Flag::default() };
    let list = Members { what: "users", callers: users, by };
    list.or(or(conditions), "callers", name, collector, &mut flag);
    if !variants.is_empty() {
        flag.activations.push(collector.activation(name, "variants", split(&variants, by)));
    }
    Draft { flag, differences }
}

/// The callers of a percentage.
fn share(version: HanoiVersion, percentage: u8, by: &str) -> Tree {
    let config = match (version, percentage) {
        (_, 100) => return always(true),
        (_, 0) => ("novi.percentage", "percentage", number(0.0)),
        // Up to the place of the percentage itself.
        (HanoiVersion::Head, percentage) => {
            ("novi.percentage", "percentage", number(f64::from(percentage) + 1.0))
        }
        (HanoiVersion::Release, percentage) => {
            let range = [f64::from(percentage), 100.0].map(number).to_vec();
            ("novi.bucket", "ranges", Tree::List(vec![Tree::List(range)]))
        }
    };
    let (class_name, field, value) = config;
    let mut config = vec![(field, value)];
    if class_name == "novi.bucket" {
        config.push(("total", number(100.0)));
    }
    config.push(("hash", text("crc32")));
    inline(class_name, fields(identified(config, by)))
}

/// The variant of each caller: one of equal shares, in the order of the list.
fn split(variants: &[String], by: &str) -> Tree {
    let place = |index: usize| number(u32::try_from(index).map_or(f64::NAN, f64::from));
    let mut ranges: Vec<(String, Vec<Tree>)> = Vec::new();
    for (index, variant) in variants.iter().enumerate() {
        let range = Tree::List(vec![place(index), place(index + 1)]);
        match ranges.iter_mut().find(|(name, _)| name == variant) {
            Some((_, found)) => found.push(range),
            None => ranges.push((variant.clone(), vec![range])),
        }
    }
    let config = if ranges.len() == variants.len() {
        vec![("variants", fields(variants.iter().map(|name| (name.clone(), number(1.0)))))]
    } else {
        // A variant that occurs twice has two shares.
        let ranges = ranges.into_iter().map(|(name, found)| (name, Tree::List(found)));
        vec![("ranges", fields(ranges)), ("total", place(variants.len()))]
    };
    let config = config.into_iter().chain([("hash", text("crc32"))]).collect();
    inline("novi.split", fields(identified(config, by)))
}

/// A config with the attribute that identifies callers.
fn identified<'a>(mut config: Vec<(&'a str, Tree)>, by: &str) -> Vec<(&'a str, Tree)> {
    if by != DEFAULT_KEY {
        config.push(("by", text(by)));
    }
    config
}

//! hanoi, a library for Python: the keys of its two back-ends in Redis, and a dump of the one in memory.
//!
//! A value of `RedisBackEnd` is `enabled|percentage|field|users|variants`, one of `RedisHighPerfBackEnd`
//! `enabled|percentage|field|variants`, with the users in a set. The release 0.0.4 lets in the places from the
//! percentage on, the head of the repository those up to it; each has a prefix of its own.

mod draft;
mod expression;
mod memory;

use crate::{
    collector::{Collector, Imported},
    error::{ImportError, parse_json},
    options::Options,
    redis::Keys,
    report::Outcome,
};
use draft::{Function, draft};

pub use crate::options::HanoiVersion;
pub use memory::read_memory;

/// The keys to read, as patterns.
pub const KEYS: [&str; 2] = ["h:*", "rollout:*"];

/// What users are kept below, after the prefix of the keys.
const USERS: &str = "users:";

/// Reads a file: a dump of the back-end in memory, as [`read_memory`] does, or of the keys in Redis, as
/// [`Keys::from_json`] does.
///
/// # Errors
/// A text that is neither.
pub fn read_dump(text: &str, options: &Options) -> Result<Imported, ImportError> {
    match parse_json(text)?.get("functions") {
        Some(_) => read_memory(text, options),
        None => Ok(read(&Keys::from_json(text)?, options)),
    }
}

/// Reads the keys of both back-ends in Redis.
#[must_use]
pub fn read(keys: &Keys, options: &Options) -> Imported {
    let mut collector = Collector::default();
    for (prefix, version) in [("h:", HanoiVersion::Head), ("rollout:", HanoiVersion::Release)] {
        let version = options.hanoi_version.unwrap_or(version);
        for (key, value) in keys.texts() {
            let Some(name) = key.strip_prefix(prefix) else { continue };
            let users = keys.set(&format!("{prefix}{USERS}{name}"));
            let function = function(value, users, version);
            let draft = function.map(|function| draft(&mut collector, name, function, &options.by));
            collector.add(key, name, draft);
        }
        for (key, members) in keys.sets() {
            let name = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(USERS));
            let is_orphan = |name: &&str| keys.text(&format!("{prefix}{name}")).is_none();
            if let Some(name) = name.filter(is_orphan) {
                let why = format!("{} users of a function that is not there", members.len());
                collector.note(key, Some(name), Outcome::NotMapped { why });
            }
        }
        for (key, name) in keys.unreadable(prefix) {
            let why = "expected a string or a set of text".to_owned();
            collector.note(key, Some(name), Outcome::NotMapped { why });
        }
    }
    if collector.has_flags() {
        let why = "expressions that the program registers are in its memory, and not in Redis: where there are any, \
                   add an activation of the type novi.attribute with a `regex`";
        collector.note("expressions", None, Outcome::NotMapped { why: why.to_owned() });
    }
    collector.finish()
}

/// The function of a value.
fn function(value: &str, set: &[String], version: HanoiVersion) -> Result<Function, String> {
    let list = |text: &str| -> Vec<String> {
        text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let parts: Vec<&str> = value.split('|').collect();
    let (enabled, percentage, field, users, variants) = match *parts.as_slice() {
        // hanoi takes it for a function that is on for everybody.
        [""] => ("1", "100", "", Vec::new(), ""),
        [enabled, percentage, field, variants] => (enabled, percentage, field, set.to_vec(), variants),
        [enabled, percentage, field, users, variants] => (enabled, percentage, field, list(users), variants),
        _ => {
            return Err(format!(
                "expected enabled|percentage|field|users|variants or enabled|percentage|field|variants, found {value:?}"
            ));
        }
    };
    let found: Option<u8> = percentage.trim().parse().ok();
    let Some(percentage) = found.filter(|percentage| *percentage <= 100) else {
        return Err(format!("expected a whole percentage from 0 to 100, found {percentage:?}"));
    };
    let variants =
        if variants.is_empty() { Vec::new() } else { variants.split(',').map(str::to_owned).collect() };
    let field = (!field.is_empty()).then(|| field.to_owned());
    Ok(Function { enabled: enabled == "1", percentage, field, users, variants, rule: None, version })
}

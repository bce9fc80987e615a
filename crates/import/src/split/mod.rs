//! Split: the definitions that its SDKs fetch (`splitChanges`).
//!
//! Callers have their key as `targetingKey`, by which they are also divided, and the attributes of the evaluation.

mod flag;
mod matcher;

use std::collections::BTreeMap;

use novi_files::Tree;

use self::{flag::draft, matcher::Matchers};
use crate::{
    collector::{Collector, Imported},
    error::{ImportError, parse_json},
    options::Options,
    read::{list, string, strings},
};

/// What matchers refer to.
#[derive(Debug)]
struct Source<'a> {
    flags: BTreeMap<&'a str, &'a Tree>,
    rule_based: BTreeMap<&'a str, &'a Tree>,
    /// Lists of keys by the name of their segment.
    segments: Option<&'a Tree>,
    options: &'a Options,
}

/// Reads definitions. `segments`, an object with a list of keys for each name, is not part of what SDKs fetch at once.
///
/// # Errors
/// If the text is not JSON, or has neither `ff` nor `splits`.
pub fn read(source: &str, options: &Options) -> Result<Imported, ImportError> {
    let tree = parse_json(source)?;
    let flags = tree.get("ff").and_then(|flags| flags.get("d")).or(tree.get("splits"));
    let flags = flags.and_then(Tree::as_list).ok_or_else(|| {
        ImportError::new("expected `ff.d` or `splits`: a list of flags, as SDKs fetch them from splitChanges")
    })?;
    let mut source = Source {
        flags: BTreeMap::new(),
        rule_based: BTreeMap::new(),
        segments: tree.get("segments"),
        options,
    };
    for (index, flag) in flags.iter().enumerate() {
        let name = string(flag, "name");
        let name = name.ok_or_else(|| ImportError::new(format!("ff.d[{index}].name: expected a string")))?;
        source.flags.insert(name, flag);
    }
    for segment in tree.get("rbs").map(|segments| list(segments, "d")).unwrap_or_default() {
        source.rule_based.extend(string(segment, "name").map(|name| (name, segment)));
    }
    let mut collector = Collector::default();
    let mut matchers = Matchers::new(&source);
    for (name, flag) in &source.flags {
        matchers.begin();
        let draft = draft(name, flag, &mut matchers, &mut collector);
        collector.add(format!("ff.{name}"), name, draft);
    }
    Ok(collector.finish())
}

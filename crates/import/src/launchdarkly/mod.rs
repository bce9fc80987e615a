//! LaunchDarkly: what its server SDKs read (`{"flags": .., "flagValues": .., "segments": ..}`), and flags of its
//! REST API.
//!
//! Callers have the attributes of the context's kind `user`, and its key as `targetingKey`; contexts of another kind are
//! objects with its name: `organization.key`.

mod clause;
mod flag;
mod segment;

use std::collections::BTreeMap;

use novi_files::Tree;

use self::{flag::Translation, segment::Segments};
use crate::{
    collector::{Collector, Imported},
    config::{fields, number, text},
    error::{ImportError, parse_json},
    options::Options,
    read::{list, strings},
    report::Outcome,
};

/// A flag, in the environment that is imported.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    /// Its name, description, variations.
    flag: &'a Tree,
    /// Its state, targets and rules.
    state: &'a Tree,
}

/// Reads flags.
///
/// # Errors
/// If the text is not JSON, has no `flags` or `items`, or has several environments of which none is chosen.
pub fn read(source: &str, options: &Options) -> Result<Imported, ImportError> {
    let source = parse_json(source)?;
    let values = constants(&source);
    let mut flags = flags(&source, options)?;
    let mut collector = Collector::default();
    for (name, flag) in &values {
        if flags.contains_key(name) {
            let why = "`flags` has a flag with this name".to_owned();
            collector.note(format!("flagValues.{name}"), None, Outcome::NotMapped { why });
        } else {
            flags.insert(name, Source { flag, state: flag });
        }
    }
    let mut segments = Segments::new(&source, options);
    for (name, found) in &flags {
        let mut translation = Translation::new(name, *found, &flags, options);
        let draft = translation.draft(&mut segments, &mut collector);
        let list = if values.get(name).is_some_and(|flag| std::ptr::eq(flag, found.flag)) {
            "flagValues"
        } else {
            "flags"
        };
        collector.add(format!("{list}.{name}"), name, draft);
    }
    Ok(collector.finish())
}

/// The flags of the file data source that have one value for all callers.
fn constants<'a>(source: &'a Tree) -> BTreeMap<&'a str, Tree> {
    let of = |(name, value): &'a (String, Tree)| {
        // As the REST API describes a variation, since a value may be an object.
        let variation = fields([("_id", text("")), ("value", value.clone())]);
        let first = fields([("variation", number(0.0))]);
        let flag = [
            ("on", Tree::Bool(true)),
            ("variations", Tree::List(vec![variation])),
            ("fallthrough", first),
            ("offVariation", number(0.0)),
        ];
        (name.as_str(), fields(flag))
    };
    source.get("flagValues").and_then(Tree::as_fields).into_iter().flatten().map(of).collect()
}

fn flags<'a>(source: &'a Tree, options: &Options) -> Result<BTreeMap<&'a str, Source<'a>>, ImportError> {
    if let Some(fields) = source.get("flags").and_then(Tree::as_fields) {
        return Ok(fields.iter().map(|(name, flag)| (name.as_str(), Source { flag, state: flag })).collect());
    }
    if source.get("flagValues").and_then(Tree::as_fields).is_some() {
        return Ok(BTreeMap::new());
    }
    let items = source.get("items").and_then(Tree::as_list).ok_or_else(|| {
        ImportError::new(
            "expected `flags`, as server SDKs read them, or `items`, as the REST API returns them",
        )
    })?;
    let mut found = BTreeMap::new();
    for (index, flag) in items.iter().enumerate() {
        let name = flag.get("key").and_then(Tree::as_str);
        let name = name.ok_or_else(|| ImportError::new(format!("items[{index}].key: expected a string")))?;
        let state = environment(flag, options)
            .map_err(|message| ImportError::new(format!("items[{index}].environments: {message}")))?;
        found.insert(name, Source { flag, state });
    }
    Ok(found)
}

fn environment<'a>(flag: &'a Tree, options: &Options) -> Result<&'a Tree, String> {
    let all = flag.get("environments").and_then(Tree::as_fields).unwrap_or_default();
    let names = || all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    match (&options.environment, all) {
        (Some(wanted), _) => {
            let state = flag.get("environments").and_then(|all| all.get(wanted));
            state.ok_or_else(|| format!("there is no {wanted:?}, but {}", names()))
        }
        (None, [(_, state)]) => Ok(state),
        (None, []) => Err("expected an environment: add summary=0 to the request".to_owned()),
        (None, _) => Err(format!("choose one with --environment: {}", names())),
    }
}

fn index(of: &Tree, field: &str) -> Option<usize> {
    match of.get(field)? {
        Tree::Number(number) => usize::try_from(number.as_u64()?).ok(),
        _ => None,
    }
}

/// The attribute of a context: of the kind `user` by itself, of another kind in an object.
fn attribute_name(kind: Option<&str>, attribute: &str, options: &Options) -> Result<String, String> {
    let is_user = kind.is_none_or(|kind| kind.is_empty() || kind == "user");
    if attribute.is_empty() {
        return Err("expected the name of an attribute".to_owned());
    }
    if attribute == "kind" {
        return Err("a clause on the kind of the context has no equivalent".to_owned());
    }
    if is_user && attribute == "key" {
        return Ok(options.by.clone());
    }
    // With a kind, a name that begins with a slash is a path, in which ~1 is a slash.
    let name = match attribute.strip_prefix('/') {
        Some(path) if kind.is_some() => path.replace('/', ".").replace("~1", "/").replace("~0", "~"),
        _ => attribute.to_owned(),
    };
    Ok(match kind {
        Some(kind) if !is_user => format!("{kind}.{name}"),
        _ => name,
    })
}

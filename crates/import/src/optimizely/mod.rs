//! Optimizely: datafiles of version 4.
//!
//! Callers have the id of the user as `targetingKey`, and the attributes of the user.

mod audience;
mod flag;
mod holdout;
mod variation;

use std::collections::BTreeMap;

use novi_files::Tree;

use self::{audience::Audiences, flag::Translation, holdout::Holdouts};
use crate::{
    collector::{Collector, Imported},
    error::{ImportError, parse_json},
    options::Options,
    read::{list, string},
};

/// The parts of a datafile by their ids.
#[derive(Debug)]
struct Source<'a> {
    /// Experiments with the group that they are in.
    experiments: BTreeMap<&'a str, (&'a Tree, Option<&'a Tree>)>,
    rollouts: BTreeMap<&'a str, &'a Tree>,
    holdouts: Holdouts<'a>,
    options: &'a Options,
}

/// Reads a datafile.
///
/// # Errors
/// If the text is not JSON, or has no `featureFlags`.
pub fn read(source: &str, options: &Options) -> Result<Imported, ImportError> {
    let tree = parse_json(source)?;
    let flags = tree.get("featureFlags").and_then(Tree::as_list);
    let flags =
        flags.ok_or_else(|| ImportError::new("featureFlags: expected a list, as a datafile has it"))?;
    let mut experiments = BTreeMap::new();
    for experiment in list(&tree, "experiments") {
        experiments.extend(string(experiment, "id").map(|id| (id, (experiment, None))));
    }
    for group in list(&tree, "groups") {
        for experiment in list(group, "experiments") {
            experiments.extend(string(experiment, "id").map(|id| (id, (experiment, Some(group)))));
        }
    }
    let rollouts =
        list(&tree, "rollouts").iter().filter_map(|rollout| Some((string(rollout, "id")?, rollout)));
    let source = Source { experiments, rollouts: rollouts.collect(), holdouts: Holdouts::of(&tree), options };
    let mut collector = Collector::default();
    let mut audiences = Audiences::new(&tree);
    for (index, flag) in flags.iter().enumerate() {
        let name = string(flag, "key");
        let name =
            name.ok_or_else(|| ImportError::new(format!("featureFlags[{index}].key: expected a string")))?;
        let draft = Translation::new(name, flag, &source).draft(&mut audiences, &mut collector);
        collector.add(format!("featureFlags.{name}"), name, draft);
    }
    Ok(collector.finish())
}

//! Lists of callers, which are rows of their own: there may be many.

use novi_files::{Activated, Activation, Flag, OwnActivation, Tree};

use crate::{
    collector::{Collector, MAX_NAME},
    config::{constant, fields, inline, text, texts},
    options::Options,
};

/// A list of callers.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    /// What the list is called.
    pub(crate) what: &'a str,
    /// The callers.
    pub(crate) callers: Vec<String>,
    /// The attribute that identifies them.
    pub(crate) by: &'a str,
}

impl Members<'_> {
    /// Gives a flag the condition that a caller is in the list, or meets another condition.
    pub(crate) fn or(self, others: Tree, what: &str, name: &str, collector: &mut Collector, flag: &mut Flag) {
        match constant(&others) {
            Some(true) => (),
            Some(false) if self.callers.is_empty() => flag.status = Some(false),
            Some(false) => {
                flag.activations.push(Activated::Own(self.activation(name, collector)));
            }
            None if self.callers.is_empty() => {
                flag.activations.push(collector.activation(name, what, others));
            }
            None => {
                let reference = self.reference(name, collector);
                let list = match others.get("config").and_then(Tree::as_list) {
                    Some(items) if others.get("class_name").and_then(Tree::as_str) == Some("novi.or") => {
                        [reference].into_iter().chain(items.iter().cloned()).collect()
                    }
                    _ => vec![reference, others],
                };
                let all = inline("novi.or", Tree::List(list));
                flag.activations.push(collector.activation(name, what, all));
            }
        }
    }

    /// The list as an activation that other activations of the flag refer to.
    pub(crate) fn reference(self, name: &str, collector: &mut Collector) -> Tree {
        let OwnActivation { name, class_name, config, members, .. } = self.activation(name, collector);
        let reference = fields([("$activation", text(&name))]);
        collector.share(name, Activation { class_name, config, config_text: None, members, denied: None });
        reference
    }

    /// Gives a flag the condition that a caller is in the list, though it may be empty now.
    pub(crate) fn only(self, name: &str, collector: &mut Collector, flag: &mut Flag) {
        flag.activations.push(Activated::Own(self.activation(name, collector)));
    }

    fn activation(mut self, name: &str, collector: &mut Collector) -> OwnActivation {
        self.callers.retain(|caller| !caller.is_empty());
        self.callers.sort_unstable();
        self.callers.dedup();
        // Nobody is in after the last member is deleted. What is too long for a row is in the config.
        let (rows, long) = self.callers.into_iter().partition(|caller| caller.chars().count() <= MAX_NAME);
        let long: Vec<String> = long;
        let mut config = vec![("allow", texts(long))];
        if self.by != Options::default().by {
            config.push(("by", text(self.by)));
        }
        let mut own = collector.own(name, self.what, inline("novi.members", fields(config)));
        own.members = Some(rows);
        own
    }
}

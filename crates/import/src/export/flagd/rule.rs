//! Decisions and conditions in `JSONLogic`.

use std::collections::{BTreeMap, BTreeSet};

use novi_files::Tree;

use super::{Variants, test};
use crate::{
    config::{fields, text},
    export::{
        condition::{Condition, DRAWN_AGAIN, Draw, Give, IN, Node, Test},
        source::Source,
    },
    verify::named,
};

/// What flagd accepts for the sum of the weights.
const MAX_WEIGHT: u64 = 2_147_483_647;

pub(super) fn operation(name: &str, arguments: Vec<Tree>) -> Tree {
    fields([(name, Tree::List(arguments))])
}

pub(super) fn variable(name: &str) -> Tree {
    fields([("var", text(name))])
}

/// A rule that flags share, and what is different there.
type Evaluator = Result<(Tree, BTreeSet<String>), String>;

/// The rules that flags share.
pub(super) struct Evaluators<'a> {
    source: &'a Source,
    rules: BTreeMap<String, Evaluator>,
}

impl<'a> Evaluators<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, rules: BTreeMap::new() }
    }

    /// The rule of an activation for several flags.
    fn get(&mut self, name: &str) -> Evaluator {
        if let Some(rule) = self.rules.get(name) {
            return rule.clone();
        }
        let mut differences = BTreeSet::new();
        let rule = self.source.shared(name).and_then(|node| {
            let mut rules = Conditions { evaluators: self, differences: &mut differences };
            rules.condition(&node.condition())
        });
        let rule = rule.map(|rule| (rule, differences));
        self.rules.insert(name.to_owned(), rule.clone());
        rule
    }

    /// The rules that a document refers to.
    pub(super) fn into_used(self, document: &[(String, Tree)]) -> Vec<(String, Tree)> {
        let mut left: Vec<&Tree> = document.iter().map(|(_, tree)| tree).collect();
        let mut used = BTreeSet::new();
        while let Some(tree) = left.pop() {
            for name in named(tree, "$ref") {
                if used.insert(name)
                    && let Some(Ok((rule, _))) = self.rules.get(name)
                {
                    left.push(rule);
                }
            }
        }
        let rule = |name: &str| Some((name.to_owned(), self.rules.get(name)?.as_ref().ok()?.0.clone()));
        used.into_iter().filter_map(rule).collect()
    }
}

/// Writes the rule of one flag.
pub(super) struct Rules<'r, 'a> {
    pub(super) evaluators: &'r mut Evaluators<'a>,
    pub(super) variants: &'r Variants,
    pub(super) differences: &'r mut BTreeSet<String>,
}

impl Rules<'_, '_> {
    /// A rule whose result is the name of a variant, or `null` for the default.
    pub(super) fn node(&mut self, node: &Node) -> Result<Tree, String> {
        match node {
            Node::Give(Give::Draw(draw)) => {
                let off = self.variants.off.clone();
                let (missing, rule) = fractional(draw, |name| name.or(off.as_deref()), self.differences)?;
                Ok(if missing.is_empty() { rule } else { operation("if", vec![conjunction(missing), rule]) })
            }
            Node::Give(give) => Ok(self.variants.given(give).map_or(Tree::Null, text)),
            Node::Choose(cases, otherwise) => {
                let mut arguments = Vec::new();
                for (when, node) in cases {
                    arguments.push(self.condition(when)?);
                    arguments.push(self.node(node)?);
                }
                // Without a last argument, the result is the default variant.
                if **otherwise != Node::Give(Give::Off) {
                    arguments.push(self.node(otherwise)?);
                }
                Ok(operation("if", arguments))
            }
        }
    }

    fn condition(&mut self, condition: &Condition) -> Result<Tree, String> {
        let Self { evaluators, differences, .. } = self;
        Conditions { evaluators, differences }.condition(condition)
    }
}

/// Writes conditions.
struct Conditions<'r, 'a> {
    evaluators: &'r mut Evaluators<'a>,
    differences: &'r mut BTreeSet<String>,
}

impl Conditions<'_, '_> {
    fn condition(&mut self, condition: &Condition) -> Result<Tree, String> {
        match condition {
            Condition::Const(value) => Ok(Tree::Bool(*value)),
            Condition::All(list) => self.list("and", list),
            Condition::Any(list) => self.list("or", list),
            Condition::Not(inner) => Ok(operation("!", vec![self.condition(inner)?])),
            Condition::Choose(cases, otherwise) => {
                let mut arguments = Vec::new();
                for (when, is_on) in cases {
                    arguments.push(self.condition(when)?);
                    arguments.push(self.condition(is_on)?);
                }
                arguments.push(self.condition(otherwise)?);
                Ok(operation("if", arguments))
            }
            Condition::Shared(name) => {
                let (_, differences) = self.evaluators.get(name)?;
                self.differences.extend(differences);
                Ok(fields([("$ref", text(name))]))
            }
            Condition::Test(Test::Share(draw)) => {
                let (missing, rule) = fractional(draw, |name| Some(name.unwrap_or("out")), self.differences)?;
                let is_in = operation("===", vec![rule, text(IN)]);
                Ok(conjunction(missing.into_iter().chain([is_in]).collect()))
            }
            Condition::Test(found) => test::condition(found),
        }
    }

    fn list(&mut self, name: &str, list: &[Condition]) -> Result<Tree, String> {
        let list: Result<_, String> = list.iter().map(|condition| self.condition(condition)).collect();
        list.map(|list| operation(name, list))
    }
}

pub(super) fn conjunction(mut list: Vec<Tree>) -> Tree {
    if list.len() == 1 { list.remove(0) } else { operation("and", list) }
}

/// The conditions for a draw, and the draw.
fn fractional<'d>(
    draw: &'d Draw,
    name: impl Fn(Option<&'d str>) -> Option<&'d str>,
    differences: &mut BTreeSet<String>,
) -> Result<(Vec<Tree>, Tree), String> {
    let [by] = draw.by.as_slice() else {
        return Err("a draw by several attributes has no equivalent".to_owned());
    };
    test::attribute(by)?;
    if draw.total() > MAX_WEIGHT {
        return Err(format!("its buckets exceed {MAX_WEIGHT}"));
    }
    if draw.is_remembered {
        differences.insert(DRAWN_AGAIN.to_owned());
    }
    match draw.hash.as_str() {
        "flagd" => (),
        "flagd_v3" => {
            differences.insert("the draw is the same where flagd has the hash of `flagd_v3`".to_owned());
        }
        hash => {
            differences.insert(format!("flagd draws other callers than `{hash}`, in the same shares"));
        }
    }
    let mut arguments = Vec::new();
    let mut conditions = Vec::new();
    let is_plain = by == crate::config::DEFAULT_KEY;
    // The salt of another system's hash is of no use here.
    let salt = draw.salt.as_ref().filter(|_| draw.hash.starts_with("flagd"));
    match salt {
        None if is_plain => (),
        salt => {
            // flagd puts all callers without the attribute into one bucket.
            conditions.push(operation("!==", vec![variable(by), Tree::Null]));
            conditions.push(operation("!==", vec![variable(by), text("")]));
            let salt = salt.map_or_else(|| variable("$flagd.flagKey"), text);
            arguments.push(operation("cat", vec![salt, variable(by)]));
        }
    }
    for (variant, size) in &draw.buckets {
        let variant = name(variant.as_deref()).map_or(Tree::Null, text);
        arguments.push(Tree::List(vec![variant, Tree::Number((*size).into())]));
    }
    Ok((conditions, operation("fractional", arguments)))
}

//! Reads what the activations of a flag do.

use novi::activation::Registry;
use novi_files::{Activated, Activation, Document, Flag, Tree};

use super::{
    attribute,
    condition::{Condition, Give, Node, Test},
    draw, time,
};
use crate::budget::Budget;

/// The members of a row that are allowed, and those that are denied.
pub(super) type Members<'m> = (Option<&'m [String]>, Option<&'m [String]>);

/// Reads the activations of one flag.
pub(super) struct Reader<'a> {
    pub(super) registry: &'a Registry,
    document: &'a Document,
    budget: Budget,
    /// The other flag that is read, whose name is the salt of its draws.
    other: Option<&'a str>,
    /// Whether activations for several flags are kept as [`Condition::Shared`].
    keeps_shared: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Document, registry: &'a Registry, keeps_shared: bool) -> Self {
        Self { registry, document, budget: Budget::default(), other: None, keeps_shared }
    }

    /// What a flag gives while its status is on.
    pub(super) fn flag(&mut self, flag: &'a Flag) -> Result<Node, String> {
        let mut nodes = Vec::new();
        for activated in &flag.activations {
            nodes.push(match activated {
                Activated::Shared(name) => self.shared_node(name)?,
                Activated::Own(own) => {
                    let members = (own.members.as_deref(), own.denied.as_deref());
                    self.row(&own.class_name, own.config.as_ref(), own.config_text.as_deref(), members)?
                }
            });
        }
        let node = all(nodes)?;
        Ok(match &flag.default_variant {
            Some(variant) => with_default(node, variant),
            None => node,
        })
    }

    /// What an activation for several flags does.
    pub(super) fn shared(&mut self, name: &str) -> Result<Node, String> {
        let unknown = || format!("it refers to the activation {name:?}, which does not exist");
        let Activation { class_name, config, config_text, members, denied } =
            self.document.activations.get(name).ok_or_else(unknown)?;
        let members = (members.as_deref(), denied.as_deref());
        self.row(class_name, config.as_ref(), config_text.as_deref(), members)
    }

    fn row(
        &mut self,
        class_name: &str,
        config: Option<&Tree>,
        text: Option<&str>,
        members: Members<'_>,
    ) -> Result<Node, String> {
        match text {
            Some(text) => Err(format!("its settings have numbers that other systems round: {text}")),
            None => self.activation(class_name, config, members),
        }
    }

    /// As [`shared`](Self::shared), as a reference if it assigns no variant.
    fn shared_node(&mut self, name: &str) -> Result<Node, String> {
        let node = self.shared(name)?;
        let is_reference = self.keeps_shared && self.other.is_none() && matches!(node, Node::Choose(..));
        if is_reference && !node.assigns() {
            Ok(Node::of(Condition::Shared(name.to_owned())))
        } else {
            Ok(node)
        }
    }

    /// An activation within a config.
    pub(super) fn child(&mut self, tree: &Tree) -> Result<Node, String> {
        if let Some(name) = tree.get("$activation").and_then(Tree::as_str) {
            return self.shared_node(name);
        }
        let class_name = tree.get("class_name").and_then(Tree::as_str);
        let class_name = class_name.ok_or("an activation within another has no class name")?;
        self.activation(class_name, tree.get("config"), (None, None))
    }

    fn activation(
        &mut self,
        class_name: &str,
        config: Option<&Tree>,
        members: Members<'_>,
    ) -> Result<Node, String> {
        self.budget.enter()?;
        let class = self.registry.find(class_name).map_or(class_name, |found| found.class());
        let empty = Tree::Fields(Vec::new());
        let config = config.unwrap_or(&empty);
        let node = match class {
            "novi.and" => all(self.children(config)?),
            "novi.or" => self.children(config).map(any),
            "novi.not" => match <[Node; 1]>::try_from(self.children(config)?) {
                Ok([node]) => Ok(Node::of(node.condition().not())),
                Err(_) => Err("`novi.not` takes one activation".to_owned()),
            },
            "novi.at_least" => self.at_least(config),
            "novi.rules" => self.rules(config),
            "novi.switch" => self.switch(config),
            "novi.static" => text(config, "variant").map(|name| Node::Give(Give::Variant(name.to_owned()))),
            "novi.split" => draw::split(config, self.other).map(|draw| Node::Give(Give::Draw(draw))),
            "novi.percentage" => draw::percentage(config, self.other).map(Node::of),
            "novi.bucket" => draw::bucket(config, self.other).map(Node::of),
            "novi.attribute" => attribute::condition(config).map(Node::of),
            "novi.members" => attribute::members(config, members).map(Node::of),
            "novi.flag" => self.other_flag(config).map(Node::of),
            "novi.date_time" | "novi.expires" => time::windows(class, config, self.registry).map(Node::of),
            "novi.schedule" => Err("windows that repeat (`novi.schedule`) have no equivalent".to_owned()),
            "novi.expression" => Err("expressions (`novi.expression`) are not translated".to_owned()),
            "novi.environment" | "novi.host" => {
                Err(format!("`{class}` depends on the process that evaluates the flag"))
            }
            other => Err(format!("`{other}` has no equivalent")),
        };
        self.budget.leave();
        node
    }

    /// The activations of a combination.
    fn children(&mut self, config: &Tree) -> Result<Vec<Node>, String> {
        let list = match config {
            Tree::List(items) => items.as_slice(),
            Tree::Fields(_) if config.get("class_name").is_some() || config.get("$activation").is_some() => {
                std::slice::from_ref(config)
            }
            _ => config.get("activations").and_then(Tree::as_list).unwrap_or_default(),
        };
        list.iter().map(|item| self.child(item)).collect()
    }

    fn at_least(&mut self, config: &Tree) -> Result<Node, String> {
        let nodes = self.children(config)?;
        let count = config.get("count").and_then(Tree::as_f64).unwrap_or_default();
        if nodes.iter().any(Node::assigns) {
            return Err("`novi.at_least` of activations with variants has no equivalent".to_owned());
        }
        let conditions: Vec<_> = nodes.into_iter().map(Node::condition).collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating")]
        self.counted(count as usize, &conditions).map(Node::of)
    }

    /// On if so many of some conditions are.
    fn counted(&mut self, count: usize, conditions: &[Condition]) -> Result<Condition, String> {
        if count == 0 {
            return Ok(Condition::Const(true));
        }
        let Some((first, others)) = conditions.split_first().filter(|_| count <= conditions.len()) else {
            return Ok(Condition::Const(false));
        };
        self.budget.enter()?;
        let with = self.counted(count - 1, others)?;
        let without = self.counted(count, others)?;
        self.budget.leave();
        Ok(Condition::any([Condition::all([first.clone(), with]), without]))
    }

    fn rules(&mut self, config: &Tree) -> Result<Node, String> {
        let mut cases = Vec::new();
        for rule in config.get("rules").and_then(Tree::as_list).unwrap_or_default() {
            let when = self.child(rule.get("when").unwrap_or(&Tree::Null))?;
            let result = match self.result(rule)? {
                Some(node) => node,
                None if when.assigns() => when.clone(),
                None => Node::Give(Give::On),
            };
            cases.push((when.condition(), result));
        }
        let otherwise = config.get("fallthrough").map(|tree| self.result(tree)).transpose()?.flatten();
        Ok(Node::choose(cases, otherwise.unwrap_or(Node::Give(Give::Off))))
    }

    /// The result of a rule or a case; `None` if it has none.
    fn result(&mut self, tree: &Tree) -> Result<Option<Node>, String> {
        let on = |on: bool| Node::Give(if on { Give::On } else { Give::Off });
        match tree {
            Tree::String(name) => return Ok(Some(Node::Give(Give::Variant(name.clone())))),
            Tree::Bool(value) => return Ok(Some(on(*value))),
            Tree::Fields(_) if tree.get("$activation").is_some() => return self.child(tree).map(Some),
            _ => (),
        }
        if let Some(name) = tree.get("variant").and_then(Tree::as_str) {
            return Ok(Some(Node::Give(Give::Variant(name.to_owned()))));
        }
        if let Some(value) = tree.get("on").and_then(Tree::as_bool) {
            return Ok(Some(on(value)));
        }
        if let Some(config) = tree.get("split").filter(|config| **config != Tree::Null) {
            return draw::split(config, self.other).map(|draw| Some(Node::Give(Give::Draw(draw))));
        }
        tree.get("then").filter(|then| **then != Tree::Null).map(|then| self.child(then)).transpose()
    }

    fn switch(&mut self, config: &Tree) -> Result<Node, String> {
        let by = names(config.get("by"));
        let mut cases = Vec::new();
        let mut last = None;
        match (config.get("cases"), by.as_slice()) {
            (Some(Tree::Fields(fields)), [name]) => {
                for (value, result) in fields {
                    let gives = self.result(result)?.unwrap_or(Node::Give(Give::On));
                    if value == "*" {
                        last = Some((attribute::any_value(name), gives));
                    } else {
                        cases.push((attribute::named_value(name, value), gives));
                    }
                }
            }
            (Some(Tree::List(items)), _) => {
                for item in items {
                    let values = item.get("values").and_then(Tree::as_list).unwrap_or_default();
                    let condition = |(name, value): (&String, &Tree)| match value {
                        Tree::String(text) if text == "*" => attribute::any_value(name),
                        value => Condition::Test(Test::In(name.clone(), vec![value.clone()])),
                    };
                    let when = Condition::all(by.iter().zip(values).map(condition));
                    let gives = item.get("gives").unwrap_or(&Tree::Null);
                    cases.push((when, self.result(gives)?.unwrap_or(Node::Give(Give::On))));
                }
            }
            _ => return Err("`novi.switch` has cases of an unknown form".to_owned()),
        }
        cases.extend(last);
        let otherwise = config.get("fallback").map(|tree| self.result(tree)).transpose()?.flatten();
        Ok(Node::choose(cases, otherwise.unwrap_or(Node::Give(Give::Off))))
    }

    /// Whether another flag is on, or has one of some variants.
    fn other_flag(&mut self, config: &Tree) -> Result<Condition, String> {
        let name = text(config, "flag")?;
        let Some((name, flag)) = self.document.flags.get_key_value(name) else {
            return Ok(Condition::Const(false));
        };
        if flag.status == Some(false) {
            return Ok(Condition::Const(false));
        }
        let before = self.other.replace(name);
        let node = self.flag(flag).map_err(|why| format!("the flag {name:?}: {why}"));
        self.other = before;
        let wanted = names(config.get("variant"));
        if wanted.is_empty() {
            node.map(Node::condition)
        } else {
            node.map(|node| with_variants(node, &wanted))
        }
    }
}

/// The caller has one of some variants.
fn with_variants(node: Node, wanted: &[String]) -> Condition {
    let is_wanted = |name: &String| wanted.contains(name);
    match node {
        Node::Give(Give::On | Give::Off) => Condition::Const(false),
        Node::Give(Give::Variant(name)) => Condition::Const(is_wanted(&name)),
        Node::Give(Give::Draw(mut draw)) => {
            for (name, _) in &mut draw.buckets {
                *name = name.take().filter(is_wanted);
            }
            draw.share()
        }
        Node::Choose(cases, otherwise) => {
            let case = |(when, node)| {
                let is_met = with_variants(node, wanted);
                (when, Node::of(is_met))
            };
            let otherwise = Node::of(with_variants(*otherwise, wanted));
            Node::choose(cases.into_iter().map(case).collect(), otherwise).condition()
        }
    }
}

/// All must be on; the first variant that one assigns counts.
fn all(nodes: Vec<Node>) -> Result<Node, String> {
    let mut conditions = Vec::new();
    let mut first: Option<Node> = None;
    for node in nodes {
        match &first {
            _ if !node.assigns() => conditions.push(node.condition()),
            None => first = Some(node),
            Some(found) if !found.is_on_without_variant() => conditions.push(node.condition()),
            Some(_) => {
                return Err("several activations assign variants, the first only to some callers".to_owned());
            }
        }
    }
    let condition = Condition::all(conditions);
    Ok(match first {
        None => Node::of(condition),
        Some(node) => Node::choose(vec![(condition, node)], Node::Give(Give::Off)),
    })
}

/// The first that is on, with its variant.
fn any(nodes: Vec<Node>) -> Node {
    let mut cases = Vec::new();
    for node in nodes {
        if node.assigns() {
            cases.push((node.clone().condition(), node));
        } else {
            cases.push((node.condition(), Node::Give(Give::On)));
        }
    }
    // Neighbors with the same result are one case.
    let mut joined: Vec<(Condition, Node)> = Vec::new();
    for (when, node) in cases {
        match joined.last_mut() {
            Some((before, last)) if *last == node && node == Node::Give(Give::On) => {
                *before = Condition::any([std::mem::replace(before, Condition::Const(false)), when]);
            }
            _ => joined.push((when, node)),
        }
    }
    Node::choose(joined, Node::Give(Give::Off))
}

/// The variant of callers who are on without one.
fn with_default(node: Node, variant: &str) -> Node {
    match node {
        Node::Give(Give::On) => Node::Give(Give::Variant(variant.to_owned())),
        Node::Choose(cases, otherwise) => {
            let case = |(when, node)| (when, with_default(node, variant));
            Node::Choose(cases.into_iter().map(case).collect(), Box::new(with_default(*otherwise, variant)))
        }
        node @ Node::Give(_) => node,
    }
}

/// A name or a list of names.
pub(super) fn names(tree: Option<&Tree>) -> Vec<String> {
    match tree {
        Some(Tree::String(name)) => vec![name.clone()],
        Some(Tree::List(items)) => items.iter().filter_map(Tree::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn text<'t>(config: &'t Tree, field: &str) -> Result<&'t str, String> {
    config.get(field).and_then(Tree::as_str).ok_or_else(|| format!("expected a string as `{field}`"))
}

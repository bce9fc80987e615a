//! From an expression as it is written to what is evaluated: names find their meaning, what is constant is worked out, and what
//! can never have an answer is told.

use crate::builtin::audience::{attribute::pattern::Pattern, network::Network};
use crate::builtin::expression::{
    evaluate::{Evaluation, STEPS},
    functions::Function,
    ir::{Node, NodeKind, Path, Texts},
    stack::with_room,
    syntax::{Comparison, Expr, ExprKind, Span, Walk, Wrong},
    value::{List, Map, Text, Type, Val},
};

/// Links an expression. `config` is what the row gives it; nothing if it is not known yet.
pub(super) fn link(expr: &Expr, config: Option<&Val<'static>>) -> (Node, Vec<Wrong>) {
    let linked = with_room(expr.depth, || {
        let mut linker = Linker { config, wrong: Vec::new(), steps: STEPS };
        let root = linker.node(expr);
        (root, linker.wrong)
    });
    linked.unwrap_or_else(|| {
        let nothing = Node { at: expr.at, kind: NodeKind::Unknown };
        (nothing, vec![Wrong::new(expr.at, "there is no memory to read it")])
    })
}

struct Linker<'c> {
    config: Option<&'c Val<'static>>,
    wrong: Vec<Wrong>,
    /// What is left for working out constants.
    steps: u32,
}

impl Linker<'_> {
    fn problem(&mut self, at: Span, message: impl Into<String>) {
        self.wrong.push(Wrong::new(at, message));
    }

    fn node(&mut self, expr: &Expr) -> Node {
        let at = expr.at;
        // What is wrong with a part does not matter where the part can not be asked.
        let before = self.wrong.len();
        let kind = self.kind(expr);
        let node = self.fold(Node { at, kind });
        if node.constant().is_some() {
            self.wrong.truncate(before);
        }
        node
    }

    fn nodes(&mut self, list: &[Expr]) -> Vec<Node> {
        list.iter().map(|expr| self.node(expr)).collect()
    }

    fn kind(&mut self, expr: &Expr) -> NodeKind {
        match &expr.kind {
            ExprKind::Literal(value) => NodeKind::Constant(value.clone()),
            ExprKind::Name(name) => self.name(name),
            ExprKind::Local(place) => NodeKind::Local(*place),
            ExprKind::Select { operand, field, has } => self.select(expr, operand, field, *has),
            ExprKind::Index { operand, index } => self.index(operand, index),
            ExprKind::Call(function, arguments) => {
                let arguments = self.nodes(arguments);
                self.call(*function, arguments)
            }
            ExprKind::Not(operand) => NodeKind::Not(Box::new(self.condition(operand))),
            ExprKind::Negate(operand) => NodeKind::Negate(Box::new(self.node(operand))),
            ExprKind::All(operands) => self.all(operands, false),
            ExprKind::Any(operands) => self.all(operands, true),
            ExprKind::Cases(cases, otherwise) => self.cases(cases, otherwise),
            ExprKind::Compare(operator, one, other) => self.compare(expr.at, *operator, one, other),
            ExprKind::Sum(first, rest) => {
                let first = Box::new(self.node(first));
                NodeKind::Sum(
                    first,
                    rest.iter().map(|(operator, part)| (*operator, self.node(part))).collect(),
                )
            }
            ExprKind::List(items) => NodeKind::List(self.nodes(items).into()),
            ExprKind::Map(entries) => {
                NodeKind::Map(entries.iter().map(|(key, value)| (self.node(key), self.node(value))).collect())
            }
            ExprKind::Walk(walk) => self.walk(walk),
        }
    }

    fn name(&self, name: &str) -> NodeKind {
        match name {
            "context" => NodeKind::Context,
            "config" => self.config.map_or(NodeKind::Unknown, |config| NodeKind::Constant(config.clone())),
            "now" => NodeKind::Now,
            _ => match Type::find(name) {
                Some(kind) => NodeKind::AttributeOrType(name.into(), kind),
                None => NodeKind::Attribute(name.into()),
            },
        }
    }

    fn select(&mut self, expr: &Expr, operand: &Expr, field: &str, has: bool) -> NodeKind {
        if let Some(full) = dotted(operand) {
            return NodeKind::Path(Box::new(Path { full: format!("{full}.{field}").into(), has }));
        }
        let operand = self.node(operand);
        match operand.kind {
            NodeKind::Context if has => NodeKind::HasAttribute(field.into()),
            NodeKind::Context => NodeKind::Attribute(field.into()),
            NodeKind::Unknown if !has => NodeKind::Unknown,
            // Of a config, most often, and there as good as never meant.
            NodeKind::Constant(ref value)
                if !has && !matches!(value, Val::Map(map) if map.field(field).is_some()) =>
            {
                self.problem(expr.at, format!("expected a field {field:?}, found none"));
                NodeKind::Unknown
            }
            _ => NodeKind::Field { operand: Box::new(operand), field: field.into(), has },
        }
    }

    fn index(&mut self, operand: &Expr, index: &Expr) -> NodeKind {
        let (operand, index) = (self.node(operand), self.node(index));
        match (&operand.kind, index.constant()) {
            (NodeKind::Context, Some(Val::Text(name))) => NodeKind::Attribute((**name).into()),
            (NodeKind::Context, _) => NodeKind::AttributeAt(Box::new(index)),
            (NodeKind::Unknown, _) => NodeKind::Unknown,
            _ => NodeKind::Index(Box::new((operand, index))),
        }
    }

    /// A node that must be a boolean.
    fn condition(&mut self, expr: &Expr) -> Node {
        let node = self.node(expr);
        if let Some(kind) = node.value_kind().filter(|kind| *kind != Type::Bool) {
            self.problem(node.at, format!("expected a boolean, found {}", kind.name()));
        }
        node
    }

    /// `&&`, or `||` where it `is_any`.
    fn all(&mut self, operands: &[Expr], is_any: bool) -> NodeKind {
        let mut nodes = Vec::with_capacity(operands.len());
        for operand in operands {
            let node = self.condition(operand);
            match node.constant() {
                Some(Val::Bool(value)) if *value == is_any => return NodeKind::Constant(Val::Bool(is_any)),
                Some(Val::Bool(_)) => (),
                _ => nodes.push(node),
            }
        }
        match nodes.len() {
            0 => NodeKind::Constant(Val::Bool(!is_any)),
            _ if is_any => NodeKind::Any(nodes.into()),
            _ => NodeKind::All(nodes.into()),
        }
    }

    fn cases(&mut self, cases: &[(Expr, Expr)], otherwise: &Expr) -> NodeKind {
        let mut kept = Vec::with_capacity(cases.len());
        for (when, then) in cases {
            let when = self.condition(when);
            match when.constant() {
                Some(Val::Bool(false)) => (),
                // Nothing behind it is ever asked.
                Some(Val::Bool(true)) => return finish(kept, self.node(then)),
                _ => kept.push((when, self.node(then))),
            }
        }
        finish(kept, self.node(otherwise))
    }

    fn compare(&mut self, at: Span, operator: Comparison, one: &Expr, other: &Expr) -> NodeKind {
        let (one, other) = (self.node(one), self.node(other));
        if let (Some(left), Some(right)) = (one.value_kind(), other.value_kind()) {
            let is_number = |kind| matches!(kind, Type::Int | Type::UInt | Type::Double);
            let alike = left == right || is_number(left) && is_number(right);
            let wrong = match operator {
                Comparison::In => !matches!(right, Type::List | Type::Map),
                // Values of different kinds are never equal; but who has a version means one.
                Comparison::Equal | Comparison::NotEqual => {
                    !alike && (left == Type::Version) != (right == Type::Version)
                }
                _ => !alike,
            };
            if wrong {
                let expected = if operator == Comparison::In { "a list or a map" } else { "two of a kind" };
                self.problem(at, format!("expected {expected}, found {} and {}", left.name(), right.name()));
            }
        }
        match (operator, &one.kind, other.constant()) {
            (Comparison::Equal | Comparison::NotEqual, NodeKind::Attribute(name), Some(Val::Text(text))) => {
                let equal = operator == Comparison::Equal;
                NodeKind::IsText { name: name.clone(), text: (**text).into(), equal }
            }
            (Comparison::In, _, Some(Val::List(list))) => match texts(list) {
                Some(texts) => NodeKind::InTexts(Box::new((one, texts))),
                None => NodeKind::Compare(operator, Box::new((one, other))),
            },
            _ => NodeKind::Compare(operator, Box::new((one, other))),
        }
    }

    fn call(&mut self, function: Function, arguments: Vec<Node>) -> NodeKind {
        if let [subject, operand] = &arguments[..]
            && subject.constant().is_none()
            && let Some(Val::Text(text)) = operand.constant()
        {
            let (at, text) = (operand.at, text.clone());
            match function {
                Function::Matches => match Pattern::new(&text, false) {
                    Ok(pattern) => {
                        return with_first(arguments, |text| NodeKind::Matches(text, Box::new(pattern)));
                    }
                    Err(message) => self.problem(at, message),
                },
                Function::InCidr => match Network::parse(&text) {
                    Some(network) => {
                        return with_first(arguments, |text| NodeKind::InNetwork(text, network));
                    }
                    None => {
                        self.problem(
                            at,
                            format!("expected a network like \"10.0.0.0/8\", found {:?}", &*text),
                        );
                    }
                },
                _ => (),
            }
        }
        NodeKind::Call(function, arguments.into())
    }

    fn walk(&mut self, walk: &Walk<Expr>) -> NodeKind {
        NodeKind::Walk(Box::new(Walk {
            kind: walk.kind,
            range: self.node(&walk.range),
            local: walk.local,
            filter: walk.filter.as_ref().map(|filter| self.condition(filter)),
            body: match walk.kind {
                crate::builtin::expression::syntax::WalkKind::Map => self.node(&walk.body),
                _ => self.condition(&walk.body),
            },
        }))
    }

    /// Works out what has constants alone for its parts.
    fn fold(&mut self, node: Node) -> Node {
        if !parts_are_constant(&node.kind) || self.steps == 0 {
            return node;
        }
        let mut evaluation = Evaluation::new(None, self.steps);
        let result = evaluation.value(&node).map(own);
        let left = evaluation.steps;
        match result {
            Ok(value) => {
                self.steps = left;
                Node { at: node.at, kind: NodeKind::Constant(value) }
            }
            // It would take too long here, too; whoever is evaluated will hear of it.
            Err(fault) if fault.is_final() => {
                self.steps = 0;
                node
            }
            Err(fault) => {
                self.steps = left;
                self.problem(fault.at, fault.message());
                node
            }
        }
    }
}

fn with_first(arguments: Vec<Node>, make: impl FnOnce(Box<Node>) -> NodeKind) -> NodeKind {
    arguments.into_iter().next().map_or(NodeKind::Unknown, |first| make(Box::new(first)))
}

fn finish(cases: Vec<(Node, Node)>, otherwise: Node) -> NodeKind {
    if cases.is_empty() { otherwise.kind } else { NodeKind::Cases(cases.into(), Box::new(otherwise)) }
}

/// The name that an attribute and fields behind it spell, if that is what this is.
fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) if !matches!(&**name, "context" | "config" | "now") => Some(name.to_string()),
        ExprKind::Select { operand, field, has: false } => Some(format!("{}.{field}", dotted(operand)?)),
        _ => None,
    }
}

fn parts_are_constant(kind: &NodeKind) -> bool {
    let all = |nodes: &[Node]| nodes.iter().all(|node| node.constant().is_some());
    let is = |node: &Node| node.constant().is_some();
    match kind {
        NodeKind::Field { operand, .. } | NodeKind::Not(operand) | NodeKind::Negate(operand) => is(operand),
        NodeKind::Index(parts) | NodeKind::Compare(_, parts) => is(&parts.0) && is(&parts.1),
        NodeKind::Call(_, nodes) | NodeKind::List(nodes) => all(nodes),
        NodeKind::Sum(first, rest) => is(first) && rest.iter().all(|(_, node)| is(node)),
        NodeKind::Map(entries) => entries.iter().all(|(key, value)| is(key) && is(value)),
        NodeKind::InTexts(parts) => is(&parts.0),
        // Of `&&`, `||` and `?` what is constant is gone already.
        _ => false,
    }
}

/// The texts of a list that holds nothing else.
fn texts(list: &List<'_>) -> Option<Texts> {
    let text = |place| match list.get(place) {
        Some(Val::Text(text)) => Some(Box::from(&*text)),
        _ => None,
    };
    (0..list.len()).map(text).collect::<Option<Vec<_>>>().map(Texts::new)
}

/// The same value, which borrows nothing.
fn own(value: Val<'_>) -> Val<'static> {
    let text = |text: Text<'_>| match text {
        Text::Borrowed(text) => Text::Own(text.into()),
        Text::Own(text) => Text::Own(text),
    };
    match value {
        Val::Null => Val::Null,
        Val::Bool(value) => Val::Bool(value),
        Val::Int(number) => Val::Int(number),
        Val::UInt(number) => Val::UInt(number),
        Val::Float(number) => Val::Float(number),
        Val::Text(found) => Val::Text(text(found)),
        Val::Instant(instant) => Val::Instant(instant),
        Val::Duration(duration) => Val::Duration(duration),
        Val::Release(number) => Val::Release(number),
        Val::Version(found) => Val::Version(text(found)),
        Val::List(list) => Val::list((0..list.len()).filter_map(|at| list.get(at)).map(own).collect()),
        Val::Map(map) => {
            let entries = (0..map.len()).filter_map(|at| map.get(at));
            Val::Map(Map::Own(entries.map(|(key, value)| (own(key), own(value))).collect()))
        }
        Val::Type(kind) => Val::Type(kind),
    }
}

/// A value of JSON.
pub(super) fn of_json(json: &serde_json::Value) -> Val<'static> {
    own(Val::of(&json.clone().into()))
}

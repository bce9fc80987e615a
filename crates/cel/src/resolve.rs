//! From the syntax tree to the intermediate representation: resolves names, folds constants, and reports
//! parts that can never be evaluated.

use novi_match::{network::Network, pattern::Pattern};

use crate::{
    MAX_STEPS,
    ast::{Comparison, Expr, ExprKind, Macro, MacroKind},
    describe,
    error::CompileError,
    evaluate::Evaluation,
    functions::Function,
    ir::{Node, NodeKind, Path, Strings},
    options::Options,
    span::Span,
    stack::with_stack,
    types::Type,
    value::{List, Value},
    variables::NoVariables,
};

/// Resolves an expression. The node can be evaluated even if there are errors.
pub(crate) fn resolve(expr: &Expr, options: &Options) -> (Node, Vec<CompileError>) {
    let resolved = with_stack(expr.depth, || {
        let mut resolver = Resolver { options, errors: Vec::new(), steps: MAX_STEPS };
        let root = resolver.node(expr);
        (root, resolver.errors)
    });
    resolved.unwrap_or_else(|| {
        let unknown = Node { span: expr.span, kind: NodeKind::Unknown };
        (unknown, vec![CompileError::new(expr.span, "cannot start a thread to compile the expression")])
    })
}

struct Resolver<'o> {
    options: &'o Options,
    errors: Vec<CompileError>,
    /// The steps that are left for folding constants.
    steps: u32,
}

impl Resolver<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>) {
        // A comparison of types that never match also fails when its constants are compared.
        if self.errors.last().is_none_or(|last| last.span() != span) {
            self.errors.push(CompileError::new(span, message));
        }
    }

    fn node(&mut self, expr: &Expr) -> Node {
        let span = expr.span;
        // Errors of a part do not matter if the part is never evaluated.
        let before = self.errors.len();
        let kind = self.kind(expr);
        let node = self.fold(Node { span, kind });
        if node.constant().is_some() {
            self.errors.truncate(before);
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
            ExprKind::Compare(operator, one, other) => self.compare(expr.span, *operator, one, other),
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
            ExprKind::Macro(call) => self.macro_call(call),
        }
    }

    fn name(&self, name: &str) -> NodeKind {
        match name {
            "context" => NodeKind::Context,
            "now" => NodeKind::Now,
            _ => match (self.options.find(name), Type::find(name)) {
                (Some(Some(value)), _) => NodeKind::Constant(value.clone()),
                (Some(None), _) => NodeKind::Unknown,
                (None, Some(kind)) => NodeKind::VariableOrType(name.into(), kind),
                (None, None) => NodeKind::Variable(name.into()),
            },
        }
    }

    fn select(&mut self, expr: &Expr, operand: &Expr, field: &str, has: bool) -> NodeKind {
        if let Some(full) = self.dotted(operand) {
            return NodeKind::Path(Box::new(Path { full: format!("{full}.{field}").into(), has }));
        }
        let operand = self.node(operand);
        match operand.kind {
            NodeKind::Context if has => NodeKind::HasVariable(field.into()),
            NodeKind::Context => NodeKind::Variable(field.into()),
            NodeKind::Unknown if !has => NodeKind::Unknown,
            NodeKind::Constant(ref value)
                if !has && !matches!(value, Value::Map(map) if map.get(field).is_some()) =>
            {
                self.error(expr.span, format!("no such field {field:?}"));
                NodeKind::Unknown
            }
            _ => NodeKind::Field { operand: Box::new(operand), field: field.into(), has },
        }
    }

    /// The name with dots that a variable and its fields form.
    fn dotted(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Name(name)
                if self.options.find(name).is_none() && !matches!(&**name, "context" | "now") =>
            {
                Some(name.to_string())
            }
            ExprKind::Select { operand, field, has: false } => {
                Some(format!("{}.{field}", self.dotted(operand)?))
            }
            _ => None,
        }
    }

    fn index(&mut self, operand: &Expr, index: &Expr) -> NodeKind {
        let (operand, index) = (self.node(operand), self.node(index));
        match (&operand.kind, index.constant()) {
            (NodeKind::Context, Some(Value::String(name))) => NodeKind::Variable((**name).into()),
            (NodeKind::Context, _) => NodeKind::VariableAt(Box::new(index)),
            (NodeKind::Unknown, _) => NodeKind::Unknown,
            _ => NodeKind::Index(Box::new((operand, index))),
        }
    }

    /// A node that must be a boolean.
    fn condition(&mut self, expr: &Expr) -> Node {
        let node = self.node(expr);
        if let Some(kind) = node.result_type().filter(|kind| *kind != Type::Bool) {
            self.error(node.span, format!("expected a boolean, found {}", kind.with_article()));
        }
        node
    }

    /// `&&`, or `||` if `is_any`.
    fn all(&mut self, operands: &[Expr], is_any: bool) -> NodeKind {
        let mut nodes = Vec::with_capacity(operands.len());
        for operand in operands {
            let node = self.condition(operand);
            match node.constant() {
                Some(Value::Bool(value)) if *value == is_any => {
                    return NodeKind::Constant(Value::Bool(is_any));
                }
                Some(Value::Bool(_)) => (),
                _ => nodes.push(node),
            }
        }
        match nodes.len() {
            0 => NodeKind::Constant(Value::Bool(!is_any)),
            _ if is_any => NodeKind::Any(nodes.into()),
            _ => NodeKind::All(nodes.into()),
        }
    }

    fn cases(&mut self, cases: &[(Expr, Expr)], otherwise: &Expr) -> NodeKind {
        let mut kept = Vec::with_capacity(cases.len());
        for (when, then) in cases {
            let when = self.condition(when);
            match when.constant() {
                Some(Value::Bool(false)) => (),
                // Later cases are never reached.
                Some(Value::Bool(true)) => return finish(kept, self.node(then)),
                _ => kept.push((when, self.node(then))),
            }
        }
        finish(kept, self.node(otherwise))
    }

    fn compare(&mut self, span: Span, operator: Comparison, one: &Expr, other: &Expr) -> NodeKind {
        let (one, other) = (self.node(one), self.node(other));
        if let (Some(left), Some(right)) = (one.result_type(), other.result_type()) {
            let is_comparable = left == right || left.is_number() && right.is_number();
            let is_invalid = match operator {
                Comparison::In => !matches!(right, Type::List | Type::Map),
                // Values of different types are never equal; comparing a version with a string is a mistake.
                Comparison::Equal | Comparison::NotEqual => {
                    !is_comparable && (left == Type::Version) != (right == Type::Version)
                }
                _ => !is_comparable,
            };
            if is_invalid {
                let expected =
                    if operator == Comparison::In { "a list or a map" } else { "two values of one type" };
                self.error(
                    span,
                    format!(
                        "expected {expected}, found {} and {}",
                        left.with_article(),
                        right.with_article()
                    ),
                );
            }
        }
        match (operator, &one.kind, other.constant()) {
            (
                Comparison::Equal | Comparison::NotEqual,
                NodeKind::Variable(name),
                Some(Value::String(text)),
            ) => {
                let equal = operator == Comparison::Equal;
                NodeKind::IsString { name: name.clone(), text: (**text).into(), equal }
            }
            (Comparison::In, _, Some(Value::List(list))) => match strings(list) {
                Some(strings) => NodeKind::InStrings(Box::new((one, strings))),
                None => NodeKind::Compare(operator, Box::new((one, other))),
            },
            _ => NodeKind::Compare(operator, Box::new((one, other))),
        }
    }

    fn call(&mut self, function: Function, arguments: Vec<Node>) -> NodeKind {
        if let [subject, operand] = &arguments[..]
            && subject.constant().is_none()
            && let Some(Value::String(text)) = operand.constant()
        {
            let (span, text) = (operand.span, text.clone());
            match function {
                Function::Matches => match Pattern::new(&text, false) {
                    Ok(pattern) => {
                        return with_first(arguments, |text| NodeKind::Matches(text, Box::new(pattern)));
                    }
                    Err(message) => self.error(span, message),
                },
                Function::InCidr => match Network::parse(&text) {
                    Some(network) => {
                        return with_first(arguments, |text| NodeKind::InNetwork(text, network));
                    }
                    None => {
                        self.error(
                            span,
                            format!("invalid network {:?}; expected one like \"10.0.0.0/8\"", &*text),
                        );
                    }
                },
                _ => (),
            }
        }
        NodeKind::Call(function, arguments.into())
    }

    fn macro_call(&mut self, call: &Macro<Expr>) -> NodeKind {
        NodeKind::Macro(Box::new(Macro {
            kind: call.kind,
            range: self.node(&call.range),
            local: call.local,
            filter: call.filter.as_ref().map(|filter| self.condition(filter)),
            body: match call.kind {
                MacroKind::Map => self.node(&call.body),
                _ => self.condition(&call.body),
            },
        }))
    }

    /// Evaluates a node whose operands are constants.
    fn fold(&mut self, node: Node) -> Node {
        if !operands_are_constant(&node.kind) || self.steps == 0 {
            return node;
        }
        let mut evaluation = Evaluation::new(&NoVariables, self.steps);
        let result = evaluation.value(&node).map(Value::into_owned);
        let left = evaluation.steps;
        match result {
            Ok(value) => {
                self.steps = left;
                Node { span: node.span, kind: NodeKind::Constant(value) }
            }
            // The evaluation will report this.
            Err(error) if error.is_final() => {
                self.steps = 0;
                node
            }
            Err(error) => {
                self.steps = left;
                self.error(error.span, describe::message(&node, error, &NoVariables));
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

fn operands_are_constant(kind: &NodeKind) -> bool {
    let all = |nodes: &[Node]| nodes.iter().all(|node| node.constant().is_some());
    let is = |node: &Node| node.constant().is_some();
    match kind {
        NodeKind::Field { operand, .. } | NodeKind::Not(operand) | NodeKind::Negate(operand) => is(operand),
        NodeKind::Index(parts) | NodeKind::Compare(_, parts) => is(&parts.0) && is(&parts.1),
        NodeKind::Call(_, nodes) | NodeKind::List(nodes) => all(nodes),
        NodeKind::Sum(first, rest) => is(first) && rest.iter().all(|(_, node)| is(node)),
        NodeKind::Map(entries) => entries.iter().all(|(key, value)| is(key) && is(value)),
        NodeKind::InStrings(parts) => is(&parts.0),
        // Constant operands of `&&`, `||` and `?` are removed already.
        _ => false,
    }
}

/// The set of a list's items, if all of them are strings.
fn strings(list: &List<'_>) -> Option<Strings> {
    let text = |item: Value<'_>| match item {
        Value::String(text) => Some(Box::from(&*text)),
        _ => None,
    };
    list.iter().map(text).collect::<Option<Vec<_>>>().map(Strings::new)
}

//! Messages about errors of types, with the operator or function and the types of its operands. They take another
//! look at the program, so that an evaluation that fails stays cheap.

use crate::{
    MAX_STEPS,
    ast::{Arithmetic, Comparison, MacroKind},
    error::{ErrorKind, EvaluationError},
    evaluate::Evaluation,
    functions::{Function, name_of},
    ir::{Node, NodeKind},
    span::Span,
    strings::StringFunction,
    variables::Variables,
};

/// The message of an error of an evaluation with these variables.
pub(crate) fn message<V: Variables + ?Sized>(root: &Node, error: EvaluationError, variables: &V) -> String {
    let described = match error.kind {
        ErrorKind::Type => find(root, error.span).map(|operation| operation.message(variables)),
        _ => None,
    };
    described.unwrap_or_else(|| error.message().to_owned())
}

/// The most types that a message lists.
const MOST_TYPES: usize = 8;

/// An operator, a function or a macro.
struct Operation<'n> {
    name: &'static str,
    operands: Vec<&'n Node>,
    /// Whether the types say why it failed.
    has_types: bool,
}

impl<'n> Operation<'n> {
    fn message<V: Variables + ?Sized>(&self, variables: &'n V) -> String {
        // All operands together may take as long as one evaluation.
        let mut evaluation = Evaluation::new(variables, MAX_STEPS);
        let kind = |node: &&'n Node| {
            // A variable of a macro has no value here.
            let value = evaluation.value(node).ok()?;
            Some(value.kind().with_article())
        };
        let name = self.name;
        let is_readable = self.has_types && self.operands.len() <= MOST_TYPES;
        let kinds: Option<Vec<_>> = if is_readable { self.operands.iter().map(kind).collect() } else { None };
        match kinds {
            Some(kinds) => format!("`{name}` is not defined for {}", listed(&kinds)),
            None => format!("`{name}` is not defined for values of these types"),
        }
    }
}

/// `a list, a string and an int`
fn listed(kinds: &[&str]) -> String {
    match kinds {
        [] => "nothing".to_owned(),
        [kind] => (*kind).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The operation that reports errors at this place.
fn find(root: &Node, span: Span) -> Option<Operation<'_>> {
    let mut nodes = vec![root];
    while let Some(node) = nodes.pop() {
        if let Some(operation) = operation(node, span) {
            return Some(operation);
        }
        nodes.extend(operands(node));
    }
    None
}

fn operation(node: &Node, span: Span) -> Option<Operation<'_>> {
    let (name, operands): (_, Vec<&Node>) = match &node.kind {
        // These report errors at the place of their subject.
        NodeKind::Matches(text, _) if text.span == span => ("matches", vec![text]),
        NodeKind::InNetwork(address, _) if address.span == span => ("inCidr", vec![address]),
        NodeKind::Macro(call) if call.range.span == span => (macro_name(call.kind), vec![&call.range]),
        _ if node.span != span => return None,
        NodeKind::Call(function, arguments) => (name_of(*function), arguments.iter().collect()),
        NodeKind::Negate(operand) => ("-", vec![operand]),
        NodeKind::Compare(operator, sides) => (comparison_sign(*operator), vec![&sides.0, &sides.1]),
        NodeKind::Index(parts) => ("[]", vec![&parts.0, &parts.1]),
        NodeKind::Sum(first, rest) => match &**rest {
            [(operator, second)] => (arithmetic_sign(*operator), vec![first, second]),
            _ => return None,
        },
        _ => return None,
    };
    // Its list may have other items than strings.
    let has_types = !matches!(node.kind, NodeKind::Call(Function::OfString(StringFunction::Join), _));
    Some(Operation { name, operands, has_types })
}

fn operands(node: &Node) -> Vec<&Node> {
    match &node.kind {
        NodeKind::Constant(_)
        | NodeKind::Unknown
        | NodeKind::Now
        | NodeKind::Context
        | NodeKind::Variable(_)
        | NodeKind::VariableOrType(..)
        | NodeKind::Path(_)
        | NodeKind::HasVariable(_)
        | NodeKind::Local(_)
        | NodeKind::IsString { .. } => Vec::new(),
        NodeKind::VariableAt(node)
        | NodeKind::Field { operand: node, .. }
        | NodeKind::Matches(node, _)
        | NodeKind::InNetwork(node, _)
        | NodeKind::Not(node)
        | NodeKind::Negate(node) => vec![node],
        NodeKind::InStrings(parts) => vec![&parts.0],
        NodeKind::Index(parts) | NodeKind::Compare(_, parts) => vec![&parts.0, &parts.1],
        NodeKind::Call(_, nodes) | NodeKind::List(nodes) | NodeKind::All(nodes) | NodeKind::Any(nodes) => {
            nodes.iter().collect()
        }
        NodeKind::Cases(cases, otherwise) => {
            cases.iter().flat_map(|(when, then)| [when, then]).chain([&**otherwise]).collect()
        }
        NodeKind::Sum(first, rest) => {
            std::iter::once(&**first).chain(rest.iter().map(|(_, node)| node)).collect()
        }
        NodeKind::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
        NodeKind::Macro(call) => {
            [Some(&call.range), call.filter.as_ref(), Some(&call.body)].into_iter().flatten().collect()
        }
    }
}

const fn macro_name(kind: MacroKind) -> &'static str {
    match kind {
        MacroKind::All => "all",
        MacroKind::Exists => "exists",
        MacroKind::ExistsOne => "exists_one",
        MacroKind::Map => "map",
        MacroKind::Filter => "filter",
    }
}

const fn comparison_sign(operator: Comparison) -> &'static str {
    match operator {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::In => "in",
    }
}

const fn arithmetic_sign(operator: Arithmetic) -> &'static str {
    match operator {
        Arithmetic::Add => "+",
        Arithmetic::Subtract => "-",
        Arithmetic::Multiply => "*",
        Arithmetic::Divide => "/",
        Arithmetic::Remainder => "%",
    }
}

#[cfg(test)]
mod tests {
    use crate::{Options, Program, Value};

    #[test]
    fn errors_of_types_name_the_function_and_the_types_of_constants() {
        for (source, expected) in [
            ("math.floor('a') == 1.0", "`math.floor` is not defined for a string"),
            ("'a'.startsWith(1)", "`startsWith` is not defined for a string and an int"),
            ("size(1) == 1", "`size` is not defined for an int"),
            ("-'a' == 'a'", "`-` is not defined for a string"),
            ("'a' - 1 == 0", "`-` is not defined for a string and an int"),
            ("1 % 1.5 == 0", "`%` is not defined for an int and a double"),
            ("1[0] == 0", "`[]` is not defined for an int and an int"),
            ("['a', 1].join() == ''", "`join` is not defined for values of these types"),
            (
                "math.greatest(1, 'a', null) == 1",
                "`math.greatest` is not defined for an int, a string and null",
            ),
        ] {
            let errors = Program::compile(source, &Options::new()).unwrap_err();
            assert_eq!(errors[0].message(), expected, "{source}");
        }
    }

    #[test]
    fn errors_of_types_name_the_function_and_the_types_of_variables() {
        let variables = [("s", Value::borrowed_str("a")), ("i", Value::Int(1))];
        for (source, expected) in [
            ("math.floor(s) == 1.0", "`math.floor` is not defined for a string"),
            ("i.startsWith(s)", "`startsWith` is not defined for an int and a string"),
            ("i.matches('a')", "`matches` is not defined for an int"),
            ("i.inCidr('10.0.0.0/8')", "`inCidr` is not defined for an int"),
            ("i.all(x, x)", "`all` is not defined for an int"),
            ("s < i", "`<` is not defined for a string and an int"),
            ("s + i == s", "`+` is not defined for a string and an int"),
            ("[i].exists(x, x.contains(s))", "`contains` is not defined for values of these types"),
            ("i > 0 && (i < 0 || -s == s)", "`-` is not defined for a string"),
            ("missing == 1", "no such attribute"),
            (
                "math.greatest(1, 2, 3, 4, 5, 6, 7, 8, s) == 1",
                "`math.greatest` is not defined for values of these types",
            ),
        ] {
            let program = Program::compile(source, &Options::new()).unwrap();
            let error = program.test(&variables[..]).unwrap_err();
            assert_eq!(program.describe(error, &variables[..]), expected, "{source}");
        }
    }
}

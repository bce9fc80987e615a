//! Evaluates an expression with the variables of one call.

use std::cmp::Ordering;

use novi_match::{network::Network, pattern::Pattern, short_str::same};

use crate::{
    arithmetic,
    ast::{Arithmetic, Comparison, Macro, MacroKind},
    convert,
    error::{ErrorKind, EvaluationError},
    ir::{Node, NodeKind, Path},
    span::Span,
    types::Type,
    value::{Entry, Map, Value},
    variables::Variables,
};

/// The depth to which lists and maps are compared. JSON of `serde_json` ends at 128.
const MAX_VALUE_DEPTH: u32 = 128;

pub(crate) struct Evaluation<'v, V: ?Sized> {
    variables: &'v V,
    pub(crate) steps: u32,
    /// The variables of macros.
    locals: Vec<Value<'v>>,
}

pub(crate) type Result<T> = std::result::Result<T, EvaluationError>;

pub(crate) fn fail<T>(span: Span, kind: ErrorKind) -> Result<T> {
    Err(EvaluationError { span, kind })
}

impl<'v, V: Variables + ?Sized> Evaluation<'v, V> {
    #[inline]
    pub(crate) const fn new(variables: &'v V, steps: u32) -> Self {
        Self { variables, steps, locals: Vec::new() }
    }

    #[inline]
    pub(crate) fn spend(&mut self, steps: usize, span: Span) -> Result<()> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.steps.checked_sub(steps));
        self.steps = left.unwrap_or(0);
        if left.is_some() { Ok(()) } else { fail(span, ErrorKind::Steps) }
    }

    /// Spends the steps for reading a string.
    #[inline]
    pub(crate) fn spend_on(&mut self, text: &str, span: Span) -> Result<()> {
        self.spend(text.len() / 16, span)
    }

    /// Evaluates a condition.
    pub(crate) fn test(&mut self, node: &'v Node) -> Result<bool> {
        self.spend(1, node.span)?;
        match &node.kind {
            NodeKind::IsString { name, text, equal } => self.is_string(name, text, *equal, node.span),
            NodeKind::All(operands) => self.all(operands, false),
            NodeKind::Any(operands) => self.all(operands, true),
            NodeKind::Not(operand) => Ok(!self.test(operand)?),
            NodeKind::Compare(operator, sides) => self.compare(*operator, sides, node.span),
            NodeKind::HasVariable(name) => Ok(self.variable(name).is_some()),
            NodeKind::Matches(text, pattern) => self.matches(text, pattern),
            NodeKind::InNetwork(address, network) => self.in_network(address, *network),
            NodeKind::InStrings(parts) => {
                let (item, strings) = (self.value(&parts.0)?, &parts.1);
                Ok(matches!(item, Value::String(text) if strings.contains(&text)))
            }
            _ => match self.other(node)? {
                Value::Bool(value) => Ok(value),
                _ => fail(node.span, ErrorKind::NotBoolean),
            },
        }
    }

    #[inline]
    pub(crate) fn value(&mut self, node: &'v Node) -> Result<Value<'v>> {
        match &node.kind {
            NodeKind::Constant(value) => Ok(value.borrow()),
            NodeKind::Variable(name) => match self.variable(name) {
                Some(value) => Ok(value),
                None => fail(node.span, ErrorKind::NoVariable),
            },
            NodeKind::IsString { .. }
            | NodeKind::All(_)
            | NodeKind::Any(_)
            | NodeKind::Not(_)
            | NodeKind::Compare(..)
            | NodeKind::HasVariable(_)
            | NodeKind::Matches(..)
            | NodeKind::InNetwork(..)
            | NodeKind::InStrings(..) => self.test(node).map(Value::Bool),
            _ => {
                self.spend(1, node.span)?;
                self.other(node)
            }
        }
    }

    /// Evaluates a node that [`test`](Self::test) does not handle.
    fn other(&mut self, node: &'v Node) -> Result<Value<'v>> {
        match &node.kind {
            NodeKind::Now => match self.variables.now() {
                Some(now) => Ok(Value::Timestamp(now)),
                None => fail(node.span, ErrorKind::NoVariable),
            },
            NodeKind::Context => self.context(node.span),
            NodeKind::VariableOrType(name, kind) => Ok(self.variable(name).unwrap_or(Value::Type(*kind))),
            NodeKind::Path(path) => self.path(path, node.span),
            NodeKind::VariableAt(name) => self.variable_at(name, node.span),
            NodeKind::Local(index) => {
                let value = self.locals.get(*index as usize).cloned();
                value.map_or_else(|| fail(node.span, ErrorKind::NoField), Ok)
            }
            NodeKind::Field { operand, field, has } => {
                let operand = self.value(operand)?;
                self.field(&operand, field, *has, node.span)
            }
            NodeKind::Index(parts) => self.index(&parts.0, &parts.1, node.span),
            NodeKind::Call(function, arguments) => self.call(*function, arguments, node.span),
            NodeKind::Negate(operand) => {
                let value = self.value(operand)?;
                arithmetic::negate(&value).or_else(|kind| fail(node.span, kind))
            }
            NodeKind::Cases(cases, otherwise) => {
                for (when, then) in cases {
                    if self.test(when)? {
                        return self.value(then);
                    }
                }
                self.value(otherwise)
            }
            NodeKind::Sum(first, rest) => self.sum(first, rest, node.span),
            NodeKind::List(items) => self.list(items),
            NodeKind::Map(entries) => self.map(entries, node.span),
            NodeKind::Macro(call) => {
                let value = self.macro_call(call);
                // An enclosing `||` may pass over an error, and its variable has no value there.
                self.locals.truncate(call.local as usize);
                value
            }
            // Only in a program with unknown constants.
            NodeKind::Unknown => fail(node.span, ErrorKind::NoField),
            _ => self.value(node),
        }
    }

    #[inline]
    fn variable(&self, name: &str) -> Option<Value<'v>> {
        self.variables.get(name)
    }

    #[inline]
    fn is_string(&self, name: &str, text: &str, equal: bool, span: Span) -> Result<bool> {
        match self.variables.get(name) {
            Some(Value::String(found)) => Ok(same(found.as_bytes(), text.as_bytes()) == equal),
            Some(_) => Ok(!equal),
            None => fail(span, ErrorKind::NoVariable),
        }
    }

    /// `&&`, or `||` if `is_any`. As in CEL, the error of an operand does not matter if another operand
    /// decides.
    fn all(&mut self, operands: &'v [Node], is_any: bool) -> Result<bool> {
        let mut first_error = None;
        for operand in operands {
            match self.test(operand) {
                Ok(value) if value == is_any => return Ok(is_any),
                Ok(_) => (),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(!is_any), Err)
    }

    fn context(&mut self, span: Span) -> Result<Value<'v>> {
        let entries = self.variables.all().map(|(name, value)| (Value::borrowed_str(name), value));
        let entries: Vec<Entry<'v>> = entries.collect();
        self.spend(entries.len(), span)?;
        Ok(Value::map(entries))
    }

    fn variable_at(&mut self, name: &'v Node, span: Span) -> Result<Value<'v>> {
        match self.value(name)? {
            Value::String(name) => match self.variable(&name) {
                Some(value) => Ok(value),
                None => fail(span, ErrorKind::NoVariable),
            },
            _ => fail(span, ErrorKind::Type),
        }
    }

    fn path(&mut self, path: &Path, span: Span) -> Result<Value<'v>> {
        let mut name = &*path.full;
        loop {
            if let Some(value) = self.variable(name) {
                let rest = path.full.get(name.len() + 1..).unwrap_or_default();
                return self.fields(value, rest, path.has, span);
            }
            match name.rsplit_once('.') {
                Some((before, _)) => name = before,
                None => return fail(span, ErrorKind::NoVariable),
            }
        }
    }

    /// Follows fields that are separated by dots.
    fn fields(&mut self, mut value: Value<'v>, fields: &str, has: bool, span: Span) -> Result<Value<'v>> {
        let mut fields = fields.split('.').filter(|field| !field.is_empty()).peekable();
        if fields.peek().is_none() && has {
            return Ok(Value::Bool(true));
        }
        while let Some(field) = fields.next() {
            value = self.field(&value, field, has && fields.peek().is_none(), span)?;
        }
        Ok(value)
    }

    fn field(&mut self, operand: &Value<'v>, field: &str, has: bool, span: Span) -> Result<Value<'v>> {
        let Value::Map(map) = operand else { return fail(span, ErrorKind::Type) };
        self.spend(map.len() / 16, span)?;
        match map.get(field) {
            found if has => Ok(Value::Bool(found.is_some())),
            Some(value) => Ok(value),
            None => fail(span, ErrorKind::NoField),
        }
    }

    fn index(&mut self, operand: &'v Node, index: &'v Node, span: Span) -> Result<Value<'v>> {
        let operand = self.value(operand)?;
        let index = self.value(index)?;
        match &operand {
            Value::List(list) => {
                let place = match &index {
                    Value::Int(place) => usize::try_from(*place).ok(),
                    Value::UInt(place) => usize::try_from(*place).ok(),
                    Value::Double(_) => match convert::to(Type::UInt, index.clone()) {
                        Some(Value::UInt(place))
                            if index.order(&Value::UInt(place)) == Ok(Some(Ordering::Equal)) =>
                        {
                            usize::try_from(place).ok()
                        }
                        _ => None,
                    },
                    _ => return fail(span, ErrorKind::Type),
                };
                place.and_then(|place| list.get(place)).map_or_else(|| fail(span, ErrorKind::Index), Ok)
            }
            Value::Map(map) => {
                if let Value::String(name) = &index {
                    self.spend(map.len() / 16, span)?;
                    return map.get(name).map_or_else(|| fail(span, ErrorKind::NoField), Ok);
                }
                let found = self.find_key(map, &index, span)?;
                found.map_or_else(|| fail(span, ErrorKind::NoField), Ok)
            }
            _ => fail(span, ErrorKind::Type),
        }
    }

    fn find_key(&mut self, map: &Map<'v>, key: &Value<'v>, span: Span) -> Result<Option<Value<'v>>> {
        if !matches!(key, Value::String(_) | Value::Bool(_)) && !key.kind().is_number() {
            return fail(span, ErrorKind::Type);
        }
        for index in 0..map.len() {
            self.spend(1, span)?;
            let Some((known, value)) = map.entry(index) else { continue };
            if self.equal(&known, key, MAX_VALUE_DEPTH, span)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn compare(&mut self, operator: Comparison, sides: &'v (Node, Node), span: Span) -> Result<bool> {
        let one = self.value(&sides.0)?;
        let other = match &sides.1.kind {
            // The most frequent case.
            NodeKind::Constant(Value::Int(number)) => Value::Int(*number),
            _ => self.value(&sides.1)?,
        };
        let wanted: fn(Ordering) -> bool = match operator {
            Comparison::Equal => return self.equal(&one, &other, MAX_VALUE_DEPTH, span),
            Comparison::NotEqual => return Ok(!self.equal(&one, &other, MAX_VALUE_DEPTH, span)?),
            Comparison::In => return self.contains(&other, &one, span),
            Comparison::Less => Ordering::is_lt,
            Comparison::LessOrEqual => Ordering::is_le,
            Comparison::Greater => Ordering::is_gt,
            Comparison::GreaterOrEqual => Ordering::is_ge,
        };
        if let Value::String(text) = &one {
            self.spend_on(text, span)?;
        }
        let order = one.order(&other).or_else(|kind| fail(span, kind))?;
        Ok(order.is_some_and(wanted))
    }

    /// Returns `true` if two values are equal. Numbers are compared by value; values of different types
    /// differ.
    fn equal(&mut self, one: &Value<'v>, other: &Value<'v>, depth: u32, span: Span) -> Result<bool> {
        self.spend(1, span)?;
        let Some(depth) = depth.checked_sub(1) else { return fail(span, ErrorKind::Steps) };
        match (one, other) {
            (Value::Null, Value::Null) => Ok(true),
            (Value::String(one), Value::String(other)) => {
                self.spend_on(one, span)?;
                Ok(**one == **other)
            }
            (Value::Type(one), Value::Type(other)) => Ok(one == other),
            (Value::List(one), Value::List(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for index in 0..one.len() {
                    let (Some(one), Some(other)) = (one.get(index), other.get(index)) else {
                        return Ok(false);
                    };
                    if !self.equal(&one, &other, depth, span)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Map(one), Value::Map(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for index in 0..one.len() {
                    let Some((key, value)) = one.entry(index) else { return Ok(false) };
                    let Some(found) = self.find_key(other, &key, span)? else { return Ok(false) };
                    if !self.equal(&value, &found, depth, span)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(one.order(other) == Ok(Some(Ordering::Equal))),
        }
    }

    /// `item in container`.
    fn contains(&mut self, container: &Value<'v>, item: &Value<'v>, span: Span) -> Result<bool> {
        match container {
            Value::List(list) => {
                for index in 0..list.len() {
                    let Some(known) = list.get(index) else { continue };
                    if self.equal(&known, item, MAX_VALUE_DEPTH, span)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Map(map) => Ok(self.find_key(map, item, span)?.is_some()),
            _ => fail(span, ErrorKind::Type),
        }
    }

    fn sum(&mut self, first: &'v Node, rest: &'v [(Arithmetic, Node)], span: Span) -> Result<Value<'v>> {
        let mut sum = self.value(first)?;
        for (operator, node) in rest {
            let next = self.value(node)?;
            self.spend(1, span)?;
            sum = match (&sum, &next) {
                (Value::String(one), Value::String(other)) if *operator == Arithmetic::Add => {
                    // Limits the memory of the result, too.
                    self.spend((one.len() + other.len()) / 16, span)?;
                    Value::String([&**one, &**other].concat().into())
                }
                (Value::List(one), Value::List(other)) if *operator == Arithmetic::Add => {
                    self.spend(one.len() + other.len(), span)?;
                    Value::list(one.iter().chain(other.iter()).collect())
                }
                _ => arithmetic::apply(*operator, &sum, &next).or_else(|kind| fail(span, kind))?,
            };
        }
        Ok(sum)
    }

    fn list(&mut self, items: &'v [Node]) -> Result<Value<'v>> {
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            list.push(self.value(item)?);
        }
        Ok(Value::list(list))
    }

    fn map(&mut self, entries: &'v [(Node, Node)], span: Span) -> Result<Value<'v>> {
        let mut map: Vec<Entry<'v>> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.value(key)?;
            if !matches!(key, Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::UInt(_)) {
                return fail(span, ErrorKind::Key);
            }
            for (known, _) in &map {
                if self.equal(known, &key, MAX_VALUE_DEPTH, span)? {
                    return fail(span, ErrorKind::Key);
                }
            }
            map.push((key, self.value(value)?));
        }
        Ok(Value::map(map))
    }

    fn macro_call(&mut self, call: &'v Macro<Node>) -> Result<Value<'v>> {
        let range = self.value(&call.range)?;
        let span = call.range.span;
        let length = match &range {
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            _ => return fail(span, ErrorKind::Type),
        };
        // Above the variables of the enclosing macros.
        self.locals.truncate(call.local as usize);
        self.locals.push(Value::Null);
        let (mut found, mut count, mut first_error) = (Vec::new(), 0_usize, None);
        for index in 0..length {
            self.spend(1, span)?;
            let item = match &range {
                Value::List(list) => list.get(index),
                Value::Map(map) => map.entry(index).map(|(key, _)| key),
                _ => None,
            };
            let Some(item) = item else { continue };
            if let Some(local) = self.locals.get_mut(call.local as usize) {
                *local = item.clone();
            }
            match call.kind {
                MacroKind::All | MacroKind::Exists => match self.test(&call.body) {
                    Ok(value) if value == (call.kind == MacroKind::Exists) => return Ok(Value::Bool(value)),
                    Ok(_) => (),
                    Err(error) if error.is_final() => return Err(error),
                    Err(error) => first_error = first_error.or(Some(error)),
                },
                MacroKind::ExistsOne => count += usize::from(self.test(&call.body)?),
                MacroKind::Filter => {
                    if self.test(&call.body)? {
                        found.push(item);
                    }
                }
                MacroKind::Map => {
                    let is_wanted = match &call.filter {
                        Some(filter) => self.test(filter)?,
                        None => true,
                    };
                    if is_wanted {
                        found.push(self.value(&call.body)?);
                    }
                }
            }
        }
        match (call.kind, first_error) {
            (_, Some(error)) => Err(error),
            (MacroKind::All, None) => Ok(Value::Bool(true)),
            (MacroKind::Exists, None) => Ok(Value::Bool(false)),
            (MacroKind::ExistsOne, None) => Ok(Value::Bool(count == 1)),
            (MacroKind::Map | MacroKind::Filter, None) => Ok(Value::list(found)),
        }
    }

    fn matches(&mut self, text: &'v Node, pattern: &Pattern) -> Result<bool> {
        let span = text.span;
        match self.value(text)? {
            Value::String(text) => {
                self.spend_on(&text, span)?;
                Ok(pattern.matches(&text))
            }
            _ => fail(span, ErrorKind::Type),
        }
    }

    fn in_network(&mut self, address: &'v Node, network: Network) -> Result<bool> {
        let span = address.span;
        match self.value(address)? {
            Value::String(text) => {
                network.contains(&text).map_or_else(|| fail(span, ErrorKind::Conversion), Ok)
            }
            _ => fail(span, ErrorKind::Type),
        }
    }
}

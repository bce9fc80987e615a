//! Evaluates an expression for one caller.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    activation::evaluation::Check,
    builtin::{
        audience::{attribute::pattern::Pattern, network::Network},
        expression::{
            arithmetic, convert,
            error::{Fault, FaultKind},
            ir::{Node, NodeKind, Path},
            syntax::{Arithmetic, Comparison, Span, Walk, WalkKind},
            value::{Entry, List, Map, Text, Type, Val},
        },
    },
    context::short_str::same,
};

/// So many steps an evaluation may take: some two milliseconds. An operator is one, as are 16 bytes of text and each item that
/// is looked at.
pub(super) const STEPS: u32 = 100_000;

/// How deep lists and maps are compared; those of JSON end at 128.
const DEEPEST_VALUE: u32 = 128;

pub(super) struct Evaluation<'v, 'c> {
    /// Nothing when constants are worked out, which ask nobody.
    check: Option<&'v Check<'c>>,
    pub(super) steps: u32,
    /// The variables of macros.
    locals: Vec<Val<'v>>,
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

pub(super) fn fault<T>(at: Span, kind: FaultKind) -> Result<T> {
    Err(Fault { at, kind })
}

impl<'v, 'c> Evaluation<'v, 'c> {
    #[inline]
    pub(super) const fn new(check: Option<&'v Check<'c>>, steps: u32) -> Self {
        Self { check, steps, locals: Vec::new() }
    }

    #[inline]
    pub(super) fn spend(&mut self, steps: usize, at: Span) -> Result<()> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.steps.checked_sub(steps));
        self.steps = left.unwrap_or(0);
        if left.is_some() { Ok(()) } else { fault(at, FaultKind::Steps) }
    }

    /// What it takes to go through a text.
    #[inline]
    pub(super) fn spend_on(&mut self, text: &str, at: Span) -> Result<()> {
        self.spend(text.len() / 16, at)
    }

    /// Whether a condition is true.
    pub(super) fn test(&mut self, node: &'v Node) -> Result<bool> {
        self.spend(1, node.at)?;
        match &node.kind {
            NodeKind::IsText { name, text, equal } => self.is_text(name, text, *equal, node.at),
            NodeKind::All(operands) => self.all(operands, false),
            NodeKind::Any(operands) => self.all(operands, true),
            NodeKind::Not(operand) => Ok(!self.test(operand)?),
            NodeKind::Compare(operator, sides) => self.compare(*operator, sides, node.at),
            NodeKind::HasAttribute(name) => Ok(self.attribute(name).is_some()),
            NodeKind::Matches(text, pattern) => self.matches(text, pattern),
            NodeKind::InNetwork(address, network) => self.in_network(address, *network),
            NodeKind::InTexts(parts) => {
                let (item, texts) = (self.value(&parts.0)?, &parts.1);
                Ok(matches!(item, Val::Text(text) if texts.contains(&text)))
            }
            _ => match self.other(node)? {
                Val::Bool(value) => Ok(value),
                _ => fault(node.at, FaultKind::Boolean),
            },
        }
    }

    #[inline]
    pub(super) fn value(&mut self, node: &'v Node) -> Result<Val<'v>> {
        match &node.kind {
            NodeKind::Constant(value) => Ok(value.borrow()),
            NodeKind::Attribute(name) => match self.attribute(name) {
                Some(value) => Ok(value),
                None => fault(node.at, FaultKind::Attribute),
            },
            NodeKind::IsText { .. }
            | NodeKind::All(_)
            | NodeKind::Any(_)
            | NodeKind::Not(_)
            | NodeKind::Compare(..)
            | NodeKind::HasAttribute(_)
            | NodeKind::Matches(..)
            | NodeKind::InNetwork(..)
            | NodeKind::InTexts(..) => self.test(node).map(Val::Bool),
            _ => {
                self.spend(1, node.at)?;
                self.other(node)
            }
        }
    }

    /// The value of what is no condition by itself.
    fn other(&mut self, node: &'v Node) -> Result<Val<'v>> {
        match &node.kind {
            NodeKind::Now => self
                .check
                .map_or_else(|| fault(node.at, FaultKind::Attribute), |check| Ok(Val::Instant(check.now()))),
            NodeKind::Context => self.context(node.at),
            NodeKind::AttributeOrType(name, kind) => Ok(self.attribute(name).unwrap_or(Val::Type(*kind))),
            NodeKind::Path(path) => self.path(path, node.at),
            NodeKind::AttributeAt(name) => self.attribute_at(name, node.at),
            NodeKind::Local(place) => {
                let value = self.locals.get(*place as usize).cloned();
                value.map_or_else(|| fault(node.at, FaultKind::Field), Ok)
            }
            NodeKind::Field { operand, field, has } => {
                let operand = self.value(operand)?;
                self.field(&operand, field, *has, node.at)
            }
            NodeKind::Index(parts) => self.index(&parts.0, &parts.1, node.at),
            NodeKind::Call(function, arguments) => self.call(*function, arguments, node.at),
            NodeKind::Negate(operand) => {
                let value = self.value(operand)?;
                arithmetic::negate(&value).or_else(|kind| fault(node.at, kind))
            }
            NodeKind::Cases(cases, otherwise) => {
                for (when, then) in cases {
                    if self.test(when)? {
                        return self.value(then);
                    }
                }
                self.value(otherwise)
            }
            NodeKind::Sum(first, rest) => self.sum(first, rest, node.at),
            NodeKind::List(items) => self.list(items),
            NodeKind::Map(entries) => self.map(entries, node.at),
            NodeKind::Walk(walk) => {
                let value = self.walk(walk);
                // What failed may be passed over further up, where the variable has no value.
                self.locals.truncate(walk.local as usize);
                value
            }
            // Not by itself; and there is none in an expression that is evaluated.
            NodeKind::Unknown => fault(node.at, FaultKind::Field),
            _ => self.value(node),
        }
    }

    #[inline]
    fn attribute(&self, name: &str) -> Option<Val<'v>> {
        self.check?.get(name).map(Val::of)
    }

    #[inline]
    fn is_text(&self, name: &str, text: &str, equal: bool, at: Span) -> Result<bool> {
        match self.check.and_then(|check| check.get(name)) {
            Some(crate::context::value::Value::Str(found)) => {
                Ok(same(found.as_bytes(), text.as_bytes()) == equal)
            }
            Some(_) => Ok(!equal),
            None => fault(at, FaultKind::Attribute),
        }
    }

    /// `&&`, or `||` where it `is_any`. As CEL has it, an operand without an answer does not matter where another one decides.
    fn all(&mut self, operands: &'v [Node], is_any: bool) -> Result<bool> {
        let mut first_fault = None;
        for operand in operands {
            match self.test(operand) {
                Ok(value) if value == is_any => return Ok(is_any),
                Ok(_) => (),
                Err(fault) if fault.is_final() => return Err(fault),
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        first_fault.map_or(Ok(!is_any), Err)
    }

    fn context(&mut self, at: Span) -> Result<Val<'v>> {
        let Some(check) = self.check else { return fault(at, FaultKind::Attribute) };
        let entries: Arc<[Entry<'v>]> = check
            .attributes()
            .map(|(name, value)| (Val::Text(Text::Borrowed(name)), Val::of(value)))
            .collect();
        self.spend(entries.len(), at)?;
        Ok(Val::Map(Map::Own(entries)))
    }

    fn attribute_at(&mut self, name: &'v Node, at: Span) -> Result<Val<'v>> {
        match self.value(name)? {
            Val::Text(name) => match self.attribute(&name) {
                Some(value) => Ok(value),
                None => fault(at, FaultKind::Attribute),
            },
            _ => fault(at, FaultKind::Kind),
        }
    }

    fn path(&mut self, path: &Path, at: Span) -> Result<Val<'v>> {
        let mut name = &*path.full;
        loop {
            if let Some(value) = self.attribute(name) {
                let rest = path.full.get(name.len() + 1..).unwrap_or_default();
                return self.fields(value, rest, path.has, at);
            }
            match name.rsplit_once('.') {
                Some((before, _)) => name = before,
                None => return fault(at, FaultKind::Attribute),
            }
        }
    }

    /// Follows fields with dots between them, none if there is nothing.
    fn fields(&mut self, mut value: Val<'v>, fields: &str, has: bool, at: Span) -> Result<Val<'v>> {
        let mut fields = fields.split('.').filter(|field| !field.is_empty()).peekable();
        if fields.peek().is_none() && has {
            return Ok(Val::Bool(true));
        }
        while let Some(field) = fields.next() {
            value = self.field(&value, field, has && fields.peek().is_none(), at)?;
        }
        Ok(value)
    }

    fn field(&mut self, operand: &Val<'v>, field: &str, has: bool, at: Span) -> Result<Val<'v>> {
        let Val::Map(map) = operand else { return fault(at, FaultKind::Kind) };
        self.spend(map.len() / 16, at)?;
        match map.field(field) {
            found if has => Ok(Val::Bool(found.is_some())),
            Some(value) => Ok(value),
            None => fault(at, FaultKind::Field),
        }
    }

    fn index(&mut self, operand: &'v Node, index: &'v Node, at: Span) -> Result<Val<'v>> {
        let operand = self.value(operand)?;
        let index = self.value(index)?;
        match &operand {
            Val::List(list) => {
                let place = match &index {
                    Val::Int(place) => usize::try_from(*place).ok(),
                    Val::UInt(place) => usize::try_from(*place).ok(),
                    Val::Float(_) => match convert::to(Type::UInt, index.clone()) {
                        Some(Val::UInt(place))
                            if index.order(&Val::UInt(place)) == Ok(Some(Ordering::Equal)) =>
                        {
                            usize::try_from(place).ok()
                        }
                        _ => None,
                    },
                    _ => return fault(at, FaultKind::Kind),
                };
                place.and_then(|place| list.get(place)).map_or_else(|| fault(at, FaultKind::Index), Ok)
            }
            Val::Map(map) => {
                if let Val::Text(name) = &index {
                    self.spend(map.len() / 16, at)?;
                    return map.field(name).map_or_else(|| fault(at, FaultKind::Field), Ok);
                }
                let found = self.find_key(map, &index, at)?;
                found.map_or_else(|| fault(at, FaultKind::Field), Ok)
            }
            _ => fault(at, FaultKind::Kind),
        }
    }

    fn find_key(&mut self, map: &Map<'v>, key: &Val<'v>, at: Span) -> Result<Option<Val<'v>>> {
        if !matches!(key, Val::Text(_) | Val::Bool(_)) && key.number().is_none() {
            return fault(at, FaultKind::Kind);
        }
        for place in 0..map.len() {
            self.spend(1, at)?;
            let Some((known, value)) = map.get(place) else { continue };
            if self.equal(&known, key, DEEPEST_VALUE, at)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn compare(&mut self, operator: Comparison, sides: &'v (Node, Node), at: Span) -> Result<bool> {
        let one = self.value(&sides.0)?;
        let other = match &sides.1.kind {
            // Most compare with a number.
            NodeKind::Constant(Val::Int(number)) => Val::Int(*number),
            _ => self.value(&sides.1)?,
        };
        let wanted: fn(Ordering) -> bool = match operator {
            Comparison::Equal => return self.equal(&one, &other, DEEPEST_VALUE, at),
            Comparison::NotEqual => return Ok(!self.equal(&one, &other, DEEPEST_VALUE, at)?),
            Comparison::In => return self.contains(&other, &one, at),
            Comparison::Less => Ordering::is_lt,
            Comparison::LessOrEqual => Ordering::is_le,
            Comparison::Greater => Ordering::is_gt,
            Comparison::GreaterOrEqual => Ordering::is_ge,
        };
        if let Val::Text(text) = &one {
            self.spend_on(text, at)?;
        }
        let order = one.order(&other).or_else(|kind| fault(at, kind))?;
        Ok(order.is_some_and(wanted))
    }

    /// Whether two values are the same. Numbers are by their worth, whatever holds them; values of other kinds differ.
    fn equal(&mut self, one: &Val<'v>, other: &Val<'v>, deepest: u32, at: Span) -> Result<bool> {
        self.spend(1, at)?;
        let Some(deepest) = deepest.checked_sub(1) else { return fault(at, FaultKind::Steps) };
        match (one, other) {
            (Val::Null, Val::Null) => Ok(true),
            (Val::Text(one), Val::Text(other)) => {
                self.spend_on(one, at)?;
                Ok(**one == **other)
            }
            (Val::Type(one), Val::Type(other)) => Ok(one == other),
            (Val::List(one), Val::List(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for place in 0..one.len() {
                    let (Some(one), Some(other)) = (one.get(place), other.get(place)) else {
                        return Ok(false);
                    };
                    if !self.equal(&one, &other, deepest, at)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Val::Map(one), Val::Map(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for place in 0..one.len() {
                    let Some((key, value)) = one.get(place) else { return Ok(false) };
                    let Some(found) = self.find_key(other, &key, at)? else { return Ok(false) };
                    if !self.equal(&value, &found, deepest, at)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(one.order(other) == Ok(Some(Ordering::Equal))),
        }
    }

    /// `item in container`.
    fn contains(&mut self, container: &Val<'v>, item: &Val<'v>, at: Span) -> Result<bool> {
        match container {
            Val::List(list) => {
                for place in 0..list.len() {
                    let Some(known) = list.get(place) else { continue };
                    if self.equal(&known, item, DEEPEST_VALUE, at)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Val::Map(map) => Ok(self.find_key(map, item, at)?.is_some()),
            _ => fault(at, FaultKind::Kind),
        }
    }

    fn sum(&mut self, first: &'v Node, rest: &'v [(Arithmetic, Node)], at: Span) -> Result<Val<'v>> {
        let mut sum = self.value(first)?;
        for (operator, node) in rest {
            let next = self.value(node)?;
            self.spend(1, at)?;
            sum = match (&sum, &next) {
                (Val::Text(one), Val::Text(other)) if *operator == Arithmetic::Add => {
                    // What is made takes memory, too.
                    self.spend((one.len() + other.len()) / 16, at)?;
                    Val::text([&**one, &**other].concat())
                }
                (Val::List(one), Val::List(other)) if *operator == Arithmetic::Add => {
                    self.spend(one.len() + other.len(), at)?;
                    let items =
                        |list: &List<'v>| (0..list.len()).filter_map(|at| list.get(at)).collect::<Vec<_>>();
                    Val::list([items(one), items(other)].concat())
                }
                _ => arithmetic::apply(*operator, &sum, &next).or_else(|kind| fault(at, kind))?,
            };
        }
        Ok(sum)
    }

    fn list(&mut self, items: &'v [Node]) -> Result<Val<'v>> {
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            list.push(self.value(item)?);
        }
        Ok(Val::list(list))
    }

    fn map(&mut self, entries: &'v [(Node, Node)], at: Span) -> Result<Val<'v>> {
        let mut map: Vec<Entry<'v>> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.value(key)?;
            if !matches!(key, Val::Text(_) | Val::Bool(_) | Val::Int(_) | Val::UInt(_)) {
                return fault(at, FaultKind::Key);
            }
            for (known, _) in &map {
                if self.equal(known, &key, DEEPEST_VALUE, at)? {
                    return fault(at, FaultKind::Key);
                }
            }
            map.push((key, self.value(value)?));
        }
        Ok(Val::Map(Map::Own(map.into())))
    }

    fn walk(&mut self, walk: &'v Walk<Node>) -> Result<Val<'v>> {
        let range = self.value(&walk.range)?;
        let at = walk.range.at;
        let length = match &range {
            Val::List(list) => list.len(),
            Val::Map(map) => map.len(),
            _ => return fault(at, FaultKind::Kind),
        };
        // Further in than the variables of the macros around.
        self.locals.truncate(walk.local as usize);
        self.locals.push(Val::Null);
        let (mut found, mut count, mut first_fault) = (Vec::new(), 0_usize, None);
        for place in 0..length {
            self.spend(1, at)?;
            let item = match &range {
                Val::List(list) => list.get(place),
                Val::Map(map) => map.get(place).map(|(key, _)| key),
                _ => None,
            };
            let Some(item) = item else { continue };
            if let Some(local) = self.locals.get_mut(walk.local as usize) {
                *local = item.clone();
            }
            match walk.kind {
                WalkKind::All | WalkKind::Exists => match self.test(&walk.body) {
                    Ok(value) if value == (walk.kind == WalkKind::Exists) => return Ok(Val::Bool(value)),
                    Ok(_) => (),
                    Err(fault) if fault.is_final() => return Err(fault),
                    Err(fault) => first_fault = first_fault.or(Some(fault)),
                },
                WalkKind::ExistsOne => count += usize::from(self.test(&walk.body)?),
                WalkKind::Filter => {
                    if self.test(&walk.body)? {
                        found.push(item);
                    }
                }
                WalkKind::Map => {
                    let is_wanted = match &walk.filter {
                        Some(filter) => self.test(filter)?,
                        None => true,
                    };
                    if is_wanted {
                        found.push(self.value(&walk.body)?);
                    }
                }
            }
        }
        match (walk.kind, first_fault) {
            (_, Some(fault)) => Err(fault),
            (WalkKind::All, None) => Ok(Val::Bool(true)),
            (WalkKind::Exists, None) => Ok(Val::Bool(false)),
            (WalkKind::ExistsOne, None) => Ok(Val::Bool(count == 1)),
            (WalkKind::Map | WalkKind::Filter, None) => Ok(Val::list(found)),
        }
    }

    fn matches(&mut self, text: &'v Node, pattern: &Pattern) -> Result<bool> {
        let at = text.at;
        match self.value(text)? {
            Val::Text(text) => {
                self.spend_on(&text, at)?;
                Ok(pattern.matches(&text))
            }
            _ => fault(at, FaultKind::Kind),
        }
    }

    fn in_network(&mut self, address: &'v Node, network: Network) -> Result<bool> {
        let at = address.at;
        match self.value(address)? {
            Val::Text(text) => network.contains(&text).map_or_else(|| fault(at, FaultKind::Unreadable), Ok),
            _ => fault(at, FaultKind::Kind),
        }
    }
}

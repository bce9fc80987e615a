//! Conditions in the words of a dialect.

mod attribute;
mod key;
mod number;
mod time;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use novi::{
    activation::sql::{Expression, Node, Place, Refusal, VariantExpression, VariantNode},
    context::{Context, Value},
    snapshot::FlagSql,
};
use serde::Serialize;

use crate::{
    columns::{Column, ColumnType, Columns},
    dialect::Dialect,
    infer::Attributes,
};

/// The attribute that takes precedence over the clock.
const CLOCK: &str = "currentDateTime";

/// How a flag is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database that it is for.
    pub dialect: Dialect,
    /// The columns of attributes.
    pub columns: Columns,
    /// The time that is evaluated; `None` is the clock of the database.
    pub at: Option<DateTime<Utc>>,
    /// Whether the variant is wanted as well.
    pub variant: bool,
    /// The table with the variants that units keep, with a schema before it if there are two parts; `None` if the
    /// database does not have it.
    pub assignments: Option<Vec<String>>,
}

impl Options {
    /// For a database, with columns that are named as the attributes, at the time of its clock, without the
    /// variant and without the table of assignments.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, columns: Columns::default(), at: None, variant: false, assignments: None }
    }
}

/// A flag in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rendered {
    /// Whether the flag is on: never null, and in parentheses where other words can be next to it.
    pub on: String,
    /// The variant, or null if the caller has none; if it was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The attributes that it reads.
    pub attributes: Vec<AttributeColumn>,
}

/// An attribute that a condition reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeColumn {
    /// The name of the attribute.
    pub attribute: String,
    /// The column, as it is written.
    pub column: String,
    /// The type that the column is taken to have.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Whether the type is declared.
    pub declared: bool,
}

impl AttributeColumn {
    /// The type in words: "text or integer".
    #[must_use]
    pub const fn type_words(&self) -> &'static str {
        self.kind.words()
    }
}

/// Writes a flag in SQL.
///
/// # Errors
/// Everything that the dialect cannot state, or cannot state without more about the columns.
pub fn render(flag: &FlagSql, options: &Options) -> Result<Rendered, Vec<Refusal>> {
    let mut attributes = Attributes::default();
    attributes.add(&flag.on);
    if options.variant {
        attributes.add_variant(&flag.variant);
    }
    let place = Place { flag: flag.flag.clone(), ..Place::default() };
    let mut writer = Writer {
        options,
        base: &flag.base,
        attributes,
        place: Arc::new(place),
        refusals: Vec::new(),
        read: BTreeMap::new(),
    };
    let on = writer.expression(&flag.on);
    // The variant has the same parts, and would refuse them again.
    let is_wanted = options.variant && writer.refusals.is_empty();
    let variant = is_wanted.then(|| writer.variant(&flag.variant));
    if writer.refusals.is_empty() {
        let on = if is_atomic(&on) { on } else { format!("({on})") };
        return Ok(Rendered { on, variant, attributes: writer.read.into_values().flatten().collect() });
    }
    Err(writer.refusals)
}

/// Where the value of an attribute comes from.
#[derive(Clone, Debug)]
struct Operand {
    sql: String,
    kind: ColumnType,
}

struct Writer<'a> {
    options: &'a Options,
    base: &'a Context<'static>,
    attributes: Attributes,
    /// The activation that is written.
    place: Arc<Place>,
    refusals: Vec<Refusal>,
    /// The attributes that were read; `None` for those of the static context.
    read: BTreeMap<String, Option<AttributeColumn>>,
}

impl Writer<'_> {
    fn dialect(&self) -> Dialect {
        self.options.dialect
    }

    /// Notes what cannot be written. The result stands for it, and is never used.
    fn refuse(&mut self, path: &str, message: impl Into<String>) -> String {
        let refusal =
            Refusal { place: (*self.place).clone(), path: path.to_owned(), message: message.into() };
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
        String::new()
    }

    /// A condition, in parentheses if other words can be next to it.
    fn operand(&mut self, expression: &Expression) -> String {
        let sql = self.expression(expression);
        match inner(expression).node() {
            Node::All(_) | Node::Any(_) | Node::AtLeast(..) | Node::Not(_) => format!("({sql})"),
            _ => sql,
        }
    }

    fn joined(&mut self, list: &[Expression], word: &str) -> String {
        list.iter().map(|one| self.operand(one)).collect::<Vec<_>>().join(word)
    }

    fn expression(&mut self, expression: &Expression) -> String {
        match expression.node() {
            Node::Constant(value) => value.to_string(),
            Node::All(list) => self.joined(list, " and "),
            Node::Any(list) => self.joined(list, " or "),
            Node::Not(inner) => format!("not ({})", self.expression(inner)),
            Node::AtLeast(count, list) => {
                let number = |one| format!("case when {} then 1 else 0 end", self.expression(one));
                let sum: Vec<String> = list.iter().map(number).collect();
                format!("{} >= {count}", sum.join(" + "))
            }
            Node::Choose(cases, otherwise) => {
                let case = |(when, then): &(Expression, Expression)| {
                    format!("when {} then {}", self.expression(when), self.operand(then))
                };
                let cases: Vec<String> = cases.iter().map(case).collect();
                format!("case {} else {} end", cases.join(" "), self.operand(otherwise))
            }
            Node::Attribute(name, test) => self.test(name, test),
            Node::Clock(from, to) => self.clock(*from, *to),
            Node::Week(ranges) => self.week(ranges),
            Node::Rising(draw, rise) => self.rising(draw, rise),
            Node::Remembered(key, experiment, variants) => self.remembered(key, experiment, variants),
            Node::Member(key, members) => self.member(key, members),
            Node::Draw(draw, ranges) => self.draw(draw, ranges),
            Node::Of(place, inner) => {
                let before = std::mem::replace(&mut self.place, Arc::clone(place));
                let sql = self.expression(inner);
                self.place = before;
                sql
            }
        }
    }

    fn variant(&mut self, variant: &VariantExpression) -> String {
        match variant.node() {
            VariantNode::Constant(None) => "null".to_owned(),
            VariantNode::Constant(Some(name)) => match self.dialect().text(name) {
                Some(text) => text,
                None => {
                    self.refuse("", format!("a string of {} cannot be the variant {name:?}", self.dialect()))
                }
            },
            VariantNode::Case(cases) => {
                let case = |(when, then): &(Expression, VariantExpression)| {
                    format!("when {} then {}", self.expression(when), self.variant(then))
                };
                let cases: Vec<String> = cases.iter().map(case).collect();
                format!("case {} end", cases.join(" "))
            }
            VariantNode::First(list) => {
                let list: Vec<String> = list.iter().map(|one| self.variant(one)).collect();
                format!("coalesce({})", list.join(", "))
            }
        }
    }

    /// Where the value of an attribute comes from: its column, or else the static context. `None` after
    /// refusing it.
    fn attribute(&mut self, name: &str) -> Option<Operand> {
        let (column, base) =
            (self.options.columns.get(name), self.base.get(name).filter(|value| !value.is_null()));
        let Some(base) = base else { return self.column(name, column) };
        if column.is_some() {
            self.refuse(
                "",
                format!("{name:?} is an attribute of [context] as well; write it into the column, and delete it there"),
            );
            return None;
        }
        let (kind, sql) = match base {
            Value::Str(text) => (ColumnType::Text, self.dialect().text(text)),
            Value::Bool(value) => (ColumnType::Boolean, Some(value.to_string())),
            value => (ColumnType::Number, number::literal(value)),
        };
        self.read.insert(name.to_owned(), None);
        let Some(sql) = sql else {
            self.refuse("", format!("{name:?} of [context] is neither text nor a number nor a boolean"));
            return None;
        };
        Some(Operand { sql, kind })
    }

    fn column(&mut self, name: &str, declared: Option<&Column>) -> Option<Operand> {
        let path = declared.map_or_else(|| vec![name.to_owned()], |column| column.path.clone());
        let Some(sql) = self.dialect().path(&path) else {
            self.refuse("", format!("no column can have the name {name:?}; name its column with --columns"));
            return None;
        };
        let inferred = || self.attributes.0.get(name).copied().unwrap_or_default().column_type();
        let kind = declared.and_then(|column| column.kind).map_or_else(inferred, Ok);
        let kind = match kind {
            Ok(kind) => kind,
            Err(uses) => {
                self.refuse(
                    "",
                    format!(
                        "{name:?} is compared with {uses}; declare the type of its column, as in --columns {name}:{}",
                        if uses == "times" { "instant" } else { "text" }
                    ),
                );
                return None;
            }
        };
        let is_declared = declared.is_some_and(|column| column.kind.is_some());
        let read =
            AttributeColumn { attribute: name.to_owned(), column: sql.clone(), kind, declared: is_declared };
        self.read.insert(name.to_owned(), Some(read));
        Some(Operand { sql, kind })
    }
}

/// The condition without notes of where it is.
fn inner(expression: &Expression) -> &Expression {
    let mut expression = expression;
    while let Node::Of(_, inner) = expression.node() {
        expression = inner;
    }
    expression
}

/// Whether a condition is one word, one call or in one pair of parentheses, so that it stays whole after `not`
/// and beside `and`, whatever the dialect binds tighter.
fn is_atomic(sql: &str) -> bool {
    let rest =
        sql.trim_start_matches(|character: char| character.is_ascii_alphanumeric() || character == '_');
    if rest.is_empty() {
        return !sql.is_empty();
    }
    if !rest.starts_with('(') {
        return false;
    }
    let (mut depth, mut quote) = (0_usize, None);
    for (place, character) in rest.char_indices() {
        match (quote, character) {
            // A quote within quotes is doubled: it ends them, and begins them again.
            (Some(open), character) if open == character => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return place + 1 == rest.len();
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::is_atomic;

    #[test]
    fn parts_of_conditions_are_not_atomic() {
        for whole in ["true", "coalesce(a = ')', false)", "(a or (b))", "coalesce(\"a)\" = 'it''s )', false)"]
        {
            assert!(is_atomic(whole), "{whole}");
        }
        for parts in
            ["", "a is null", "f(a) or f(b)", "(a) and (b)", "not (a)", "\"a\" > 1", "f('(') = g(')')"]
        {
            assert!(!is_atomic(parts), "{parts}");
        }
    }
}

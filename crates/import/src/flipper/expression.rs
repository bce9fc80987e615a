//! Expressions: functions by their names, with lists of arguments.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use novi_files::Tree;

use super::{
    gates::percentage,
    property::{Operand, Sign, compared},
};
use crate::{
    budget::Budget,
    config::{always, and, attribute, fields, inline, not, or, text},
    options::Options,
};

/// Translates the expression of one feature.
#[derive(Debug)]
pub(super) struct Expressions<'a> {
    pub(super) differences: Vec<String>,
    flag: &'a str,
    names: &'a [&'a str],
    options: &'a Options,
    budget: Budget,
}

impl<'a> Expressions<'a> {
    /// `names` are sorted.
    pub(super) fn new(flag: &'a str, names: &'a [&'a str], options: &'a Options) -> Self {
        Self { differences: Vec::new(), flag, names, options, budget: Budget::default() }
    }

    /// Whether the value of an expression is neither false nor nil.
    pub(super) fn condition(&mut self, source: &Tree) -> Result<Tree, String> {
        match source {
            Tree::Bool(value) => return Ok(always(*value)),
            Tree::String(_) | Tree::Number(_) => return Ok(always(true)),
            _ => (),
        }
        self.budget.enter()?;
        let (function, arguments) = function(source)?;
        let found = self.function(function, arguments);
        self.budget.leave();
        found
    }

    fn function(&mut self, function: &str, arguments: &[Tree]) -> Result<Tree, String> {
        match (function, arguments) {
            ("All", _) => Ok(and(self.conditions(arguments)?)),
            ("Any", _) => Ok(or(self.conditions(arguments)?)),
            ("Property", [name]) => {
                let name = self.attribute(name)?;
                let is_false = attribute(name, "equals", Tree::Bool(false));
                Ok(and([attribute(name, "exists", Tree::Bool(true)), not(is_false)]))
            }
            ("Boolean", [value]) => match value {
                Tree::Bool(_) | Tree::String(_) | Tree::Number(_) => {
                    let is_true = matches!(value.to_json().as_str(), "true" | "\"true\"" | "1" | "\"1\"");
                    Ok(always(is_true))
                }
                _ => match property(value) {
                    Some(name) => {
                        let values = [Tree::Bool(true), Tree::Number(1.into()), text("true"), text("1")];
                        Ok(attribute(self.attribute(name)?, "in", Tree::List(values.into())))
                    }
                    None => self.condition(value),
                },
            },
            ("FeatureEnabled", [Tree::String(name)]) => {
                let exists = name != self.flag && self.names.binary_search(&name.as_str()).is_ok();
                Ok(if exists { inline("novi.flag", fields([("flag", text(name))])) } else { always(false) })
            }
            ("PercentageOfActors", [of, share]) => {
                let by = property(of).ok_or("PercentageOfActors of what is no property")?;
                let by = self.attribute(by)?.to_owned();
                if by != self.options.by {
                    self.differences.push(format!(
                        "callers without `{by}` are not in its PercentageOfActors; in Flipper they all share one place"
                    ));
                }
                Ok(percentage(share_of(share)?, self.flag, self.flag, &by))
            }
            (_, [left, right]) => match Sign::of(function) {
                Some(sign) => self.comparison(sign, left, right),
                None => Err(unknown(function)),
            },
            _ => Err(unknown(function)),
        }
    }

    fn conditions(&mut self, list: &[Tree]) -> Result<Vec<Tree>, String> {
        list.iter().map(|item| self.condition(item)).collect()
    }

    fn comparison(&mut self, sign: Sign, left: &Tree, right: &Tree) -> Result<Tree, String> {
        if function(left).is_ok_and(|(name, _)| name == "Now") {
            return self.window(sign, right);
        }
        if function(right).is_ok_and(|(name, _)| name == "Now") {
            return self.window(sign.mirrored(), left);
        }
        let (sign, operand, constant) =
            if is_constant(right) { (sign, left, right) } else { (sign.mirrored(), right, left) };
        if !is_constant(constant) {
            return Err("only properties can be compared, with constants".to_owned());
        }
        let (name, arguments) = function(operand)?;
        let operand = match (name, arguments) {
            ("Property", [name]) => Operand::Property(self.attribute(name)?),
            ("String", [inner]) if property(inner).is_some() => {
                Operand::String(self.attribute(property(inner).unwrap_or(inner))?)
            }
            ("Number", [inner]) if property(inner).is_some() => {
                self.differences.push(
                    "a property that is no number has none here, and counts as 0 in Flipper".to_owned(),
                );
                Operand::Number(self.attribute(property(inner).unwrap_or(inner))?)
            }
            // What is true or false.
            ("All" | "Any" | "Boolean" | "FeatureEnabled" | "PercentageOfActors", _) => {
                let condition = self.condition(operand)?;
                return match (sign, constant) {
                    (Sign::Equal, Tree::Bool(true)) | (Sign::NotEqual, Tree::Bool(false)) => Ok(condition),
                    (Sign::Equal, Tree::Bool(false)) | (Sign::NotEqual, Tree::Bool(true)) => {
                        Ok(not(condition))
                    }
                    _ => Err(format!("{name} can only be compared with true and false")),
                };
            }
            _ => return Err(unknown(name)),
        };
        compared(sign, &operand, constant)
    }

    /// The time of the evaluation, before or after an instant.
    fn window(&mut self, sign: Sign, limit: &Tree) -> Result<Tree, String> {
        let (name, arguments) = function(limit)?;
        let [limit] = arguments else { return Err(unknown(name)) };
        if name != "Time" {
            return Err("Now can only be compared with Time".to_owned());
        }
        let field = match sign {
            Sign::Greater | Sign::GreaterOrEqual => "startDateTime",
            Sign::Less | Sign::LessOrEqual => "endDateTime",
            Sign::Equal => return Ok(always(false)),
            Sign::NotEqual => return Ok(always(true)),
        };
        let instant = self.instant(limit).ok_or_else(|| {
            format!("Time: expected a time such as 2026-12-01T00:00:00Z, found {}", limit.to_json())
        })?;
        let instant = text(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        Ok(inline("novi.date_time", fields([(field, instant)])))
    }

    fn instant(&mut self, limit: &Tree) -> Option<DateTime<Utc>> {
        if let Tree::Number(seconds) = limit {
            return DateTime::from_timestamp(seconds.as_i64()?, 0);
        }
        let value = limit.as_str()?;
        if let Ok(instant) = DateTime::parse_from_rfc3339(value) {
            return Some(instant.to_utc());
        }
        let date = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?;
        self.differences
            .push(format!("{value} starts at 00:00 UTC; in Flipper, in the time zone of the server"));
        Some(date.and_utc())
    }

    /// The attribute of a property.
    fn attribute<'s>(&'s self, name: &'s Tree) -> Result<&'s str, String>
    where
        'a: 's,
    {
        match name.as_str() {
            Some("flipper_id") => Ok(&self.options.by),
            Some(name) if !name.is_empty() => Ok(name),
            _ => Err("Property: expected a name".to_owned()),
        }
    }
}

/// The name of a function, and its arguments, which are a list or one of them.
fn function(source: &Tree) -> Result<(&str, &[Tree]), String> {
    match source.as_fields() {
        Some([(name, Tree::List(arguments))]) => Ok((name, arguments)),
        Some([(name, argument)]) => Ok((name, std::slice::from_ref(argument))),
        _ => Err("expected an object with one function".to_owned()),
    }
}

fn property(source: &Tree) -> Option<&Tree> {
    match function(source) {
        Ok(("Property", [name])) => Some(name),
        _ => None,
    }
}

fn is_constant(value: &Tree) -> bool {
    matches!(value, Tree::String(_) | Tree::Number(_) | Tree::Bool(_))
}

/// A percentage: a number, or the function `Percentage` of one, which limits it.
fn share_of(source: &Tree) -> Result<f64, String> {
    let share = match function(source) {
        Ok(("Percentage", [share])) => share,
        _ => source,
    };
    let share = share.as_f64().ok_or("expected a percentage as a number")?;
    Ok(share.clamp(0.0, 100.0))
}

fn unknown(function: &str) -> String {
    format!("the function `{function}` has no equivalent here")
}

//! A config as the fields of its form.

use crate::forms::{
    fields::{Fields, MOST_ROWS, member, row},
    json, line, moment,
    shape::{Hint, KIND, Kinds, Member, Shape},
    types::Types,
};

/// The most inline activations that have a form of their own, and how deep they can be in each other.
const MOST_CHILDREN: usize = 64;
pub(super) const DEEPEST: usize = 5;

pub(super) struct Filler<'a> {
    types: &'a Types<'a>,
    fields: Fields,
    children: usize,
}

/// The fields of a value.
pub(super) fn fill(types: &Types<'_>, shape: &Shape, name: &str, raw: Option<&str>, depth: usize) -> Fields {
    let mut filler = Filler { types, fields: Fields::default(), children: 0 };
    filler.fill(shape, name, raw.filter(|raw| !raw.trim().is_empty()), depth);
    filler.fields
}

impl Filler<'_> {
    fn fill(&mut self, shape: &Shape, name: &str, raw: Option<&str>, depth: usize) {
        let present = raw.filter(|raw| !json::is_null(raw));
        if self.fits(shape, name, present, depth).is_none() {
            // It is not of the shape, or the inputs cannot have it.
            self.fields.take(name);
            self.fields.set_part(name, "is", "json");
            let shown = |raw: &str| if json::is_valid(raw) { json::pretty(raw) } else { raw.to_owned() };
            self.fields.set(name, raw.map(shown).unwrap_or_default());
        }
    }

    /// `None` if the inputs of the shape cannot have the value.
    fn fits(&mut self, shape: &Shape, name: &str, raw: Option<&str>, depth: usize) -> Option<()> {
        match shape {
            Shape::Text(hint @ (Hint::Time | Hint::ZonedTime)) => {
                let text = raw.map_or_else(|| Some(String::new()), json::string)?;
                let has_zone = *hint == Hint::ZonedTime;
                let parts =
                    if text.is_empty() { Some(Default::default()) } else { moment::split(&text, has_zone) };
                if let Some((date, time, offset)) = parts {
                    for (part, value) in [("date", date), ("time", time), ("zone", offset)] {
                        self.fields.set_part(name, part, value);
                    }
                } else {
                    let text = Some(text).filter(|text| is_line(text))?;
                    self.fields.set_part(name, "is", "text");
                    self.fields.set(name, text);
                }
            }
            Shape::Text(hint) => {
                let text = raw.map_or_else(|| Some(String::new()), json::string)?;
                let lines_are_shown = *hint == Hint::Code && !text.contains('\r');
                let text = Some(text).filter(|text| {
                    is_line(&text.replace(['\n', '\t'], "")) && (lines_are_shown || is_line(text))
                })?;
                self.fields.set(name, text);
            }
            Shape::Number(_) => {
                let number = raw.map_or(Some(""), |raw| {
                    serde_json::from_str::<serde_json::Number>(raw).ok().map(|_| raw)
                })?;
                self.fields.set(name, number);
            }
            Shape::Truth(default) => {
                let is_true = raw.map_or(Some(*default), |raw| serde_json::from_str(raw).ok())?;
                if is_true {
                    self.fields.set(name, "1");
                }
            }
            Shape::Choice { names, .. } => {
                let chosen = match raw {
                    None => String::new(),
                    Some(raw @ ("true" | "false")) => raw.to_owned(),
                    Some(raw) => json::string(raw)?,
                };
                (chosen.is_empty() || names.contains(&chosen)).then(|| self.fields.set(name, chosen))?;
            }
            Shape::Literal(kinds) => {
                let line = raw.map_or(Some(String::new()), |raw| line::of(raw, *kinds))?;
                self.fields.set(name, line);
            }
            Shape::Lines { kinds, may_be_single, hint, .. } => {
                let lines =
                    raw.map_or(Some(String::new()), |raw| lines(raw, *kinds, *may_be_single, *hint))?;
                self.fields.set(name, lines);
            }
            Shape::Map(value) => self.map(value, name, raw, depth)?,
            Shape::Group(_) => self.group(shape, name, raw, depth)?,
            Shape::List(item) => {
                let items = raw.map_or(Some(Vec::new()), json::items)?;
                let count = items.len() + item.spare();
                (count <= MOST_ROWS).then_some(())?;
                self.fields.set_part(name, "n", count.to_string());
                for number in 0..count {
                    let (row, raw) = (row(name, number), items.get(number).copied());
                    self.fill(item, &row, raw, depth + 1);
                    self.fields.set_part(&row, "b", raw.map(|_| number.to_string()).unwrap_or_default());
                }
            }
            Shape::Child => self.child(name, raw, depth)?,
            Shape::Either(branches) => {
                let place = match raw {
                    None => 0,
                    Some(raw) => branches.iter().position(|branch| is_like(branch, raw))?,
                };
                self.fields.set_part(name, "is", place.to_string());
                self.fill(branches.get(place)?, &member(name, "is"), raw, depth + 1);
            }
            Shape::OneOf(members) => self.one_of(members, name, raw, depth)?,
            Shape::Json => {
                self.fields.set(name, raw.map(json::pretty).unwrap_or_default());
            }
        }
        Some(())
    }

    fn map(&mut self, value: &Shape, name: &str, raw: Option<&str>, depth: usize) -> Option<()> {
        let members = raw.map_or(Some(Vec::new()), json::members)?;
        let count = members.len() + value.spare();
        let is_shown = |key: &String| !key.is_empty() && is_line(key);
        (count <= MOST_ROWS && members.iter().all(|(key, _)| is_shown(key))).then_some(())?;
        self.fields.set_part(name, "n", count.to_string());
        for number in 0..count {
            let (key, raw) = members.get(number).map(|(key, raw)| (key.as_str(), *raw)).unzip();
            let row = row(name, number);
            self.fields.set_part(&row, "key", key.unwrap_or_default());
            self.fill(value, &row, raw, depth + 1);
        }
        Some(())
    }

    fn group(&mut self, shape: &Shape, name: &str, raw: Option<&str>, depth: usize) -> Option<()> {
        let Shape::Group(known) = shape else { return None };
        let members = raw.map_or(Some(Vec::new()), json::members)?;
        let mut rest = Vec::new();
        for (found, raw) in &members {
            if !known.iter().any(|member| member.name == *found) {
                rest.push((found.clone(), (*raw).to_owned()));
            }
        }
        for found in known {
            let raw = members.iter().find(|(name, _)| *name == found.name).map(|(_, raw)| *raw);
            self.fill(&found.shape, &member(name, &found.name), raw, depth + 1);
        }
        if !rest.is_empty() {
            self.fields.set_part(name, "rest", json::pretty(&json::object(&rest)));
        }
        Some(())
    }

    fn one_of(&mut self, members: &[Member], name: &str, raw: Option<&str>, depth: usize) -> Option<()> {
        let inside = raw.and_then(json::members);
        let (chosen, raw) = match inside.as_deref() {
            Some([(found, raw)]) => (members.iter().find(|member| member.name == *found)?, Some(*raw)),
            Some(_) => return None,
            None => {
                let fits = |member: &&Member| raw.is_none_or(|raw| stands_for(&member.shape, raw));
                (members.iter().find(fits)?, raw)
            }
        };
        let kind = match (&chosen.shape, raw) {
            (_, None) => "",
            (Shape::Truth(_), Some(raw @ ("true" | "false"))) => raw,
            (Shape::Truth(_), Some(_)) => return None,
            _ => &chosen.name,
        };
        self.fields.set_part(name, KIND, kind);
        let shown = Member::of_kind(members, kind).filter(|member| !matches!(member.shape, Shape::Truth(_)));
        if let Some(shown) = shown {
            self.fill(&shown.shape, &member(name, &shown.name), raw, depth + 1);
        }
        Some(())
    }

    fn child(&mut self, name: &str, raw: Option<&str>, depth: usize) -> Option<()> {
        let Some(raw) = raw else {
            self.fields.set_part(name, "is", "");
            return Some(());
        };
        if serde_json::from_str::<i64>(raw).is_ok() {
            self.fields.set_part(name, "is", "id");
            self.fields.set(name, raw);
            return Some(());
        }
        let members = json::members(raw)?;
        let get = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, raw)| *raw);
        let class = json::string(get("class_name")?)?;
        let is_plain = members.iter().all(|(name, _)| matches!(name.as_str(), "class_name" | "config"));
        let shape = self.types.shape(&class).filter(|_| is_plain && depth < DEEPEST * 4)?;
        self.children += 1;
        (self.children <= MOST_CHILDREN).then_some(())?;
        self.fields.set_part(name, "is", "inline");
        self.fields.set_part(name, "class", class);
        self.fill(&shape, &member(name, "config"), get("config"), depth + 4);
        Some(())
    }
}

/// Whether an input of one line has the text as it is.
fn is_line(text: &str) -> bool {
    !text.contains(char::is_control)
}

/// A list, or a single value, as lines.
fn lines(raw: &str, kinds: Kinds, may_be_single: bool, hint: Hint) -> Option<String> {
    let items = match json::items(raw) {
        Some(items) => items,
        None if may_be_single => vec![raw],
        None => return None,
    };
    let lines = items.into_iter().map(|item| line::of(item, kinds)).collect::<Option<Vec<String>>>()?;
    if hint.is_names() {
        // Names are in one line, which suggests known ones.
        let is_name = |line: &String| !line.contains(',') && !line.starts_with('"');
        return lines.iter().all(is_name).then(|| lines.join(", "));
    }
    Some(lines.join("\n"))
}

/// Whether a scalar stands for the member with a shape.
fn stands_for(shape: &Shape, raw: &str) -> bool {
    match shape {
        Shape::Text(_) => json::string(raw).is_some(),
        Shape::Truth(_) => matches!(raw, "true" | "false"),
        Shape::Child => serde_json::from_str::<i64>(raw).is_ok(),
        _ => false,
    }
}

/// Whether a value looks like one of a shape.
fn is_like(shape: &Shape, raw: &str) -> bool {
    match shape {
        Shape::List(_) | Shape::Lines { .. } => json::items(raw).is_some(),
        Shape::Map(_) => json::members(raw).is_some(),
        Shape::Group(members) => json::members(raw).is_some_and(|found| {
            let is_there = |name: &str| found.iter().any(|(found, _)| found == name);
            members.iter().filter(|member| member.is_required).all(|member| is_there(&member.name))
        }),
        Shape::Child => serde_json::from_str::<i64>(raw).is_ok() || json::members(raw).is_some(),
        Shape::Number(_) => serde_json::from_str::<serde_json::Number>(raw).is_ok(),
        Shape::Truth(_) => serde_json::from_str::<bool>(raw).is_ok(),
        Shape::Text(_) | Shape::Choice { .. } => json::string(raw).is_some(),
        Shape::Literal(_) | Shape::Either(_) | Shape::OneOf(_) | Shape::Json => true,
    }
}

//! The fields of a form as a config. What was not changed stays as it was, byte for byte.

use novi::builtin::skipped_time;

use crate::{
    api::Problem,
    forms::{
        fields::{Fields, ROOT, member, pointer, row},
        fill::{DEEPEST, fill},
        json, line, moment,
        shape::{Hint, KIND, Kinds, Member, Shape},
        types::Types,
    },
};

/// What a form says.
pub(crate) struct Read {
    /// The config as JSON text. `None` if there is none.
    pub(crate) config: Option<String>,
    /// Problems that leave no JSON to send, by the names of their fields.
    pub(crate) problems: Vec<(String, String)>,
    /// The JSON pointers of the config, and the names of their fields.
    places: Vec<(String, String)>,
}

impl Read {
    /// Reads a form that was drawn for a base.
    pub(crate) fn form(types: &Types<'_>, shape: &Shape, fields: &Fields, base: Option<&str>) -> Self {
        let mut reader = Reader {
            types,
            fields,
            zone: String::new(),
            zone_stays: true,
            problems: Vec::new(),
            places: Vec::new(),
        };
        let base = base.filter(|base| !base.trim().is_empty());
        let config = reader.read(shape, ROOT, "", base, 0);
        Self { config, problems: reader.problems, places: reader.places }
    }

    /// The field for a problem of the API, whose pointer starts at the config.
    pub(crate) fn field_of(&self, pointer: &str) -> &str {
        let is_inside = |place: &str| {
            pointer.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let deepest =
            self.places.iter().filter(|(place, _)| is_inside(place)).max_by_key(|(place, _)| place.len());
        deepest.map_or(ROOT, |(_, name)| name)
    }

    /// The problems as those of the API.
    pub(crate) fn as_problems(&self, column: &str) -> Vec<Problem> {
        let pointer = |name: &str| {
            self.places.iter().find(|(_, place)| place == name).map(|(pointer, _)| pointer.clone())
        };
        let problem = |(name, message): &(String, String)| Problem {
            pointer: format!("{column}{}", pointer(name).unwrap_or_default()),
            message: message.clone(),
            ..Problem::default()
        };
        self.problems.iter().map(problem).collect()
    }
}

struct Reader<'a> {
    types: &'a Types<'a>,
    fields: &'a Fields,
    /// The time zone of the object that is read; empty if it has none.
    zone: String,
    /// Whether the row has had this time zone before.
    zone_stays: bool,
    problems: Vec<(String, String)>,
    places: Vec<(String, String)>,
}

impl Reader<'_> {
    fn problem<T>(&mut self, name: &str, message: impl Into<String>) -> Option<T> {
        self.problems.push((name.to_owned(), message.into()));
        None
    }

    /// A value. `None` if it is missing.
    fn read(
        &mut self,
        shape: &Shape,
        name: &str,
        at: &str,
        base: Option<&str>,
        depth: usize,
    ) -> Option<String> {
        self.places.push((at.to_owned(), name.to_owned()));
        if depth > DEEPEST * 5 {
            return base.map(str::to_owned);
        }
        let is_unchanged = fill(self.types, shape, name, base, depth).agree(self.fields, name);
        let is_zoned = *shape == Shape::Text(Hint::ZonedTime) && !(is_unchanged && self.zone_stays);
        if let Some(message) = self.skipped(name).filter(|_| is_zoned) {
            return self.problem(name, message);
        }
        if is_unchanged {
            self.place_all(shape, name, at, depth);
            return base.map(str::to_owned);
        }
        let text = self.fields.get(name);
        if self.fields.is_json(name) {
            return self.json(name, text);
        }
        let line = text.trim();
        match shape {
            Shape::Text(hint @ (Hint::Time | Hint::ZonedTime)) if self.fields.part(name, "is") != "text" => {
                let text = self.time(name, *hint == Hint::ZonedTime && !self.zone.is_empty());
                Some(text).filter(|text| !text.is_empty()).map(|text| json::quoted(&text))
            }
            Shape::Text(Hint::Code) => {
                Some(text.trim_end()).filter(|text| !text.is_empty()).map(json::quoted)
            }
            Shape::Text(_) => Some(line).filter(|line| !line.is_empty()).map(json::quoted),
            Shape::Number(_) => self.number(name, line),
            Shape::Truth(default) => match (self.fields.has(name), default) {
                (true, false) => Some("true".to_owned()),
                (false, true) => Some("false".to_owned()),
                _ => None,
            },
            Shape::Choice { .. } => match line {
                "" => None,
                "true" | "false" => Some(line.to_owned()),
                line => Some(json::quoted(line)),
            },
            Shape::Literal(kinds) => line::read(line, *kinds),
            Shape::Lines { kinds, may_be_single, least, hint } => {
                let was_list = base.is_some_and(|base| json::items(base).is_some());
                lines(text, *kinds, *hint, (*may_be_single && !was_list, was_list && *least == 0))
            }
            Shape::Map(value) => self.map(value, name, at, base, depth),
            Shape::Group(members) => self.group(members, name, at, base, depth),
            Shape::List(item) => self.list(item, name, at, base, depth),
            Shape::Child => self.child(name, at, base, depth),
            Shape::Either(branches) => {
                let branch = branches.get(self.fields.branch(name))?;
                self.read(branch, &member(name, "is"), at, base, depth + 1)
            }
            Shape::OneOf(members) => self.one_of(members, name, at, base, depth),
            Shape::Json => self.json(name, text),
        }
    }

    /// One member, as a scalar if there is one for it, and the row had no object.
    fn one_of(
        &mut self,
        members: &[Member],
        name: &str,
        at: &str,
        base: Option<&str>,
        depth: usize,
    ) -> Option<String> {
        let kind = self.fields.part(name, KIND).to_owned();
        let chosen = Member::of_kind(members, &kind)?;
        let before = base.and_then(json::members);
        let value = if matches!(chosen.shape, Shape::Truth(_)) {
            kind
        } else {
            let raw = match &before {
                Some(before) => before.iter().find(|(name, _)| *name == chosen.name).map(|(_, raw)| *raw),
                None => base,
            };
            let field = member(name, &chosen.name);
            let read = self.read(&chosen.shape, &field, &pointer(at, &chosen.name), raw, depth + 1);
            // The API reports a scalar at the place of the whole.
            self.places.push((at.to_owned(), field.clone()));
            if read.is_none() && !kind.is_empty() && !self.has_problem(&field) {
                self.problem::<()>(&field, "a value is required");
            }
            read?
        };
        let is_scalar = match chosen.shape {
            Shape::Text(_) | Shape::Truth(_) => true,
            Shape::Child => value.parse::<i64>().is_ok(),
            _ => false,
        };
        if is_scalar && before.is_none() {
            return Some(value);
        }
        Some(json::object(&[(chosen.name.clone(), value)]))
    }

    /// Whether a field, or one inside of it, has a problem.
    fn has_problem(&self, name: &str) -> bool {
        let is_inside = |found: &str| {
            found.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.problems.iter().any(|(found, _)| is_inside(found))
    }

    /// The text of a time.
    fn time(&self, name: &str, has_zone: bool) -> String {
        let [date, time, zone] = ["date", "time", "zone"].map(|part| self.fields.part(name, part).trim());
        moment::join(date, time, zone, has_zone)
    }

    /// Says that the clocks of the time zone skip a time.
    fn skipped(&self, name: &str) -> Option<String> {
        let is_text = self.fields.part(name, "is") == "text";
        let text = if is_text { self.fields.get(name).trim().to_owned() } else { self.time(name, true) };
        skipped_time(&text, &self.zone)
    }

    /// Notes the fields inside of one that has not been changed, for problems of the API.
    fn place_all(&mut self, shape: &Shape, name: &str, at: &str, depth: usize) {
        if depth > DEEPEST * 5 || self.fields.is_json(name) {
            return;
        }
        let inside: Vec<(Shape, String, String)> = match shape {
            Shape::Group(members) => {
                let place = |found: &Member| {
                    (found.shape.clone(), member(name, &found.name), pointer(at, &found.name))
                };
                members.iter().map(place).collect()
            }
            Shape::List(item) => {
                let place = |number: usize| ((**item).clone(), row(name, number), format!("{at}/{number}"));
                (0..self.fields.rows(name)).map(place).collect()
            }
            Shape::Map(value) => {
                let place = |number: usize| {
                    let row = row(name, number);
                    let at = pointer(at, self.fields.part(&row, "key"));
                    ((**value).clone(), row, at)
                };
                (0..self.fields.rows(name)).map(place).collect()
            }
            Shape::Child => match self.types.shape(self.fields.part(name, "class")) {
                Some(shape) => vec![((*shape).clone(), member(name, "config"), format!("{at}/config"))],
                None => Vec::new(),
            },
            Shape::Either(branches) => {
                let branch = branches.get(self.fields.branch(name)).cloned();
                branch.map(|branch| (branch, member(name, "is"), at.to_owned())).into_iter().collect()
            }
            Shape::OneOf(members) => {
                let place = |found: &Member| {
                    let field = member(name, &found.name);
                    // The API reports a scalar at the place of the whole.
                    let whole = (Shape::Json, field.clone(), at.to_owned());
                    vec![(found.shape.clone(), field, pointer(at, &found.name)), whole]
                };
                let chosen = Member::of_kind(members, self.fields.part(name, KIND));
                let chosen = chosen.filter(|found| !matches!(found.shape, Shape::Truth(_)));
                chosen.map(place).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        for (shape, name, at) in inside {
            self.places.push((at.clone(), name.clone()));
            self.place_all(&shape, &name, &at, depth + 1);
        }
    }

    fn json(&mut self, name: &str, text: &str) -> Option<String> {
        if text.trim().is_empty() {
            return None;
        }
        match serde_json::from_str::<&serde_json::value::RawValue>(text) {
            Ok(raw) => Some(raw.get().to_owned()),
            Err(error) => self.problem(name, format!("expected JSON: {error}")),
        }
    }

    fn number(&mut self, name: &str, line: &str) -> Option<String> {
        if line.is_empty() {
            return None;
        }
        if serde_json::from_str::<serde_json::Number>(line).is_ok() {
            return Some(line.to_owned());
        }
        // Forms that browsers accept and JSON does not, such as .5
        let number = line.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
        match number {
            Some(number) => Some(number.to_string()),
            None => self.problem(name, format!("expected a number, found {line:?}")),
        }
    }

    fn map(
        &mut self,
        value: &Shape,
        name: &str,
        at: &str,
        base: Option<&str>,
        depth: usize,
    ) -> Option<String> {
        let known = base.and_then(json::members).unwrap_or_default();
        let mut members: Vec<(String, String)> = Vec::new();
        for number in 0..self.fields.rows(name) {
            let row = row(name, number);
            if self.fields.is_blank(&row) {
                continue;
            }
            let key = self.fields.part(&row, "key").to_owned();
            // Spaces around a known name are part of it.
            let found = known.iter().find(|(name, _)| *name == key);
            let key = if found.is_some() { key } else { key.trim().to_owned() };
            let read = self.read(value, &row, &pointer(at, &key), found.map(|(_, raw)| *raw), depth + 1);
            if key.is_empty() {
                self.problem::<()>(&row, "a name is required");
            } else if members.iter().any(|(name, _)| *name == key) {
                self.problem::<()>(&row, format!("{key:?} appears twice"));
            }
            match read {
                Some(read) => members.push((key, read)),
                None if self.has_problem(&row) => {}
                None => self.problem(&row, "a value is required").unwrap_or_default(),
            }
        }
        (base.is_some() || !members.is_empty()).then(|| json::object(&members))
    }

    fn group(
        &mut self,
        known: &[Member],
        name: &str,
        at: &str,
        base: Option<&str>,
        depth: usize,
    ) -> Option<String> {
        let before = base.and_then(json::members).unwrap_or_default();
        let mut values: Vec<(&str, Option<String>)> = Vec::new();
        let outer = (self.zone.clone(), self.zone_stays);
        if let Some(found) = known.iter().find(|found| found.shape == Shape::Text(Hint::Zone)) {
            let zone = self.fields.get(&member(name, &found.name)).trim();
            let raw =
                before.iter().find(|(name, _)| *name == found.name).and_then(|(_, raw)| json::string(raw));
            self.zone_stays = raw.unwrap_or_default() == zone;
            if !zone.is_empty() {
                zone.clone_into(&mut self.zone);
            }
        }
        for found in known {
            let raw = before.iter().find(|(name, _)| *name == found.name).map(|(_, raw)| *raw);
            let field = member(name, &found.name);
            let is_emptied = !found.is_required
                && matches!(found.shape, Shape::Group(_))
                && self.fields.is_blank(&field)
                && !fill(self.types, &found.shape, &field, raw, depth + 1).agree(self.fields, &field);
            if is_emptied {
                // A setting without any parts is none, whatever parts it requires.
                continue;
            }
            let value = self.read(&found.shape, &field, &pointer(at, &found.name), raw, depth + 1);
            if value.is_none() && found.is_required && !self.has_problem(&field) {
                self.problem::<()>(&field, "a value is required");
            }
            values.push((&found.name, value));
        }
        (self.zone, self.zone_stays) = outer;
        let rest = self.fields.part(name, "rest");
        let rest = if rest.trim().is_empty() { Some(Vec::new()) } else { json::members(rest) };
        let rest = rest.or_else(|| self.problem(name, "expected an object in JSON as the other settings"));
        let mut rest: Vec<(String, String)> =
            rest.unwrap_or_default().into_iter().map(|(name, raw)| (name, raw.to_owned())).collect();
        rest.retain(|(name, _)| !known.iter().any(|member| member.name == *name));
        let mut members = Vec::new();
        // In the order of the config, then of the form.
        for (found, _) in &before {
            if let Some(place) = values.iter().position(|(name, _)| name == found) {
                members.extend(values.remove(place).1.map(|value| (found.clone(), value)));
            } else if let Some(place) = rest.iter().position(|(name, _)| name == found) {
                members.push(rest.remove(place));
            }
        }
        members.extend(values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        members.extend(rest);
        (base.is_some() || !members.is_empty() || at.is_empty()).then(|| json::object(&members))
    }

    fn list(
        &mut self,
        item: &Shape,
        name: &str,
        at: &str,
        base: Option<&str>,
        depth: usize,
    ) -> Option<String> {
        let before = base.and_then(json::items).unwrap_or_default();
        let mut items = Vec::new();
        for number in 0..self.fields.rows(name) {
            let row = row(name, number);
            let origin: Option<usize> = self.fields.part(&row, "b").parse().ok();
            let base = origin.and_then(|origin| before.get(origin).copied());
            if self.fields.is_blank(&row) && base.is_none_or(|base| base.trim() != "{}") {
                continue;
            }
            items.extend(self.read(item, &row, &format!("{at}/{}", items.len()), base, depth + 1));
        }
        (base.is_some() || !items.is_empty()).then(|| json::list(&items))
    }

    fn child(&mut self, name: &str, at: &str, base: Option<&str>, depth: usize) -> Option<String> {
        match self.fields.part(name, "is") {
            "id" => match self.fields.get(name).trim() {
                "" => None,
                id if id.parse::<i64>().is_ok_and(|number| number.to_string() == id) => Some(id.to_owned()),
                id => self.problem(name, format!("expected the id of an activation, found {id:?}")),
            },
            "inline" => {
                let class = self.fields.part(name, "class");
                let known = base.and_then(json::members).unwrap_or_default();
                let get = |wanted: &str| known.iter().find(|(name, _)| name == wanted).map(|(_, raw)| *raw);
                let is_same = get("class_name").and_then(json::string).as_deref() == Some(class);
                let base = get("config").filter(|_| is_same);
                let shape = self.types.shape(class);
                let Some(shape) = shape else { return self.problem(name, format!("unknown type {class:?}")) };
                let config =
                    self.read(&shape, &member(name, "config"), &format!("{at}/config"), base, depth + 4);
                let mut members = vec![("class_name".to_owned(), json::quoted(class))];
                members.extend(config.map(|config| ("config".to_owned(), config)));
                Some(json::object(&members))
            }
            _ => None,
        }
    }
}

/// Lines as a list, or as a single value if that is allowed. Without lines, an empty list if that is allowed.
fn lines(text: &str, kinds: Kinds, hint: Hint, (single, empty): (bool, bool)) -> Option<String> {
    let separator = if hint.is_names() { ',' } else { '\n' };
    let items: Vec<String> = text.split(separator).filter_map(|text| line::read(text, kinds)).collect();
    match items.as_slice() {
        [] => empty.then(|| "[]".to_owned()),
        [item] if single => Some(item.clone()),
        items => Some(json::list(items)),
    }
}

//! The fields of a form as HTML.

use std::{cell::Cell, sync::Arc};

use askama::Template;
use novi::activation::Words;

use crate::{
    forms::{
        fields::{Fields, MOST_ROWS, member, row},
        fill::DEEPEST,
        shape::{Hint, KIND, Member, Number, Shape},
        types::Types,
    },
    words::{Markup, words},
};

/// What a form refers to.
pub(crate) struct Around<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) types: &'a Types<'a>,
    pub(crate) phrased: &'a Words<'a>,
}

/// A label with its input, or with the inputs of its parts.
#[derive(Template)]
#[template(path = "field.html")]
struct Field {
    id: String,
    name: String,
    label: String,
    /// Whether only screen readers have the label.
    is_quiet: bool,
    /// How the value is shown, if that is not by its shape alone.
    is: Option<String>,
    /// The attributes that name the input and its notes.
    marks: Markup,
    notes: Markup,
    input: Input,
}

/// What is said below an input.
#[derive(Template)]
#[template(path = "field_notes.html")]
struct Notes<'a> {
    id: &'a str,
    help: Markup,
    problems: &'a [String],
}

/// The attributes of an input.
#[derive(Template)]
#[template(
    source = r#" id="{{ id }}"{% if invalid %} aria-invalid="true"{% endif %}{% if !notes.is_empty() %} aria-describedby="{{ notes }}"{% endif %}{% if has_focus %} autofocus{% endif %}"#,
    ext = "html"
)]
struct Marks<'a> {
    id: &'a str,
    invalid: bool,
    notes: String,
    has_focus: bool,
}

enum Input {
    Line {
        value: String,
        suggests: &'static str,
        is_code: bool,
        /// Whether it is a list, with commas.
        is_list: bool,
    },
    Number {
        value: String,
        number: Number,
    },
    Area {
        value: String,
        rows: usize,
        /// Whether it is a list, with a value on each line.
        is_list: bool,
    },
    Select(Vec<(String, String, bool)>),
    Check(bool),
    Moment {
        date: String,
        time: String,
        zone: String,
        /// What a time without an offset is in.
        default: &'static str,
    },
    Group {
        main: Vec<Markup>,
        more: Vec<Markup>,
        is_open: bool,
        rest: Option<String>,
    },
    /// Which member an object has, and its input.
    OneOf {
        kinds: Vec<(String, String, bool)>,
        inner: Markup,
    },
    Rows(Rows),
    Child(Child),
    /// Another field in its place.
    Inner(Markup),
}

struct Rows {
    kind: &'static str,
    list: Vec<Row>,
    sum: Option<String>,
    is_full: bool,
    classes: Vec<String>,
}

struct Row {
    name: String,
    origin: Option<String>,
    key: Option<String>,
    label: String,
    html: Markup,
    is_blank: bool,
}

struct Child {
    kind: &'static str,
    value: String,
    class: String,
    words: Markup,
    link: Option<String>,
    inner: Markup,
    classes: Vec<String>,
}

pub(super) struct Drawer<'a> {
    pub(super) around: &'a Around<'a>,
    pub(super) fields: &'a Fields,
    /// Messages by the names of fields.
    pub(super) problems: &'a [(String, String)],
    count: Cell<usize>,
    is_focused: Cell<bool>,
}

/// What is said about a value, besides its shape.
struct About<'a> {
    label: &'a str,
    help: &'a str,
    is_required: bool,
    is_quiet: bool,
    /// Whether the row before has the same help for its parts.
    is_next: bool,
}

impl<'a> Drawer<'a> {
    pub(super) fn new(around: &'a Around<'a>, fields: &'a Fields, problems: &'a [(String, String)]) -> Self {
        Self { around, fields, problems, count: Cell::new(0), is_focused: Cell::new(false) }
    }

    pub(super) fn config(&self, shape: &Shape, name: &str, label: &str) -> Markup {
        let is_quiet = !matches!(shape, Shape::Json) && !self.fields.is_json(name);
        self.draw(shape, name, &About { label, help: "", is_required: false, is_quiet, is_next: false }, 0)
    }

    fn draw(&self, shape: &Shape, name: &str, about: &About<'_>, depth: usize) -> Markup {
        let is_here = |(field, _): &&(String, String)| field == name;
        let problems: Vec<String> =
            self.problems.iter().filter(is_here).map(|(_, message)| message.clone()).collect();
        // The browser goes to the first field that has a problem.
        let has_focus =
            !problems.is_empty() && !self.is_focused.replace(self.is_focused.get() || !problems.is_empty());
        self.count.set(self.count.get() + 1);
        let id = format!("f{}", self.count.get());
        let input = if depth > DEEPEST * 5 || self.fields.is_json(name) {
            self.area(name)
        } else {
            self.input(shape, name, about, depth)
        };
        // A branch has the help of the whole.
        let help = if matches!(input, Input::Inner(_)) { "" } else { about.help };
        let named = |part: &str, has: bool| has.then(|| format!("{id}-{part}"));
        let described = [named("hint", !help.is_empty()), named("problem", !problems.is_empty())];
        let described: Vec<String> = described.into_iter().flatten().collect();
        let notes = Notes { id: &id, help: words(help), problems: &problems };
        let marks = Marks { id: &id, invalid: !problems.is_empty(), notes: described.join(" "), has_focus };
        Markup::rendered(&Field {
            name: name.to_owned(),
            label: about.label.to_owned(),
            is_quiet: about.is_quiet,
            is: Some(self.fields.part(name, "is")).filter(|is| !is.is_empty()).map(str::to_owned),
            marks: Markup::rendered(&marks),
            notes: Markup::rendered(&notes),
            input,
            id,
        })
    }

    fn area(&self, name: &str) -> Input {
        let value = self.fields.get(name).to_owned();
        Input::Area { rows: value.lines().count().clamp(2, 14), value, is_list: false }
    }

    fn input(&self, shape: &Shape, name: &str, about: &About<'_>, depth: usize) -> Input {
        let value = self.fields.get(name).to_owned();
        match shape {
            Shape::Text(Hint::Code) | Shape::Json => self.area(name),
            Shape::Text(hint @ (Hint::Time | Hint::ZonedTime)) if self.fields.part(name, "is") != "text" => {
                let part = |part: &str| self.fields.part(name, part).to_owned();
                let default = if *hint == Hint::Time { "Z" } else { "time zone" };
                Input::Moment { date: part("date"), time: part("time"), zone: part("zone"), default }
            }
            Shape::Text(hint) => {
                Input::Line { value, suggests: suggests(*hint), is_code: false, is_list: false }
            }
            Shape::Number(number) => Input::Number { value, number: number.clone() },
            Shape::Truth(_) => Input::Check(self.fields.has(name)),
            Shape::Choice { names, default } => {
                let label = match (default, about.is_required) {
                    (Some(default), _) => format!("{default} (default)"),
                    (None, true) => "Choose…".to_owned(),
                    (None, false) => "not set".to_owned(),
                };
                let blank = (String::new(), label, value.is_empty());
                let is_other = |name: &&String| default.as_ref() != Some(name) || value == **name;
                let names = names.iter().filter(is_other);
                let option = |name: &String| {
                    let label = match name.as_str() {
                        "true" => "yes",
                        "false" => "no",
                        name => name,
                    };
                    (name.clone(), label.to_owned(), value == *name)
                };
                Input::Select(std::iter::once(blank).chain(names.map(option)).collect())
            }
            Shape::Literal(_) => Input::Line { value, suggests: "", is_code: true, is_list: false },
            Shape::Lines { hint, .. } if hint.is_names() => {
                Input::Line { value, suggests: suggests(*hint), is_code: false, is_list: true }
            }
            Shape::Lines { .. } => {
                Input::Area { rows: (value.lines().count() + 1).clamp(2, 14), value, is_list: true }
            }
            Shape::Map(value) => Input::Rows(self.map(value, name, depth)),
            Shape::Group(members) => self.group(members, name, about.is_next, depth),
            Shape::List(item) => Input::Rows(self.list(item, name, about, depth)),
            Shape::Child => Input::Child(self.child(name, depth)),
            Shape::Either(branches) => {
                let Some(branch) = branches.get(self.fields.branch(name)) else { return self.area(name) };
                Input::Inner(self.draw(branch, &member(name, "is"), about, depth + 1))
            }
            Shape::OneOf(members) => self.one_of(members, name, about, depth),
        }
    }

    fn one_of(&self, members: &[Member], name: &str, about: &About<'_>, depth: usize) -> Input {
        let kind = self.fields.part(name, KIND);
        let option = |value: &str, label: &str| (value.to_owned(), label.to_owned(), value == kind);
        let mut kinds = vec![option("", if about.is_required { "Choose…" } else { "not set" })];
        for found in members {
            match &found.shape {
                Shape::Truth(_) => kinds.extend([option("true", "on"), option("false", "off")]),
                Shape::Child => kinds.push(option(&found.name, "an activation")),
                _ => kinds.push(option(&found.name, &format!("a {}", found.name))),
            }
        }
        let shown = Member::of_kind(members, kind).filter(|found| !matches!(found.shape, Shape::Truth(_)));
        let inner = shown.map(|found| {
            let what = if found.shape == Shape::Child { "activation" } else { &*found.name };
            let label = format!("{}: {what}", about.label);
            let about = About {
                label: &label,
                help: &found.help,
                is_required: !kind.is_empty(),
                is_quiet: false,
                is_next: false,
            };
            self.draw(&found.shape, &member(name, &found.name), &about, depth + 1)
        });
        Input::OneOf { kinds, inner: inner.unwrap_or_default() }
    }

    fn group(&self, members: &[Member], name: &str, is_next: bool, depth: usize) -> Input {
        let is_filled = |found: &Member| !self.fields.is_blank(&member(name, &found.name));
        let is_new = !members.iter().any(|found| !found.is_required && is_filled(found));
        let is_set = |found: &&Member| is_filled(found) || found.is_main || found.is_common && is_new;
        let has_few = members.len() <= 3 || !members.iter().any(|member| is_set(&member));
        let mut is_open = false;
        let (mut main, mut more) = (Vec::new(), Vec::new());
        for found in members {
            let field = member(name, &found.name);
            let label = label(&found.name);
            let help = if is_next { "" } else { &*found.help };
            let about = About {
                label: &label,
                help,
                is_required: found.is_required,
                is_quiet: false,
                is_next: false,
            };
            let html = self.draw(&found.shape, &field, &about, depth + 1);
            if has_few || is_set(&found) {
                main.push(html);
            } else {
                is_open |= self.problems.iter().any(|(name, _)| name.starts_with(&field));
                more.push(html);
            }
        }
        let rest = Some(self.fields.part(name, "rest")).filter(|rest| !rest.is_empty());
        Input::Group { main, more, is_open, rest: rest.map(str::to_owned) }
    }

    fn map(&self, value: &Shape, name: &str, depth: usize) -> Rows {
        let is_number = matches!(value, Shape::Number(_));
        let count = self.fields.rows(name);
        let rows: Vec<Row> = (0..count)
            .map(|number| {
                let row = row(name, number);
                let what = if is_number { "Weight" } else { "Value" };
                let label = format!("{what} {}", number + 1);
                let about =
                    About { label: &label, help: "", is_required: false, is_quiet: true, is_next: false };
                Row {
                    origin: None,
                    key: Some(self.fields.part(&row, "key").to_owned()),
                    label: format!("Name {}", number + 1),
                    html: self.draw(value, &row, &about, depth + 1),
                    is_blank: false,
                    name: row,
                }
            })
            .collect();
        let weights =
            (0..count).filter_map(|number| self.fields.get(&row(name, number)).trim().parse::<f64>().ok());
        let sum: f64 = weights.sum();
        Rows {
            kind: if is_number { "map" } else { "wide map" },
            list: rows,
            sum: is_number.then(|| format!("{}", (sum * 1000.0).round() / 1000.0)),
            is_full: count >= MOST_ROWS,
            classes: Vec::new(),
        }
    }

    fn list(&self, item: &Shape, name: &str, about: &About<'_>, depth: usize) -> Rows {
        let count = self.fields.rows(name);
        let is_child = matches!(item, Shape::Child);
        let what = if is_child { "Activation".to_owned() } else { singular(about.label) };
        let rows = (0..count).map(|number| {
            let row = row(name, number);
            let label = format!("{what} {}", number + 1);
            let about =
                About { label: &label, help: "", is_required: false, is_quiet: true, is_next: number > 0 };
            let html = self.draw(item, &row, &about, depth + 1);
            let origin = Some(self.fields.part(&row, "b").to_owned());
            let is_blank = !is_child && self.fields.is_blank(&row);
            Row { origin, key: None, label, html, is_blank, name: row }
        });
        Rows {
            kind: match item.spare() {
                _ if is_child => "children",
                0 => "cards",
                _ => "flat",
            },
            list: rows.collect(),
            sum: None,
            is_full: count >= MOST_ROWS,
            classes: if is_child { self.classes() } else { Vec::new() },
        }
    }

    fn classes(&self) -> Vec<String> {
        self.around.types.classes().map(str::to_owned).collect()
    }

    fn child(&self, name: &str, depth: usize) -> Child {
        let value = self.fields.get(name).to_owned();
        let class = self.fields.part(name, "class").to_owned();
        let found = value.trim().parse::<i64>().ok().and_then(|id| Some((id, self.around.phrased.of(id)?)));
        match self.fields.part(name, "is") {
            "id" => Child {
                kind: "id",
                words: found.as_ref().map(|(_, found)| words(&found.words)).unwrap_or_default(),
                link: found.map(|(id, _)| format!("{}/activations/{id}/edit", self.around.prefix)),
                value,
                class,
                inner: Markup::default(),
                classes: Vec::new(),
            },
            "inline" => {
                let shape = self.around.types.shape(&class).unwrap_or_else(|| Arc::new(Shape::Json));
                let about =
                    About { label: "Config", help: "", is_required: false, is_quiet: true, is_next: false };
                Child {
                    kind: "inline",
                    value,
                    words: Markup::default(),
                    link: Some(format!("{}/types/{}", self.around.prefix, crate::api::escape(&class))),
                    inner: self.draw(&shape, &member(name, "config"), &about, depth + 4),
                    class,
                    classes: Vec::new(),
                }
            }
            _ => Child {
                kind: "none",
                value,
                class,
                words: Markup::default(),
                link: None,
                inner: Markup::default(),
                classes: self.classes(),
            },
        }
    }
}

/// The list of suggestions.
fn suggests(hint: Hint) -> &'static str {
    match hint {
        Hint::Attribute => "attributes",
        Hint::Zone => "zones",
        Hint::Flag => "flags",
        Hint::Metric => "metrics",
        Hint::None | Hint::Time | Hint::ZonedTime | Hint::Code => "",
    }
}

/// The name of a member as a label: `startDateTime` is `Start date time`.
pub(crate) fn label(name: &str) -> String {
    let mut label = String::new();
    for letter in name.chars() {
        if letter == '_' || letter == '-' {
            label.push(' ');
        } else if letter.is_uppercase() && !label.is_empty() {
            label.push(' ');
            label.extend(letter.to_lowercase());
        } else if label.is_empty() {
            label.extend(letter.to_uppercase());
        } else {
            label.push(letter);
        }
    }
    label
}

/// The label of one row of a list.
fn singular(label: &str) -> String {
    label.strip_suffix('s').unwrap_or(label).to_owned()
}

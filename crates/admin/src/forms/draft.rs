//! A config that somebody edits, as a form or as JSON.

use askama::Template;

use crate::{
    api::Problem,
    forms::{
        draw::{Around, Drawer},
        fields::{Fields, ROOT},
        fill::fill,
        json,
        read::Read,
        shape::Shape,
        steps::step,
        types::Types,
    },
    words::Markup,
};

/// The column that a draft is for.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    /// The name of the field, and of the member of the API.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
}

/// The config of an activation.
pub(crate) const CONFIG: Column = Column { name: "config", title: "Config" };

/// The values of a flag's variants.
pub(crate) const VARIANTS: Column = Column { name: "variants", title: "Values by variant" };

/// A config, as it was sent or as the row has it.
pub(crate) struct Draft {
    column: Column,
    /// The type that the form was drawn for.
    class: String,
    /// The config that the form was drawn for, or the JSON that was typed.
    text: String,
    /// The fields; `None` if the config is edited as JSON.
    fields: Option<Fields>,
}

#[derive(Template)]
#[template(path = "config.html")]
struct ConfigPart<'a> {
    column: Column,
    class: &'a str,
    text: &'a str,
    form: Option<Markup>,
    problems: Vec<String>,
    /// Whether the type can be edited as a form.
    has_form: bool,
}

impl Draft {
    /// The config of a row, as a form if the type is known.
    pub(crate) fn of(column: Column, types: &Types<'_>, class: &str, text: &str) -> Self {
        let shape = types.shape(class);
        let fields = shape.map(|shape| fill(types, &shape, ROOT, Some(text), 0));
        let fields = fields.filter(|fields| !fields.is_json(ROOT));
        let shown =
            if fields.is_some() || !json::is_valid(text) { text.to_owned() } else { json::pretty(text) };
        Self { column, class: class.to_owned(), text: shown, fields }
    }

    /// What was sent: a form has the field `drawn`, with the type that it was drawn for.
    pub(crate) fn sent(column: Column, all: &[(String, String)], class: &str) -> Self {
        let get = |name: &str| all.iter().find(|(field, _)| field == name).map(|(_, value)| value.trim());
        // Browsers send line breaks as CRLF.
        let text = get(column.name).unwrap_or_default().replace("\r\n", "\n");
        match get("drawn") {
            Some(drawn) => Self { column, class: drawn.to_owned(), text, fields: Some(Fields::sent(all)) },
            None => Self { column, class: class.to_owned(), text, fields: None },
        }
    }

    /// Does what a button of the form says that saves nothing, now that the row is to have this type. Also returns
    /// what could not be read, with the pointers of the API.
    pub(crate) fn step(self, types: &Types<'_>, action: &str, class: &str) -> (Self, Vec<Problem>) {
        if !matches!(action, "json" | "form") {
            let Self { column, class, text, mut fields } = self;
            if let Some(fields) = &mut fields {
                step(fields, action);
            }
            return (Self { column, class, text, fields }, Vec::new());
        }
        let text = match self.config(types) {
            Ok(text) => text,
            Err(problems) => return (self, problems),
        };
        if action == "json" {
            let draft = Self {
                column: self.column,
                class: class.to_owned(),
                text: json::pretty(&text),
                fields: None,
            };
            return (draft, Vec::new());
        }
        let next = Self::of(self.column, types, class, &text);
        if next.fields.is_some() {
            return (next, Vec::new());
        }
        let message = format!("the config does not fit a form of {class:?}: edit it as JSON");
        let problem = Problem { pointer: next.pointer(), message, ..Problem::default() };
        (next, vec![problem])
    }

    /// Whether the form was drawn for another type than this.
    pub(crate) fn is_of_other_type(&self, class: &str) -> bool {
        self.fields.is_some() && self.class != class
    }

    /// The form of another type, with the settings that both types have, and the names of those that are left out.
    ///
    /// # Errors
    /// What cannot be read, with the pointers of the API.
    pub(crate) fn retyped(
        &self,
        types: &Types<'_>,
        class: &str,
    ) -> Result<(Self, Vec<String>), Vec<Problem>> {
        let text = self.config(types)?;
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        let shape = types.shape(class);
        let is_known = |name: &str| match shape.as_deref() {
            Some(Shape::Group(members)) => members.iter().any(|member| member.name == name),
            _ => false,
        };
        for (name, raw) in json::members(&text).unwrap_or_default() {
            if is_known(&name) {
                kept.push((name, raw.to_owned()));
            } else {
                left_out.push(name);
            }
        }
        // A setting of the same name may mean something else.
        let draft = Self::of(self.column, types, class, &json::object(&kept));
        let draft = if draft.fields.is_some() { draft } else { Self::of(self.column, types, class, "") };
        Ok((draft, left_out))
    }

    fn pointer(&self) -> String {
        format!("/{}", self.column.name)
    }

    fn read(&self, types: &Types<'_>) -> Option<Read> {
        let (fields, shape) = (self.fields.as_ref()?, types.shape(&self.class)?);
        Some(Read::form(types, &shape, fields, Some(&self.text)))
    }

    /// The config as JSON text; `null` if there is none.
    ///
    /// # Errors
    /// What cannot be sent as JSON, with the pointers of the API.
    pub(crate) fn config(&self, types: &Types<'_>) -> Result<String, Vec<Problem>> {
        let Some(read) = self.read(types) else {
            return json::checked(&self.pointer(), &self.text).map_err(|problem| vec![problem]);
        };
        match read.as_problems(&self.pointer()) {
            problems if problems.is_empty() => Ok(read.config.unwrap_or_else(|| "null".to_owned())),
            problems => Err(problems),
        }
    }

    /// The inputs, with the problems of the API at their fields.
    pub(crate) fn draw(&self, around: &Around<'_>, problems: &[Problem]) -> Markup {
        let column = self.pointer();
        let in_config = |problem: &&Problem| problem.pointer.starts_with(&column);
        let in_config: Vec<&Problem> = problems.iter().filter(in_config).collect();
        let shape = around.types.shape(&self.class);
        let has_form = shape.is_some();
        let form =
            self.read(around.types).zip(shape).zip(self.fields.as_ref()).map(|((read, shape), fields)| {
                let at_field = |problem: &&Problem| {
                    let pointer = problem.pointer.strip_prefix(&*column).unwrap_or_default();
                    (read.field_of(pointer).to_owned(), problem.located(&problem.pointer))
                };
                let problems: Vec<(String, String)> = in_config.iter().map(at_field).collect();
                Drawer::new(around, fields, &problems).config(&shape, ROOT, self.column.title)
            });
        let problems = in_config.iter().map(|problem| problem.located(&column)).collect();
        Markup::rendered(&ConfigPart {
            column: self.column,
            class: &self.class,
            text: &self.text,
            form,
            problems,
            has_form,
        })
    }
}

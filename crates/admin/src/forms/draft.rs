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
        steps::step,
        types::Types,
    },
    words::Markup,
};

/// A config, as it was sent or as the row has it.
pub(crate) struct Draft {
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
    class: &'a str,
    text: &'a str,
    form: Option<Markup>,
    problems: Vec<String>,
    /// Whether the type can be edited as a form.
    has_form: bool,
}

impl Draft {
    /// The config of a row, as a form if the type is known.
    pub(crate) fn of(types: &Types<'_>, class: &str, text: &str) -> Self {
        let shape = types.shape(class);
        let fields = shape.map(|shape| fill(types, &shape, ROOT, Some(text), 0));
        let fields = fields.filter(|fields| !fields.is_json(ROOT));
        let shown =
            if fields.is_some() || !json::is_valid(text) { text.to_owned() } else { json::pretty(text) };
        Self { class: class.to_owned(), text: shown, fields }
    }

    /// What was sent: a form has the field `drawn`, with the type that it was drawn for.
    pub(crate) fn sent(all: &[(String, String)], class: &str) -> Self {
        let get = |name: &str| all.iter().find(|(field, _)| field == name).map(|(_, value)| value.trim());
        // Browsers send line breaks as CRLF.
        let text = get("config").unwrap_or_default().replace("\r\n", "\n");
        match get("drawn") {
            Some(drawn) => Self { class: drawn.to_owned(), text, fields: Some(Fields::sent(all)) },
            None => Self { class: class.to_owned(), text, fields: None },
        }
    }

    /// Does what a button of the form says that saves nothing, now that the row is to have this type.
    ///
    /// # Errors
    /// What cannot be read, with the pointers of the API.
    pub(crate) fn step(
        self,
        types: &Types<'_>,
        action: &str,
        class: &str,
    ) -> Result<Self, (Self, Vec<Problem>)> {
        match action {
            "json" => match self.config(types) {
                Ok(text) => Ok(Self { class: class.to_owned(), text: json::pretty(&text), fields: None }),
                Err(problems) => Err((self, problems)),
            },
            "form" => {
                let text = match self.config(types) {
                    Ok(text) => text,
                    Err(problems) => return Err((self, problems)),
                };
                let next = Self::of(types, class, &text);
                if next.fields.is_some() {
                    return Ok(next);
                }
                let message = format!("the config does not fit a form of {class:?}: edit it as JSON");
                let problem = Problem { pointer: "/config".to_owned(), message, ..Problem::default() };
                Err((next, vec![problem]))
            }
            action => {
                let Self { class, text, mut fields } = self;
                if let Some(fields) = &mut fields {
                    step(fields, action);
                }
                Ok(Self { class, text, fields })
            }
        }
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
            return json::checked("/config", &self.text).map_err(|problem| vec![problem]);
        };
        match read.as_problems() {
            problems if problems.is_empty() => Ok(read.config.unwrap_or_else(|| "null".to_owned())),
            problems => Err(problems),
        }
    }

    /// The inputs, with the problems of the API at their fields.
    pub(crate) fn draw(&self, around: &Around<'_>, problems: &[Problem]) -> Markup {
        let in_config = |problem: &&Problem| problem.pointer.starts_with("/config");
        let in_config: Vec<&Problem> = problems.iter().filter(in_config).collect();
        let shape = around.types.shape(&self.class);
        let has_form = shape.is_some();
        let form =
            self.read(around.types).zip(shape).zip(self.fields.as_ref()).map(|((read, shape), fields)| {
                let at_field = |problem: &&Problem| {
                    let pointer = problem.pointer.strip_prefix("/config").unwrap_or_default();
                    (read.field_of(pointer).to_owned(), problem.located(&problem.pointer))
                };
                let problems: Vec<(String, String)> = in_config.iter().map(at_field).collect();
                Drawer::new(around, fields, &problems).config(&shape, ROOT)
            });
        let problems = in_config.iter().map(|problem| problem.located("/config")).collect();
        Markup::rendered(&ConfigPart { class: &self.class, text: &self.text, form, problems, has_form })
    }
}

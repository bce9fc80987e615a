//! Traits by which handlers describe themselves for the OpenAPI document.

use std::collections::BTreeMap;

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The schemas of all types, each generated once.
pub(crate) struct Schemas {
    /// Schemas of request types.
    input: SchemaGenerator,
    /// Schemas of response types, which may differ from those of the same type in requests.
    output: SchemaGenerator,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let settings = || {
            settings().with(|settings| {
                settings.meta_schema = None;
                settings.definitions_path = "/components/schemas".into();
            })
        };
        Self {
            input: settings().for_deserialize().into_generator(),
            output: settings().for_serialize().into_generator(),
        }
    }

    pub(crate) fn input<T: JsonSchema>(&mut self) -> Value {
        self.input.subschema_for::<T>().to_value()
    }

    pub(crate) fn output<T: JsonSchema>(&mut self) -> Value {
        self.output.subschema_for::<T>().to_value()
    }

    pub(crate) fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.input.take_definitions(true);
        all.extend(self.output.take_definitions(true));
        all
    }
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with_transform(RecursiveTransform(join_lines))
}

/// Joins the lines of each paragraph of a description, so that the document does not depend on where a comment is
/// wrapped.
fn join_lines(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs: Vec<String> =
            text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
}

/// An operation of the document.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    pub(crate) summary: &'static str,
    #[serde(rename = "operationId")]
    pub(crate) id: String,
    pub(crate) tags: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parameters: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_body: Option<Value>,
    pub(crate) responses: BTreeMap<String, Value>,
    pub(crate) security: Vec<Value>,
    #[serde(rename = "x-novi-role")]
    pub(crate) role: &'static str,
}

impl Operation {
    /// Adds a parameter of the path, the query or the headers.
    pub(crate) fn parameter(&mut self, name: &str, place: &str, required: bool, text: &str, schema: &Value) {
        self.parameters.push(
            json!({"name": name, "in": place, "required": required, "description": text, "schema": schema}),
        );
    }

    /// Adds the fields of a type as parameters of the query.
    pub(crate) fn query<T: JsonSchema>(&mut self) {
        let schema = settings()
            .for_deserialize()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator()
            .into_root_schema_for::<T>();
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let fields = schema.get("properties").and_then(Value::as_object);
        for (name, field) in fields.into_iter().flatten() {
            let mut field = field.clone();
            let text = field.as_object_mut().and_then(|field| field.remove("description"));
            let text = text.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            self.parameter(name, "query", required.contains(&name.as_str()), &text, &field);
        }
    }

    /// Sets the JSON body.
    pub(crate) fn body(&mut self, required: bool, text: &str, schema: &Value) {
        self.request_body = Some(json!({
            "required": required,
            "description": text,
            "content": {"application/json": {"schema": schema}},
        }));
    }

    /// Adds a JSON response.
    pub(crate) fn response(&mut self, status: u16, text: &str, schema: &Value) {
        let response = json!({"description": text, "content": {"application/json": {"schema": schema}}});
        self.responses.insert(status.to_string(), response);
    }

    /// Adds a header to a response that was added before.
    pub(crate) fn response_header(&mut self, status: u16, name: &str, text: &str) {
        if let Some(response) = self.responses.get_mut(&status.to_string()) {
            response["headers"][name] = json!({"description": text, "schema": {"type": "string"}});
        }
    }

    /// Adds an error that callers should handle.
    pub(crate) fn error(&mut self, status: u16, text: &str) {
        let schema = json!({"$ref": "#/components/schemas/Error"});
        self.response(status, text, &schema);
    }

    /// Adds a response without JSON.
    pub(crate) fn other_response(&mut self, status: u16, text: &str, content_type: Option<&str>) {
        let mut response = json!({"description": text});
        if let Some(content_type) = content_type {
            response["content"] = json!({content_type: {"schema": {"type": "string"}}});
        }
        self.responses.insert(status.to_string(), response);
    }
}

/// A handler that describes its arguments and its result. `T` is the tuple of its arguments, as in
/// [`axum::handler::Handler`].
#[diagnostic::on_unimplemented(
    message = "not a handler that describes itself",
    note = "arguments are `State<AppState>` and extractors that implement `Input`, such as those of `manage::request`",
    note = "the result is a `Reply<T>` or a `Result<Reply<T>, ApiError>`, whose `T` implements `JsonSchema`"
)]
pub(crate) trait Described<T> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

/// An argument of a handler.
pub(crate) trait Input {
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

/// The result of a handler.
pub(crate) trait Output {
    fn describe(operation: &mut Operation, schemas: &mut Schemas);
}

impl<T: Output, E> Output for Result<T, E> {
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        T::describe(operation, schemas);
    }
}

/// The state is not part of the API.
impl<S> Input for axum::extract::State<S> {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

/// Extensions are not part of the API.
impl<T> Input for Option<axum::Extension<T>> {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

macro_rules! described {
    ($($argument:ident)*) => {
        impl<F, A, R, M, $($argument),*> Described<(M, $($argument,)*)> for F
        where
            F: FnOnce($($argument),*) -> A,
            A: Future<Output = R>,
            R: Output,
            $($argument: Input,)*
        {
            fn describe(operation: &mut Operation, schemas: &mut Schemas) {
                $($argument::describe(operation, schemas);)*
                R::describe(operation, schemas);
            }
        }
    };
}

described!(A1);
described!(A1 A2);
described!(A1 A2 A3);
described!(A1 A2 A3 A4);
described!(A1 A2 A3 A4 A5);

impl<F, A, R> Described<((),)> for F
where
    F: FnOnce() -> A,
    A: Future<Output = R>,
    R: Output,
{
    fn describe(operation: &mut Operation, schemas: &mut Schemas) {
        R::describe(operation, schemas);
    }
}

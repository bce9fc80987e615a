//! The description of the API, as OpenAPI 3.1, made of the endpoints.

use std::collections::BTreeMap;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{access::Access, endpoint::Endpoint};

/// Makes the schemas of types, each once.
pub(crate) struct Schemas {
    /// Of what is read.
    input: SchemaGenerator,
    /// Of what is written, which may be another one of the same type.
    output: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
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

    fn definitions(mut self) -> Map<String, Value> {
        let mut all = self.input.take_definitions(true);
        all.extend(self.output.take_definitions(true));
        all
    }
}

/// An operation of the description.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    summary: &'static str,
    #[serde(rename = "operationId")]
    id: String,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
    responses: BTreeMap<String, Value>,
    security: Vec<Value>,
    #[serde(rename = "x-novi-role")]
    role: &'static str,
}

impl Operation {
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        let schemes = || vec![json!({"bearer": []}), json!({"key": []})];
        let (role, security) = match endpoint.access {
            Access::Public => ("public", vec![json!({})]),
            Access::Optional => ("optional", [vec![json!({})], schemes()].concat()),
            Access::Needs(role) => (role.as_str(), schemes()),
        };
        let pattern = endpoint.pattern();
        let words = pattern.split(['/', '{', '}', '.']).filter(|word| !word.is_empty());
        let mut id = endpoint.method.as_str().to_lowercase();
        for word in words.clone() {
            id.push('_');
            id.push_str(word);
        }
        let tag = words.clone().find(|word| *word != "api").unwrap_or_default().to_owned();
        let error = json!({"$ref": "#/components/schemas/Error"});
        let refusal =
            |text: &str| json!({"description": text, "content": {"application/json": {"schema": error}}});
        let responses = [("4XX", "The request is refused"), ("5XX", "The request failed")];
        Self {
            summary: endpoint.summary,
            id,
            tags: vec![tag],
            responses: responses.map(|(code, text)| (code.to_owned(), refusal(text))).into(),
            security,
            role,
            ..Self::default()
        }
    }

    /// A parameter of the path, the query or the headers.
    pub(crate) fn parameter(&mut self, name: &str, place: &str, required: bool, text: &str, schema: &Value) {
        self.parameters.push(
            json!({"name": name, "in": place, "required": required, "description": text, "schema": schema}),
        );
    }

    /// The fields of a type, as parameters of the query.
    pub(crate) fn query<T: JsonSchema>(&mut self) {
        let schema = SchemaSettings::draft2020_12()
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

    /// The body, as JSON.
    pub(crate) fn body(&mut self, required: bool, text: &str, schema: &Value) {
        self.request_body = Some(json!({
            "required": required,
            "description": text,
            "content": {"application/json": {"schema": schema}},
        }));
    }

    /// An answer in JSON.
    pub(crate) fn answer(&mut self, status: u16, text: &str, schema: &Value) {
        let answer = json!({"description": text, "content": {"application/json": {"schema": schema}}});
        self.responses.insert(status.to_string(), answer);
    }

    /// A header of an answer that is described already.
    pub(crate) fn answer_header(&mut self, status: u16, name: &str, text: &str) {
        if let Some(answer) = self.responses.get_mut(&status.to_string()) {
            answer["headers"][name] = json!({"description": text, "schema": {"type": "string"}});
        }
    }

    /// A refusal that callers have to expect.
    pub(crate) fn refusal(&mut self, status: u16, text: &str) {
        let schema = json!({"$ref": "#/components/schemas/Error"});
        self.answer(status, text, &schema);
    }

    /// An answer that is something else.
    pub(crate) fn other_answer(&mut self, status: u16, text: &str, content_type: Option<&str>) {
        let mut answer = json!({"description": text});
        if let Some(content_type) = content_type {
            answer["content"] = json!({content_type: {"schema": {"type": "string"}}});
        }
        self.responses.insert(status.to_string(), answer);
    }
}

/// A handler that tells what it takes and gives. `T` is the list of its arguments, as axum has it.
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

/// The state tells nothing.
impl<S> Input for axum::extract::State<S> {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}

/// What may be there and tells nothing.
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

/// The description of all endpoints.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in endpoints {
        let operation = serde_json::to_value(endpoint.operation(&mut schemas)).unwrap_or_default();
        let methods = paths.entry(endpoint.pattern()).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(endpoint.method.as_str().to_lowercase(), operation);
        }
    }
    let error = schemas.output::<crate::error::Envelope<'static>>();
    let mut definitions = schemas.definitions();
    definitions.entry("Error").or_insert(error);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "novi",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Feature flags in your own SQL database. `x-novi-role` is the least role that a token needs.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    })
}

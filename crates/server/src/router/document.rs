//! The OpenAPI 3.1 document, made from the list of endpoints.

use serde_json::{Map, Value, json};

use crate::{
    auth::access::Access,
    http::{
        describe::{Operation, Schemas},
        error::ErrorBody,
    },
    router::endpoint::Endpoint,
};

/// The tags of operations. A tag is the first part of a path, after `/api`.
pub(crate) const TAGS: [(&str, &str); 27] = [
    ("flags", "Flags as rows, and their management"),
    ("evaluatedFlags", "Flags with their decisions"),
    ("features", "The flags that are on for the caller"),
    ("ofrep", "Evaluation by the OpenFeature Remote Evaluation Protocol"),
    ("health", "Liveness and readiness"),
    ("metrics", "Metrics for Prometheus"),
    ("openapi", "This document"),
    ("activations", "Management of activations and their members"),
    ("edits", "Several changes in one transaction"),
    ("impact", "Whom changes would affect"),
    ("audience", "Who has a flag, among the users of a database"),
    ("experiments", "What experiments say"),
    ("contexts", "Contexts of recent evaluations"),
    ("history", "The history of changes"),
    ("diff", "Differences between two revisions"),
    ("rollback", "Rolling back to an earlier revision"),
    ("issues", "Invalid rows"),
    ("lint", "Rows that have no effect or contradict each other"),
    ("stale", "Flags that can be removed"),
    ("timeline", "What the time will do to flags"),
    ("types", "Activation types"),
    ("status", "The status of the server"),
    ("caller", "The caller of a request"),
    ("tokens", "The tokens of callers"),
    ("evaluate", "Decisions now or at an earlier revision"),
    ("evaluations", "How often flags were evaluated"),
    ("explain", "Explanations of decisions"),
];

/// The document of these endpoints.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in endpoints {
        let operation = serde_json::to_value(operation(endpoint, &mut schemas)).unwrap_or_default();
        let methods = paths.entry(endpoint.pattern()).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(endpoint.method.as_str().to_lowercase(), operation);
        }
    }
    let error = schemas.output::<ErrorBody<'static>>();
    let mut definitions = schemas.definitions();
    definitions.entry("Error").or_insert(error);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "novi",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Feature flags in your own SQL database. `x-novi-role` is the lowest role that a token needs.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "tags": TAGS.map(|(name, text)| json!({"name": name, "description": text})),
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

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Operation {
    let token = || vec![json!({"bearer": []}), json!({"key": []})];
    let (role, security) = match endpoint.access {
        Access::Public => ("public", vec![json!({})]),
        Access::Optional => ("optional", [vec![json!({})], token()].concat()),
        Access::Metrics => ("server", token()),
        Access::Requires(role) => (role.as_str(), token()),
    };
    let mut id = endpoint.method.as_str().to_lowercase();
    for word in words(&endpoint.pattern()) {
        id.push('_');
        id.push_str(word);
    }
    let error = json!({"$ref": "#/components/schemas/Error"});
    let error = |text: &str| json!({"description": text, "content": {"application/json": {"schema": error}}});
    let responses = [("4XX", "The request is rejected"), ("5XX", "The server failed")];
    let mut operation = Operation {
        summary: endpoint.summary,
        id,
        tags: vec![tag(endpoint.path)],
        responses: responses.map(|(code, text)| (code.to_owned(), error(text))).into(),
        security,
        role,
        ..Operation::default()
    };
    (endpoint.describe)(&mut operation, schemas);
    operation
}

pub(crate) fn tag(path: &'static str) -> &'static str {
    words(path).find(|word| *word != "api").unwrap_or_default()
}

fn words(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty())
}

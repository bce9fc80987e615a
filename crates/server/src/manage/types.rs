//! `GET /api/types`: the activation types, with the JSON Schemas of their configs.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    app::AppState,
    http::{error::ApiError, reply::Reply},
    manage::response::page::Page,
};

/// An activation type.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ActivationType {
    /// Its name in rows.
    class_name: String,
    /// Its other names.
    aliases: Vec<String>,
    /// One sentence.
    description: String,
    /// The JSON Schema of its config.
    schema: serde_json::Value,
}

pub(crate) async fn list(State(state): State<AppState>) -> Result<Reply<Page<ActivationType>>, ApiError> {
    let registry = state.flags().registry();
    let items: Vec<_> = registry.iter().collect();
    Reply::new(&Page {
        items,
        next: None,
        revision: state.flags().snapshot().revision().number(),
        total: None,
    })
}

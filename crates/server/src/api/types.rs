//! `GET /api/types`: which activation types rows can name, with the JSON Schemas of their configs.

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::page::Page;
use crate::{error::ApiError, reply::Answer, state::AppState};

/// An activation type.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ActivationType {
    /// How rows name it.
    class_name: String,
    /// Its other names.
    aliases: Vec<String>,
    /// What it says, in a sentence.
    description: String,
    /// The JSON Schema of its config.
    schema: serde_json::Value,
}

pub(crate) async fn list(State(state): State<AppState>) -> Result<Answer<Page<ActivationType>>, ApiError> {
    let registry = state.flags().registry();
    let items: Vec<_> = registry.iter().collect();
    Answer::of(&Page { items, next: None, revision: state.flags().snapshot().revision().number() })
}

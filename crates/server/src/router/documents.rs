//! The OpenAPI document as bytes, which all responses share.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use axum::body::Bytes;
use serde_json::{Value, json};

/// The document for each path below which a router is mounted. Each response would otherwise have a copy in memory
/// until its client has read it.
pub(crate) struct Documents {
    document: Value,
    made: Mutex<HashMap<String, Bytes>>,
}

impl Documents {
    /// An application has a few paths, but they may have parameters, which callers choose.
    const MOST: usize = 16;

    pub(crate) fn new(document: Value) -> Self {
        Self { document, made: Mutex::default() }
    }

    /// The document with this path in `servers`.
    ///
    /// # Errors
    /// It cannot be serialized.
    pub(crate) fn at(&self, prefix: &str) -> serde_json::Result<Bytes> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = made.get(prefix) {
            return Ok(bytes.clone());
        }
        let bytes = Bytes::from(if prefix.is_empty() {
            serde_json::to_vec(&self.document)?
        } else {
            let mut document = self.document.clone();
            document["servers"] = json!([{"url": prefix}]);
            serde_json::to_vec(&document)?
        });
        if made.len() < Self::MOST {
            made.insert(prefix.to_owned(), bytes.clone());
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_share_the_bytes_of_a_path() {
        let documents = Documents::new(json!({"openapi": "3.1.0"}));
        let at = |prefix: &str| documents.at(prefix).unwrap();
        assert_eq!(at(""), r#"{"openapi":"3.1.0"}"#);
        assert_eq!(at("/novi"), r#"{"openapi":"3.1.0","servers":[{"url":"/novi"}]}"#);
        assert_eq!(at("").as_ptr(), at("").as_ptr());
        assert_eq!(at("/novi").as_ptr(), at("/novi").as_ptr());
        for tenant in 0..100 {
            assert!(!at(&format!("/{tenant}")).is_empty());
        }
        assert_eq!(documents.made.lock().unwrap().len(), Documents::MOST);
    }
}

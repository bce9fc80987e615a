//! What SQL cannot state, and where.

use std::fmt;

use serde::Serialize;

/// Where a condition is: the row of an activation, or an activation inside of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The flag whose activation it is.
    pub flag: String,
    /// The id of the row; `None` for the flag itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// The name of the row, which activations inside of it have as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The class name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
}

/// A part of a flag that SQL cannot state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The activation.
    #[serde(flatten)]
    pub place: Place,
    /// The location in its config, such as `config.hash`; empty for all of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Why, and what to do.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { flag, id, name, class_name } = &self.place;
        match (id, name) {
            (Some(id), Some(name)) => write!(f, "activation {id} {name:?}")?,
            (Some(id), None) => write!(f, "activation {id}")?,
            (None, _) => write!(f, "flag {flag:?}")?,
        }
        if let Some(class_name) = class_name {
            write!(f, " ({class_name})")?;
        }
        if !self.path.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

//! Errors of analyses.

use novi_audience::AudienceError;

/// Why an experiment cannot be analyzed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The address is not that of a database.
    #[error(
        "expected the address of a database, which starts with sqlite:, postgres:, postgresql:, mysql: or mariadb:"
    )]
    Url,
    /// Nothing is recorded of the experiment.
    #[error(
        "no unit of {0:?} is recorded in novi_assignments in this time: evaluate the flag with `expose`, or correct the name"
    )]
    NoUnits(String),
    /// The control is none of the variants.
    #[error("no unit has the variant {control:?}; recorded are {}", .variants.join(", "))]
    Control {
        /// The variant that was to be the control.
        control: String,
        /// Those that are recorded.
        variants: Vec<String>,
    },
    /// The time is empty.
    #[error("expected an end after the start, found {from} to {until}: exchange them")]
    Times {
        /// The start.
        from: chrono::DateTime<chrono::Utc>,
        /// The end.
        until: chrono::DateTime<chrono::Utc>,
    },
    /// No attribute has this name.
    #[error("unknown attribute {attribute:?}; known are {}: select it in a file with `-- kind: attributes {attribute}`", .known.join(", "))]
    Attribute {
        /// The attribute.
        attribute: String,
        /// Those that are known.
        known: Vec<String>,
    },
    /// The assignments could not be read.
    #[error("could not read the assignments: {0}")]
    Database(AudienceError),
}

//! Why an experiment cannot be created or changed.

use novi::builtin::ExperimentState;

/// Why an experiment cannot be created, or cannot change its state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No row is an experiment of this name.
    #[error("no experiment is named {name:?}{}", .similar.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default())]
    NotFound {
        /// The name.
        name: String,
        /// A similar name of an experiment.
        similar: Option<String>,
    },
    /// No flag has this name.
    #[error("no flag is named {0:?}; create it first")]
    Flag(String),
    /// Several rows are experiments of this name.
    #[error("several experiments are named {0:?}, so that their records mix: rename one of them")]
    Ambiguous(String),
    /// An activation has the name.
    #[error(
        "an activation is named {0:?} already; the name of an experiment identifies its records, so choose another one"
    )]
    NameTaken(String),
    /// The name cannot be recorded.
    #[error("expected a name of 1 to 255 characters")]
    Name,
    /// The flag gets its variants from elsewhere.
    #[error(
        "the flag {flag:?} gets its variants from the activation {id} {name:?} ({class}); unlink it from the flag first"
    )]
    HasVariants {
        /// The flag.
        flag: String,
        /// The id of the activation.
        id: i64,
        /// Its name.
        name: String,
        /// Its class name.
        class: String,
    },
    /// There is nothing to compare.
    #[error("expected at least two variants, found {0}: an experiment compares them")]
    OneVariant(usize),
    /// The control is no variant.
    #[error("expected one of the variants {} as the control, found {control:?}", .variants.join(", "))]
    Control {
        /// The control.
        control: String,
        /// The variants.
        variants: Vec<String>,
    },
    /// The layer has no free range of this size.
    #[error(
        "the layer {layer:?} has no free range of {wanted} %; the largest one has {free} %: decide other experiments of \
         the layer, or take less"
    )]
    LayerFull {
        /// The layer.
        layer: String,
        /// The percentage that was wanted.
        wanted: f64,
        /// The percentage of the largest free range.
        free: f64,
    },
    /// Another experiment of the layer runs in the same range.
    #[error(
        "the experiment {other:?} runs in the same range of the layer {layer:?}; stop it first, or change a range"
    )]
    Overlap {
        /// The layer.
        layer: String,
        /// The other experiment.
        other: String,
    },
    /// Another experiment draws the same layer or holdout by another hash.
    #[error(
        "the experiment {other:?} draws the {shared} by {hash}, and this one would not, so that both enroll the same units: \
         take its `hash`, or another name"
    )]
    OtherHash {
        /// The layer or holdout, in words.
        shared: String,
        /// The other experiment.
        other: String,
        /// By what it draws: `murmur3` or `sha256`.
        hash: &'static str,
    },
    /// A percentage is out of range.
    #[error("{field}: expected more than 0 and at most 100 percent, found {found}")]
    Percentage {
        /// The field.
        field: &'static str,
        /// What was found.
        found: f64,
    },
    /// The state does not allow the step.
    #[error("the experiment {name:?} is {}: {hint}", state_words(*.state))]
    State {
        /// The experiment.
        name: String,
        /// Its state.
        state: ExperimentState,
        /// What to do.
        hint: &'static str,
    },
    /// The end of the experiment is in the past.
    #[error("the end of the experiment {name:?}, {end}, is over; set a later one, or remove it")]
    Over {
        /// The experiment.
        name: String,
        /// Its end.
        end: chrono::DateTime<chrono::Utc>,
    },
    /// The decision names no variant.
    #[error("expected one of the variants {}, or off, found {variant:?}", .variants.join(", "))]
    Variant {
        /// What was found.
        variant: String,
        /// The variants.
        variants: Vec<String>,
    },
    /// The decision is neither a variant nor off, or both.
    #[error("expected either a variant or off")]
    Decision,
    /// The decision has no reason.
    #[error("a decision needs a reason: state why")]
    Reason,
    /// The config of the row is invalid.
    #[error(
        "the config of the experiment {name:?} is invalid: {message}; `novi check` lists what to correct"
    )]
    Config {
        /// The experiment.
        name: String,
        /// What is invalid.
        message: String,
    },
}

const fn state_words(state: ExperimentState) -> &'static str {
    match state {
        ExperimentState::Draft => "a draft",
        ExperimentState::Running => "running",
        ExperimentState::Stopped => "stopped",
        ExperimentState::Decided => "decided",
    }
}

//! Errors of commands about experiments.

use novi::rows::Rows;
use novi_experiments::{ExperimentStep, PlanError};

use crate::output::Failure;

pub(super) fn failure(error: &PlanError) -> Failure {
    match error {
        PlanError::NotFound { .. } => Failure::not_found(error.to_string()).code("experiment_not_found"),
        PlanError::Reason => Failure::usage(format!("{error} with --reason")),
        PlanError::Name
        | PlanError::OneVariant(_)
        | PlanError::Control { .. }
        | PlanError::Percentage { .. }
        | PlanError::Variant { .. }
        | PlanError::Decision => Failure::usage(error.to_string()),
        _ => Failure::rejected(error.to_string()),
    }
}

/// The error of a name that no experiment, or several of them, have.
pub(super) fn no_experiment(rows: &Rows, name: &str) -> Failure {
    match ExperimentStep::Stop.plan(rows, name, chrono::Utc::now()) {
        Err(error) => failure(&error),
        Ok(_) => Failure::not_found(format!("no experiment is named {name:?}")),
    }
}

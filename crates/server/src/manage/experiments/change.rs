//! Changes of experiments: a new one, and the steps of its life.

use axum::{extract::State, http::StatusCode};
use chrono::Utc;
use novi::rows::Rows;
use novi_experiments::{ExperimentStep, ExperimentSummary, NewExperiment, PlanError, experiments};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::list::units;
use crate::{
    app::{AppState, extract::FlagName, rows::rows},
    http::{
        error::ApiError,
        problem::{Problem, ProblemKind},
    },
    manage::{
        edit::perform::{EditRequest, Outcome, Written},
        request::{
            fields::{ActivationFields, New, Patch},
            integer::Int,
            json_body::JsonBody,
            operation::{FlagRef, Link, Operation, RequestedChange, Update},
            params::{EditOptions, FlagKey, IfMatch},
        },
        response::row::{Changed, Created, Row},
    },
};

/// So many times a change is drafted again after others have changed its rows.
const MOST_RETRIES: u32 = 3;

/// A decision: either a variant for all callers, or off.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct Decision {
    /// The variant for all callers.
    #[serde(default)]
    variant: Option<String>,
    /// Whether the activation, and with it the flag, is off instead.
    #[serde(default)]
    off: bool,
    /// Why, for the experiment and for the history. Required, here or as that of the change.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    reason: Option<String>,
    /// The row's version that you have read, in place of `If-Match`.
    #[serde(default)]
    version: Option<Int>,
}

/// An experiment after a change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChangedExperiment {
    #[serde(flatten)]
    summary: ExperimentSummary,
    /// The first revision with the change.
    revision: i64,
}

pub(crate) async fn create(
    State(state): State<AppState>,
    options: EditOptions,
    body: JsonBody<NewExperiment>,
) -> Result<Created<ChangedExperiment>, ApiError> {
    // The fields of the body are those of the config, at the same places.
    let config = JsonBody { value: (), json: json!({"config": &body.json}), problems: Vec::new() };
    let new = body.valid()?;
    let outcome = perform(&state, &options, (&config, None), |rows| {
        let (flag, config) = new.plan(rows)?;
        let id = rows.highest_ids().activations.saturating_add(1);
        let fields = ActivationFields {
            id: Some(Int(id)),
            name: Some(new.name.clone()),
            class_name: Some(NewExperiment::CLASS.to_owned()),
            config: Some(raw(config)),
            ..ActivationFields::default()
        };
        let link = Link { flag: FlagRef(FlagKey::Id(flag.id)), activation: Int(id), version: None };
        Ok(vec![Operation::CreateActivation(New(fields)), Operation::Link(link)])
    });
    match outcome.await.map_err(in_body)? {
        Outcome::Planned(plan) => Created::planned(&plan),
        Outcome::Written(written) => Ok(Created::row(written_row(&state, &written).await?, "experiments")),
    }
}

pub(crate) async fn start(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    version: IfMatch,
    options: EditOptions,
) -> Result<Changed<ChangedExperiment>, ApiError> {
    step(&state, &options, &name, version.or(None)?, &ExperimentStep::Start).await
}

pub(crate) async fn stop(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    version: IfMatch,
    options: EditOptions,
) -> Result<Changed<ChangedExperiment>, ApiError> {
    step(&state, &options, &name, version.or(None)?, &ExperimentStep::Stop).await
}

pub(crate) async fn decide(
    State(state): State<AppState>,
    FlagName(name): FlagName,
    version: IfMatch,
    mut options: EditOptions,
    body: JsonBody<Decision>,
) -> Result<Changed<ChangedExperiment>, ApiError> {
    let Decision { variant, off, reason, version: stated } = body.valid()?;
    let reason = reason.or_else(|| options.reason.clone());
    options.reason = options.reason.or_else(|| reason.clone());
    let decided = ExperimentStep::decide(variant, off, reason).map_err(|error| refused(&error))?;
    step(&state, &options, &name, version.or(stated)?, &decided).await
}

/// Makes a step of the experiment with this name.
async fn step(
    state: &AppState,
    options: &EditOptions,
    name: &str,
    version: Option<Int>,
    step: &ExperimentStep,
) -> Result<Changed<ChangedExperiment>, ApiError> {
    let body = JsonBody { value: (), json: Value::Null, problems: Vec::new() };
    let outcome = perform(state, options, (&body, version), |rows| {
        let (row, config) = step.plan(rows, name, Utc::now())?;
        // The step follows from the config that was read.
        let version = version.unwrap_or(Int(row.row_version));
        let set = ActivationFields {
            config: Some(raw(config)),
            version: Some(version),
            ..ActivationFields::default()
        };
        Ok(vec![Operation::UpdateActivation(Update { row: Int(row.id), set: Patch(set) })])
    });
    match outcome.await? {
        Outcome::Planned(plan) => Changed::planned(&plan),
        Outcome::Written(written) => Ok(Changed::row(written_row(state, &written).await?)),
    }
}

/// Drafts a change of the current rows and makes it. The draft is made again if the rows have changed, unless the
/// caller has stated their version.
async fn perform(
    state: &AppState,
    options: &EditOptions,
    (body, version): (&JsonBody<()>, Option<Int>),
    draft: impl Fn(&Rows) -> Result<Vec<Operation>, PlanError>,
) -> Result<Outcome, ApiError> {
    let mut retries = if version.is_some() { 0 } else { MOST_RETRIES };
    loop {
        let snapshot = state.flags().snapshot();
        let error = match draft(rows(&snapshot)?) {
            Ok(operations) => {
                let changes = operations.into_iter().map(RequestedChange::single).collect();
                match EditRequest::new(state, options, changes).with_body(body).perform().await {
                    Ok(outcome) => return Ok(outcome),
                    Err(error) => error,
                }
            }
            // The rows of this server may be older than those of the database.
            Err(error) => refused(&error),
        };
        let may_be_outdated = matches!(
            error.status,
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED | StatusCode::NOT_FOUND
        );
        if retries == 0 || !may_be_outdated || state.flags().refresh().await.is_err() {
            return Err(error);
        }
        if state.flags().snapshot().revision() == snapshot.revision() {
            return Err(error);
        }
        retries -= 1;
    }
}

fn raw(config: String) -> Option<Box<RawValue>> {
    RawValue::from_string(config).ok()
}

/// The experiment of the first change.
async fn written_row(state: &AppState, written: &Written) -> Result<Row<ChangedExperiment>, ApiError> {
    let id = written.targets.first().map(|(_, id)| *id);
    let found = experiments(rows(&written.snapshot)?).into_iter().find(|found| Some(found.row.id) == id);
    let missing = || ApiError::not_seen(written.revision, "the written row is not in the current snapshot");
    let found = found.ok_or_else(missing)?;
    let units = units(state, &found.row.name).await;
    let changed =
        ChangedExperiment { summary: found.summary(units.as_deref()), revision: written.revision.number() };
    Row::new(&changed, found.row.row_version)
}

/// The problems of the row, as those of the body: its fields are those of the config.
fn in_body(mut error: ApiError) -> ApiError {
    for problem in error.details.iter_mut().flat_map(|details| &mut details.problems) {
        if let Some(field) = problem.pointer.strip_prefix("/config") {
            problem.pointer = field.to_owned();
        }
    }
    error
}

fn refused(error: &PlanError) -> ApiError {
    let message = error.to_string();
    let (pointer, kind) = match error {
        PlanError::NotFound { .. } => {
            return ApiError::new(StatusCode::NOT_FOUND, "experiment_not_found", message);
        }
        PlanError::NameTaken(_) => ("/name", ProblemKind::Exists),
        PlanError::Name => ("/name", ProblemKind::Invalid),
        PlanError::Flag(_) => ("/flag", ProblemKind::Missing("flag_not_found")),
        PlanError::HasVariants { .. } => ("/flag", ProblemKind::Refused),
        PlanError::OneVariant(_) => ("/variants", ProblemKind::Invalid),
        PlanError::Control { .. } => ("/control", ProblemKind::Invalid),
        PlanError::LayerFull { .. } => ("/layer", ProblemKind::Refused),
        PlanError::Percentage { field: "layer", .. } => ("/layer/percentage", ProblemKind::Invalid),
        PlanError::Percentage { .. } => ("/traffic", ProblemKind::Invalid),
        PlanError::Variant { .. } => ("/variant", ProblemKind::Invalid),
        PlanError::Decision => ("", ProblemKind::Invalid),
        PlanError::Reason => ("/reason", ProblemKind::Invalid),
        _ => ("", ProblemKind::Refused),
    };
    ApiError::rejected(vec![Problem::new(pointer, message).kind(kind)])
}

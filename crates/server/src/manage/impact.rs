//! `POST /api/impact`: whom changes would affect, among the callers in the body.

use std::time::Instant;

use axum::extract::{FromRequest, Request, State};
use novi::{
    Context,
    error::json_terms,
    snapshot::{Comparison, Impact, Plan, Snapshot},
    store,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use crate::{
    app::{
        AppState,
        audience::run_saved,
        extract::{check_length, check_values, read_json},
        rows::rows,
    },
    http::{
        describe::{Input, Operation as Described, Schemas},
        error::ApiError,
        problem::Problem,
        reply::Reply,
    },
    manage::{
        edit::draft::Draft,
        edits::{Edit, requested},
        request::json_body::JsonBody,
        response::plan::PlannedRows,
        rollback::Rollback,
    },
    options::Options,
};

/// The most contexts of one request.
const MOST_CONTEXTS: usize = 100_000;

/// The most contexts whose problems are reported.
const MOST_PROBLEMS: usize = 50;

/// Changes, and the callers to evaluate.
pub(crate) struct ImpactBody {
    changes: Changes,
    callers: Callers,
}

/// The changes of a request.
enum Changes {
    Listed(JsonBody<Edit>),
    Rollback(Rollback),
}

/// The callers of a request.
enum Callers {
    Given(Vec<Context<'static>>),
    /// Those of recent evaluations.
    Sample,
    /// Those of a saved query.
    Query(String),
}

/// What stands for the sample of recent contexts.
const SAMPLE: &str = r#""sample""#;

impl ImpactBody {
    fn parse(bytes: &[u8], options: &Options) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        #[serde(
            deny_unknown_fields,
            expecting = "an object with `changes` or `rollback`, and with `contexts`"
        )]
        struct Body<'a> {
            #[serde(default, borrow)]
            changes: Option<&'a RawValue>,
            #[serde(default)]
            rollback: Option<Rollback>,
            #[serde(borrow)]
            contexts: &'a RawValue,
        }
        let text = std::str::from_utf8(bytes).map_err(ApiError::body_not_utf8)?;
        let Body { changes, rollback, contexts } = serde_json::from_str(text)
            .map_err(|error| ApiError::invalid_body(&json_terms::of_text(text, &error)))?;
        let callers = match contexts.get() {
            SAMPLE => Callers::Sample,
            text if text.starts_with('{') => Callers::Query(parse_query(contexts)?),
            _ => Callers::Given(parse_contexts(contexts, options)?),
        };
        let changes = match (changes, rollback) {
            (Some(changes), None) => {
                Changes::Listed(JsonBody::parse(format!(r#"{{"changes": {changes}}}"#).as_bytes())?)
            }
            (None, Some(rollback)) => Changes::Rollback(rollback),
            (None, None) | (Some(_), Some(_)) => {
                let message = "expected either `changes` or `rollback`";
                return Err(ApiError::invalid(vec![Problem::new("", message)]));
            }
        };
        Ok(Self { changes, callers })
    }
}

fn parse_query(json: &RawValue) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Saved {
        query: String,
    }
    let saved: Saved = serde_json::from_str(json.get()).map_err(|error| {
        let expectation = "expected a list of contexts, \"sample\", or {\"query\": NAME} for a saved query";
        ApiError::invalid(vec![Problem::new("/contexts", json_terms::unmet(expectation, &error))])
    })?;
    Ok(saved.query)
}

fn parse_contexts(json: &RawValue, options: &Options) -> Result<Vec<Context<'static>>, ApiError> {
    let contexts: Vec<&RawValue> = serde_json::from_str(json.get()).map_err(|error| {
        let expectation = "expected a list of contexts, {\"query\": NAME} for those of a saved query, or \"sample\" for those \
                           of recent evaluations";
        ApiError::invalid(vec![Problem::new("/contexts", json_terms::unmet(expectation, &error))])
    })?;
    if contexts.len() > MOST_CONTEXTS {
        let message = format!("expected at most {MOST_CONTEXTS} contexts, found {}", contexts.len());
        return Err(ApiError::invalid(vec![Problem::new("/contexts", message)]));
    }
    let mut problems = Vec::new();
    let mut parsed = Vec::with_capacity(contexts.len());
    for (index, context) in contexts.into_iter().enumerate() {
        check_length(context.get().len(), options)?;
        let context = Context::from_json(context.get()).map_err(|error| error.to_string());
        let context = context.and_then(|context| check_values(&context, options).map(|()| context));
        match context {
            Ok(context) => parsed.push(context),
            Err(message) => problems.push(Problem::new(format!("/contexts/{index}"), message)),
        }
        if problems.len() == MOST_PROBLEMS {
            break;
        }
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid(problems));
    }
    Ok(parsed)
}

impl FromRequest<AppState> for ImpactBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let bytes = read_json(request, state.options().impact_limit).await?;
        Self::parse(&bytes, state.options())
    }
}

impl Input for ImpactBody {
    fn describe(operation: &mut Described, schemas: &mut Schemas) {
        let mut schema = json!({
            "type": "object",
            "required": ["contexts"],
            "properties": {
                "contexts": {
                    "description": "The callers, `sample` for those of recent evaluations that the server keeps, or the \
                                    name of a saved query that selects them",
                    "anyOf": [
                        {
                            "type": "array",
                            "maxItems": MOST_CONTEXTS,
                            "items": {"type": "object", "description": "A caller's attributes by name"},
                        },
                        {"const": "sample"},
                        {
                            "type": "object",
                            "required": ["query"],
                            "properties": {"query": {"type": "string"}},
                            "additionalProperties": false,
                        },
                    ],
                },
            },
            "additionalProperties": false,
        });
        schema["properties"]["changes"] = json!({
            "description": "The changes, as in `POST /api/edits`",
            "type": "array",
            "items": schemas.input::<crate::manage::request::operation::Operation>(),
        });
        schema["properties"]["rollback"] = json!({
            "description": "A rollback in place of changes, as in `POST /api/rollback`",
            "allOf": [schemas.input::<Rollback>()],
        });
        operation.body(true, "The changes and the callers", &schema);
        operation.error(413, "The body is larger than `impact_limit`, or a context is too long");
        operation.error(415, "The content type is not JSON");
        operation.error(422, "A change or a context is invalid; `problems` has the places");
    }
}

/// Whom the changes would affect.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EditImpact {
    /// The revision that was compared with.
    revision: i64,
    plan: PlannedRows,
    /// Why the changes would be rejected; empty if they would be written.
    problems: Vec<Problem>,
    impact: Impact,
    /// `[server] impact_warning`: a flag that decides otherwise for more than this share of the contexts, in percent,
    /// affects so many that people should look again.
    warn_above: u8,
}

pub(crate) async fn impact(
    State(state): State<AppState>,
    body: ImpactBody,
) -> Result<Reply<EditImpact>, ApiError> {
    let ImpactBody { changes, callers } = body;
    let mut listed = match changes {
        Changes::Listed(listed) => listed,
        Changes::Rollback(rollback) => {
            let edit = rollback.edit(&state).await?;
            let snapshot = state.flags().snapshot();
            let found = measure(&state, &snapshot, &edit, callers).await?;
            return reply(&state, &snapshot, found, Vec::new());
        }
    };
    let changed = requested(&mut listed)?;
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let draft = Draft::of(rows, &listed.json, &listed.problems, &changed);
    if !draft.problems.is_empty() {
        return Err(ApiError::rejected(draft.all_problems(Vec::new())));
    }
    let mut found = measure(&state, &snapshot, &draft.edit(), callers).await?;
    let mut problems = draft.all_problems(std::mem::take(&mut found.0.problems));
    problems.extend(draft.outdated_problems());
    reply(&state, &snapshot, found, problems)
}

fn reply(
    state: &AppState,
    snapshot: &Snapshot,
    (plan, impact): (Plan, Impact),
    problems: Vec<Problem>,
) -> Result<Reply<EditImpact>, ApiError> {
    let plan = PlannedRows { flags: plan.flags, activations: plan.activations };
    let warn_above = state.options().impact_warning;
    Reply::new(&EditImpact { revision: snapshot.revision().number(), plan, problems, impact, warn_above })
}

async fn measure(
    state: &AppState,
    snapshot: &Snapshot,
    edit: &store::Edit,
    callers: Callers,
) -> Result<(Plan, Impact), ApiError> {
    let rows = state.flags().rows_for(snapshot, edit).ok_or_else(ApiError::rows_not_kept)?;
    let contexts = match callers {
        Callers::Given(contexts) => contexts,
        Callers::Sample if state.sample().is_enabled() => state.sample().contexts(),
        Callers::Sample => {
            let message = "this server keeps no sample of contexts: set [server] sample_contexts";
            return Err(ApiError::invalid(vec![Problem::new("/contexts", message)]));
        }
        Callers::Query(name) => {
            let (plan, comparison) = state.flags().comparison(rows, edit);
            let counted = run_saved(state, ("/contexts/query", &name), comparison, Comparison::add);
            return Ok((plan, counted.await?.finish()));
        }
    };
    let limit = state.options().request_timeout;
    let deadline = Instant::now().checked_add(limit);
    let (plan, impact) = state.flags().impact_until(deadline, rows, edit, &contexts);
    Ok((plan, impact.ok_or_else(|| ApiError::answer_timeout(limit))?))
}

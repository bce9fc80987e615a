//! `/api/audience`: who has a flag, among the users of the application's database.

use axum::extract::State;
use novi::{
    rows::Rows,
    snapshot::{Audience as Counted, AudienceCounter, Comparison, FlagImpact},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    app::{
        AppState,
        audience::run_saved,
        rows::{flag_not_found, rows},
    },
    http::{error::ApiError, problem::Problem, reply::Reply},
    manage::{
        edit::draft::Draft,
        edits::{Edit, requested},
        request::json_body::JsonBody,
    },
};

/// Which flag, and which callers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AudienceBody {
    /// The flag's name.
    flag: String,
    /// The saved query that selects the callers.
    query: String,
    /// Changes that are not made, as in `POST /api/edits`: the response has who would enter and leave by them.
    #[serde(default)]
    #[schemars(with = "Option<Vec<crate::manage::request::operation::Operation>>")]
    changes: Option<Box<RawValue>>,
}

/// Who has a flag.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Audience {
    #[serde(flatten)]
    counted: Counted,
    /// Who would enter and leave by the changes; `null` if they do not affect the flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(clippy::option_option, reason = "left out, null, or an impact")]
    change: Option<Option<FlagImpact>>,
    /// Why the changes would be rejected; empty if they would be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<Problem>>,
}

pub(crate) async fn audience(
    State(state): State<AppState>,
    body: JsonBody<AudienceBody>,
) -> Result<Reply<Audience>, ApiError> {
    let AudienceBody { flag, query, changes } = body.valid()?;
    let snapshot = state.flags().snapshot();
    let rows = rows(&snapshot)?;
    let comparison = match changes {
        Some(changes) => Some(compared(&state, rows, (&changes, &flag))?),
        None => None,
    };
    // Evaluations of the current snapshot are counted as those of callers.
    let counter = AudienceCounter::new(state.flags().snapshot_of(rows.clone()), &flag);
    let counter = counter.map_err(|_| ApiError::flag_not_found(&flag_not_found(&snapshot, rows, &flag)))?;
    let streamed = run_saved(&state, ("/query", &query), (counter, comparison), |both, context| {
        both.0.add(context);
        if let Some(compared) = &mut both.1 {
            compared.comparison.add(context);
        }
    });
    let (counter, compared) = streamed.await?;
    let (change, problems) = compared.map(Compared::finish).unzip();
    Reply::new(&Audience { counted: counter.finish(), change, problems })
}

/// The rows before and after changes.
struct Compared {
    comparison: Comparison,
    /// The flag's name after the changes.
    flag: String,
    problems: Vec<Problem>,
}

impl Compared {
    fn finish(self) -> (Option<FlagImpact>, Vec<Problem>) {
        let changed = self.comparison.finish().flags;
        (changed.into_iter().find(|changed| changed.flag == self.flag), self.problems)
    }
}

/// Compares the rows with those after changes.
fn compared(state: &AppState, rows: &Rows, (changes, flag): (&RawValue, &str)) -> Result<Compared, ApiError> {
    let mut changes: JsonBody<Edit> = JsonBody::parse(format!(r#"{{"changes": {changes}}}"#).as_bytes())?;
    let targets = requested(&mut changes)?;
    let draft = Draft::of(rows, &changes.json, &changes.problems, &targets);
    if !draft.problems.is_empty() {
        return Err(ApiError::rejected(draft.all_problems(Vec::new())));
    }
    let (plan, comparison) = state.flags().comparison(rows.clone(), &draft.edit());
    let row = rows.flags.iter().find(|row| row.name == flag);
    let flag = row.map_or(flag, |row| plan.name_after(row)).to_owned();
    let mut problems = draft.all_problems(plan.problems);
    problems.extend(draft.outdated_problems());
    Ok(Compared { comparison, flag, problems })
}

/// The saved queries.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Queries {
    /// In the order of their names.
    items: Vec<SavedQuery>,
}

/// A saved query that selects callers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SavedQuery {
    /// Its name.
    name: String,
    /// The SQL.
    sql: String,
}

pub(crate) async fn list(State(state): State<AppState>) -> Result<Reply<Queries>, ApiError> {
    let saved = state.options().audience.queries.iter();
    let items = saved.map(|(name, sql)| SavedQuery { name: name.clone(), sql: sql.clone() }).collect();
    Reply::new(&Queries { items })
}

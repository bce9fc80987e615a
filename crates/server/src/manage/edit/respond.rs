//! The responses of edits.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    app::rows::rows,
    http::error::ApiError,
    manage::{
        edit::perform::{EditRequest, Outcome, Written},
        response::{
            row::{Changed, Created, Row},
            view::RowDetail,
        },
    },
};

/// The response for a deleted row.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Removed {
    /// The first revision without the row.
    revision: i64,
}

impl EditRequest<'_> {
    /// Performs the request, whose only change creates a row.
    pub(crate) async fn created<T>(&self) -> Result<Created<T>, ApiError> {
        match self.perform().await? {
            Outcome::Planned(plan) => Created::planned(&plan),
            Outcome::Written(written) => {
                let location = written.targets.first().map(|(table, id)| format!("{table}/{id}"));
                Ok(Created::row(written.row()?, &location.unwrap_or_default()))
            }
        }
    }

    /// Performs the request, whose only change is of a row that stays.
    pub(crate) async fn changed<T>(&self) -> Result<Changed<T>, ApiError> {
        match self.perform().await? {
            Outcome::Planned(plan) => Changed::planned(&plan),
            Outcome::Written(written) => Ok(Changed::row(written.row()?)),
        }
    }

    /// Performs the request, whose only change deletes a row.
    pub(crate) async fn removed(&self) -> Result<Changed<Removed>, ApiError> {
        match self.perform().await? {
            Outcome::Planned(plan) => Changed::planned(&plan),
            Outcome::Written(Written { revision, .. }) => {
                Changed::new(&Removed { revision: revision.number() })
            }
        }
    }
}

impl Written {
    /// The row of the first change.
    fn row<T>(&self) -> Result<Row<T>, ApiError> {
        let rows = rows(&self.snapshot)?;
        let row =
            self.targets.first().and_then(|(table, id)| RowDetail::find(rows, &self.registry, table, *id));
        // It was deleted in the meantime, or the flags do not follow this database.
        let missing = || ApiError::not_seen(self.revision, "the written row is not in the current snapshot");
        row.ok_or_else(missing)?.into_row(self.snapshot.revision())
    }
}

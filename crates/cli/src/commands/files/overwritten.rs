//! Rows that others have changed, and that files would change again.

use novi::{
    rows::Rows,
    store::{
        FieldChange,
        history::{Entity, HistoryRecord, Operation},
    },
};
use serde::Serialize;
use serde_json::Value;

use crate::output::{Failure, fields, one_line, timestamp};

/// A row that others have changed since the last apply, in fields that the files would change again.
#[derive(Debug, Serialize)]
pub(super) struct Overwritten {
    /// The row, for people: `flags#7 "Combo AND"`.
    pub(super) subject: String,
    #[serde(skip)]
    pub(super) entity: Entity,
    pub(super) operation: Operation,
    /// What was changed, from the last apply to now.
    pub(super) fields: Vec<FieldChange>,
    pub(super) actor: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) changed_at: Option<String>,
}

impl Overwritten {
    /// What a record says of who changed a row, when and why.
    pub(super) fn by(record: Option<&HistoryRecord>) -> Self {
        Self {
            subject: String::new(),
            entity: Entity::Flag,
            operation: Operation::Update,
            fields: Vec::new(),
            actor: record.and_then(|record| record.actor.clone()),
            reason: record.and_then(|record| record.reason.clone()),
            changed_at: record.and_then(|record| record.changed_at).map(timestamp),
        }
    }
}

/// A subject with the flag's name, which a row of metadata does not have.
pub(super) fn with_name(entity: Entity, subject: String, rows: &Rows) -> String {
    let flag = subject.strip_prefix("flag_metadata#").and_then(|id| id.parse::<i64>().ok());
    let named =
        flag.filter(|_| entity == Entity::Metadata).and_then(|id| rows.flags.iter().find(|row| row.id == id));
    named.map_or(subject, |row| format!("flags#{} {:?}", row.id, row.name))
}

/// The error about rows that would be overwritten.
pub(super) fn refusal(overwritten: &[Overwritten], name: &str, is_first: bool) -> Failure {
    let lines: Vec<String> = overwritten.iter().map(|row| format!("  {row}")).collect();
    let since = if is_first {
        format!("others have changed rows (nothing was applied as {name} before)")
    } else {
        format!("others have changed rows since the last apply of {name}")
    };
    let message = format!(
        "{since}, and applying the files would undo it:\n{}\n`novi pull` \
         takes these changes over into the files; --force overwrites them",
        lines.join("\n")
    );
    let problems: Vec<Value> =
        overwritten.iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect();
    Failure::invalid(message, &problems).code("drift")
}

impl std::fmt::Display for Overwritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.operation {
            Operation::Insert => "was added",
            Operation::Update => "was changed",
            Operation::Delete => "was deleted",
        };
        let actor = self.actor.as_deref().map_or_else(|| "somebody".to_owned(), one_line);
        write!(f, "{} {what} by {actor}", self.subject)?;
        if let Some(time) = &self.changed_at {
            write!(f, ", {time}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({})", one_line(reason))?;
        }
        f.write_str(&fields(self.entity, self.operation, &self.fields))
    }
}

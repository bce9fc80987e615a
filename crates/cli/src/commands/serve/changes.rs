//! The log of changes of flags.

use std::{mem, sync::Arc};

use novi::{
    Flags,
    flags::Changes,
    rows::Revision,
    store::{
        SchemaStore,
        history::{Entity, HistoryQuery, HistoryRecord},
    },
};

/// The most records of one change that are logged.
const MOST: usize = 20;

/// Logs what the flags are loaded from, and then each change of the rows: what changed, who changed it, and why.
/// Values other than a status are not logged: they may be about users.
pub(super) fn log_changes(flags: &Flags, name: &str, url: &str) {
    let snapshot = flags.snapshot();
    let (revision, issues) = (snapshot.revision(), snapshot.issue_count());
    tracing::info!(
        revision = revision.number(),
        flags = snapshot.flag_count(),
        issues,
        source = name,
        "loaded flags"
    );
    let mut log = Log { url: url.to_owned(), store: None, seen: revision };
    let mut changes = flags.subscribe();
    tokio::spawn(async move {
        while let Some(change) = changes.next().await {
            log.change(&change).await;
        }
    });
}

struct Log {
    url: String,
    /// Connected with the first change.
    store: Option<Arc<dyn SchemaStore>>,
    seen: Revision,
}

impl Log {
    async fn change(&mut self, change: &Changes) {
        let before = mem::replace(&mut self.seen, change.revision);
        let revision = change.revision.number();
        if change.whole {
            tracing::info!(revision, "read all rows again");
        }
        let records = self.records(before, change.revision).await.unwrap_or_else(|error| {
            tracing::debug!("could not read the history: {error}");
            Vec::new()
        });
        if records.is_empty() && !change.whole {
            let flags = change.changed.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
            tracing::info!(revision, flags, "flags changed");
        }
        for record in records.iter().take(MOST) {
            let (actor, reason) = (record.actor.as_deref(), record.reason.as_deref());
            tracing::info!(revision = record.revision.number(), actor, reason, "{}", described(record));
        }
        if records.len() > MOST {
            tracing::info!(revision, "more changes; `novi history` lists all");
        }
    }

    async fn records(&mut self, before: Revision, now: Revision) -> novi::Result<Vec<HistoryRecord>> {
        if before.number() >= now.number() {
            return Ok(Vec::new());
        }
        let store = match &self.store {
            Some(store) => Arc::clone(store),
            None => Arc::clone(self.store.insert(novi::store::connect(&self.url).await?)),
        };
        let limit = u32::try_from(MOST + 1).unwrap_or(u32::MAX);
        store.history(&HistoryQuery::oldest_first().between(before, now).limit(limit)).await
    }
}

fn described(record: &HistoryRecord) -> String {
    let operation = record.operation;
    if record.entity == Entity::Member {
        return format!("{operation} a member");
    }
    let field = |change: &novi::store::FieldChange| match change.field.as_str() {
        "status" => format!("status {} -> {}", change.before, change.after),
        field => field.to_owned(),
    };
    let fields: Vec<_> = record.fields().iter().map(field).collect();
    format!("{operation} {}: {}", record.subject(), fields.join(", "))
}

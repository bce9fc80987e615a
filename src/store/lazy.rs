//! A database that cannot be opened yet.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::OnceCell, time::sleep};

use crate::{
    error::{Error, Result},
    rows::{Revision, Rows},
    store::{
        assignments::{Assignment, AssignmentRow, AssignmentStore, VariantAssignments},
        connect::connect,
        delta::{Cursor, ReadSession},
        evaluations::HourlyEvaluations,
        future::BoxFuture,
        hints::Hints,
        read::ReadStore,
        schema::SchemaStore,
        sealed::Sealed,
        table_prefix,
        tokens::{NewToken, Rotated, Rotation, StoredToken, TokenRow, TokenStore, TokenUse},
        url,
        usage::{Usage, UsageReport, UsageStore},
    },
};

/// The database at an address, opened as soon as that is possible: at the start of a program that has other
/// rows to evaluate with, its SQLite file may not exist yet.
pub(crate) struct LazyStore {
    url: String,
    table_prefix: String,
    store: Arc<OnceCell<Arc<dyn SchemaStore>>>,
}

impl LazyStore {
    pub(crate) fn new(url: &str) -> Self {
        // An invalid one is an error when the address is opened.
        let (_, table_prefix) = table_prefix::take(url).unwrap_or_default();
        Self { url: url.to_owned(), table_prefix, store: Arc::default() }
    }

    async fn store(&self) -> Result<&Arc<dyn SchemaStore>> {
        self.store.get_or_try_init(|| connect(&self.url)).await
    }
}

impl Sealed for LazyStore {}

impl ReadStore for LazyStore {
    fn name(&self) -> String {
        self.store.get().map_or_else(|| url::redacted(&self.url), |store| store.name())
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async move { self.store().await?.revision().await })
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async move { self.store().await?.load().await })
    }

    fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn ReadSession>>>> {
        Box::pin(async move { self.store().await?.session().await })
    }

    fn note_seen<'a>(&'a self, before: &'a Cursor, now: &'a Cursor) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(store) = self.store.get() {
                store.note_seen(before, now).await;
            }
        })
    }

    fn hints(&self, hints: Arc<Hints>, every: Duration) -> Option<BoxFuture<'static, ()>> {
        let store = Arc::clone(&self.store);
        Some(Box::pin(async move {
            // The task that follows the rows opens it.
            let store = loop {
                match store.get() {
                    Some(store) => break store,
                    None => sleep(every).await,
                }
            };
            if let Some(hints) = store.hints(hints, every) {
                hints.await;
            }
        }))
    }

    fn followers(&self) -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(async move { self.store().await?.followers().await })
    }

    fn generation(&self) -> u64 {
        self.store.get().map_or(0, |store| store.generation())
    }

    fn table_prefix(&self) -> &str {
        &self.table_prefix
    }

    fn usage_store(&self) -> Option<&dyn UsageStore> {
        Some(self)
    }

    fn assignment_store(&self) -> Option<&dyn AssignmentStore> {
        Some(self)
    }

    fn token_store(&self) -> Option<&dyn TokenStore> {
        Some(self)
    }
}

fn token_store(store: &dyn SchemaStore) -> Result<&dyn TokenStore> {
    store
        .token_store()
        .ok_or_else(|| Error::store(store.name(), "could not read the tokens", "this store has none"))
}

impl TokenStore for LazyStore {
    fn token_changes(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        Box::pin(async move { token_store(&**self.store().await?)?.token_changes().await })
    }

    fn stored_tokens(&self) -> BoxFuture<'_, Result<Vec<StoredToken>>> {
        Box::pin(async move { token_store(&**self.store().await?)?.stored_tokens().await })
    }

    fn create_token(&self, token: NewToken) -> BoxFuture<'_, Result<TokenRow>> {
        Box::pin(async move { token_store(&**self.store().await?)?.create_token(token).await })
    }

    fn create_tokens(&self, tokens: Vec<NewToken>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { token_store(&**self.store().await?)?.create_tokens(tokens).await })
    }

    fn rotate_token<'a>(
        &'a self,
        token: &'a str,
        rotation: &'a Rotation,
    ) -> BoxFuture<'a, Result<Option<Rotated>>> {
        Box::pin(async move { token_store(&**self.store().await?)?.rotate_token(token, rotation).await })
    }

    fn revoke_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Vec<TokenRow>>> {
        Box::pin(async move { token_store(&**self.store().await?)?.revoke_token(token).await })
    }

    fn record_token_use(&self, uses: Vec<TokenUse>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { token_store(&**self.store().await?)?.record_token_use(uses).await })
    }
}

impl UsageStore for LazyStore {
    fn record_usage(&self, usage: Vec<Usage>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.store().await?.usage_store() {
                Some(store) => store.record_usage(usage).await,
                None => Ok(()),
            }
        })
    }

    fn usage(&self) -> BoxFuture<'_, Result<UsageReport>> {
        Box::pin(async move {
            match self.store().await?.usage_store() {
                Some(store) => store.usage().await,
                None => Ok(UsageReport::default()),
            }
        })
    }

    fn usage_of<'a>(&'a self, flags: &'a [String]) -> BoxFuture<'a, Result<UsageReport>> {
        Box::pin(async move {
            match self.store().await?.usage_store() {
                Some(store) => store.usage_of(flags).await,
                None => Ok(UsageReport::default()),
            }
        })
    }

    fn record_evaluations(&self, counts: Vec<HourlyEvaluations>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.store().await?.usage_store() {
                Some(store) => store.record_evaluations(counts).await,
                None => Ok(()),
            }
        })
    }

    fn evaluations<'a>(
        &'a self,
        flags: &'a [String],
        since: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Vec<HourlyEvaluations>>> {
        Box::pin(async move {
            match self.store().await?.usage_store() {
                Some(store) => store.evaluations(flags, since).await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn prune_evaluations(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            match self.store().await?.usage_store() {
                Some(store) => store.prune_evaluations(before).await,
                None => Ok(0),
            }
        })
    }
}

fn assignment_store(store: &dyn SchemaStore) -> Result<&dyn AssignmentStore> {
    store
        .assignment_store()
        .ok_or_else(|| Error::store(store.name(), "could not read the assignments", "this store has none"))
}

impl AssignmentStore for LazyStore {
    fn record_assignments(&self, assignments: Vec<Assignment>) -> BoxFuture<'_, Result<()>> {
        Box::pin(
            async move { assignment_store(&**self.store().await?)?.record_assignments(assignments).await },
        )
    }

    fn assignments_after<'a>(
        &'a self,
        experiments: &'a [String],
        after: i64,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AssignmentRow>>> {
        Box::pin(async move {
            assignment_store(&**self.store().await?)?.assignments_after(experiments, after, limit).await
        })
    }

    fn start_of_last<'a>(&'a self, experiments: &'a [String], count: u64) -> BoxFuture<'a, Result<i64>> {
        Box::pin(
            async move { assignment_store(&**self.store().await?)?.start_of_last(experiments, count).await },
        )
    }

    fn assignments<'a>(
        &'a self,
        experiment: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AssignmentRow>>> {
        Box::pin(
            async move { assignment_store(&**self.store().await?)?.assignments(experiment, limit).await },
        )
    }

    fn assignment_counts<'a>(
        &'a self,
        experiment: &'a str,
    ) -> BoxFuture<'a, Result<Vec<VariantAssignments>>> {
        Box::pin(async move { assignment_store(&**self.store().await?)?.assignment_counts(experiment).await })
    }

    fn forget_assignments<'a>(
        &'a self,
        experiment: &'a str,
        unit: Option<&'a str>,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            assignment_store(&**self.store().await?)?.forget_assignments(experiment, unit).await
        })
    }
}

/// Whether opening the database may succeed later: unless its address is invalid.
pub(crate) fn is_transient(error: &Error) -> bool {
    matches!(error, Error::Store { .. } | Error::Contention { .. } | Error::MissingFile { .. })
}

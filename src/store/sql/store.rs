//! The store of rows in a SQL database, written once for the three.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use sqlx::Pool;

use crate::{
    error::{Error, Result},
    rows::{Revision, Rows},
    store::{
        assignments::AssignmentStore,
        backoff::Backoff,
        change::Author,
        delta::{Cursor, ReadSession},
        edit::Edit,
        evaluations::{HourlyEvaluations, combined},
        future::BoxFuture,
        hints::Hints,
        history::{HistoryStore, moment::AsOf, query::HistoryQuery, record::HistoryRecord},
        read::ReadStore,
        schema::{Migrated, SchemaState, SchemaStore},
        sealed::Sealed,
        sql::{
            dialect::{Failure, lagging_sequence, without_source_line},
            driver::Driver,
            evaluations, history, migrate,
            names::Names,
            past,
            pool::{Connections, Lease},
            read, script,
            session::{self, Reader},
            tokens, usage, write,
        },
        table_prefix,
        tokens::{
            NewToken, Rotated, Rotation, StoredToken, TokenColumns, TokenRow, TokenStore, TokenUse,
            secret::Secret,
        },
        usage::{Usage, UsageReport, UsageStore},
        write::WriteStore,
    },
};

const CREATE_TOKEN: &str = "could not create the token";

/// Rows in a SQL database: [`SqliteStore`](crate::store::SqliteStore),
/// [`PostgresStore`](crate::store::PostgresStore) and [`MySqlStore`](crate::store::MySqlStore).
pub struct SqlStore<DB: sqlx::Database> {
    connections: Connections<DB>,
    name: String,
}

impl<DB: sqlx::Database> Clone for SqlStore<DB> {
    fn clone(&self) -> Self {
        Self { connections: self.connections.clone(), name: self.name.clone() }
    }
}

impl<DB: sqlx::Database> fmt::Debug for SqlStore<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<DB: Driver> SqlStore<DB> {
    /// The pool that the store works with.
    pub fn pool(&self) -> &Pool<DB> {
        &self.connections.pool
    }

    /// Uses tables whose names begin with a prefix, such as `acme_flags`: beside tables of other programs
    /// that have the names of novi's, or beside another novi. The setting `table_prefix`; see the guide to
    /// the tables.
    ///
    /// # Errors
    /// [`Error::Config`] if the prefix is invalid.
    pub fn with_table_prefix(mut self, prefix: &str) -> Result<Self> {
        table_prefix::check(prefix)
            .map_err(|message| Error::Config { origin: "table_prefix".to_owned(), message })?;
        let shown = |names: &Names| match names.prefix() {
            "" => String::new(),
            prefix => format!("?table_prefix={prefix}"),
        };
        let place = self.name.strip_suffix(&shown(&self.connections.names)).unwrap_or(&self.name);
        let names = Names::new(prefix);
        self.name = format!("{place}{}", shown(&names));
        self.connections.names = names;
        Ok(self)
    }

    pub(super) fn new(connections: Connections<DB>, name: String) -> Self {
        Self { connections, name }
    }

    pub(super) fn error(&self, action: &str, error: sqlx::Error) -> Error {
        DB::DIALECT.error(&self.name, action, error)
    }

    async fn read_error(&self, error: sqlx::Error) -> Error {
        session::read_error(&self.connections, &self.name, error).await
    }

    pub(super) async fn lease(&self) -> Result<Lease<DB>, sqlx::Error> {
        self.connections.lease().await
    }

    async fn read(&self) -> Result<Rows, sqlx::Error> {
        let mut lease = self.lease().await?;
        let mut transaction = lease.connection().begin_read().await?;
        let rows = read::all_rows(transaction.connection()).await?;
        transaction.commit().await?;
        lease.give_back();
        Ok(rows)
    }

    async fn read_revision(&self) -> Result<Revision, sqlx::Error> {
        let mut lease = self.lease().await?;
        let revision = read::revision(lease.connection()).await?;
        lease.give_back();
        Ok(revision)
    }

    async fn migrate_in_turn(&self) -> Result<Migrated> {
        let deadline = migrate::deadline();
        let mut tries = 0;
        loop {
            match DB::migrate(&self.connections).await {
                Err(error)
                    if matches!(migrate::failure::<DB>(&error), Failure::Busy | Failure::Contention)
                        && Instant::now() < deadline =>
                {
                    migrate::pause(tries).await;
                    tries += 1;
                }
                other => {
                    return other.map_err(|error| migrate::describe(&self.name, "could not migrate", error));
                }
            }
        }
    }

    /// A connection to write with, to a database whose migrations this build knows.
    pub(super) async fn lease_to_write(&self, action: &str) -> Result<Lease<DB>> {
        let mut lease = self.lease().await.map_err(|error| self.error(action, error))?;
        if let Err(error) = migrate::reject_newer(lease.connection(), &self.name, action).await {
            lease.give_back();
            return Err(error);
        }
        Ok(lease)
    }

    async fn commit_once(&self, edit: &Edit) -> Result<Revision> {
        let mut lease = self.lease_to_write("could not change the rows").await?;
        write::commit(&mut lease, &self.name, edit).await
    }

    async fn create_all(&self, tokens: &[TokenColumns]) -> Result<()> {
        let failed = |(error, name): (sqlx::Error, Option<&str>)| match ((DB::DIALECT.failure)(&error), name)
        {
            (Failure::Duplicate, Some(name)) if lagging_sequence(&error).is_none() => tokens::duplicate(name),
            _ => self.error(CREATE_TOKEN, error),
        };
        retried(|| async {
            let mut lease = self.lease_to_write(CREATE_TOKEN).await?;
            tokens::create(lease.connection(), tokens).await.map_err(failed)?;
            lease.give_back();
            Ok(())
        })
        .await
    }

    /// A token that was just written.
    async fn written_token(&self, action: &str, is_it: impl Fn(&StoredToken) -> bool) -> Result<TokenRow> {
        let written = self.stored_tokens().await?.into_iter().find(is_it);
        written
            .map(|token| token.row)
            .ok_or_else(|| Error::store(&self.name, action, "it was deleted at once"))
    }

    async fn mark_seen(&self, before: &Cursor, now: &Cursor) -> Result<()> {
        const ACTION: &str = "could not note which records have been seen";
        if !DB::MARKS_SEEN {
            return Ok(());
        }
        let mut lease = self.lease_to_write(ACTION).await?;
        let marked = DB::mark_seen(lease.connection(), before, now).await;
        marked.map_err(|error| self.error(ACTION, error))?;
        lease.give_back();
        Ok(())
    }
}

/// How long a transaction of novi's own is repeated that lost against others.
const CONTENTION_PATIENCE: Duration = Duration::from_secs(3);

/// Runs a transaction again, as a whole, while another one is in the way.
pub(super) async fn retried<T, F>(run: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + CONTENTION_PATIENCE;
    let mut backoff = Backoff::up_to(Duration::from_millis(500), Duration::from_millis(10));
    loop {
        match run().await {
            Err(error @ Error::Contention { .. }) if Instant::now() < deadline => {
                tracing::debug!("{error}");
                tokio::time::sleep(backoff.next_wait()).await;
            }
            done => return done,
        }
    }
}

const READ_SCHEMA: &str = "could not read the state of the tables";

impl<DB: Driver> Sealed for SqlStore<DB> {}

impl<DB: Driver> ReadStore for SqlStore<DB> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async move {
            let read = self.read_revision().await;
            read.map_err(|error| self.error("could not read the revision", error))
        })
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async move {
            match self.read().await {
                Ok(rows) => Ok(rows),
                Err(error) => Err(self.read_error(error).await),
            }
        })
    }

    fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn ReadSession>>>> {
        Box::pin(async move {
            match Reader::begin(&self.connections, &self.name).await {
                Ok(session) => Ok(Some(Box::new(session) as Box<dyn ReadSession>)),
                Err(error) => Err(self.read_error(error).await),
            }
        })
    }

    fn note_seen<'a>(&'a self, before: &'a Cursor, now: &'a Cursor) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.mark_seen(before, now).await {
                tracing::debug!("{error}");
            }
        })
    }

    fn hints(&self, hints: Arc<Hints>, every: Duration) -> Option<BoxFuture<'static, ()>> {
        DB::hints(&self.connections, hints, every)
    }

    fn followers(&self) -> BoxFuture<'_, Result<Option<u64>>> {
        Box::pin(async move {
            let Some(statement) = DB::followers(&self.connections.names) else { return Ok(None) };
            let failed = |error| self.error("could not count the processes that follow", error);
            let mut lease = self.lease().await.map_err(failed)?;
            let count = lease.connection().integer(statement).await.map_err(failed)?;
            lease.give_back();
            Ok(count.and_then(|count| u64::try_from(count).ok()))
        })
    }

    fn generation(&self) -> u64 {
        self.connections.generation()
    }

    fn table_prefix(&self) -> &str {
        self.connections.names.prefix()
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

impl<DB: Driver> WriteStore for SqlStore<DB> {
    fn commit(&self, edit: Edit) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async move { retried(|| self.commit_once(&edit)).await })
    }
}

impl<DB: Driver> SchemaStore for SqlStore<DB> {
    fn migrate(&self) -> BoxFuture<'_, Result<Migrated>> {
        Box::pin(self.migrate_in_turn())
    }

    fn schema_state(&self) -> BoxFuture<'_, Result<SchemaState>> {
        Box::pin(async move {
            let mut lease = self.lease().await.map_err(|error| self.error(READ_SCHEMA, error))?;
            let state = migrate::state::<DB>(&mut lease.typed()).await;
            state.map_err(|error| migrate::describe(&self.name, READ_SCHEMA, error))
        })
    }

    fn migration_script(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async move {
            let mut lease = self.lease().await.map_err(|error| self.error(READ_SCHEMA, error))?;
            let script = migrate::script::<DB>(&mut lease.typed()).await;
            script.map_err(|error| migrate::describe(&self.name, "could not write the migration", error))
        })
    }

    fn baseline(&self) -> BoxFuture<'_, Result<SchemaState>> {
        Box::pin(async move {
            const ACTION: &str = "could not record the migrations as applied";
            let mut lease = self.lease().await.map_err(|error| self.error(ACTION, error))?;
            let state = migrate::baseline::<DB>(&mut lease.typed()).await;
            state.map_err(|error| migrate::describe(&self.name, ACTION, error))
        })
    }

    fn run_script_by<'a>(&'a self, author: &'a Author, text: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            const ACTION: &str = "could not run the script";
            let failed = |error: sqlx::Error| match (DB::DIALECT.failure)(&error) {
                Failure::Contention => self.error(ACTION, error),
                _ if lagging_sequence(&error).is_some() => self.error(ACTION, error),
                _ => Error::store(&self.name, ACTION, without_source_line(error)),
            };
            let script = script::checked(text, DB::DIALECT.syntax)
                .map_err(|message| Error::store(&self.name, ACTION, message))?;
            if script.text.is_empty() {
                return Ok(());
            }
            let run = || async {
                let mut lease = self.lease_to_write(ACTION).await?;
                write::script(&mut lease, script.text, author).await.map_err(failed)
            };
            if script.is_repeatable { retried(run).await } else { run().await }
        })
    }
}

impl<DB: Driver> HistoryStore for SqlStore<DB> {
    fn history<'a>(&'a self, query: &'a HistoryQuery) -> BoxFuture<'a, Result<Vec<HistoryRecord>>> {
        Box::pin(async move {
            let failed = |error| self.error("could not read the history", error);
            let mut lease = self.lease().await.map_err(failed)?;
            let mut transaction = lease.connection().begin_read().await.map_err(failed)?;
            let records = history::records(transaction.connection(), query).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
            lease.give_back();
            records.ok_or_else(|| Error::FlagNotFound {
                name: query.flag.clone().unwrap_or_default(),
                similar: None,
            })
        })
    }

    fn rows_at(&self, moment: AsOf) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async move {
            let failed = |error| self.error("could not read the history", error);
            let mut lease = self.lease().await.map_err(failed)?;
            let mut transaction = lease.connection().begin_read().await.map_err(failed)?;
            let rows = history::rows_at(transaction.connection(), moment).await.map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
            lease.give_back();
            rows
        })
    }

    fn commit_past(&self, edits: Vec<(DateTime<Utc>, Edit)>) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async move {
            let once = || async {
                let mut lease = self.lease_to_write("could not write the history").await?;
                past::commit(&mut lease, &self.name, &edits).await
            };
            retried(once).await
        })
    }

    fn prune(&self, before: AsOf) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            const ACTION: &str = "could not prune the history";
            let failed = |error| self.error(ACTION, error);
            let mut lease = self.lease_to_write(ACTION).await?;
            let pruned = history::prune(lease.connection(), before).await.map_err(failed)?;
            lease.give_back();
            pruned
        })
    }
}

impl<DB: Driver> UsageStore for SqlStore<DB> {
    fn record_usage(&self, mut usage: Vec<Usage>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            const ACTION: &str = "could not record which flags were evaluated";
            let failed = |error| self.error(ACTION, error);
            // All processes write rows in the same order, so that no two wait for each other.
            usage.sort_by(|one, other| one.flag.cmp(&other.flag));
            for batch in usage.chunks(usage::BATCH) {
                retried(|| async {
                    let mut lease = self.lease_to_write(ACTION).await?;
                    usage::write(lease.connection(), batch).await.map_err(failed)?;
                    lease.give_back();
                    Ok(())
                })
                .await?;
            }
            Ok(())
        })
    }

    fn usage(&self) -> BoxFuture<'_, Result<UsageReport>> {
        Box::pin(async move {
            let failed = |error| self.error("could not read which flags were evaluated", error);
            let mut lease = self.lease().await.map_err(failed)?;
            let report = usage::read(lease.connection(), None).await.map_err(failed)?;
            lease.give_back();
            Ok(report)
        })
    }

    fn usage_of<'a>(&'a self, flags: &'a [String]) -> BoxFuture<'a, Result<UsageReport>> {
        Box::pin(async move {
            let failed = |error| self.error("could not read when flags were last evaluated", error);
            let mut lease = self.lease().await.map_err(failed)?;
            let report = usage::read(lease.connection(), Some(flags)).await.map_err(failed)?;
            lease.give_back();
            Ok(report)
        })
    }

    fn record_evaluations(&self, counts: Vec<HourlyEvaluations>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            const ACTION: &str = "could not record how often flags were evaluated";
            let failed = |error| self.error(ACTION, error);
            // All processes write rows in the same order, so that no two wait for each other.
            let counts = combined(counts);
            // All or none of them, so that nothing is counted twice if the caller tries again.
            retried(|| async {
                let mut lease = self.lease_to_write(ACTION).await?;
                evaluations::write(lease.connection(), &counts).await.map_err(failed)?;
                lease.give_back();
                Ok(())
            })
            .await
        })
    }

    fn evaluations<'a>(
        &'a self,
        flags: &'a [String],
        since: DateTime<Utc>,
    ) -> BoxFuture<'a, Result<Vec<HourlyEvaluations>>> {
        Box::pin(async move {
            let failed = |error| self.error("could not read how often flags were evaluated", error);
            let mut lease = self.lease().await.map_err(failed)?;
            let since = HourlyEvaluations::hour_of(since);
            let found = evaluations::read(lease.connection(), flags, since).await.map_err(failed)?;
            lease.give_back();
            Ok(found)
        })
    }

    fn prune_evaluations(&self, before: DateTime<Utc>) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            const ACTION: &str = "could not delete old evaluations";
            let failed = |error| self.error(ACTION, error);
            let before = HourlyEvaluations::hour_of(before);
            let mut deleted: u64 = 0;
            loop {
                let batch = retried(|| async {
                    let mut lease = self.lease_to_write(ACTION).await?;
                    let batch = evaluations::prune(lease.connection(), before).await.map_err(failed)?;
                    lease.give_back();
                    Ok(batch)
                });
                match batch.await? {
                    0 => return Ok(deleted),
                    batch => deleted = deleted.saturating_add(batch),
                }
            }
        })
    }
}

impl<DB: Driver> TokenStore for SqlStore<DB> {
    fn token_changes(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        Box::pin(async move {
            let failed = |error| self.error("could not read whether tokens have changed", error);
            let mut lease = self.lease().await.map_err(failed)?;
            let changes = tokens::changes(lease.connection()).await.map_err(failed)?;
            lease.give_back();
            Ok(changes)
        })
    }

    fn stored_tokens(&self) -> BoxFuture<'_, Result<Vec<StoredToken>>> {
        Box::pin(async move {
            let failed = |error| self.error("could not read the tokens", error);
            let mut lease = self.lease().await.map_err(failed)?;
            let tokens = tokens::read(lease.connection()).await.map_err(failed)?;
            lease.give_back();
            Ok(tokens)
        })
    }

    fn create_token(&self, token: NewToken) -> BoxFuture<'_, Result<TokenRow>> {
        Box::pin(async move {
            let token = token.checked()?;
            self.create_all(std::slice::from_ref(&token)).await?;
            self.written_token(CREATE_TOKEN, |stored| stored.hash.to_string() == token.hash).await
        })
    }

    fn create_tokens(&self, tokens: Vec<NewToken>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let tokens: Vec<_> = tokens.into_iter().map(NewToken::checked).collect::<Result<_>>()?;
            self.create_all(&tokens).await
        })
    }

    fn rotate_token<'a>(
        &'a self,
        token: &'a str,
        rotation: &'a Rotation,
    ) -> BoxFuture<'a, Result<Option<Rotated>>> {
        Box::pin(async move {
            const ACTION: &str = "could not rotate the token";
            let failed = |error| self.error(ACTION, error);
            retried(|| async {
                let Some(old) = tokens::current(&self.tokens().await?, token)? else { return Ok(None) };
                let secret = Secret::generate(old.role)?;
                let (new, end) = rotation.of(&old, &secret, Utc::now());
                let new = new.checked()?;
                let mut lease = self.lease_to_write(ACTION).await?;
                let is_created = tokens::create_instead(lease.connection(), &new, &old, end).await;
                let is_created = is_created.map_err(failed)?;
                lease.give_back();
                drop(lease);
                if !is_created {
                    let (store, action) = (self.name.clone(), ACTION.to_owned());
                    let source = "the token was rotated or revoked at the same time".into();
                    return Err(Error::Contention { store, action, source });
                }
                let token = self.written_token(ACTION, |token| token.hash == secret.hash()).await?;
                let replaced = self.written_token(ACTION, |token| token.row.id == old.id).await?;
                Ok(Some(Rotated { secret, token, replaced }))
            })
            .await
        })
    }

    fn revoke_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Vec<TokenRow>>> {
        Box::pin(async move {
            const ACTION: &str = "could not revoke the token";
            let failed = |error| self.error(ACTION, error);
            retried(|| async {
                let mut lease = self.lease_to_write(ACTION).await?;
                tokens::revoke(lease.connection(), token).await.map_err(failed)?;
                lease.give_back();
                Ok(())
            })
            .await?;
            Ok(tokens::revoked(self.tokens().await?, token))
        })
    }

    fn record_token_use(&self, mut uses: Vec<TokenUse>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            const ACTION: &str = "could not record which tokens were used";
            let failed = |error| self.error(ACTION, error);
            // All processes write rows in the same order, so that no two wait for each other.
            uses.sort_by_key(|token| token.id);
            retried(|| async {
                let mut lease = self.lease_to_write(ACTION).await?;
                tokens::record_use(lease.connection(), &uses).await.map_err(failed)?;
                lease.give_back();
                Ok(())
            })
            .await
        })
    }
}

//! LISTEN: PostgreSQL notifies of each commit that changed rows.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::future::{Either, select};
use sqlx::{
    PgConnection, Row as _,
    postgres::{PgListener, PgPool, PgPoolOptions},
};
use tokio::time::{sleep, timeout};

use crate::store::{Hints, backoff::Backoff};

/// The channel of the trigger `novi_commit`, which has the prefix of the tables. The schemas of a database
/// share it: an unnecessary hint costs one read of the revision.
pub(super) const CHANNEL: &str = "novi";

/// The name of connections that listen, by which they can be counted. PostgreSQL cuts longer ones.
pub(super) fn application_name(channel: &str) -> String {
    format!("novi follows {channel}").chars().take(63).collect()
}

/// A notification takes a millisecond. After this long it is not coming: a pooler that shares connections
/// between clients accepts LISTEN and delivers nothing.
const PROOF: Duration = Duration::from_secs(2);

/// How long to wait before another try, at first and at most. A server that refuses (a replica, a pooler)
/// will refuse again; meanwhile the revision is polled.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Passes on the server's notifications, forever.
pub(super) async fn listen(pool: PgPool, channel: String, hints: Arc<Hints>) {
    let mut backoff = Backoff::up_to(LONGEST_PAUSE, FIRST_PAUSE);
    loop {
        match listen_once(&pool, &channel, &hints).await {
            // It worked until now, so it soon may again.
            Ok(()) => backoff.reset(),
            Err(error) => tracing::debug!("no notifications of changes, the revision is asked for: {error}"),
        }
        hints.set_reliable(false);
        hints.hint();
        sleep(backoff.next_wait()).await;
    }
}

/// Listens until the connection is lost, or a change came without a notification.
async fn listen_once(pool: &PgPool, channel: &str, hints: &Hints) -> Result<(), sqlx::Error> {
    // A connection of its own: the pool that rows are read with would miss one that listens.
    let own = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(PROOF)
        .connect_lazy_with((*pool.connect_options()).clone().application_name(&application_name(channel)));
    if is_shared(&own, pool).await? {
        let shared =
            "the connection is shared with other clients by a pooler, which delivers no notifications";
        return Err(sqlx::Error::Protocol(shared.to_owned()));
    }
    let mut listener = PgListener::connect_with(&own).await?;
    // After a lost connection notifications may be missing: then everything starts again.
    listener.eager_reconnect(false);
    let proof = format!("novi_proof_{:x}", RandomState::new().build_hasher().finish());
    listener.listen_all([channel, proof.as_str()]).await?;
    let notify = sqlx::query("select pg_notify($1, '')").persistent(false).bind(&proof);
    let mut transaction = pool.begin().await?;
    notify.execute(&mut *transaction).await?;
    transaction.commit().await?;
    let told = async {
        loop {
            match listener.try_recv().await {
                Ok(Some(notification)) if notification.channel() == proof => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => return Err(sqlx::Error::PoolClosed),
                Err(error) => return Err(error),
            }
        }
    };
    timeout(PROOF, told).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
    listener.unlisten(&proof).await?;
    hints.set_reliable(true);
    // Earlier commits were not notified.
    hints.hint();
    loop {
        let (told, doubted) = (pin!(listener.try_recv()), pin!(hints.doubted()));
        match select(told, doubted).await {
            Either::Left((Ok(Some(_)), _)) => hints.hint(),
            Either::Left((Ok(None) | Err(_), _)) | Either::Right(_) => return Ok(()),
        }
    }
}

/// Whether a pooler passes the server's connections from client to client, as PgBouncer does for each
/// transaction. Other clients would get the notifications of a LISTEN there, which they do not expect.
async fn is_shared(own: &PgPool, pool: &PgPool) -> Result<bool, sqlx::Error> {
    /// The pooler may have several to give.
    const TRIES: usize = 3;
    let mut mine = own.acquire().await?;
    for _ in 0..TRIES {
        let before = backend(&mut mine).await?;
        // A client in a transaction keeps its connection: another one than ours, if one is free.
        let mut other = pool.begin().await?;
        let others = backend(&mut other).await?;
        let after = backend(&mut mine).await?;
        other.rollback().await?;
        if others == before || after != before {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number of the server's process that answers.
async fn backend(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}

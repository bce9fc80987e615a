//! A time limit for requests to a database.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    error::{Error, Result},
    store::ReadStore,
};

/// A database that does not respond for this long is considered unavailable. Reading 100,000 flags takes
/// about a second.
pub(crate) const DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Awaits `request`, for at most `limit`.
///
/// # Errors
/// Those of `request`, and [`Error::Store`] after the limit.
pub(crate) async fn answer_within<T>(
    limit: Duration,
    store: &dyn ReadStore,
    request: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, request).await.unwrap_or_else(|elapsed| {
        Err(Error::store(store.name(), format!("no answer within {limit:?}"), elapsed))
    })
}

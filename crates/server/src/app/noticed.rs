//! What is noticed about the current rows, computed once for many views: findings of the lints, and stale flags.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use novi::{Flags, rows::Revision, store::StaleFlag};
use novi_lint::{Finding, findings};
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{app::rows::rows, http::error::ApiError};

/// Flags expire and windows of time end without a change of the rows.
const LONGEST: Duration = Duration::from_mins(1);

/// Evaluations are recorded without a change of the rows. A search as one types sends several requests in this time.
const LONGEST_OF_USAGE: Duration = Duration::from_secs(5);

/// What was noticed about the revision that was viewed last.
pub(crate) struct Noticed {
    findings: Newest<[Finding]>,
    /// The names of stale flags.
    stale: Newest<HashSet<String>>,
}

impl Default for Noticed {
    fn default() -> Self {
        Self { findings: Newest::for_at_most(LONGEST), stale: Newest::for_at_most(LONGEST_OF_USAGE) }
    }
}

/// A value of the revision that was viewed last.
struct Newest<T: ?Sized> {
    longest: Duration,
    /// Locked while a value is computed, so that views at the same time wait for one computation.
    kept: Mutex<Option<Kept<T>>>,
}

struct Kept<T: ?Sized> {
    revision: Revision,
    at: Instant,
    value: Arc<T>,
}

impl<T: ?Sized> Newest<T> {
    fn for_at_most(longest: Duration) -> Self {
        Self { longest, kept: Mutex::default() }
    }

    /// The value of a revision, computed if another one's is kept, or an older value.
    async fn of(
        &self,
        revision: Revision,
        compute: impl Future<Output = Result<Arc<T>, ApiError>>,
    ) -> Result<Arc<T>, ApiError> {
        let mut newest = self.kept.lock().await;
        // Rows in memory have no stamp, and may change under one number.
        let is_same = |kept: &&Kept<T>| {
            kept.revision == revision && revision.stamp() != 0 && kept.at.elapsed() < self.longest
        };
        if let Some(kept) = newest.as_ref().filter(is_same) {
            return Ok(Arc::clone(&kept.value));
        }
        let (at, value) = (Instant::now(), compute.await?);
        *newest = Some(Kept { revision, at, value: Arc::clone(&value) });
        Ok(value)
    }
}

impl Noticed {
    /// What is noticed about the current rows, and their revision.
    ///
    /// # Errors
    /// 500 if the flags do not keep their rows.
    pub(crate) async fn findings(&self, flags: &Flags) -> Result<(Arc<[Finding]>, Revision), ApiError> {
        let (flags, snapshot) = (flags.clone(), flags.snapshot());
        let revision = snapshot.revision();
        let compute = async move {
            let found =
                spawn_blocking(move || Ok::<_, ApiError>(findings(&flags, &snapshot, rows(&snapshot)?)));
            Ok(found.await.map_err(|error| ApiError::internal(error.to_string()))??.into())
        };
        Ok((self.findings.of(revision, compute).await?, revision))
    }

    /// The names of the flags of a revision that are stale.
    ///
    /// # Errors
    /// Those of `find`.
    pub(crate) async fn stale(
        &self,
        revision: Revision,
        find: impl Future<Output = Result<Vec<StaleFlag>, ApiError>>,
    ) -> Result<Arc<HashSet<String>>, ApiError> {
        let names = async { Ok(Arc::new(find.await?.into_iter().map(|stale| stale.flag).collect())) };
        self.stale.of(revision, names).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn value_is_computed_once_for_a_revision_with_a_stamp() {
        let newest = Newest::<str>::for_at_most(LONGEST);
        let of = async |revision: Revision, value: &'static str| {
            newest.of(revision, async { Ok(value.into()) }).await.ok().map(|value| value.to_string())
        };
        let expected = |name: &str| Some(name.to_owned());
        let first = Revision::new(1).stamped(5);
        assert_eq!(of(first, "a").await, expected("a"));
        assert_eq!(of(first, "b").await, expected("a"), "computed again");
        assert_eq!(of(Revision::new(1).stamped(6), "c").await, expected("c"), "another database");
        assert_eq!(of(Revision::new(2).stamped(6), "d").await, expected("d"));
        assert_eq!(of(Revision::new(3), "e").await, expected("e"));
        assert_eq!(of(Revision::new(3), "f").await, expected("f"), "rows in memory");
    }

    #[tokio::test]
    async fn value_is_computed_again_when_it_is_old() {
        let (newest, revision) = (Newest::<str>::for_at_most(Duration::ZERO), Revision::new(1).stamped(5));
        for value in ["a", "b"] {
            assert_eq!(newest.of(revision, async { Ok(value.into()) }).await.ok().as_deref(), Some(value));
        }
    }

    #[tokio::test]
    async fn failed_computation_is_not_kept() {
        let (newest, revision) = (Newest::<str>::for_at_most(LONGEST), Revision::new(1).stamped(5));
        assert!(newest.of(revision, async { Err(ApiError::rows_not_kept()) }).await.is_err());
        assert!(newest.of(revision, async { Ok("a".into()) }).await.is_ok());
    }
}

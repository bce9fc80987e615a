//! What the lints notice about the current rows, computed once for many views.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use novi::{Flags, rows::Revision};
use novi_lint::{Finding, findings};
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{app::rows::rows, http::error::ApiError};

/// Flags expire and windows of time end without a change of the rows.
const LONGEST: Duration = Duration::from_mins(1);

/// The findings of the revision that was viewed last.
#[derive(Default)]
pub(crate) struct Noticed {
    /// Locked while findings are computed, so that views at the same time wait for one computation.
    newest: Mutex<Option<Kept>>,
}

struct Kept {
    revision: Revision,
    at: Instant,
    findings: Arc<[Finding]>,
}

impl Noticed {
    /// The findings of a revision, computed if others are kept, or older ones.
    async fn of(
        &self,
        revision: Revision,
        compute: impl FnOnce() -> Result<Vec<Finding>, ApiError> + Send + 'static,
    ) -> Result<Arc<[Finding]>, ApiError> {
        let mut newest = self.newest.lock().await;
        // Rows in memory have no stamp, and may change under one number.
        let is_same =
            |kept: &&Kept| kept.revision == revision && revision.stamp() != 0 && kept.at.elapsed() < LONGEST;
        if let Some(kept) = newest.as_ref().filter(is_same) {
            return Ok(Arc::clone(&kept.findings));
        }
        let (at, found) = (Instant::now(), spawn_blocking(compute).await);
        let found = found.map_err(|error| ApiError::internal(error.to_string()))?;
        let findings: Arc<[Finding]> = found?.into();
        *newest = Some(Kept { revision, at, findings: Arc::clone(&findings) });
        Ok(findings)
    }

    /// What is noticed about the current rows, and their revision.
    ///
    /// # Errors
    /// 500 if the flags do not keep their rows.
    pub(crate) async fn findings(&self, flags: &Flags) -> Result<(Arc<[Finding]>, Revision), ApiError> {
        let (flags, snapshot) = (flags.clone(), flags.snapshot());
        let revision = snapshot.revision();
        let compute = move || Ok(findings(&flags, &snapshot, rows(&snapshot)?));
        Ok((self.of(revision, compute).await?, revision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn findings_are_computed_once_for_a_revision_with_a_stamp() {
        let noticed = Noticed::default();
        let of = async |revision: Revision, name: &'static str| {
            let compute = move || Ok(vec![Finding::new("flags", 1, name, "unused", "")]);
            let found = noticed.of(revision, compute).await;
            found.map(|found| found.iter().map(|finding| finding.name.clone()).collect::<Vec<_>>()).ok()
        };
        let expected = |name: &str| Some(vec![name.to_owned()]);
        let first = Revision::new(1).stamped(5);
        assert_eq!(of(first, "a").await, expected("a"));
        assert_eq!(of(first, "b").await, expected("a"), "computed again");
        assert_eq!(of(Revision::new(1).stamped(6), "c").await, expected("c"), "another database");
        assert_eq!(of(Revision::new(2).stamped(6), "d").await, expected("d"));
        assert_eq!(of(Revision::new(3), "e").await, expected("e"));
        assert_eq!(of(Revision::new(3), "f").await, expected("f"), "rows in memory");
    }

    #[tokio::test]
    async fn failed_computation_is_not_kept() {
        let (noticed, revision) = (Noticed::default(), Revision::new(1).stamped(5));
        assert!(noticed.of(revision, || Err(ApiError::rows_not_kept())).await.is_err());
        assert!(noticed.of(revision, || Ok(Vec::new())).await.is_ok());
    }
}

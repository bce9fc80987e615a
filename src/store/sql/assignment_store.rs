//! The assignments of a SQL database.

use crate::{
    error::Result,
    store::{
        assignments::{Assignment, AssignmentRow, AssignmentStore, VariantAssignments, firsts},
        future::BoxFuture,
        sql::{
            assignments,
            driver::Driver,
            store::{SqlStore, retried},
        },
    },
};

const READ: &str = "could not read the assignments of experiments";

impl<DB: Driver> AssignmentStore for SqlStore<DB> {
    fn record_assignments(&self, assignments: Vec<Assignment>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            const ACTION: &str = "could not record exposures";
            let failed = |error| self.error(ACTION, error);
            let assignments = firsts(assignments);
            retried(|| async {
                let mut lease = self.lease_to_write(ACTION).await?;
                assignments::write(lease.connection(), &assignments).await.map_err(failed)?;
                lease.give_back();
                Ok(())
            })
            .await
        })
    }

    fn assignments_after<'a>(
        &'a self,
        experiments: &'a [String],
        after: i64,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AssignmentRow>>> {
        Box::pin(async move {
            let failed = |error| self.error(READ, error);
            let mut lease = self.lease().await.map_err(failed)?;
            let rows = assignments::after(lease.connection(), experiments, after, limit);
            let rows = rows.await.map_err(failed)?;
            lease.give_back();
            Ok(rows)
        })
    }

    fn start_of_last<'a>(&'a self, experiments: &'a [String], count: u64) -> BoxFuture<'a, Result<i64>> {
        Box::pin(async move {
            let failed = |error| self.error(READ, error);
            let mut lease = self.lease().await.map_err(failed)?;
            let start = assignments::start_of_last(lease.connection(), experiments, count);
            let start = start.await.map_err(failed)?;
            lease.give_back();
            Ok(start)
        })
    }

    fn assignments<'a>(
        &'a self,
        experiment: &'a str,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AssignmentRow>>> {
        Box::pin(async move {
            let failed = |error| self.error(READ, error);
            let mut lease = self.lease().await.map_err(failed)?;
            let rows = assignments::of(lease.connection(), experiment, limit).await.map_err(failed)?;
            lease.give_back();
            Ok(rows)
        })
    }

    fn assignment_counts<'a>(
        &'a self,
        experiment: &'a str,
    ) -> BoxFuture<'a, Result<Vec<VariantAssignments>>> {
        Box::pin(async move {
            let failed = |error| self.error(READ, error);
            let mut lease = self.lease().await.map_err(failed)?;
            let counts = assignments::counts(lease.connection(), experiment).await.map_err(failed)?;
            lease.give_back();
            Ok(counts)
        })
    }

    fn forget_assignments<'a>(
        &'a self,
        experiment: &'a str,
        unit: Option<&'a str>,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            const ACTION: &str = "could not delete assignments";
            let failed = |error| self.error(ACTION, error);
            let mut deleted: u64 = 0;
            loop {
                let batch = retried(|| async {
                    let mut lease = self.lease_to_write(ACTION).await?;
                    let batch = assignments::forget(lease.connection(), experiment, unit);
                    let batch = batch.await.map_err(failed)?;
                    lease.give_back();
                    Ok(batch)
                });
                let batch = batch.await?;
                deleted = deleted.saturating_add(batch);
                if batch == 0 || unit.is_some() {
                    return Ok(deleted);
                }
            }
        })
    }
}

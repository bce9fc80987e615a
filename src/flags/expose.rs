//! Exposures: evaluations that are recorded, for experiments.

use crate::{
    context::Context,
    error::Result,
    flags::Flags,
    snapshot::{Decision, Snapshot},
};

impl Flags {
    /// Evaluates a flag for a caller who now sees the result, and records that: the experiment, the unit and the
    /// variant, in the table `novi_assignments`. Use [`evaluate`](Self::evaluate) to look without recording.
    ///
    /// The experiment has the name of the flag, and the unit is the caller's targeting key, unless the draw of the
    /// flag has other ones (`experiment` and `by` of `novi.split`). Of each unit the first variant is kept. A flag
    /// without variants is recorded as `on` or `off`. Nothing is recorded if the flag is disabled, broken or
    /// overridden, if it assigns variants but none to this caller, or for rows in memory.
    ///
    /// Takes no lock and never waits: a task writes to the database within about 200 ms. While the database is
    /// unavailable, 65,536 exposures are kept; more are dropped and counted in the
    /// [status](crate::flags::Status::exposures). Call [`close`](Self::close) at the end of a program.
    ///
    /// ```
    /// # use novi::{Context, Flags, rows::{FlagRow, Rows}};
    /// # let flags = Flags::from_rows(Rows { flags: vec![FlagRow::new(1, "New checkout", true)], ..Rows::default() })?;
    /// let decision = flags.expose("New checkout", &Context::new().with("targetingKey", "user-7"))?;
    /// assert!(decision.enabled());
    /// # Ok::<(), novi::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::FlagNotFound`](crate::Error::FlagNotFound) if no flag has this name.
    pub fn expose(&self, name: &str, context: &Context<'_>) -> Result<Decision> {
        let decision = self.evaluate(name, context)?;
        self.record_exposure(&decision, context);
        Ok(decision)
    }

    /// Records that a caller now sees the result of an earlier evaluation; see [`expose`](Self::expose). `context`
    /// is that of the evaluation.
    pub fn record_exposure<S: AsRef<Snapshot>>(&self, decision: &Decision<S>, context: &Context<'_>) {
        #[cfg(feature = "sql")]
        if let Some(writer) = &self.exposures {
            use crate::snapshot::exposure::{Exposed, Exposure};
            let revision = decision.revision().number();
            let is_known = |exposure: &Exposure<'_>| writer.exposures.is_recorded(exposure);
            let record = |exposure: &Exposure<'_>| writer.exposures.record(exposure, revision);
            if decision.exposure(context, is_known, record) == Exposed::NoUnit {
                writer.exposures.count_without_unit();
            }
        }
        #[cfg(not(feature = "sql"))]
        let _ = (decision, context);
    }
}

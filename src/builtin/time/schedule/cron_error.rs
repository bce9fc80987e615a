//! Why an expression has no windows.

pub(super) enum CronError {
    #[cfg(feature = "cron")]
    Syntax(String),
    #[cfg(feature = "cron")]
    NeverFires,
    /// The crate feature is off.
    #[cfg(not(feature = "cron"))]
    Disabled,
}

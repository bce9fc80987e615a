//! Events of evaluations for OpenTelemetry.

use novi::{Decision, Reason, snapshot::Snapshot};

/// Emits an event with the names of OpenTelemetry's semantic conventions for feature flags. It has neither
/// the caller nor the value, which may be private.
pub(crate) fn evaluated(decision: &Decision<&Snapshot>) {
    let variant = decision.variant().unwrap_or(if decision.enabled() { "on" } else { "off" });
    let failed = decision.reason() == Reason::Error;
    tracing::event!(
        name: "feature_flag.evaluation",
        target: "feature_flag.evaluation",
        tracing::Level::INFO,
        {
            "feature_flag.key" = decision.flag(),
            "feature_flag.provider.name" = "novi",
            "feature_flag.result.variant" = variant,
            "feature_flag.result.reason" = decision.reason().as_str().to_ascii_lowercase(),
            "feature_flag.version" = decision.revision().number(),
            "error.type" = failed.then_some("general"),
        },
        "feature_flag.evaluation"
    );
}

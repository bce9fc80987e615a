//! Evaluations as OpenTelemetry has them.

use novi::{Decision, Reason, Snapshot};

/// Tells of one answer, by the names of OpenTelemetry's conventions for feature flags. Neither the caller nor the value is told:
/// both may be nobody's business.
pub(super) fn evaluated(decision: &Decision<&Snapshot>) {
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

//! Traces for an OpenTelemetry collector, over OTLP. The standard variable `OTEL_EXPORTER_OTLP_ENDPOINT`
//! enables them; the others, such as `OTEL_SERVICE_NAME` and `OTEL_EXPORTER_OTLP_HEADERS`, apply as well.

use std::fmt;

use novi_server::OnSpan;
use opentelemetry::{propagation::TextMapPropagator, trace::TracerProvider as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    registry::LookupSpan,
};

/// Exports spans. The drop sends those that are still queued.
pub(crate) struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Returns `None` if no collector is configured.
    pub(crate) fn from_env() -> Result<Option<Self>, String> {
        let named = |name: &str| std::env::var(name).is_ok_and(|text| !text.trim().is_empty());
        let variables = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
        if !variables.into_iter().any(named) {
            return Ok(None);
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build();
        let exporter = exporter.map_err(|error| error.to_string())?;
        let mut resource = Resource::builder();
        if !named("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name("novi");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Self { provider }))
    }

    /// The layer that exports the spans of requests and the evaluation events in them.
    pub(crate) fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        let targets = Targets::new()
            .with_target("novi_server", LevelFilter::INFO)
            .with_target("feature_flag.evaluation", LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("novi"))
            .with_threads(false)
            .with_location(false)
            .with_filter(targets)
    }

    /// Makes the span of a request a child of the caller's span.
    pub(crate) fn on_span() -> OnSpan {
        OnSpan::new(|span, headers| {
            let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
            if let Err(error) = span.set_parent(parent) {
                tracing::debug!("ignored the trace context of a request: {error}");
            }
        })
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!("could not send the last traces: {error}");
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

//! The provider.

use std::fmt;

use async_trait::async_trait;
use novi::{Context, Decision, Flags, Reason};
use open_feature::{
    EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationReason, EvaluationResult,
    FlagMetadata, StructValue,
    provider::{FeatureProvider, ProviderMetadata, ProviderStatus, ResolutionDetails},
};
use serde_json::Value;

use crate::{
    context,
    value::{Kind, read_bool, read_float, read_int, read_string, read_struct},
};

/// Evaluates [`Flags`] for the OpenFeature SDK. The [crate documentation](crate) describes values and errors.
pub struct NoviProvider {
    flags: Flags,
    metadata: ProviderMetadata,
    records_exposures: bool,
}

impl NoviProvider {
    /// Creates a provider for these flags, which the application may also use directly.
    #[must_use]
    pub fn new(flags: Flags) -> Self {
        Self { flags, metadata: ProviderMetadata::new("novi"), records_exposures: false }
    }

    /// Records each evaluation that returns a value as an exposure; see [`Flags::expose`]. OpenFeature's
    /// evaluations do not say whether the caller sees the result: without this, none are recorded.
    #[must_use]
    pub fn record_exposures(mut self) -> Self {
        self.records_exposures = true;
        self
    }

    fn resolve<T>(
        &self,
        flag: &str,
        caller: &EvaluationContext,
        kind: Kind,
        read: impl FnOnce(&Decision) -> Option<Result<T, String>>,
    ) -> EvaluationResult<ResolutionDetails<T>> {
        let attributes = context::attributes(caller)?;
        let context = Context::borrowed(&attributes);
        let decision = self.flags.evaluate(flag, &context).map_err(|error| self.error(&error))?;
        if decision.needs_targeting_key(&context) {
            let message =
                format!("flag {flag:?} draws by the targeting key, which the context does not have");
            return Err(evaluation_error(EvaluationErrorCode::TargetingKeyMissing, message));
        }
        let value = match read(&decision) {
            Some(Ok(value)) => value,
            Some(Err(found)) => return Err(mismatch(flag, kind, &found)),
            None if decision.variant().is_some() => {
                let message =
                    format!("flag {flag:?}: its variant has no value of the flag's type; use the default");
                return Err(evaluation_error(EvaluationErrorCode::ParseError, message));
            }
            None => return Err(without_value(flag, decision.reason())),
        };
        if self.records_exposures {
            self.flags.record_exposure(&decision, &context);
        }
        Ok(ResolutionDetails {
            value,
            variant: Some(variant(&decision).to_owned()),
            reason: Some(reason(decision.reason())),
            flag_metadata: Some(metadata(&decision)),
        })
    }

    fn error(&self, error: &novi::Error) -> EvaluationError {
        // Before the first rows are loaded, the flag may exist.
        let code = match (error, self.status()) {
            (novi::Error::FlagNotFound { .. }, ProviderStatus::NotReady) => {
                let message = "no flags have been loaded: the database has been unavailable since the start";
                return evaluation_error(EvaluationErrorCode::ProviderNotReady, message);
            }
            (novi::Error::FlagNotFound { .. }, _) => EvaluationErrorCode::FlagNotFound,
            _ => EvaluationErrorCode::General(Reason::Error.as_str().to_owned()),
        };
        evaluation_error(code, error.to_string())
    }
}

#[async_trait]
impl FeatureProvider for NoviProvider {
    /// Returns `STALE` while the database is unavailable and flags use the last rows or a snapshot file, and
    /// `NOT_READY` while no rows have been loaded.
    fn status(&self) -> ProviderStatus {
        #[cfg(feature = "sql")]
        {
            let status = self.flags.status();
            if status.origin == novi::flags::Origin::Nowhere {
                return ProviderStatus::NotReady;
            }
            if status.failure.is_some() {
                return ProviderStatus::STALE;
            }
        }
        ProviderStatus::Ready
    }

    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.resolve(flag_key, evaluation_context, Kind::Bool, read_bool)
    }

    async fn resolve_int_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.resolve(flag_key, evaluation_context, Kind::Int, read_int)
    }

    async fn resolve_float_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.resolve(flag_key, evaluation_context, Kind::Float, read_float)
    }

    async fn resolve_string_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.resolve(flag_key, evaluation_context, Kind::String, read_string)
    }

    async fn resolve_struct_value(
        &self,
        flag_key: &str,
        evaluation_context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.resolve(flag_key, evaluation_context, Kind::Struct, read_struct)
    }
}

impl fmt::Debug for NoviProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoviProvider").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// The assigned variant. Flags without variants have the same names as over HTTP.
fn variant(decision: &Decision) -> &str {
    decision.variant().unwrap_or(if decision.enabled() { "on" } else { "off" })
}

fn reason(reason: Reason) -> EvaluationReason {
    match reason {
        Reason::Disabled => EvaluationReason::Disabled,
        Reason::Static => EvaluationReason::Static,
        Reason::TargetingMatch => EvaluationReason::TargetingMatch,
        Reason::Split => EvaluationReason::Split,
        Reason::Default => EvaluationReason::Default,
        Reason::Error => EvaluationReason::Error,
        // Added in later versions of novi.
        other => EvaluationReason::Other(other.as_str().to_owned()),
    }
}

fn metadata(decision: &Decision) -> FlagMetadata {
    let mut metadata = FlagMetadata::default();
    for (name, value) in decision.metadata() {
        match value {
            Value::Bool(value) => metadata.add_value(name, *value),
            Value::String(text) => metadata.add_value(name, text.as_str()),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => metadata.add_value(name, number),
                (None, Some(number)) => metadata.add_value(name, number),
                (None, None) => {}
            },
            // Other values are not read from the rows.
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }
    metadata.add_value("revision", decision.revision().number());
    if let Some(version) = decision.version() {
        metadata.add_value("version", i64::from(version));
    }
    metadata
}

fn without_value(flag: &str, reason: Reason) -> EvaluationError {
    let general = |reason: Reason| EvaluationErrorCode::General(reason.as_str().to_owned());
    let (code, why) = match reason {
        Reason::Disabled => (general(reason), "its status is off"),
        Reason::Error => (EvaluationErrorCode::ParseError, "it depends on an invalid row"),
        // Also a flag that is on without a variant.
        _ => (general(Reason::Default), "it is off for this user, or assigns no variant"),
    };
    evaluation_error(code, format!("flag {flag:?} has no value, because {why}; use the default"))
}

fn mismatch(flag: &str, expected: Kind, found: &str) -> EvaluationError {
    let message = format!("flag {flag:?}: expected {expected}, found {found}");
    evaluation_error(EvaluationErrorCode::TypeMismatch, message)
}

fn evaluation_error(code: EvaluationErrorCode, message: impl Into<String>) -> EvaluationError {
    EvaluationError { code, message: Some(message.into()) }
}

//! Decisions as values of one type, with a default.

use serde_json::Value as Json;

use crate::{context::Context, flags::Flags};

/// Each method returns `default` if the flag is unknown, if it is off and its variants have values, and if
/// the value has another type. A flag whose variants have no values has a Boolean value: whether it is
/// enabled.
///
/// ```
/// use novi::{Context, Flags, rows::{FlagMetadata, FlagRow, Rows}};
///
/// let flags = Flags::from_rows(Rows {
///     flags: vec![FlagRow {
///         metadata: FlagMetadata {
///             variants: Some(r#"{"small": 10, "large": 50}"#.to_owned()),
///             default_variant: Some("large".to_owned()),
///             ..FlagMetadata::default()
///         },
///         ..FlagRow::new(1, "Page size", true)
///     }],
///     ..Rows::default()
/// })?;
/// let ctx = Context::new();
/// assert_eq!(flags.int("Page size", &ctx, 20), 50);
/// assert_eq!(flags.int("Rows a page", &ctx, 20), 20, "no flag has this name");
/// assert_eq!(flags.string("Page size", &ctx, "some"), "some", "it is a number");
/// # Ok::<(), novi::Error>(())
/// ```
impl Flags {
    /// The flag's Boolean value.
    #[must_use]
    pub fn bool(&self, flag: &str, context: &Context<'_>, default: bool) -> bool {
        self.read(flag, context, Json::as_bool).unwrap_or(default)
    }

    /// The flag's string value.
    #[must_use]
    pub fn string(&self, flag: &str, context: &Context<'_>, default: &str) -> String {
        self.read(flag, context, |value| value.as_str().map(str::to_owned))
            .unwrap_or_else(|| default.to_owned())
    }

    /// The flag's integer value.
    #[must_use]
    pub fn int(&self, flag: &str, context: &Context<'_>, default: i64) -> i64 {
        self.read(flag, context, Json::as_i64).unwrap_or(default)
    }

    /// The flag's number value.
    #[must_use]
    pub fn float(&self, flag: &str, context: &Context<'_>, default: f64) -> f64 {
        self.read(flag, context, Json::as_f64).unwrap_or(default)
    }

    /// The flag's value, of any type.
    #[must_use]
    pub fn json(&self, flag: &str, context: &Context<'_>, default: Json) -> Json {
        self.read(flag, context, |value| Some(value.clone())).unwrap_or(default)
    }

    fn read<T>(&self, flag: &str, context: &Context<'_>, read: impl FnOnce(&Json) -> Option<T>) -> Option<T> {
        // The only error is an unknown flag, which has been counted and logged.
        let decision = self.evaluate(flag, context).ok()?;
        read(decision.value()?)
    }
}

//! Decisions as values of the caller's own types.

use crate::{
    context::{Context, current, overrides::Override},
    flags::{
        Flags,
        guard::{installed, override_of},
    },
    snapshot::{
        Snapshot,
        decision::Decision,
        feature::{Answer, Feature},
    },
};

impl Flags {
    /// Evaluates the flag of a feature for this caller, and returns the variant as a variant of an enum, or
    /// its value as a struct.
    ///
    /// Returns the type's default if the flag is off or unknown, is on without a variant, or has a variant
    /// that the code does not know or a value that it cannot read. The latter two are logged once per
    /// revision. Variants in the rows that the code does not know are also an
    /// [`Issue`](crate::rows::issue::Issue) as soon as the rows are loaded.
    ///
    #[cfg_attr(feature = "macros", doc = "```")]
    #[cfg_attr(not(feature = "macros"), doc = "```ignore")]
    /// use novi::{Context, Feature, Flags, rows::{ActivationRow, FlagRow, LinkRow, Rows}};
    ///
    /// #[derive(Debug, PartialEq, Feature)]
    /// enum PaymentProcessor { #[default] Acme, Premium }
    ///
    /// let premium = r#"{"variants": {"Premium": 1}}"#;
    /// let flags = Flags::from_rows(Rows {
    ///     flags: vec![FlagRow::new(1, "PaymentProcessor", true)],
    ///     activations: vec![ActivationRow::new(1, "Premium for all", "novi.split", premium)],
    ///     links: vec![LinkRow::new(1, 1)],
    ///     ..Rows::default()
    /// })?;
    /// let processor = flags.choose::<PaymentProcessor>(&Context::new().with("targetingKey", "user-7"));
    /// assert_eq!(processor, PaymentProcessor::Premium);
    /// assert_eq!(flags.choose::<PaymentProcessor>(&Context::new()), PaymentProcessor::Acme);
    /// # Ok::<(), novi::Error>(())
    /// ```
    #[must_use]
    pub fn choose<T: Feature>(&self, context: &Context<'_>) -> T {
        self.decide(T::FLAG, T::FLAG, context, |decision| chosen(decision.as_ref()))
    }
}

impl Snapshot {
    /// Evaluates the flag of a feature for this caller; see [`Flags::choose`].
    #[must_use]
    pub fn choose<T: Feature>(&self, context: &Context<'_>) -> T {
        chosen(self.decision(T::FLAG, context).as_ref())
    }
}

/// Evaluates the flag of a feature among the [installed](Flags::install) flags, for the current context
/// ([`sync_scope`](crate::context::sync_scope), [`scope`](crate::context::scope)). While no flags are
/// installed, it returns the type's default, or what an override chooses, and logs an error once. See
/// [`Flags::choose`].
///
#[cfg_attr(feature = "macros", doc = "```")]
#[cfg_attr(not(feature = "macros"), doc = "```ignore")]
/// #[derive(novi::Feature)]
/// #[flag("Page layout", rename_all = "kebab-case")]
/// enum Layout { #[default] List, WideGrid }
///
/// let page = match novi::choose() {
///     Layout::List => "one below the other",
///     Layout::WideGrid => "side by side",
/// };
/// # assert_eq!(page, "one below the other");
/// # let _ = Layout::WideGrid;
/// ```
#[must_use]
pub fn choose<T: Feature>() -> T {
    choose_with(None, None)
}

/// The call that `create` of `#[novi::feature]` expands to. Default for `flags`: the installed flags; for
/// `ctx`: the current context.
pub fn choose_with<T: Feature>(flags: Option<&Flags>, ctx: Option<&Context<'_>>) -> T {
    let Some(flags) = flags.or_else(|| installed(T::FLAG)) else {
        let Some(Override::Variant(variant)) = override_of(T::FLAG) else { return T::fallback() };
        return T::read(&Answer { variant: Some(&variant), value: None }).unwrap_or_else(|_| T::fallback());
    };
    match ctx {
        Some(ctx) => flags.choose(ctx),
        None => current::current(|ctx| flags.choose(ctx)),
    }
}

fn chosen<T: Feature>(decision: Option<&Decision<&Snapshot>>) -> T {
    // A flag whose status is off may have an off variant.
    let chooses = |decision: &&Decision<&Snapshot>| decision.enabled() || decision.variant().is_some();
    let Some(decision) = decision.filter(chooses) else { return T::fallback() };
    let answer = Answer { variant: decision.variant(), value: decision.variant_value() };
    T::read(&answer).unwrap_or_else(|problem| {
        decision.snapshot().log_unreadable_once(&T::REGISTERED, answer.variant, &problem);
        T::fallback()
    })
}

//! Flags read as values of the caller's own types.

use crate::{
    context::{Context, current::current_context},
    flags::{Flags, guard::installed},
    snapshot::{
        Snapshot,
        decision::Decision,
        feature::{Answer, Feature},
    },
};

impl Flags {
    /// What a flag chooses for this caller: a variant of an enum, or a struct that is the variant's value.
    ///
    /// It is the type's default when the flag is off, when no flag has the name, when it is on without a variant, and when
    /// it has one that the code does not know or can not read. That is told once a revision; and of what the rows have
    /// that the code does not know there is an [`Issue`](crate::rows::issue::Issue) anyway, before anybody asks.
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
        self.read_decision(T::FLAG, context, chosen)
    }
}

impl Snapshot {
    /// What a flag chooses for this caller; see [`Flags::choose`].
    #[must_use]
    pub fn choose<T: Feature>(&self, context: &Context<'_>) -> T {
        chosen(self.decide(self.find_index(T::FLAG), T::FLAG, context).as_ref())
    }
}

/// What a flag chooses for the caller of the current context ([`with_context`](crate::context::current::with_context),
/// [`in_context`](crate::context::current::in_context)), among the [installed](Flags::install) flags; while none are, it is the type's default,
/// and an error is logged once. See [`Flags::choose`].
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

/// What `create` of `#[novi::feature]` calls: asks these flags or the installed ones, for this caller or the current one.
pub fn choose_with<T: Feature>(flags: Option<&Flags>, ctx: Option<&Context<'_>>) -> T {
    let Some(flags) = flags.or_else(|| installed(T::FLAG)) else { return T::fallback() };
    match ctx {
        Some(ctx) => flags.choose(ctx),
        None => current_context(|ctx| flags.choose(ctx)),
    }
}

fn chosen<T: Feature>(decision: Option<&Decision<&Snapshot>>) -> T {
    let Some(decision) = decision.filter(|decision| decision.enabled()) else { return T::fallback() };
    let answer = Answer { variant: decision.variant(), value: decision.variant_value() };
    T::read(&answer).unwrap_or_else(|problem| {
        decision.snapshot().log_unreadable_once(&T::REGISTERED, answer.variant, &problem);
        T::fallback()
    })
}

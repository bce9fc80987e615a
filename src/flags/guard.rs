//! Support for `#[novi::enabled]`: the calls that it expands to, and its error.

use std::{
    borrow::Cow,
    fmt,
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    context::{
        Context, TARGETING_KEY, current, override_scope, overrides::Override, to_context::ToContext as _,
        value::Value,
    },
    error::Result,
    flags::{Flags, handle::FlagHandle},
    snapshot::Decision,
};

/// A guarded function did not run because its flag is off.
///
/// A function under [`#[novi::enabled]`](macro@crate::enabled) that returns a `Result` needs an error type
/// that implements `From<FlagDisabled>`, for example by thiserror's `#[from]`. `Box<dyn Error>` and
/// `anyhow::Error` do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FlagDisabled {
    flag: Cow<'static, str>,
    /// The variant that the function requires.
    variant: Option<Cow<'static, str>>,
}

impl fmt::Display for FlagDisabled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            None => write!(f, "flag {:?} is off", self.flag),
            Some(variant) => {
                write!(f, "flag {:?} is off, or on without the variant {variant:?}", self.flag)
            }
        }
    }
}

impl FlagDisabled {
    /// The error for the flag with this name.
    #[must_use]
    pub fn new(flag: impl Into<Cow<'static, str>>) -> Self {
        Self { flag: flag.into(), variant: None }
    }

    /// The error for a flag that is not on with this variant.
    #[must_use]
    pub fn without_variant(
        flag: impl Into<Cow<'static, str>>,
        variant: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { flag: flag.into(), variant: Some(variant.into()) }
    }

    /// The flag's name.
    #[must_use]
    pub fn flag(&self) -> &str {
        &self.flag
    }
}

/// An error type that a guarded function can return while its flag is off.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be created from `novi::FlagDisabled`, the error while the flag is off",
    label = "the error type `{Self}` does not implement `From<novi::FlagDisabled>`",
    note = "implement `From<novi::FlagDisabled>`, for instance with a variant `Disabled(#[from] novi::FlagDisabled)` of thiserror",
    note = "or set the value to return while the flag is off: `otherwise = <expression>`"
)]
pub trait FromFlagDisabled {
    /// Converts the error.
    fn from_flag_disabled(error: FlagDisabled) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<FlagDisabled>> FromFlagDisabled for E {
    fn from_flag_disabled(error: FlagDisabled) -> Self {
        error.into()
    }
}

/// A type for the option `flags` of the macros: `Flags`, or a pointer to them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `novi::Flags`",
    label = "expected a `novi::Flags` or a reference to one"
)]
pub trait AsFlags {
    /// The flags.
    fn as_flags(&self) -> &Flags;
}

impl AsFlags for Flags {
    fn as_flags(&self) -> &Flags {
        self
    }
}

macro_rules! through {
    ($($pointer:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: AsFlags + ?Sized> AsFlags for $pointer {
            fn as_flags(&self) -> &Flags {
                (**self).as_flags()
            }
        }
    )*};
}
through!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

/// Whether the body of a guarded function runs. Default for `flags`: the installed flags; for `ctx`: the
/// current context.
pub fn is_enabled(flags: Option<&Flags>, name: &str, ctx: Option<&Context<'_>>) -> bool {
    is_on(flags, name, ctx, None, None)
}

/// Like [`is_enabled`], for a caller with this targeting key, and only with this variant.
pub fn is_on(
    flags: Option<&Flags>,
    name: &str,
    ctx: Option<&Context<'_>>,
    key: Option<Value<'_>>,
    variant: Option<&str>,
) -> bool {
    let Some(flags) = flags.or_else(|| installed(name)) else { return is_overridden(name, variant) };
    with_key(ctx, key, |ctx| match variant {
        None => flags.is_enabled(name, ctx),
        Some(variant) => flags.has_variant(name, name, variant, ctx),
    })
}

/// Like [`is_on`], and records the exposure.
pub fn is_on_exposed(
    flags: Option<&Flags>,
    name: &str,
    ctx: Option<&Context<'_>>,
    key: Option<Value<'_>>,
    variant: Option<&str>,
) -> bool {
    let Some(flags) = flags.or_else(|| installed(name)) else { return is_overridden(name, variant) };
    with_key(ctx, key, |ctx| decides_on(flags.expose(name, ctx), variant))
}

/// Whether a decision is on, with the variant if one is required. An unknown flag is off.
fn decides_on(decision: Result<Decision>, variant: Option<&str>) -> bool {
    decision.is_ok_and(|decision| match variant {
        None => decision.enabled(),
        Some(variant) => decision.has_variant(variant),
    })
}

/// Calls `evaluate` with `ctx`, or with the current context, after setting its targeting key to `key`.
fn with_key<R>(
    ctx: Option<&Context<'_>>,
    key: Option<Value<'_>>,
    evaluate: impl FnOnce(&Context<'_>) -> R,
) -> R {
    match (ctx, key) {
        (Some(ctx), None) => evaluate(ctx),
        (None, None) => current::current(evaluate),
        (Some(ctx), Some(key)) => keyed(ctx, key, evaluate),
        (None, Some(key)) => current::current(|ctx| keyed(ctx, key, evaluate)),
    }
}

fn keyed<R>(ctx: &Context<'_>, key: Value<'_>, evaluate: impl FnOnce(&Context<'_>) -> R) -> R {
    if ctx.is_empty() {
        // Without an allocation.
        return evaluate(&Context::borrowed(&[(Cow::Borrowed(TARGETING_KEY), key)]));
    }
    let mut ctx = ctx.to_context();
    ctx.insert(TARGETING_KEY, key);
    evaluate(&ctx)
}

/// The installed flags. Logs an error if there are none.
pub(crate) fn installed(name: &str) -> Option<&'static Flags> {
    let flags = Flags::global();
    if flags.is_none() {
        log_not_installed(name);
    }
    flags
}

/// Whether an override of the running code enables a flag while no flags are installed, as in most tests of
/// guarded functions.
#[cold]
fn is_overridden(name: &str, variant: Option<&str>) -> bool {
    match (override_of(name), variant) {
        (None | Some(Override::Off), _) => false,
        (Some(Override::On), variant) => variant.is_none(),
        (Some(Override::Variant(assigned)), variant) => variant.is_none_or(|variant| variant == assigned),
    }
}

/// The override of a flag that the running code is in.
pub(super) fn override_of(name: &str) -> Option<Override> {
    override_scope::effective(name, |_| true).map(|found| found.answer.clone())
}

/// The flag of a guarded function among the installed flags, looked up once.
#[derive(Debug)]
pub struct Guarded {
    name: &'static str,
    handle: OnceLock<FlagHandle>,
}

impl Guarded {
    /// The flag with this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, handle: OnceLock::new() }
    }

    /// Like the function [`is_enabled`], for the installed flags.
    #[inline]
    pub fn is_enabled(&self, ctx: Option<&Context<'_>>) -> bool {
        let Some(handle) = self.handle.get().or_else(|| self.look_up()) else {
            return is_overridden(self.name, None);
        };
        match ctx {
            Some(ctx) => handle.is_enabled(ctx),
            None => current::current(|ctx| handle.is_enabled(ctx)),
        }
    }

    /// Like the function [`is_on`], for the installed flags.
    pub fn is_on(&self, ctx: Option<&Context<'_>>, key: Option<Value<'_>>, variant: Option<&str>) -> bool {
        let Some(handle) = self.handle.get().or_else(|| self.look_up()) else {
            return is_overridden(self.name, variant);
        };
        with_key(ctx, key, |ctx| match variant {
            None => handle.is_enabled(ctx),
            Some(variant) => handle.has_variant(variant, ctx),
        })
    }

    /// Like [`is_on`](Self::is_on), and records the exposure.
    pub fn is_on_exposed(
        &self,
        ctx: Option<&Context<'_>>,
        key: Option<Value<'_>>,
        variant: Option<&str>,
    ) -> bool {
        let Some(handle) = self.handle.get().or_else(|| self.look_up()) else {
            return is_overridden(self.name, variant);
        };
        with_key(ctx, key, |ctx| decides_on(handle.expose(ctx), variant))
    }

    #[cold]
    fn look_up(&self) -> Option<&FlagHandle> {
        let flags = installed(self.name)?;
        Some(self.handle.get_or_init(|| flags.flag(self.name)))
    }
}

/// Logs once that no flags are installed: the mistake is the program's, not that of each call.
fn log_not_installed(name: &str) {
    static LOGGED: AtomicBool = AtomicBool::new(false);
    if !LOGGED.swap(true, Ordering::Relaxed) {
        tracing::error!(
            flag.name = name,
            "a function guarded by #[novi::enabled] was called before any flags were installed, so all such flags are \
             off: call `install()` on the `Flags` when the program starts, or name them in the attribute: `flags = ...`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::override_scope::sync_scope;

    /// No unit test of the library installs flags.
    #[test]
    fn overrides_enable_guarded_functions_while_no_flags_are_installed() {
        let guarded = Guarded::new("Sale");
        let enabled =
            |variant| (is_on(None, "Sale", None, None, variant), guarded.is_on(None, None, variant));
        assert_eq!((enabled(None), guarded.is_enabled(None)), ((false, false), false));
        sync_scope([("Sale", Override::On)], || {
            assert_eq!((enabled(None), guarded.is_enabled(None)), ((true, true), true));
            assert_eq!(enabled(Some("grid")), (false, false));
            sync_scope([("Sale", Override::Off)], || assert_eq!(enabled(None), (false, false)));
            sync_scope([("Sale", Override::variant("grid"))], || {
                assert_eq!(enabled(None), (true, true));
                assert_eq!(enabled(Some("grid")), (true, true));
                assert_eq!(enabled(Some("list")), (false, false));
            });
        });
        assert_eq!(enabled(None), (false, false));
    }
}

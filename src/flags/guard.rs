//! What `#[novi::enabled]` calls, and the error that it gives.

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
    context::{Context, TARGETING_KEY, current::current_context, to_context::ToContext as _, value::Value},
    flags::{Flags, handle::FlagHandle},
};

/// A guarded function did not run because its flag is off.
///
/// The error type of a function under [`#[novi::enabled]`](macro@crate::enabled) is to be made from this one, by
/// `#[from]` of thiserror for instance. `Box<dyn Error>` and `anyhow::Error` are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FlagDisabled {
    flag: Cow<'static, str>,
    /// The variant that the flag is to be on with.
    variant: Option<Cow<'static, str>>,
}

impl fmt::Display for FlagDisabled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            None => write!(f, "feature {:?} is off", self.flag),
            Some(variant) => {
                write!(f, "feature {:?} is off, or on without the variant {variant:?}", self.flag)
            }
        }
    }
}

impl FlagDisabled {
    /// The error of the flag with this name.
    #[must_use]
    pub fn new(flag: impl Into<Cow<'static, str>>) -> Self {
        Self { flag: flag.into(), variant: None }
    }

    /// The error of a flag that is not on with this variant.
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

/// What the option `flags` takes: flags, or anything that leads to them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the `Flags` of novi",
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

/// Whether the body of a guarded function runs. Without flags those that are installed are asked, without a context
/// the current one is taken.
pub fn is_enabled(flags: Option<&Flags>, name: &str, ctx: Option<&Context<'_>>) -> bool {
    is_on(flags, name, ctx, None, None)
}

/// As [`is_enabled`], for a caller with this targeting key, and only with this variant.
pub fn is_on(
    flags: Option<&Flags>,
    name: &str,
    ctx: Option<&Context<'_>>,
    key: Option<Value<'_>>,
    variant: Option<&str>,
) -> bool {
    let Some(flags) = flags.or_else(|| installed(name)) else { return false };
    with_key(ctx, key, |ctx| match variant {
        None => flags.is_enabled(name, ctx),
        Some(variant) => flags.has_variant(name, variant, ctx),
    })
}

/// Calls `ask` with the context, or with the current one, in which the targeting key is `key`.
fn with_key<R>(ctx: Option<&Context<'_>>, key: Option<Value<'_>>, ask: impl FnOnce(&Context<'_>) -> R) -> R {
    match (ctx, key) {
        (Some(ctx), None) => ask(ctx),
        (None, None) => current_context(ask),
        (Some(ctx), Some(key)) => keyed(ctx, key, ask),
        (None, Some(key)) => current_context(|ctx| keyed(ctx, key, ask)),
    }
}

fn keyed<R>(ctx: &Context<'_>, key: Value<'_>, ask: impl FnOnce(&Context<'_>) -> R) -> R {
    if ctx.is_empty() {
        // Without the heap.
        return ask(&Context::borrowed(&[(Cow::Borrowed(TARGETING_KEY), key)]));
    }
    let mut ctx = ctx.to_context();
    ctx.insert(TARGETING_KEY, key);
    ask(&ctx)
}

/// The flags of the process, which the flag of this name is asked of.
pub(crate) fn installed(name: &str) -> Option<&'static Flags> {
    let flags = Flags::global();
    if flags.is_none() {
        warn_once(name);
    }
    flags
}

/// The flag of a guarded function among those of the process, looked up once.
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

    /// As the function [`is_enabled`], without flags of its own.
    #[inline]
    pub fn is_enabled(&self, ctx: Option<&Context<'_>>) -> bool {
        let Some(handle) = self.handle.get().or_else(|| self.look_up()) else { return false };
        match ctx {
            Some(ctx) => handle.is_enabled(ctx),
            None => current_context(|ctx| handle.is_enabled(ctx)),
        }
    }

    /// As the function [`is_on`], without flags of its own.
    pub fn is_on(&self, ctx: Option<&Context<'_>>, key: Option<Value<'_>>, variant: Option<&str>) -> bool {
        let Some(handle) = self.handle.get().or_else(|| self.look_up()) else { return false };
        with_key(ctx, key, |ctx| match variant {
            None => handle.is_enabled(ctx),
            Some(variant) => handle.has_variant(variant, ctx),
        })
    }

    #[cold]
    fn look_up(&self) -> Option<&FlagHandle> {
        let flags = installed(self.name)?;
        Some(self.handle.get_or_init(|| flags.flag(self.name)))
    }
}

/// Says that no flags are installed. Once: the fault is the program's, not that of each call.
fn warn_once(name: &str) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Ordering::Relaxed) {
        tracing::error!(
            flag.name = name,
            "a function guarded by #[novi::enabled] was called before any flags were installed, so it and all others \
             count as off: call `install()` on the `Flags` when the program starts, or name them in the attribute: \
             `flags = ...`"
        );
    }
}

//! What `#[novi::enabled]` calls, and the error that it gives.

use std::{
    borrow::Cow,
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{Context, FlagHandle, Flags, current::current_context};

/// A guarded function did not run because its flag is off.
///
/// The error type of a function under [`#[novi::enabled]`](macro@crate::enabled) is to be made from this one, by
/// `#[from]` of thiserror for instance. `Box<dyn Error>` and `anyhow::Error` are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("feature {flag:?} is off")]
pub struct FlagDisabled {
    flag: Cow<'static, str>,
}

impl FlagDisabled {
    /// The error of the flag with this name.
    #[must_use]
    pub fn new(flag: impl Into<Cow<'static, str>>) -> Self {
        Self { flag: flag.into() }
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
    let asked = match flags {
        Some(_) => flags,
        None => Flags::global(),
    };
    let Some(flags) = asked else {
        warn_once(name);
        return false;
    };
    match ctx {
        Some(ctx) => flags.is_enabled(name, ctx),
        None => current_context(|ctx| flags.is_enabled(name, ctx)),
    }
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

    #[cold]
    fn look_up(&self) -> Option<&FlagHandle> {
        let Some(flags) = Flags::global() else {
            warn_once(self.name);
            return None;
        };
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

//! The current context: attributes of the caller that need not be passed as an argument.

use std::{cell::Cell, sync::Arc};

use crate::context::{
    Context,
    scoped::{Enter, Scoped},
};

thread_local! {
    /// Set while a scope runs on this thread, or a future inside one is polled. A `Cell`, because scopes may
    /// begin and end while the context is being read.
    static CURRENT: Cell<Option<Arc<Context<'static>>>> = const { Cell::new(None) };
}

/// Runs `run` with `ctx` as the current context of this thread. Afterwards the previous context is restored,
/// even if `run` panics.
///
/// For sync code; for an async block, use [`scope`]. Threads that are started inside do not inherit the
/// context.
///
/// ```
/// use novi::Context;
///
/// let plan = || novi::context::current(|ctx| ctx.get("plan").and_then(|plan| plan.as_str()).map(str::to_owned));
/// novi::context::sync_scope(Context::new().with("plan", "pro"), || assert_eq!(plan().as_deref(), Some("pro")));
/// assert_eq!(plan(), None);
/// ```
pub fn sync_scope<R>(ctx: Context<'static>, run: impl FnOnce() -> R) -> R {
    let _guard = ContextGuard::enter(Arc::new(ctx));
    run()
}

/// Wraps a future so that `ctx` is the current context whenever it runs, on any thread, and never while
/// another task runs.
///
/// Works with every async runtime. Tasks that are spawned inside do not inherit the context; wrap their
/// futures as well: `spawn(scope(ctx, work()))`.
///
/// ```
/// # async fn render() {}
/// # fn main() {
/// # let _ =
/// novi::context::scope(novi::Context::new().with("targetingKey", "user-7"), async {
///     render().await // guarded functions in here are evaluated for user-7
/// })
/// # ;
/// # }
/// ```
pub fn scope<F: Future>(ctx: Context<'static>, future: F) -> impl Future<Output = F::Output> {
    Scoped::new(future, Arc::new(ctx))
}

/// Calls `read` with the current context: that of the innermost [`sync_scope`] or [`scope`], or an
/// empty one outside of both.
pub fn current<R>(read: impl FnOnce(&Context<'_>) -> R) -> R {
    const EMPTY: &Context<'_> = &Context::new();
    read(cloned().as_deref().unwrap_or(EMPTY))
}

fn cloned() -> Option<Arc<Context<'static>>> {
    // Fails only during thread teardown, when there is no context.
    CURRENT
        .try_with(|cell| {
            let current = cell.take();
            cell.set(current.clone());
            current
        })
        .ok()
        .flatten()
}

/// Restores the previous context when dropped.
pub(crate) struct ContextGuard {
    previous: Option<Arc<Context<'static>>>,
}

impl ContextGuard {
    fn enter(ctx: Arc<Context<'static>>) -> Self {
        Self { previous: CURRENT.try_with(|cell| cell.replace(Some(ctx))).ok().flatten() }
    }
}

impl Drop for ContextGuard {
    fn drop(&mut self) {
        let previous = self.previous.take();
        // The replaced context is dropped outside of the closure. Fails only during thread teardown.
        drop(CURRENT.try_with(|cell| cell.replace(previous)));
    }
}

impl Enter for Arc<Context<'static>> {
    type Guard = ContextGuard;

    fn enter(&self) -> ContextGuard {
        ContextGuard::enter(Self::clone(self))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic,
        sync::mpsc,
        task::{self, Poll, Waker},
        thread,
    };

    use super::*;

    fn user(name: &'static str) -> Context<'static> {
        Context::new().with("user", name)
    }

    fn current_user() -> Option<String> {
        current(|ctx| ctx.get("user")?.as_str().map(str::to_owned))
    }

    #[test]
    fn nested_contexts_restore_the_outer_one() {
        assert_eq!(current_user(), None);
        sync_scope(user("a"), || {
            sync_scope(user("b"), || assert_eq!(current_user().as_deref(), Some("b")));
            assert_eq!(current_user().as_deref(), Some("a"));
        });
        assert_eq!(current_user(), None);
    }

    #[test]
    fn inner_context_does_not_inherit_attributes() {
        sync_scope(Context::new().with("plan", "pro"), || {
            sync_scope(user("a"), || assert!(current(|ctx| ctx.get("plan").is_none())));
        });
    }

    #[test]
    fn panic_restores_the_context() {
        sync_scope(user("a"), || {
            panic::catch_unwind(|| sync_scope(user("b"), || panic!("on purpose"))).unwrap_err();
            assert_eq!(current_user().as_deref(), Some("a"));
        });
    }

    #[test]
    fn context_can_be_set_while_one_is_read() {
        sync_scope(user("a"), || {
            current(|outer| {
                sync_scope(user("b"), || assert_eq!(current_user().as_deref(), Some("b")));
                assert_eq!(outer, &user("a"));
            });
            assert_eq!(current_user().as_deref(), Some("a"));
        });
    }

    #[test]
    fn other_threads_have_no_context() {
        sync_scope(user("a"), || assert_eq!(thread::spawn(current_user).join().unwrap(), None));
    }

    #[test]
    fn thread_teardown_does_not_panic() {
        struct AtEnd(mpsc::Sender<Option<String>>);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                sync_scope(user("late"), || self.0.send(current_user())).unwrap();
            }
        }
        thread_local!(static AT_END: Cell<Option<AtEnd>> = const { Cell::new(None) });

        let (sender, receiver) = mpsc::channel();
        // Initialized first, so it may be dropped after the cell of the current context.
        let work = || {
            AT_END.set(Some(AtEnd(sender)));
            sync_scope(user("a"), current_user)
        };
        assert_eq!(thread::spawn(work).join().unwrap().as_deref(), Some("a"));
        // The order depends on the platform; in neither order may it panic.
        let late = receiver.recv().unwrap();
        assert!(late.is_none() || late.as_deref() == Some("late"), "{late:?}");
    }

    #[test]
    fn future_has_the_context_only_while_it_runs() {
        let mut cx = task::Context::from_waker(Waker::noop());
        let mut polls = 0;
        let mut future = Box::pin(scope(
            user("a"),
            std::future::poll_fn(|_| {
                polls += 1;
                if polls < 2 { Poll::Pending } else { Poll::Ready(current_user()) }
            }),
        ));
        assert!(future.as_mut().poll(&mut cx).is_pending());
        assert_eq!(current_user(), None);
        assert_eq!(future.as_mut().poll(&mut cx), Poll::Ready(Some("a".to_owned())));
        assert_eq!(current_user(), None);
        assert!(future.as_mut().poll(&mut cx).is_pending());
    }

    #[test]
    fn future_has_the_context_while_it_is_dropped() {
        struct OnDrop(mpsc::Sender<Option<String>>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.send(current_user()).unwrap();
            }
        }
        let (sender, receiver) = mpsc::channel();
        let held = OnDrop(sender);
        drop(scope(user("a"), async move {
            let _held = held;
            std::future::pending::<()>().await;
        }));
        assert_eq!(receiver.recv().unwrap().as_deref(), Some("a"));
        assert_eq!(current_user(), None);
    }

    #[test]
    fn scoped_futures_are_send() {
        fn assert_send(_: &impl Send) {}
        assert_send(&scope(user("a"), async {}));
    }
}

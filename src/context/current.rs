//! The current context: what is known of the caller of the code that runs now, without passing it along.

use std::{cell::Cell, sync::Arc};

use crate::context::{
    Context,
    scoped::{Enter, Within},
};

thread_local! {
    /// Set while a scope of this thread runs, or a future that has one is polled. Always taken, never borrowed, so
    /// that scopes may begin and end while somebody reads it.
    static CURRENT: Cell<Option<Arc<Context<'static>>>> = const { Cell::new(None) };
}

/// Runs `run` with `ctx` as this thread's current context. What was current before is so again afterwards, after a
/// panic too.
///
/// For the span of a sync call; an async block has [`in_context`]. Threads that are started inside do not
/// inherit the context.
///
/// ```
/// use novi::Context;
///
/// let plan = || novi::current_context(|ctx| ctx.get("plan").and_then(|plan| plan.as_str()).map(str::to_owned));
/// novi::with_context(Context::new().with("plan", "pro"), || assert_eq!(plan().as_deref(), Some("pro")));
/// assert_eq!(plan(), None);
/// ```
pub fn with_context<R>(ctx: Context<'static>, run: impl FnOnce() -> R) -> R {
    let _scope = Scope::enter(Arc::new(ctx));
    run()
}

/// The future, with `ctx` as the current context whenever it runs: on any thread, and never while another task does.
///
/// Works with every async runtime. A task that is spawned inside does not inherit the context: wrap its future as
/// well, as in `spawn(in_context(ctx, work()))`.
///
/// ```
/// # async fn render() {}
/// # fn main() {
/// # let _ =
/// novi::in_context(novi::Context::new().with("targetingKey", "user-7"), async {
///     render().await // guarded functions in here are asked for user-7
/// })
/// # ;
/// # }
/// ```
pub fn in_context<F: Future>(ctx: Context<'static>, future: F) -> impl Future<Output = F::Output> {
    Within::new(future, Arc::new(ctx))
}

/// Calls `read` with the current context: that of the innermost [`with_context`] or [`in_context`] around, outside of
/// all an empty one.
pub fn current_context<R>(read: impl FnOnce(&Context<'_>) -> R) -> R {
    const EMPTY: &Context<'_> = &Context::new();
    read(current().as_deref().unwrap_or(EMPTY))
}

fn current() -> Option<Arc<Context<'static>>> {
    // A thread that ends has dropped its cell: then there is no context.
    CURRENT
        .try_with(|cell| {
            let current = cell.take();
            cell.set(current.clone());
            current
        })
        .ok()
        .flatten()
}

/// Puts back what was current before.
pub(crate) struct Scope {
    before: Option<Arc<Context<'static>>>,
}

impl Scope {
    fn enter(ctx: Arc<Context<'static>>) -> Self {
        Self { before: CURRENT.try_with(|cell| cell.replace(Some(ctx))).ok().flatten() }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let before = self.before.take();
        // Where the cell is gone there is nothing to put back; what it held is dropped outside of it.
        drop(CURRENT.try_with(|cell| cell.replace(before)));
    }
}

impl Enter for Arc<Context<'static>> {
    type Scope = Scope;

    fn enter(&self) -> Scope {
        Scope::enter(Self::clone(self))
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
        current_context(|ctx| ctx.get("user")?.as_str().map(str::to_owned))
    }

    #[test]
    fn contexts_nest() {
        assert_eq!(current_user(), None);
        with_context(user("a"), || {
            with_context(user("b"), || assert_eq!(current_user().as_deref(), Some("b")));
            assert_eq!(current_user().as_deref(), Some("a"));
        });
        assert_eq!(current_user(), None);
    }

    #[test]
    fn an_inner_context_replaces_the_outer_one() {
        with_context(Context::new().with("plan", "pro"), || {
            with_context(user("a"), || assert!(current_context(|ctx| ctx.get("plan").is_none())));
        });
    }

    #[test]
    fn a_panic_restores_the_context() {
        with_context(user("a"), || {
            panic::catch_unwind(|| with_context(user("b"), || panic!("on purpose"))).unwrap_err();
            assert_eq!(current_user().as_deref(), Some("a"));
        });
    }

    #[test]
    fn a_context_may_be_set_while_one_is_read() {
        with_context(user("a"), || {
            current_context(|outer| {
                with_context(user("b"), || assert_eq!(current_user().as_deref(), Some("b")));
                assert_eq!(outer, &user("a"));
            });
            assert_eq!(current_user().as_deref(), Some("a"));
        });
    }

    #[test]
    fn threads_do_not_share_it() {
        with_context(user("a"), || assert_eq!(thread::spawn(current_user).join().unwrap(), None));
    }

    #[test]
    fn a_thread_that_ends_has_none() {
        struct AtEnd(mpsc::Sender<Option<String>>);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                with_context(user("late"), || self.0.send(current_user())).unwrap();
            }
        }
        thread_local!(static AT_END: Cell<Option<AtEnd>> = const { Cell::new(None) });

        let (sender, receiver) = mpsc::channel();
        // Made first, dropped last: after the cell of the current context.
        let work = || {
            AT_END.set(Some(AtEnd(sender)));
            with_context(user("a"), current_user)
        };
        assert_eq!(thread::spawn(work).join().unwrap().as_deref(), Some("a"));
        // Which of the two goes first is the platform's business; that neither panics is ours.
        let late = receiver.recv().unwrap();
        assert!(late.is_none() || late.as_deref() == Some("late"), "{late:?}");
    }

    #[test]
    fn a_future_has_it_only_while_it_runs() {
        let mut cx = task::Context::from_waker(Waker::noop());
        let mut turns = 0;
        let mut future = Box::pin(in_context(
            user("a"),
            std::future::poll_fn(|_| {
                turns += 1;
                if turns < 2 { Poll::Pending } else { Poll::Ready(current_user()) }
            }),
        ));
        assert!(future.as_mut().poll(&mut cx).is_pending());
        assert_eq!(current_user(), None);
        assert_eq!(future.as_mut().poll(&mut cx), Poll::Ready(Some("a".to_owned())));
        assert_eq!(current_user(), None);
        assert!(future.as_mut().poll(&mut cx).is_pending());
    }

    #[test]
    fn a_future_has_it_while_it_is_dropped() {
        struct OnDrop(mpsc::Sender<Option<String>>);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.send(current_user()).unwrap();
            }
        }
        let (sender, receiver) = mpsc::channel();
        let held = OnDrop(sender);
        drop(in_context(user("a"), async move {
            let _held = held;
            std::future::pending::<()>().await;
        }));
        assert_eq!(receiver.recv().unwrap().as_deref(), Some("a"));
        assert_eq!(current_user(), None);
    }

    #[test]
    fn futures_in_a_context_are_send() {
        fn assert_send(_: &impl Send) {}
        assert_send(&in_context(user("a"), async {}));
    }
}

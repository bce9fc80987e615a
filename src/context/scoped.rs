//! A future that enters a scope whenever it runs: a current context, or overrides.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

/// A scope that a thread can enter.
pub(crate) trait Enter {
    /// Leaves the scope when dropped.
    type Guard;

    fn enter(&self) -> Self::Guard;
}

pin_project! {
    /// A future that is polled and dropped inside `scope`, on any thread.
    pub(crate) struct Scoped<F, E: Enter> {
        // `None` once it has completed or was dropped.
        #[pin]
        future: Option<F>,
        scope: E,
    }

    impl<F, E: Enter> PinnedDrop for Scoped<F, E> {
        fn drop(this: Pin<&mut Self>) {
            // Destructors of the future's variables may use the scope.
            let mut this = this.project();
            if this.future.is_some() {
                let _guard = this.scope.enter();
                this.future.set(None);
            }
        }
    }
}

impl<F, E: Enter> Scoped<F, E> {
    pub(crate) fn new(future: F, scope: E) -> Self {
        Self { future: Some(future), scope }
    }
}

impl<F: Future, E: Enter> Future for Scoped<F, E> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _guard = this.scope.enter();
        // Polling a completed future violates its contract. Staying pending is gentler than a panic.
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = future.poll(cx);
        if output.is_ready() {
            this.future.set(None);
        }
        output
    }
}

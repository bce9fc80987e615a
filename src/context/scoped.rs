//! A future that has something of its own whenever it runs: a context, or overrides.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

/// What a thread can be in while a future is polled.
pub(crate) trait Enter {
    /// Leaves it when dropped.
    type Scope;

    fn enter(&self) -> Self::Scope;
}

pin_project! {
    /// A future that is polled and dropped inside of `around`, on whatever thread.
    pub(crate) struct Within<F, E: Enter> {
        // Nothing once it is done or dropped.
        #[pin]
        future: Option<F>,
        around: E,
    }

    impl<F, E: Enter> PinnedDrop for Within<F, E> {
        fn drop(this: Pin<&mut Self>) {
            // What the future holds may ask for what is around while it is dropped.
            let mut this = this.project();
            if this.future.is_some() {
                let _scope = this.around.enter();
                this.future.set(None);
            }
        }
    }
}

impl<F, E: Enter> Within<F, E> {
    pub(crate) fn new(future: F, around: E) -> Self {
        Self { future: Some(future), around }
    }
}

impl<F: Future, E: Enter> Future for Within<F, E> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _scope = this.around.enter();
        // Polled after its end, against the contract of futures: never ready again, rather than a panic.
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let answer = future.poll(cx);
        if answer.is_ready() {
            this.future.set(None);
        }
        answer
    }
}

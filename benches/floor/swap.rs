//! Flags that can be replaced while they are evaluated.

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::State;

/// The present state.
pub struct Floor {
    current: Mutex<Arc<State>>,
    /// The number of the present state, which no other of the process has.
    generation: AtomicU64,
}

static GENERATIONS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The state that this thread has asked last, with its number. Comparing numbers is cheaper than loading
    /// any shared pointer.
    static LAST: RefCell<(u64, Option<Arc<State>>)> = const { RefCell::new((0, None)) };
}

impl Floor {
    /// Flags from JSON text.
    ///
    /// # Errors
    /// The text is not the JSON of flags.
    pub fn new(text: &str) -> Result<Self, serde_json::Error> {
        let state = Arc::new(serde_json::from_str(text)?);
        Ok(Self { current: Mutex::new(state), generation: AtomicU64::new(next_generation()) })
    }

    /// Replaces all flags.
    ///
    /// # Errors
    /// The text is not the JSON of flags.
    pub fn replace(&self, text: &str) -> Result<(), serde_json::Error> {
        let state = Arc::new(serde_json::from_str(text)?);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.generation.store(next_generation(), Ordering::Release);
        Ok(())
    }

    /// Asks the present state.
    #[inline]
    pub fn with<R>(&self, ask: impl FnOnce(&State) -> R) -> R {
        LAST.with_borrow_mut(|last| {
            let generation = self.generation.load(Ordering::Acquire);
            if last.0 != generation {
                self.remember(generation, last);
            }
            match &last.1 {
                Some(state) => ask(state),
                None => unreachable!("no state has the number 0, so it was filled above"),
            }
        })
    }

    #[cold]
    fn remember(&self, generation: u64, last: &mut (u64, Option<Arc<State>>)) {
        let state = Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner));
        *last = (generation, Some(state));
    }
}

fn next_generation() -> u64 {
    GENERATIONS.fetch_add(1, Ordering::Relaxed)
}

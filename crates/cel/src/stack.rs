//! Stack space for recursion during compilation, whatever thread compiles.

use std::thread;

/// Up to this depth the current thread compiles: a level takes 16 KiB in a build without optimization, and a
/// small stack has 256 KiB.
pub(crate) const SHALLOW: u32 = 6;

/// Far more than the deepest expression needs.
const STACK: usize = 4 << 20;

/// Runs a function, on a thread of its own if it recurses deeply. `None` if no thread can be started.
pub(crate) fn with_stack<T: Send>(levels: u32, run: impl FnOnce() -> T + Send) -> Option<T> {
    if levels <= SHALLOW {
        return Some(run());
    }
    thread::scope(|scope| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).ok()?.join().ok())
}

//! Room for recursion at load, whatever thread loads.

use std::thread;

/// Up to so many levels are read and linked by the thread that loads: 16 KiB each in a build without optimization, of the 256 KiB
/// that a small stack has.
pub(super) const SHALLOW: u32 = 6;

/// Far more than the deepest expression takes.
const STACK: usize = 4 << 20;

/// Runs this, on a stack of its own if it goes so deep. Nothing if there is no thread to be had for that.
pub(super) fn with_room<T: Send>(levels: u32, run: impl FnOnce() -> T + Send) -> Option<T> {
    if levels <= SHALLOW {
        return Some(run());
    }
    thread::scope(|scope| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run).ok()?.join().ok())
}

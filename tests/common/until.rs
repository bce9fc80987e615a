//! Waits for events, so that no test depends on the speed of the machine.

use std::time::{Duration, Instant};

/// When a test gives up waiting. It only has to be longer than a busy machine takes; the benches measure
/// time.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not happen within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The output of a future that must not be blocked.
pub(crate) async fn unblocked<T>(what: &str, future: impl Future<Output = T>) -> T {
    let output = tokio::time::timeout(PATIENCE, future).await;
    output.unwrap_or_else(|_| panic!("{what}: blocked for {PATIENCE:?}"))
}

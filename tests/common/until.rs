//! Waiting for what comes about by itself.

use std::time::Duration;

/// Waits until it is so; how long it takes is for the benches to measure.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..3000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}

//! The header `Retry-After`.

use std::time::Duration;

/// Seconds, rounded up, and at least 1: at 0 clients would retry at once.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    let rest = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(rest).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_to_at_least_one() {
        let seconds = |milliseconds| whole_seconds(Duration::from_millis(milliseconds));
        assert_eq!([seconds(0), seconds(1), seconds(1000), seconds(1001)], [1, 1, 1, 2]);
    }
}

//! Values of options, with errors in words of the command line.

use std::time::Duration;

/// A duration with its unit.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "expected a duration such as 90s, 1h or 7d")
}

/// A whole number above zero.
pub(super) fn positive(text: &str) -> Result<u32, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("expected a whole number of 1 or more")
}

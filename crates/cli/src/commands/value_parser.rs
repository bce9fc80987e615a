//! Values of options, with errors in words of the command line.

use std::{str::FromStr, time::Duration};

/// A duration with its unit.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "expected a duration such as 90s, 1h or 7d")
}

/// A whole number above zero.
pub(super) fn positive(text: &str) -> Result<u32, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or("expected a whole number of 1 or more")
}

/// A whole number.
pub(super) fn whole<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "expected a whole number")
}

/// A whole number that is not negative.
pub(super) fn natural<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|_| "expected a whole number of 0 or more")
}

/// A whole number from 1 to a last one.
pub(super) fn up_to<T: FromStr + PartialOrd + From<u16>, const LAST: u16>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| (T::from(1)..=T::from(LAST)).contains(number));
    number.ok_or_else(|| format!("expected a whole number from 1 to {LAST}"))
}

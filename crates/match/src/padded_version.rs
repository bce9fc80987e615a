//! Versions in the order of GrowthBook, which pads their numbers and compares the texts.
//!
//! Source: `paddedVersionString` of GrowthBook's SDKs.

use std::{cmp::Ordering, fmt, iter::repeat_n};

use crate::version::{ORDERS, Operator};

/// The characters between the parts of a version.
const SEPARATORS: [char; 2] = ['-', '.'];

/// The length that numbers are padded to.
const LENGTH: usize = 5;

/// An operator and a version: `>=1.2.3`. Any text is a version.
#[derive(Debug)]
pub struct PaddedRequirement {
    text: Box<str>,
    operator: Operator,
    /// Where the version starts.
    start: usize,
}

impl PaddedRequirement {
    /// Parses a version after one of the operators `=`, `>`, `<`, `>=` and `<=`, or after none. Spaces around
    /// the operator are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (operator, version) = Operator::strip(&ORDERS, text.trim_start());
        let start = text.len() - version.len();
        Self { text: text.into(), operator, start }
    }

    /// Returns `true` if the version is in the range.
    #[must_use]
    pub fn is_met_by(&self, version: &str) -> bool {
        self.operator.allows(compare(version, self.text.get(self.start..).unwrap_or_default()))
    }
}

impl fmt::Display for PaddedRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Compares two versions as GrowthBook does, by code units of UTF-16.
#[must_use]
pub fn compare(one: &str, other: &str) -> Ordering {
    padded(one).cmp(padded(other))
}

/// The code units of the padded version: its parts, joined by hyphens. Numbers have five places at least. A
/// third part is followed by `~`, which is after all letters, so that a release is higher than its
/// pre-releases.
fn padded(version: &str) -> impl Iterator<Item = u16> {
    let version = if version.is_empty() { "0" } else { version };
    let version = version.strip_prefix('v').unwrap_or(version);
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let is_release = version.matches(SEPARATORS).count() == 2;
    let parts = version.split(SEPARATORS).chain(is_release.then_some("~"));
    parts.enumerate().flat_map(|(index, part)| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let padding = if is_number { LENGTH.saturating_sub(part.len()) } else { 0 };
        let hyphen = (index > 0).then_some(u16::from(b'-'));
        hyphen.into_iter().chain(repeat_n(u16::from(b' '), padding)).chain(part.encode_utf16())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `paddedVersionString` of its SDK for JavaScript 1.8.
    #[test]
    fn versions_are_ordered_as_in_growthbook() {
        for (one, order, other) in [
            ("1.2.3", Ordering::Equal, "v1.2.3+build"),
            ("1-2-3", Ordering::Equal, "1.2.3"),
            ("1.2.3.4", Ordering::Equal, "1.2.3-4"),
            ("", Ordering::Equal, "0"),
            ("a.b.c.d.e.f", Ordering::Greater, "1.2.3"),
            ("١.٢.٣", Ordering::Greater, "1.2.3"),
            ("1.2.3", Ordering::Greater, "1.2.3-beta"),
            ("1.2.3-alpha", Ordering::Less, "1.2.3-beta"),
            ("1.2.3-beta.2", Ordering::Less, "1.2.3-beta.11"),
            ("9.0.0", Ordering::Less, "10.0.0"),
            ("1.2", Ordering::Less, "1.2.0"),
            ("1..2", Ordering::Greater, "1.0.2"),
            ("-1.2", Ordering::Greater, "0"),
            // A number of six places is compared as text.
            ("100000.0.0", Ordering::Less, "99999.0.0"),
        ] {
            assert_eq!(compare(one, other), order, "{one} {other}");
            assert_eq!(compare(other, one), order.reverse(), "{other} {one}");
        }
    }

    #[test]
    fn requirements_have_an_operator() {
        for (requirement, yes, no) in [
            ("1.2.3", "1.2.3", "1.2.4"),
            ("=1.2.3", "v1.2.3", "1.2.4"),
            ("> 1.2.3", "1.2.4", "1.2.3"),
            (" >= 1.2.3", "1.2.3", "1.2.2"),
            ("<1.2.3", "1.2.3-rc", "1.2.3"),
            ("<=1.2.3", "1.2.3", "1.2.4"),
            (">", "1", "0"),
        ] {
            let requirement = PaddedRequirement::parse(requirement);
            assert!(requirement.is_met_by(yes) && !requirement.is_met_by(no), "{requirement:?}");
        }
    }
}

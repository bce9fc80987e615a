//! Versions in the order of semver 2.0, and ranges of versions.
//!
//! The crate `semver` was tried and is not used: it allocates for a pre-release of more than 8 bytes at each
//! evaluation, rejects `v1.2` and `2026.01.05`, and excludes pre-releases from ranges.

use std::{cmp::Ordering, fmt};

/// A version, borrowed from its text.
///
/// Parsing is more lenient than semver: it allows a leading `v` or `=`, fewer parts (missing parts are zero),
/// and leading zeros (as in 2026.01.05). It rejects a fourth part, a letter in place of a number, and numbers
/// of more than 64 bits. Build metadata after `+` is ignored.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    parts: [u64; 3],
    /// How many parts were written.
    written: usize,
    /// The text after `-`; empty for a release.
    prerelease: &'a str,
}

impl<'a> Version<'a> {
    /// Parses a version.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut bytes = text.as_bytes();
        if let [b'=', rest @ ..] = bytes {
            bytes = rest;
        }
        if let [b'v' | b'V', rest @ ..] = bytes {
            bytes = rest;
        }
        let (mut parts, mut written) = ([0; 3], 0);
        loop {
            (*parts.get_mut(written)?, bytes) = number(bytes)?;
            written += 1;
            match bytes {
                [] => return Some(Self { parts, written, prerelease: "" }),
                [b'.', rest @ ..] => bytes = rest,
                _ => break,
            }
        }
        let rest = text.get(text.len() - bytes.len()..)?;
        let prerelease = prerelease(rest)?;
        Some(Self { parts, written, prerelease })
    }

    /// The version of a number that [`short_release`] returned.
    #[must_use]
    pub const fn from_short_release(release: u64) -> Version<'static> {
        const PART: u64 = (1 << BITS) - 1;
        let parts = [release >> (2 * BITS), release >> BITS & PART, release & PART];
        Version { parts, written: 3, prerelease: "" }
    }

    /// Compares the precedence of two versions.
    #[must_use]
    #[inline]
    pub fn compare(&self, other: &Version<'_>) -> Ordering {
        // Tuples compare without a loop, which is faster than arrays.
        let parts = |version: &Version<'_>| <(u64, u64, u64)>::from(version.parts);
        parts(self).cmp(&parts(other)).then_with(|| match (self.prerelease, other.prerelease) {
            ("", "") => Ordering::Equal,
            // A release is higher than its pre-releases.
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (one, other) => compare_prereleases(one, other),
        })
    }

    /// How many leading parts a compatible version shares with this one: all up to the first that is not
    /// zero, or all that are written.
    fn compatible_parts(&self) -> usize {
        let first = self.parts.iter().take(self.written).position(|part| *part != 0);
        first.map_or(self.written, |first| first + 1)
    }
}

/// Returns `true` for a version exactly as semver 2.0 writes it: three numbers without leading zeros, and no
/// prefix.
#[must_use]
pub fn is_strict(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let (core, rest) = text.split_at(core.len());
    let prerelease = rest.strip_prefix('-').and_then(|rest| rest.split('+').next()).unwrap_or_default();
    let is_short = |number: &str| number.len() == 1 || !number.starts_with('0');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    core.split('.').count() == 3
        && core.split('.').all(|part| is_number(part) && is_short(part))
        && prerelease.split('.').all(|part| !is_number(part) || is_short(part))
        && Version::parse(text).is_some()
}

/// The pre-release in the rest of a version after its numbers; empty if only build metadata follows.
fn prerelease(rest: &str) -> Option<&str> {
    let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
    let prerelease = if rest.is_empty() { None } else { Some(rest.strip_prefix('-')?) };
    let is_valid = prerelease.is_none_or(are_identifiers) && build.is_none_or(are_identifiers);
    is_valid.then(|| prerelease.unwrap_or_default())
}

/// The number at the start of a text, and the rest of the text.
#[inline]
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    // So many digits fit into 64 bits; only longer numbers need checked arithmetic.
    const SAFE: usize = 19;
    let (mut number, mut rest) = (0_u64, text);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        let digit = u64::from(digit - b'0');
        number = if text.len() <= SAFE {
            number.wrapping_mul(10).wrapping_add(digit)
        } else {
            number.checked_mul(10)?.checked_add(digit)?
        };
        rest = after;
    }
    (rest.len() < text.len()).then_some((number, rest))
}

/// Returns `true` for identifiers separated by dots.
fn are_identifiers(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.split('.').all(|identifier| !identifier.is_empty() && identifier.bytes().all(is_letter))
}

fn compare_prereleases(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        let order = match (one.next(), other.next()) {
            (Some(one), Some(other)) => compare_identifiers(one, other),
            (None, None) => return Ordering::Equal,
            (one, _) => return if one.is_some() { Ordering::Greater } else { Ordering::Less },
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Numbers are ordered by value and are lower than other identifiers, which are ordered by ASCII.
fn compare_identifiers(one: &str, other: &str) -> Ordering {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number(one), is_number(other)) {
        (true, true) => {
            // Compared as text, since they can have any length.
            let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        }
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => one.cmp(other),
    }
}

/// How a version compares with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Operators that depend on the order alone. Longer ones first, since `>=` starts with `>`.
pub(crate) const ORDERS: [(&str, Operator); 5] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("=", Operator::Equal),
];

const RANGES: [(&str, Operator); 2] = [("~", Operator::Tilde), ("^", Operator::Caret)];

impl Operator {
    /// The first of these operators that a text starts with, or else `Equal`, and the rest of the text.
    pub(crate) fn strip<'o, 't>(
        operators: impl IntoIterator<Item = &'o (&'static str, Self)>,
        text: &'t str,
    ) -> (Self, &'t str) {
        let mut found = operators
            .into_iter()
            .filter_map(|(symbol, operator)| Some((*operator, text.strip_prefix(symbol)?.trim_start())));
        found.next().unwrap_or((Self::Equal, text))
    }

    /// Whether it holds for this order of a version and the other one, as far as the order decides.
    pub(crate) fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Greater => order.is_gt(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::GreaterOrEqual | Self::Tilde | Self::Caret => order.is_ge(),
        }
    }
}

/// An operator and a version.
struct Comparator<'a> {
    operator: Operator,
    wanted: Version<'a>,
}

impl<'a> Comparator<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (operator, version) = Operator::strip(ORDERS.iter().chain(&RANGES), text.trim());
        // `=1.2` is a version of its own, but a second `=` after an operator is a mistake.
        let wanted = Version::parse(version).filter(|_| !version.starts_with('='))?;
        Some(Self { operator, wanted })
    }

    /// The range of short releases that meet this comparator, or `None` if its version is not a short
    /// release.
    fn releases(&self) -> Option<(u64, u64)> {
        const LAST: u64 = (1 << (3 * BITS)) - 1;
        let Version { parts, written, prerelease } = self.wanted;
        if !prerelease.is_empty() || parts.iter().any(|part| *part >= 1 << BITS) {
            return None;
        }
        let number = parts.iter().fold(0, |number, part| number << BITS | part);
        // The last release with so many leading parts in common.
        let last_with =
            |parts: usize| number | LAST.checked_shr(BITS * u32::try_from(parts).unwrap_or(3)).unwrap_or(0);
        Some(match self.operator {
            Operator::Equal => (number, number),
            Operator::Greater => (number + 1, LAST),
            Operator::GreaterOrEqual => (number, LAST),
            // An empty range if no release is lower.
            Operator::Less => number.checked_sub(1).map_or((LAST + 1, LAST + 1), |last| (0, last)),
            Operator::LessOrEqual => (0, number),
            Operator::Tilde => (number, last_with(written.min(2))),
            Operator::Caret => (number, last_with(self.wanted.compatible_parts())),
        })
    }

    fn is_met_by(&self, version: &Version<'_>) -> bool {
        let wanted = self.wanted;
        let order = version.compare(&wanted);
        let shares = |parts: usize| version.parts.iter().zip(&wanted.parts).take(parts).all(|(a, b)| a == b);
        self.operator.allows(order)
            && match self.operator {
                Operator::Tilde => shares(wanted.written.min(2)),
                Operator::Caret => shares(wanted.compatible_parts()),
                _ => true,
            }
    }
}

/// A range of versions: comparators such as `>=1.2.3`, separated by commas. All must hold.
pub struct Requirement {
    /// Parsed again for versions that are not short releases, which are rare.
    text: Box<str>,
    /// The short releases that meet all comparators, or `None` if they are not one range.
    releases: Option<(u64, u64)>,
}

impl Requirement {
    /// Parses a range such as `>=1.2.3, <2`. The operators are `=`, `>`, `<`, `>=`, `<=`, `~` and `^`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut releases = Some((0, u64::MAX));
        for comparator in text.split(',').map(Comparator::parse) {
            let range = comparator?.releases();
            releases = releases.zip(range).map(|(all, range)| (all.0.max(range.0), all.1.min(range.1)));
        }
        Some(Self { text: text.into(), releases })
    }

    /// The versions of all comparators.
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        self.text
            .split(',')
            .map(|comparator| comparator.trim_start_matches(['=', '>', '<', '~', '^', ' ']).trim())
    }

    /// Returns `true` if the text is a version in this range.
    #[must_use]
    pub fn is_met_by(&self, text: &str) -> bool {
        self.is_met_by_release(short_release(text), text)
    }

    /// The same for a text whose [`short_release`] is already known.
    #[must_use]
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "one branch instead of two unpredictable ones")]
    pub fn is_met_by_release(&self, release: Option<u64>, text: &str) -> bool {
        match (release, &self.releases) {
            (Some(version), Some((first, last))) => (*first <= version) & (version <= *last),
            _ => self.is_met_by_parsed(text),
        }
    }

    fn is_met_by_parsed(&self, text: &str) -> bool {
        let Some(version) = Version::parse(text) else { return false };
        let mut comparators = self.text.split(',').filter_map(Comparator::parse);
        comparators.all(|comparator| comparator.is_met_by(&version))
    }
}

/// The bits of each part of a short release, enough for six digits.
const BITS: u32 = 21;

/// Returns the version as one number in the same order, or `None` if it is not a short release: up to three
/// parts of at most six digits. Nearly all versions in use are.
#[must_use]
#[inline]
pub fn short_release(text: &str) -> Option<u64> {
    shortest_release(text.as_bytes()).or_else(|| {
        let (mut parts, mut part, mut digits, mut missing) = (0_u64, 0_u64, 0, 2);
        for byte in text.bytes() {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                part = part.wrapping_mul(10).wrapping_add(digit.into());
                digits += 1;
            } else if byte == b'.' && (1..=6).contains(&digits) && missing > 0 {
                parts = (parts | part) << BITS;
                (part, digits) = (0, 0);
                missing -= 1;
            } else {
                return None;
            }
        }
        (1..=6).contains(&digits).then(|| (parts | part) << (missing * BITS))
    })
}

/// The same for three parts in five to eight bytes, by arithmetic on all bytes at once. The lengths of the
/// parts are unpredictable to the processor, so that a loop over the bytes takes several times as long (bench
/// `attribute`).
#[inline]
fn shortest_release(text: &[u8]) -> Option<u64> {
    /// A byte in each of eight places.
    const fn all(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let (first, last) = (text.first_chunk::<4>()?, text.last_chunk::<4>()?);
    let unused = 64_u32.checked_sub(8 * u32::try_from(text.len()).ok()?)?;
    let (first, last) = (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
    let bytes = first | last << (32 - unused);
    // The highest bit of each byte that is a dot:
    // https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord.
    let no_dot = bytes ^ all(b'.');
    let dots = !(((no_dot & all(0x7f)) + all(0x7f)) | no_dot | all(0x7f));
    // Digits become 0 to 9. Other bytes have a bit in the upper half, or get one when 6 is added.
    let digits = bytes ^ all(b'0');
    let all_used = u64::MAX >> unused;
    let no_digit = (digits | digits.wrapping_add(all(6))) & all(0xf0) & all_used & !((dots >> 7) * 0xff);
    let second_dot = dots & dots.wrapping_sub(1);
    if no_digit != 0 || dots.count_ones() != 2 {
        return None;
    }
    // Positions of the dots and of the end, in bits.
    let (one, two, end) = (dots.trailing_zeros() - 7, second_dot.trailing_zeros() - 7, 64 - unused);
    let lengths = (one, two - one - 8, end - two - 8);
    if lengths.0 == 0 || lengths.1 == 0 || lengths.2 == 0 {
        return None;
    }
    // Two of eight bytes are dots and each part has a digit, so no part has more than four.
    let part = |start: u32, length: u32| {
        // Four digits, the first in the lowest byte; combined into two numbers of two digits, then into one
        // of four.
        let digits = (digits >> start) << (64 - length) >> 32;
        let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff;
        (pairs & 0xff) * 100 + (pairs >> 16)
    };
    Some(part(0, lengths.0) << (2 * BITS) | part(one + 8, lengths.1) << BITS | part(two + 8, lengths.2))
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_met(requirement: &str, version: &str) -> bool {
        let requirement = Requirement::parse(requirement).unwrap();
        let met = requirement.is_met_by(version);
        assert_eq!(met, requirement.is_met_by_parsed(version), "the fast path differs: {version}");
        met
    }

    #[test]
    fn ranges_end_where_semver_says() {
        // Versions before the bar are in the range, versions after it are not.
        for line in [
            "1.2.3: 1.2.3 v1.2.3 =1.2.3 1.2.3+build 01.2.03 | 1.2.4 1.2.3-rc",
            "=1.2: 1.2 1.2.0 v1.2+5 | 1.2.1 1.2.0-rc",
            ">=1.2.3: 1.2.3 1.2.4-a 2 | 1.2.3-rc 1.2.2 1.2",
            "> 1.2.3: 1.2.4 | 1.2.3 1.2.3+build",
            "<2: 1.99.99 2.0.0-alpha | 2 2.0.0+x",
            "<=2.0.0-beta.2: 2.0.0-beta.2 2.0.0-beta 2.0.0-alpha.9 2.0.0-beta.1 | 2.0.0-beta.11 2.0.0-beta.x 2.0.0",
            ">1-9: 1-10 1-a 1 1-18446744073709551616 | 1-9 1-09 1-8",
            "~1.2.3: 1.2.3 1.2.99 1.2.4-a | 1.3.0 1.3.0-a 1.2.2 2.2.3",
            "~1.2: 1.2.0 1.2.9 | 1.3 1.1.9",
            "~1: 1.0.0 1.9.9 | 2 0.9",
            "^1.2.3: 1.2.3 1.9.0 1.3.0-a | 2.0.0 2.0.0-a 1.2.3-a 1.2.2",
            "^0.2.3: 0.2.3 0.2.9 | 0.3.0 0.2.2 1.2.3",
            "^0.0.3: 0.0.3 | 0.0.4 0.0.2 0.1.0",
            "^0.0: 0.0.0 0.0.9 | 0.1.0",
            "^0: 0.0.0 0.9.9 | 1.0.0",
            "^0.0.0: 0.0.0 | 0.0.1",
            ">=1.2, <2 , ^v1: 1.2 1.9 | 1.1 2.0",
        ] {
            let (requirement, versions) = line.split_once(": ").unwrap();
            let (yes, no) = versions.split_once(" | ").unwrap();
            for version in yes.split(' ') {
                assert!(is_met(requirement, version), "{requirement} {version}");
            }
            for version in no.split(' ') {
                assert!(!is_met(requirement, version), "{requirement} {version}");
            }
        }
    }

    #[test]
    fn invalid_versions_and_ranges_are_rejected() {
        let invalid = [
            "",
            "v",
            "=",
            "1.",
            ".1",
            "1..2",
            "1.2.3.4",
            "1.x",
            "*",
            "1.2.3-",
            "1.2.3-a..b",
            "1.2.3-a_b",
            "1.2.3+",
            "1.2.3 ",
            " 1.2.3",
            "-1",
            "+1",
            "1,2",
            "1.2.3-ä",
            "18446744073709551616",
            "vv1",
            "1.2.3+a+b",
            "١.٢",
        ];
        for text in invalid {
            assert!(Version::parse(text).is_none(), "{text:?}");
        }
        for text in ["", ">", ">=", "latest", ">1,", "==1", "=> 1", "1 - 2", ">1 <2", "1 || 2", "1.*", "!1"] {
            assert!(Requirement::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn strict_versions_are_written_as_in_semver() {
        for text in
            ["0.0.0", "1.2.3", "10.20.30", "1.2.3-rc.1", "1.0.0-0A.is.legal", "1.2.3+001", "1.2.3--a+b-c"]
        {
            assert!(is_strict(text), "{text}");
        }
        for text in
            ["", "1", "1.2", "v1.2.3", "=1.2.3", "01.2.3", "1.2.3-01", "1.2.3.4", "1.2.3-", "1.2.3+", "1.2.x"]
        {
            assert!(!is_strict(text), "{text}");
        }
        let versions =
            |text| Requirement::parse(text).unwrap().versions().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(versions(">= 1.2.3, <v2,^3"), ["1.2.3", "v2", "3"]);
    }

    fn version() -> impl Strategy<Value = String> {
        "(0|[1-3]|10)\\.(0|[1-3]|10)\\.(0|[1-3]|10)(-(0|[1-9][0-9]?|[a-c][0-9]?|-)(\\.(0|[1-9]|[a-c]))?)?(\\+[a-z0-9]{1,3})?"
    }

    proptest! {
        #[test]
        fn shortest_release_agrees_with_parse(text in "[0-9.]{0,9}|[0-9]{1,4}\\.[0-9]{1,4}\\.[0-9]{1,4}|[ -~]{5,8}") {
            let version = Version::parse(&text).filter(|_| text.starts_with(|c: char| c.is_ascii_digit()));
            let expected = version.map(|version| version.parts.iter().fold(0, |number, part| number << BITS | part));
            if let Some(found) = shortest_release(text.as_bytes()) {
                prop_assert_eq!(Some(found), expected);
            }
            let is_short = text.len() <= 8 && text.split('.').count() == 3 && text.bytes().all(|byte| byte != b'+' && byte != b'-');
            prop_assert_eq!(shortest_release(text.as_bytes()).is_some(), expected.is_some() && is_short);
        }

        #[test]
        fn short_releases_agree_with_parsed_versions(
            wanted in "(=|>|>=|<|<=|~|\\^)?(0|[1-3]|10|2097151|2097152)(\\.(0|[1-3]|999999))?(\\.[0-3])?",
            version in "(0|[1-3]|10|999999|2097151|2097152)(\\.(0|[1-3]|999999))?(\\.[0-3])?",
        ) {
            is_met(&wanted, &version);
        }

        #[test]
        fn order_agrees_with_the_semver_crate(one in version(), other in version()) {
            let read = |text| semver::Version::parse(text).unwrap();
            let order = read(&one).cmp_precedence(&read(&other));
            prop_assert_eq!(Version::parse(&one).unwrap().compare(&Version::parse(&other).unwrap()), order);
        }

        /// Releases only: the crate accepts a pre-release only if the range names one.
        #[test]
        fn ranges_agree_with_the_semver_crate(
            sign in prop::sample::select(vec!["=", ">", ">=", "<", "<=", "~", "^"]),
            wanted in "[0-2]\\.[0-2]\\.[0-2]",
            version in "[0-3]\\.[0-3]\\.[0-3]",
        ) {
            let requirement = format!("{sign}{wanted}");
            let expected = semver::VersionReq::parse(&requirement).unwrap().matches(&version.parse().unwrap());
            prop_assert_eq!(is_met(&requirement, &version), expected);
        }

        #[test]
        fn ranges_with_missing_parts_agree_with_the_semver_crate(
            requirement in "[~^][0-2](\\.[0-2])?",
            version in "[0-3]\\.[0-3]\\.[0-3]",
        ) {
            let expected = semver::VersionReq::parse(&requirement).unwrap().matches(&version.parse().unwrap());
            prop_assert_eq!(is_met(&requirement, &version), expected);
        }

        #[test]
        fn everything_the_semver_crate_parses_is_parsed(text in "[v=]?[0-9.]{0,7}[-+a-z0-9.]{0,6}") {
            if semver::Version::parse(&text).is_ok() {
                prop_assert!(Version::parse(&text).is_some());
            }
        }

        #[test]
        fn parsing_never_panics(text in ".{0,20}", wanted in "[<>=~^v, ]{0,3}[0-9.]{0,6}.{0,4}") {
            std::hint::black_box(Version::parse(&text));
            if let Some(requirement) = Requirement::parse(&wanted) {
                assert_eq!(requirement.is_met_by(&text), requirement.is_met_by_parsed(&text));
            }
        }
    }
}

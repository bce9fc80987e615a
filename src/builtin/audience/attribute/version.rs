//! Versions, as semver orders them.

use std::{cmp::Ordering, fmt};

/// A version as a text has it.
///
/// A little more is read than semver allows: a leading `v` or `=`, fewer parts (those that are missing are zero), and
/// leading zeros (as in 2026.01.05). A fourth part, a letter where a number belongs, and numbers beyond 64 bits are
/// not. The build metadata after `+` is passed over, as semver has it.
#[derive(Clone, Copy, Debug)]
pub(in crate::builtin) struct Version<'a> {
    parts: [u64; 3],
    /// How many of the parts were written.
    given: usize,
    /// What follows the `-`; empty for a release.
    prerelease: &'a str,
}

impl<'a> Version<'a> {
    pub(in crate::builtin) fn parse(text: &'a str) -> Option<Self> {
        let mut bytes = text.as_bytes();
        if let [b'=', rest @ ..] = bytes {
            bytes = rest;
        }
        if let [b'v' | b'V', rest @ ..] = bytes {
            bytes = rest;
        }
        let (mut parts, mut given) = ([0; 3], 0);
        loop {
            (*parts.get_mut(given)?, bytes) = number(bytes)?;
            given += 1;
            match bytes {
                [] => return Some(Self { parts, given, prerelease: "" }),
                [b'.', rest @ ..] => bytes = rest,
                _ => break,
            }
        }
        let rest = text.get(text.len() - bytes.len()..)?;
        let prerelease = prerelease(rest)?;
        Some(Self { parts, given, prerelease })
    }

    /// The version that a [`short_release`] is.
    pub(in crate::builtin) const fn of_short_release(release: u64) -> Version<'static> {
        const PART: u64 = (1 << BITS) - 1;
        let parts = [release >> (2 * BITS), release >> BITS & PART, release & PART];
        Version { parts, given: 3, prerelease: "" }
    }

    /// Which of two versions takes precedence over the other.
    #[inline]
    pub(in crate::builtin) fn compare(&self, other: &Version<'_>) -> Ordering {
        // Tuples compare number by number; arrays do so in a loop, which takes longer.
        let parts = |version: &Version<'_>| <(u64, u64, u64)>::from(version.parts);
        parts(self).cmp(&parts(other)).then_with(|| match (self.prerelease, other.prerelease) {
            ("", "") => Ordering::Equal,
            // A release is higher than what led to it.
            ("", _) => Ordering::Greater,
            (_, "") => Ordering::Less,
            (one, other) => compare_prereleases(one, other),
        })
    }

    /// How many leading parts a version must share with this one to be compatible: all up to the first that is not zero,
    /// or all that are written.
    fn compatible_parts(&self) -> usize {
        let first = self.parts.iter().take(self.given).position(|part| *part != 0);
        first.map_or(self.given, |first| first + 1)
    }
}

/// What stands after the `-` in the rest of a version behind its numbers; empty if only build metadata follows.
fn prerelease(rest: &str) -> Option<&str> {
    let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
    let prerelease = if rest.is_empty() { None } else { Some(rest.strip_prefix('-')?) };
    let sound = prerelease.is_none_or(are_identifiers) && build.is_none_or(are_identifiers);
    sound.then(|| prerelease.unwrap_or_default())
}

/// The number that a text starts with, and what follows it.
#[inline]
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    // So many digits fit into 64 bits; only numbers of more of them are checked at each step.
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

/// Whether these are identifiers with dots between them.
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

/// Numbers by value and below all else, which goes by ASCII.
fn compare_identifiers(one: &str, other: &str) -> Ordering {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number(one), is_number(other)) {
        (true, true) => {
            // Of any length, so not by a type of so many bits.
            let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        }
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => one.cmp(other),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Tilde,
    Caret,
}

/// Longer signs first: `>=` starts with `>`.
const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
    ("=", Operator::Equal),
];

/// An operator and a version.
struct Comparator<'a> {
    operator: Operator,
    wanted: Version<'a>,
}

impl<'a> Comparator<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let found = OPERATORS.iter().find_map(|(sign, operator)| Some((text.strip_prefix(sign)?, *operator)));
        let (version, operator) = found.unwrap_or((text, Operator::Equal));
        let version = version.trim_start();
        // A sign of its own is read where a caller's version has one, but two signs are a slip.
        let wanted = Version::parse(version).filter(|_| !version.starts_with('='))?;
        Some(Self { operator, wanted })
    }

    /// The numbers of the short releases that meet this; nothing if the version is none.
    fn releases(&self) -> Option<(u64, u64)> {
        const LAST: u64 = (1 << (3 * BITS)) - 1;
        let Version { parts, given, prerelease } = self.wanted;
        if !prerelease.is_empty() || parts.iter().any(|part| *part >= 1 << BITS) {
            return None;
        }
        let number = parts.iter().fold(0, |number, part| number << BITS | part);
        // The last that has so many leading parts in common.
        let last_with =
            |parts: usize| number | LAST.checked_shr(BITS * u32::try_from(parts).unwrap_or(3)).unwrap_or(0);
        Some(match self.operator {
            Operator::Equal => (number, number),
            Operator::Greater => (number + 1, LAST),
            Operator::GreaterOrEqual => (number, LAST),
            // Where there is none below: more than any.
            Operator::Less => number.checked_sub(1).map_or((LAST + 1, LAST + 1), |last| (0, last)),
            Operator::LessOrEqual => (0, number),
            Operator::Tilde => (number, last_with(given.min(2))),
            Operator::Caret => (number, last_with(self.wanted.compatible_parts())),
        })
    }

    fn met(&self, version: &Version<'_>) -> bool {
        let wanted = self.wanted;
        let order = version.compare(&wanted);
        let shares = |parts: usize| version.parts.iter().zip(&wanted.parts).take(parts).all(|(a, b)| a == b);
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Tilde => order.is_ge() && shares(wanted.given.min(2)),
            Operator::Caret => order.is_ge() && shares(wanted.compatible_parts()),
        }
    }
}

/// What a version must be: `>=1.2.3`, or several such with commas between them, which must all hold.
pub(super) struct Requirement {
    /// Read again for versions that are no short releases, which hardly any caller has.
    text: Box<str>,
    /// The short releases that meet all comparators; nothing if that takes more than their ends to tell.
    releases: Option<(u64, u64)>,
}

impl Requirement {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut releases = Some((0, u64::MAX));
        for comparator in text.split(',').map(Comparator::parse) {
            let range = comparator?.releases();
            releases = releases.zip(range).map(|(all, range)| (all.0.max(range.0), all.1.min(range.1)));
        }
        Some(Self { text: text.into(), releases })
    }

    /// Whether the text is a version that meets this.
    pub(super) fn met(&self, text: &str) -> bool {
        self.met_by_release(short_release(text), text)
    }

    /// The same, of a text that was read as a [`short_release`] before.
    #[inline]
    #[expect(clippy::needless_bitwise_bool, reason = "one jump, and not two that nobody foresees")]
    pub(super) fn met_by_release(&self, release: Option<u64>, text: &str) -> bool {
        match (release, &self.releases) {
            (Some(version), Some((first, last))) => (*first <= version) & (version <= *last),
            _ => self.met_by(text),
        }
    }

    fn met_by(&self, text: &str) -> bool {
        let Some(version) = Version::parse(text) else { return false };
        let mut comparators = self.text.split(',').filter_map(Comparator::parse);
        comparators.all(|comparator| comparator.met(&version))
    }
}

/// So many bits hold each part of a short release: as much as six digits need, and some.
const BITS: u32 = 21;

/// The version as one number in the same order, if it is what nearly all are: digits and dots alone, not many of them.
#[inline]
pub(in crate::builtin) fn short_release(text: &str) -> Option<u64> {
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

/// The same for three parts in five to eight bytes, by arithmetic on all bytes at once. How long each part of a version
/// is, is what no processor foresees, and to go through it byte by byte takes several times as long.
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
    // The highest bit of each byte that is a dot, as in https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord.
    let no_dot = bytes ^ all(b'.');
    let dots = !(((no_dot & all(0x7f)) + all(0x7f)) | no_dot | all(0x7f));
    // Digits become 0 to 9. Whatever is no digit has a bit of the upper half, or gets one when 6 is added.
    let digits = bytes ^ all(b'0');
    let all_used = u64::MAX >> unused;
    let no_digit = (digits | digits.wrapping_add(all(6))) & all(0xf0) & all_used & !((dots >> 7) * 0xff);
    let second_dot = dots & dots.wrapping_sub(1);
    if no_digit != 0 || dots.count_ones() != 2 {
        return None;
    }
    // In bits: where the dots are, and the end.
    let (one, two, end) = (dots.trailing_zeros() - 7, second_dot.trailing_zeros() - 7, 64 - unused);
    let lengths = (one, two - one - 8, end - two - 8);
    if lengths.0 == 0 || lengths.1 == 0 || lengths.2 == 0 {
        return None;
    }
    // Of eight bytes two are dots and each other part has one digit, so none has more than four.
    let part = |start: u32, length: u32| {
        // Four digits, the first in the lowest byte; then two numbers of two digits; then one of four.
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

    fn met(requirement: &str, version: &str) -> bool {
        let requirement = Requirement::parse(requirement).unwrap();
        let met = requirement.met(version);
        assert_eq!(met, requirement.met_by(version), "the short way is another one: {version}");
        met
    }

    #[test]
    fn the_ends_of_ranges() {
        // Each is met by the versions before the bar, and not by those behind it.
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
                assert!(met(requirement, version), "{requirement} {version}");
            }
            for version in no.split(' ') {
                assert!(!met(requirement, version), "{requirement} {version}");
            }
        }
    }

    #[test]
    fn what_is_no_version() {
        let wrong = [
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
        for text in wrong {
            assert!(Version::parse(text).is_none(), "{text:?}");
        }
        for text in ["", ">", ">=", "latest", ">1,", "==1", "=> 1", "1 - 2", ">1 <2", "1 || 2", "1.*", "!1"] {
            assert!(Requirement::parse(text).is_none(), "{text:?}");
        }
    }

    fn version() -> impl Strategy<Value = String> {
        "(0|[1-3]|10)\\.(0|[1-3]|10)\\.(0|[1-3]|10)(-(0|[1-9][0-9]?|[a-c][0-9]?|-)(\\.(0|[1-9]|[a-c]))?)?(\\+[a-z0-9]{1,3})?"
    }

    proptest! {
        #[test]
        fn the_shortest_releases_are_read_as_all_are(text in "[0-9.]{0,9}|[0-9]{1,4}\\.[0-9]{1,4}\\.[0-9]{1,4}|[ -~]{5,8}") {
            let version = Version::parse(&text).filter(|_| text.starts_with(|c: char| c.is_ascii_digit()));
            let expected = version.map(|version| version.parts.iter().fold(0, |number, part| number << BITS | part));
            if let Some(found) = shortest_release(text.as_bytes()) {
                prop_assert_eq!(Some(found), expected);
            }
            let is_short = text.len() <= 8 && text.split('.').count() == 3 && text.bytes().all(|byte| byte != b'+' && byte != b'-');
            prop_assert_eq!(shortest_release(text.as_bytes()).is_some(), expected.is_some() && is_short);
        }

        #[test]
        fn short_releases_are_met_as_all_are(
            wanted in "(=|>|>=|<|<=|~|\\^)?(0|[1-3]|10|2097151|2097152)(\\.(0|[1-3]|999999))?(\\.[0-3])?",
            version in "(0|[1-3]|10|999999|2097151|2097152)(\\.(0|[1-3]|999999))?(\\.[0-3])?",
        ) {
            met(&wanted, &version);
        }

        #[test]
        fn the_order_is_semver_s(one in version(), other in version()) {
            let read = |text| semver::Version::parse(text).unwrap();
            let order = read(&one).cmp_precedence(&read(&other));
            prop_assert_eq!(Version::parse(&one).unwrap().compare(&Version::parse(&other).unwrap()), order);
        }

        /// For releases, that is: of versions before a release the crate takes those only that a requirement names.
        #[test]
        fn ranges_are_those_of_semver(
            sign in prop::sample::select(vec!["=", ">", ">=", "<", "<=", "~", "^"]),
            wanted in "[0-2]\\.[0-2]\\.[0-2]",
            version in "[0-3]\\.[0-3]\\.[0-3]",
        ) {
            let requirement = format!("{sign}{wanted}");
            let expected = semver::VersionReq::parse(&requirement).unwrap().matches(&version.parse().unwrap());
            prop_assert_eq!(met(&requirement, &version), expected);
        }

        /// The ends of `~` and `^` with parts missing are semver's, too.
        #[test]
        fn open_ranges_are_those_of_semver(
            requirement in "[~^][0-2](\\.[0-2])?",
            version in "[0-3]\\.[0-3]\\.[0-3]",
        ) {
            let expected = semver::VersionReq::parse(&requirement).unwrap().matches(&version.parse().unwrap());
            prop_assert_eq!(met(&requirement, &version), expected);
        }

        #[test]
        fn whatever_semver_reads_is_read(text in "[v=]?[0-9.]{0,7}[-+a-z0-9.]{0,6}") {
            if semver::Version::parse(&text).is_ok() {
                prop_assert!(Version::parse(&text).is_some());
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,20}", wanted in "[<>=~^v, ]{0,3}[0-9.]{0,6}.{0,4}") {
            Version::parse(&text);
            if let Some(requirement) = Requirement::parse(&wanted) {
                assert_eq!(requirement.met(&text), requirement.met_by(&text));
            }
        }
    }
}

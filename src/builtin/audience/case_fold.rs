//! Comparison of strings without regard to case, and without allocation.
//!
//! Strings are compared by Unicode's simple case folding, character by character. `ς`, `σ` and `Σ` are equal,
//! as are `ß` and `ẞ`, but not `ß` and `ss`, which differ in length. `İ` and `ı` equal only themselves, since
//! their case depends on the language.

use std::str::Chars;

/// Whether case matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::builtin) enum Case {
    #[default]
    Exact,
    Ignored,
}

impl Case {
    /// Prepares a string for comparisons.
    pub(in crate::builtin) fn prepare(self, text: &str) -> Box<str> {
        match self {
            Self::Exact => text.into(),
            Self::Ignored => text.chars().map(fold).collect::<String>().into(),
        }
    }

    /// Returns `true` if a string equals a [prepared](Self::prepare) one.
    pub(in crate::builtin) fn equal(self, text: &str, prepared: &str) -> bool {
        match self {
            Self::Exact => text == prepared,
            // A folded string that is not ASCII equals no ASCII string.
            Self::Ignored if text.is_ascii() => text.eq_ignore_ascii_case(prepared),
            Self::Ignored => folded(text).eq(prepared.chars()),
        }
    }

    /// Returns `true` if a string starts with a prepared one.
    pub(in crate::builtin) fn starts_with(self, text: &str, prepared: &str) -> bool {
        match self {
            Self::Exact => text.starts_with(prepared),
            Self::Ignored => {
                let start = text.as_bytes().get(..prepared.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(prepared.as_bytes()))
                    || !text.is_ascii() && starts(text.chars(), prepared)
            }
        }
    }

    /// Returns `true` if a string ends with a prepared one.
    pub(in crate::builtin) fn ends_with(self, text: &str, prepared: &str) -> bool {
        match self {
            Self::Exact => text.ends_with(prepared),
            Self::Ignored => {
                let start = text.len().checked_sub(prepared.len());
                let end = start.and_then(|start| text.as_bytes().get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(prepared.as_bytes()))
                    || !text.is_ascii() && {
                        let mut text = text.chars().rev().map(fold);
                        prepared.chars().rev().all(|wanted| text.next() == Some(wanted))
                    }
            }
        }
    }

    /// Returns `true` if a string contains a prepared one.
    pub(in crate::builtin) fn contains(self, text: &str, prepared: &str) -> bool {
        let Some(first) = prepared.as_bytes().first() else { return true };
        match self {
            Self::Exact => text.contains(prepared),
            Self::Ignored if text.is_ascii() => text.as_bytes().windows(prepared.len()).any(|window| {
                window.first().is_some_and(|byte| byte.eq_ignore_ascii_case(first))
                    && window.eq_ignore_ascii_case(prepared.as_bytes())
            }),
            Self::Ignored => {
                let mut rest = text.chars();
                while !starts(rest.clone(), prepared) {
                    if rest.next().is_none() {
                        return false;
                    }
                }
                true
            }
        }
    }
}

/// The folded characters of a string.
pub(in crate::builtin) fn folded(text: &str) -> impl DoubleEndedIterator<Item = char> {
    text.chars().map(fold)
}

fn starts(text: Chars<'_>, prepared: &str) -> bool {
    let mut text = text.map(fold);
    prepared.chars().all(|wanted| text.next() == Some(wanted))
}

/// The simple case folding of a character: the lower case of its upper case if both are single characters,
/// with a few exceptions.
fn fold(c: char) -> char {
    match c {
        _ if c.is_ascii() => c.to_ascii_lowercase(),
        // Its upper case is I, but they are equal only in Turkish.
        'ı' => c,
        // Duplicates in Unicode whose upper case has several characters.
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb05}' => '\u{fb06}',
        _ => {
            let upper = single(c.to_uppercase()).unwrap_or(c);
            single(upper.to_lowercase()).unwrap_or(upper)
        }
    }
}

/// The character of a mapping, or `None` if it has several.
fn single(mut mapping: impl Iterator<Item = char>) -> Option<char> {
    mapping.next().filter(|_| mapping.next().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::RegexBuilder;

    use super::*;

    fn regex(text: &str) -> regex::Regex {
        RegexBuilder::new(&format!("^(?:{})$", regex::escape(text))).case_insensitive(true).build().unwrap()
    }

    #[test]
    fn folding_agrees_with_unicode() {
        // The standard library may have a newer version of Unicode than the crate.
        let unassigned = regex::Regex::new("\\p{Cn}").unwrap();
        for c in '\0'..=char::MAX {
            let folded = fold(c);
            assert_eq!(fold(folded), folded, "{c:?}");
            if folded != c && !unassigned.is_match(&c.to_string()) {
                assert!(regex(&c.to_string()).is_match(&folded.to_string()), "{c:?} {folded:?}");
            }
        }
        let same = |a, b| Case::Ignored.equal(a, &Case::Ignored.prepare(b));
        assert!(same("ΣΊΣΥΦΟΣ", "σίσυφος") && same("ẞ", "ß") && same("\u{212a}", "k") && same("ſ", "S"));
        assert!(!same("ß", "ss") && !same("İ", "i") && !same("ı", "I") && !same("İ", "i\u{307}"));
    }

    #[test]
    fn characters_with_the_same_folding_are_equal() {
        use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};
        for c in '\0'..=char::MAX {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
            class.case_fold_simple();
            for other in class.iter().flat_map(|range| range.start()..=range.end()) {
                assert_eq!(fold(c), fold(other), "{c:?} {other:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn strings_compare_like_their_folded_strings(text in "[a-cA-CkßẞσΣς\u{212a}İı]{0,8}", part in "[a-cA-CkßẞσΣς\u{212a}İı]{0,3}") {
            let case = Case::Ignored;
            let (prepared, whole) = (case.prepare(&part), case.prepare(&text));
            prop_assert_eq!(case.equal(&text, &prepared), whole == prepared);
            prop_assert_eq!(case.starts_with(&text, &prepared), whole.starts_with(&*prepared));
            prop_assert_eq!(case.ends_with(&text, &prepared), whole.ends_with(&*prepared));
            prop_assert_eq!(case.contains(&text, &prepared), whole.contains(&*prepared));
            prop_assert!(case.equal(&text, &whole));
        }
    }
}

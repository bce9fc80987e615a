//! Text compared without regard to case, and without allocating.
//!
//! Two texts are equal when Unicode's simple case folding makes them so, character by character. So `ς`, `σ` and `Σ` are
//! equal, `ß` and `ẞ` are equal (but `ß` and `ss` are not, being of different lengths), and `İ` and `ı` equal
//! themselves alone: what a Turkish reader takes them for depends on the language, which nobody knows here.

use std::str::Chars;

/// Whether case counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::builtin) enum Case {
    #[default]
    Exact,
    Ignored,
}

impl Case {
    /// The text as it is to be kept for comparing.
    pub(in crate::builtin) fn keep(self, text: &str) -> Box<str> {
        match self {
            Self::Exact => text.into(),
            Self::Ignored => text.chars().map(fold).collect::<String>().into(),
        }
    }

    /// Whether a text equals one that was [kept](Self::keep).
    pub(in crate::builtin) fn equal(self, text: &str, kept: &str) -> bool {
        match self {
            Self::Exact => text == kept,
            // What is kept is folded, so if it is not ASCII, no ASCII text equals it.
            Self::Ignored if text.is_ascii() => text.eq_ignore_ascii_case(kept),
            Self::Ignored => folded(text).eq(kept.chars()),
        }
    }

    /// Whether a text starts with one that was kept.
    pub(in crate::builtin) fn starts_with(self, text: &str, kept: &str) -> bool {
        match self {
            Self::Exact => text.starts_with(kept),
            Self::Ignored => {
                let start = text.as_bytes().get(..kept.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(kept.as_bytes()))
                    || !text.is_ascii() && starts(text.chars(), kept)
            }
        }
    }

    /// Whether a text ends with one that was kept.
    pub(in crate::builtin) fn ends_with(self, text: &str, kept: &str) -> bool {
        match self {
            Self::Exact => text.ends_with(kept),
            Self::Ignored => {
                let start = text.len().checked_sub(kept.len());
                let end = start.and_then(|start| text.as_bytes().get(start..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(kept.as_bytes()))
                    || !text.is_ascii() && {
                        let mut text = text.chars().rev().map(fold);
                        kept.chars().rev().all(|wanted| text.next() == Some(wanted))
                    }
            }
        }
    }

    /// Whether one that was kept occurs in a text.
    pub(in crate::builtin) fn contains(self, text: &str, kept: &str) -> bool {
        let Some(first) = kept.as_bytes().first() else { return true };
        match self {
            Self::Exact => text.contains(kept),
            Self::Ignored if text.is_ascii() => text.as_bytes().windows(kept.len()).any(|window| {
                window.first().is_some_and(|byte| byte.eq_ignore_ascii_case(first))
                    && window.eq_ignore_ascii_case(kept.as_bytes())
            }),
            Self::Ignored => {
                let mut rest = text.chars();
                while !starts(rest.clone(), kept) {
                    if rest.next().is_none() {
                        return false;
                    }
                }
                true
            }
        }
    }
}

/// The characters of a text, folded.
pub(in crate::builtin) fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(fold)
}

fn starts(text: Chars<'_>, kept: &str) -> bool {
    let mut text = text.map(fold);
    kept.chars().all(|wanted| text.next() == Some(wanted))
}

/// A character's simple case folding. Unicode's table says the same as lowering the upper case, where both are single
/// characters, but for the exceptions here.
fn fold(c: char) -> char {
    match c {
        _ if c.is_ascii() => c.to_ascii_lowercase(),
        // Its upper case is I, but only Turkish folds them together.
        'ı' => c,
        // Twins that differ in how they came into Unicode, not in case; their upper cases are several characters.
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb05}' => '\u{fb06}',
        _ => {
            let upper = single(c.to_uppercase()).unwrap_or(c);
            single(upper.to_lowercase()).unwrap_or(upper)
        }
    }
}

/// The only character of a mapping; nothing if it has several.
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
    fn folding_is_that_of_unicode() {
        // The standard library may know a newer Unicode than the crate.
        let unassigned = regex::Regex::new("\\p{Cn}").unwrap();
        for c in '\0'..=char::MAX {
            let folded = fold(c);
            assert_eq!(fold(folded), folded, "{c:?}");
            if folded != c && !unassigned.is_match(&c.to_string()) {
                assert!(regex(&c.to_string()).is_match(&folded.to_string()), "{c:?} {folded:?}");
            }
        }
        let same = |a, b| Case::Ignored.equal(a, &Case::Ignored.keep(b));
        assert!(same("ΣΊΣΥΦΟΣ", "σίσυφος") && same("ẞ", "ß") && same("\u{212a}", "k") && same("ſ", "S"));
        assert!(!same("ß", "ss") && !same("İ", "i") && !same("ı", "I") && !same("İ", "i\u{307}"));
    }

    #[test]
    fn characters_that_unicode_folds_together_are_equal() {
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
        fn texts_compare_as_their_folded_texts_do(text in "[a-cA-CkßẞσΣς\u{212a}İı]{0,8}", part in "[a-cA-CkßẞσΣς\u{212a}İı]{0,3}") {
            let case = Case::Ignored;
            let (kept, whole) = (case.keep(&part), case.keep(&text));
            prop_assert_eq!(case.equal(&text, &kept), whole == kept);
            prop_assert_eq!(case.starts_with(&text, &kept), whole.starts_with(&*kept));
            prop_assert_eq!(case.ends_with(&text, &kept), whole.ends_with(&*kept));
            prop_assert_eq!(case.contains(&text, &kept), whole.contains(&*kept));
            prop_assert!(case.equal(&text, &whole));
        }
    }
}

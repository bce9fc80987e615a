//! Search for parts of strings.

use std::fmt;

use aho_corasick::{
    Anchored,
    automaton::Automaton as _,
    nfa::{contiguous, noncontiguous},
};

use crate::builtin::audience::{
    case_fold::{Case, folded},
    phrasing,
};

/// The position of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    Start,
    End,
}

/// Parts, of which a string must have one.
#[derive(Debug)]
pub(super) struct Search {
    place: Place,
    case: Case,
    parts: Box<[Box<str>]>,
    /// Finds all parts in one pass. `None` for few and short ones, which are faster to try in turn.
    automaton: Option<Box<contiguous::NFA>>,
}

impl Search {
    /// Up to this many bytes in total, the parts are tried in turn. With more of them, the time would grow
    /// with the product of the lengths of the string and of the parts.
    const SHORT: usize = 64;

    pub(super) fn new(place: Place, case: Case, parts: &[Box<str>]) -> Self {
        let parts: Box<[Box<str>]> = parts.iter().map(|part| case.prepare(part)).collect();
        let is_short = parts.iter().map(|part| part.len()).sum::<usize>() <= Self::SHORT;
        let automaton = if is_short { None } else { automaton(place, &parts) };
        Self { place, case, parts, automaton }
    }

    pub(super) fn is_met_by(&self, text: &str) -> bool {
        if let Some(automaton) = &self.automaton {
            return self.is_found_by(automaton, text);
        }
        self.parts.iter().any(|part| match self.place {
            Place::Anywhere => self.case.contains(text, part),
            Place::Start => self.case.starts_with(text, part),
            Place::End => self.case.ends_with(text, part),
        })
    }

    /// Feeds the bytes of the string to the automaton, from the end for parts at the end.
    fn is_found_by(&self, automaton: &contiguous::NFA, text: &str) -> bool {
        match (self.case, self.place) {
            (Case::Exact, Place::End) => self.accepts(automaton, text.bytes().rev()),
            (Case::Exact, _) => self.accepts(automaton, text.bytes()),
            (Case::Ignored, Place::End) => {
                self.accepts(automaton, folded(text).rev().flat_map(|letter| encoded(letter).rev()))
            }
            (Case::Ignored, _) => self.accepts(automaton, folded(text).flat_map(encoded)),
        }
    }

    fn accepts(&self, automaton: &contiguous::NFA, bytes: impl Iterator<Item = u8>) -> bool {
        let is_anywhere = self.place == Place::Anywhere;
        let anchored = if is_anywhere { Anchored::No } else { Anchored::Yes };
        let Ok(mut state) = automaton.start_state(anchored) else { return false };
        // A state also has the parts that only end there, after its longest one.
        let is_met = |state, length| {
            automaton.is_match(state)
                && (is_anywhere || automaton.pattern_len(automaton.match_pattern(state, 0)) == length)
        };
        let mut length = 0;
        for byte in bytes {
            if is_met(state, length) {
                return true;
            }
            if automaton.is_dead(state) {
                return false;
            }
            state = automaton.next_state(anchored, state, byte);
            length += 1;
        }
        is_met(state, length)
    }
}

/// The automaton of prepared parts; `None` for more of them than one can have.
fn automaton(place: Place, parts: &[Box<str>]) -> Option<Box<contiguous::NFA>> {
    let bytes = |part: &str| -> Vec<u8> {
        if place == Place::End { part.bytes().rev().collect() } else { part.into() }
    };
    let patterns: Vec<_> = parts.iter().map(|part| bytes(part)).collect();
    let full = noncontiguous::NFA::new(&patterns).ok()?;
    contiguous::Builder::new().build_from_noncontiguous(&full).ok().map(Box::new)
}

/// The bytes of a character.
fn encoded(letter: char) -> impl DoubleEndedIterator<Item = u8> {
    let mut bytes = [0; 4];
    let length = letter.encode_utf8(&mut bytes).len();
    bytes.into_iter().take(length)
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.place {
            Place::Anywhere => "a string that contains ",
            Place::Start => "a string that starts with ",
            Place::End => "a string that ends with ",
        })?;
        phrasing::quoted(f, &self.parts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACES: [Place; 3] = [Place::Anywhere, Place::Start, Place::End];

    #[test]
    fn part_inside_of_the_start_of_another_is_at_neither_end() {
        for (place, text) in [(Place::End, "kß"), (Place::Start, "ßk")] {
            for parts in [["k", "akß"], ["k", "ßka"]] {
                let search = Search::new(place, Case::Exact, &parts.map(Into::into));
                assert!(!search.is_found_by(&automaton(place, &search.parts).unwrap(), text), "{parts:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn many_parts_are_found_like_few(
            text in "[a-cA-CkßẞσΣς\u{212a}İı]{0,12}",
            parts in proptest::collection::vec("[a-cA-CkßẞσΣς\u{212a}İı]{0,4}", 0..12),
            is_exact: bool,
        ) {
            let case = if is_exact { Case::Exact } else { Case::Ignored };
            let parts: Vec<Box<str>> = parts.into_iter().map(Into::into).collect();
            for place in PLACES {
                let search = Search { automaton: None, ..Search::new(place, case, &parts) };
                let found = search.is_met_by(&text);
                let automaton = automaton(place, &search.parts).unwrap();
                prop_assert_eq!(search.is_found_by(&automaton, &text), found, "{:?} {:?}", place, parts);
            }
        }
    }

    /// Trying each part at each place would take minutes.
    #[test]
    fn long_strings_and_many_parts_take_linear_time() {
        let text = "a".repeat(200_000);
        for place in PLACES {
            for case in [Case::Exact, Case::Ignored] {
                let part = |number: usize| format!("{}b{number:05}", "a".repeat(60)).into();
                let parts: Vec<Box<str>> = (0..2_000).map(part).collect();
                let search = Search::new(place, case, &parts);
                assert!(!search.is_met_by(&text), "{place:?} {case:?}");
                assert!(search.is_met_by(&format!("{}b00007", "A".repeat(60).to_lowercase())));
            }
        }
    }
}

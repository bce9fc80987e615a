//! Search for parts of strings.

use std::fmt;

use crate::builtin::audience::{case_fold::Case, phrasing};

/// The position of a part.
#[derive(Clone, Copy, Debug)]
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
}

impl Search {
    pub(super) fn new(place: Place, case: Case, parts: &[Box<str>]) -> Self {
        Self { place, case, parts: parts.iter().map(|part| case.prepare(part)).collect() }
    }

    pub(super) fn is_met_by(&self, text: &str) -> bool {
        self.parts.iter().any(|part| match self.place {
            Place::Anywhere => self.case.contains(text, part),
            Place::Start => self.case.starts_with(text, part),
            Place::End => self.case.ends_with(text, part),
        })
    }
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

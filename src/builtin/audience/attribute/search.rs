//! Parts of texts.

use std::fmt;

use crate::builtin::audience::{case_fold::Case, phrasing as words};

/// Where in a text one of several parts must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Anywhere,
    Start,
    End,
}

/// Parts of a text, one of which must be there.
#[derive(Debug)]
pub(super) struct Search {
    place: Place,
    case: Case,
    parts: Box<[Box<str>]>,
}

impl Search {
    pub(super) fn new(place: Place, case: Case, parts: &[Box<str>]) -> Self {
        Self { place, case, parts: parts.iter().map(|part| case.keep(part)).collect() }
    }

    pub(super) fn met(&self, text: &str) -> bool {
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
            Place::Anywhere => "a text that contains ",
            Place::Start => "a text that starts with ",
            Place::End => "a text that ends with ",
        })?;
        words::texts(f, &self.parts)
    }
}

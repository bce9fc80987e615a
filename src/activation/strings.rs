//! An arena of short strings.

use std::{ops::Deref, sync::Arc};

/// Strings in one allocation. A `Box<str>` per name would take 16 bytes and an allocation each.
#[derive(Clone, Default)]
pub(crate) struct Texts(Arc<str>);

/// Builds [`Texts`].
#[derive(Default)]
pub(crate) struct Writing(String);

/// The position of a string in an arena.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Text {
    start: u32,
    end: u32,
}

impl Text {
    /// The string at this position.
    pub(crate) fn of(self, all: &str) -> &str {
        all.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The bytes at this position, without a check of character boundaries.
    #[inline]
    pub(crate) fn bytes_of(self, all: &str) -> &[u8] {
        all.as_bytes().get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Texts {
    pub(crate) fn get(&self, text: Text) -> &str {
        text.of(self)
    }
}

impl Deref for Texts {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        &self.0
    }
}

impl Writing {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// Adds a string.
    pub(crate) fn add(&mut self, text: &str) -> Text {
        let start = self.0.len();
        self.0.push_str(text);
        // Rows with names of more than 4 GiB would not fit into memory.
        let place = |position| u32::try_from(position).unwrap_or(u32::MAX);
        Text { start: place(start), end: place(self.0.len()) }
    }

    pub(crate) fn finish(self) -> Texts {
        Texts(self.0.into())
    }
}

impl Deref for Writing {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

//! Many short texts in one place.

use std::{ops::Deref, sync::Arc};

/// Texts behind one another. A name of its own takes 16 bytes to find it and a block of the allocator's.
#[derive(Clone, Default)]
pub(crate) struct Texts(Arc<str>);

/// [`Texts`] that are still being put together.
#[derive(Default)]
pub(crate) struct Writing(String);

/// Where a text is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Text {
    start: u32,
    end: u32,
}

impl Text {
    /// The text, of all.
    pub(crate) fn of(self, all: &str) -> &str {
        all.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The text's bytes, which takes no look at where its characters end.
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

    /// Keeps a text.
    pub(crate) fn add(&mut self, text: &str) -> Text {
        let start = self.0.len();
        self.0.push_str(text);
        // The names of all rows have 4 GiB at most: they would not fit into memory as rows.
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

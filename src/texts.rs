//! Many short texts in one place.

/// Texts behind one another. A name of its own takes 16 bytes to find it and a block of the allocator's.
#[derive(Clone, Default)]
pub(crate) struct Texts(String);

/// Where a text is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Text {
    start: u32,
    end: u32,
}

impl Texts {
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

    pub(crate) fn get(&self, text: Text) -> &str {
        self.0.get(text.start as usize..text.end as usize).unwrap_or_default()
    }

    /// The text's bytes, which takes no look at where its characters end.
    #[inline]
    pub(crate) fn bytes(&self, text: Text) -> &[u8] {
        self.0.as_bytes().get(text.start as usize..text.end as usize).unwrap_or_default()
    }

    pub(crate) fn finish(mut self) -> Self {
        self.0.shrink_to_fit();
        self
    }
}

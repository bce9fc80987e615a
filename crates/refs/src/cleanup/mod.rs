//! Takes a finished flag out of Rust code.

mod edits;
mod literals;
mod subject;
mod text;
mod truth;

use serde::Serialize;

use self::text::Edit;
pub use subject::{Cleaner, UnknownVariant};

/// The most passes over a file: each takes out one level of nested uses.
const MOST_PASSES: usize = 100;

/// What the flag decides from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// On.
    On,
    /// Off.
    Off,
    /// On with this variant.
    Variant(String),
}

/// Source code without the flag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleaned {
    /// The source code.
    pub source: String,
    /// What is left for people.
    pub leftovers: Vec<Leftover>,
}

/// A place that people have to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Leftover {
    /// The line, from 1.
    pub line: usize,
    /// Why it is left.
    pub why: String,
}

/// Source code that is not Rust.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
#[non_exhaustive]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// What the parser says.
    pub message: String,
}

impl SyntaxError {
    fn of(error: &syn::Error) -> Self {
        Self { line: error.span().start().line, message: error.to_string() }
    }
}

/// Takes a flag out of the source code of one file; see [`Cleaner::clean`].
///
/// # Errors
/// [`SyntaxError`] if the source code is not Rust.
pub fn cleanup(source: &str, flag: &str, answer: &Answer) -> Result<Cleaned, SyntaxError> {
    let mut cleaner = Cleaner::new(flag, answer.clone());
    cleaner.learn(source)?;
    cleaner.clean(source)
}

impl Cleaner {
    /// Takes the flag out of a file: calls of `is_enabled` become what they return, `if`, `match`, `!`, `&&` and `||` over
    /// them are simplified, guards (`#[novi::enabled]`) are removed, and a `match` over `choose()` becomes its arm.
    /// Everything else stays to the letter.
    ///
    /// # Errors
    /// [`SyntaxError`] if the source code is not Rust.
    pub fn clean(&self, source: &str) -> Result<Cleaned, SyntaxError> {
        let before = source;
        let mut source = source.to_owned();
        let mut failed: Vec<Failed> = Vec::new();
        for _ in 0..MOST_PASSES {
            let file = syn::parse_file(&source).map_err(|error| SyntaxError::of(&error))?;
            let mut edits = edits::edits(self, &file, &source);
            edits.retain(|edit| !failed.iter().any(|failed| failed.is(&source, edit)));
            if edits.is_empty() {
                let mut leftovers = edits::leftovers(self, &file, source != before);
                leftovers.extend(failed.iter().map(|failed| failed.leftover(&source)));
                leftovers.sort_unstable();
                forget_spans();
                return Ok(Cleaned { source, leftovers });
            }
            drop(file);
            let next = text::apply(&source, edits.clone());
            if is_rust(&next) {
                source = next;
            } else {
                // Which of them are to blame?
                let (good, bad): (Vec<_>, Vec<_>) =
                    edits.into_iter().partition(|edit| is_rust(&text::apply(&source, vec![edit.clone()])));
                let bad: Vec<_> = if bad.is_empty() { good.clone() } else { bad };
                failed.extend(bad.iter().map(|edit| Failed::of(&source, edit)));
                let next = text::apply(&source, good);
                if is_rust(&next) {
                    source = next;
                }
            }
            forget_spans();
        }
        let why = format!("uses of the flag are nested more than {MOST_PASSES} deep: run it again");
        Ok(Cleaned { source, leftovers: vec![Leftover { line: 1, why }] })
    }
}

/// An edit after which the text would not be Rust.
struct Failed {
    text: String,
    new: String,
}

impl Failed {
    fn of(source: &str, (range, new): &Edit) -> Self {
        Self { text: source.get(range.clone()).unwrap_or_default().to_owned(), new: new.clone() }
    }

    fn is(&self, source: &str, (range, new): &Edit) -> bool {
        source.get(range.clone()) == Some(self.text.as_str()) && *new == self.new
    }

    fn leftover(&self, source: &str) -> Leftover {
        let at = source.find(&self.text).unwrap_or_default();
        let line = source.get(..at).unwrap_or_default().matches('\n').count() + 1;
        Leftover { line, why: "it cannot be simplified here: do it by hand".to_owned() }
    }
}

fn is_rust(source: &str) -> bool {
    syn::parse_file(source).is_ok()
}

/// Each parsed text is kept for its spans, which are no longer needed.
fn forget_spans() {
    proc_macro2::extra::invalidate_current_thread_spans();
}

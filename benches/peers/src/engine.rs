//! What the measurements ask of an engine.

use crate::{definition::Definition, users::User};

/// How an engine divides callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hashing {
    /// MurmurHash3 of `flag:key` in 100,000 buckets: the oracle knows each answer.
    Murmur3,
    /// Its own way: the oracle knows the shares, and that answers stay.
    Own,
}

/// An engine with its flags loaded.
///
/// Everything is generic and nothing is boxed, so that no engine pays for being one of several.
pub trait Engine: Send + Sync + Sized + 'static {
    /// What tables call it.
    const NAME: &'static str;
    /// How it divides callers.
    const HASHING: Hashing;
    /// How it evaluates all flags, for the table of W7.
    const ALL: &'static str;
    /// Whether it has a row where single questions are measured (W1 to W6, W9, W10).
    const IN_CALLS: bool = true;
    /// Whether it has a row where many flags are (W7, W8).
    const IN_BULK: bool = true;

    /// What flags are loaded from: JSON text, for most. Cloned outside of the clock.
    type Document: Clone + Send + Sync;
    /// What a caller names a flag by.
    type Flag: Send + Sync;
    /// What is known of a caller. It may borrow from it.
    type Context<'a>: Send + Sync;

    /// Writes flags down.
    fn document(definition: &Definition) -> Self::Document;
    /// How long the text of the document is.
    fn length(document: &Self::Document) -> usize;
    /// Reads them, and does whatever must be done before the first question.
    fn load(document: Self::Document) -> Self;
    /// Replaces all flags while others ask.
    fn replace(&self, document: Self::Document);

    /// The flag of this name.
    fn flag(&self, name: &'static str) -> Self::Flag;
    /// A context, as the engine likes it best.
    fn context(user: &User) -> Self::Context<'_>;

    /// Whether a flag is on.
    fn ask(&self, flag: &Self::Flag, ctx: &Self::Context<'_>) -> bool;
    /// The first letter of the variant that the caller gets.
    fn variant(&self, flag: &Self::Flag, ctx: &Self::Context<'_>) -> Option<u8>;
    /// Evaluates all flags, and counts those that are on.
    fn all(&self, ctx: &Self::Context<'_>) -> usize;

    /// Makes a context and asks. Only where a context for one call is another than one that is kept.
    #[inline]
    fn ask_anew(&self, flag: &Self::Flag, user: &User) -> bool {
        self.ask(flag, &Self::context(user))
    }

    /// Makes a context and asks for the variant.
    #[inline]
    fn variant_anew(&self, flag: &Self::Flag, user: &User) -> Option<u8> {
        self.variant(flag, &Self::context(user))
    }
}

/// The first letter of a variant's name.
#[inline]
pub fn letter(name: &str) -> Option<u8> {
    name.as_bytes().first().copied()
}

/// Calls a generic function for each engine, in the order of the tables, and lists what it gives.
macro_rules! each_engine {
    ($call:ident($($argument:expr),*)) => {
        [
            $call::<$crate::engines::floor::Floor>($($argument),*),
            $call::<$crate::engines::novi::Novi<false>>($($argument),*),
            $call::<$crate::engines::novi::Novi<true>>($($argument),*),
            $call::<$crate::engines::novi::ByHandle>($($argument),*),
            $call::<$crate::engines::yggdrasil::Yggdrasil>($($argument),*),
            $call::<$crate::engines::eppo::Eppo>($($argument),*),
            $call::<$crate::engines::launchdarkly::LaunchDarkly>($($argument),*),
            $call::<$crate::engines::datalogic::DataLogic>($($argument),*),
        ]
    };
}
pub(crate) use each_engine;

//! A sample of the contexts of recent evaluations, to measure whom a change affects.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use novi::Context;

use crate::options::Options;

/// A longer context, in bytes of JSON, is not kept: it could use up the memory for many.
const LONGEST: usize = 4 * 1024;

/// After so many contexts for each place, a context has most likely been replaced by a later one.
const WINDOW: u64 = 10;

/// A random sample with places for a fixed number of contexts. It favors recent ones: once it is full, each context
/// replaces a random one, with the same probability for each.
pub(crate) struct ContextSample {
    places: usize,
    /// The names of attributes that are not kept.
    omitted: Vec<String>,
    random: RandomState,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// How many contexts were offered.
    seen: u64,
    contexts: Vec<Context<'static>>,
}

impl ContextSample {
    pub(crate) fn new(options: &Options) -> Self {
        let sample = Self {
            places: options.sample_contexts,
            omitted: options.sample_omit.clone(),
            random: RandomState::new(),
            kept: Mutex::default(),
        };
        for context in &options.sample_start {
            sample.offer(context, 0);
        }
        sample
    }

    /// Whether contexts are kept.
    pub(crate) fn is_enabled(&self) -> bool {
        self.places > 0
    }

    /// Keeps a context of `length` bytes of JSON, or not. Does not wait for others.
    pub(crate) fn offer(&self, context: &Context<'_>, length: usize) {
        if !self.is_enabled() || length > LONGEST {
            return;
        }
        let Ok(mut kept) = self.kept.try_lock() else { return };
        kept.seen += 1;
        let places = self.places as u64;
        if kept.contexts.len() < self.places {
            let context = self.without_omitted(context);
            kept.contexts.push(context);
            return;
        }
        let place = self.random.hash_one(kept.seen) % kept.seen.min(places.saturating_mul(WINDOW));
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some(place) = kept.contexts.get_mut(place) {
            *place = self.without_omitted(context);
        }
    }

    /// The contexts of the sample.
    pub(crate) fn contexts(&self) -> Vec<Context<'static>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).contexts.clone()
    }

    fn without_omitted(&self, context: &Context<'_>) -> Context<'static> {
        let mut kept = Context::new();
        for (name, value) in context.iter() {
            if !self.omitted.iter().any(|omitted| omitted == name) {
                kept.insert(name.to_owned(), value.clone().into_owned());
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(places: usize) -> ContextSample {
        let omit = vec!["email".to_owned()];
        ContextSample::new(&Options::default().sample_contexts(places).sample_omit(omit))
    }

    #[test]
    fn full_sample_keeps_its_size_and_takes_recent_contexts() {
        let sample = sample(10);
        for number in 0..10_000 {
            sample.offer(&Context::new().with("n", number).with("email", "x@example.org"), 10);
        }
        let kept = sample.contexts();
        assert_eq!(kept.len(), 10);
        assert!(kept.iter().all(|context| context.get("email").is_none() && context.len() == 1));
        // That none of the last 9,000 contexts replaces one of the first 1,000 is as good as impossible: each place
        // is taken by each context with a probability of 1 %.
        let is_recent = |context: &Context<'_>| context.get("n").and_then(novi::Value::as_f64) > Some(1000.0);
        assert!(kept.iter().all(is_recent), "{kept:?}");
    }

    #[test]
    fn sample_begins_with_the_contexts_of_the_options() {
        let start = vec![Context::new().with("n", 1).with("email", "x"), Context::new().with("n", 2)];
        let options = Options::default().sample_contexts(1).sample_start(start);
        let kept = ContextSample::new(&options.sample_omit(vec!["email".to_owned()])).contexts();
        assert!(kept.len() == 1 && kept.iter().all(|context| context.get("email").is_none()), "{kept:?}");
    }

    #[test]
    fn long_contexts_are_not_kept_and_without_places_none_are() {
        let one = sample(1);
        one.offer(&Context::new(), LONGEST + 1);
        assert!(one.contexts().is_empty());
        one.offer(&Context::new(), LONGEST);
        assert_eq!(one.contexts().len(), 1);
        let none = sample(0);
        none.offer(&Context::new(), 1);
        assert!(none.contexts().is_empty() && !none.is_enabled());
    }
}

//! Values that an attribute may equal: texts, numbers and truth values.

use std::fmt;

use super::{
    fold::Case,
    number::{Number, Numbers},
    text_set::{TextSet, TooLarge},
    words,
};
use crate::Value;

/// Up to so many texts are compared one by one, which is faster than hashing.
const FEW: usize = 8;

/// A list of values.
#[derive(Debug)]
pub(super) struct Values {
    texts: Texts,
    numbers: Numbers,
    /// Whether `false` and `true` are in the list.
    truths: [bool; 2],
}

#[derive(Debug)]
enum Texts {
    Few(Box<[Box<str>]>, Case),
    Many(TextSet),
}

impl Values {
    /// The list of these values, which are texts, numbers and truth values; others are left out.
    pub(super) fn new(values: &[Value<'_>], case: Case) -> Result<Self, TooLarge> {
        let texts = values.iter().filter_map(Value::as_str);
        let texts = if texts.clone().nth(FEW).is_some() {
            Texts::Many(TextSet::new(texts, case)?)
        } else {
            Texts::Few(texts.map(|text| case.keep(text)).collect(), case)
        };
        let numbers = Numbers::new(values.iter().filter_map(Number::of).collect());
        let has = |truth| values.contains(&Value::Bool(truth));
        Ok(Self { texts, numbers, truths: [has(false), has(true)] })
    }

    /// Whether the value is in the list; nothing if the list has no values of its type, so that the question makes no
    /// sense. An empty list has room for all types, and holds nothing.
    #[inline]
    pub(super) fn contain(&self, value: &Value<'_>) -> Option<bool> {
        let (is_in, has_type) = match value {
            Value::Str(text) => match &self.texts {
                Texts::Few(texts, Case::Exact) => {
                    (texts.iter().any(|known| **known == **text), !texts.is_empty())
                }
                Texts::Few(texts, case) => {
                    (texts.iter().any(|known| case.equal(text, known)), !texts.is_empty())
                }
                Texts::Many(set) => (set.contains(text), true),
            },
            Value::Bool(truth) => (self.truths[usize::from(*truth)], self.truths != [false; 2]),
            value => (self.numbers.contains(Number::of(value)?), self.numbers.len() > 0),
        };
        (has_type || self.len() == 0).then_some(is_in)
    }

    fn len(&self) -> usize {
        let texts = match &self.texts {
            Texts::Few(texts, _) => texts.len(),
            Texts::Many(set) => set.len(),
        };
        texts + self.numbers.len() + self.truths.iter().filter(|truth| **truth).count()
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let few = match &self.texts {
            Texts::Few(texts, _) => Some(texts).filter(|_| self.numbers.len() == self.numbers.few().len()),
            Texts::Many(_) => None,
        };
        let Some(texts) = few else { return write!(f, "one of {} values", self.len()) };
        let texts = texts.iter().map(|text| format!("{text:?}"));
        let numbers = self.numbers.few().iter().map(ToString::to_string);
        let truths = [false, true].into_iter().zip(self.truths).filter(|(_, is_in)| *is_in);
        let truths = truths.map(|(truth, _)| truth.to_string());
        words::alternatives(f, &texts.chain(numbers).chain(truths).collect::<Vec<_>>())
    }
}

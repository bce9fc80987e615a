//! Values that an attribute may equal: texts, numbers and truth values.

use std::fmt;

use crate::{
    builtin::audience::{
        attribute::number::{Number, Numbers},
        case_fold::Case,
        phrasing as words,
        string_set::{TextSet, TooLarge},
    },
    context::{short_str::same, value::Value},
};

/// Up to so many texts are compared one by one, which is faster than hashing.
const FEW: usize = 8;

/// A list of values.
pub(super) enum Values {
    /// A few texts, whose case counts, and nothing else: what most lists are.
    Texts(Packed),
    Any(Box<List>),
}

pub(super) struct List {
    texts: Texts,
    numbers: Numbers,
    /// Whether `false` and `true` are in the list.
    truths: [bool; 2],
}

enum Texts {
    Few(Box<[Box<str>]>, Case),
    Many(TextSet),
}

impl Values {
    /// The list of these values, which are texts, numbers and truth values; others are left out.
    pub(super) fn new(values: &[Value<'_>], case: Case) -> Result<Self, TooLarge> {
        let texts = values.iter().filter_map(Value::as_str);
        let is_few_texts = (1..=FEW).contains(&values.len()) && texts.clone().count() == values.len();
        if is_few_texts
            && case == Case::Exact
            && let Some(packed) = Packed::new(texts.clone())
        {
            return Ok(Self::Texts(packed));
        }
        let texts = if texts.clone().nth(FEW).is_some() {
            Texts::Many(TextSet::new(texts, case)?)
        } else {
            Texts::Few(texts.map(|text| case.keep(text)).collect(), case)
        };
        let numbers = Numbers::new(values.iter().filter_map(Number::of).collect());
        let has = |truth| values.contains(&Value::Bool(truth));
        Ok(Self::Any(Box::new(List { texts, numbers, truths: [has(false), has(true)] })))
    }

    /// Whether the value is in the list; nothing if the list has no values of its type, so that the question makes no
    /// sense. An empty list has room for all types, and holds nothing.
    #[inline]
    pub(super) fn contain(&self, value: &Value<'_>) -> Option<bool> {
        match self {
            Self::Texts(texts) => value.as_str().map(|text| texts.contain(text)),
            Self::Any(list) => list.contain(value),
        }
    }
}

impl List {
    fn contain(&self, value: &Value<'_>) -> Option<bool> {
        let (is_in, has_type) = match value {
            Value::Str(text) => match &self.texts {
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

/// A few short texts behind one another, each after its length: one place in memory to look at.
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// Nothing if one of the texts is long.
    fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut packed = Vec::new();
        for text in texts {
            packed.push(u8::try_from(text.len()).ok()?);
            packed.extend_from_slice(text.as_bytes());
        }
        Some(Self(packed.into()))
    }

    #[inline]
    pub(super) fn contain(&self, text: &str) -> bool {
        // All of them, for the reason that `same` gives.
        self.iter().fold(false, |found, known| found | same(known, text.as_bytes()))
    }

    #[inline]
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let (text, after) = after.split_at_checked((*length).into())?;
            rest = after;
            Some(text)
        })
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = match self {
            Self::Texts(texts) => {
                let texts = texts.iter().map(|text| format!("{:?}", String::from_utf8_lossy(text)));
                return words::alternatives(f, &texts.collect::<Vec<_>>());
            }
            Self::Any(list) => list,
        };
        let few = match &list.texts {
            Texts::Few(texts, _) => Some(texts).filter(|_| list.numbers.len() == list.numbers.few().len()),
            Texts::Many(_) => None,
        };
        let Some(texts) = few else { return write!(f, "one of {} values", list.len()) };
        let texts = texts.iter().map(|text| format!("{text:?}"));
        let numbers = list.numbers.few().iter().map(ToString::to_string);
        let truths = [false, true].into_iter().zip(list.truths).filter(|(_, is_in)| *is_in);
        let truths = truths.map(|(truth, _)| truth.to_string());
        words::alternatives(f, &texts.chain(numbers).chain(truths).collect::<Vec<_>>())
    }
}

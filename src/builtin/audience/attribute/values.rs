//! Lists of values: strings, numbers and booleans.

use std::fmt;

use crate::{
    builtin::audience::{
        attribute::number::{Number, Numbers},
        case_fold::Case,
        phrasing,
        string_set::{StringSet, TooLarge},
    },
    context::{short_str::same, value::Value},
};

/// Up to this size a linear scan is faster than hashing.
const FEW: usize = 8;

/// A list of values.
pub(super) enum Values {
    /// A few strings whose case matters, the most frequent case.
    Strings(Packed),
    Any(Box<List>),
}

pub(super) struct List {
    strings: Strings,
    numbers: Numbers,
    /// Whether `false` and `true` are in the list.
    booleans: [bool; 2],
}

enum Strings {
    Few(Box<[Box<str>]>, Case),
    Many(StringSet),
}

impl Values {
    /// A list of the strings, numbers and booleans among these values.
    pub(super) fn new(values: &[Value<'_>], case: Case) -> Result<Self, TooLarge> {
        let texts = values.iter().filter_map(Value::as_str);
        let is_few_strings = (1..=FEW).contains(&values.len()) && texts.clone().count() == values.len();
        if is_few_strings
            && case == Case::Exact
            && let Some(packed) = Packed::new(texts.clone())
        {
            return Ok(Self::Strings(packed));
        }
        let strings = if texts.clone().nth(FEW).is_some() {
            Strings::Many(StringSet::new(texts, case)?)
        } else {
            Strings::Few(texts.map(|text| case.prepare(text)).collect(), case)
        };
        let numbers = Numbers::new(values.iter().filter_map(Number::from_value).collect());
        let has = |value| values.contains(&Value::Bool(value));
        Ok(Self::Any(Box::new(List { strings, numbers, booleans: [has(false), has(true)] })))
    }

    /// Returns whether the value is in the list, or `None` if the list has no values of its type. An empty
    /// list has all types, and contains no value.
    #[inline]
    pub(super) fn contains(&self, value: &Value<'_>) -> Option<bool> {
        match self {
            Self::Strings(strings) => value.as_str().map(|text| strings.contains(text)),
            Self::Any(list) => list.contains(value),
        }
    }
}

impl List {
    fn contains(&self, value: &Value<'_>) -> Option<bool> {
        let (is_in, has_type) = match value {
            Value::Str(text) => match &self.strings {
                Strings::Few(texts, case) => {
                    (texts.iter().any(|known| case.equal(text, known)), !texts.is_empty())
                }
                Strings::Many(set) => (set.contains(text), true),
            },
            Value::Bool(value) => (self.booleans[usize::from(*value)], self.booleans != [false; 2]),
            value => (self.numbers.contains(Number::from_value(value)?), self.numbers.len() > 0),
        };
        (has_type || self.len() == 0).then_some(is_in)
    }

    fn len(&self) -> usize {
        let texts = match &self.strings {
            Strings::Few(texts, _) => texts.len(),
            Strings::Many(set) => set.len(),
        };
        texts + self.numbers.len() + self.booleans.iter().filter(|truth| **truth).count()
    }
}

/// A few short strings in one allocation, each after its length (bench `attribute`).
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// `None` if a string is longer than 255 bytes.
    fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut packed = Vec::new();
        for text in texts {
            packed.push(u8::try_from(text.len()).ok()?);
            packed.extend_from_slice(text.as_bytes());
        }
        Some(Self(packed.into()))
    }

    #[inline]
    pub(super) fn contains(&self, text: &str) -> bool {
        // Compares all of them, since a branch per string would be unpredictable.
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
            Self::Strings(texts) => {
                let texts = texts.iter().map(|text| format!("{:?}", String::from_utf8_lossy(text)));
                return phrasing::alternatives(f, &texts.collect::<Vec<_>>());
            }
            Self::Any(list) => list,
        };
        let few = match &list.strings {
            Strings::Few(texts, _) => Some(texts).filter(|_| list.numbers.len() == list.numbers.few().len()),
            Strings::Many(_) => None,
        };
        let Some(texts) = few else { return write!(f, "one of {} values", list.len()) };
        let texts = texts.iter().map(|text| format!("{text:?}"));
        let numbers = list.numbers.few().iter().map(ToString::to_string);
        let booleans = [false, true].into_iter().zip(list.booleans).filter(|(_, is_in)| *is_in);
        let booleans = booleans.map(|(value, _)| value.to_string());
        phrasing::alternatives(f, &texts.chain(numbers).chain(booleans).collect::<Vec<_>>())
    }
}

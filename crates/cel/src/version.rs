//! Versions as values.

use std::cmp::Ordering;

use novi_match::version::{self, short_release};

use crate::value::Str;

/// A version, the result of `semver(..)`.
#[derive(Clone, Debug)]
pub struct Version<'v>(Repr<'v>);

#[derive(Clone, Debug)]
enum Repr<'v> {
    /// A short release, as a number in the same order.
    Short(u64),
    /// Any other version, as its text. Parsed again where it is compared.
    Text(Str<'v>),
}

impl<'v> Version<'v> {
    #[inline]
    pub(crate) fn parse(text: Str<'v>) -> Option<Self> {
        match short_release(&text) {
            Some(number) => Some(Self(Repr::Short(number))),
            None => version::Version::parse(&text).is_some().then_some(Self(Repr::Text(text))),
        }
    }

    #[inline]
    pub(crate) fn compare(&self, other: &Version<'_>) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Short(one), Repr::Short(other)) => one.cmp(other),
            _ => match (self.parsed(), other.parsed()) {
                (Some(one), Some(other)) => one.compare(&other),
                // Unreachable: the text was valid when the value was created.
                _ => Ordering::Equal,
            },
        }
    }

    fn parsed(&self) -> Option<version::Version<'_>> {
        match &self.0 {
            Repr::Short(number) => Some(version::Version::from_short_release(*number)),
            Repr::Text(text) => version::Version::parse(text),
        }
    }

    #[inline]
    pub(crate) fn borrow(&'v self) -> Self {
        match &self.0 {
            Repr::Short(number) => Self(Repr::Short(*number)),
            Repr::Text(text) => Self(Repr::Text((&**text).into())),
        }
    }

    pub(crate) fn into_owned(self) -> Version<'static> {
        match self.0 {
            Repr::Short(number) => Version(Repr::Short(number)),
            Repr::Text(text) => Version(Repr::Text(text.into_owned())),
        }
    }
}

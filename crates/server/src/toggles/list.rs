//! The list of toggles that a header has.

use std::{borrow::Cow, fmt};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use novi::{Override, RequestOverrides, Snapshot};

use super::seal::{self, Trust};

/// The names of the header that a request has, and of that of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) asks: HeaderName,
    pub(crate) tells: HeaderName,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            asks: HeaderName::from_static("x-novi-feature-toggles"),
            tells: HeaderName::from_static("x-novi-feature-toggles-enabled"),
        }
    }
}

/// The names that go with that of the request's header; nothing if it can be none.
pub(crate) fn names(header: &str) -> Option<Names> {
    let asks = HeaderName::try_from(header).ok()?;
    let tells = HeaderName::try_from(format!("{asks}-enabled")).ok()?;
    Some(Names { asks, tells })
}

/// Why a list of toggles is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToggleError {
    /// The list is wrong; the text says which part of it, and what was expected.
    Invalid(String),
    /// Whoever asks may not override flags.
    Forbidden(String),
}

impl fmt::Display for ToggleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(text) | Self::Forbidden(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ToggleError {}

/// The overrides that a request asks for. Nothing if it asks for none.
pub(crate) fn read(
    headers: &HeaderMap,
    header: &HeaderName,
    snapshot: &Snapshot,
    trust: Trust<'_>,
) -> Result<Option<RequestOverrides>, ToggleError> {
    let mut values = headers.get_all(header).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let mut text = text_of(header, first)?;
    for more in values {
        // A header that is there twice is one list.
        text = Cow::Owned(format!("{text},{}", text_of(header, more)?));
    }
    let list = seal::open(&text, header, trust)?;
    Parser { header, snapshot }.overrides(list).map(Some)
}

fn text_of<'a>(header: &HeaderName, value: &'a HeaderValue) -> Result<Cow<'a, str>, ToggleError> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(Cow::Borrowed).map_err(|_| ToggleError::Invalid(format!("the header {header}: expected UTF-8")))
}

struct Parser<'a> {
    header: &'a HeaderName,
    snapshot: &'a Snapshot,
}

impl Parser<'_> {
    fn overrides(&self, list: &str) -> Result<RequestOverrides, ToggleError> {
        let mut all: Vec<(String, Override)> = Vec::new();
        for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, answer) = self.toggle(part)?;
            if all.iter().any(|(known, _)| *known == name) {
                return Err(self.wrong(part, &format!("expected each flag once, found {name:?} twice")));
            }
            all.push((name, answer));
        }
        Ok(RequestOverrides::new(all))
    }

    /// `name=on`, `name:2=on` or `name=off`. What a name has of `,`, `=` and `:` is %-escaped.
    fn toggle(&self, part: &str) -> Result<(String, Override), ToggleError> {
        let Some((what, state)) = part.rsplit_once('=') else {
            return Err(self.wrong(part, "expected a flag and its state, such as new-foo=on"));
        };
        let on = match state.trim().to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" => true,
            "off" | "no" | "false" => false,
            _ => {
                let expected = format!("expected on, off, yes, no, true or false, found {:?}", state.trim());
                return Err(self.wrong(part, &expected));
            }
        };
        let (raw, version) = match what.rsplit_once(':') {
            Some((name, version)) => (name, Some(version.trim())),
            None => (what, None),
        };
        let name = percent_encoding::percent_decode_str(raw.trim()).decode_utf8();
        let name = name.map_err(|_| self.wrong(part, "expected a name in %-escaped UTF-8"))?.into_owned();
        let answer = self.answer(part, &name, version, on)?;
        match self.snapshot.refuses(&name, &answer) {
            Ok(None) => Ok((name, answer)),
            Ok(Some(why)) => Err(self.wrong(part, &format!("{name:?} can not be overridden: {why}"))),
            Err(_) => Err(self.wrong(part, &format!("there is no flag {name:?}"))),
        }
    }

    fn answer(
        &self,
        part: &str,
        name: &str,
        version: Option<&str>,
        on: bool,
    ) -> Result<Override, ToggleError> {
        let known = self.snapshot.versions(name);
        let Some(version) = version else {
            return match known {
                Some(most) if on => {
                    Err(self
                        .wrong(part, &format!("expected a version from 1 to {most}, such as {name}:1=on")))
                }
                _ => Ok(on.into()),
            };
        };
        if !on {
            return Err(
                self.wrong(part, &format!("expected no version where a flag is turned off: {name}=off"))
            );
        }
        let Some(most) = known else {
            return Err(self.wrong(part, &format!("expected no version, since {name:?} has none: {name}=on")));
        };
        let number = version.parse::<usize>().ok().filter(|number| (1..=most).contains(number));
        let number = number.ok_or_else(|| {
            self.wrong(part, &format!("expected a version from 1 to {most}, found {version:?}"))
        })?;
        Ok(Override::variant(number.to_string()))
    }

    fn wrong(&self, part: &str, what: &str) -> ToggleError {
        let text = format!("the header {}: {part:?}: {what}", self.header);
        ToggleError::Invalid(crate::error::short(&text))
    }
}

#[cfg(test)]
mod tests {
    use novi::{
        Context, Flags,
        rows::{FlagMetadata, FlagRow, Rows},
    };

    use super::*;

    fn flags() -> Flags {
        let with = |id, name, metadata| FlagRow { metadata, ..FlagRow::new(id, name, false) };
        let versions = FlagMetadata { variants: Some("3".to_owned()), ..FlagMetadata::default() };
        let pinned = FlagMetadata { override_allowed: false, ..FlagMetadata::default() };
        Flags::from_rows(Rows {
            flags: vec![
                FlagRow::new(1, "plain", false),
                with(2, "new-foo", versions),
                with(3, "pinned", pinned),
                FlagRow::new(4, "a,b=c:d", false),
                FlagRow::new(5, "two words", true),
            ],
            ..Rows::default()
        })
        .unwrap()
    }

    fn read_all(values: &[&str]) -> Result<Option<RequestOverrides>, ToggleError> {
        let names = names("X-Novi-Feature-Toggles").unwrap();
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&names.asks, HeaderValue::from_str(value).unwrap());
        }
        read(&headers, &names.asks, &flags().snapshot(), Trust { all: true, key: None })
    }

    #[test]
    fn toggles_are_read() {
        assert!(read_all(&[]).unwrap().is_none());
        let flags = flags();
        for values in [
            &["new-foo:2=on, two words=off ,plain=yes,a%2Cb%3Dc%3Ad=True"][..],
            &["new-foo:2=ON", "two words = no", ",plain=true,", "a%2cb%3dc%3ad=on"],
        ] {
            let overrides = read_all(values).unwrap().unwrap();
            overrides.within(|| {
                let snapshot = flags.snapshot();
                let decide = |name: &str| snapshot.evaluate(name, &Context::new()).unwrap();
                assert_eq!(decide("new-foo").version(), Some(2));
                assert!(!decide("two words").enabled());
                assert!(decide("plain").enabled() && decide("a,b=c:d").enabled());
                assert!(!decide("pinned").enabled());
            });
        }
        assert!(read_all(&[""]).unwrap().unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_part() {
        for (list, expected) in [
            ("plain", "\"plain\": expected a flag and its state, such as new-foo=on"),
            ("plain=maybe", "\"plain=maybe\": expected on, off, yes, no, true or false, found \"maybe\""),
            ("plain=on,plain=off", "\"plain=off\": expected each flag once, found \"plain\" twice"),
            ("new-foo=on", "\"new-foo=on\": expected a version from 1 to 3, such as new-foo:1=on"),
            ("new-foo:4=on", "\"new-foo:4=on\": expected a version from 1 to 3, found \"4\""),
            ("new-foo:x=on", "\"new-foo:x=on\": expected a version from 1 to 3, found \"x\""),
            (
                "new-foo:2=off",
                "\"new-foo:2=off\": expected no version where a flag is turned off: new-foo=off",
            ),
            ("plain:1=on", "\"plain:1=on\": expected no version, since \"plain\" has none: plain=on"),
            ("none=on", "\"none=on\": there is no flag \"none\""),
            ("=on", "\"=on\": there is no flag \"\""),
            (
                "pinned=on",
                "\"pinned=on\": \"pinned\" can not be overridden: the flag's metadata say override_allowed = false",
            ),
            ("%ff=on", "\"%ff=on\": expected a name in %-escaped UTF-8"),
        ] {
            let error = read_all(&[list]).unwrap_err();
            let text = format!("the header x-novi-feature-toggles: {expected}");
            assert_eq!(error, ToggleError::Invalid(text), "{list}");
        }
    }
}

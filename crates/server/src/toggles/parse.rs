//! The list of toggles in a header.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use novi::{
    overrides::{Override, RequestOverrides},
    snapshot::Snapshot,
};

use crate::{
    http::text::short,
    toggles::{
        error::ToggleError,
        list::{Toggle, toggles},
        signature::{Trust, verify},
    },
};

/// The overrides in the header of a request. Returns `None` if there is no such header.
pub(crate) fn parse(
    headers: &HeaderMap,
    header: &HeaderName,
    snapshot: &Snapshot,
    trust: Trust<'_>,
) -> Result<Option<RequestOverrides>, ToggleError> {
    let mut values = headers.get_all(header).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let mut text = decode(header, first)?;
    for more in values {
        // A repeated header is one list.
        text = Cow::Owned(format!("{text},{}", decode(header, more)?));
    }
    let list = verify(&text, header, trust)?;
    Parser { header, snapshot }.overrides(list).map(Some)
}

fn decode<'a>(header: &HeaderName, value: &'a HeaderValue) -> Result<Cow<'a, str>, ToggleError> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(Cow::Borrowed).map_err(|_| ToggleError::Invalid(format!("header {header}: expected UTF-8")))
}

struct Parser<'a> {
    header: &'a HeaderName,
    snapshot: &'a Snapshot,
}

impl Parser<'_> {
    fn overrides(&self, list: &str) -> Result<RequestOverrides, ToggleError> {
        let toggles = toggles(list).map_err(|(part, message)| self.invalid(part, &message))?;
        let all: Result<Vec<_>, _> =
            toggles.into_iter().map(|(part, toggle)| self.toggle(part, toggle)).collect();
        Ok(RequestOverrides::new(all?))
    }

    fn toggle(&self, part: &str, toggle: Toggle<'_>) -> Result<(String, Override), ToggleError> {
        let Toggle { name, version, on } = toggle;
        let value = self.value(part, &name, version, on)?;
        match self.snapshot.refuses(&name, &value) {
            Ok(None) => Ok((name, value)),
            Ok(Some(why)) => Err(self.invalid(part, &format!("{name:?} cannot be overridden: {why}"))),
            Err(_) => Err(self.invalid(part, &format!("flag {name:?} was not found"))),
        }
    }

    fn value(
        &self,
        part: &str,
        name: &str,
        version: Option<&str>,
        on: bool,
    ) -> Result<Override, ToggleError> {
        let versions = self.snapshot.versions(name);
        let Some(version) = version else {
            return match versions {
                Some(most) if on => {
                    Err(self
                        .invalid(part, &format!("expected a version from 1 to {most}, such as {name}:1=on")))
                }
                _ => Ok(on.into()),
            };
        };
        let Some(most) = versions else {
            return Err(
                self.invalid(part, &format!("expected no version, because {name:?} has none: {name}=on"))
            );
        };
        let number = version.parse::<usize>().ok().filter(|number| (1..=most).contains(number));
        let number = number.ok_or_else(|| {
            self.invalid(part, &format!("expected a version from 1 to {most}, found {version:?}"))
        })?;
        Ok(Override::variant(number.to_string()))
    }

    fn invalid(&self, part: &str, message: &str) -> ToggleError {
        let text = format!("header {}: {part:?}: {message}", self.header);
        ToggleError::Invalid(short(&text))
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

    fn parse_all(values: &[&str]) -> Result<Option<RequestOverrides>, ToggleError> {
        let header = HeaderName::from_static("x-novi-feature-toggles");
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&header, HeaderValue::from_str(value).unwrap());
        }
        parse(&headers, &header, &flags().snapshot(), Trust { caller: true, key: None })
    }

    #[test]
    fn list_of_toggles_becomes_overrides() {
        assert!(parse_all(&[]).unwrap().is_none());
        let flags = flags();
        for values in [
            &["new-foo:2=on, two words=off ,plain=yes,a%2Cb%3Dc%3Ad=True"][..],
            &["new-foo:2=ON", "two words = no", ",plain=true,", "a%2cb%3dc%3ad=on"],
        ] {
            let overrides = parse_all(values).unwrap().unwrap();
            overrides.within(|| {
                let snapshot = flags.snapshot();
                let decide = |name: &str| snapshot.evaluate(name, &Context::new()).unwrap();
                assert_eq!(decide("new-foo").version(), Some(2));
                assert!(!decide("two words").enabled());
                assert!(decide("plain").enabled() && decide("a,b=c:d").enabled());
                assert!(!decide("pinned").enabled());
            });
        }
        assert!(parse_all(&[""]).unwrap().unwrap().is_empty());
    }

    #[test]
    fn invalid_list_is_rejected_with_its_invalid_part() {
        for (list, expected) in [
            ("plain", "\"plain\": expected a flag and its state, such as new-foo=on"),
            ("plain=maybe", "\"plain=maybe\": expected on, off, yes, no, true or false, found \"maybe\""),
            ("plain=on,plain=off", "\"plain=off\": expected each flag once, found \"plain\" twice"),
            ("new-foo=on", "\"new-foo=on\": expected a version from 1 to 3, such as new-foo:1=on"),
            ("new-foo:4=on", "\"new-foo:4=on\": expected a version from 1 to 3, found \"4\""),
            ("new-foo:x=on", "\"new-foo:x=on\": expected a version from 1 to 3, found \"x\""),
            ("new-foo:2=off", "\"new-foo:2=off\": expected no version to turn a flag off: new-foo=off"),
            ("plain:1=on", "\"plain:1=on\": expected no version, because \"plain\" has none: plain=on"),
            ("none=on", "\"none=on\": flag \"none\" was not found"),
            ("=on", "\"=on\": expected the name of a flag in front of `=`"),
            (
                "pinned=on",
                "\"pinned=on\": \"pinned\" cannot be overridden: flag_metadata.override_allowed is false",
            ),
            ("%ff=on", "\"%ff=on\": expected a name in percent-encoded UTF-8"),
        ] {
            let error = parse_all(&[list]).unwrap_err();
            let text = format!("header x-novi-feature-toggles: {expected}");
            assert_eq!(error, ToggleError::Invalid(text), "{list}");
        }
    }
}

//! The syntax of a list of toggles.

use crate::toggles::error::ToggleError;

/// A part of a list.
pub(crate) struct Toggle<'a> {
    pub(crate) name: String,
    pub(crate) version: Option<&'a str>,
    pub(crate) on: bool,
}

impl<'a> Toggle<'a> {
    /// `name=on`, `name:2=on` or `name=off`. In a name, `,`, `=`, `:` and `;` are percent-encoded.
    ///
    /// # Errors
    /// What was expected.
    fn parse(part: &'a str) -> Result<Self, String> {
        let Some((target, state)) = part.rsplit_once('=') else {
            return Err("expected a flag and its state, such as new-foo=on".to_owned());
        };
        let on = match state.trim().to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" => true,
            "off" | "no" | "false" => false,
            _ => return Err(format!("expected on, off, yes, no, true or false, found {:?}", state.trim())),
        };
        let (raw, version) = match target.rsplit_once(':') {
            Some((name, version)) => (name, Some(version.trim())),
            None => (target, None),
        };
        let name = percent_encoding::percent_decode_str(raw.trim()).decode_utf8();
        let name = name.map_err(|_| "expected a name in percent-encoded UTF-8".to_owned())?.into_owned();
        if name.is_empty() {
            return Err("expected the name of a flag in front of `=`".to_owned());
        }
        if version.is_some() && !on {
            return Err(format!("expected no version to turn a flag off: {}=off", raw.trim()));
        }
        Ok(Self { name, version, on })
    }
}

/// The toggles of a list, with their texts.
pub(crate) fn toggles(list: &str) -> Result<Vec<(&str, Toggle<'_>)>, (&str, String)> {
    let mut all: Vec<(&str, Toggle<'_>)> = Vec::new();
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let toggle = Toggle::parse(part).map_err(|message| (part, message))?;
        let name = &toggle.name;
        if all.iter().any(|(_, known)| known.name == *name) {
            return Err((part, format!("expected each flag once, found {name:?} twice")));
        }
        all.push((part, toggle));
    }
    Ok(all)
}

/// Checks a list as far as that is possible without flags.
///
/// # Errors
/// [`ToggleError::Invalid`]
pub(crate) fn validate(list: &str) -> Result<(), ToggleError> {
    let invalid = |part: &str, message: &str| ToggleError::Invalid(format!("{part:?}: {message}"));
    let toggles = toggles(list).map_err(|(part, message)| invalid(part, &message))?;
    if toggles.is_empty() {
        return Err(invalid(list, "expected at least one flag and its state, such as new-foo=on"));
    }
    for (part, toggle) in toggles {
        if part.contains(';') {
            return Err(invalid(part, "expected `;` in a name as %3B"));
        }
        if let Some(version) = toggle.version
            && !version.parse::<u32>().is_ok_and(|version| version > 0)
        {
            return Err(invalid(part, &format!("expected a version of 1 or more, found {version:?}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_no_server_accepts_are_not_signed() {
        for (list, expected) in [
            ("", "\"\": expected at least one flag and its state, such as new-foo=on"),
            (",", "\",\": expected at least one flag and its state, such as new-foo=on"),
            ("a", "\"a\": expected a flag and its state, such as new-foo=on"),
            ("a=on,b=maybe", "\"b=maybe\": expected on, off, yes, no, true or false, found \"maybe\""),
            ("=on", "\"=on\": expected the name of a flag in front of `=`"),
            ("a=on,a=off", "\"a=off\": expected each flag once, found \"a\" twice"),
            ("a:0=on", "\"a:0=on\": expected a version of 1 or more, found \"0\""),
            ("a:x=on", "\"a:x=on\": expected a version of 1 or more, found \"x\""),
            ("a:2=off", "\"a:2=off\": expected no version to turn a flag off: a=off"),
            ("a;b=on", "\"a;b=on\": expected `;` in a name as %3B"),
            ("%ff=on", "\"%ff=on\": expected a name in percent-encoded UTF-8"),
        ] {
            assert_eq!(validate(list), Err(ToggleError::Invalid(expected.to_owned())), "{list}");
        }
        assert_eq!(validate("new-foo:2=on, two words=off,"), Ok(()));
    }
}

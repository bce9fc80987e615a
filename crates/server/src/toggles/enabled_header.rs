//! The header of a response that lists the flags which are on.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use novi::{Context, Decision, overrides::RequestOverrides, snapshot::Snapshot};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Characters with a meaning in the list. Other than ASCII is encoded as well.
const ESCAPED: &AsciiSet = &CONTROLS.add(b',').add(b'=').add(b':').add(b';').add(b'%').add(b'"');

/// Servers and proxies reject responses with more than 8 or 16 KiB of headers.
const LONGEST: usize = 6 * 1024;

/// Adds the header: each flag that is on and that the caller may see, with its version if it has one. A list that is too long ends in
/// `...`.
pub(crate) fn add_enabled_header(
    headers: &mut HeaderMap,
    name: &HeaderName,
    snapshot: &Snapshot,
    context: &Context<'_>,
    overrides: &RequestOverrides,
    may_see: impl Fn(&Decision<&Snapshot>) -> bool,
) {
    let mut text = String::new();
    overrides.within(|| {
        let decisions = snapshot.evaluate_all(context);
        for decision in decisions.iter().filter(|decision| decision.enabled() && may_see(decision)) {
            if text.len() > LONGEST {
                text.push_str(",...");
                break;
            }
            let comma = if text.is_empty() { "" } else { "," };
            let flag = utf8_percent_encode(decision.flag(), ESCAPED);
            // Writing to a string does not fail.
            write!(text, "{comma}{flag}").unwrap_or_default();
            if let Some(version) = decision.version() {
                write!(text, ":{version}").unwrap_or_default();
            }
        }
    });
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

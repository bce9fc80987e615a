//! The header of an answer that names the flags which are on.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use novi::{Context, RequestOverrides, Snapshot};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What in a name would be taken for something else. A name that is not ASCII is escaped as well.
const ESCAPED: &AsciiSet = &CONTROLS.add(b',').add(b'=').add(b':').add(b';').add(b'%').add(b'"');

/// Servers and proxies refuse answers with more headers than 8 or 16 KiB in all.
const LONGEST: usize = 6 * 1024;

/// The caller whom an answer is for, which the handler finds out: nobody is asked again what the header is to tell of.
#[derive(Clone, Default)]
pub(crate) struct Asker(Arc<OnceLock<Context<'static>>>);

impl Asker {
    pub(crate) fn is(&self, context: &Context<'static>) {
        // Of two the first counts; no request has two.
        self.0.get_or_init(|| context.clone());
    }

    pub(crate) fn context(&self) -> Option<&Context<'static>> {
        self.0.get()
    }
}

/// Adds the header: each flag that is on, with its version if it has one. Where there are more than a header can hold, it ends
/// in `...`.
pub(crate) fn add_echo(
    headers: &mut HeaderMap,
    name: &HeaderName,
    snapshot: &Snapshot,
    context: &Context<'_>,
    overrides: &RequestOverrides,
) {
    let mut text = String::new();
    overrides.within(|| {
        for decision in snapshot.evaluate_all(context).iter().filter(|decision| decision.enabled()) {
            if text.len() > LONGEST {
                text.push_str(",...");
                break;
            }
            let comma = if text.is_empty() { "" } else { "," };
            let flag = utf8_percent_encode(decision.flag(), ESCAPED);
            // Writing to memory does not fail.
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

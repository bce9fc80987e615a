//! What tells two answers for all flags apart.

use axum::http::{HeaderMap, HeaderValue, header};
use novi::rows::Revision;
use twox_hash::{XxHash3_64, XxHash3_128};

/// The tag of an answer: of the rows' revision, of the question, and of the answer itself, so that it changes with the rows,
/// with the caller, and with time, where a flag goes by the clock or by a file. All servers that have the same rows make the
/// same one.
pub(super) fn of(revision: Revision, question: &[u8], answer: &[u8], stream: &str) -> String {
    let mut around = Vec::with_capacity(question.len() + 16 + stream.len());
    around.extend_from_slice(&revision.number().to_be_bytes());
    around.extend_from_slice(&(question.len() as u64).to_be_bytes());
    around.extend_from_slice(question);
    around.extend_from_slice(stream.as_bytes());
    let seed = XxHash3_64::oneshot(&around);
    format!("\"{:032x}\"", XxHash3_128::oneshot_with_seed(seed, answer))
}

/// Whether the client has this answer already.
pub(super) fn matches(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &[u8]| {
        let tag = tag.trim_ascii();
        tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes() || tag == b"*"
    };
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    known.into_iter().any(|value| value.as_bytes().split(|byte| *byte == b',').any(opaque))
}

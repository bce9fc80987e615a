//! The ETag of a response for all flags.

use axum::http::{HeaderMap, HeaderValue, header};
use novi::rows::Revision;
use twox_hash::{XxHash3_64, XxHash3_128};

/// A hash of the revision, of the request and of the response, so that it changes with the rows, with the
/// caller, and with time if a flag depends on the clock or on a file. Servers with the same rows return the
/// same one.
pub(crate) fn etag(revision: Revision, request: &[u8], response: &[u8], stream: &str) -> String {
    let mut around = Vec::with_capacity(request.len() + 24 + stream.len());
    around.extend_from_slice(&revision.number().to_be_bytes());
    around.extend_from_slice(&revision.stamp().to_be_bytes());
    around.extend_from_slice(&(request.len() as u64).to_be_bytes());
    around.extend_from_slice(request);
    around.extend_from_slice(stream.as_bytes());
    let seed = XxHash3_64::oneshot(&around);
    format!("\"{:032x}\"", XxHash3_128::oneshot_with_seed(seed, response))
}

/// Whether the header `if-none-match` has this ETag.
pub(crate) fn matches(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let is_same = |tag: &[u8]| {
        let tag = tag.trim_ascii();
        tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes() || tag == b"*"
    };
    let mut sent = headers.get_all(header::IF_NONE_MATCH).iter();
    sent.any(|value| value.as_bytes().split(|byte| *byte == b',').any(is_same))
}

//! Toggles: a request overrides flags for itself by a header, and the response lists the flags that are on.
//!
//! `X-Novi-Feature-Toggles: new-foo:2=on,fast-bar=off`

pub(crate) mod apply;
pub(crate) mod enabled_header;
pub(crate) mod error;
pub(crate) mod layer;
pub(crate) mod list;
pub(crate) mod parse;
pub(crate) mod request_flags;
pub(crate) mod signature;

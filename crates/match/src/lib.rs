#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod network;
pub mod padded_version;
pub mod pattern;
pub mod short_str;
pub mod suggest;
pub mod version;

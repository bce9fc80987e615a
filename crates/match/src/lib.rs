#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod network;
pub mod pattern;
pub mod short_str;
pub mod suggest;
pub mod version;

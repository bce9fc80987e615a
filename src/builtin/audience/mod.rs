//! Types that select callers by their attributes, and types that select machines.

pub(crate) mod attribute;
pub(crate) mod attribute_names;
pub(crate) mod case_fold;
pub(crate) mod environment;
pub(crate) mod host;
pub(crate) mod ip;
pub(crate) mod member_set;
pub(crate) mod members;
pub(crate) mod network;
pub(crate) mod phrasing;
pub(crate) mod scalar;
pub(crate) mod string_list;
pub(crate) mod string_set;

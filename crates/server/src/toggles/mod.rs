//! Toggles of one request: a header turns flags on or off for that request alone, and the answer says which are on.
//!
//! `X-Novi-Feature-Toggles: new-foo:2=on,fast-bar=off`

mod echo;
mod layer;
mod list;
mod request_flags;
mod seal;

pub use layer::{RequestToggles, RequestTogglesService};
pub use list::ToggleError;
pub use request_flags::RequestFlags;

pub(crate) use echo::{Asker, add_echo};
pub(crate) use list::{Names, names, read};
pub(crate) use seal::Trust;

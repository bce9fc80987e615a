//! The engines, a file each.

pub mod datalogic;
pub mod eppo;
pub mod floor;
pub mod launchdarkly;
pub mod novi;
pub mod yggdrasil;

//! The activation types that novi brings, one file each. Nothing outside this folder names them: the registry finds
//! them as it finds a service's own.

pub(crate) mod audience;
pub(crate) mod combine;
#[cfg(feature = "expression")]
pub(crate) mod expression;
pub(crate) mod rollout;
pub(crate) mod time;

pub use crate::builtin::rollout::split::{ReweightError, Reweighted, reweighted};

/// Registers a type of this folder. Services use the attribute macro, which this crate can be built without.
macro_rules! register {
    ($type:ident, $class:expr, [$($alias:expr),*], $description:literal) => {
        impl crate::activation::registry::RegisteredActivation for $type {
            const TYPE: crate::activation::registry::ActivationType = crate::activation::registry::ActivationType::configured::<Self>(
                $class,
                &[$($alias),*],
                $description,
                concat!(file!(), ":", line!()),
            );
        }

        inventory::submit!(<$type as crate::activation::registry::RegisteredActivation>::TYPE);
    };
}
use register;

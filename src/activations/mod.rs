//! The activation types that novi brings, one file each. Nothing outside this folder names them: the registry finds
//! them as it finds a service's own.

mod and;
mod at_least;
mod attribute;
mod by;
mod date_time;
mod environment;
mod expires;
mod expression;
mod flag;
mod fold;
mod given;
mod host;
mod ip;
mod member_set;
mod members;
mod network;
mod not;
mod or;
mod percentage;
mod python_random;
mod ramp;
mod rules;
mod scalar;
mod schedule;
mod split;
mod static_variant;
mod sticky;
mod switch;
mod text_set;
mod texts;
mod time;
mod weighted_random;
mod words;

pub use split::{ReweightError, Reweighted, reweighted};

/// Registers a type of this folder. Services use the attribute macro, which this crate can be built without.
macro_rules! register {
    ($type:ident, $class:expr, [$($alias:expr),*], $description:literal) => {
        impl crate::registry::RegisteredActivation for $type {
            const TYPE: crate::registry::ActivationType = crate::registry::ActivationType::configured::<Self>(
                $class,
                &[$($alias),*],
                $description,
                concat!(file!(), ":", line!()),
            );
        }

        inventory::submit!(<$type as crate::registry::RegisteredActivation>::TYPE);
    };
}
use register;

//! The activation types that novi brings, one file each. Nothing outside this folder names them: the registry finds
//! them as it finds a service's own.

mod and;
mod at_least;
mod attribute;
mod date_time;
mod expression;
mod not;
mod or;
mod percentage;
mod python_random;
mod split;
mod sticky;
mod weighted_random;

/// Registers a type of this folder. Services use the attribute macro, which this crate can be built without.
macro_rules! register {
    ($type:ident, $class:literal, [$($alias:expr),*], $description:literal) => {
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

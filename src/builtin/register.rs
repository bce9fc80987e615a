//! The registration of built-in types.

/// Registers a built-in type. Services use the attribute macro, which is an optional feature.
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
pub(in crate::builtin) use register;

//! Seals traits that only the stores of novi implement, so that methods can be added to them.

pub trait Sealed {}

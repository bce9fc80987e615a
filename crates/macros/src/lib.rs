//! Part of novi.

//! Flags in SQL decide as evaluations do.

mod equality;
mod generator;

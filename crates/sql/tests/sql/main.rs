//! Flags in SQL decide as evaluations do.

mod cases;
mod equality;
mod generator;

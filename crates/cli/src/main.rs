//! The command line of novi.

fn main() {}

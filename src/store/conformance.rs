//! What every store does; run by the tests of each.

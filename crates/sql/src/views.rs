//! The views of flags in a database.

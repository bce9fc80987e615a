//! Rows in memory.

/// Rows in memory.
#[derive(Debug, Default)]
pub struct MemoryStore;

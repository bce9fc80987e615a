//! Limits what is translated of parts that refer to each other, and so can multiply or go round in a circle.

/// More levels than this are not imported.
const MAX_DEPTH: usize = 24;

/// More operations than this are not imported for one flag.
const MAX_OPERATIONS: usize = 10_000;

/// What is translated so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    depth: usize,
    operations: usize,
}

impl Budget {
    /// Goes one level deeper.
    pub(crate) fn enter(&mut self) -> Result<(), String> {
        self.operations += 1;
        if self.depth == MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} levels of conditions"));
        }
        if self.operations > MAX_OPERATIONS {
            return Err(format!("more than {MAX_OPERATIONS} conditions"));
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back from a level.
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

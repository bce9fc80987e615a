//! Questions on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use super::{Failure, sanitize};

/// Asks a question. Returns `None` if nobody is there to answer.
pub(crate) fn confirm(question: &str) -> Result<Option<bool>, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let text = format!("{question} [y/N] ");
    let mut terminal = io::stderr().lock();
    terminal
        .write_all(sanitize(&text).as_bytes())
        .and_then(|()| terminal.flush())
        .map_err(|error| Failure::output(&error))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Failure::file("the answer", &error))?;
    Ok(Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")))
}

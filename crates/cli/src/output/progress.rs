//! What a command waits for, on a terminal.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// Shorter work needs no explanation.
const PATIENCE: Duration = Duration::from_secs(1);

/// Does the work, and says on a terminal what it is if it takes more than a second: "running the script, 3 s".
pub(crate) async fn with_progress<T>(what: &str, work: impl Future<Output = T>) -> T {
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let (start, mut is_shown) = (Instant::now(), false);
    let mut ticks = tokio::time::interval(PATIENCE);
    // The first tick is at once.
    ticks.tick().await;
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            _ = ticks.tick() => {
                is_shown = true;
                show(&format!("\r\u{1b}[2K{what}, {} s", start.elapsed().as_secs()));
            }
        }
    };
    if is_shown {
        show("\r\u{1b}[2K");
    }
    result
}

/// A terminal that is gone shows nothing, which is no reason to stop.
fn show(text: &str) {
    let mut terminal = io::stderr().lock();
    terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()).ok();
}

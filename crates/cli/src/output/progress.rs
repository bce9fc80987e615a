//! What a command does and how far it is, on a terminal.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::count;

/// Shorter work needs no explanation.
const PATIENCE: Duration = Duration::from_secs(1);

/// Clears the line of the terminal.
const CLEAR: &str = "\r\u{1b}[2K";

/// A line on standard error that says what is done, from the second second on: "comparing the rows, 3 s". Without a
/// terminal, nothing is written. It is cleared when this is dropped.
///
/// A thread writes it, so that work that never waits is shown as well.
pub(crate) struct Progress {
    done: Arc<AtomicU64>,
    /// Dropped to stop the thread.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    pub(crate) fn start(what: &str) -> Self {
        Self::of(what, None)
    }

    /// With a count of what is done, as in "evaluating the callers, 120000 callers, 3 s".
    pub(crate) fn counting(what: &str, noun: &'static str) -> Self {
        Self::of(what, Some(noun))
    }

    fn of(what: &str, noun: Option<&'static str>) -> Self {
        let done = Arc::<AtomicU64>::default();
        if !io::stderr().is_terminal() {
            return Self { done, running: None, thread: None };
        }
        let (running, stopped) = mpsc::channel::<()>();
        let (what, counted, start) = (what.to_owned(), Arc::clone(&done), Instant::now());
        let write = move || {
            let mut is_shown = false;
            while stopped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                is_shown = true;
                let counted = noun.map(|noun| (counted.load(Ordering::Relaxed), noun));
                show(&format!("{CLEAR}{}", line(&what, counted, start.elapsed())));
            }
            if is_shown {
                show(CLEAR);
            }
        };
        // Work is done without a line, too.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(write).ok();
        Self { done, running: Some(running), thread }
    }

    /// One more is done.
    pub(crate) fn advance(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.running.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Does the work, and says on a terminal what it is if it takes more than a second.
pub(crate) async fn with_progress<T>(what: &str, work: impl Future<Output = T>) -> T {
    let _progress = Progress::start(what);
    work.await
}

fn line(what: &str, counted: Option<(u64, &str)>, elapsed: Duration) -> String {
    let counted = counted.map(|(done, noun)| {
        let done = usize::try_from(done).unwrap_or(usize::MAX);
        format!(", {}", count(done, noun))
    });
    format!("{what}{}, {} s", counted.unwrap_or_default(), elapsed.as_secs())
}

/// A terminal that is gone shows nothing, which is no reason to stop.
fn show(text: &str) {
    let mut terminal = io::stderr().lock();
    terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_done_and_for_how_long() {
        let elapsed = Duration::from_millis(3_900);
        assert_eq!(line("comparing the rows", None, elapsed), "comparing the rows, 3 s");
        let counted = line("evaluating the callers", Some((1, "caller")), elapsed);
        assert_eq!(counted, "evaluating the callers, 1 caller, 3 s");
    }
}
